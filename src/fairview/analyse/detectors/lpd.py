"""LPD-YuNet: number plates, for the cover only. Found as four corners, kept as an upright box.

Nothing of a plate but where it is leaves this file; its corners, which could straighten it for
reading, become the box around them at once.

Source:  OpenCV Zoo, license_plate_detection_yunet: boxes around anchors of given sizes, as in
SSD (Liu et al., arXiv:1512.02325); networks take BGR from 0 to 255, stretched.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.detectors.layout import Candidates, Layout, Shape, Wanted
from fairview.analyse.detectors.picture_input import InputForm

if TYPE_CHECKING:
    from fairview.analyse.detectors.layout import Field

STRIDES = (8, 16, 32, 64)
SIZES_PX = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))
VARIANCE = 0.1
_CORNERS = (4, 6, 10, 12)
"""Where the corners' offsets begin among the fourteen numbers of an anchor."""


def outputs(input_px: tuple[int, int], classes: int) -> tuple[Shape, ...]:
    """Places, what is there, and how well the place is known; without a batch."""
    del classes  # plates are all there is
    count = len(_anchors(input_px))
    return ((count, 14), (count, 2), (count, 1))


def decoded(found: Sequence[Field], input_px: tuple[int, int], wanted: Wanted) -> Candidates:
    """Shapes:  found: (anchors, 14), (anchors, 2), (anchors, 1)."""
    places, known, sure = found
    scores = np.sqrt(np.clip(known[:, 1], 0, 1) * np.clip(sure[:, 0], 0, 1))
    anchor = np.flatnonzero(scores >= wanted.confidence)
    anchors = _anchors(input_px)[anchor]
    offsets = places[anchor] * VARIANCE
    points = np.stack(
        [anchors[:, :2] + offsets[:, at : at + 2] * anchors[:, 2:3] for at in _CORNERS], axis=1
    )
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    kinds = np.zeros(len(anchor), dtype=np.uint8)
    return Candidates(
        boxes_px=boxes.astype(np.float32), scores=scores[anchor].astype(np.float32), kinds=kinds
    )


@lru_cache(maxsize=8)
def _anchors(input_px: tuple[int, int]) -> Field:
    """(n, 3): centre and size in input pixels; levels shrink by halves, rounding down."""
    made = []
    across, down = input_px[0] // 4, input_px[1] // 4
    for stride, sizes in zip(STRIDES, SIZES_PX, strict=True):
        across, down = across // 2, down // 2
        rows, columns, size = np.meshgrid(
            np.arange(down), np.arange(across), np.array(sizes), indexing="ij"
        )
        centres = [(columns.ravel() + 0.5) * stride, (rows.ravel() + 0.5) * stride]
        made.append(np.column_stack([*centres, size.ravel()]))
    return np.concatenate(made).astype(np.float32)


LAYOUT = Layout(
    name="lpd-yunet",
    form=InputForm(order="bgr", fit="stretch"),
    outputs=outputs,
    decoded=decoded,
    overlap_max=0.3,
)
