"""Which stretches of a stream are worth decoding, from packet sizes and key frames alone.

Pure. An encoder spends bytes on what it did not foresee, so packets grow when something moves:
where the bit rate may vary, packet size follows motion closely; under a cap hardly, at a
constant rate not at all. So the gate first watches with everything decoded, compares its signal
with what was found, and stays open for good reason or none: where the signal says nothing it is
off and says why. While closed it opens now and then to measure what it misses.

Packet sizes and decoded pixels are all it uses; sizes of parts of a picture are not looked at.

Source:  ANCHORS row 4; Spearman's rank correlation against motion: 0.9 at variable, 0.2 at
capped, 0 at constant bit rate; bench/gate.py.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairview.core.errors import BadInput
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import GATE_SECONDS_MAX
from fairview.core.media import VideoFormat
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND, Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

Mode = Literal["all", "keys", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """correlation_min: below it the signal is useless. kept_frac: of the seconds with motion.
    hold_us: open this long after the last sign. audit_*: openings while closed, to measure
    misses; with the defaults they cost 2.5 % of always-on.
    """

    correlation_min: float = 0.4
    kept_frac: float = 0.995
    hold_us: int = 1_500_000
    active_seconds_min: int = 8
    quiet_seconds_min: int = 20
    audit_every_us: int = 2 * US_PER_MINUTE
    audit_us: int = 3 * US_PER_SECOND
    signal_us: int = 500_000

    def __post_init__(self) -> None:
        if not 0 < self.correlation_min < 1 or not 0.5 < self.kept_frac <= 1:
            raise BadInput("a gate keeps most of what moves and needs some correlation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do with a packet just seen.

    mode: decode it; only if it is a key frame; or not. wakes: decoding goes on after a pause:
    feed the packets from the last key frame on first, which is also the pre-roll (its key frame
    may have been looked at already).
    """

    mode: Mode
    wakes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """Whether the gate works, and why not.

    correlation: of its signal with what was found (Spearman), None while not known.
    missed_frac: estimated share of seconds with motion that were not decoded, from the audits;
    None before anything was audited. threshold: of the signal, None while it is off.
    """

    is_on: bool
    because: str
    correlation: float | None
    threshold: float | None
    missed_frac: float | None


@dataclass(slots=True)
class _Second:
    """One second of the stream: the largest signal in it, and what was found if it was decoded."""

    number: int
    signal: float
    found: float | None = None
    is_audit: bool = False
    is_open: bool = True


