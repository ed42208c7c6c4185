"""Drawing in space at twice the picture's size: polygons, cut-outs that can hide others, light.

Colours are red, green, blue. A cut-out's colours are already multiplied by its coverage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from fairview.sim.view import HEIGHT_PX, SUN, WIDTH_PX, Floats, Picture, View

SCALE = 2
"""Everything is drawn this much larger, then averaged down."""
WIDE_PX, TALL_PX = WIDTH_PX * SCALE, HEIGHT_PX * SCALE
SHIFT = 4
"""Bits of a pixel's fraction handed to OpenCV, for movement finer than a pixel."""

Colour = tuple[float, float, float]
Points = npt.NDArray[np.int32]


def fine(points_px: Floats) -> Points:
    """Picture points as OpenCV's fixed point on the drawing canvas. Shapes: (n, 2)."""
    # A pixel's middle is half a pixel in, at both sizes.
    shifted = (points_px * SCALE - 0.5) * (1 << SHIFT)
    return np.clip(np.rint(shifted), -(1 << 20), 1 << 20).astype(np.int32)


def fill(picture: Picture, points: Points, colour: Colour) -> None:
    """A filled polygon of any shape, smooth at its edges."""
    cv2.fillPoly(picture, [points], colour, cv2.LINE_AA, SHIFT)


def light(normal: Floats, colour: Colour) -> Colour:
    """A matt surface under sun and sky. normal is a unit vector."""
    sun = max(0.0, float(normal @ SUN))
    sky = 0.5 + 0.5 * float(normal[2])
    gains = (0.46 + 0.66 * sun, 0.49 + 0.61 * sun, 0.56 + 0.50 * sun)
    lift = 0.86 + 0.14 * sky
    red, green, blue = (
        min(255.0, part * gain * lift) for part, gain in zip(colour, gains, strict=True)
    )
    return red, green, blue


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOut:
    """Something that stands in the street, ready to be laid over what is behind it.

    Shapes:  colours (h, w, 3), coverage (h, w); left, top on the drawing canvas.
    hides: whether something on the ground at x, y (m) is behind it.
    """

    left: int
    top: int
    colours: Picture
    coverage: Picture
    hides: Callable[[float, float], bool]
    depth_m: float

    def lay_over(self, canvas: Picture, box: tuple[int, int, int, int] | None = None) -> None:
        """Draw it, only inside a box (left, top, right, bottom) when one is given."""
        height, width = self.coverage.shape
        left, top, right, bottom = box or (0, 0, canvas.shape[1], canvas.shape[0])
        left, right = max(left, self.left), min(right, self.left + width)
        top, bottom = max(top, self.top), min(bottom, self.top + height)
        if left >= right or top >= bottom:
            return
        rows = slice(top - self.top, bottom - self.top)
        columns = slice(left - self.left, right - self.left)
        coverage = self.coverage[rows, columns]
        if not coverage.any():
            return
        under = canvas[top:bottom, left:right]
        keep = cv2.merge([cv2.bitwise_not(coverage)] * 3)
        cv2.add(cv2.multiply(under, keep, scale=1 / 255), self.colours[rows, columns], dst=under)


