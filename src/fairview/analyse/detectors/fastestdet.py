"""FastestDet: one output (5 + classes, rows, columns): objectness, offsets, size, class.

Source:  dog-qiuqiu/FastestDet: the centre is tanh of the offset in cells, the size a sigmoid of
the whole picture; networks take BGR from 0 to 1, stretched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.detectors.layout import Candidates, Layout, Shape, Wanted, best, corners
from fairview.analyse.detectors.picture_input import InputForm

if TYPE_CHECKING:
    from fairview.analyse.detectors.layout import Field

STRIDE = 16


def outputs(input_px: tuple[int, int], classes: int) -> tuple[Shape, ...]:
    return ((5 + classes, input_px[1] // STRIDE, input_px[0] // STRIDE),)


def decoded(found: Sequence[Field], input_px: tuple[int, int], wanted: Wanted) -> Candidates:
    """Shapes:  found[0] (5 + classes, rows, columns)."""
    table = found[0]
    across = table.shape[2]
    flat = table.reshape(len(table), -1)
    likely = np.flatnonzero(flat[0] >= wanted.confidence)
    rows = flat[:, likely].T
    cell, scores, kinds = best(rows[:, 5 + wanted.columns] * rows[:, :1], wanted)
    rows, likely = rows[cell], likely[cell]
    places = np.column_stack([likely % across, likely // across])
    centres = (places + np.tanh(rows[:, 1:3])) * STRIDE
    sizes = np.array(input_px) / (1 + np.exp(-rows[:, 3:5]))
    boxes = corners(centres.astype(np.float32), sizes.astype(np.float32))
    return Candidates(boxes_px=boxes, scores=scores, kinds=kinds)


LAYOUT = Layout(
    name="fastestdet",
    form=InputForm(order="bgr", fit="stretch", scales=(1 / 255, 1 / 255, 1 / 255)),
    outputs=outputs,
    decoded=decoded,
    overlap_max=0.45,
)