class Gate:
    """One stream's gate. Used by one thread. Cost: 3 µs a packet, 1 ms a minute for its test."""

    def __init__(self, camera: CameraId, settings: GateSettings | None = None) -> None:
        self.camera = camera
        self._settings = settings or GateSettings()
        self._recent: deque[tuple[int, float]] = deque()
        self._sizes = _UsualSizes()
        self._seconds: deque[_Second] = deque(maxlen=GATE_SECONDS_MAX)
        self._threshold: float | None = None
        self._correlation: float | None = None
        self._because = "it is still learning what this camera's packets say"
        self._mode: Mode = "all"
        self._last_sign: Instant | None = None
        self._present_until: Instant | None = None
        self._audit_from: Instant | None = None
        self._tested_at: int | None = None
        self._quiet = 0.0

    def see(self, at: Instant, size_bytes: int, *, is_key: bool) -> Verdict:
        """The next packet in decoding order; what to do with it."""
        height = self._sizes.height(size_bytes, is_key=is_key)
        if not is_key:
            self._note(at, height)
        before, self._mode = self._mode, self._mode_at(at)
        if self._seconds:
            self._seconds[-1].is_open = self._mode == "all"
        return Verdict(mode=self._mode, wakes=self._mode == "all" and before != "all")

    def found(self, at: Instant, *, moving: float, present: int) -> None:
        """What a decoded picture held: how much moved (boxes, or their area), and how many road
        users are there at all. Those who stand are confirmed at key frames.
        """
        number = at.us // US_PER_SECOND
        for second in reversed(self._seconds):
            if second.number == number:
                second.found = max(second.found or 0.0, moving)
                second.is_audit = second.is_audit or self._is_audit(at)
                break
            if second.number < number:
                break
        if moving > 0:
            # What moves keeps the gate open by itself, so that nobody is lost half way.
            self._last_sign = at
        self._present_until = at.plus(self._settings.hold_us) if present > 0 else None

    @property
    def state(self) -> GateState:
        return GateState(
            is_on=self._threshold is not None,
            because=self._because,
            correlation=self._correlation,
            threshold=self._threshold,
            missed_frac=self._missed(),
        )

    def _note(self, at: Instant, height: float) -> None:
        self._recent.append((at.us, height))
        while self._recent[0][0] <= at.us - self._settings.signal_us:
            self._recent.popleft()
        signal = sum(one for _, one in self._recent) / len(self._recent)
        number = at.us // US_PER_SECOND
        if self._seconds and self._seconds[-1].number == number:
            self._seconds[-1].signal = max(self._seconds[-1].signal, signal)
        else:
            self._test(number)
            self._seconds.append(_Second(number=number, signal=signal))
        if self._threshold is not None and signal - self._quiet >= self._threshold:
            self._last_sign = at

    def _mode_at(self, at: Instant) -> Mode:
        if self._threshold is None:
            return "all"
        if self._last_sign is not None and at.since(self._last_sign) < self._settings.hold_us:
            self._audit_from = None
            return "all"
        if self._audit_from is None:
            self._audit_from = at.plus(self._settings.audit_every_us)
        if at >= self._audit_from:
            if at.since(self._audit_from) < self._settings.audit_us:
                return "all"
            self._audit_from = at.plus(self._settings.audit_every_us)
        return "keys" if self._present_until is not None else "none"

    def _is_audit(self, at: Instant) -> bool:
        return self._audit_from is not None and at >= self._audit_from

    def _test(self, number: int) -> None:
        """Once every ten seconds: does the signal follow what was found, and from where on?"""
        if self._tested_at is not None and number - self._tested_at < 10:
            return
        self._tested_at = number
        if not self._seconds:
            return
        settings = self._settings
        signals = np.array([one.signal for one in self._seconds])
        self._quiet = float(np.quantile(signals, 0.1))
        known = [one for one in self._seconds if one.found is not None]
        found = np.array([one.found for one in known], dtype=np.float64)
        active = int(np.count_nonzero(found > 0))
        is_enough = active >= settings.active_seconds_min and (
            len(known) - active >= settings.quiet_seconds_min or active > 120
        )
        if not is_enough:
            if self._threshold is None:
                self._because = "it has not seen enough motion and rest yet to test itself"
            return
        heights = np.array([one.signal for one in known]) - self._quiet
        self._correlation = attained_correlation(heights, found)
        if self._correlation < settings.correlation_min:
            self._threshold = None
            self._because = (
                "packet sizes say nothing about what moves here (rank correlation "
                f"{self._correlation:.2f}): a constant or capped bit rate"
            )
            return
        numbers = [one.number for one in known]
        reach = math.ceil(settings.hold_us / US_PER_SECOND)
        self._threshold = _threshold(heights, found, numbers, reach, settings.kept_frac)
        self._because = f"packet sizes follow motion (rank correlation {self._correlation:.2f})"

    def _missed(self) -> float | None:
        """Audited seconds stand for all closed ones."""
        audited = [one for one in self._seconds if one.is_audit and one.found is not None]
        if not audited:
            return None
        closed = sum(not one.is_open for one in self._seconds)
        missed = sum((one.found or 0) > 0 for one in audited) / len(audited) * closed
        kept = sum((one.found or 0) > 0 for one in self._seconds if not one.is_audit)
        return missed / (missed + kept) if missed + kept else 0.0


