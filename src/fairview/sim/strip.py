"""Pure: the loop's clock inside the picture, for people and for machines.

A strip of 24 cells along the top edge carries the frame's number in the loop: a dark and a light
cell, ten bits, the same ten bits inverted, a light and a dark cell. Loop time is UTC modulo one
minute (see source.py), so a picture tells when it was taken, up to whole minutes.
"""

from __future__ import annotations

import cv2
import numpy as np

from fairview.sim.junction import FPS, LOOP_FRAMES
from fairview.sim.view import WIDTH_PX, Picture

CELLS = 24
CELL_PX = 8
_TALL_PX = 6
STRIP_LEFT_PX, STRIP_TOP_PX = 8, 0
PANEL_PX = (0, 0, 208, 24)
"""Left, top, right, bottom of the whole clock panel in the 640-wide picture."""

_DARK, _LIGHT = 34, 224
_CONTRAST_MIN = 60.0
_BITS = 10


def _cells(frame: int) -> list[bool]:
    bits = [bool(frame >> bit & 1) for bit in reversed(range(_BITS))]
    return [False, True, *bits, *(not bit for bit in bits), True, False]


def draw_clock(picture: Picture, frame: int | None) -> None:
    """Draw the panel for a loop frame, or its blank form for the empty street (None).

    Shapes:  picture (360, 640, 3), changed in place.
    """
    left, top, right, bottom = PANEL_PX
    spot = picture[top:bottom, left:right]
    spot[:] = (spot * 0.28 + np.array((20, 24, 30)) * 0.72).astype(np.uint8)
    cells = _cells(frame) if frame is not None else [False] * CELLS
    for index, is_light in enumerate(cells):
        x = STRIP_LEFT_PX + index * CELL_PX
        picture[STRIP_TOP_PX : STRIP_TOP_PX + _TALL_PX, x : x + CELL_PX] = (
            _LIGHT if is_light else _DARK
        )
    text = "First & Main   --.--"
    if frame is not None:
        text = f"First & Main   :{frame // FPS:02d}.{frame % FPS * 100 // FPS:02d}"
    cv2.putText(
        picture, text, (9, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (236, 236, 230), 1, cv2.LINE_AA
    )


def read_picture_clock(pixels: Picture) -> int | None:
    """The loop frame a picture shows, or None when the strip can't be read for certain.

    Survives H.264 and scaling between a half and twice 640 wide.

    Shapes:  (height, width, 3) or (height, width); width at least 320.
    """
    scale = pixels.shape[1] / WIDTH_PX
    grey = pixels.mean(axis=2) if pixels.ndim == 3 else pixels.astype(np.float64)
    levels = []
    for index in range(CELLS):
        left = (STRIP_LEFT_PX + index * CELL_PX + CELL_PX * 0.3) * scale
        right = (STRIP_LEFT_PX + index * CELL_PX + CELL_PX * 0.7) * scale
        top, bottom = _TALL_PX * 0.2 * scale, _TALL_PX * 0.7 * scale
        cell = grey[
            int(top) : max(int(bottom), int(top) + 1), int(left) : max(int(right), int(left) + 1)
        ]
        levels.append(float(cell.mean()) if cell.size else 0.0)
    dark, light = (levels[0] + levels[-1]) / 2, (levels[1] + levels[-2]) / 2
    if light - dark < _CONTRAST_MIN:
        return None
    bits = [level > (dark + light) / 2 for level in levels]
    value, inverse = bits[2 : 2 + _BITS], bits[2 + _BITS : 2 + 2 * _BITS]
    if any(one == other for one, other in zip(value, inverse, strict=True)):
        return None
    frame = sum(1 << _BITS - 1 - place for place, bit in enumerate(value) if bit)
    return frame if frame < LOOP_FRAMES else None
