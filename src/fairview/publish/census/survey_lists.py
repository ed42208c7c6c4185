"""Rankings from surveyed cameras and searched streets, with intervals.

Sources that count the same are put together: one alone is as old as it is, two or three tell by
their overlap what they all miss. What is counted differently is another list.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fairview.core.errors import BadInput
from fairview.core.time import Instant, instant
from fairview.publish.census.boundaries import Boundary, Containment
from fairview.publish.census.claim import Method, Per, PlaceKind
from fairview.publish.census.estimate import Estimate, is_swamped, rank_ranges
from fairview.publish.census.folder import Census, Source, SourceKind
from fairview.publish.census.lists import Entry, ListKey, RankList, Wanted
from fairview.publish.census.matching import Standing, matched, overlap_cells
from fairview.publish.census.populations import PlaceFacts, by_place
from fairview.publish.census.recall import recall_adjusted
from fairview.publish.census.recapture import three_sources, two_sources
from fairview.publish.census.staleness import aged
from fairview.publish.census.surveyed import read_points

SOURCES_MAX = 3
"""Lists that are put together; more would need models with dependences of dependences."""

Place = tuple[PlaceKind, str, str]


def survey_lists(
    census: Census, now: Instant, wanted: Wanted | None = None
) -> tuple[RankList, ...]:
    """A list for each kind of place, each wording and each denominator there is one for."""
    wish = wanted or Wanted()
    groups: dict[str, list[Source]] = defaultdict(list)
    for source in census.sources:
        if source.kind is SourceKind.CAMERAS:
            groups[source.provenance.counted].append(source)
    if groups and not census.boundaries:
        raise BadInput("cameras were imported, but no boundaries to count them in")
    found: list[RankList] = []
    holder = Containment(census.boundaries) if groups else None
    for counted, sources in groups.items():
        assert holder is not None
        if len(sources) > SOURCES_MAX:
            raise BadInput(
                f"{len(sources)} sources count “{counted}”; at most {SOURCES_MAX} can be put "
                "together: remove the oldest"
            )
        estimates = _estimates(sources, census.boundaries, holder, now)
        year = max(int(source.provenance.as_of[:4]) for source in sources)
        maker = " and ".join(source.provenance.title for source in sources)
        names = tuple(source.name for source in sources)
        method = (
            Method.REGISTRY if any(s.provenance.mapping_sha256 for s in sources) else Method.COUNT
        )
        found += _lists(estimates, census, _Heading(maker, counted, year, method, names), wish)
    found += _sampled(census, wish)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Heading:
    """What all places of a list share."""

    maker: str
    counted: str
    year: int
    method: Method
    names: tuple[str, ...]


def _estimates(
    sources: Sequence[Source], boundaries: Sequence[Boundary], holder: Containment, now: Instant
) -> dict[Place, Estimate]:
    """Cameras in each boundary, from one to three sources that count the same."""
    if len(sources) == 1:
        (only,) = sources
        counts = np.zeros(len(boundaries), dtype=np.int64)
        for lon, lat in read_points(only.cameras_path):
            _, where = holder.of(lon, lat)
            counts += np.bincount(where, minlength=len(boundaries))
        age_us = now.since(instant(f"{only.provenance.as_of}T00:00:00Z"))
        return {
            _place(boundary): aged(int(count), age_us, only.turnover)
            for boundary, count in zip(boundaries, counts, strict=True)
        }
    standing = [_standing(source, len(boundaries), holder) for source in sources]
    found = {}
    for at, boundary in enumerate(boundaries):
        here = [stand[at] for stand in standing]
        found[_place(boundary)] = _together(here, sources, now)
    return found


def _together(here: Sequence[Standing], sources: Sequence[Source], now: Instant) -> Estimate:
    """One place's cameras; an empty list says nothing about what the others miss."""
    known = [(stand, source) for stand, source in zip(here, sources, strict=True) if len(stand)]
    if len(known) == SOURCES_MAX:
        first, second, third = (stand for stand, _ in known)
        return three_sources(overlap_cells((first, second, third)))
    if len(known) == 2:
        (first, _), (second, _) = known
        return two_sources(len(first), len(second), len(matched(first, second)))
    stand, source = known[0] if known else (here[0], sources[0])
    age_us = now.since(instant(f"{source.provenance.as_of}T00:00:00Z"))
    return aged(len(stand), age_us, source.turnover)


