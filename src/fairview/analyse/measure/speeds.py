"""How fast a road user went: over its whole way, at a line, in a zone. Pure.

The spread of one road user's speed (its box's jitter) and the bias of the ground's scale (the same
for everyone there) are kept apart until the end: the spread shrinks with a longer way, the bias
does not.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from fairview.analyse.measure.paths import Flags, Floats, GroundPath
from fairview.core.limits import WAYS_KEPT_MAX
from fairview.core.time import US_PER_SECOND
from fairview.core.traffic import Speed

STEP_US = 400_000
"""The time between two points whose distance is one displacement: long against a box's jitter,
short against a change of speed."""

PATH_US_MIN = 400_000
POINTS_MIN = 4
"""A shorter way is not measured."""

NEAR_LINE_US = 500_000
"""The speed at a line is that of the way this long before and after it."""

KMH_MAX = 300.0
"""No road user is faster; a higher figure comes from a ground that is wrong there."""

BIAS_POINTS = 8
"""Points of a path that tell the ground's bias along it: it changes slowly."""

_KMH = 3.6
_HALF_95 = 1.96


class GroundLike(Protocol):
    """What speeds need to know of the ground; analyse/ground has it, tests have simple ones."""

    def metres(self, points_px: Floats, /) -> Floats:
        """(n, 2) points of the picture as metres; nan where the ground is not known."""
        ...

    def sigma_m(self, points_px: Floats, /) -> Floats:
        """(n,): how far such a point may be off, one standard deviation, m."""
        ...

    def path_bias(self, points_px: Floats, /) -> float:
        """How wrong the length of a path through these known points, in order, may be, as a
        share of it: half of the 95 % width."""
        ...


class WayLike(Protocol):
    """One road user's way over a calibrated ground."""

    def speed(self, is_wanted: Flags | None = None, /) -> Speed | None:
        """The median speed over the known way, or over the wanted points of it."""
        ...


@runtime_checkable
class KnowsWays(Protocol):
    """A ground that reckons ways from boxes: from the middle of the footprint, which stays the
    same point of the body while the lower edge's middle wanders along it.
    """

    def __hash__(self) -> int:
        """Grounds are told apart by identity: ways are kept by ground."""
        ...

    def way(
        self,
        at_us: npt.NDArray[np.int64],
        boxes_px: Floats,
        is_whole: Flags,
        kind: int,
        /,
    ) -> WayLike | None:
        """The way of one road user's boxes (n, 4) in pixels; None for too few known points."""
        ...


def speed_of(
    path: GroundPath, ground: GroundLike | None, is_wanted: Flags | None = None
) -> Speed | None:
    """The median speed over the measurable part of a path; None when there is too little of it.

    A ground that knows ways is asked for it; for any other it is found here, from ground points.

    Measurable are points of whole boxes that were seen, where the ground is known. Each
    displacement over STEP_US is freed of what jitter adds to its length. Standing is 0, a value.

    Shapes:  is_wanted (n,) bool; None: the whole path.
    Units:   km/h; the interval holds 95 %: spread and bias as half widths, added as squares.
    Bounds:  KMH_MAX; above it is not measurable.
    Cost:    array operations over the points.
    Source:  spread of a median: 1.2533 sigma / sqrt(n), n displacements that do not overlap;
             length of a noisy vector: E|d + e|^2 = |d|^2 + E|e|^2.
    """
    if ground is None:
        return None
    if isinstance(ground, KnowsWays):
        return _speed_of_way(path, ground, is_wanted)
    usable = path.is_whole & path.is_seen
    if is_wanted is not None:
        usable = usable & is_wanted
    index = np.flatnonzero(usable)
    if len(index) < POINTS_MIN:
        return None
    px = path.px[index]
    metres = ground.metres(px)
    known = np.isfinite(metres).all(axis=1)
    index, px, metres = index[known], px[known], metres[known]
    at_us = path.at_us[index]
    if len(index) < POINTS_MIN or at_us[-1] - at_us[0] < PATH_US_MIN:
        return None
    moves = _moves(at_us, metres)
    if moves is None:
        return None
    speeds, noise = moves
    middle = float(np.median(speeds)) * _KMH
    if middle > KMH_MAX:
        return None
    apart = max(1.0, float(at_us[-1] - at_us[0]) / STEP_US)
    scatter = 1.4826 * float(np.median(np.abs(speeds - np.median(speeds))))
    spread = _HALF_95 * 1.2533 * max(scatter, noise) * _KMH / np.sqrt(apart)
    bias = ground.path_bias(px[_spread_out(len(px))]) * middle
    half = float(np.hypot(spread, bias))
    return Speed(kmh=middle, low_kmh=max(0.0, middle - half), high_kmh=middle + half)


