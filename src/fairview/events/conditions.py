"""Conditions: what is wrong since when, folded from what is found wrong at each look. Pure.

A finding must last before it counts and must stay away before it is over, so that one late
packet is no condition and a flapping camera is one condition instead of hundreds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fairview.core.health import Condition, ConditionKey, Severity
from fairview.core.ids import CameraId
from fairview.core.limits_health import CONDITIONS_MAX, CONDITIONS_OVER_MAX, CONDITIONS_OVER_US
from fairview.core.time import US_PER_SECOND, Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionKind:
    """name is stored; what and do are shown. after_us: how long it must be found before it
    counts. clear_us: how long it must not be found before it is over."""

    name: str
    what: str
    do: str
    severity: Severity
    after_us: int = 0
    clear_us: int = 10 * US_PER_SECOND


CONDITION_KINDS: tuple[ConditionKind, ...] = (
    ConditionKind(
        name="camera_away",
        what="A camera can't be reached or fell silent; nothing of it is recorded.",
        do="Look at its power, cable, address and login. Recording resumes by itself.",
        severity="severe",
        after_us=2 * US_PER_SECOND,
    ),
    ConditionKind(
        name="camera_silent",
        what="A camera is connected and sends no pictures.",
        do="Restart the camera if it does not recover by itself.",
        severity="severe",
    ),
    ConditionKind(
        name="not_stored",
        what="A camera's pictures arrive, and nothing of them is stored.",
        do="Look at the disk and at the node's log.",
        severity="severe",
    ),
    ConditionKind(
        name="disk_full",
        what="A disk has no room left.",
        do="Make room, add a disk, or shorten the retention.",
        severity="severe",
    ),
    ConditionKind(
        name="disk_slow",
        what="A disk takes too long to write.",
        do="Look at what else uses it, and at its health (smartctl).",
        severity="warning",
        after_us=10 * US_PER_SECOND,
    ),
    ConditionKind(
        name="disk_failing",
        what="Footage could not be written.",
        do="Make room, or look at the disk. Recording resumes by itself.",
        severity="severe",
    ),
    ConditionKind(
        name="disk_gone",
        what="A disk is not there any more.",
        do="Plug it in or mount it again. Recording resumes by itself.",
        severity="severe",
    ),
    ConditionKind(
        name="disk_filling",
        what="A disk will be full soon at its present rate.",
        do="Make room, add a disk, or shorten the retention.",
        severity="warning",
        after_us=60 * US_PER_SECOND,
        clear_us=600 * US_PER_SECOND,
    ),
    ConditionKind(
        name="writes_waiting",
        what="Footage waits in memory because a disk does not keep up.",
        do="Look at the disk. What does not fit into memory is lost.",
        severity="warning",
        after_us=5 * US_PER_SECOND,
    ),
    ConditionKind(
        name="catalogue_away",
        what="A process can't reach the catalogue; it goes on and keeps the rows in memory.",
        do="Nothing if it ends soon; else look at the node's log.",
        severity="warning",
        after_us=5 * US_PER_SECOND,
    ),
    ConditionKind(
        name="rows_waiting",
        what="The catalogue does not keep up with what is recorded.",
        do="Look at the disk of the data folder, and at what else the machine does.",
        severity="warning",
        after_us=10 * US_PER_SECOND,
    ),
    ConditionKind(
        name="clock_stepped",
        what="The machine's clock was set while the node ran.",
        do="Nothing if that was meant; else look at what keeps its time.",
        severity="note",
        clear_us=0,
    ),
    ConditionKind(
        name="clock_unsynchronised",
        what="Nothing keeps the machine's clock right.",
        do="Run a time service such as chrony or systemd-timesyncd.",
        severity="note",
        after_us=600 * US_PER_SECOND,
        clear_us=60 * US_PER_SECOND,
    ),
    ConditionKind(
        name="shredding_paused",
        what="The clock ran far ahead without cause, so no key dies until it is trusted again.",
        do="Set the machine's clock, or say that it is right: fairview time confirm. Viewing "
        "stops after 24 hours of this; recording never does.",
        severity="warning",
    ),
    ConditionKind(
        name="viewing_stopped",
        what="Nobody may look at footage, because nobody can say what should be gone.",
        do="Set the machine's clock, or say that it is right: fairview time confirm.",
        severity="severe",
    ),
    ConditionKind(
        name="camera_clock_off",
        what="A camera's own clock is wrong or runs at another pace.",
        do="Have the camera take its time from your time server. Footage has the machine's time.",
        severity="note",
        after_us=60 * US_PER_SECOND,
        clear_us=60 * US_PER_SECOND,
    ),
    ConditionKind(
        name="keys_short",
        what="Few hours are left for which keys are issued ahead.",
        do="Look at whether the door is running; without it the spare pair is used in the end.",
        severity="warning",
    ),
    ConditionKind(
        name="key_supply_spare",
        what="The key pair for the hour was in doubt, so footage is sealed to the spare pair.",
        do="Look at the machine's clock and at whether the door is running: fairview time show.",
        severity="note",
    ),
    ConditionKind(
        name="analysis_dead",
        what="A camera is not analysed, though it has something to count.",
        do="Look at the analyser's lines in the node's log. Counts say that nobody looked.",
        severity="warning",
        after_us=30 * US_PER_SECOND,
    ),
    ConditionKind(
        name="analysis_overloaded",
        what="More pictures come than the machine can look at; counts see only a part.",
        do="Lower analysis.fps, give fewer cameras a scene, or use a faster machine.",
        severity="warning",
        after_us=30 * US_PER_SECOND,
        clear_us=60 * US_PER_SECOND,
    ),
    ConditionKind(
        name="picture_bad",
        what="A camera's picture can't be measured: frozen, blind, dark, covered, out of focus, "
        "moved, wet, flat, or its clock is wrong.",
        do="Look at the camera. Counts say that they did not see this stretch.",
        severity="warning",
    ),
    ConditionKind(
        name="certificate_ending",
        what="The server's certificate ends soon, or can't be read.",
        do="Renew it. Our own certificate is made anew when the node starts.",
        severity="warning",
        clear_us=0,
    ),
    ConditionKind(
        name="review_due",
        what="A camera's register entry must be reviewed within four weeks.",
        do="Review the entry and save it with a new date.",
        severity="note",
        clear_us=0,
    ),
    ConditionKind(
        name="review_overdue",
        what="A camera's register entry is past its review date, so it stopped recording.",
        do="Review the entry and save it with a new date.",
        severity="severe",
        clear_us=0,
    ),
    ConditionKind(
        name="process_failing",
        what="One of the node's processes ends again and again.",
        do="Look at the node's log; make a support bundle (fairview support-bundle).",
        severity="severe",
    ),
    ConditionKind(
        name="process_silent",
        what="One of the node's processes tells nothing any more.",
        do="Look at the node's log; the machine may be overloaded.",
        severity="warning",
        after_us=5 * US_PER_SECOND,
    ),
    ConditionKind(
        name="conditions_many",
        what="So much is wrong at once that not everything is listed.",
        do="Mend what is listed first.",
        severity="severe",
    ),
)
_KINDS = {kind.name: kind for kind in CONDITION_KINDS}


def condition_kind(name: str) -> ConditionKind:
    """Errors:  KeyError for a name that is none, which is our own mistake."""
    return _KINDS[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something found wrong at one look. for_us: how long it already is, as far as is known."""

    kind: str
    because: str
    camera: CameraId | None = None
    part: str = ""
    for_us: int = 0

    @property
    def key(self) -> ConditionKey:
        return ConditionKey(kind=self.kind, camera=self.camera, part=self.part)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """Found, not long enough yet. since_us: monotonic."""

    found: Found
    since: Instant
    since_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """A condition that goes on. gone_us: since when it is not found (monotonic), gone_at by the
    wall clock; None while it is found."""

    condition: Condition
    gone_us: int | None = None
    gone_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All conditions at a moment. Begins empty."""

    opened: tuple[_Open, ...] = ()
    waiting: tuple[_Waiting, ...] = ()
    over: tuple[Condition, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Those that go on, oldest first; then those that are over, newest first."""
        going = sorted((one.condition for one in self.opened), key=lambda one: one.since)
        return (*going, *reversed(self.over))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A condition that began (until None) or is over."""

    condition: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The moment of one look; durations are told by the monotonic time alone."""

    at: Instant
    us: int