def _standing(source: Source, places: int, holder: Containment) -> list[Standing]:
    """A source's points by boundary. Memory: 24 bytes a camera."""
    lons, lats, wheres = [], [], []
    for lon, lat in read_points(source.cameras_path):
        which, where = holder.of(lon, lat)
        lons.append(lon[which])
        lats.append(lat[which])
        wheres.append(where)
    if not lons:
        return [Standing(np.empty(0), np.empty(0)) for _ in range(places)]
    lon, lat, where = np.concatenate(lons), np.concatenate(lats), np.concatenate(wheres)
    order = np.argsort(where, kind="stable")
    edges = np.searchsorted(where[order], np.arange(places + 1))
    return [
        Standing(lon[order[start:stop]], lat[order[start:stop]])
        for start, stop in itertools.pairwise(edges)
    ]


def _sampled(census: Census, wish: Wanted) -> list[RankList]:
    groups: dict[tuple[str, str, int], dict[Place, Estimate]] = defaultdict(dict)
    lengths: dict[Place, float] = {}
    for one in census.samples:
        place = (one.place_kind, one.country, one.place)
        groups[one.source, one.counted, one.year][place] = recall_adjusted(one.sample)
        lengths[place] = one.sample.road_km
    found = []
    for (maker, counted, year), estimates in groups.items():
        heading = _Heading(maker, counted, year, Method.RECALL_ADJUSTED_SAMPLE, (maker,))
        found += _lists(estimates, census, heading, wish, lengths)
    return found


def _lists(
    estimates: Mapping[Place, Estimate],
    census: Census,
    heading: _Heading,
    wish: Wanted,
    lengths: Mapping[Place, float] | None = None,
) -> list[RankList]:
    divide = _divider(census, heading.year, lengths or {})
    found = []
    for kind in PlaceKind:
        of_kind = {place: one for place, one in estimates.items() if place[0] is kind}
        for per in Per:
            key = ListKey(
                place_kind=kind,
                publisher=heading.maker,
                year=heading.year,
                basis=heading.counted,
                per=per,
            )
            if not wish.holds(key):
                continue
            divided, left_out = {}, []
            for place, estimate in of_kind.items():
                by = divide(place, per)
                if by is None:
                    left_out.append(place[2])
                else:
                    divided[place] = estimate.divided(by)
            if len(divided) >= wish.places_min:
                entries = _entries(divided, heading)
                found.append(RankList(key=key, entries=entries, left_out=tuple(left_out)))
    return found


def _entries(divided: Mapping[Place, Estimate], heading: _Heading) -> tuple[Entry, ...]:
    ordered = sorted(divided.items(), key=lambda pair: (-pair[1].value, pair[0][2]))
    ranges = rank_ranges([estimate for _, estimate in ordered])
    return tuple(
        Entry(
            place=place[2],
            country=place[1],
            estimate=estimate,
            position=position,
            rank=None if is_swamped(ranks, len(ordered)) else ranks,
            printed_rank=None,
            claims=heading.names,
            printed=None,
            method=heading.method,
        )
        for position, ((place, estimate), ranks) in enumerate(
            zip(ordered, ranges, strict=True), start=1
        )
    )


def _divider(
    census: Census, year: int, lengths: Mapping[Place, float]
) -> Callable[[Place, Per], float | None]:
    facts = by_place(census.facts)
    areas = {_place(boundary): boundary.area_km2 for boundary in census.boundaries}

    def divide(place: Place, per: Per) -> float | None:
        near: list[PlaceFacts] = sorted(
            facts.get(place, ()), key=lambda fact: abs(fact.year - year)
        )
        for fact in near:
            if (by := fact.denominator(per)) is not None:
                return by
        if per is Per.KM2:
            return areas.get(place)
        if per is Per.ROAD_KM:
            return lengths.get(place)
        return 1.0 if per is Per.NUMBER else None

    return divide


def _place(boundary: Boundary) -> Place:
    return boundary.place_kind, boundary.country, boundary.place
