"""What a register of some day says about another day. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from fairview.core.errors import BadInput
from fairview.core.time import US_PER_DAY
from fairview.publish.census.estimate import Estimate

_DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """How fast a register may go out of date: shares of its length a year.

    Two editions of the same register give a measured figure; otherwise it is an assumption, and is
    printed beside every interval that rests on it.
    """

    loss_frac: float = 0.05
    growth_frac: float = 0.20

    def __post_init__(self) -> None:
        if not (0 <= self.loss_frac < 1 and 0 <= self.growth_frac <= 10):
            raise BadInput("a year's loss lies in 0..1 and its growth in 0..10")


def aged(count: int, age_us: int, turnover: Turnover) -> Estimate:
    """A register's count as an estimate for a later day: between all losses and all growth.

    The value stays the count: nothing says which way it went. No confidence level, as the ends
    rest on `turnover`.
    """
    years = max(age_us, 0) / US_PER_DAY / _DAYS_A_YEAR
    return Estimate(
        value=float(count),
        low=count * (1 - turnover.loss_frac) ** years,
        high=count * (1 + turnover.growth_frac) ** years,
        level=None,
        how=(
            f"{count:,} in a register {years:.1f} years old; assumed a year: at most "
            f"{turnover.loss_frac:.0%} taken down, {turnover.growth_frac:.0%} added"
        ),
    )
