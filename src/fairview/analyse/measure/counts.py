"""How many passed each line, and took each flow, in bins of time. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fairview.analyse.measure.intervals import interval
from fairview.analyse.measure.looked import observed_frac
from fairview.core.time import Instant, Span
from fairview.core.traffic import DIRECTIONS, Accuracy, Count, Crossing, Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """Something counted: a crossing (with a direction) or a flow done (without)."""

    at: Instant
    place: str
    direction: Direction | None
    kind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """The bins, and what was looked at (without overlaps, earliest first)."""

    spans: Sequence[Span]
    measurable: Sequence[Span]
    accuracy: Accuracy | None


def line_passings(crossings: Iterable[Crossing]) -> list[Passing]:
    return [
        Passing(at=one.at, place=one.line, direction=one.direction, kind=one.kind)
        for one in crossings
    ]


def counts(
    passings: Sequence[Passing],
    places: Sequence[tuple[str, Direction | None]],
    kinds: Iterable[int],
    bins: Bins,
) -> tuple[Count, ...]:
    """One row for every bin, place and class: also n = 0, and empty where nobody looked.

    Shapes:  len(bins) x len(places) x len(kinds) rows, in that order.
    """
    width_us = bins.spans[0].duration_us if bins.spans else 1
    found = Counter(
        (one.at.us - one.at.us % width_us, one.place, one.direction, one.kind) for one in passings
    )
    rows: list[Count] = []
    for span in bins.spans:
        frac = observed_frac(bins.measurable, span)
        for place, direction in places:
            for kind in sorted(set(kinds)):
                n = found[(span.start.us, place, direction, kind)] if frac > 0 else None
                rows.append(_row(span, (place, direction), kind, n, (frac, bins.accuracy)))
    return tuple(rows)


def _row(
    span: Span,
    place: tuple[str, Direction | None],
    kind: int,
    n: int | None,
    known: tuple[float, Accuracy | None],
) -> Count:
    frac, accuracy = known
    bounds = None if n is None or accuracy is None else interval(n, round(frac, 6), accuracy)
    return Count(
        span=span,
        place=place[0],
        direction=place[1],
        kind=kind,
        n=n,
        low=None if bounds is None else bounds.low,
        high=None if bounds is None else bounds.high,
        observed_frac=frac,
    )


def line_places(lines: Iterable[str]) -> list[tuple[str, Direction | None]]:
    return [(line, direction) for line in lines for direction in DIRECTIONS]
