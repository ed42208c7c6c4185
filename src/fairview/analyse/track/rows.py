"""All open tracks as arrays: one row per track, all rows grown and thinned together."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np

from fairview.core.sight import KINDS

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.intp]
    Times = npt.NDArray[np.int64]


@dataclass(slots=True, kw_only=True)
class Rows:
    """Open tracks, confirmed or not. Owned by one pool.

    Shapes:  everything has n rows. x, p as in kalman, now; held_x, held_p: the same when a lost
             track was last seen. last: box when last seen. place: box of place_us, renewed when
             left, which tells who stands. votes: score per class. roughness: by
             what its boxes shake more than assumed, as a variance. id 0: not confirmed.
    """

    x: Floats
    p: Floats
    held_x: Floats
    held_p: Floats
    last: Floats
    last_us: Times
    first_us: Times
    place: Floats
    place_us: Times
    votes: Floats
    roughness: Floats
    misses: Ints
    hits: Ints
    points: Ints
    lane: Ints
    slot: Ints
    id: Ints
    is_standing: npt.NDArray[np.bool_]

    @classmethod
    def none(cls) -> Rows:
        return Rows.new(
            x=np.empty((0, 8)),
            p=np.empty((0, 12)),
            boxes=np.empty((0, 4)),
            at_us=np.empty(0, dtype=np.int64),
            lane=np.empty(0, dtype=np.intp),
        )

    @classmethod
    def new(cls, *, x: Floats, p: Floats, boxes: Floats, at_us: Times, lane: Ints) -> Rows:
        """Rows of tracks that begin; votes and slots are still to be set."""
        n = len(x)
        zeros = np.zeros(n, dtype=np.intp)
        return cls(
            x=x,
            p=p,
            held_x=x.copy(),
            held_p=p.copy(),
            last=boxes,
            last_us=at_us,
            first_us=at_us.copy(),
            place=boxes.copy(),
            place_us=at_us.copy(),
            votes=np.zeros((n, len(KINDS))),
            roughness=np.ones(n),
            misses=zeros,
            hits=np.ones(n, dtype=np.intp),
            points=zeros.copy(),
            lane=lane,
            slot=zeros.copy(),
            id=zeros.copy(),
            is_standing=np.zeros(n, dtype=np.bool_),
        )

    def __len__(self) -> int:
        return len(self.x)

    def keep(self, keeps: npt.NDArray[np.bool_]) -> None:
        """Only the rows that `keeps` (n,) says."""
        for name in _NAMES:
            setattr(self, name, getattr(self, name)[keeps])

    def extend(self, more: Self) -> None:
        """These rows at the end."""
        for name in _NAMES:
            setattr(self, name, np.concatenate((getattr(self, name), getattr(more, name))))


_NAMES = tuple(one.name for one in fields(Rows))
