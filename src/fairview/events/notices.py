"""Which notices are due: rules and conditions in, messages out. Pure.

Conditions of a rule that began about the same time are one notice: a switch that fails takes its
cameras with it, and one line about it is enough. The same trouble of the same camera is not told
again within the rule's quiet time, however often it comes and goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fairview.core import limits_health as limits
from fairview.core.health import Condition, ConditionKey
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_SECOND, Instant
from fairview.events.conditions import condition_kind

NoticeKind = Literal["began", "lasts", "back", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One of the [[notices]]; cameras empty: all, and the node's own."""

    name: str
    conditions: frozenset[str]
    cameras: frozenset[CameraId]
    after_us: int
    back: bool
    repeat_us: int
    quiet_us: int

    def is_about(self, condition: Condition) -> bool:
        is_wanted = not self.cameras or condition.camera in self.cameras
        return condition.kind in self.conditions and is_wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One trouble in a notice."""

    key: ConditionKey
    since: Instant
    because: str
    is_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell. lines: all of it; whoever writes it may shorten. lasted_s: for `back`."""

    rule: str
    kind: NoticeKind
    at: Instant
    lines: tuple[Line, ...]
    going: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """What one notice told. Times are by the wall clock, as they outlive the process.

    back_at: when the newest of it came back that was not told yet.
    """

    rule: str
    lines: tuple[Line, ...]
    told_at: Instant
    back_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """When a trouble was last told under a rule."""

    rule: str
    key: ConditionKey
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeState:
    """What was told so far. Begins empty."""

    waves: tuple[Wave, ...] = ()
    told: tuple[Told, ...] = ()


def due(
    rules: Sequence[Rule], conditions: Sequence[Condition], state: NoticeState, now: Instant
) -> tuple[NoticeState, tuple[Notice, ...]]:
    """What is to be told now, and what will have been told then. Every condition that goes on is
    in `conditions`; what is not counts as over.

    Bounds:  as many waves as conditions go on; `told` is kept for each rule's quiet time.
    """
    going = {one.key: one for one in conditions if one.until is None}
    known = {rule.name: rule for rule in rules}
    notices: list[Notice] = []
    waves: list[Wave] = []
    for wave in state.waves:
        rule = known.get(wave.rule)
        if rule is None:
            continue
        kept, told = _followed(rule, wave, going, now)
        notices += told
        if kept is not None:
            waves.append(kept)
    told_before = _lately(state.told, known, now)
    for rule in rules:
        lines = _fresh(rule, going, waves, told_before, now)
        if lines:
            notices.append(
                Notice(rule=rule.name, kind="began", at=now, lines=lines, going=len(lines))
            )
            waves.append(Wave(rule=rule.name, lines=lines, told_at=now))
            told_before += tuple(Told(rule=rule.name, key=one.key, at=now) for one in lines)
    return NoticeState(waves=tuple(waves), told=told_before), tuple(notices)


def _fresh(
    rule: Rule,
    going: dict[ConditionKey, Condition],
    waves: Sequence[Wave],
    told: Sequence[Told],
    now: Instant,
) -> tuple[Line, ...]:
    """What this rule tells for the first time now: nothing before something is due and had time
    to settle; then everything that began about when it did, too."""
    in_waves = {line.key for wave in waves if wave.rule == rule.name for line in wave.lines}
    quiet = {one.key for one in told if one.rule == rule.name}
    candidates = [
        one
        for key, one in going.items()
        if rule.is_about(one) and key not in in_waves and key not in quiet
    ]
    wait_us = rule.after_us + limits.NOTICE_SETTLE_US
    ripe = [one for one in candidates if now.since(one.since) >= wait_us]
    if not ripe:
        return ()
    latest = max(one.since for one in ripe).plus(limits.NOTICE_WAVE_US)
    soon_us = rule.after_us - limits.NOTICE_WAVE_US
    company = [one for one in candidates if one.since <= latest and now.since(one.since) >= soon_us]
    return tuple(_line(one) for one in sorted(company, key=lambda one: (one.since, str(one.key))))


