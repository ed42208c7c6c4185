"""What a covered picture is painted from: a clean picture, flat fill, a border, a label.

A picture's own pixels are taken in two places: by `around`, for everything outside the regions
that a cover with a model hides, and by `uncovered`, which exists for the raw renditions under
privacy zones. Elsewhere a covered picture is a function of the mask alone, and what is filled is
so everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fairview.analyse.cover import Foreground, Motion
from fairview.analyse.planes import Matrix, Planes, colour_of, resized, shrunk
from fairview.core.time import Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Plane = npt.NDArray[np.uint8]

FILL_RGB = (0x33, 0x47, 0x5B)
BORDER_RGB = (0x9F, 0xB4, 0xC7)
FLAT_RGB = (0xC9, 0xD1, 0xD8)
OUTLINE_RGB = (0x5E, 0x73, 0x87)
ZONE_RGB = (0x6B, 0x70, 0x76)
BAND_RGB = (0xB4, 0x3A, 0x32)
LABEL_RGB = (0x1F, 0x2A, 0x35)
LABEL_TEXT_LUMA = 222

Polygon = tuple[tuple[float, float], ...]
"""Corners in 0..1 of the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The words in the corner. is_alarming: a red band along the upper edge. is_timed: with the
    clock time, which a file may not have.
    """

    text: str
    is_alarming: bool = False
    is_timed: bool = True


COVERED = Label(text="covered")
WHOLE_FRAME = Label(text="whole frame covered")


class Painter:
    """Paints pictures of one size for one camera; used by one thread.

    Answers are Planes that are overwritten by the next call: encode or copy them first.
    """

    def __init__(
        self,
        width_px: int,
        height_px: int,
        *,
        matrix: Matrix,
        clean: Planes | None,
        zones: Sequence[Polygon] = (),
        is_timed: bool = True,
    ) -> None:
        """is_timed: write the clock time beside the label."""
        self._covered_label = replace(COVERED, is_timed=is_timed)
        self._whole_label = replace(WHOLE_FRAME, is_timed=is_timed)
        self.width_px, self.height_px = width_px, height_px
        self._matrix: Matrix = matrix
        self._clean = None if clean is None else resized(clean, width_px, height_px)
        self._out = self._flat(FLAT_RGB)
        self._empty = self._flat(FLAT_RGB)
        self._zone = self._zone_masks(zones)
        self._border_px = 1 if height_px < 300 else 2
        self._text_px = max(9, round(height_px * 0.019))
        self._labels: dict[str, Plane] = {}

    def covered(self, foreground: Foreground, at: Instant) -> Planes:
        """Solid shapes on the clean picture."""
        assert self._clean is not None, "shapes need a clean picture to stand on"
        assert not foreground.is_unsure, "an unsure picture is covered as a whole"
        self._start(self._clean)
        if foreground.mask.any():
            fill = self._enlarged(foreground.mask)
            ring = cv2.dilate(fill, _square(2 * self._border_px + 1))
            self._fill(np.asarray(ring, dtype=np.uint8), BORDER_RGB)
            self._fill(fill, FILL_RGB)
        return self._finished(self._covered_label, at)

    def around(self, planes: Planes, mask: Plane, at: Instant) -> Planes:
        """The picture's own pixels around solid fill: the cover that knows people.

        mask: coarse, 0 or 255; every pixel that it touches is filled, and a margin around.
        """
        self._start(shrunk(planes, (self.width_px, self.height_px)))
        if mask.any():
            self._fill(self._outwards(mask), FILL_RGB)
        return self._finished(self._covered_label, at)

    def whole_frame(self, motion: Motion | None, at: Instant) -> Planes:
        """A flat picture with the outlines of what moves, if that is known."""
        self._start(self._empty)
        if motion is not None and motion.mask.any():
            shape = self._enlarged(motion.mask)
            inner = cv2.erode(shape, _square(4 * self._border_px + 1))
            ring = np.asarray(cv2.subtract(shape, inner), dtype=np.uint8)
            self._fill(ring, OUTLINE_RGB)
        return self._finished(self._whole_label, at)

    def uncovered(self, planes: Planes, label: Label, at: Instant) -> Planes:
        """The picture itself, under its privacy zones."""
        self._start(resized(planes, self.width_px, self.height_px))
        return self._finished(label, at)

    def _flat(self, rgb: tuple[int, int, int]) -> Planes:
        values = colour_of(rgb, self._matrix)
        half = ((self.height_px + 1) // 2, (self.width_px + 1) // 2)
        shapes = ((self.height_px, self.width_px), half, half)
        luma, blue, red = (
            np.full(shape, value, dtype=np.uint8)
            for shape, value in zip(shapes, values, strict=True)
        )
        return Planes(luma=luma, blue=blue, red=red, matrix=self._matrix)

    def _start(self, below: Planes) -> None:
        np.copyto(self._out.luma, below.luma)
        np.copyto(self._out.blue, below.blue)
        np.copyto(self._out.red, below.red)

    def _enlarged(self, mask: Plane) -> Plane:
        """A coarse mask at the picture's size, with rounded instead of stepped edges."""
        soft = cv2.GaussianBlur(mask, (5, 5), 0)
        large = cv2.resize(soft, (self.width_px, self.height_px), interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.threshold(large, 100, 255, cv2.THRESH_BINARY)[1], dtype=np.uint8)

    def _outwards(self, mask: Plane) -> Plane:
        """A coarse mask at the picture's size, nowhere smaller: colour planes are half as fine,
        so one coarse pixel is added on all sides before the edges are smoothed.
        """
        wide = cv2.dilate(mask, _square(3))
        large = cv2.resize(wide, (self.width_px, self.height_px), interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.threshold(large, 100, 255, cv2.THRESH_BINARY)[1], dtype=np.uint8)

    def _fill(self, mask: Plane, rgb: tuple[int, int, int]) -> None:
        luma, blue, red = colour_of(rgb, self._matrix)
        half = cv2.resize(
            mask,
            (self._out.blue.shape[1], self._out.blue.shape[0]),
            interpolation=cv2.INTER_NEAREST,
        )
        _set(self._out.luma, luma, mask)
        _set(self._out.blue, blue, np.asarray(half, dtype=np.uint8))
        _set(self._out.red, red, np.asarray(half, dtype=np.uint8))

    def _finished(self, label: Label, at: Instant) -> Planes:
        if self._zone is not None:
            self._fill(self._zone, ZONE_RGB)
        if label.is_alarming:
            self._band()
        self._write(label, at)
        return self._out

    def _zone_masks(self, zones: Sequence[Polygon]) -> Plane | None:
        if not zones:
            return None
        mask = np.zeros((self.height_px, self.width_px), dtype=np.uint8)
        for zone in zones:
            corners = np.array(zone, dtype=np.float64) * (self.width_px, self.height_px)
            cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 255)
        # Two pixels of margin: colour planes are half as fine as brightness.
        return np.asarray(cv2.dilate(mask, _square(5)), dtype=np.uint8)

    def _band(self) -> None:
        height = max(4, round(self.height_px * 0.012)) // 2 * 2
        luma, blue, red = colour_of(BAND_RGB, self._matrix)
        self._out.luma[:height] = luma
        self._out.blue[: height // 2] = blue
        self._out.red[: height // 2] = red

    def _write(self, label: Label, at: Instant) -> None:
        """The label and the clock time, opaque, in the lower left corner."""
        form = "%H:%M:%S UTC" if self.width_px < 400 else "%Y-%m-%d %H:%M:%S UTC"
        text = label.text
        if label.is_timed:
            text = f"{text}   {at.datetime_utc().strftime(form)}"
        patch = self._labels.get(text)
        if patch is None:
            self._labels.clear()
            patch = self._labels[text] = text_patch(text, self._text_px, width_px_max=self.width_px)
        patch = patch[: self.height_px]
        height, width = patch.shape
        top = self.height_px - height
        self._out.luma[top:, :width] = patch
        _, blue, red = colour_of(LABEL_RGB, self._matrix)
        self._out.blue[top // 2 :, : width // 2] = blue
        self._out.red[top // 2 :, : width // 2] = red


def text_patch(text: str, height_px: int, *, width_px_max: int) -> Plane:
    """Light text on a dark strip as brightness, even-sized; drawn large and shrunk, so that it
    stays readable when small.
    """
    large, font, scale = 6, cv2.FONT_HERSHEY_SIMPLEX, height_px / 22
    (width, height), below = cv2.getTextSize(text, font, scale * large, 7)
    pad = round(height_px * 0.55) * large
    canvas = np.zeros((height + below + pad, width + 2 * pad), dtype=np.uint8)
    thickness = max(5, round(height_px * 0.6))
    cv2.putText(canvas, text, (pad, pad // 2 + height), font, scale * large, 255, thickness)
    size = (canvas.shape[1] // large // 2 * 2, canvas.shape[0] // large // 2 * 2)
    small = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    dark = colour_of(LABEL_RGB, "bt601")[0]
    patch = np.asarray(np.round(dark + small * (LABEL_TEXT_LUMA - dark)), dtype=np.uint8)
    return patch[:, : width_px_max // 2 * 2]


def _set(plane: Plane, value: int, mask: Plane) -> None:
    """plane[mask] = value, without the 0.7 ms that indexing takes at 640x360."""
    cv2.copyTo(np.full_like(plane, value), mask, plane)


def _square(size_px: int) -> Plane:
    return np.ones((size_px, size_px), dtype=np.uint8)
