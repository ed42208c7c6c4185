"""People on foot and on bicycles: limbs as thick strokes, in step with the ground they cover."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fairview.sim.canvas import SCALE, SHIFT, Colour, Points, fine
from fairview.sim.traffic import Mover
from fairview.sim.view import Floats, Picture, View

_SKIN: tuple[Colour, ...] = ((236, 190, 160), (206, 154, 118), (160, 112, 82), (112, 78, 60))
_HAIR: tuple[Colour, ...] = (
    (52, 40, 34),
    (92, 62, 40),
    (176, 134, 80),
    (120, 118, 116),
    (38, 36, 40),
)
_TOPS: tuple[Colour, ...] = (
    (204, 74, 62),
    (52, 98, 150),
    (236, 226, 208),
    (72, 124, 96),
    (222, 166, 62),
    (92, 74, 128),
    (58, 62, 70),
    (178, 190, 198),
    (206, 120, 134),
)
_LEGS: tuple[Colour, ...] = (
    (52, 62, 86),
    (70, 66, 62),
    (136, 122, 100),
    (44, 46, 52),
    (94, 104, 118),
)
_FRAMES: tuple[Colour, ...] = ((196, 60, 56), (44, 92, 140), (40, 42, 46), (60, 130, 110))
_HELMETS: tuple[Colour, ...] = ((240, 240, 236), (226, 90, 52), (60, 62, 70), (230, 200, 70))


_WHEEL = tuple(
    (0.34 * math.cos(turn / 7 * math.pi), 0.35 + 0.34 * math.sin(turn / 7 * math.pi))
    for turn in range(15)
)
Joint = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Somebody as thick strokes, in the order they are drawn for a camera in the south-west.

    Shapes:  joints_m (n, 3), all strokes' joints one after another. Each stroke has how many
    joints it takes (one makes a ball), its thickness (m) and its colour.
    """

    joints_m: Floats
    strokes: tuple[tuple[int, float, Colour], ...]


class _Limbs:
    """Strokes being gathered."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self.joints: list[Joint] = []
        self.strokes: list[tuple[int, float, Colour]] = []

    def add(self, joints: Sequence[Joint], thick: float, colour: Colour) -> None:
        self.joints.extend(joints)
        self.strokes.append((len(joints), thick * self.scale, colour))


def figure(mover: Mover) -> Figure:
    """Somebody on foot or on a bicycle, standing where they are."""
    limbs = _cyclist(mover) if mover.kind == "bicycle" else _walker(mover)
    cos, sin = math.cos(mover.heading), math.sin(mover.heading)
    turn = np.array([(cos, sin, 0.0), (-sin, cos, 0.0), (0.0, 0.0, 1.0)]) * limbs.scale
    joints = np.array(limbs.joints) @ turn + (mover.x_m, mover.y_m, 0.0)
    return Figure(joints_m=joints, strokes=tuple(limbs.strokes))


def draw_figure(canvas: Picture, view: View, shape: Figure, depth_m: float, dim: float) -> Points:
    """Draw somebody; returns their outline in canvas fixed point. Shapes: (n, 2)."""
    per_m = view.focal_px * SCALE / depth_m
    everything = fine(view.project(shape.joints_m))
    reach = np.empty((len(everything), 1), np.int32)
    first = 0
    for count, thick_m, tone in shape.strokes:
        points = everything[first : first + count]
        colour = (tone[0] * dim, tone[1] * dim, tone[2] * dim)
        radius = thick_m * per_m / 2
        size = round(radius * (1 << SHIFT))
        reach[first : first + count] = size + _STROKE_EDGE
        first += count
        if count == 1:
            centre = (int(points[0, 0]), int(points[0, 1]))
            cv2.circle(canvas, centre, size, colour, -1, cv2.LINE_AA, SHIFT)
        else:
            thick = max(round(radius * 2), 1)
            cv2.polylines(canvas, [points], False, colour, thick, cv2.LINE_AA, SHIFT)
    spread = np.concatenate([everything - reach, everything + reach])
    return np.asarray(cv2.convexHull(spread)[:, 0], dtype=np.int32)


_STROKE_EDGE = (1 << SHIFT) * 3 // 2
"""OpenCV's smooth strokes reach this much further than their thickness says."""