class _UsualSizes:
    """How large packets are when little happens, by their place after the key frame.

    The first packets after a key frame repair what it left, so they are larger at rest already.
    Each place's level is a running low quantile of the logarithm, which follows night and rain
    slowly and a passing lorry hardly.
    """

    _PLACES = 64
    _QUANTILE = 0.3
    _STEP, _STEP_FIRST = 0.03, 0.4

    def __init__(self) -> None:
        self._levels: list[float] = []
        self._counts: list[int] = []
        self._place = 0

    def height(self, size_bytes: int, *, is_key: bool) -> float:
        """The logarithm of a packet's size above what is usual in its place; learns from it."""
        self._place = 0 if is_key else min(self._place + 1, self._PLACES - 1)
        size = math.log(max(size_bytes, 1))
        while len(self._levels) <= self._place:
            self._levels.append(size)
            self._counts.append(0)
        place = self._place
        self._counts[place] += 1
        above = size - self._levels[place]
        step = max(self._STEP, self._STEP_FIRST / self._counts[place])
        self._levels[place] += step * (self._QUANTILE if above > 0 else self._QUANTILE - 1)
        return above


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOffer:
    """A stream that could be analysed. fps None: not known."""

    name: StreamName
    format: VideoFormat
    fps: float | None


def choose_stream(
    offers: Sequence[StreamOffer], *, input_px: tuple[int, int] | None, fps_min: float = 4.0
) -> StreamOffer:
    """The stream to analyse: the smallest that fills the detector's input and is fast enough for
    tracking (which falls off below 4 pictures a second); else the largest.

    input_px: the detector's width and height; None takes 320x180 as enough.
    Errors:  BadInput when nothing is offered.
    """
    if not offers:
        raise BadInput("this camera offers no stream to analyse")
    width, height = input_px or (320, 180)

    def area(one: StreamOffer) -> int:
        return one.format.width_px * one.format.height_px

    fit = [
        one
        for one in offers
        if (one.fps is None or one.fps >= fps_min)
        # Three quarters of the input's size in one direction is hardly told from all of it.
        and (one.format.width_px >= 0.75 * width or one.format.height_px >= 0.75 * height)
    ]
    return min(fit, key=area) if fit else max(offers, key=area)


def rank_correlation(a: Numbers, b: Numbers) -> float:
    """Spearman's, with mean ranks for ties; 0 where one of them never changes."""
    first, second = _ranks(a), _ranks(b)
    first, second = first - first.mean(), second - second.mean()
    spread = math.sqrt(float(first @ first) * float(second @ second))
    return float(first @ second) / spread if spread > 0 else 0.0


def attained_correlation(a: Numbers, b: Numbers) -> float:
    """The rank correlation as a share of the highest that these values could have.

    Where little happens most of b is 0, and even a perfect signal stays far below 1: at 5 % of
    activity at 0.38.
    """
    highest = rank_correlation(np.sort(a), np.sort(b))
    return rank_correlation(a, b) / highest if highest > 0 else 0.0


def _ranks(values: Numbers) -> Numbers:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[places], dtype=np.float64)


def _threshold(
    heights: Numbers, found: Numbers, numbers: Sequence[int], reach: int, kept_frac: float
) -> float:
    """The highest signal at which enough of the seconds with motion lie within `reach` seconds
    of a second that is above it. A little lower, since what was seen is not all there is.
    """
    active = found > 0
    # The best signal around each second: what would hold the gate open for it.
    around = np.array(
        [
            max(
                heights[other]
                for other in range(max(place - reach, 0), min(place + reach + 1, len(heights)))
                if abs(numbers[other] - numbers[place]) <= reach
            )
            for place in range(len(heights))
        ]
    )
    best = np.sort(around[active])
    place = min(math.floor((1 - kept_frac) * len(best)), len(best) - 1)
    return float(best[place]) * 0.9
