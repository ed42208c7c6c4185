"""Pure: the bodies of vehicles as small solids, ready to be turned, lit and drawn.

Each solid is convex or stacked on the one before it, so drawing its camera-facing faces in
order needs no sorting. x points ahead, y to the left, z up; metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from fairview.sim.traffic import SIZES_M, Kind
from fairview.sim.view import Floats

Paint = Literal[
    "body",
    "second",
    "glass",
    "screen",
    "dark",
    "tyre",
    "hub",
    "front",
    "rear",
    "left",
    "right",
    "sign",
]
Indices = npt.NDArray[np.int32]
Corner = tuple[float, float, float]
_CORNERS = 12
"""Corners of a face, padded by repeating the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """A vehicle's faces.

    Shapes:  points_m (n, 3); faces (f, 12) corner numbers; normals (f, 3); paints f names;
    roof_m (k, 3) the outline that throws the shadow.
    """

    points_m: Floats
    faces: Indices
    normals: Floats
    paints: tuple[Paint, ...]
    roof_m: Floats


class _Builder:
    def __init__(self) -> None:
        self.points: list[Corner] = []
        self.faces: list[list[int]] = []
        self.paints: list[Paint] = []

    def face(self, corners: list[Corner], paint: Paint) -> None:
        """One flat face, its corners turning left seen from outside."""
        start = len(self.points)
        self.points.extend(corners)
        self.faces.append(list(range(start, start + len(corners))))
        self.paints.append(paint)

    def band(self, low: list[Corner], high: list[Corner], paints: tuple[Paint, ...]) -> None:
        """The side faces between two outlines of equally many corners."""
        count = len(low)
        for index in range(count):
            after = (index + 1) % count
            self.face(
                [low[index], low[after], high[after], high[index]], paints[index % len(paints)]
            )

    def wheel(self, x: float, side: float, radius: float) -> None:
        """A wheel on one side: tyre and hub."""
        for size, out, paint in ((radius, 0.0, "tyre"), (radius * 0.58, 0.01, "hub")):
            turns = np.linspace(0, 2 * math.pi, 10, endpoint=False)
            ring = [
                (
                    x + size * math.cos(turn),
                    side + math.copysign(out, side),
                    radius + size * math.sin(turn),
                )
                for turn in turns
            ]
            # Left side faces +y: turning left seen from outside means clockwise in x, z.
            self.face(ring[::-1] if side > 0 else ring, "tyre" if paint == "tyre" else "hub")

    def built(self, roof: list[Corner]) -> Mesh:
        points = np.array(self.points)
        faces = np.array(
            [face + [face[-1]] * (_CORNERS - len(face)) for face in self.faces], dtype=np.int32
        )
        a, b, c = points[faces[:, 0]], points[faces[:, 1]], points[faces[:, 2]]
        normals = np.cross(b - a, c - a)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        return Mesh(
            points_m=points,
            faces=faces,
            normals=normals,
            paints=tuple(self.paints),
            roof_m=np.array(roof),
        )


def _outline(front: float, rear: float, half: float, cut: float, z: float) -> list[Corner]:
    """A rectangle with cut corners, once around to the left, from the front right."""
    wide = half - cut
    return [
        (front, -wide, z),
        (front, wide, z),
        (front - cut, half, z),
        (rear + cut, half, z),
        (rear, wide, z),
        (rear, -wide, z),
        (rear + cut, -half, z),
        (front - cut, -half, z),
    ]


_SIDES: tuple[Paint, ...] = ("body",)


@cache
def mesh(kind: Kind, variant: int) -> Mesh:
    """The solid of a vehicle. variant 0 to 2 changes a car's build: saloon, hatchback, estate."""
    builders = {"car": _car, "van": _van, "bus": _bus, "truck": _truck}
    return builders[kind](variant)


