"""The ground of the junction: asphalt, kerbs, paving, lawn and paint, as seen by the camera."""

from __future__ import annotations

import math

import cv2
import numpy as np

from fairview.sim.canvas import SCALE, SHIFT, TALL_PX, WIDE_PX, Colour, fill, fine
from fairview.sim.junction import (
    CORNER_M,
    CYCLE_M,
    LANE_M,
    MAIN_KERB_M,
    MAIN_STOP_M,
    MAIN_ZEBRA_M,
    SIDE_KERB_M,
    SIDE_LANE_M,
    SIDE_STOP_M,
    SIDE_ZEBRA_M,
)
from fairview.sim.view import Floats, Picture, View, vector

FAR_M = 140.0
_ASPHALT: Colour = (92, 94, 101)
_PAVING: Colour = (196, 189, 178)
_KERB: Colour = (219, 214, 205)
_LAWN: Colour = (126, 158, 84)
_PLAZA: Colour = (206, 186, 163)
_CYCLE: Colour = (166, 92, 78)
_PAINT: Colour = (236, 236, 230)
_GRAVEL: Colour = (216, 202, 172)

_CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def paint_ground(view: View, seed: int) -> Picture:
    """The lit ground without shadows. Shapes: (720, 1280, 3). Cost: about 0.6 s."""
    rng = np.random.default_rng([seed, 3])
    picture = np.empty((TALL_PX, WIDE_PX, 3), np.uint8)
    picture[:] = _PAVING
    _tile(picture, view, _paving_tile(rng), None)
    park = _block(1, -1, 3.2)
    _shape(picture, view, park, _LAWN)
    _tile(picture, view, _noise_tile(rng, 0.16, 22), park)
    path = _park_path()
    _shape(picture, view, path, _GRAVEL)
    _tile(picture, view, _noise_tile(rng, 0.08, 3), path)
    plaza = _block(-1, -1, 4.2)
    _shape(picture, view, plaza, _PLAZA)
    _tile(picture, view, _plaza_tile(rng), plaza)
    _roads(picture, view, rng)
    _markings(picture, view)
    return picture


def _block(sign_x: int, sign_y: int, inset: float) -> Floats:
    """What lies behind a corner's pavement."""
    x, y = SIDE_KERB_M + inset, MAIN_KERB_M + inset
    return np.array(
        [
            (sign_x * x, sign_y * (y + 3.0)),
            (sign_x * (x + 3.0), sign_y * y),
            (sign_x * FAR_M, sign_y * y),
            (sign_x * FAR_M, sign_y * FAR_M),
            (sign_x * x, sign_y * FAR_M),
        ]
    )


def _park_path() -> Floats:
    """A curved gravel way through the park corner."""
    middle = [
        (8.6 + t * 34, -12.4 - t * 22 - 5.0 * math.sin(t * 3.0)) for t in np.linspace(0, 1, 24)
    ]
    left = [(x + 0.8, y + 0.9) for x, y in middle]
    right = [(x - 0.8, y - 0.9) for x, y in middle[::-1]]
    return np.array(left + right)


def _in_front(view: View, ground_m: Floats) -> Floats:
    """The part of a polygon well in front of the camera. Shapes: (n, 2) to (m, 2)."""
    forward = view.axes()[2]
    depth = (np.column_stack([ground_m, np.zeros(len(ground_m))]) - np.array(view.eye_m)) @ forward
    kept: list[Floats] = []
    for index in range(len(ground_m)):
        here, there = depth[index - 1] - 4.0, depth[index] - 4.0
        if here * there < 0:
            part = here / (here - there)
            kept.append(ground_m[index - 1] * (1 - part) + ground_m[index] * part)
        if there >= 0:
            kept.append(ground_m[index])
    return np.array(kept).reshape(-1, 2)


def ground_points(view: View, ground_m: Floats) -> Floats:
    """Pixels of a polygon on the ground. Shapes: (n, 2) to (m, 2)."""
    clipped = _in_front(view, ground_m)
    return view.project(np.column_stack([clipped, np.zeros(len(clipped))]))