def _pick(options: tuple[Colour, ...], look: int, step: int) -> Colour:
    return options[(look // step) % len(options)]


def _shade(colour: Colour, gain: float) -> Colour:
    return min(255.0, colour[0] * gain), min(255.0, colour[1] * gain), min(255.0, colour[2] * gain)


def _walker(mover: Mover) -> _Limbs:
    look = mover.look
    tall = 0.93 + (look % 17) / 17 * 0.14
    swing = math.sin(mover.travelled_m / 0.72 * math.pi) * min(mover.speed / 1.0, 1.0)
    top, legs = _pick(_TOPS, look, 17), _pick(_LEGS, look, 311)
    skin, hair = _pick(_SKIN, look, 5003), _pick(_HAIR, look, 7919)
    limbs = _Limbs(tall)
    limb = limbs.add

    far_first = sorted((1, -1), key=lambda side: side * math.cos(mover.heading + 0.5), reverse=True)
    for side in far_first:
        foot = 0.34 * swing * side
        lift = (
            0.07
            * max(0.0, math.cos(mover.travelled_m / 0.72 * math.pi) * side)
            * min(mover.speed, 1)
        )
        knee = (foot * 0.5 + 0.05, 0.09 * side, 0.48 + lift)
        limb(
            [(0.0, 0.09 * side, 0.92), knee, (foot, 0.09 * side, 0.08 + lift)],
            0.17,
            _shade(legs, 1.0 if side < 0 else 0.85),
        )
        limb(
            [(foot, 0.09 * side, 0.06 + lift), (foot + 0.16, 0.09 * side, 0.05 + lift)],
            0.12,
            (48, 42, 40),
        )
    far, near = far_first
    arm = -0.26 * swing
    limb(
        [
            (0.0, 0.24 * far, 1.42),
            (arm * far * 0.5, 0.27 * far, 1.15),
            (arm * far, 0.25 * far, 0.92),
        ],
        0.12,
        _shade(top, 0.8),
    )
    limb([(0.0, 0.0, 0.92), (0.0, 0.0, 1.38)], 0.36, _shade(top, 0.92))
    limb([(0.0, -0.13, 1.42), (0.0, 0.13, 1.42)], 0.22, top)
    if look % 3 == 0:
        limb([(-0.2, 0.0, 1.1), (-0.2, 0.0, 1.35)], 0.26, _pick(_TOPS, look, 97))
    limb(
        [
            (0.0, 0.24 * near, 1.42),
            (arm * near * 0.5, 0.28 * near, 1.15),
            (arm * near, 0.26 * near, 0.92),
        ],
        0.12,
        _shade(top, 1.06),
    )
    limb([(0.02, 0.0, 1.62)], 0.25, skin)
    limb([(-0.03, 0.0, 1.68)], 0.25, hair)
    return limbs


def _cyclist(mover: Mover) -> _Limbs:
    look = mover.look
    frame, top = _pick(_FRAMES, look, 17), _pick(_TOPS, look, 311)
    legs, skin = _pick(_LEGS, look, 997), _pick(_SKIN, look, 5003)
    crank = -mover.travelled_m / 2.6 * 2 * math.pi
    limbs = _Limbs()
    limb = limbs.add

    for x in (-0.52, 0.52):
        limb([(x + a, 0.0, z) for a, z in _WHEEL], 0.06, (40, 40, 44))
    limb(
        [(-0.52, 0, 0.35), (-0.08, 0, 0.3), (0.42, 0, 0.86), (-0.2, 0, 0.86), (-0.52, 0, 0.35)],
        0.07,
        frame,
    )
    limb([(-0.08, 0, 0.3), (-0.24, 0, 0.98)], 0.07, frame)
    limb([(0.52, 0, 0.35), (0.4, 0, 1.02)], 0.07, frame)
    limb([(0.4, -0.24, 1.03), (0.4, 0.24, 1.03)], 0.06, (44, 44, 48))
    far_first = sorted((1, -1), key=lambda side: side * math.cos(mover.heading + 0.5), reverse=True)
    for side in far_first:
        turn = crank + (0 if side > 0 else math.pi)
        foot = (-0.08 + 0.17 * math.cos(turn), 0.1 * side, 0.3 + 0.17 * math.sin(turn))
        knee = ((foot[0] - 0.2) / 2 + 0.24, 0.1 * side, (foot[2] + 0.98) / 2 + 0.05)
        limb([(-0.22, 0.09 * side, 1.0), knee, foot], 0.15, _shade(legs, 1.0 if side < 0 else 0.85))
    far, near = far_first
    limb(
        [(0.12, 0.2 * far, 1.44), (0.3, 0.24 * far, 1.2), (0.4, 0.2 * far, 1.06)],
        0.11,
        _shade(top, 0.8),
    )
    limb([(-0.22, 0.0, 1.02), (0.1, 0.0, 1.42)], 0.34, _shade(top, 0.92))
    limb([(0.1, -0.13, 1.44), (0.1, 0.13, 1.44)], 0.2, top)
    limb(
        [(0.12, 0.2 * near, 1.44), (0.3, 0.25 * near, 1.2), (0.4, 0.21 * near, 1.06)],
        0.11,
        _shade(top, 1.06),
    )
    limb([(0.22, 0.0, 1.66)], 0.24, skin)
    limb([(0.2, 0.0, 1.72)], 0.27, _pick(_HELMETS, look, 53))
    return limbs
