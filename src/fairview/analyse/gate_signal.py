"""How far packets stand above what they are at rest, and how well that tells motion."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from fairview.core.time import Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

SIGNAL_US = 500_000
"""Packets are averaged over this: one alone says little."""

PRE_ROLL_S = 2
"""How far back waking reaches: what was kept since the last key frame that was compared."""

EPISODE_GAP_S = 2
"""Motion this near together is one stay: awake for the first, it is awake for the second."""


class Signal:
    """One stream's signal, packet by packet."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, float]] = deque()
        self._sizes = _UsualSizes()

    def of(self, at: Instant, size_bytes: int, *, is_key: bool, is_active: bool) -> float:
        """The mean logarithm of recent packets' size above what is usual in their places.

        is_active: something is known to move; then this says little about what is usual.
        """
        height = self._sizes.height(size_bytes, is_key=is_key, is_active=is_active)
        if not is_key:
            self._recent.append((at.us, height))
        while self._recent and not 0 <= at.us - self._recent[0][0] < SIGNAL_US:
            self._recent.popleft()
        if not self._recent:
            return 0.0
        return sum(one for _, one in self._recent) / len(self._recent)


class _UsualSizes:
    """How large packets are when little happens, by their place after the key frame.

    The first packets after a key frame repair what it left, so they are larger at rest already.
    Each place's level is a running low quantile of the logarithm, which follows night and rain
    slowly and a passing lorry hardly; while something moves it falls as fast and rises slower.
    """

    _PLACES = 64
    _QUANTILE = 0.3
    _STEP, _STEP_FIRST, _STEP_ACTIVE = 0.06, 1.0, 0.1

    def __init__(self) -> None:
        self._levels: list[float] = []
        self._counts: list[int] = []
        self._place = 0

    def height(self, size_bytes: int, *, is_key: bool, is_active: bool) -> float:
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
        rises = self._QUANTILE * (self._STEP_ACTIVE if is_active else 1.0)
        self._levels[place] += step * (rises if above > 0 else self._QUANTILE - 1)
        return above


def kept_share(alarms: Flags, active: Flags, numbers: npt.NDArray[np.int64]) -> float:
    """The share of active seconds that alarms would have kept: those from the pre-roll of a stay's
    first alarm to its end, since who is seen keeps the gate awake. 1 where nothing is active.

    Shapes:  all (n,): whether there was an alarm, whether something moved, which second it is.
    """
    total = int(np.count_nonzero(active))
    if not total:
        return 1.0
    kept = 0
    at = numbers[active]
    for stay in np.split(at, np.flatnonzero(np.diff(at) > EPISODE_GAP_S) + 1):
        within = alarms & (numbers >= stay[0] - EPISODE_GAP_S) & (numbers <= stay[-1])
        if within.any():
            kept += int(np.count_nonzero(stay >= numbers[within][0] - PRE_ROLL_S))
    return kept / total


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
