"""A scene laid under a picture of a camera that trembles or drifts a little.

Pure. Poles sway and stabilised films drift: without this every edge of the scene would be
foreground. Only a shift is looked for, never a turn or a zoom, and it counts only when it
explains the picture clearly better than none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fairview.analyse.cover import Scene
from fairview.analyse.planes import Planes, shrunk
from fairview.core.time import Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Field = npt.NDArray[np.float32]

SHIFT_UNIT_MAX = 0.06
"""Of the picture's width: a view further off is another view."""

_WIDTH_PX = 320
_ROWS_PX_MAX = 4 * _WIDTH_PX
"""A strip of two pixels' width would be compared at a hundred thousand rows."""

_PLAIN_PX = 4.0
_BETTER = 0.9
_WORTH_UNIT = 0.5 / 320


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How far the picture lies right of and below the scene, of its width and height."""

    across_unit: float
    down_unit: float

    @property
    def is_none(self) -> bool:
        return abs(self.across_unit) < _WORTH_UNIT and abs(self.down_unit) < _WORTH_UNIT


NO_SHIFT = Shift(across_unit=0.0, down_unit=0.0)


def shift_between(before: Field, now: Planes) -> Shift:
    """The shift from a brightness field to a picture of the same shape.

    Cost:    one thread: 1.0 ms at 640x360, 1.4 at 1920x1080.
    """
    rows = min(max(round(_WIDTH_PX * before.shape[0] / before.shape[1]), 2), _ROWS_PX_MAX)
    size = (_WIDTH_PX, rows)
    first = np.asarray(cv2.resize(before, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    second = shrunk(now, size).luma.astype(np.float32)
    window = cv2.createHanningWindow(size, cv2.CV_32F)
    (across, down), _ = cv2.phaseCorrelate(first, second, window)
    if abs(across) > SHIFT_UNIT_MAX * size[0] or abs(down) > SHIFT_UNIT_MAX * size[0]:
        return NO_SHIFT
    # Brightness as a whole changes with the light; what has to fit is the drawing.
    fine_first, fine_second = (
        one - cv2.GaussianBlur(one, (0, 0), _PLAIN_PX) for one in (first, second)
    )
    without = float(np.abs(fine_second - fine_first).mean())
    moved = _moved(fine_first, across, down)
    if float(np.abs(fine_second - moved).mean()) > _BETTER * without:
        return NO_SHIFT
    return Shift(across_unit=across / size[0], down_unit=down / size[1])


def shifted_scene(scene: Scene, shift: Shift) -> Scene:
    """The scene as the shifted camera sees it; what comes in at an edge repeats the edge."""
    if shift.is_none:
        return scene
    rows, columns = scene.luma.shape
    across, down = shift.across_unit * columns, shift.down_unit * rows
    return Scene(
        luma=_moved(scene.luma, across, down),
        blue=_moved(scene.blue, across, down),
        red=_moved(scene.red, across, down),
        tolerance=_moved(scene.tolerance, across, down),
        shape_unit=scene.shape_unit,
    )


def shifted_planes(planes: Planes, shift: Shift) -> Planes:
    """A picture moved by a shift."""
    if shift.is_none:
        return planes
    luma, blue, red = (
        np.asarray(
            _moved(
                plane.astype(np.float32),
                shift.across_unit * plane.shape[1],
                shift.down_unit * plane.shape[0],
            ),
            dtype=np.uint8,
        )
        for plane in (planes.luma, planes.blue, planes.red)
    )
    return Planes(luma=luma, blue=blue, red=red, matrix=planes.matrix)


def reverse(shift: Shift) -> Shift:
    """The way back."""
    return Shift(across_unit=-shift.across_unit, down_unit=-shift.down_unit)


class SceneFollower:
    """A scene that follows its camera; used by one thread.

    every_us: how often a shift is looked for; 0 is for every picture.
    """

    def __init__(self, scene: Scene, every_us: int = 0) -> None:
        self._scene = self._under = scene
        self._every_us = every_us
        self._looked_at: Instant | None = None

    def under(self, planes: Planes, at: Instant) -> Scene:
        """The scene as it lies under this picture."""
        if self._looked_at is None or abs(at.since(self._looked_at)) >= self._every_us:
            self._looked_at = at
            shift = shift_between(self._scene.luma, planes)
            self._under = shifted_scene(self._scene, shift)
        return self._under


def _moved(field: Field, across: float, down: float) -> Field:
    matrix = np.array([[1.0, 0.0, across], [0.0, 1.0, down]], dtype=np.float32)
    size = (field.shape[1], field.shape[0])
    return np.asarray(
        cv2.warpAffine(field, matrix, size, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32
    )
