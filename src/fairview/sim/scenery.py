"""The street without anybody in it: everything that never moves, drawn once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from fairview.sim.buildings import BUILDINGS, cut_buildings
from fairview.sim.canvas import SHIFT, TALL_PX, WIDE_PX, CutOut, fine
from fairview.sim.furniture import Standing, furnish
from fairview.sim.street import ground_points, paint_ground
from fairview.sim.view import Floats, Picture, View, shadow_of

SHADE_FULL = 205
"""How dark a cast shadow is in the shade mask; 255 is the dark under a vehicle."""

_FULL = np.array((0.52, 0.57, 0.68))
_DEEP = np.array((0.30, 0.33, 0.40))


@cache
def shade_table() -> Picture:
    """What light is left for each value of the shade mask, of 255. Shapes: (256, 1, 3)."""
    level = np.arange(256)[:, None]
    cast = 1 + (_FULL - 1) * np.minimum(level / SHADE_FULL, 1.0)
    deep = (_DEEP - _FULL) * np.clip((level - SHADE_FULL) / (255 - SHADE_FULL), 0, 1)
    return np.asarray(np.rint((cast + deep) * 255), dtype=np.uint8).reshape(256, 1, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenery:
    """Everything that stays, on the drawing canvas.

    Shapes:  lit (720, 1280, 3) without shadows on the ground; shade (720, 1280) those shadows;
    ground (720, 1280) where the ground is seen; still (720, 1280, 3) the empty street.
    cuts: what can hide somebody, far things first.
    """

    lit: Picture
    shade: Picture
    ground: Picture
    still: Picture
    cuts: tuple[CutOut, ...]


def build_scenery(view: View, seed: int) -> Scenery:
    """Draw the empty street. Cost: about 2 s of one core."""
    lit = paint_ground(view, seed)
    shade = np.zeros((TALL_PX, WIDE_PX), np.uint8)
    cover = np.zeros((TALL_PX, WIDE_PX), np.uint8)
    standing = furnish(view, seed)
    for building in BUILDINGS:
        _add_shadow(shade, view, _block_shadow(building.x_m, building.y_m, building.height_m))
    for thing in standing:
        for shadow in thing.shadows:
            _add_shadow(shade, view, shadow)
    shade = np.asarray(cv2.GaussianBlur(shade, (0, 0), 2.2), dtype=np.uint8)
    cuts = _far_first(cut_buildings(view, seed), standing)
    for cut in cuts:
        cut.lay_over(lit)
        height, width = cut.coverage.shape
        spot = cover[cut.top : cut.top + height, cut.left : cut.left + width]
        np.maximum(spot, cut.coverage, out=spot)
    ground = np.asarray(cv2.bitwise_not(cover), dtype=np.uint8)
    shade = np.asarray(cv2.multiply(shade, ground, scale=1 / 255), dtype=np.uint8)
    still = shaded(lit, shade)
    return Scenery(lit=lit, shade=shade, ground=ground, still=still, cuts=tuple(cuts))


def _far_first(houses: list[CutOut], standing: list[Standing]) -> list[CutOut]:
    """Buildings far to near, each after whatever it hides."""
    order: list[CutOut] = []
    left = list(standing)
    for house in houses:
        order.extend(one.cut for one in left if house.hides(one.x_m, one.y_m))
        left = [one for one in left if not house.hides(one.x_m, one.y_m)]
        order.append(house)
    return order + [one.cut for one in left]


def shaded(lit: Picture, shade: Picture) -> Picture:
    """Lit pixels under a shade mask of the same size."""
    light = cv2.LUT(cv2.merge([shade] * 3), shade_table())
    return np.asarray(cv2.multiply(lit, light, scale=1 / 255), dtype=np.uint8)


def _add_shadow(shade: Picture, view: View, ground_m: Floats) -> None:
    seen = ground_points(view, ground_m)
    if len(seen) >= 3:
        cv2.fillPoly(shade, [fine(seen)], SHADE_FULL, cv2.LINE_AA, SHIFT)


def _block_shadow(x_m: tuple[float, float], y_m: tuple[float, float], height_m: float) -> Floats:
    corners = np.array([(x, y, z) for x in x_m for y in y_m for z in (0.0, height_m)])
    hull = cv2.convexHull(shadow_of(corners)[:, :2].astype(np.float32))
    return np.asarray(hull[:, 0], dtype=np.float64)