def _speed_of_way(path: GroundPath, ground: KnowsWays, is_wanted: Flags | None) -> Speed | None:
    """The speed as the ground itself reckons it, from the whole path's boxes."""
    way = _way(path, ground)
    speed = None if way is None else way.speed(is_wanted)
    return None if speed is None or speed.kmh > KMH_MAX else speed


@lru_cache(maxsize=WAYS_KEPT_MAX)
def _way(path: GroundPath, ground: KnowsWays) -> WayLike | None:
    """Kept for the next line or zone of the same path: it costs far more than a speed from it."""
    half = np.column_stack([path.size_px[:, 0] / 2, path.size_px[:, 1]])
    right = np.column_stack([half[:, 0], np.zeros(len(path))])
    boxes = np.concatenate([path.px - half, path.px + right], axis=1)
    return ground.way(path.at_us, boxes, path.is_whole & path.is_seen, path.kind)


def _moves(at_us: npt.NDArray[np.int64], metres: Floats) -> tuple[Floats, float] | None:
    """Speeds of the displacements over STEP_US, m/s, and what jitter alone would show, m/s."""
    later = np.searchsorted(at_us, at_us + STEP_US)
    earlier = np.flatnonzero(later < len(at_us))
    if not len(earlier):
        earlier, later = np.array([0]), np.array([len(at_us) - 1])
    else:
        later = later[earlier]
    seconds = (at_us[later] - at_us[earlier]) / US_PER_SECOND
    is_near = seconds <= 3 * STEP_US / US_PER_SECOND
    if not is_near.any():
        return None
    earlier, later, seconds = earlier[is_near], later[is_near], seconds[is_near]
    squares = np.sum((metres[later] - metres[earlier]) ** 2, axis=1)
    jitter = _jitter_squares(at_us, metres)
    speeds = np.sqrt(np.maximum(squares - 2 * jitter, 0.0)) / seconds
    return speeds, float(np.sqrt(jitter)) / float(np.median(seconds))


def _jitter_squares(at_us: npt.NDArray[np.int64], metres: Floats) -> float:
    """The mean square of a point's jitter in metres, both axes together (see paths._jitter)."""
    steps = np.diff(at_us)
    is_even = np.abs(np.diff(steps)) <= 0.5 * steps[:-1]
    if int(is_even.sum()) < 3:
        return 0.0
    bends = np.diff(metres, n=2, axis=0)[is_even]
    sigmas = 1.4826 * np.median(np.abs(bends), axis=0) / np.sqrt(6.0)
    return float(np.sum(sigmas**2))


def _spread_out(n: int) -> npt.NDArray[np.int64]:
    """Indices of at most BIAS_POINTS of n points, evenly spread, both ends among them."""
    return np.unique(np.linspace(0, n - 1, min(n, BIAS_POINTS)).round().astype(np.int64))


def near(path: GroundPath, at_us: int) -> Flags:
    """Which points lie within NEAR_LINE_US of a moment."""
    return np.asarray(np.abs(path.at_us - at_us) <= NEAR_LINE_US)


def standing(path: GroundPath, ground: GroundLike | None) -> Flags:
    """(n,): where a road user stands or crawls: under 5 km/h, or, without a ground, under a
    quarter of its own box a second.

    Source:  5 km/h begins a queue in PTV Vissim's default and in common practice.
    """
    n = len(path)
    if n < 2:
        return np.zeros(n, np.bool_)
    seconds = path.at_us / US_PER_SECOND
    before = np.maximum(np.searchsorted(path.at_us, path.at_us - STEP_US, side="right") - 1, 0)
    after = np.minimum(np.searchsorted(path.at_us, path.at_us + STEP_US), n - 1)
    elapsed = np.maximum(seconds[after] - seconds[before], 1e-6)
    metres = None if ground is None else ground.metres(path.px)
    moved = path.px[after] - path.px[before]
    sizes = np.sqrt(np.prod(path.size_px, axis=1))
    by_size = np.asarray(np.hypot(moved[:, 0], moved[:, 1]) / elapsed < 0.25 * sizes)
    if metres is None:
        return by_size
    moved = metres[after] - metres[before]
    kmh = np.hypot(moved[:, 0], moved[:, 1]) / elapsed * _KMH
    return np.where(np.isfinite(kmh), kmh < 5.0, by_size)
