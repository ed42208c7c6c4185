"""YuNet: faces, for the cover only. Class and objectness per cell, centre and size in cells.

The graph also knows landmarks (`kps_…`). They are never asked for: the session is not told to
compute them, and no type here could hold them.

Source:  Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence
Research 2023; networks take BGR from 0 to 255.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.detectors.layout import Candidates, Layout, Shape, Wanted, cells, corners
from fairview.analyse.detectors.picture_input import InputForm

if TYPE_CHECKING:
    from fairview.analyse.detectors.layout import Field

STRIDES = (8, 16, 32)


def outputs(input_px: tuple[int, int], classes: int) -> tuple[Shape, ...]:
    """Class, objectness and box of every level; landmarks are left out."""
    del classes  # faces are all there is
    sizes = [(-(-input_px[0] // step)) * (-(-input_px[1] // step)) for step in STRIDES]
    return tuple((size, width) for width in (1, 1, 4) for size in sizes)


def decoded(found: Sequence[Field], input_px: tuple[int, int], wanted: Wanted) -> Candidates:
    """Shapes:  found: (cells, 1) thrice, (cells, 1) thrice, (cells, 4) thrice."""
    known = np.concatenate(found[0:3])[:, 0]
    there = np.concatenate(found[3:6])[:, 0]
    scores = np.sqrt(np.clip(known, 0, 1) * np.clip(there, 0, 1))
    cell = np.flatnonzero(scores >= wanted.confidence)
    rows = np.concatenate(found[6:9])[cell]
    places, strides = (one[cell] for one in _cells(input_px))
    boxes = corners(
        (rows[:, :2] + places) * strides[:, None],
        np.exp(np.minimum(rows[:, 2:4], 10.0)) * strides[:, None],
    )
    kinds = np.zeros(len(cell), dtype=np.uint8)
    return Candidates(boxes_px=boxes, scores=scores[cell].astype(np.float32), kinds=kinds)


@lru_cache(maxsize=8)
def _cells(input_px: tuple[int, int]) -> tuple[Field, Field]:
    return cells(input_px, STRIDES)


LAYOUT = Layout(
    name="yunet",
    form=InputForm(order="bgr", fit="letterbox", fill=0.0),
    outputs=outputs,
    decoded=decoded,
    overlap_max=0.3,
    left_out=("kps_8", "kps_16", "kps_32"),
)
