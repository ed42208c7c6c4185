"""Maps drawn as SVG: where the claims are about, and boundaries shaded by a list's figures."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from fairview.publish.census.boundaries import Boundary
from fairview.publish.census.lists import Entry, RankList
from fairview.publish.census.outputs import figure
from fairview.publish.census.read_claims import own_text

WIDTH = 480
_WEST, _EAST, _SOUTH, _NORTH = -132.0, 158.0, -40.0, 66.0
_CLASSES = 5
_LETTER = 8.6
_LINE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place on the world map. is_flagged: one of its claims does not fit."""

    name: str
    lon: float
    lat: float
    is_flagged: bool


def own_places() -> dict[tuple[str, str], tuple[float, float]]:
    """Where the cities of the project's own claims lie, by country and name."""
    rows = csv.DictReader(io.StringIO(own_text("places.csv")))
    return {(row["country"], row["place"]): (float(row["lon"]), float(row["lat"])) for row in rows}


def world_map(spots: Sequence[Spot]) -> str:
    """Every spot as a dot on hand-drawn land; as many names as fit."""
    scale = WIDTH / (_EAST - _WEST)
    top = _mercator(_NORTH)
    height = round((top - _mercator(_SOUTH)) * scale)

    def at(lon: float, lat: float) -> tuple[float, float]:
        return (lon - _WEST) * scale, (top - _mercator(lat)) * scale

    parts = [
        f'<svg class="map" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="World map of the {len(spots)} cities with claims; the table of places '
        'has them all">'
    ]
    shapes: dict[str, list[str]] = {}
    for row in csv.DictReader(io.StringIO(own_text("land.csv"))):
        x, y = at(float(row["lon"]), float(row["lat"]))
        shapes.setdefault(row["shape"], []).append(f"{x:.1f},{y:.1f}")
    for points in shapes.values():
        parts.append(f'<polygon class="land" points="{" ".join(points)}"/>')
    taken: list[tuple[float, float, float, float]] = []
    dots = [(spot, *at(spot.lon, spot.lat)) for spot in spots]
    taken += [(x - 6, y - 6, x + 6, y + 6) for _, x, y in dots]
    for spot, x, y in dots:
        if spot.is_flagged:
            parts.append(f'<path class="place bad" d="M{x - 6:.1f} {y:.1f}l6-6l6 6l-6 6z"/>')
        else:
            parts.append(f'<circle class="place" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
        parts += _label(spot.name, x, y, height, taken)
    parts.append("</svg>")
    return "\n".join(parts)


def _mercator(lat: float) -> float:
    """Degrees of the equator, as high as Mercator draws a latitude; Antarctica is left out."""
    radians = math.radians(min(max(lat, -80.0), 83.0))
    return math.degrees(math.asinh(math.tan(radians)))


def _label(
    name: str, x: float, y: float, height: float, taken: list[tuple[float, float, float, float]]
) -> list[str]:
    """The name beside its dot where it covers nothing, else nothing."""
    width = len(name) * _LETTER
    tries = (
        (x + 9, y + 5, "start"),
        (x - 9, y + 5, "end"),
        (x, y - 9, "middle"),
        (x, y + 19, "middle"),
    )
    for left, base, anchor in tries:
        start = left - {"start": 0.0, "end": width, "middle": width / 2}[anchor]
        box = (start, base - _LINE + 3, start + width, base + 3)
        is_inside = box[0] >= 0 and box[2] <= WIDTH and box[1] >= 0 and box[3] <= height
        own = (x - 6, y - 6, x + 6, y + 6)
        if is_inside and not any(_meet(box, other) for other in taken if other != own):
            taken.append(box)
            return [
                f'<text class="halo" x="{left:.1f}" y="{base:.1f}" text-anchor="{anchor}">'
                f"{escape(name)}</text>"
            ]
    return []


def _meet(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def shaded_map(made: RankList, boundaries: Sequence[Boundary]) -> str:
    """The boundaries of a list, darker for larger figures, in five classes of equal number."""
    shown = [one for one in boundaries if one.place_kind is made.key.place_kind]
    entries = {(entry.country, entry.place): entry for entry in made.entries}
    bounds = [one.shape.bounds for one in shown]
    west, south = min(b[0] for b in bounds), min(b[1] for b in bounds)
    east, north = max(b[2] for b in bounds), max(b[3] for b in bounds)
    narrow = math.cos(math.radians((south + north) / 2))
    scale = WIDTH / max((east - west) * narrow, 1e-9)
    height = min(max((north - south) * scale, 40.0), 2 * WIDTH)
    scale = min(scale, height / max(north - south, 1e-9))
    steps = _steps([entry.estimate.value for entry in made.entries])
    parts = [
        f'<svg class="map" viewBox="0 0 {WIDTH} {height + 48:.0f}" role="img" '
        f'aria-label="Map of {len(shown)} boundaries shaded by the figures of the table">'
    ]
    for one in shown:
        entry = entries.get((one.country, one.place))
        shade = 0 if entry is None else 1 + sum(entry.estimate.value > step for step in steps)
        points = _path(one.shape, west, north, narrow * scale, scale)
        title = escape(f"{one.place}: {_said(entry, made)}")
        parts.append(f'<path class="edge c{shade}" d="{points}"><title>{title}</title></path>')
    parts += _legend(made, steps, height)
    parts.append("</svg>")
    return "\n".join(parts)


def _said(entry: Entry | None, made: RankList) -> str:
    return "no figure" if entry is None else figure(entry.estimate.value, made.key.per)


def _steps(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered[len(ordered) * at // _CLASSES] for at in range(1, _CLASSES)]


def _legend(made: RankList, steps: Sequence[float], height: float) -> list[str]:
    values = [entry.estimate.value for entry in made.entries]
    ends = [min(values), *steps, max(values)]
    width = WIDTH / _CLASSES
    parts = []
    for at in range(_CLASSES):
        x = at * width
        parts.append(
            f'<rect class="edge c{at + 1}" x="{x:.0f}" y="{height + 10:.0f}" '
            f'width="{width:.0f}" height="12"/>'
        )
        parts.append(
            f'<text x="{x + 2:.0f}" y="{height + 38:.0f}">{figure(ends[at], made.key.per)}</text>'
        )
    return parts


def _path(shape: Any, west: float, north: float, x_scale: float, y_scale: float) -> str:
    """A polygon's outlines as path data, thinned to half a unit of the drawing."""
    thin = shape.simplify(0.5 / y_scale)
    polygons = thin.geoms if thin.geom_type == "MultiPolygon" else [thin]
    parts = []
    for polygon in polygons:
        for ring in (polygon.exterior, *polygon.interiors):
            points = [
                f"{(lon - west) * x_scale:.1f} {(north - lat) * y_scale:.1f}"
                for lon, lat, *_ in ring.coords
            ]
            parts.append("M" + "L".join(points[:-1]) + "z")
    return "".join(parts)


def spots_of(
    places: Mapping[tuple[str, str], bool], known: Mapping[tuple[str, str], tuple[float, float]]
) -> list[Spot]:
    """Dots for the places whose position is known; the value says whether one is flagged."""
    return [
        Spot(name=place[1], lon=known[place][0], lat=known[place][1], is_flagged=flagged)
        for place, flagged in places.items()
        if place in known
    ]