def _followed(
    rule: Rule, wave: Wave, going: dict[ConditionKey, Condition], now: Instant
) -> tuple[Wave | None, tuple[Notice, ...]]:
    """A wave after one more look: told that some of it is back, told again, or over."""
    gone = [one for one in wave.lines if one.key not in going]
    still = tuple(_line(going[one.key]) for one in wave.lines if one.key in going)
    newly = [one for one in gone if not one.is_over]
    lines = (*still, *(replace(one, is_over=True) for one in gone))
    back_at = now if newly else wave.back_at
    if back_at is not None and (now.since(back_at) >= limits.NOTICE_BACK_SETTLE_US or not still):
        over = tuple(one for one in lines if one.is_over)
        told = Notice(rule=rule.name, kind="back", at=now, lines=over, going=len(still))
        kept = replace(wave, lines=still, told_at=now, back_at=None) if still else None
        return kept, (told,) if rule.back else ()
    is_long = rule.repeat_us > 0 and now.since(wave.told_at) >= rule.repeat_us
    if still and is_long:
        told = Notice(rule=rule.name, kind="lasts", at=now, lines=still, going=len(still))
        return replace(wave, lines=lines, told_at=now, back_at=back_at), (told,)
    # A clock that was set back must not keep everything quiet for years.
    told_at = min(wave.told_at, now)
    return replace(wave, lines=lines, told_at=told_at, back_at=back_at), ()


def _lately(told: Sequence[Told], rules: dict[str, Rule], now: Instant) -> tuple[Told, ...]:
    return tuple(
        one
        for one in told
        if one.rule in rules and 0 <= now.since(one.at) < rules[one.rule].quiet_us
    )


def _line(condition: Condition) -> Line:
    return Line(key=condition.key, since=condition.since, because=condition.because)


def subject(notice: Notice) -> str:
    """One line about a notice, for a mail's subject or a screen."""
    if notice.kind == "test":
        return "Fairview: a test notice"
    kinds = sorted({one.key.kind for one in notice.lines})
    what = " and ".join(kind.replace("_", " ") for kind in kinds[:2])
    what += " and more" if len(kinds) > 2 else ""
    of = _name(notice.lines[0].key) if len(notice.lines) == 1 else f"{len(notice.lines)} at once"
    ends = {"began": "", "lasts": ", still", "back": ", over"}[notice.kind]
    return f"Fairview: {what}: {of}{ends}"


def text(notice: Notice) -> str:
    """A notice in plain words, shortened to NOTICE_LINES_MAX lines of troubles."""
    if notice.kind == "test":
        return "This is a test. Notices of this rule arrive here.\n"
    rows = []
    for one in notice.lines[: limits.NOTICE_LINES_MAX]:
        lasted_us = max(notice.at.since(one.since), 0)
        rows.append(
            f"- {_name(one.key)}: {one.key.kind.replace('_', ' ')}, since "
            f"{one.since.iso()[:19]}Z ({lasted_us // US_PER_SECOND} s): {one.because}"
        )
    left = len(notice.lines) - limits.NOTICE_LINES_MAX
    if left > 0:
        rows.append(f"- and {left} more")
    kinds = sorted({one.key.kind for one in notice.lines})
    head = {
        "began": "This is wrong:",
        "lasts": "This is still wrong:",
        "back": f"This is right again ({notice.going} of it still wrong):"
        if notice.going
        else "This is right again:",
        "test": "",
    }[notice.kind]
    todo = [] if notice.kind == "back" else [f"{one}: {condition_kind(one).do}" for one in kinds]
    return "\n".join([head, *rows, "", *todo, f"Rule: {notice.rule}", ""])


def _name(key: ConditionKey) -> str:
    whole = " ".join(one for one in (key.camera or "", key.part) if one)
    return whole or "the node"
