"""Sources that turn an order round. Pure.

Two publishers rank the same two places by the same measure, close in time; one puts the first
ahead, the other the second, and the digits they print leave no room for a tie.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fairview.publish.census.claim import PER_WORDS, Bound, Claim, Per, PlaceKind
from fairview.publish.census.recompute import ratio_between, ratio_per

YEARS_APART_MAX = 2
"""Further apart the world itself may have changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """A pair of places and the two sources that disagree on them."""

    claims: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True)
class _Edition:
    publisher: str
    year: int
    basis: str
    place_kind: PlaceKind


def reversed_orders(claims: Sequence[Claim]) -> list[Turned]:
    """Each pair of places that two publishers order differently, once per pair of editions."""
    found: list[Turned] = []
    for per in Per:
        tables = _tables(claims, per)
        for (one, first), (two, second) in itertools.combinations(tables.items(), 2):
            is_pair = (
                one.publisher != two.publisher
                and one.place_kind is two.place_kind
                and abs(one.year - two.year) <= YEARS_APART_MAX
            )
            if is_pair:
                found += _turned_in(first, second, per)
    return found


def _tables(claims: Iterable[Claim], per: Per) -> dict[_Edition, dict[tuple[str, str], Claim]]:
    """For each edition its claims by place, those that have a value under this denominator."""
    tables: dict[_Edition, dict[tuple[str, str], Claim]] = defaultdict(dict)
    for claim in claims:
        if claim.is_forecast or claim.counted.bound is not Bound.VALUE:
            continue
        if _value(claim, per) is None:
            continue
        edition = _Edition(claim.publisher, claim.year, claim.counted.basis, claim.place_kind)
        tables[edition].setdefault((claim.country, claim.place), claim)
    return tables


def _value(claim: Claim, per: Per) -> tuple[float, float] | None:
    if per is Per.NUMBER:
        return None if claim.cameras is None else (float(claim.cameras), float(claim.cameras))
    return ratio_between(claim) if ratio_per(claim) is per else None


def _turned_in(
    first: dict[tuple[str, str], Claim], second: dict[tuple[str, str], Claim], per: Per
) -> list[Turned]:
    found = []
    for here, there in itertools.combinations(sorted(first.keys() & second.keys()), 2):
        if _order(first[here], first[there], per) * _order(second[here], second[there], per) < 0:
            four = (first[here], first[there], second[here], second[there])
            found.append(
                Turned(
                    claims=tuple(claim.id for claim in four),
                    words=f"{_said(*four[:2], per)}; {_said(*four[2:], per)}",
                )
            )
    return found


def _order(one: Claim, two: Claim, per: Per) -> int:
    """1 when the first is surely larger, -1 when the second is, 0 when the digits leave it open."""
    left, right = _value(one, per), _value(two, per)
    assert left is not None
    assert right is not None
    return int(left[0] > right[1]) - int(right[0] > left[1])


def _said(one: Claim, two: Claim, per: Per) -> str:
    ahead, behind = (one, two) if _order(one, two, per) > 0 else (two, one)
    return (
        f"{one.publisher} ({one.year}) puts {ahead.place} ({_figure(ahead, per)}) before "
        f"{behind.place} ({_figure(behind, per)})"
    )


def _figure(claim: Claim, per: Per) -> str:
    between = _value(claim, per)
    assert between is not None
    middle = sum(between) / 2
    return f"{middle:,.0f} cameras" if per is Per.NUMBER else f"{middle:.3g} {_short(per)}"


def _short(per: Per) -> str:
    return PER_WORDS[per].removeprefix("cameras ")