def _shape(picture: Picture, view: View, ground_m: Floats, colour: Colour) -> None:
    seen = ground_points(view, ground_m)
    if len(seen) >= 3:
        fill(picture, fine(seen), colour)


def _tile(picture: Picture, view: View, tile: Floats, inside: Floats | None) -> None:
    """Multiply part of the ground by a repeating pattern of 16 px a metre around 1."""
    per_metre = np.diag([1 / 16, 1 / 16, 1.0])
    zoom = np.diag([SCALE, SCALE, 1.0])
    transform = zoom @ view.homography() @ per_metre
    size = (WIDE_PX, TALL_PX)
    laid = cv2.warpPerspective(
        tile.astype(np.float32),
        transform,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    if inside is not None:
        mask = np.zeros((TALL_PX, WIDE_PX), np.uint8)
        cv2.fillPoly(mask, [fine(ground_points(view, inside))], 255, cv2.LINE_AA, SHIFT)
        laid = 1 + (laid - 1) * (mask / np.float32(255))
    picture[:] = np.clip(picture * laid[:, :, None], 0, 255).astype(np.uint8)


def _smooth_noise(rng: np.random.Generator, grain_px: int, size: int = 512) -> Floats:
    """Noise that repeats without a seam, of mean 0 and spread 1."""
    raw = rng.standard_normal((size, size)).astype(np.float32)
    if grain_px > 1:
        wide = np.tile(raw, (3, 3))
        soft = cv2.GaussianBlur(wide, (0, 0), grain_px / 2)
        raw = np.asarray(soft[size : 2 * size, size : 2 * size], dtype=np.float32)
    return np.asarray((raw - raw.mean()) / raw.std(), dtype=np.float64)


def _noise_tile(rng: np.random.Generator, strength: float, grain_px: int) -> Floats:
    fine_grain = _smooth_noise(rng, 2)
    coarse = _smooth_noise(rng, grain_px)
    return np.asarray(1 + strength * (0.45 * fine_grain + 0.55 * coarse) * 0.7, dtype=np.float64)


def _paving_tile(rng: np.random.Generator) -> Floats:
    """Slabs of one metre by half a metre, each a little different."""
    tile = np.ones((512, 512))
    for row in range(64):
        for column in range(32):
            shade = 1 + float(rng.normal(0, 0.022))
            left = column * 16 + (8 if row % 2 else 0)
            tile[row * 8 : row * 8 + 8, left : left + 16] = shade
            tile[row * 8 : row * 8 + 8, left : left + 1] = 0.92
        tile[row * 8 : row * 8 + 1] = 0.93
    return np.asarray(tile * (1 + 0.012 * _smooth_noise(rng, 2)), dtype=np.float64)


def _plaza_tile(rng: np.random.Generator) -> Floats:
    """Small setts with a darker band every four metres."""
    tile = np.ones((512, 512))
    for row in range(0, 512, 4):
        for column in range(0, 512, 4):
            tile[row : row + 4, column : column + 4] = 1 + float(rng.normal(0, 0.04))
    for band in range(0, 512, 64):
        tile[band : band + 5] *= 0.84
        tile[:, band : band + 5] *= 0.84
    return tile


def _rectangle(x0: float, x1: float, y0: float, y1: float) -> Floats:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _road_outline(extra: float) -> Floats:
    """The carriageway's edge with rounded corners, once around; extra widens it."""
    main, side = MAIN_KERB_M + extra, SIDE_KERB_M + extra
    radius = CORNER_M - extra
    points: list[tuple[float, float]] = []
    for sign_x, sign_y in ((1, 1), (-1, 1), (-1, -1), (1, -1)):
        centre = (sign_x * (side + radius), sign_y * (main + radius))
        arc = [
            (centre[0] - sign_x * radius * math.cos(a), centre[1] - sign_y * radius * math.sin(a))
            for a in np.linspace(0, math.pi / 2, 14)
        ]
        arm = [(sign_x * side, sign_y * FAR_M), *arc, (sign_x * FAR_M, sign_y * main)]
        points.extend(arm[::-1] if sign_x * sign_y > 0 else arm)
    return np.array(points)


def _roads(picture: Picture, view: View, rng: np.random.Generator) -> None:
    _shape(picture, view, _road_outline(0.35), _KERB)
    road = _road_outline(0.0)
    _shape(picture, view, _road_outline(0.06), (150, 147, 142))
    _shape(picture, view, road, _ASPHALT)
    for sign in (1, -1):
        # Cycle lanes end at the crossings and go on as dashes over the junction.
        for sign_x in (1, -1):
            x = sorted((sign_x * MAIN_ZEBRA_M[1], sign_x * FAR_M))
            y = sorted((sign * (LANE_M * 1.5 + 0.15), sign * (MAIN_KERB_M - 0.12)))
            _shape(picture, view, _rectangle(x[0], x[1], y[0], y[1]), _CYCLE)
    _tracks(picture, view)
    _patches(picture, view, rng)
    _tile(picture, view, _noise_tile(rng, 0.075, 60), road)


def _tracks(picture: Picture, view: View) -> None:
    """Where tyres have polished the lanes: a little lighter; oil in between: darker."""
    layer = np.zeros((TALL_PX, WIDE_PX), np.float32)
    strips = []
    for lane in (-LANE_M, 0.0, LANE_M):
        for offset, gain in ((-0.8, 0.05), (0.8, 0.05), (0.0, -0.045)):
            strips.append(
                (_rectangle(-FAR_M, FAR_M, lane + offset - 0.3, lane + offset + 0.3), gain)
            )
    for lane in (-SIDE_LANE_M, SIDE_LANE_M):
        for offset, gain in ((-0.8, 0.04), (0.8, 0.04), (0.0, -0.04)):
            strips.append(
                (_rectangle(lane + offset - 0.3, lane + offset + 0.3, -FAR_M, FAR_M), gain)
            )
    mask = np.zeros((TALL_PX, WIDE_PX), np.uint8)
    for shape, gain in strips:
        mask[:] = 0
        cv2.fillPoly(mask, [fine(ground_points(view, shape))], 255, cv2.LINE_AA, SHIFT)
        layer += mask * np.float32(gain / 255)
    soft = cv2.GaussianBlur(layer, (0, 0), 4)
    picture[:] = np.clip(picture * (1 + soft[:, :, None]), 0, 255).astype(np.uint8)


def _patches(picture: Picture, view: View, rng: np.random.Generator) -> None:
    """Repairs, covers and drains: what makes a street look used."""
    for x, y, long, wide, gain in (
        (-19.0, -2.2, 6.0, 1.6, 0.9),
        (16.5, 3.9, 4.0, 1.3, 1.1),
        (-1.2, -27.0, 1.4, 5.0, 0.88),
        (2.0, 24.0, 1.6, 7.0, 1.1),
        (27.0, -4.1, 8.0, 1.2, 0.91),
    ):
        colour: Colour = tuple(part * gain for part in _ASPHALT)  # type: ignore[assignment]  # three parts in, three out
        _shape(picture, view, _rectangle(x, x + long, y, y + wide), colour)
    for x, y in ((-6.3, 1.3), (4.9, -1.2), (0.9, 14.4), (-17.0, 3.4), (20.0, -0.4), (0.4, -20.0)):
        turn = np.linspace(0, 2 * math.pi, 20, endpoint=False)
        ring = np.column_stack([np.cos(turn), np.sin(turn)])
        _shape(picture, view, ring * 0.42 + vector(x, y), (62, 62, 66))
        _shape(picture, view, ring * 0.34 + vector(x, y), (112, 110, 108))
    for sign_x, sign_y in _CORNERS:
        for along in (22.0, 38.0):
            x, y = sign_x * along, sign_y * (MAIN_KERB_M - 0.28)
            _shape(picture, view, _rectangle(x, x + 0.7, y - 0.18, y + 0.18), (58, 58, 60))
    del rng


def _markings(picture: Picture, view: View) -> None:
    def paint(x0: float, x1: float, y0: float, y1: float) -> None:
        _shape(picture, view, _rectangle(x0, x1, y0, y1), _PAINT)

    edge = LANE_M * 1.5
    for turned in (1, -1):
        # Zebra bars lie along the traffic; one bar of half a metre, one gap of the same.
        for bar in np.arange(-MAIN_KERB_M + 0.45, MAIN_KERB_M - 0.6, 1.03):
            x = sorted((turned * MAIN_ZEBRA_M[0], turned * MAIN_ZEBRA_M[1]))
            paint(x[0], x[1], bar, bar + 0.52)
        for bar in np.arange(-SIDE_KERB_M + 0.3, SIDE_KERB_M - 0.5, 0.98):
            y = sorted((turned * SIDE_ZEBRA_M[0], turned * SIDE_ZEBRA_M[1]))
            paint(bar, bar + 0.5, y[0], y[1])
        stop = turned * -MAIN_STOP_M
        y = sorted((turned * -(MAIN_KERB_M - 0.2), turned * LANE_M / 2))
        paint(stop - 0.2, stop + 0.2, y[0], y[1])
        stop = turned * -SIDE_STOP_M
        x = sorted((turned * 0.1, turned * (SIDE_KERB_M - 0.2)))
        paint(x[0], x[1], stop - 0.2, stop + 0.2)
        for side in (1, -1):
            x = sorted((side * MAIN_STOP_M, side * FAR_M))
            paint(x[0], x[1], turned * edge - 0.06, turned * edge + 0.06)
            for dash in np.arange(MAIN_STOP_M + 0.2, FAR_M, 6.0):
                long = 12.0 if dash < 14 else 3.0
                x = sorted((side * dash, side * (dash + long)))
                paint(x[0], x[1], turned * LANE_M / 2 - 0.06, turned * LANE_M / 2 + 0.06)
        for dash in np.arange(SIDE_STOP_M, FAR_M, 6.0):
            long = 9.0 if dash < 17 else 3.0
            y = sorted((turned * dash, turned * (dash + long)))
            paint(-0.07, 0.07, y[0], y[1])
        for dash in np.arange(-7.6, 7.6, 1.6):
            for line in (edge + 0.1, MAIN_KERB_M - 0.15):
                paint(dash, dash + 0.7, turned * line - 0.07, turned * line + 0.07)
    _arrows(picture, view)


def _arrows(picture: Picture, view: View) -> None:
    """Lane arrows before each stop line, and bicycles on the cycle lanes."""
    straight = [
        (-1.6, -0.09),
        (0.5, -0.09),
        (0.5, -0.36),
        (1.6, 0),
        (0.5, 0.36),
        (0.5, 0.09),
        (-1.6, 0.09),
    ]
    left = [
        (-1.6, -0.09),
        (0.75, -0.09),
        (0.75, 0.5),
        (1.1, 0.5),
        (0.66, 1.15),
        (0.2, 0.5),
        (0.55, 0.5),
        (0.55, 0.09),
        (-1.6, 0.09),
    ]
    for turned in (1, -1):
        for back in (20.0, 36.0):
            for shape, lane in ((straight, -LANE_M), (left, -0.25)):
                moved = np.array(shape) + vector(-back, lane)
                _shape(picture, view, moved * turned, _PAINT)
        moved = np.array(straight)[:, ::-1] * (-1, 1) + (SIDE_LANE_M, -21.5)
        _shape(picture, view, moved * turned, _PAINT)
        for back in (17.0, -16.0, 30.0, -30.0):
            _bicycle_sign(picture, view, turned, back)


def _bicycle_sign(picture: Picture, view: View, turned: int, back: float) -> None:
    turn = np.linspace(0, 2 * math.pi, 16)
    ring = np.column_stack([np.cos(turn), np.sin(turn)]) * 0.36
    frame = np.array([(-0.55, 0), (-0.1, 0.55), (0.45, 0.5), (0.0, 0.0), (-0.1, 0.55)])
    lines = (
        ring + vector(-0.55, 0),
        ring + vector(0.6, 0),
        frame,
        np.array([(0.6, 0), (0.4, 0.75)]),
    )
    for line in lines:
        seen = fine(ground_points(view, (line + vector(-back, -CYCLE_M - 0.2)) * turned))
        if len(seen):
            cv2.polylines(picture, [seen], False, _PAINT, 1, cv2.LINE_AA, SHIFT)
