"""Searched street pictures, one city a row, from CSV (see recall.py for the columns)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from fairview.core.errors import BadInput
from fairview.core.limits import CENSUS_PLACES_MAX, CENSUS_TEXT_MAX
from fairview.publish.census.claim import PlaceKind
from fairview.publish.census.provenance import Aside
from fairview.publish.census.recall import RoadSample

_WHOLE = ("points", "found", "found_squared", "recall_known", "recall_found", "year")
_LENGTHS = ("covered_km", "road_km")
COLUMNS = ("place", "place_kind", "country", "counted", "source", *_WHOLE, *_LENGTHS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CitySample:
    """One city's searched streets, and who searched them for what."""

    place: str
    place_kind: PlaceKind
    country: str
    year: int
    counted: str
    source: str
    sample: RoadSample
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSamples:
    """rows_read = len(samples) + len(aside)."""

    samples: tuple[CitySample, ...]
    aside: tuple[Aside, ...]
    rows_read: int


def read_samples(text: str, file: str) -> ReadSamples:
    """Errors: BadInput when a column is missing; a bad row is kept aside instead."""
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="more", restval="")
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise BadInput(f"{file} lacks the columns {', '.join(missing)}")
    samples, aside = [], []
    row = 0
    for row, values in enumerate(reader, start=1):
        if row > CENSUS_PLACES_MAX:
            raise BadInput(f"{file} has more than {CENSUS_PLACES_MAX} rows: split it")
        try:
            samples.append(_sample(values, row))
        except BadInput as error:
            said = ",".join(str(value) for value in values.values())
            aside.append(Aside(row=row, because=str(error), text=said[:CENSUS_TEXT_MAX]))
    return ReadSamples(samples=tuple(samples), aside=tuple(aside), rows_read=row)


def _sample(values: Mapping[str, str], row: int) -> CitySample:
    numbers: dict[str, float] = {}
    for name in (*_WHOLE, *_LENGTHS):
        try:
            numbers[name] = float(values[name])
        except ValueError as error:
            raise BadInput(f"{name} {values[name]!r} is not a number") from error
        if not 0 <= numbers[name] < 1e12 or (name in _WHOLE and numbers[name] % 1):
            raise BadInput(f"{name} {values[name]!r} cannot be")
    if values["place_kind"] not in [kind.value for kind in PlaceKind]:
        raise BadInput(f"place_kind {values['place_kind']!r} is none of city, country, world")
    if not values["place"].strip() or not values["counted"].strip():
        raise BadInput("place or counted is empty")
    return CitySample(
        place=values["place"].strip(),
        place_kind=PlaceKind(values["place_kind"]),
        country=values["country"].strip(),
        year=int(numbers["year"]),
        counted=values["counted"].strip(),
        source=values["source"].strip(),
        sample=RoadSample(
            points=int(numbers["points"]),
            covered_km=numbers["covered_km"],
            road_km=numbers["road_km"],
            found=int(numbers["found"]),
            found_squared=int(numbers["found_squared"]),
            recall_known=int(numbers["recall_known"]),
            recall_found=int(numbers["recall_found"]),
        ),
        row=row,
    )