def fold(board: Board, found: Sequence[Found], now: Now) -> tuple[Board, tuple[Change, ...]]:
    """The board after one more look, and what changed.

    The same trouble found twice in one look counts once. `since` is never in the future.

    Bounds:  CONDITIONS_MAX that go on, CONDITIONS_OVER_MAX that are over for CONDITIONS_OVER_US.
    """
    here = {one.key: one for one in _bounded(found)}
    changes: list[Change] = []
    opened: dict[ConditionKey, _Open] = {}
    over = list(board.over)
    for kept in board.opened:
        gone_on = _go_on(kept, here.pop(kept.condition.key, None), now)
        if gone_on.condition.until is None:
            opened[gone_on.condition.key] = gone_on
        else:
            over.append(gone_on.condition)
            changes.append(Change(condition=gone_on.condition))
    before = {one.found.key: one for one in board.waiting}
    waiting: list[_Waiting] = []
    for key, one in here.items():
        begun = _begun(before.get(key), one, now)
        if now.us - begun.since_us < condition_kind(one.kind).after_us:
            waiting.append(begun)
        else:
            opened[key] = _Open(condition=_condition(begun))
            changes.append(Change(condition=opened[key].condition))
    after = Board(
        opened=tuple(opened.values()),
        waiting=tuple(waiting),
        over=_recent(over, now),
    )
    return after, tuple(changes)


