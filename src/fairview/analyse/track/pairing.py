"""Which box continues which track: overlaps of what is near, and the best assignment of them.

Source:  buffered overlap after C-BIoU (Yang et al., WACV 2023), with the buffer taken from the
         prediction's own uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Tracks and boxes of one camera each that overlap once widened. All (k,); overlap as they
    are, widened with the buffer, both 0..1.
    """

    rows: Ints
    cols: Ints
    overlap: Floats
    widened: Floats

    def only(self, keeps: npt.NDArray[np.bool_]) -> Pairs:
        return Pairs(
            rows=self.rows[keeps],
            cols=self.cols[keeps],
            overlap=self.overlap[keeps],
            widened=self.widened[keeps],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a pairing: boxes (n, 4) x1 y1 x2 y2 and their cameras (n,), lane by lane."""

    boxes: Floats
    lanes: Ints


def near_pairs(tracks: Side, buffers: Floats | None, found: Side) -> Pairs:
    """Every track and box of the same lane that overlap once both are widened by the buffer.

    Shapes:  buffers (n, 2): along x and y, per track; None for none.
    Cost:    one broadcast over lanes x tracks x boxes (the most of any lane).
    """
    t, d = tracks.boxes.T, found.boxes.T
    pad = np.zeros((2, t.shape[1])) if buffers is None else 2.0 * buffers.T
    lanes = 1 + max(int(tracks.lanes.max(initial=0)), int(found.lanes.max(initial=0)))
    if lanes == 1:
        wide, high = _extents(t[:, :, None], pad[:, :, None], d[:, None, :])
        rows, cols = np.nonzero((wide > 0) & (high > 0))
        wide, high = wide[rows, cols], high[rows, cols]
    else:
        row_of, col_of = _by_lane(tracks.lanes, lanes), _by_lane(found.lanes, lanes)
        nowhere = np.array([[9.0], [9.0], [-9.0], [-9.0]])
        t_all = np.concatenate((t, nowhere), axis=1)[:, row_of]
        d_all = np.concatenate((d, nowhere), axis=1)[:, col_of]
        p_all = np.concatenate((pad, np.zeros((2, 1))), axis=1)[:, row_of]
        wide, high = _extents(t_all[..., None], p_all[..., None], d_all[:, :, None, :])
        lane, i, j = np.nonzero((wide > 0) & (high > 0))
        wide, high = wide[lane, i, j], high[lane, i, j]
        rows, cols = row_of[lane, i], col_of[lane, j]
    track_size, box_size = (t[2:] - t[:2])[:, rows], (d[2:] - d[:2])[:, cols]
    padded = pad[:, rows]
    widened = _ratio(wide * high, _area(track_size + padded), _area(box_size + padded))
    if buffers is None:
        return Pairs(rows=rows, cols=cols, overlap=widened, widened=widened)
    shared = np.maximum(wide - padded[0], 0.0) * np.maximum(high - padded[1], 0.0)
    overlap = _ratio(shared, _area(track_size), _area(box_size))
    return Pairs(rows=rows, cols=cols, overlap=overlap, widened=widened)


def overlaps(one: Floats, other: Floats) -> Floats:
    """(n,): overlap (intersection over union) of boxes one by one."""
    inside = np.maximum(
        np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2]), 0.0
    )
    shared = inside[:, 0] * inside[:, 1]
    both = np.prod(one[:, 2:] - one[:, :2], axis=1) + np.prod(other[:, 2:] - other[:, :2], axis=1)
    return np.asarray(shared / np.maximum(both - shared, 1e-12))


def assigned(pairs: Pairs, worth: Floats, lanes: Ints, shape: tuple[int, int]) -> tuple[Ints, Ints]:
    """Rows and columns of the assignment with the greatest sum of worth (k,), all above 0.

    A pair that is the only one of its row and of its column is taken at once; the Hungarian
    method sees only the rest, lane by lane. lanes (n,): each row's lane.
    """
    rows, cols = pairs.rows, pairs.cols
    per_row = np.bincount(rows, minlength=shape[0])
    per_col = np.bincount(cols, minlength=shape[1])
    alone = (per_row[rows] == 1) & (per_col[cols] == 1)
    taken = [(rows[alone], cols[alone])]
    rest = np.flatnonzero(~alone)
    if len(rest):
        lane = lanes[rows[rest]]
        if lane[0] == lane[-1] and not np.any(lane != lane[0]):
            parts = [rest]
        else:
            order = np.argsort(lane, kind="stable")
            cuts = np.flatnonzero(np.diff(lane[order])) + 1
            parts = np.split(rest[order], cuts)
        taken.extend(_hungarian(rows[part], cols[part], worth[part]) for part in parts)
    if len(taken) == 1:
        return taken[0]
    return np.concatenate([one for one, _ in taken]), np.concatenate([one for _, one in taken])


def _hungarian(rows: Ints, cols: Ints, worth: Floats) -> tuple[Ints, Ints]:
    these, i = np.unique(rows, return_inverse=True)
    those, j = np.unique(cols, return_inverse=True)
    table = np.zeros((len(these), len(those)))
    table[i, j] = worth
    a, b = linear_sum_assignment(table, maximize=True)
    is_pair = table[a, b] > 0
    return these[a[is_pair]], those[b[is_pair]]


def _area(sides: Floats) -> Floats:
    return np.asarray(sides[0] * sides[1])


def _ratio(shared: Floats, one: Floats, other: Floats) -> Floats:
    return np.asarray(shared / (one + other - shared))


def _extents(t: Floats, pad: Floats, d: Floats) -> tuple[Floats, Floats]:
    wide = np.minimum(t[2], d[2])
    wide -= np.maximum(t[0], d[0])
    wide += pad[0]
    high = np.minimum(t[3], d[3])
    high -= np.maximum(t[1], d[1])
    high += pad[1]
    return wide, high


def _by_lane(lanes: Ints, count: int) -> Ints:
    """(lanes, most of any): which items each lane has; the number of items where it has fewer."""
    n = len(lanes)
    order = np.argsort(lanes, kind="stable")
    per_lane = np.bincount(lanes, minlength=count)
    starts = np.concatenate(([0], np.cumsum(per_lane)[:-1]))
    table = np.full((count, int(per_lane.max(initial=0))), n, dtype=np.intp)
    sorted_lanes = lanes[order]
    table[sorted_lanes, np.arange(n) - starts[sorted_lanes]] = order
    return table