def _lamps(build: _Builder, kind: Kind, z: float, half: float) -> None:
    """Head and tail lamps with the turn signals beside them."""
    front, rear = SIZES_M[kind][0] / 2 + 0.02, -SIZES_M[kind][0] / 2 - 0.02
    for sign in (1, -1):
        a, b = sorted((sign * (half - 0.42), sign * (half - 0.02)))
        build.face(
            [(front, a, z), (front, b, z), (front, b, z + 0.17), (front, a, z + 0.17)], "front"
        )
        build.face([(rear, b, z), (rear, a, z), (rear, a, z + 0.2), (rear, b, z + 0.2)], "rear")
        blink: Paint = "left" if sign > 0 else "right"
        c, d = sorted((sign * (half - 0.16), sign * (half + 0.0)))
        build.face(
            [(rear, d, z + 0.2), (rear, c, z + 0.2), (rear, c, z + 0.34), (rear, d, z + 0.34)],
            blink,
        )
        build.face(
            [(front, c, z - 0.12), (front, d, z - 0.12), (front, d, z), (front, c, z)], blink
        )
        y = sign * (half + 0.02)
        e, f = (front - 0.5, front - 0.25) if sign < 0 else (front - 0.25, front - 0.5)
        build.face([(e, y, z), (f, y, z), (f, y, z + 0.13), (e, y, z + 0.13)], blink)


def _car(variant: int) -> Mesh:
    build = _Builder()
    long, wide, _ = SIZES_M["car"]
    front, rear, half = long / 2, -long / 2, wide / 2
    sill = _outline(front - 0.08, rear + 0.08, half - 0.04, 0.22, 0.26)
    belt = _outline(front, rear, half, 0.26, 0.58)
    deck = _outline(front - 0.12, rear + 0.06, half - 0.07, 0.26, 0.88)
    build.band(sill, belt, _SIDES)
    build.band(belt, deck, _SIDES)
    build.face(deck, "body")
    for x in (1.32, -1.3):
        for side in (half + 0.01, -half - 0.01):
            build.wheel(x, side, 0.34)
    _lamps(build, "car", 0.6, half - 0.06)
    nose, tail, roof_tail = {
        0: (0.72, -1.62, -1.0),
        1: (0.85, -1.95, -1.62),
        2: (0.75, -2.02, -1.9),
    }[variant]
    shoulder = _outline(nose, tail, half - 0.1, 0.16, 0.88)
    roof = _outline(nose - 0.72, roof_tail, half - 0.28, 0.14, 1.44)
    build.band(
        shoulder,
        roof,
        ("screen", "body", "glass", "body", "screen", "body", "glass", "body"),
    )
    build.face(roof, "body")
    return build.built(belt + roof)


def _van(variant: int) -> Mesh:
    build = _Builder()
    long, wide, tall = SIZES_M["van"]
    front, rear, half = long / 2, -long / 2, wide / 2
    sill = _outline(front - 0.05, rear + 0.03, half - 0.03, 0.2, 0.3)
    belt = _outline(front, rear, half, 0.2, 1.05)
    build.band(sill, belt, _SIDES)
    build.face(belt, "body")
    for x in (1.65, -1.6):
        for side in (half + 0.01, -half - 0.01):
            build.wheel(x, side, 0.37)
    _lamps(build, "van", 0.72, half - 0.04)
    shoulder = _outline(front - 0.55, rear, half - 0.02, 0.12, 1.05)
    roof = _outline(front - 1.3, rear + 0.08, half - 0.14, 0.16, tall)
    build.band(shoulder, roof, ("screen", "body", "body", "body", "body", "body", "body", "body"))
    for sign in (1, -1):
        y0, y1 = sign * (half - 0.015), sign * (half - 0.1)
        pane: list[Corner] = [
            (front - 1.75, y0, 1.15),
            (front - 0.95, y0, 1.15),
            (front - 1.35, y1, 1.85),
            (front - 1.75, y1, 1.85),
        ]
        build.face(pane if sign < 0 else pane[::-1], "glass")
    build.face(roof, "body")
    return build.built(belt + roof)


