"""The painter: the empty street with everybody on it, farthest first, and what is seen of whom."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fairview.sim.canvas import SCALE, SHIFT, TALL_PX, WIDE_PX, Colour, Points, fine
from fairview.sim.figures import draw_figure, figure
from fairview.sim.furniture import Head, heads, lamps_of
from fairview.sim.junction import FPS, SignalState
from fairview.sim.scenery import SHADE_FULL, Scenery, shade_table, shaded
from fairview.sim.shapes import Mesh, Paint, mesh
from fairview.sim.strip import draw_clock
from fairview.sim.traffic import SIZES_M, Mover
from fairview.sim.view import HEIGHT_PX, SUN, WIDTH_PX, Floats, Picture, View, shadow_of, vector

_CARS: tuple[Colour, ...] = (
    (236, 236, 234),
    (196, 202, 208),
    (64, 68, 76),
    (188, 44, 42),
    (44, 88, 150),
    (38, 42, 48),
    (226, 178, 62),
    (72, 128, 120),
    (150, 152, 156),
    (120, 36, 48),
    (222, 212, 190),
    (92, 140, 186),
)
_BUSES: tuple[Colour, ...] = ((208, 64, 52), (46, 122, 108), (228, 168, 48))
_BOXES: tuple[Colour, ...] = ((238, 236, 230), (232, 200, 120), (120, 160, 190))
_FIXED: dict[Paint, Colour] = {
    "glass": (52, 66, 80),
    "screen": (78, 98, 114),
    "dark": (46, 48, 52),
    "tyre": (34, 34, 38),
    "hub": (150, 152, 156),
    "front": (255, 250, 226),
    "rear": (150, 26, 28),
    "left": (255, 170, 40),
    "right": (255, 170, 40),
    "sign": (255, 196, 70),
}
_GLOWING: frozenset[Paint] = frozenset(("front", "rear", "left", "right", "sign"))
_LAMPS: tuple[tuple[SignalState, Colour, Colour], ...] = (
    ("red", (255, 66, 54), (84, 30, 30)),
    ("amber", (255, 186, 56), (84, 66, 30)),
    ("green", (74, 236, 150), (26, 74, 54)),
)
_PAD_PX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One mover in one picture.

    box_px: left, top, right, bottom of all of it that falls inside the picture, hidden or not.
    seen_frac: how much of that part nothing else hides.
    """

    mover: Mover
    box_px: tuple[float, float, float, float]
    seen_frac: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A finished picture. Shapes: pixels (360, 640, 3) RGB."""

    pixels: Picture
    seen: tuple[Seen, ...]


class Painter:
    """Draws frames of one scene. Used by one thread. Cost: about 10 ms a frame."""

    def __init__(self, view: View, scenery: Scenery) -> None:
        self._view = view
        self._scenery = scenery
        self._shade = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
        self._owner = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
        self._light = shade_table()[:, 0, 0] / 255.0
        self._heads = heads()
        self._grade = _grade()

    def empty(self) -> Picture:
        """The empty street: nobody, all signals dark, the clock blank."""
        return self.paint((), {}, None).pixels

    def paint(
        self, movers: Sequence[Mover], shown: Mapping[str, SignalState], frame: int | None
    ) -> Drawn:
        """One picture. shown: state by head name, dark when missing. frame: for the clock."""
        canvas = self._scenery.still.copy()
        self._owner[:] = 0
        view = self._view
        movers = [mover for mover in movers if self._is_near(mover)]
        self._throw_shadows(canvas, movers)
        dims = self._dims(movers)
        items: list[tuple[float, Mover | Head]] = [
            (view.depth_m(mover.x_m, mover.y_m), mover) for mover in movers
        ]
        items += [(view.depth_m(head.x_m, head.y_m) - 0.1, head) for head in self._heads]
        outlines: list[tuple[Mover, Points]] = []
        for _, item in sorted(items, key=lambda entry: -entry[0]):
            if isinstance(item, Head):
                self._draw_lamps(canvas, item, shown.get(item.name, "off"))
                continue
            if len(outlines) >= 254:
                break
            outline = self._draw_mover(canvas, item, dims[item.number], frame or 0)
            outlines.append((item, outline))
            self._hide(canvas, item, outline, len(outlines))
        small = cv2.resize(canvas, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
        pixels = np.asarray(cv2.LUT(small, self._grade), dtype=np.uint8)
        draw_clock(pixels, frame)
        return Drawn(pixels=pixels, seen=self._seen(outlines))

    def _throw_shadows(self, canvas: Picture, movers: Sequence[Mover]) -> None:
        """Soft shadows: worked out from the lit street, so that two never darken twice."""
        self._shade[:] = 0
        boxes = []
        for mover in movers:
            drawn = []
            for ground_m, level in _shadow_shapes(mover):
                flat = np.column_stack([ground_m, np.zeros(len(ground_m))])
                points = fine(self._view.project(flat))
                cv2.fillConvexPoly(self._shade, points, level, cv2.LINE_AA, SHIFT + 1)
                drawn.append(points)
            if drawn:
                boxes.append(_box_of(np.concatenate(drawn), _PAD_PX))
        # Half as fine as the canvas (one bit of shift more): a shadow's edge is soft anyway.
        small = cv2.GaussianBlur(self._shade, (0, 0), 0.9)
        soft = cv2.resize(small, (WIDE_PX, TALL_PX), interpolation=cv2.INTER_LINEAR)
        stage = self._scenery
        for left, top, right, bottom in boxes:
            if left >= right or top >= bottom:
                continue
            rows, columns = slice(top, bottom), slice(left, right)
            cast = cv2.multiply(soft[rows, columns], stage.ground[rows, columns], scale=1 / 255)
            both = np.asarray(cv2.max(cast, stage.shade[rows, columns]), dtype=np.uint8)
            canvas[rows, columns] = shaded(stage.lit[rows, columns], both)

    def _dims(self, movers: Sequence[Mover]) -> dict[int, float]:
        """How much light reaches each: less in a building's or a tree's shadow."""
        if not movers:
            return {}
        spots = np.array(
            [
                (
                    mover.x_m + math.cos(mover.heading) * part * SIZES_M[mover.kind][0],
                    mover.y_m + math.sin(mover.heading) * part * SIZES_M[mover.kind][0],
                    0.0,
                )
                for mover in movers
                for part in (-0.35, 0.0, 0.35)
            ]
        )
        seen = (self._view.project(spots) * SCALE).astype(np.int64)
        columns, rows = np.clip(seen[:, 0], 0, WIDE_PX - 1), np.clip(seen[:, 1], 0, TALL_PX - 1)
        shade = np.minimum(self._scenery.shade[rows, columns], SHADE_FULL)
        light = 0.25 + 0.75 * self._light[shade].reshape(-1, 3).mean(axis=1)
        return {mover.number: float(dim) for mover, dim in zip(movers, light, strict=True)}

    def _is_near(self, mover: Mover) -> bool:
        """Whether somebody or their shadow could reach into the picture."""
        depth = self._view.depth_m(mover.x_m, mover.y_m)
        if depth < 5.0:
            return False
        x, y = self._view.project(np.array([(mover.x_m, mover.y_m, 0.8)]))[0]
        reach = (SIZES_M[mover.kind][0] + 3.0) * self._view.focal_px / depth
        return bool(-reach < x < WIDTH_PX + reach and -reach < y < HEIGHT_PX + reach)

    def _draw_mover(self, canvas: Picture, mover: Mover, dim: float, frame: int) -> Points:
        """Draw somebody; the outline on the canvas."""
        if mover.kind in ("person", "bicycle"):
            depth = self._view.depth_m(mover.x_m, mover.y_m)
            return draw_figure(canvas, self._view, figure(mover), depth, dim)
        return self._draw_vehicle(canvas, mover, dim, frame)

    def _draw_vehicle(self, canvas: Picture, mover: Mover, dim: float, frame: int) -> Points:
        shape = mesh(mover.kind, mover.look % 3 if mover.kind == "car" else 0)
        turn = _turn(mover.heading)
        points_m = shape.points_m @ turn + (mover.x_m, mover.y_m, 0.0)
        normals = shape.normals @ turn
        points = fine(self._view.project(points_m))
        toward = np.array(self._view.eye_m) - points_m[shape.faces[:, 0]]
        facing = np.nonzero(np.einsum("ij,ij->i", toward, normals) > 0)[0]
        colours = _face_colours(shape, normals, mover, dim)
        hull = np.asarray(cv2.convexHull(points)[:, 0], dtype=np.int32)
        under = colours[0] * 0.45
        cv2.fillConvexPoly(canvas, hull, (under[0], under[1], under[2]), cv2.LINE_AA, SHIFT)
        corners = points[shape.faces]
        blinks = mover.turn if (frame // (FPS // 3)) % 2 == 0 else 0
        for index in facing:
            paint = shape.paints[index]
            if (paint == "left" and blinks != 1) or (paint == "right" and blinks != -1):
                continue
            red, green, blue = colours[index]
            cv2.fillConvexPoly(canvas, corners[index], (red, green, blue), cv2.LINE_AA, SHIFT)
        return hull

    def _hide(self, canvas: Picture, mover: Mover, outline: Points, number: int) -> None:
        """Lay over somebody what stands before them, and note whose pixels are whose."""
        left, top, right, bottom = _box_of(outline, 3)
        if left >= right or top >= bottom:
            return
        # The owner map is half as fine: one bit of shift more does it.
        cv2.fillConvexPoly(self._owner, outline, number, cv2.LINE_8, SHIFT + 1)
        for cut in self._scenery.cuts:
            height, width = cut.coverage.shape
            if (
                cut.left < right
                and left < cut.left + width
                and cut.top < bottom
                and top < cut.top + height
                and cut.hides(mover.x_m, mover.y_m)
            ):
                cut.lay_over(canvas, (left, top, right, bottom))
                self._disown(cut.left, cut.top, cut.coverage, (left, top, right, bottom))

    def _disown(
        self, cut_left: int, cut_top: int, coverage: Picture, box: tuple[int, int, int, int]
    ) -> None:
        """Pixels under a cut-out belong to nobody."""
        height, width = coverage.shape
        left, right = max(box[0], cut_left), min(box[2], cut_left + width)
        top, bottom = max(box[1], cut_top), min(box[3], cut_top + height)
        left, top = left + left % 2, top + top % 2
        mask = coverage[
            top - cut_top : bottom - cut_top : 2, left - cut_left : right - cut_left : 2
        ]
        spot = self._owner[
            top // 2 : top // 2 + mask.shape[0], left // 2 : left // 2 + mask.shape[1]
        ]
        spot[mask[: spot.shape[0], : spot.shape[1]] > 127] = 0

    def _draw_lamps(self, canvas: Picture, head: Head, state: SignalState) -> None:
        """A head's lamps when they face the camera: the lit one glows."""
        facing = np.array((math.cos(head.facing), math.sin(head.facing), 0.0))
        middle = np.array((head.x_m, head.y_m, head.z_m))
        if (np.array(self._view.eye_m) - middle) @ facing <= 0:
            return
        side = np.array((-facing[1], facing[0], 0.0))
        is_walk = head.name.startswith("walk-")
        turns = np.linspace(0, 2 * math.pi, 12, endpoint=False)
        radius = 0.17 if not is_walk else 0.16
        ring = (np.outer(np.cos(turns), side) + np.outer(np.sin(turns), (0.0, 0.0, 1.0))) * radius
        for lamp, (name, bright, dark) in zip(lamps_of(head), _LAMPS, strict=True):
            if is_walk and name == "amber":
                continue
            points = fine(self._view.project(ring + lamp))
            is_lit = name == state
            cv2.fillConvexPoly(canvas, points, bright if is_lit else dark, cv2.LINE_AA, SHIFT)
            if is_lit:
                _glow(canvas, self._view.project(lamp[None])[0] * SCALE, bright)

    def _seen(self, outlines: list[tuple[Mover, Points]]) -> tuple[Seen, ...]:
        visible = np.bincount(self._owner.ravel(), minlength=256)
        found = []
        frame = np.array(
            [(0, 0), (WIDTH_PX, 0), (WIDTH_PX, HEIGHT_PX), (0, HEIGHT_PX)], dtype=np.float32
        )
        for number, (mover, outline) in enumerate(outlines, start=1):
            shape = ((outline / (1 << SHIFT) + 0.5) / SCALE).astype(np.float32)
            (low_x, low_y), (high_x, high_y) = shape.min(axis=0), shape.max(axis=0)
            left, top = max(float(low_x), 0.0), max(float(low_y), 0.0)
            right, bottom = min(float(high_x), WIDTH_PX), min(float(high_y), HEIGHT_PX)
            if right - left < 1.0 or bottom - top < 1.0:
                continue
            if low_x < 0 or low_y < 0 or high_x > WIDTH_PX or high_y > HEIGHT_PX:
                area = float(cv2.intersectConvexConvex(shape, frame)[0])
            else:
                area = float(cv2.contourArea(shape))
            if area < 4.0:
                continue
            found.append(
                Seen(
                    mover=mover,
                    box_px=(left, top, right, bottom),
                    seen_frac=min(float(visible[number]) / area, 1.0),
                )
            )
        return tuple(found)


