"""An estimate with its interval, and ranks that say no more than the intervals allow. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from fairview.core.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure, the interval around it, and how both were had.

    `high` None: no upper end can be given. `level` None: the interval is no confidence interval
    (the digits of a printed number, say) and `how` tells what it is.
    """

    value: float
    low: float
    high: float | None
    level: float | None
    how: str

    def __post_init__(self) -> None:
        if not (self.low <= self.value * (1 + 1e-9) and self.low >= 0):
            raise BadInput(f"an estimate of {self.value} cannot have the lower end {self.low}")
        if self.high is not None and self.high < self.value * (1 - 1e-9):
            raise BadInput(f"an estimate of {self.value} cannot have the upper end {self.high}")

    def divided(self, by: float) -> Estimate:
        """The same per something that is known exactly."""
        return Estimate(
            value=self.value / by,
            low=self.low / by,
            high=None if self.high is None else self.high / by,
            level=self.level,
            how=self.how,
        )

    @property
    def top(self) -> float:
        return math.inf if self.high is None else self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRange:
    """The ranks a place may have. `worst` None: the list goes on and nobody printed how far."""

    best: int
    worst: int | None

    def __str__(self) -> str:
        if self.worst is None:
            return f"{self.best} or lower"
        return str(self.best) if self.best == self.worst else f"{self.best}–{self.worst}"


def rank_ranges(estimates: Sequence[Estimate]) -> tuple[RankRange, ...]:
    """For each estimate the best and worst rank its interval allows among the others.

    Rank 1 is the largest. Intervals that touch are not told apart. Cost: n log n.
    """
    count = len(estimates)
    lows = sorted(estimate.low for estimate in estimates)
    tops = sorted(estimate.top for estimate in estimates)
    ranges = []
    for estimate in estimates:
        surely_above = count - bisect_right(lows, estimate.top)
        surely_below = bisect_left(tops, estimate.low)
        ranges.append(RankRange(best=1 + surely_above, worst=count - surely_below))
    return tuple(ranges)


def is_swamped(ranks: RankRange, count: int) -> bool:
    """Whether a place cannot be told from half of the others or more: then it gets no rank."""
    assert ranks.worst is not None
    width = ranks.worst - ranks.best
    return width >= 1 and width >= (count - 1) / 2
