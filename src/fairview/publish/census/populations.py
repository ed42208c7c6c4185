"""What places are divided by: people, area and road length, from CSV."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from fairview.core.errors import BadInput
from fairview.core.limits import CENSUS_PLACES_MAX, CENSUS_TEXT_MAX
from fairview.publish.census.claim import YEAR_MAX, YEAR_MIN, Per, PlaceKind
from fairview.publish.census.provenance import Aside

COLUMNS = (
    "place",
    "place_kind",
    "country",
    "year",
    "people",
    "boundary",
    "area_km2",
    "road_km",
    "source",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFacts:
    """One place in one year. None: not known from this source."""

    place: str
    place_kind: PlaceKind
    country: str
    year: int
    people: int | None
    boundary: str
    area_km2: float | None
    road_km: float | None
    source: str
    row: int

    def denominator(self, per: Per) -> float | None:
        """What a number of cameras is divided by, in the canonical unit of `per`."""
        if per is Per.RESIDENTS:
            return None if self.people is None else self.people / 1_000
        return {Per.KM2: self.area_km2, Per.ROAD_KM: self.road_km}.get(per, 1.0)


FactsByPlace = dict[tuple[PlaceKind, str, str], list[PlaceFacts]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFacts:
    """rows_read = len(facts) + len(aside)."""

    facts: tuple[PlaceFacts, ...]
    aside: tuple[Aside, ...]
    rows_read: int


def read_facts(text: str, file: str) -> ReadFacts:
    """Place facts of one CSV text.

    Errors:  BadInput when a column is missing; a bad row is kept aside instead.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="more", restval="")
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise BadInput(f"{file} lacks the columns {', '.join(missing)}")
    facts, aside = [], []
    row = 0
    for row, values in enumerate(reader, start=1):
        if row > CENSUS_PLACES_MAX:
            raise BadInput(f"{file} has more than {CENSUS_PLACES_MAX} rows: split it")
        try:
            facts.append(_facts(values, row))
        except BadInput as error:
            said = ",".join(str(value) for value in values.values())
            aside.append(Aside(row=row, because=str(error), text=said[:CENSUS_TEXT_MAX]))
    return ReadFacts(facts=tuple(facts), aside=tuple(aside), rows_read=row)


def by_place(facts: tuple[PlaceFacts, ...]) -> FactsByPlace:
    """Facts under (kind, country, place), in their order."""
    found: FactsByPlace = defaultdict(list)
    for fact in facts:
        found[fact.place_kind, fact.country, fact.place].append(fact)
    return dict(found)


def _facts(values: Mapping[str, str], row: int) -> PlaceFacts:
    place = values["place"].strip()
    year = values["year"].strip()
    if not place:
        raise BadInput("place is empty")
    if values["place_kind"] not in [kind.value for kind in PlaceKind]:
        raise BadInput(f"place_kind {values['place_kind']!r} is none of city, country, world")
    if not (year.isascii() and year.isdigit() and YEAR_MIN <= int(year) <= YEAR_MAX):
        raise BadInput(f"the year {year!r} is not between {YEAR_MIN} and {YEAR_MAX}")
    people = _above_zero(values, "people")
    if people is not None and people != int(people):
        raise BadInput(f"people {values['people']!r} is not a whole number")
    return PlaceFacts(
        place=place,
        place_kind=PlaceKind(values["place_kind"]),
        country=values["country"].strip(),
        year=int(year),
        people=None if people is None else int(people),
        boundary=values["boundary"].strip(),
        area_km2=_above_zero(values, "area_km2"),
        road_km=_above_zero(values, "road_km"),
        source=values["source"].strip(),
        row=row,
    )


def _above_zero(values: Mapping[str, str], name: str) -> float | None:
    text = values[name].strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise BadInput(f"{name} {text!r} is not a number") from error
    if not 0 < value < 1e12:
        raise BadInput(f"{name} {text!r} is not above 0")
    return value
