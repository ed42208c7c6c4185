"""Detectors that know the answer, for tests of the cover."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairview.analyse.cover_finds import Finders, Sighted
from fairview.analyse.planes import Planes

Box = tuple[float, float, float, float]


def sighted(*found: tuple[Box, float, int]) -> Sighted:
    """Boxes with score and kind."""
    return Sighted(
        boxes_unit=np.array([box for box, _, _ in found], np.float32).reshape(-1, 4),
        scores=np.array([score for _, score, _ in found], np.float32),
        kinds=np.array([kind for _, _, kind in found], np.uint8),
    )


class Scripted:
    """Answers whole pictures from a script, one entry a call, the last for ever; parts of
    pictures with nothing. Keeps the sizes it was asked with.
    """

    def __init__(self, *script: Sighted, width_px: int) -> None:
        self._script = list(script)
        self._width_px = width_px
        self.asked: list[tuple[int, int]] = []
        self.whole = 0

    def __call__(self, planes: Planes) -> Sighted:
        self.asked.append((planes.width_px, planes.height_px))
        if planes.width_px != self._width_px:
            return sighted()
        self.whole += 1
        return self._script[min(self.whole, len(self._script)) - 1]


def finders(traffic: Scripted, faces: Sequence[tuple[Box, float, int]] = ()) -> Finders:
    return Finders(traffic=traffic, faces=lambda planes: sighted(*faces))
