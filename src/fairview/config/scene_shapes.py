"""Whether a polygon crosses itself, and where known points lie in metres. Pure.

The projection: points given as latitude and longitude (WGS 84) become east and north on the plane
that touches the ellipsoid at the first of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fairview.core.scene import Point

_SEMI_MAJOR_M = 6_378_137.0
_FLATTENING = 1 / 298.257223563
_ECCENTRICITY_2 = _FLATTENING * (2 - _FLATTENING)


def side_of(a: Point, b: Point, p: Point) -> float:
    """s of FORMATS: above 0 when p lies right, on the screen, of the step from a to b."""
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def crossing_of(points: Sequence[Point]) -> str | None:
    """Where a closed polygon crosses or touches itself, in words; None when it is simple.

    Cost:  one comparison per pair of sides.
    """
    n = len(points)
    sides = [(points[k], points[(k + 1) % n]) for k in range(n)]
    for k, (a, b) in enumerate(sides):
        if a == b:
            return f"point {k + 1} and the next are the same, {_shown(a)}"
    for i in range(n):
        for j in range(i + 1, n):
            is_next = j == i + 1 or (i == 0 and j == n - 1)
            folded = _folds_back(sides[i], sides[j]) if is_next else _meet(sides[i], sides[j])
            if folded:
                return f"side {i + 1} {_side(sides[i])} crosses side {j + 1} {_side(sides[j])}"
    return None


def _shown(point: Point) -> str:
    return f"[{point[0]:g}, {point[1]:g}]"


def _side(side: tuple[Point, Point]) -> str:
    return f"({_shown(side[0])} to {_shown(side[1])})"


def _folds_back(first: tuple[Point, Point], second: tuple[Point, Point]) -> bool:
    """Whether two sides with a corner in common lie on one another."""
    shared = first[1] if first[1] == second[0] else first[0]
    one = first[0] if shared == first[1] else first[1]
    two = second[1] if shared == second[0] else second[0]
    if side_of(shared, one, two) != 0:
        return False
    dot = (one[0] - shared[0]) * (two[0] - shared[0]) + (one[1] - shared[1]) * (two[1] - shared[1])
    return dot > 0


def _meet(first: tuple[Point, Point], second: tuple[Point, Point]) -> bool:
    (a, b), (c, d) = first, second
    turns = (side_of(a, b, c), side_of(a, b, d), side_of(c, d, a), side_of(c, d, b))
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    touches = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(
        turn == 0 and _between(start, end, p)
        for turn, (start, end, p) in zip(turns, touches, strict=True)
    )


def _between(a: Point, b: Point, p: Point) -> bool:
    """Whether p, known to lie on the line through a and b, lies between them."""
    return min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Geodetic:
    """A place on the WGS 84 ellipsoid, in degrees."""

    lat: float
    lon: float

    def from_centre_m(self) -> tuple[float, float, float]:
        """Metres from the earth's centre along its axes."""
        lat, lon = math.radians(self.lat), math.radians(self.lon)
        across = _SEMI_MAJOR_M / math.sqrt(1 - _ECCENTRICITY_2 * math.sin(lat) ** 2)
        return (
            across * math.cos(lat) * math.cos(lon),
            across * math.cos(lat) * math.sin(lon),
            across * (1 - _ECCENTRICITY_2) * math.sin(lat),
        )


def local_metres(origin: Geodetic, place: Geodetic) -> tuple[float, float]:
    """East and north of `origin`, in metres on the plane that touches the ellipsoid there.

    Bounds:  within 1 cm of the distance along the ground up to 25 km (the plane shortens a
             distance d by d^3 / 6R^2: 4 micrometres at 1 km).
    Source:  the usual change from earth-centred to local axes, e.g. OGP guidance note 7-2, 4.1.1
             (EPSG methods 9602 and 9837).
    """
    at, centre = place.from_centre_m(), origin.from_centre_m()
    dx, dy, dz = (one - other for one, other in zip(at, centre, strict=True))
    lat, lon = math.radians(origin.lat), math.radians(origin.lon)
    east = -math.sin(lon) * dx + math.cos(lon) * dy
    north = (
        -math.sin(lat) * math.cos(lon) * dx
        - math.sin(lat) * math.sin(lon) * dy
        + math.cos(lat) * dz
    )
    return east, north