class Sheet:
    """A clear sheet to draw one standing thing on, then cut it out."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.colours = np.zeros((TALL_PX, WIDE_PX, 3), np.uint8)
        self.coverage = np.zeros((TALL_PX, WIDE_PX), np.uint8)

    def polygon(self, points_m: Floats, colour: Colour) -> None:
        """A flat polygon in space. Shapes: (n, 3)."""
        self.flat(fine(self.view.project(points_m)), colour)

    def flat(self, points: Points, colour: Colour) -> None:
        """A polygon given in canvas points."""
        fill(self.colours, points, colour)
        cv2.fillPoly(self.coverage, [points], 255, cv2.LINE_AA, SHIFT)

    def disc(self, centre: tuple[float, float], radius: float, colour: Colour) -> None:
        """A round spot; centre and radius in canvas pixels."""
        at = (round(centre[0] * (1 << SHIFT)), round(centre[1] * (1 << SHIFT)))
        size = max(round(radius * (1 << SHIFT)), 1)
        cv2.circle(self.colours, at, size, colour, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(self.coverage, at, size, 255, -1, cv2.LINE_AA, SHIFT)

    def rod(self, a_m: Floats, b_m: Floats, thick_m: float, colour: Colour) -> None:
        """A round bar between two points in space, lit along its left side."""
        ends = self.view.project(np.stack([a_m, b_m])) * SCALE
        middle = (a_m + b_m) / 2
        width = (
            thick_m * self.view.focal_px * SCALE / self.view.depth_m(*(float(v) for v in middle))
        )
        along = (ends[1] - ends[0]) / max(float(np.linalg.norm(ends[1] - ends[0])), 1e-6)
        side = np.array([-along[1], along[0]]) * max(width, 1.6) / 2
        if side[0] > 0:
            side = -side
        shape = np.stack([ends[0] + side, ends[1] + side, ends[1] - side, ends[0] - side])
        self.flat(fine(shape / SCALE), colour)
        lit = np.stack([ends[0] + side, ends[1] + side, ends[1], ends[0]])
        bright: Colour = tuple(min(255.0, part * 1.35 + 12) for part in colour)  # type: ignore[assignment]  # three parts in, three out
        self.flat(fine(lit / SCALE), bright)

    def warp(self, texture: Picture, corners_m: Floats, gain: Colour = (1.0, 1.0, 1.0)) -> None:
        """Lay a texture on a quadrilateral in space.

        corners_m: top left, top right, bottom right, bottom left of the texture. Shapes: (4, 3).
        """
        height, width = texture.shape[:2]
        target = (self.view.project(corners_m) * SCALE - 0.5).astype(np.float32)
        source = np.array(
            [(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32
        ) - np.float32(0.5)
        transform = cv2.getPerspectiveTransform(source, target)
        lit = np.clip(texture * np.array(gain, dtype=np.float32), 0, 255).astype(np.uint8)
        size = (WIDE_PX, TALL_PX)
        laid = cv2.warpPerspective(
            lit, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        mask = np.zeros((TALL_PX, WIDE_PX), np.uint8)
        cv2.fillPoly(mask, [fine(self.view.project(corners_m))], 255, cv2.LINE_AA, SHIFT)
        over = cv2.merge([mask] * 3)
        self.colours = np.asarray(
            cv2.add(
                cv2.multiply(self.colours, cv2.bitwise_not(over), scale=1 / 255),
                cv2.multiply(laid, over, scale=1 / 255),
            ),
            dtype=np.uint8,
        )
        self.coverage = np.asarray(cv2.max(self.coverage, mask), dtype=np.uint8)

    def box(self, low_m: Floats, high_m: Floats, colour: Colour) -> None:
        """An upright box: the three faces this camera can see of it (west, south, top)."""
        x0, y0, z0 = (float(part) for part in low_m)
        x1, y1, z1 = (float(part) for part in high_m)
        faces: list[tuple[tuple[float, float, float], list[tuple[float, float, float]]]] = []
        if self.view.eye_m[0] < x0:
            faces.append(((-1, 0, 0), [(x0, y1, z0), (x0, y0, z0), (x0, y0, z1), (x0, y1, z1)]))
        if self.view.eye_m[0] > x1:
            faces.append(((1, 0, 0), [(x1, y0, z0), (x1, y1, z0), (x1, y1, z1), (x1, y0, z1)]))
        if self.view.eye_m[1] < y0:
            faces.append(((0, -1, 0), [(x0, y0, z0), (x1, y0, z0), (x1, y0, z1), (x0, y0, z1)]))
        faces.append(((0, 0, 1), [(x0, y0, z1), (x1, y0, z1), (x1, y1, z1), (x0, y1, z1)]))
        for normal, corners in faces:
            self.polygon(np.array(corners, dtype=np.float64), light(np.array(normal), colour))

    def cut(self, hides: Callable[[float, float], bool], depth_m: float) -> CutOut | None:
        """What was drawn, as a cut-out; None when nothing of it is in the picture."""
        found = cv2.boundingRect(self.coverage)
        left, top, width, height = (int(part) for part in found)
        if width == 0 or height == 0:
            return None
        rows, columns = slice(top, top + height), slice(left, left + width)
        return CutOut(
            left=left,
            top=top,
            colours=self.colours[rows, columns].copy(),
            coverage=self.coverage[rows, columns].copy(),
            hides=hides,
            depth_m=depth_m,
        )


def behind_point(view: View, x_m: float, y_m: float) -> Callable[[float, float], bool]:
    """Whether something is farther from the camera than a slender thing standing at x, y."""
    depth = view.depth_m(x_m, y_m)
    return lambda x, y: view.depth_m(x, y) > depth