def _bus(variant: int) -> Mesh:
    build = _Builder()
    long, wide, tall = SIZES_M["bus"]
    front, rear, half = long / 2, -long / 2, wide / 2
    levels: tuple[tuple[float, float, Paint], ...] = (
        (0.32, 1.15, "body"),
        (1.15, 2.35, "glass"),
        (2.35, 2.85, "second"),
    )
    for floor, ceiling, paint in levels:
        ends: tuple[Paint, ...] = (
            "screen" if paint == "glass" else paint,
            paint,
            paint,
            paint,
            paint,
            paint,
            paint,
            paint,
        )
        build.band(
            _outline(front, rear, half, 0.2, floor), _outline(front, rear, half, 0.2, ceiling), ends
        )
    top = _outline(front - 0.15, rear + 0.1, half - 0.14, 0.2, tall - 0.12)
    build.band(_outline(front, rear, half, 0.2, 2.85), top, ("second",))
    build.face(top, "second")
    for x in (3.4, -3.0):
        for side in (half + 0.01, -half - 0.01):
            build.wheel(x, side, 0.48)
    for sign in (1, -1):
        y = sign * (half + 0.012)
        for x in np.arange(rear + 1.3, front - 0.6, 1.45):
            pillar: list[Corner] = [
                (x, y, 1.15),
                (x + 0.1, y, 1.15),
                (x + 0.1, y, 2.35),
                (x, y, 2.35),
            ]
            build.face(pillar if sign < 0 else pillar[::-1], "dark")
    for x in (4.5, -0.3):
        door: list[Corner] = [
            (x, -half - 0.015, 0.4),
            (x + 1.15, -half - 0.015, 0.4),
            (x + 1.15, -half - 0.015, 2.35),
            (x, -half - 0.015, 2.35),
        ]
        build.face(door, "screen")
    build.face(
        [
            (front + 0.02, -0.85, 2.45),
            (front + 0.02, 0.85, 2.45),
            (front + 0.02, 0.85, 2.8),
            (front + 0.02, -0.85, 2.8),
        ],
        "sign",
    )
    _lamps(build, "bus", 0.62, half - 0.05)
    for x, size in ((-3.9, 1.5), (1.6, 1.1)):
        low = _outline(x + size, x - size, 0.75, 0.15, tall - 0.12)
        high = _outline(x + size - 0.1, x - size + 0.1, 0.65, 0.15, tall + 0.12)
        build.band(low, high, ("second",))
        build.face(high, "second")
    return build.built(_outline(front, rear, half, 0.2, tall - 0.1))


def _truck(variant: int) -> Mesh:
    build = _Builder()
    long, wide, tall = SIZES_M["truck"]
    front, rear, half = long / 2, -long / 2, wide / 2
    build.band(
        _outline(front - 0.1, rear + 0.1, half - 0.25, 0.1, 0.4),
        _outline(front - 0.1, rear + 0.1, half - 0.25, 0.1, 0.95),
        ("dark",),
    )
    for x in (front - 1.1, -2.0):
        for side in (half - 0.02, -half + 0.02):
            build.wheel(x, side, 0.45)
    cab_rear = front - 1.75
    box = [_outline(cab_rear - 0.15, rear, half, 0.06, z) for z in (0.9, tall)]
    cab_low = _outline(front, cab_rear, half - 0.08, 0.16, 0.5)
    cab_belt = _outline(front, cab_rear, half - 0.08, 0.16, 1.45)
    cab_top = _outline(front - 0.3, cab_rear, half - 0.16, 0.16, 2.4)
    build.band(cab_low, cab_belt, _SIDES)
    build.band(
        cab_belt, cab_top, ("screen", "body", "glass", "body", "body", "body", "glass", "body")
    )
    build.face(cab_top, "body")
    _lamps(build, "truck", 0.62, half - 0.12)
    build.band(box[0], box[1], ("second",))
    build.face(box[1], "second")
    return build.built(_outline(cab_rear - 0.15, rear, half, 0.06, tall) + cab_top)
