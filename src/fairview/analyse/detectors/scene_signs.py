"""Signs that a still shape is a ghost: ground that the scene does not know, uncovered by what
stood there and left. Its outline is an edge of the old scene and none of the picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Field = npt.NDArray[np.float32]
    Bytes = npt.NDArray[np.uint8]
    Three = tuple[Bytes, Bytes, Bytes]

_RATIO = 1.35
_PX_MIN = 12
_TOUCH_MAX = 0.3
_MARGIN_PX = 3


def edges(plane: Bytes) -> Field:
    """Grey levels per pixel, across and down together."""
    across = cv2.Sobel(plane, cv2.CV_16S, 1, 0, ksize=3)
    down = cv2.Sobel(plane, cv2.CV_16S, 0, 1, ksize=3)
    both = np.abs(np.asarray(across)) + np.abs(np.asarray(down))
    return np.asarray(both * np.float32(1 / 8), dtype=np.float32)


def ghosts(still: Bytes, mask: Bytes, seen: Three, known: Three) -> npt.NDArray[np.bool_] | None:
    """Where ghosts are, of the shapes that have been still for a while; None for nowhere.

    Cost:    0.05 ms a shape.
    """
    if not cv2.countNonZero(still):
        return None
    count, found, counted, _ = cv2.connectedComponentsWithStats(still, connectivity=8)
    labels, stats = np.asarray(found), np.asarray(counted)
    where: npt.NDArray[np.bool_] | None = None
    for one in range(1, count):
        left, top, width, height, area = (int(number) for number in stats[one])
        if area < _PX_MIN:
            continue
        around = (
            slice(max(top - _MARGIN_PX, 0), top + height + _MARGIN_PX),
            slice(max(left - _MARGIN_PX, 0), left + width + _MARGIN_PX),
        )
        shape = labels[around] == one
        if _is_ghost(shape, mask[around], _all_edges(seen, around), _all_edges(known, around)):
            where = np.zeros(labels.shape, dtype=bool) if where is None else where
            where[around] |= shape
    return where


def _all_edges(planes: Three, around: tuple[slice, slice]) -> Field:
    luma, blue, red = (edges(one[around]) for one in planes)
    return luma + blue + red


def _is_ghost(shape: npt.NDArray[np.bool_], mask: Bytes, seen: Field, known: Field) -> bool:
    """Whether edges along the outline are clearly stronger in the scene than in the picture.

    A piece of something larger has no outline of its own and is not judged.
    """
    full = shape.astype(np.uint8)
    grown = np.asarray(cv2.dilate(full, np.ones((5, 5), np.uint8))) > 0
    outside = grown & ~shape
    if np.count_nonzero(mask[outside]) > _TOUCH_MAX * np.count_nonzero(outside):
        return False
    outline = grown & ~(np.asarray(cv2.erode(full, np.ones((3, 3), np.uint8))) > 0)
    return float(known[outline].mean()) > _RATIO * float(seen[outline].mean()) + 0.5
