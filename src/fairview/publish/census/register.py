"""Cameras from a city's register: CSV, GeoJSON or ArcGIS JSON, read through a mapping file."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fairview.core.errors import BadInput
from fairview.publish.census.json_stream import JsonItems
from fairview.publish.census.mapping import Coordinates, Fields, Shape
from fairview.publish.census.mapping import Mapping as RegisterMapping
from fairview.publish.census.provenance import Aside
from fairview.publish.census.surveyed import (
    Passed,
    Row,
    Surveyed,
    direction_of,
    number_of,
    word,
)

_EARTH_M = 6_378_137.0
_WEB_MERCATOR = {102100, 102113, 3857, 900913}
_WGS84 = {4326}
_PASSED = Passed()


def read_register(path: Path, mapping: RegisterMapping) -> Iterator[Row]:
    """Every row of a register, in order; memory does not grow with the file.

    Errors:  BadInput for a file that is not of the mapping's shape, or lacks its fields.
    """
    if mapping.shape is Shape.CSV:
        yield from _csv_rows(path, mapping)
        return
    items = JsonItems(path, "features")
    coordinates: Coordinates | None = None
    for row, feature in enumerate(items, start=1):
        if coordinates is None:
            coordinates = _coordinates(items.rest, mapping, path)
        yield _feature(feature, row, mapping, coordinates)


def _csv_rows(path: Path, mapping: RegisterMapping) -> Iterator[Row]:
    fields = mapping.fields
    assert fields.lon is not None
    assert fields.lat is not None
    try:
        with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
            reader = csv.DictReader(file, delimiter=mapping.delimiter, restval="")
            names = reader.fieldnames or []
            wanted = [*_named(fields), *mapping.keep]
            missing = [name for name in wanted if name not in names]
            if missing:
                raise BadInput(f"{path} lacks the columns {', '.join(missing)}")
            for row, values in enumerate(reader, start=1):
                place = (values[fields.lon], values[fields.lat])
                yield _camera(values, place, row, mapping, mapping.coordinates)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    except csv.Error as error:
        raise BadInput(f"{path} is not readable as CSV: {error}") from error


def _feature(feature: Any, row: int, mapping: RegisterMapping, coordinates: Coordinates) -> Row:
    if not isinstance(feature, dict):
        return Aside(row=row, because="it is no object", text=json.dumps(feature)[:200])
    inner = "attributes" if mapping.shape is Shape.ARCGIS else "properties"
    values = feature.get(inner)
    geometry = feature.get("geometry")
    text = json.dumps(feature, ensure_ascii=False)
    if not isinstance(values, dict):
        return Aside(row=row, because=f"it has no {inner}", text=text)
    fields = mapping.fields
    if fields.lon and fields.lat:
        place = (values.get(fields.lon), values.get(fields.lat))
    elif mapping.shape is Shape.ARCGIS and isinstance(geometry, dict):
        place = (geometry.get("x"), geometry.get("y"))
    elif isinstance(geometry, dict) and geometry.get("type") == "Point":
        pair = geometry.get("coordinates")
        if not isinstance(pair, list) or len(pair) < 2:
            return Aside(row=row, because="its point has no coordinates", text=text)
        place = (pair[0], pair[1])
    else:
        return Aside(row=row, because="it has no point", text=text)
    return _camera(values, place, row, mapping, coordinates)


def _camera(
    values: Mapping[str, Any],
    place: tuple[object, object],
    row: int,
    mapping: RegisterMapping,
    coordinates: Coordinates,
) -> Row:
    for name, allowed in mapping.keep.items():
        if word(values.get(name)) not in allowed:
            return _PASSED
    fields = mapping.fields
    try:
        lon, lat = number_of(place[0], "longitude"), number_of(place[1], "latitude")
        if coordinates is Coordinates.WEB_MERCATOR:
            lon, lat = _degrees(lon, lat)
        ref = word(values.get(fields.ref))
        if not ref:
            raise BadInput(f"{fields.ref} is empty")
        return Surveyed(
            ref=ref,
            lon=lon,
            lat=lat,
            surveillance=_of(values, fields.surveillance).lower(),
            kind="camera",
            zone=_of(values, fields.zone).lower(),
            mount=_of(values, fields.mount).lower(),
            direction=direction_of(_of(values, fields.direction)),
            operator=_of(values, fields.operator),
            row=row,
        )
    except BadInput as error:
        text = ",".join("" if value is None else str(value) for value in values.values())
        return Aside(row=row, because=str(error), text=text)


def _of(values: Mapping[str, Any], name: str | None) -> str:
    return word(values.get(name)) if name else ""


def _named(fields: Fields) -> list[str]:
    return [name for name in fields.model_dump().values() if name]


def _degrees(x_m: float, y_m: float) -> tuple[float, float]:
    """Degrees from metres of EPSG:3857."""
    lon = math.degrees(x_m / _EARTH_M)
    lat = math.degrees(2 * math.atan(math.exp(min(y_m / _EARTH_M, 700.0))) - math.pi / 2)
    return lon, lat


def _coordinates(rest: Mapping[str, Any], mapping: RegisterMapping, path: Path) -> Coordinates:
    """What the file says about its numbers; the mapping's word when it says nothing."""
    stated = rest.get("spatialReference")
    if mapping.shape is not Shape.ARCGIS or not isinstance(stated, dict):
        return mapping.coordinates
    number = stated.get("latestWkid", stated.get("wkid"))
    if number in _WEB_MERCATOR:
        return Coordinates.WEB_MERCATOR
    if number in _WGS84:
        return Coordinates.WGS84
    raise BadInput(f"{path} is in the reference system {number}: export it as WGS 84 (4326)")