def _bounded(found: Sequence[Found]) -> Sequence[Found]:
    if len(found) < CONDITIONS_MAX:
        return found
    left = len(found) - CONDITIONS_MAX + 1
    return (
        *found[: CONDITIONS_MAX - 1],
        Found(kind="conditions_many", because=f"{left} more are not listed"),
    )


def _go_on(one: _Open, found: Found | None, now: Now) -> _Open:
    condition = one.condition
    if found is not None:
        return _Open(condition=replace(condition, because=found.because))
    gone_us = now.us if one.gone_us is None else one.gone_us
    gone_at = now.at if one.gone_at is None else one.gone_at
    if now.us - gone_us < condition_kind(condition.kind).clear_us:
        return _Open(condition=condition, gone_us=gone_us, gone_at=gone_at)
    # A clock that was set back must not make it end before it began.
    ended = replace(condition, until=max(gone_at, condition.since))
    return _Open(condition=ended, gone_us=gone_us, gone_at=gone_at)


def _begun(before: _Waiting | None, found: Found, now: Now) -> _Waiting:
    if before is not None:
        return replace(before, found=found)
    for_us = max(found.for_us, 0)
    since = now.at.plus(-min(for_us, now.at.us))
    return _Waiting(found=found, since=since, since_us=now.us - for_us)


def _condition(begun: _Waiting) -> Condition:
    found = begun.found
    return Condition(
        kind=found.kind,
        camera=found.camera,
        part=found.part,
        since=begun.since,
        until=None,
        because=found.because,
        severity=condition_kind(found.kind).severity,
    )


def _recent(over: list[Condition], now: Now) -> tuple[Condition, ...]:
    kept = [one for one in over if one.until and now.at.since(one.until) <= CONDITIONS_OVER_US]
    return tuple(kept[-CONDITIONS_OVER_MAX:])
