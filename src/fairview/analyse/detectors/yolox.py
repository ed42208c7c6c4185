"""YOLOX: one output (cells, 5 + classes), centre and size in cells, objectness times class.

Source:  Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430; networks published
since 0.1.1 take BGR from 0 to 255, not normalised, letterboxed left and top with grey 114.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.detectors.layout import (
    Candidates,
    Layout,
    Shape,
    Wanted,
    best,
    cells,
    corners,
)
from fairview.analyse.detectors.picture_input import InputForm

if TYPE_CHECKING:
    from fairview.analyse.detectors.layout import Field

STRIDES = (8, 16, 32)


def outputs(input_px: tuple[int, int], classes: int) -> tuple[Shape, ...]:
    return ((len(_cells(input_px)[0]), 5 + classes),)


def decoded(found: Sequence[Field], input_px: tuple[int, int], wanted: Wanted) -> Candidates:
    """Shapes:  found[0] (cells, 5 + classes)."""
    table = found[0]
    # A class score is at most 1, so objectness alone rules out nearly every cell.
    likely = np.flatnonzero(table[:, 4] >= wanted.confidence)
    rows = table[likely]
    cell, scores, kinds = best(rows[:, 5 + wanted.columns] * rows[:, 4:5], wanted)
    rows = rows[cell]
    places, strides = (one[likely[cell]] for one in _cells(input_px))
    boxes = corners(
        (rows[:, :2] + places) * strides[:, None],
        np.exp(np.minimum(rows[:, 2:4], 10.0)) * strides[:, None],
    )
    return Candidates(boxes_px=boxes, scores=scores, kinds=kinds)


@lru_cache(maxsize=8)
def _cells(input_px: tuple[int, int]) -> tuple[Field, Field]:
    return cells(input_px, STRIDES)


LAYOUT = Layout(
    name="yolox",
    form=InputForm(order="bgr", fit="letterbox"),
    outputs=outputs,
    decoded=decoded,
    overlap_max=0.5,
)
