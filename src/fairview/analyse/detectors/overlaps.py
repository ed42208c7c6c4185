"""Taking out boxes that show the same thing twice.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairview.core.limits_seeing import CANDIDATE_BOXES_MAX
from fairview.core.sight import BICYCLE, BUS, CAR, KINDS, MOTORCYCLE, TRUCK, VAN

if TYPE_CHECKING:
    import numpy.typing as npt

    Boxes = npt.NDArray[np.float32]

_RIVALS = np.array(
    [
        CAR if kind in (VAN, BUS, TRUCK) else BICYCLE if kind == MOTORCYCLE else kind
        for kind in range(len(KINDS))
    ]
)
"""By class. One thing is either a car or a truck, but a person may sit on a bicycle."""


def kept(
    boxes: Boxes,
    scores: npt.NDArray[np.float32],
    kinds: npt.NDArray[np.uint8],
    overlap_max: float,
) -> npt.NDArray[np.intp]:
    """Which boxes stay, best first: greedy non-maximum suppression among rivals.

    Cars, vans, buses and trucks are rivals, and so are bicycles and motorcycles: a network that
    is unsure says both of the same thing. Others only of their own class.

    Bounds:  the CANDIDATE_BOXES_MAX best go in; the rest are dropped.
    Cost:    0.1 ms for 100 boxes; overlaps are worked out in one array operation.
    """
    order = np.argsort(-scores, kind="stable")[:CANDIDATE_BOXES_MAX]
    if len(order) < 2:
        return order
    rivals = _RIVALS[kinds[order]]
    clash = (overlaps(boxes[order], boxes[order]) > overlap_max) & (
        rivals[:, None] == rivals[None, :]
    )
    stays = np.ones(len(order), dtype=bool)
    for one in np.flatnonzero(np.triu(clash, 1).any(axis=1)):
        if stays[one]:
            stays[one + 1 :] &= ~clash[one, one + 1 :]
    return order[stays]


def overlaps(ones: Boxes, others: Boxes) -> Boxes:
    """Intersection over union of every pair, (n, m); 0 for empty boxes."""
    least = np.minimum(ones[:, None, 2:], others[None, :, 2:])
    most = np.maximum(ones[:, None, :2], others[None, :, :2])
    inside = np.prod(np.clip(least - most, 0, None), axis=2)
    areas = [
        np.prod(np.clip(some[:, 2:] - some[:, :2], 0, None), axis=1) for some in (ones, others)
    ]
    union = areas[0][:, None] + areas[1][None, :] - inside
    return np.asarray(inside / np.maximum(union, 1e-12), dtype=np.float32)
