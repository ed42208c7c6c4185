"""Ratios computed again from the printed numbers. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from fairview.publish.census.claim import Claim, Per


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A ratio computed again, in the printed unit.

    `value` and `follows` are None when the numbers to compute it from were not printed; `because`
    then says which.
    """

    value: float | None
    follows: bool | None
    because: str


def again(claim: Claim) -> Again:
    """Whether the printed ratio follows from the printed cameras and population.

    Within one in the last printed digit it follows, so that rounding and cutting both pass.
    """
    if claim.ratio is None:
        return Again(value=None, follows=None, because="no ratio was printed")
    if claim.ratio.unit.per is not Per.RESIDENTS:
        return Again(value=None, follows=None, because="the area or road length was not printed")
    missing = [
        name
        for name, value in (("cameras", claim.cameras), ("population", claim.population))
        if not value
    ]
    if claim.cameras is None or not claim.cameras or claim.population is None:
        return Again(value=None, follows=None, because=f"not printed: {' and '.join(missing)}")
    unit = claim.ratio.unit
    per_thousand = 1_000.0 * claim.cameras / claim.population.people
    value = unit.scale / per_thousand if unit.is_turned else per_thousand / unit.scale
    follows = abs(value - claim.ratio.value) <= claim.ratio.step * (1 + 1e-9)
    return Again(value=value, follows=follows, because="")


def people_between(claim: Claim) -> tuple[float, float] | None:
    """The people a claim divides by: as printed, or implied by its cameras and ratio.

    None when neither can be had. An implied population is as fine as the ratio's digits.
    """
    if claim.population is not None:
        return float(claim.population.people), float(claim.population.people)
    if not claim.cameras or claim.ratio is None or claim.ratio.unit.per is not Per.RESIDENTS:
        return None
    low, high = claim.ratio.canonical_between()
    return 1_000.0 * claim.cameras / high, 1_000.0 * claim.cameras / low


def ratio_between(claim: Claim) -> tuple[float, float] | None:
    """A claim's canonical ratio: from its printed numbers when both are there, else as printed."""
    if claim.cameras and claim.population is not None:
        exact = 1_000.0 * claim.cameras / claim.population.people
        return exact, exact
    if claim.ratio is None or claim.ratio.unit.per is Per.NUMBER:
        return None
    return claim.ratio.canonical_between()


def ratio_per(claim: Claim) -> Per:
    """What `ratio_between` is divided by; NUMBER when there is none."""
    if claim.cameras and claim.population is not None:
        return Per.RESIDENTS
    return claim.per()
