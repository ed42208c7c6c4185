"""PicoDet without post-processing: per level class scores, and box sides as distributions.

Each side of a box is a distribution over BINS distances in strides from the cell's centre; its
mean is the side.

Source:  Yu et al., "PP-PicoDet", arXiv:2111.00902; the distributions: Li et al., "Generalized
Focal Loss", arXiv:2006.04388. Networks take RGB with ImageNet's means, stretched.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.detectors.layout import Candidates, Layout, Shape, Wanted, best, cells
from fairview.analyse.detectors.picture_input import InputForm

if TYPE_CHECKING:
    from fairview.analyse.detectors.layout import Field

STRIDES = (8, 16, 32, 64)
BINS = 8


def outputs(input_px: tuple[int, int], classes: int) -> tuple[Shape, ...]:
    """The scores of every level, then the sides of every level."""
    sizes = [(-(-input_px[0] // step)) * (-(-input_px[1] // step)) for step in STRIDES]
    return (*((size, classes) for size in sizes), *((size, 4 * BINS) for size in sizes))


def decoded(found: Sequence[Field], input_px: tuple[int, int], wanted: Wanted) -> Candidates:
    """Shapes:  found: (cells, classes) for every level, then (cells, 4 * BINS)."""
    levels = len(STRIDES)
    scores = np.concatenate([one[:, wanted.columns] for one in found[:levels]])
    cell, tops, kinds = best(scores, wanted)
    starts = np.cumsum([0, *(len(one) for one in found[:levels])])
    sides = np.concatenate(
        [
            one[cell[(cell >= start) & (cell < end)] - start]
            for one, start, end in zip(found[levels:], starts, starts[1:], strict=False)
        ]
    ).reshape(-1, 4, BINS)
    weights = np.exp(sides - sides.max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    places, strides = (one[cell] for one in _cells(input_px))
    reach = (weights @ np.arange(BINS, dtype=np.float32)) * strides[:, None]
    centres = (places + 0.5) * strides[:, None]
    boxes = np.concatenate([centres - reach[:, :2], centres + reach[:, 2:]], axis=1)
    return Candidates(boxes_px=boxes.astype(np.float32), scores=tops, kinds=kinds)


@lru_cache(maxsize=8)
def _cells(input_px: tuple[int, int]) -> tuple[Field, Field]:
    return cells(input_px, STRIDES)


LAYOUT = Layout(
    name="picodet",
    form=InputForm(
        order="rgb",
        fit="stretch",
        means=(123.675, 116.28, 103.53),
        scales=(1 / 58.395, 1 / 57.12, 1 / 57.375),
    ),
    outputs=outputs,
    decoded=decoded,
    overlap_max=0.5,
)
