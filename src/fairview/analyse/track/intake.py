"""What a tracker takes of one moment's detections, of one or many cameras, as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.track.pairing import Side, near_pairs
from fairview.analyse.track.settings import TrackSettings
from fairview.core.limits_seeing import TRACK_BOXES_MAX
from fairview.core.sight import (
    ANIMAL,
    BICYCLE,
    BUS,
    CAR,
    KINDS,
    MOTORCYCLE,
    PERSON,
    TRUCK,
    VAN,
    Detections,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.intp]

ANYTHING = -1
GROUPS = np.full(len(KINDS), ANYTHING)
"""Classes that detectors take for one another. ANYTHING: goes with every group."""
GROUPS[PERSON] = 0
GROUPS[[BICYCLE, MOTORCYCLE]] = 1
GROUPS[[CAR, VAN, BUS, TRUCK]] = 2
GROUPS[ANIMAL] = 3
_FOUR_WHEELS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Boxes of one moment. boxes (m, 4) float64; scores, kinds, lanes (m,); is_sure (m,)."""

    boxes: Floats
    scores: Floats
    kinds: Ints
    lanes: Ints
    is_sure: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.boxes)


def taken(found: Sequence[tuple[int, Detections]], settings: TrackSettings) -> Found:
    """The boxes worth looking at: not noise, and no vehicle twice under two classes.

    Bounds:  at most TRACK_BOXES_MAX of one picture, those with the highest scores.
    """
    parts = [(lane, _strongest(one)) for lane, one in found]
    boxes = np.concatenate([one.boxes_unit for _, one in parts]).astype(np.float64)
    scores = np.concatenate([one.scores for _, one in parts]).astype(np.float64)
    kinds = np.concatenate([one.kinds for _, one in parts]).astype(np.intp)
    counts = [len(one) for _, one in parts]
    lanes = np.repeat(np.array([lane for lane, _ in parts], dtype=np.intp), counts)
    keeps = scores >= settings.low_score
    keeps &= (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    for copy in _copies(boxes, scores, kinds, lanes, settings.duplicate_overlap):
        keeps[copy] = False
    if not keeps.all():
        boxes, scores, kinds, lanes = boxes[keeps], scores[keeps], kinds[keeps], lanes[keeps]
    return Found(
        boxes=boxes,
        scores=scores,
        kinds=kinds,
        lanes=lanes,
        is_sure=scores >= settings.sure_score,
    )


def _copies(
    boxes: Floats, scores: Floats, kinds: Ints, lanes: Ints, overlap_min: float
) -> list[int]:
    """The weaker of two nearly equal boxes of different vehicle classes."""
    four = np.flatnonzero(GROUPS[kinds] == _FOUR_WHEELS)
    if len(four) < 2 or np.all(kinds[four] == kinds[four[0]]):
        return []
    side = Side(boxes=boxes[four], lanes=lanes[four])
    pairs = near_pairs(side, None, side)
    twice = (pairs.overlap > overlap_min) & (pairs.rows < pairs.cols)
    one, other = four[pairs.rows[twice]], four[pairs.cols[twice]]
    differs = kinds[one] != kinds[other]
    weaker = np.where(scores[one] < scores[other], one, other)
    return [int(index) for index in weaker[differs]]


def _strongest(one: Detections) -> Detections:
    if len(one) <= TRACK_BOXES_MAX:
        return one
    keeps = np.zeros(len(one), dtype=np.bool_)
    keeps[np.argsort(-one.scores, kind="stable")[:TRACK_BOXES_MAX]] = True
    return one.only(keeps)
