"""What is wrong with claims, found from the claims alone. Pure.

A flag says that figures do not fit together. Which of them is wrong is for people to find out.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fairview.publish.census.claim import Bound, Claim, Per
from fairview.publish.census.orders import reversed_orders
from fairview.publish.census.recompute import (
    again,
    people_between,
    ratio_between,
    ratio_per,
)

PEOPLE_SLACK = 0.10
"""Two sources may put a place's population this far apart before it counts as another boundary."""

PEOPLE_GROWTH_A_YEAR = 0.03
"""What a place may grow or shrink a year on top of it; few cities do more."""

JUMP_A_YEAR = 1.6
JUMP_MIN = 2.0
"""A ratio that moved by a factor of 2 and by more than 1.6 a year was hardly built or torn down;
in the own claims London rose by 1.09 from 2020 to 2021 in unchanged words."""


class FlagKind(StrEnum):
    """Each kind names what does not fit."""

    ARITHMETIC = "arithmetic"
    DEFINITION_CHANGED = "definition_changed"
    DENOMINATOR_CHANGED = "denominator_changed"
    FORECAST = "forecast"
    ORDER_REVERSED = "order_reversed"
    JUMP = "jump"
    RANK = "rank"


FLAG_TITLES = {
    FlagKind.ARITHMETIC: "the printed ratio does not follow",
    FlagKind.DEFINITION_CHANGED: "the definition changed",
    FlagKind.DENOMINATOR_CHANGED: "the denominator changed",
    FlagKind.FORECAST: "a forecast, not a count",
    FlagKind.ORDER_REVERSED: "sources turn an order round",
    FlagKind.JUMP: "a jump nobody explains",
    FlagKind.RANK: "the printed ranks contradict the ratios",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One thing that does not fit: the claims concerned, and the figures in words."""

    kind: FlagKind
    claims: tuple[str, ...]
    words: str


def flags(claims: Sequence[Claim]) -> tuple[Flag, ...]:
    """Everything that does not fit, sorted by kind, then in the order of the claims.

    Cost:    grows with the square of publishers times the places they share.
    """
    found: list[Flag] = []
    found += _arithmetic(claims)
    found += _definitions(claims)
    found += _denominators(claims)
    found += _forecasts(claims)
    found += _jumps(claims)
    found += _ranks(claims)
    found += [
        Flag(kind=FlagKind.ORDER_REVERSED, claims=turned.claims, words=turned.words)
        for turned in reversed_orders(claims)
    ]
    kinds = list(FlagKind)
    places = {claim.id: place for place, claim in enumerate(claims)}
    return tuple(
        sorted(
            found,
            key=lambda flag: (kinds.index(flag.kind), [places[claim] for claim in flag.claims]),
        )
    )


def _arithmetic(claims: Iterable[Claim]) -> list[Flag]:
    found = []
    for claim in claims:
        result = again(claim)
        if result.follows is False:
            assert claim.ratio is not None
            assert claim.population is not None
            assert result.value is not None
            found.append(
                Flag(
                    kind=FlagKind.ARITHMETIC,
                    claims=(claim.id,),
                    words=(
                        f"{_named(claim)}: {claim.cameras:,} cameras for "
                        f"{claim.population.people:,} people make "
                        f"{result.value:.{claim.ratio.decimals}f} {claim.ratio.unit.words}, "
                        f"but {claim.ratio.text} is printed"
                    ),
                )
            )
    return found


def _definitions(claims: Iterable[Claim]) -> list[Flag]:
    found = []
    for series in _by_publisher_and_place(claims):
        kinds: dict[str, list[Claim]] = defaultdict(list)
        for claim in series:
            if claim.ratio is None or claim.ratio.unit.name != "percent_of_sales":
                kinds[claim.counted.basis].append(claim)
        for earlier, later in itertools.pairwise(
            sorted(kinds.values(), key=lambda group: (group[0].year, group[0].id))
        ):
            before, after = earlier[-1], later[0]
            if before.year < after.year:
                how = f"until {before.year}, then"
            else:
                before, how = earlier[0], "and, side by side,"
            found.append(
                Flag(
                    kind=FlagKind.DEFINITION_CHANGED,
                    claims=(before.id, after.id),
                    words=(
                        f"{before.publisher} on {before.place}: “{before.counted.basis}” {how} "
                        f"“{after.counted.basis}”{_moved(before, after)}: not to be compared"
                    ),
                )
            )
    return found


def _denominators(claims: Iterable[Claim]) -> list[Flag]:
    found = []
    for series in _by_place(claims):
        known = [(claim, people) for claim in series if (people := people_between(claim))]
        for (before, people), (after, other) in itertools.pairwise(known):
            years = abs(after.year - before.year)
            slack = math.log1p(PEOPLE_SLACK) + years * math.log1p(PEOPLE_GROWTH_A_YEAR)
            apart = max(math.log(other[0] / people[1]), math.log(people[0] / other[1]))
            if apart > slack:
                found.append(
                    Flag(
                        kind=FlagKind.DENOMINATOR_CHANGED,
                        claims=(before.id, after.id),
                        words=(
                            f"{before.place}: divided by {_people(before)} in {before.year} "
                            f"({before.publisher}), by {_people(after)} in {after.year} "
                            f"({after.publisher}): not the same boundary"
                        ),
                    )
                )
    for series in _by_publisher_and_place(claims):
        divided = [claim for claim in series if claim.per() is not Per.NUMBER]
        for before, after in itertools.pairwise(divided):
            if before.per() is not after.per():
                assert before.ratio is not None
                assert after.ratio is not None
                found.append(
                    Flag(
                        kind=FlagKind.DENOMINATOR_CHANGED,
                        claims=(before.id, after.id),
                        words=(
                            f"{before.publisher} on {before.place}: {before.ratio.text} "
                            f"{before.ratio.unit.words} in {before.year}, {after.ratio.text} "
                            f"{after.ratio.unit.words} in {after.year}: not to be compared"
                        ),
                    )
                )
    return found


def _forecasts(claims: Iterable[Claim]) -> list[Flag]:
    found = []
    for claim in claims:
        if not claim.is_forecast:
            continue
        declared = claim.counted.is_forecast or claim.method.value == "forecast"
        figure = f"{claim.cameras:,} cameras" if claim.cameras is not None else _ratio_text(claim)
        said = "a forecast" if declared else f"shown as {claim.method.value.replace('_', ' ')}"
        found.append(
            Flag(
                kind=FlagKind.FORECAST,
                claims=(claim.id,),
                words=(
                    f"{_named(claim)}: {figure} for {claim.year}, published {claim.published}: "
                    f"{said}; it is in no ranking"
                ),
            )
        )
    return found


def _jumps(claims: Iterable[Claim]) -> list[Flag]:
    found = []
    for series in _by_publisher_and_place(claims):
        alike: dict[tuple[str, Per], list[Claim]] = defaultdict(list)
        for claim in series:
            if not claim.is_forecast and claim.counted.bound is Bound.VALUE:
                alike[claim.counted.basis, ratio_per(claim)].append(claim)
        for group in alike.values():
            for before, after in itertools.pairwise(group):
                if _is_jump(before, after):
                    found.append(
                        Flag(
                            kind=FlagKind.JUMP,
                            claims=(before.id, after.id),
                            words=(
                                f"{before.publisher} on {before.place}, in the same words"
                                f"{_moved(before, after)}: what was counted or divided by must "
                                "have changed"
                            ),
                        )
                    )
    return found


def _is_jump(before: Claim, after: Claim) -> bool:
    one, two = _comparable(before), _comparable(after)
    if one is None or two is None:
        return False
    years = max(after.year - before.year, 1)
    apart = max(two[0] / one[1], one[0] / two[1])
    return apart > JUMP_MIN and apart > JUMP_A_YEAR**years


def _comparable(claim: Claim) -> tuple[float, float] | None:
    between = ratio_between(claim)
    if between is None and claim.cameras and ratio_per(claim) is Per.NUMBER:
        return float(claim.cameras), float(claim.cameras)
    return between


def _ranks(claims: Iterable[Claim]) -> list[Flag]:
    """Printed ranks of one edition must fall as the printed ratios fall."""
    found = []
    editions: dict[tuple[object, ...], list[Claim]] = defaultdict(list)
    for claim in claims:
        if claim.printed_rank is not None and claim.ratio is not None:
            key = (
                claim.publisher,
                claim.year,
                claim.counted.basis,
                claim.place_kind,
                claim.per(),
            )
            editions[key].append(claim)
    for group in editions.values():
        ordered = sorted(group, key=lambda claim: claim.printed_rank or 0)
        for better, worse in itertools.pairwise(ordered):
            assert better.ratio is not None
            assert worse.ratio is not None
            is_turned = better.ratio.canonical_between()[1] < worse.ratio.canonical_between()[0]
            if better.printed_rank == worse.printed_rank or is_turned:
                found.append(
                    Flag(
                        kind=FlagKind.RANK,
                        claims=(better.id, worse.id),
                        words=(
                            f"{better.publisher} {better.year}: {better.place} at rank "
                            f"{better.printed_rank} with {_ratio_text(better)}, {worse.place} at "
                            f"rank {worse.printed_rank} with {_ratio_text(worse)}"
                        ),
                    )
                )
    return found


def _by_place(claims: Iterable[Claim]) -> list[list[Claim]]:
    groups: dict[tuple[str, str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        groups[claim.place_kind, claim.country, claim.place].append(claim)
    return [sorted(group, key=lambda claim: (claim.year, claim.id)) for group in groups.values()]


def _by_publisher_and_place(claims: Iterable[Claim]) -> list[list[Claim]]:
    series: list[list[Claim]] = []
    for group in _by_place(claims):
        publishers: dict[str, list[Claim]] = defaultdict(list)
        for claim in group:
            publishers[claim.publisher].append(claim)
        series += publishers.values()
    return series


def _named(claim: Claim) -> str:
    return f"{claim.place} ({claim.publisher} {claim.year})"


def _ratio_text(claim: Claim) -> str:
    assert claim.ratio is not None
    return f"{claim.ratio.text} {claim.ratio.unit.words}"


def _people(claim: Claim) -> str:
    if claim.population is not None:
        return f"{claim.population.people:,} people"
    between = people_between(claim)
    assert between is not None
    return f"about {(between[0] + between[1]) / 2e6:.2f} million people (implied)"


def _moved(before: Claim, after: Claim) -> str:
    """How far the figure went, when both ends have one in the same unit."""
    if before.ratio and after.ratio and before.ratio.unit is after.ratio.unit:
        return (
            f", from {before.ratio.text} ({before.year}) to {after.ratio.text} "
            f"{after.ratio.unit.words} ({after.year})"
        )
    if before.cameras and after.cameras:
        return (
            f", from {before.cameras:,} ({before.year}) to {after.cameras:,} cameras ({after.year})"
        )
    return ""