def _turn(heading: float) -> Floats:
    cos, sin = math.cos(heading), math.sin(heading)
    return np.array([(cos, sin, 0.0), (-sin, cos, 0.0), (0.0, 0.0, 1.0)])


def _box_of(points: Points, pad: int) -> tuple[int, int, int, int]:
    """The canvas pixels around points, widened and clipped: left, top, right, bottom."""
    low = (points.min(axis=0) >> SHIFT) - pad
    high = (points.max(axis=0) >> SHIFT) + pad + 1
    return (
        max(int(low[0]), 0),
        max(int(low[1]), 0),
        min(int(high[0]), WIDE_PX),
        min(int(high[1]), TALL_PX),
    )


def _face_colours(shape: Mesh, normals: Floats, mover: Mover, dim: float) -> Floats:
    """Every face's colour under the sun. Shapes: (f, 3)."""
    look = mover.look
    body = {
        "bus": _BUSES[look // 7 % len(_BUSES)],
        "truck": _CARS[look // 7 % len(_CARS)],
    }.get(mover.kind, _CARS[look // 7 % len(_CARS)])
    second: Colour = _BOXES[look // 91 % len(_BOXES)] if mover.kind == "truck" else (240, 234, 220)
    tones = dict(_FIXED)
    tones["body"], tones["second"] = body, second
    if mover.is_braking:
        tones["rear"] = (255, 58, 48)
    base = np.array([tones[paint] for paint in shape.paints])
    sun = np.maximum(normals @ SUN, 0.0)[:, None]
    lit = (np.array((0.46, 0.49, 0.56)) + np.array((0.66, 0.61, 0.50)) * sun) * (
        0.9 + 0.1 * normals[:, 2:3]
    )
    shine = np.array([paint in ("glass", "screen") for paint in shape.paints])[:, None]
    lit = np.where(shine, 0.8 + 0.55 * np.maximum(normals[:, 2:3], 0.0) + 0.25 * sun, lit)
    glowing = np.array([paint in _GLOWING for paint in shape.paints])[:, None]
    return np.asarray(np.clip(base * np.where(glowing, 1.0, lit * dim), 0, 255), dtype=np.float64)


def _shadow_shapes(mover: Mover) -> list[tuple[Floats, int]]:
    """What darkens the ground: the cast shadow, and the dark right under a vehicle."""
    spot = np.array((mover.x_m, mover.y_m, 0.0))
    if mover.kind in ("person", "bicycle"):
        head = spot + vector(0.0, 0.0, 1.7)
        fallen = shadow_of(np.stack([spot, head]))[:, :2]
        along = fallen[1] - fallen[0]
        side = np.array([-along[1], along[0]]) / float(np.linalg.norm(along))
        shapes: list[tuple[Floats, int]] = [
            (
                np.stack(
                    [
                        fallen[0] + side * 0.16,
                        fallen[0] - side * 0.16,
                        fallen[1] - side * 0.26,
                        fallen[1] + along * 0.12,
                        fallen[1] + side * 0.26,
                    ]
                ),
                SHADE_FULL,
            )
        ]
        if mover.kind == "bicycle":
            ahead = np.array((math.cos(mover.heading), math.sin(mover.heading), 0.0)) * 0.85
            wheels = shadow_of(
                np.stack(
                    [
                        spot - ahead,
                        spot + ahead,
                        spot + ahead + (0, 0, 0.6),
                        spot - ahead + (0, 0, 0.6),
                    ]
                )
            )[:, :2]
            shapes.append((wheels, 150))
        return shapes
    shape = mesh(mover.kind, mover.look % 3 if mover.kind == "car" else 0)
    turn = _turn(mover.heading)
    long, wide, _ = SIZES_M[mover.kind]
    foot = np.array(
        [(x * long / 2, y * wide / 2, 0.0) for x, y in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
    )
    foot_m = foot @ turn + spot
    roof = shadow_of(shape.roof_m @ turn + spot)
    outline = np.concatenate([roof[:, :2], foot_m[:, :2] * 0.04 + spot[:2] * 0.96])
    hull = cv2.convexHull(outline.astype(np.float32))[:, 0]
    inner = (foot * (0.96, 0.92, 1.0)) @ turn + spot
    return [(np.asarray(hull, dtype=np.float64), SHADE_FULL), (inner[:, :2], 255)]


def _glow(canvas: Picture, middle: Floats, colour: Colour) -> None:
    """A soft halo around a lit lamp."""
    reach = 13
    x, y = round(float(middle[0])), round(float(middle[1]))
    if not (reach <= x < WIDE_PX - reach and reach <= y < TALL_PX - reach):
        return
    steps = np.arange(-reach, reach + 1)
    falloff = np.exp(-(steps[:, None] ** 2 + steps[None] ** 2) / (2 * 4.2**2)) * 0.55
    halo = (falloff[:, :, None] * np.array(colour)).astype(np.uint8)
    spot = canvas[y - reach : y + reach + 1, x - reach : x + reach + 1]
    cv2.add(spot, halo, dst=spot)


def _grade() -> Picture:
    """A gentle curve: a little more contrast, warm lights, cool darks. Shapes: (1, 256, 3)."""
    level = np.linspace(0, 1, 256)
    curve = level + 0.06 * np.sin((level - 0.5) * 2 * math.pi) * 0.9
    lift = np.stack([curve * 1.03, curve * 1.01 + 0.002, curve * 0.975 + 0.014], axis=1)
    return np.asarray(np.clip(lift * 255, 0, 255), dtype=np.uint8).reshape(1, 256, 3)
