"""The houses around the junction: facades with windows and shops, roofs, and how they hide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from fairview.sim.canvas import Colour, CutOut, Sheet, light
from fairview.sim.view import Picture, View

_PX_PER_M = 20
_STOREY_M = 3.4
_SHOP_M = 4.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """An upright block on the ground between two corners, metres."""

    x_m: tuple[float, float]
    y_m: tuple[float, float]
    storeys: int
    wall: Colour
    trim: Colour
    has_shops: bool = True
    is_brick: bool = False
    awnings: tuple[Colour, Colour] = ((196, 72, 58), (244, 238, 226))

    @property
    def height_m(self) -> float:
        return (_SHOP_M if self.has_shops else 0.0) + self.storeys * _STOREY_M + 0.9


BUILDINGS: tuple[Building, ...] = (
    Building(
        x_m=(-27.0, -9.4), y_m=(13.2, 30.0), storeys=3, wall=(226, 205, 170), trim=(246, 238, 224)
    ),
    Building(
        x_m=(-47.0, -27.0),
        y_m=(13.2, 32.0),
        storeys=4,
        wall=(186, 112, 88),
        trim=(234, 222, 204),
        is_brick=True,
        awnings=((52, 104, 92), (240, 236, 224)),
    ),
    Building(
        x_m=(-75.0, -47.0), y_m=(13.2, 30.0), storeys=3, wall=(200, 206, 204), trim=(240, 240, 236)
    ),
    Building(
        x_m=(-26.0, -9.4), y_m=(30.0, 48.0), storeys=2, wall=(198, 148, 118), trim=(238, 228, 212)
    ),
    Building(
        x_m=(-30.0, -9.4), y_m=(48.0, 90.0), storeys=4, wall=(214, 196, 172), trim=(240, 234, 224)
    ),
    Building(
        x_m=(9.4, 27.0),
        y_m=(13.2, 31.0),
        storeys=4,
        wall=(178, 96, 76),
        trim=(238, 226, 206),
        is_brick=True,
        awnings=((44, 84, 126), (240, 238, 230)),
    ),
    Building(
        x_m=(27.0, 46.0),
        y_m=(13.2, 30.0),
        storeys=3,
        wall=(232, 218, 190),
        trim=(250, 244, 232),
        awnings=((206, 150, 52), (246, 240, 226)),
    ),
    Building(
        x_m=(46.0, 66.0), y_m=(13.2, 32.0), storeys=5, wall=(160, 172, 180), trim=(226, 230, 230)
    ),
    Building(
        x_m=(66.0, 92.0), y_m=(13.2, 30.0), storeys=4, wall=(206, 166, 136), trim=(240, 230, 216)
    ),
    Building(
        x_m=(9.4, 30.0), y_m=(31.0, 60.0), storeys=3, wall=(204, 198, 186), trim=(240, 238, 232)
    ),
    Building(
        x_m=(30.0, 70.0),
        y_m=(36.0, 70.0),
        storeys=6,
        wall=(188, 178, 168),
        trim=(228, 224, 218),
        has_shops=False,
    ),
    Building(
        x_m=(9.4, 40.0), y_m=(60.0, 95.0), storeys=5, wall=(212, 188, 160), trim=(238, 232, 222)
    ),
)


def cut_buildings(view: View, seed: int) -> list[CutOut]:
    """All buildings as cut-outs, far ones first. Cost: about 0.5 s."""
    rng = np.random.default_rng([seed, 5])
    found = []
    for one in BUILDINGS:
        sheet = Sheet(view)
        _draw(sheet, one, rng)
        depth = min(view.depth_m(x, one.y_m[0]) for x in one.x_m)
        cut = sheet.cut(_hider(view, one), depth)
        if cut is not None:
            found.append(cut)
    return sorted(found, key=lambda cut: -cut.depth_m)


def _hider(view: View, one: Building) -> Callable[[float, float], bool]:
    """Behind a block means: beyond every wall of it that the camera sees."""
    eye_x = view.eye_m[0]

    def hides(x: float, y: float) -> bool:
        if y <= one.y_m[0]:
            return False
        if eye_x < one.x_m[0]:
            return x >= one.x_m[0]
        return not (eye_x > one.x_m[1] and x >= one.x_m[1])

    return hides


def _draw(sheet: Sheet, one: Building, rng: np.random.Generator) -> None:
    (x0, x1), (y0, y1), top = one.x_m, one.y_m, one.height_m
    view = sheet.view
    if view.eye_m[0] < x0:
        _face(sheet, one, rng, ((x0, y1), (x0, y0)), (-1.0, 0.0))
    if view.eye_m[0] > x1:
        _face(sheet, one, rng, ((x1, y0), (x1, y1)), (1.0, 0.0))
    _face(sheet, one, rng, ((x0, y0), (x1, y0)), (0.0, -1.0))
    roof = np.array([(x0, y0, top), (x1, y0, top), (x1, y1, top), (x0, y1, top)])
    sheet.polygon(roof, light(np.array((0.0, 0.0, 1.0)), one.trim))
    low = top - 0.55
    inner = np.array(
        [(x0 + 0.4, y0 + 0.4), (x1 - 0.4, y0 + 0.4), (x1 - 0.4, y1 - 0.4), (x0 + 0.4, y1 - 0.4)]
    )
    grey: Colour = (168, 166, 164)
    sheet.polygon(
        np.column_stack([inner, np.full(4, top)]), light(np.array((0.0, 0.0, 1.0)), (128, 126, 128))
    )
    lit = inner + np.array([(0.9, 0.35), (0, 0.35), (0, 0), (0.9, 0)])
    floor = np.column_stack([lit, np.full(4, top)])
    sheet.polygon(floor, light(np.array((0.0, 0.0, 1.0)), grey))
    _roof_things(sheet, one, rng, low)


def _roof_things(sheet: Sheet, one: Building, rng: np.random.Generator, low: float) -> None:
    """A stair hut, machines and a planted bed."""
    (x0, x1), (y0, y1) = one.x_m, one.y_m
    spots = []
    for _ in range(4):
        x, y = float(rng.uniform(x0 + 2, x1 - 5)), float(rng.uniform(y0 + 2.5, y1 - 5))
        spots.append((y, x, rng.uniform(1.2, 3.4), rng.uniform(1.2, 2.6), rng.uniform(0.7, 1.9)))
    taken: list[tuple[float, float]] = []
    for y, x, long, wide, high in sorted(spots, reverse=True):
        if any(abs(x - a) < 4 and abs(y - b) < 4 for a, b in taken):
            continue
        taken.append((x, y))
        shadow = np.array([(x, y), (x + long, y), (x + long, y + wide), (x, y + wide)])
        for push in (0.0, 0.5, 1.0):
            moved = shadow + np.array((0.9, 0.4)) * high * push
            sheet.polygon(np.column_stack([moved, np.full(4, low + 0.55)]), (104, 106, 116))
        sheet.box(
            np.array((x, y, low + 0.55)),
            np.array((x + long, y + wide, low + 0.55 + high)),
            (204, 202, 198),
        )


def _face(
    sheet: Sheet,
    one: Building,
    rng: np.random.Generator,
    ends: tuple[tuple[float, float], tuple[float, float]],
    normal: tuple[float, float],
) -> None:
    (ax, ay), (bx, by) = ends
    width = abs(bx - ax) + abs(by - ay)
    texture = _facade(one, width, rng)
    top = one.height_m
    corners = np.array([(ax, ay, top), (bx, by, top), (bx, by, 0.0), (ax, ay, 0.0)])
    sheet.warp(texture, corners, light(np.array((*normal, 0.0)), (1.0, 1.0, 1.0)))
    if one.has_shops:
        _awnings(sheet, one, ends, normal, rng)


def _facade(one: Building, width_m: float, rng: np.random.Generator) -> Picture:
    """A wall with its windows, drawn flat. Shapes: (h, w, 3) at 20 px a metre."""
    height = round(one.height_m * _PX_PER_M)
    width = round(width_m * _PX_PER_M)
    wall = np.empty((height, width, 3), np.float32)
    wall[:] = one.wall
    if one.is_brick:
        wall[::4] *= 0.93
        wall *= 1 + rng.normal(0, 0.035, (height // 2 + 1, width // 3 + 1)).repeat(2, 0).repeat(
            3, 1
        )[:height, :width, None].astype(np.float32)
    wall *= (
        1
        + cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 9)[
            :, :, None
        ]
        * 0.35
    )
    picture = np.asarray(np.clip(wall, 0, 255), dtype=np.uint8)
    columns = max(int(width_m / 2.9), 2)
    pitch = width / columns
    base = height - (round(_SHOP_M * _PX_PER_M) if one.has_shops else 0)
    for storey in range(one.storeys):
        sill = base - round((storey * _STOREY_M + 0.95) * _PX_PER_M)
        for column in range(columns):
            _window(picture, one, (round((column + 0.5) * pitch), sill), rng)
        band = base - round(storey * _STOREY_M * _PX_PER_M)
        if storey == 0 or not one.is_brick:
            cv2.rectangle(picture, (0, band - 5), (width, band - 1), one.trim, -1)
            cv2.rectangle(picture, (0, band), (width, band + 2), _dark(one.wall, 0.78), -1)
    if one.has_shops:
        _shops(picture, one, base, rng)
    cv2.rectangle(picture, (0, 0), (width, 13), one.trim, -1)
    cv2.rectangle(picture, (0, 14), (width, 19), _dark(one.wall, 0.72), -1)
    fade = np.linspace(1.03, 0.9, height, dtype=np.float32)[:, None, None]
    return np.asarray(np.clip(picture * fade, 0, 255), dtype=np.uint8)


def _dark(colour: Colour, gain: float) -> Colour:
    return colour[0] * gain, colour[1] * gain, colour[2] * gain


def _window(
    picture: Picture, one: Building, middle: tuple[int, int], rng: np.random.Generator
) -> None:
    """One window: lintel, reveal, glass with the sky in it, a cross bar and a sill."""
    x, sill = middle
    half, high = 13, 34
    cv2.rectangle(picture, (x - half - 3, sill - high - 5), (x + half + 3, sill), one.trim, -1)
    cv2.rectangle(picture, (x - half, sill - high), (x + half, sill - 1), (58, 70, 82), -1)
    glass = picture[sill - high : sill, x - half : x + half + 1]
    sky = np.linspace(1.0, 0.0, glass.shape[0])[:, None, None]
    mirror = np.array((150, 182, 204)) * float(rng.uniform(0.75, 1.1))
    deep = np.array((62, 78, 92))
    glass[:] = np.clip(deep + (mirror - deep) * sky * float(rng.uniform(0.45, 1.0)), 0, 255)
    if rng.random() < 0.4:
        blind = int(high * float(rng.uniform(0.2, 0.65)))
        cv2.rectangle(
            picture, (x - half, sill - high), (x + half, sill - high + blind), (226, 218, 200), -1
        )
    elif rng.random() < 0.14:
        cv2.rectangle(picture, (x - half, sill - high), (x + half, sill - 1), (244, 214, 150), -1)
    glass[:4] = (glass[:4] * 0.6).astype(np.uint8)
    glass[:, :3] = (glass[:, :3] * 0.7).astype(np.uint8)
    cv2.line(picture, (x, sill - high), (x, sill), one.trim, 2)
    cv2.line(picture, (x - half, sill - high + 12), (x + half, sill - high + 12), one.trim, 2)
    cv2.rectangle(picture, (x - half - 5, sill), (x + half + 5, sill + 3), one.trim, -1)
    cv2.rectangle(
        picture, (x - half - 5, sill + 4), (x + half + 5, sill + 6), _dark(one.wall, 0.72), -1
    )
    if rng.random() < 0.16:
        for spot in range(-half, half, 4):
            green = (70 + int(rng.integers(50)), 130 + int(rng.integers(40)), 60)
            cv2.circle(picture, (x + spot + 2, sill - 1), 4, green, -1)
            if rng.random() < 0.5:
                cv2.circle(picture, (x + spot + 2, sill - 3), 2, (226, 92, 92), -1)


def _shops(picture: Picture, one: Building, base: int, rng: np.random.Generator) -> None:
    """Shop fronts along the foot of a wall."""
    height, width = picture.shape[:2]
    count = max(round(width / (5.4 * _PX_PER_M)), 1)
    pitch = width / count
    cv2.rectangle(picture, (0, base), (width, height), _dark(one.trim, 0.86), -1)
    for index in range(count):
        left, right = round(index * pitch) + 8, round((index + 1) * pitch) - 8
        tone = float(rng.uniform(0.7, 1.1))
        cv2.rectangle(
            picture, (left, base + 20), (right, height - 8), (66 * tone, 74 * tone, 80 * tone), -1
        )
        pane = picture[base + 22 : height - 10, left + 2 : right - 2]
        glow = np.linspace(0.2, 0.75, pane.shape[0])[:, None, None]
        warm = np.array((236, 204, 150)) * tone
        pane[:] = np.clip(pane * (1 - glow * 0.6) + warm * glow * 0.6, 0, 255)
        for bar in range(left, right, 30):
            cv2.line(picture, (bar, base + 20), (bar, height - 8), (52, 54, 58), 2)
        door = left + int(rng.integers(0, max(right - left - 24, 1)))
        cv2.rectangle(picture, (door, base + 30), (door + 20, height), (74, 60, 50), -1)
        cv2.rectangle(picture, (door + 3, base + 34), (door + 17, height - 12), (150, 168, 176), -1)
        sign: Colour = tuple(
            int(v) for v in rng.choice([(46, 70, 92), (120, 48, 44), (48, 84, 64), (70, 62, 84)])
        )  # type: ignore[assignment]  # each row has three parts
        cv2.rectangle(picture, (left, base + 4), (right, base + 18), sign, -1)
        for letter in range(left + 14, right - 22, 9):
            if rng.random() < 0.8:
                cv2.rectangle(
                    picture, (letter, base + 8), (letter + 5, base + 14), (238, 228, 204), -1
                )


def _awnings(
    sheet: Sheet,
    one: Building,
    ends: tuple[tuple[float, float], tuple[float, float]],
    normal: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Striped awnings over some of the shops."""
    a, b = np.array(ends[0]), np.array(ends[1])
    width = float(np.linalg.norm(b - a))
    count = max(round(width / 5.4), 1)
    out = np.array(normal) * 1.25
    for index in range(count):
        if rng.random() < 0.35:
            continue
        start, end = (index + 0.08) / count, (index + 0.92) / count
        stripes = 8
        for stripe in range(stripes):
            s = start + (end - start) * stripe / stripes
            e = start + (end - start) * (stripe + 1) / stripes
            wall = [a + (b - a) * s, a + (b - a) * e]
            shape = np.array(
                [
                    (*wall[0], 3.35),
                    (*wall[1], 3.35),
                    (*(wall[1] + out), 2.6),
                    (*(wall[0] + out), 2.6),
                ]
            )
            tilt = np.array((*normal, 1.4)) / np.linalg.norm((*normal, 1.4))
            sheet.polygon(shape, light(tilt, one.awnings[stripe % 2]))
            skirt = np.array(
                [
                    (*(wall[0] + out), 2.6),
                    (*(wall[1] + out), 2.6),
                    (*(wall[1] + out), 2.32),
                    (*(wall[0] + out), 2.32),
                ]
            )
            sheet.polygon(
                skirt, _dark(light(np.array((*normal, 0.0)), one.awnings[stripe % 2]), 0.95)
            )
