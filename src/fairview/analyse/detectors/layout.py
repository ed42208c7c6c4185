"""What every layout says about its networks: input form, outputs, how outputs become boxes.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.detectors.picture_input import InputForm

if TYPE_CHECKING:
    import numpy.typing as npt

    Field = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of a network's outputs.

    columns: the model's class numbers that the card maps; nothing else is looked at.
    kinds: ours, by column.
    """

    columns: npt.NDArray[np.intp]
    kinds: npt.NDArray[np.uint8]
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Boxes before overlapping ones are taken out.

    Shapes:  boxes_px (n, 4) float32 x1 y1 x2 y2 in input pixels, scores (n,), kinds (n,) uint8.
    """

    boxes_px: Field
    scores: Field
    kinds: npt.NDArray[np.uint8]


Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One layout.

    outputs: the shapes without the batch, in the graph's order, for an input size and a number of
    classes. Names are not checked: exporters choose them freely. left_out: outputs by name that
    the graph may have and that are never asked for.
    decoded: one picture's outputs to candidates.
    """

    name: str
    form: InputForm
    outputs: Callable[[tuple[int, int], int], tuple[Shape, ...]]
    decoded: Callable[[Sequence[Field], tuple[int, int], Wanted], Candidates]
    overlap_max: float
    left_out: tuple[str, ...] = ()


def cells(input_px: tuple[int, int], strides: tuple[int, ...]) -> tuple[Field, Field]:
    """Column and row (n, 2), and stride (n,) of every cell of every level, row by row.

    Cost:    keep it; it is the same for every picture.
    """
    places, steps = [], []
    for stride in strides:
        across, down = -(-input_px[0] // stride), -(-input_px[1] // stride)
        columns, rows = np.meshgrid(np.arange(across), np.arange(down))
        places.append(np.column_stack([columns.ravel(), rows.ravel()]))
        steps.append(np.full(across * down, stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(steps).astype(np.float32)


def best(
    scores: Field, wanted: Wanted
) -> tuple[npt.NDArray[np.intp], Field, npt.NDArray[np.uint8]]:
    """Of (n, columns) scores: which cells reach the confidence, with what score and class."""
    column = scores.argmax(axis=1)
    top = scores[np.arange(len(scores)), column]
    cell = np.flatnonzero(top >= wanted.confidence)
    return cell, top[cell], wanted.kinds[column[cell]]


def corners(centres: Field, sizes: Field) -> Field:
    """Boxes (n, 4) from centres and sizes, each (n, 2)."""
    half = sizes / 2
    return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
