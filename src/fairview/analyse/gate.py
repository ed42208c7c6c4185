"""Which stretches of a stream are worth decoding, told by packet sizes and key frames.

Pure. An encoder spends bytes on what it did not foresee, so packets grow when something moves:
where the bit rate may vary, packet size follows motion closely; under a cap hardly, at a
constant rate not at all. So the gate first watches with everything decoded, learns how large
packets are while nothing moves, and tests whether it would have woken for what did. Where it
would not, it stays off and says why.

Asleep, packets are kept and not decoded. A packet that is larger than rest explains wakes it, and
so does a key frame that looks different from the picture it fell asleep with; either way what was
kept is decoded first, from the last key frame that looked the same, so that who came in meanwhile
is seen from the start. Awake, tracks keep it awake, not packets. Now and then it decodes what it
kept although nothing spoke for it, and so measures what it misses.

Source:  ANCHORS row 4; Spearman's rank correlation against motion: 0.9 at variable, 0.2 at
capped, 0 at constant bit rate; bench/gate.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairview.analyse.gate_signal import Signal, attained_correlation, kept_share
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import GATE_ANSWERS_MAX, GATE_SECONDS_MAX
from fairview.core.sight import OpenTrack
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND, Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

Step = Literal["decode", "keep", "check"]

_ACTIVE_FRAC = 0.1
"""This share of active seconds may lie lower: first and last ones of a stay."""

_ROOM_PARTS = (0.5, 0.35, 0.2, 0.1, 0.0)
_ALARM_TIMES = (2, 4)
_KEPT_FULL = 0.97
"""Where thresholds are tried, highest first, and what one has to keep to be taken."""

_RISE_MIN = 0.1
"""Packets a tenth larger than at rest say nothing, however alike those are."""

_AUDITED_S_MIN = 30
"""Fewer audited seconds say too little to switch off for."""

_TOLD_LATER_S = 4
"""Packets this late still bring back the whole of it: as far as what is kept reaches."""

_TEST_EVERY_S = 20
_BACK_S = 10
"""Pictures in decoding order step back by a few; time that goes back further was set back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """kept_min, kept_again: of the seconds with motion packets alone must have woken it for this
    share, else it is off, and on again above the other. quiet_frac: this share of quiet seconds
    stays below the threshold; the rest are false alarms, which cost time and lose nothing.
    hold_us: awake this long after the last sign. check_us: between key frames that are compared.
    audit_us: between stretches decoded to measure misses. missed_max: off above, by the audits.
    """

    kept_min: float = 0.8
    kept_again: float = 0.9
    quiet_frac: float = 0.995
    missed_max: float = 0.1
    hold_us: int = 1_500_000
    check_us: int = 3_500_000
    audit_us: int = 4 * US_PER_MINUTE
    off_us: int = 10 * US_PER_MINUTE
    learn_us: int = 20 * US_PER_SECOND
    active_seconds_min: int = 8
    quiet_seconds_min: int = 30

    def __post_init__(self) -> None:
        if not 0 < self.kept_min <= self.kept_again <= 1 or not 0.5 < self.quiet_frac < 1:
            raise BadInput("a gate keeps most of what moves and sleeps through most quiet seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do with a packet just seen.

    step: decode it; keep it undecoded; or keep it, decode this key frame by itself, compare it
    and say so (`checked`). wakes: decode what was kept first.
    """

    step: Step
    wakes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """Whether the gate works, and why not.

    correlation: of its signal with what was found (Spearman, as a share of what is attainable),
    None while not known. threshold: of the signal, None while it is off. missed_frac: estimated
    share of seconds with motion that were never decoded; None before anything was audited.
    audited_s: how many seconds that rests on.
    """

    is_on: bool
    because: str
    correlation: float | None
    threshold: float | None
    missed_frac: float | None
    audited_s: int


@dataclass(slots=True)
class _Second:
    """One second: its largest signal, what moved in it (None: nobody looked), and how that is
    known: by looking, by two key frames that are the same, or by an audit."""

    number: int
    signal: float
    is_learnt: bool
    is_alarm: bool = False
    moving: int | None = None
    how: Literal["looked", "keys", "audit"] = "looked"


@dataclass(slots=True)
class _Now:
    """Where a gate is. sign_at: the last packet or key frame that spoke for motion. answered_at:
    the last picture that was looked at, and what moved in it. quiet_from: the last key frame that
    looked the same. audited: the stretch that an audit decodes.
    """

    is_asleep: bool = False
    sign_at: Instant | None = None
    woke_at: Instant | None = None
    answered_at: Instant | None = None
    is_moving: bool = False
    is_restless: bool = True
    has_moved: bool = False
    checked_at: Instant | None = None
    quiet_from: Instant | None = None
    audit_at: Instant | None = None
    audited: tuple[Instant, Instant] | None = None
    off_until: Instant | None = None
    tested_at: int | None = None
    began_at: Instant | None = None


class Gate:
    """One stream's gate. `see` and `checked` belong to the thread that feeds the decoder, `found`
    may come from any.

    Cost:    6 µs a packet, 5 ms every twenty seconds for its test.
    """

    def __init__(self, camera: CameraId, settings: GateSettings | None = None) -> None:
        self.camera = camera
        self._settings = settings or GateSettings()
        self._answers: deque[tuple[Instant, int, int]] = deque(maxlen=GATE_ANSWERS_MAX)
        self._signal = Signal()
        self._seconds: deque[_Second] = deque(maxlen=GATE_SECONDS_MAX)
        self._now = _Now()
        self._threshold: float | None = None
        self._correlation: float | None = None
        self._because = "it is still learning what this camera's packets say"
        self._state = self._told()

    def see(self, at: Instant, size_bytes: int, *, is_key: bool) -> Verdict:
        """The next packet in decoding order; what to do with it."""
        self._take_answers()
        if self._seconds and self._seconds[-1].number - at.us // US_PER_SECOND > _BACK_S:
            self._begin_anew()
            return Verdict(step="decode", wakes=True)
        signal = self._signal.of(at, size_bytes, is_key=is_key, is_active=self._is_active())
        self._note(at, signal)
        is_sign = self._threshold is not None and signal >= self._threshold
        if is_sign:
            self._now.sign_at = at
            self._seconds[-1].is_alarm = True
        if self._threshold is None or is_sign:
            return self._awake(at)
        if not self._now.is_asleep:
            if not self._may_sleep(at):
                return Verdict(step="decode", wakes=False)
            self._fall_asleep(at)
        if not is_key or self._now.checked_at is None:
            return Verdict(step="keep", wakes=False)
        if at.since(self._now.checked_at) < self._settings.check_us:
            return Verdict(step="keep", wakes=False)
        return Verdict(step="check", wakes=False)

    def checked(self, at: Instant, *, is_same: bool) -> bool:
        """A key frame was compared with the picture it fell asleep with. Whether it sleeps on;
        else decode what was kept, this key frame included: it looks new, or an audit is due.
        """
        self._now.checked_at = at
        if not is_same:
            self._now.sign_at = at
            self._awake(at)
            return False
        if self._now.quiet_from is not None:
            first = self._now.quiet_from.us // US_PER_SECOND
            for second in reversed(self._seconds):
                if second.number < first:
                    break
                if second.moving is None:
                    second.moving, second.how = 0, "keys"
        if self._now.audit_at is not None and at >= self._now.audit_at:
            self._now.audit_at = at.plus(self._settings.audit_us)
            if self._now.quiet_from is not None:
                self._now.audited = (self._now.quiet_from, at)
            self._awake(at)
            return False
        self._now.quiet_from = at
        return True

    def wake(self, at: Instant) -> None:
        """No more can be kept, or the stream broke off: everything is decoded from here on."""
        self._now.sign_at = at
        self._awake(at)

    def found(self, at: Instant, *, moving: int, restless: int) -> None:
        """How many tracks moved in a picture, and how many keep it awake (`Rest`). Never waits."""
        self._answers.append((at, moving, restless))

    @property
    def woke_for_nothing(self) -> bool:
        """Whether nothing moved since it last woke."""
        return self._now.woke_at is not None and not self._now.has_moved

    @property
    def state(self) -> GateState:
        """As of its latest test; for any thread."""
        return self._state

    def _begin_anew(self) -> None:
        """The clock was set back: no moment of before means anything."""
        self._answers.clear()
        self._seconds.clear()
        self._now = _Now()
        self._threshold = self._correlation = None
        self._because = "it begins anew, since the camera's clock was set back"
        self._state = self._told()

    def _awake(self, at: Instant) -> Verdict:
        wakes, self._now.is_asleep = self._now.is_asleep, False
        if wakes:
            self._now.woke_at, self._now.has_moved = at, False
        return Verdict(step="decode", wakes=wakes)

    def _fall_asleep(self, at: Instant) -> None:
        self._now.is_asleep = True
        self._now.checked_at = self._now.quiet_from = at
        if self._now.audit_at is None:
            self._now.audit_at = at.plus(self._settings.audit_us)

    def _may_sleep(self, at: Instant) -> bool:
        """Nothing spoke for staying awake for a while, and looking kept up with decoding."""
        answered, hold_us = self._now.answered_at, self._settings.hold_us
        if answered is None or self._now.is_restless or at.since(answered) > hold_us:
            return False
        if self._now.woke_at is not None and answered < self._now.woke_at:
            return False
        return self._now.sign_at is None or at.since(self._now.sign_at) >= hold_us

    def _is_active(self) -> bool:
        return not self._now.is_asleep and self._now.is_moving

    def _take_answers(self) -> None:
        while self._answers:
            at, moving, restless = self._answers.popleft()
            self._now.answered_at = at
            self._now.is_moving, self._now.is_restless = moving > 0, restless > 0
            self._now.has_moved = self._now.has_moved or moving > 0
            number = at.us // US_PER_SECOND
            is_audit = (
                self._now.audited is not None and self._now.audited[0] <= at < self._now.audited[1]
            )
            for second in reversed(self._seconds):
                if second.number == number:
                    second.moving = max(second.moving or 0, moving)
                    second.how = "audit" if is_audit else "looked"
                if second.number <= number:
                    break

    def _note(self, at: Instant, signal: float) -> None:
        number = at.us // US_PER_SECOND
        if not self._seconds or self._seconds[-1].number < number:
            if self._now.tested_at is None or number - self._now.tested_at >= _TEST_EVERY_S:
                self._now.tested_at = number
                self._test(at)
                self._state = self._told()
            if self._now.began_at is None:
                self._now.began_at = at
            is_learnt = at.since(self._now.began_at) >= self._settings.learn_us
            self._seconds.append(_Second(number=number, signal=signal, is_learnt=is_learnt))
        elif self._seconds[-1].number == number:
            self._seconds[-1].signal = max(self._seconds[-1].signal, signal)

    def _test(self, at: Instant) -> None:
        """From what signal on something moves, and is that any use?"""
        settings = self._settings
        # The first seconds only tell how large packets are at all.
        known = [one for one in self._seconds if one.moving is not None and one.is_learnt]
        numbers = np.array([one.number for one in known], dtype=np.int64)
        signals = np.array([one.signal for one in known], dtype=np.float64)
        moving = np.array([one.moving for one in known], dtype=np.float64)
        active = moving > 0
        quiet = ~_near(active, numbers)
        if (
            np.count_nonzero(quiet) < settings.quiet_seconds_min
            or np.count_nonzero(active) < settings.active_seconds_min
        ):
            if self._threshold is None and self._now.off_until is None:
                self._because = "it has not seen enough motion and rest yet to test itself"
            return
        for threshold in _thresholds(signals[quiet], signals[active], settings.quiet_frac):
            kept = kept_share(signals >= threshold, active, numbers)
            if kept >= _KEPT_FULL:
                break
        self._correlation = attained_correlation(signals, moving)
        self._decide(at, threshold, kept)

    def _decide(self, at: Instant, threshold: float, kept: float) -> None:
        settings = self._settings
        needed = settings.kept_again if self._threshold is None else settings.kept_min
        missed, audited = self._missed()
        if self._now.off_until is not None and at < self._now.off_until:
            return
        self._now.off_until = None
        if kept < needed:
            self._threshold = None
            self._because = (
                f"packets would have told only {kept:.0%} of the seconds in which something "
                "moved: a constant or capped bit rate"
            )
        elif missed is not None and audited >= _AUDITED_S_MIN and missed > settings.missed_max:
            self._threshold = None
            self._now.off_until = at.plus(settings.off_us)
            self._because = f"its own checks found that it misses {missed:.0%} of what moves"
            for second in self._seconds:
                second.how = "looked"
        else:
            self._threshold = threshold
            self._because = f"packets tell {kept:.0%} of the seconds in which something moves"

    def _told(self) -> GateState:
        missed, audited = self._missed()
        return GateState(
            is_on=self._threshold is not None,
            because=self._because,
            correlation=self._correlation,
            threshold=self._threshold,
            missed_frac=missed,
            audited_s=audited,
        )

    def _missed(self) -> tuple[float | None, int]:
        """Audited seconds stand for all that were slept through; and how many they are."""
        audited = [one for one in self._seconds if one.how == "audit"]
        if not audited:
            return None, 0
        slept = sum(one.how == "keys" for one in self._seconds)
        alarms = [one.number for one in self._seconds if one.is_alarm]
        # Who comes at the end of an audited stretch would have been told right after.
        passed = sum(
            (one.moving or 0) > 0
            and not any(0 <= alarm - one.number <= _TOLD_LATER_S for alarm in alarms)
            for one in audited
        )
        missed = passed / len(audited) * slept
        kept = sum((one.moving or 0) > 0 for one in self._seconds)
        return (missed / (missed + kept) if missed + kept else 0.0), len(audited)


class Rest:
    """What a camera's open tracks say about whether anything moves. Used by one thread.

    A lamp that changed or a shadow that came stands before the empty scene like a road user, but
    never leaves its place: what has not moved yet keeps a gate awake for a moment, no longer.
    """

    STANDS_US = 2 * US_PER_SECOND
    MOVED_SIZES = 0.5
    """Of the box's own width or height: half a person's width, half a car's length."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[list[float], Instant, bool]] = {}

    def look(self, open_tracks: Sequence[OpenTrack], at: Instant) -> tuple[int, int]:
        """How many tracks moved within the last two seconds; and how many did or are that new."""
        known = self._known
        self._known, moving, restless = {}, 0, 0
        for track in open_tracks:
            # Plain numbers: for four of them arrays cost ten times as much.
            box: list[float] = track.box_unit.tolist()
            anchor, since, has_moved = known.get(track.id, (box, at, False))
            if track.is_seen and _shift(box, anchor) > self.MOVED_SIZES:
                anchor, since, has_moved = box, at, True
            self._known[track.id] = (anchor, since, has_moved)
            is_fresh = at.since(since) < self.STANDS_US
            moving += is_fresh and has_moved
            restless += is_fresh
        return moving, restless


def _near(active: npt.NDArray[np.bool_], numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Seconds with motion, and those around: a track is confirmed after its first second, and
    packets stay large for a moment after it left."""
    found = active.copy()
    for number in numbers[active]:
        found |= (numbers >= number - 2) & (numbers <= number + 1)
    return found


def _thresholds(quiet: Numbers, active: Numbers, quiet_frac: float) -> tuple[float, ...]:
    """Highest first, to be lowered until enough is kept: part of the way from nearly all quiet
    seconds to nearly all active ones, where a false alarm is rare; then with ever more alarms."""
    high, middle = np.quantile(quiet, (quiet_frac, 0.5))
    room = max(float(np.quantile(active, _ACTIVE_FRAC)) - high, 0.0)
    above = [high + part * room for part in _ROOM_PARTS]
    below = [float(np.quantile(quiet, 1 - times * (1 - quiet_frac))) for times in _ALARM_TIMES]
    return tuple(float(max(one, middle + _RISE_MIN)) for one in (*above, *below))


def _shift(box: list[float], anchor: list[float]) -> float:
    """How far a box's middle is from another's, in units of the larger one's width or height."""
    found = 0.0
    for first, last in ((0, 2), (1, 3)):
        size = max(box[last] - box[first], anchor[last] - anchor[first], 1e-6)
        away = abs(box[last] + box[first] - anchor[last] - anchor[first]) / 2
        found = max(found, away / size)
    return found
