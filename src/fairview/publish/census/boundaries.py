"""Boundaries of places, their areas, and which camera stands in which."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fairview.core.errors import BadInput
from fairview.core.limits import CENSUS_PLACES_MAX, CENSUS_TEXT_MAX
from fairview.publish.census.claim import PlaceKind
from fairview.publish.census.extras import optional
from fairview.publish.census.json_stream import JsonItems
from fairview.publish.census.provenance import Aside

_A_KM = 6_378.137
_E2 = 0.00669437999014
_E = math.sqrt(_E2)
Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """One place's outline. `shape` is a shapely polygon in degrees, WGS 84."""

    place: str
    place_kind: PlaceKind
    country: str
    area_km2: float
    shape: Any
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBoundaries:
    """rows_read = len(boundaries) + len(aside)."""

    boundaries: tuple[Boundary, ...]
    aside: tuple[Aside, ...]
    rows_read: int


def read_boundaries(path: Path, name_field: str = "name") -> ReadBoundaries:
    """Polygons of a GeoJSON feature collection, with `place_kind` (city) and `country` if given.

    Bounds:  at most CENSUS_PLACES_MAX features.
    Errors:  BadInput for a file that is no feature collection; a bad feature is kept aside.
    """
    shapely = optional("shapely")
    found: list[Boundary] = []
    aside: list[Aside] = []
    names: set[tuple[PlaceKind, str, str]] = set()
    row = 0
    for row, feature in enumerate(JsonItems(path, "features"), start=1):
        if row > CENSUS_PLACES_MAX:
            raise BadInput(f"{path} has more than {CENSUS_PLACES_MAX} boundaries")
        try:
            made = _boundary(feature, row, name_field, shapely)
            name = (made.place_kind, made.country, made.place)
            if name in names:
                raise BadInput(f"{made.place} ({made.country}) stands there twice")
            names.add(name)
            found.append(made)
        except BadInput as error:
            text = json.dumps(feature, ensure_ascii=False)[:CENSUS_TEXT_MAX]
            aside.append(Aside(row=row, because=str(error), text=text))
    return ReadBoundaries(boundaries=tuple(found), aside=tuple(aside), rows_read=row)


def area_km2(shape: Any) -> float:
    """Area on the WGS 84 ellipsoid, through the equal-area cylinder (Snyder 1987, eq. 3-12).

    Exact for edges that run straight on that cylinder; for city outlines the difference is below
    one part in ten thousand.
    """
    shapely = optional("shapely")
    flat = shapely.transform(shape, _equal_area)
    return float(flat.area)


class Containment:
    """Tells which boundary holds a point, at most one per kind of place: the first in the file."""

    def __init__(self, boundaries: Iterable[Boundary]) -> None:
        self._shapely = optional("shapely")
        self._boundaries = tuple(boundaries)
        shapes = [boundary.shape for boundary in self._boundaries]
        self._tree = self._shapely.STRtree(shapes)
        self._kinds = np.array(
            [list(PlaceKind).index(boundary.place_kind) for boundary in self._boundaries],
            dtype=np.int64,
        )

    def of(self, lon: Numbers, lat: Numbers) -> tuple[Places, Places]:
        """Pairs (which point, which boundary), sorted by point."""
        points = self._shapely.points(lon, lat)
        which, where = self._tree.query(points, predicate="intersects")
        order = np.lexsort((where, self._kinds[where], which))
        which, where = which[order], where[order]
        kinds = self._kinds[where]
        is_first = np.ones(which.size, dtype=bool)
        is_first[1:] = (which[1:] != which[:-1]) | (kinds[1:] != kinds[:-1])
        return which[is_first], where[is_first]


def _boundary(feature: Any, row: int, name_field: str, shapely: Any) -> Boundary:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict):
        raise BadInput("it is no feature with properties")
    name = str(properties.get(name_field) or "").strip()
    if not name:
        raise BadInput(f"its property {name_field!r} is empty")
    kind = str(properties.get("place_kind") or "city")
    if kind not in [one.value for one in PlaceKind]:
        raise BadInput(f"place_kind {kind!r} is none of city, country, world")
    try:
        shape = shapely.from_geojson(json.dumps(feature.get("geometry")))
    except shapely.errors.GEOSException as error:
        raise BadInput(f"its geometry cannot be read: {error}") from error
    if shape is None or shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        raise BadInput("its geometry is no polygon")
    if not shape.is_valid:
        raise BadInput(f"its outline is broken: {shapely.is_valid_reason(shape)}")
    west, south, east, north = shape.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise BadInput("its coordinates are not degrees of WGS 84")
    shapely.prepare(shape)
    return Boundary(
        place=name,
        place_kind=PlaceKind(kind),
        country=str(properties.get("country") or "").strip(),
        area_km2=area_km2(shape),
        shape=shape,
        row=row,
    )


def _equal_area(degrees: Numbers) -> Numbers:
    """(lon, lat) in degrees to km on the equal-area cylinder of the ellipsoid."""
    x = np.radians(degrees[:, 0]) * _A_KM
    y = _authalic(np.sin(np.radians(degrees[:, 1]))) * _A_KM / 2
    return np.column_stack((x, y))


def _authalic(sine: Numbers) -> Numbers:
    """Snyder's q of a latitude's sine."""
    inner = sine / (1 - _E2 * sine**2)
    outer = np.log((1 - _E * sine) / (1 + _E * sine)) / (2 * _E)
    return np.asarray((1 - _E2) * (inner - outer))
