"""Rankings from claims: one list per publisher, edition, wording and denominator. Pure.

Two wordings never share a list, and neither do two publishers: nobody knows whether they count the
same. Forecasts are in none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fairview.publish.census.claim import Bound, Claim, Method, Per, PlaceKind, Ratio
from fairview.publish.census.estimate import Estimate, RankRange, is_swamped, rank_ranges
from fairview.publish.census.populations import PlaceFacts
from fairview.publish.census.recompute import ratio_between, ratio_per

PEOPLE_ERROR_FRAC = 0.01
"""How far a country's population may be off between revisions and neighbouring years; the World
Bank's own figures for one year differ by up to 0.6 % between revisions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListKey:
    """What a list counts. Only claims that agree in all of it are compared."""

    place_kind: PlaceKind
    publisher: str
    year: int
    basis: str
    per: Per


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One place in a list. `rank` None: the intervals swamp the differences.

    `position` is its place among those known here, 1 for the largest; `claims` are what the
    estimate was made of: claim ids, or the short digests of imported sources.
    """

    place: str
    country: str
    estimate: Estimate
    position: int
    rank: RankRange | None
    printed_rank: int | None
    claims: tuple[str, ...]
    printed: Ratio | None
    method: Method


@dataclass(frozen=True, slots=True, kw_only=True)
class RankList:
    """Places from the largest to the smallest. left_out: places without a denominator."""

    key: ListKey
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lists: None means all. `places_min`: shorter lists are left out."""

    place_kind: PlaceKind | None = None
    publisher: str | None = None
    year: int | None = None
    basis: str | None = None
    per: Per | None = None
    places_min: int = 2

    def holds(self, key: ListKey) -> bool:
        return all(
            wish is None or wish == value
            for wish, value in (
                (self.place_kind, key.place_kind),
                (self.publisher, key.publisher),
                (self.year, key.year),
                (self.basis, key.basis),
                (self.per, key.per),
            )
        )


Facts = Mapping[tuple[PlaceKind, str, str], Sequence[PlaceFacts]]


