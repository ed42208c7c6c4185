"""What each track has been through, kept so that a picture costs one write for all tracks.

Points go into one block with a row of POINTS_PER_PART per track; a full row moves into the
track's list of parts. A track's way is put together once, when it is finished.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.core.ids import CameraId
from fairview.core.sight import Track

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.intp]

POINTS_PER_PART = 64
FRAME, AT, BOX, SCORE, FIELDS = 0, 1, slice(2, 6), 6, 7
NOT_SEEN = -1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a finished track was, apart from its points: votes (classes,) of its class."""

    camera: CameraId
    id: int
    votes: Floats


class History:
    """Points of all open tracks by slot. A point: frame, time in us, box, score or NOT_SEEN."""

    def __init__(self) -> None:
        self._block = np.empty((16, POINTS_PER_PART, FIELDS))
        self._fill = np.zeros(16, dtype=np.intp)
        self._parts: list[list[Floats]] = [[] for _ in range(16)]
        self._free = list(range(15, -1, -1))

    def take_slots(self, n: int) -> Ints:
        """n empty slots."""
        while len(self._free) < n:
            had = len(self._fill)
            self._block = np.concatenate((self._block, np.empty_like(self._block)))
            self._fill = np.concatenate((self._fill, np.zeros_like(self._fill)))
            self._parts.extend([] for _ in range(had))
            self._free.extend(range(2 * had - 1, had - 1, -1))
        return np.array([self._free.pop() for _ in range(n)], dtype=np.intp)

    def add(self, slots: Ints, points: Floats) -> None:
        """One point (n, FIELDS) to each of the slots (n,)."""
        fill = self._fill[slots]
        self._block[slots, fill] = points
        fill += 1
        self._fill[slots] = fill
        if len(fill) and int(fill.max()) == POINTS_PER_PART:
            for slot in slots[fill == POINTS_PER_PART]:
                self._parts[slot].append(self._block[slot].copy())
                self._fill[slot] = 0

    def points(self, slot: int) -> Floats:
        """All points of a slot (m, FIELDS), oldest first."""
        now = self._block[slot, : self._fill[slot]]
        return np.concatenate([*self._parts[slot], now])

    def latest(self, slot: int, most: int) -> Floats:
        """At most this many of the newest points (m, FIELDS), oldest first."""
        now = self._block[slot, : self._fill[slot]]
        if len(now) < most and self._parts[slot]:
            now = np.concatenate([self._parts[slot][-1], now])
        return now[-most:]

    def free(self, slot: int) -> None:
        """Forget a slot's points."""
        self._parts[slot] = []
        self._fill[slot] = 0
        self._free.append(slot)


def finished(points: Floats, standing: Standing) -> Track:
    """A track from its points: the unseen end is cut, unseen points between are interpolated.

    Interpolation is linear in time, not in pictures.
    """
    is_seen = points[:, SCORE] >= 0
    last = int(np.flatnonzero(is_seen)[-1])
    points, is_seen = points[: last + 1], is_seen[: last + 1]
    boxes, at = points[:, BOX].copy(), points[:, AT]
    if not is_seen.all():
        for column in range(4):
            boxes[~is_seen, column] = np.interp(at[~is_seen], at[is_seen], boxes[is_seen, column])
    votes = standing.votes
    kind = int(votes.argmax())
    total = float(votes.sum())
    return Track(
        camera=standing.camera,
        id=standing.id,
        kind=kind,
        kind_share=min(float(votes[kind]) / total, 1.0) if total > 0 else 1.0,
        frames=points[:, FRAME].astype(np.int32),
        at_us=at.astype(np.int64),
        boxes_unit=boxes.astype(np.float32),
        scores=np.where(is_seen, points[:, SCORE], 0.0).astype(np.float32),
        is_seen=is_seen,
    )