def rank_lists(
    claims: Iterable[Claim], facts: Facts, wanted: Wanted | None = None
) -> tuple[RankList, ...]:
    """Every list the claims support, newest edition first.

    A list by number (Per.NUMBER) also takes places whose number was not printed but follows from
    the printed ratio and a population of `facts` within a year; `how` says so.
    """
    wish = wanted or Wanted()
    tables: dict[ListKey, dict[tuple[str, str], list[Claim]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for claim in claims:
        if claim.is_forecast or (claim.ratio and claim.ratio.unit.name == "percent_of_sales"):
            continue
        for per in dict.fromkeys((ratio_per(claim), Per.NUMBER)):
            key = _key(claim, per)
            if wish.holds(key):
                tables[key][claim.country, claim.place].append(claim)
    lists = []
    for key, places in tables.items():
        found = [
            (group, estimate)
            for group in places.values()
            if (estimate := _estimate(group, key.per, facts)) is not None
        ]
        is_made_up = key.per is Per.NUMBER and not any(
            claim.cameras is not None for group, _ in found for claim in group
        )
        if len(found) >= wish.places_min and not is_made_up:
            lists.append(_ranked(key, found))
    lists.sort(key=lambda made: (-made.key.year, made.key.place_kind, -len(made.entries)))
    return tuple(lists)


def _key(claim: Claim, per: Per) -> ListKey:
    return ListKey(
        place_kind=claim.place_kind,
        publisher=claim.publisher,
        year=claim.year,
        basis=claim.counted.basis,
        per=per,
    )


def _estimate(group: Sequence[Claim], per: Per, facts: Facts) -> Estimate | None:
    bounds = {claim.counted.bound: claim for claim in group}
    if Bound.LOW in bounds and Bound.HIGH in bounds:
        low = _one(bounds[Bound.LOW], per, facts)
        high = _one(bounds[Bound.HIGH], per, facts)
        if low is not None and high is not None:
            return Estimate(
                value=(low.value + high.value) / 2,
                low=low.low,
                high=high.high,
                level=None,
                how="the two ends the publisher printed",
            )
    return _one(group[0], per, facts)


def _one(claim: Claim, per: Per, facts: Facts) -> Estimate | None:
    if per is not Per.NUMBER:
        return _ratio_estimate(claim)
    if claim.cameras is not None:
        number = float(claim.cameras)
        return Estimate(
            value=number, low=number, high=number, level=None, how="as printed, no error stated"
        )
    known = [
        fact
        for fact in facts.get((claim.place_kind, claim.country, claim.place), ())
        if fact.people is not None and abs(fact.year - claim.year) <= 1
    ]
    between = ratio_between(claim)
    if not known or between is None or ratio_per(claim) is not Per.RESIDENTS:
        return None
    fact = min(known, key=lambda one: abs(one.year - claim.year))
    assert fact.people is not None
    thousands = fact.people / 1_000
    return Estimate(
        value=sum(between) / 2 * thousands,
        low=between[0] * thousands * (1 - PEOPLE_ERROR_FRAC),
        high=between[1] * thousands * (1 + PEOPLE_ERROR_FRAC),
        level=None,
        how=(
            f"printed ratio times {fact.people:,} people ({fact.source}, {fact.year}); its digits "
            f"and {PEOPLE_ERROR_FRAC:.0%} for the population"
        ),
    )


def _ratio_estimate(claim: Claim) -> Estimate | None:
    between = ratio_between(claim)
    if between is None:
        return None
    if claim.cameras and claim.population is not None:
        how = "computed again from the printed numbers, no error stated"
        return Estimate(value=between[0], low=between[0], high=between[0], level=None, how=how)
    assert claim.ratio is not None
    return Estimate(
        value=claim.ratio.unit.canonical(claim.ratio.value),
        low=between[0],
        high=between[1],
        level=None,
        how="as printed; the interval is the rounding alone, no error stated",
    )


def _ranked(key: ListKey, found: list[tuple[list[Claim], Estimate]]) -> RankList:
    ordered = sorted(found, key=lambda pair: -pair[1].value)
    ranges = rank_ranges([estimate for _, estimate in ordered])
    printed = [_printed_rank(group) if key.per is not Per.NUMBER else None for group, _ in ordered]
    entries = []
    for place, ((group, estimate), ranks) in enumerate(zip(ordered, ranges, strict=True)):
        rank: RankRange | None
        if any(rank is not None for rank in printed):
            rank = _rank_in_report(place, printed)
        else:
            rank = None if is_swamped(ranks, len(ordered)) else ranks
        entries.append(
            Entry(
                place=group[0].place,
                country=group[0].country,
                estimate=estimate,
                position=place + 1,
                rank=rank,
                printed_rank=printed[place],
                claims=tuple(claim.id for claim in group),
                printed=group[0].ratio,
                method=group[0].method,
            )
        )
    return RankList(key=key, entries=tuple(entries))


def _printed_rank(group: Sequence[Claim]) -> int | None:
    return next((claim.printed_rank for claim in group if claim.printed_rank), None)


def _rank_in_report(place: int, printed: Sequence[int | None]) -> RankRange:
    """The rank in the publisher's whole report, of which only some rows are known.

    A printed rank is taken as it is; the others lie between the printed ranks around them.
    """
    own = printed[place]
    if own is not None:
        return RankRange(best=own, worst=own)
    best, worst = place + 1, None
    for other, rank in enumerate(printed):
        if rank is None:
            continue
        if other < place:
            best = max(best, rank + place - other)
        else:
            nearest = rank - (other - place)
            worst = nearest if worst is None else min(worst, nearest)
    if worst is not None and worst < best:  # ranks that contradict the ratios are flagged elsewhere
        worst = best
    return RankRange(best=best, worst=worst)
