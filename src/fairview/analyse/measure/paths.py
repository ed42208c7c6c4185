"""Where on the picture a road user touched the ground, point by point. Pure.

The ground point is the middle of the box's lower edge. It is not visible when the picture's edge
cuts the box; then it is reckoned from the sides that are visible and the size the road user has
when it is seen whole, so that a line near the edge is passed when the road user passes it, not
when its box reaches the picture's edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fairview.core.scene import SceneCamera
from fairview.core.sight import Track

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

CUT_FRAC = 0.008
"""A side this near the picture's edge, as a share of the picture, is taken as cut: detectors end
boxes a few pixels inside. Taking a whole box as cut changes nothing, as its size is known."""

SIZE_POINTS = 5
"""How many of the nearest whole boxes tell the size of a cut one (median)."""

FILLED_US = 200_000
"""A path without a point for longer takes those of the road user's other box."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundPath:
    """One road user's ground points, from one track or several that were joined.

    px may lie outside the picture (reckoned); shown_px is the same point brought inside it.

    Shapes:  at_us, tracks, is_whole, is_seen (n,); px, shown_px, size_px (n, 2).
    Units:   pixels of the scene's picture; size_px is the whole box, width and height.
    """

    kind: int
    tracks: npt.NDArray[np.int64]
    at_us: npt.NDArray[np.int64]
    px: Floats
    shown_px: Floats
    size_px: Floats
    is_whole: Flags
    is_seen: Flags
    jitter_px: float

    def __len__(self) -> int:
        return len(self.at_us)

    @property
    def centre_px(self) -> Floats:
        """(n, 2): the middle of the whole box. What hides the lower half moves it half as far."""
        return np.asarray(self.px - self.size_px * np.array([0.0, 0.5]))


def path_of(tracks: Sequence[Track], camera: SceneCamera) -> GroundPath:
    """The ground path of one road user's tracks, earliest first.

    Errors:  BadInput is impossible here; the tracks were checked when made.
    Cost:    about 0.1 ms a track and 1 us a point.
    """
    parts = [_Boxes(track, camera) for track in tracks]
    px = np.concatenate([part.px for part in parts])
    at_us = np.concatenate([track.at_us for track in tracks])
    is_whole = np.concatenate([part.is_whole for part in parts])
    is_seen = np.concatenate([track.is_seen for track in tracks])
    longest = max(tracks, key=len)
    return GroundPath(
        kind=longest.kind,
        tracks=np.concatenate([np.full(len(one), one.id, np.int64) for one in tracks]),
        at_us=at_us,
        px=px,
        shown_px=np.concatenate([part.shown_px for part in parts]),
        size_px=np.concatenate([part.size_px for part in parts]),
        is_whole=is_whole,
        is_seen=is_seen,
        jitter_px=max(_jitter(part.px[part.is_whole]) for part in parts),
    )


def filled(path: GroundPath, other: GroundPath) -> GroundPath:
    """A path with another box's points where it has none of its own, for two boxes of one body.

    The other's points and sizes are brought to the path's by how they lie when both are there
    (median), as shares of the other's size, so that the path goes on without a step.

    Shapes:  at least the path's points; kind and tracks are the path's throughout.
    """
    usual_us = 1.5 * float(np.median(np.diff(path.at_us))) if len(path) > 1 else 0.0
    after = np.clip(np.searchsorted(path.at_us, other.at_us), 0, len(path) - 1)
    before = np.maximum(after - 1, 0)
    to_after, to_before = (np.abs(path.at_us[one] - other.at_us) for one in (after, before))
    away_us = np.minimum(to_after, to_before)
    is_common = (other.at_us >= path.at_us[0]) & (other.at_us <= path.at_us[-1])
    is_common &= away_us <= max(FILLED_US, usual_us)
    is_new = away_us > max(FILLED_US, usual_us)
    if not is_new.any() or not is_common.any():
        return path
    there = np.column_stack(
        [np.interp(other.at_us[is_common], path.at_us, path.px[:, axis]) for axis in (0, 1)]
    )
    nearest = np.where(to_after < to_before, after, before)
    sizes = other.size_px[is_common]
    shift = np.median((there - other.px[is_common]) / sizes, axis=0)
    scale = np.median(path.size_px[nearest[is_common]] / sizes, axis=0)
    moved = shift * other.size_px[is_new]
    at_us = np.concatenate([path.at_us, other.at_us[is_new]])
    order = np.argsort(at_us, kind="stable")

    def woven(own: npt.NDArray[Any], new: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray(np.concatenate([own, new])[order])

    return GroundPath(
        kind=path.kind,
        tracks=woven(path.tracks, path.tracks[nearest[is_new]]),
        at_us=at_us[order],
        px=woven(path.px, other.px[is_new] + moved),
        shown_px=woven(path.shown_px, other.shown_px[is_new] + moved),
        size_px=woven(path.size_px, other.size_px[is_new] * scale),
        is_whole=woven(path.is_whole, other.is_whole[is_new]),
        is_seen=woven(path.is_seen, other.is_seen[is_new]),
        jitter_px=max(path.jitter_px, other.jitter_px),
    )


def _jitter(px: Floats) -> float:
    """The spread of a ground point from picture to picture (one standard deviation, px).

    Second differences leave steady movement out; the median leaves jumps out. For independent
    errors a second difference has 6 times the variance of one point.
    """
    if len(px) < 5:
        return 0.0
    bends = np.abs(np.diff(px, n=2, axis=0))
    return float(1.4826 * np.median(bends, axis=0).max() / np.sqrt(6.0))


class _Boxes:
    """One track's boxes in pixels, with the whole sizes of those that are cut."""

    def __init__(self, track: Track, camera: SceneCamera) -> None:
        picture = np.array([camera.width_px, camera.height_px], np.float64)
        corners = track.boxes_unit.astype(np.float64).reshape(-1, 2, 2)
        margin = np.maximum(CUT_FRAC, 1.0 / picture)
        is_cut_low, is_cut_high = corners[:, 0] <= margin, corners[:, 1] >= 1.0 - margin
        low, high = corners[:, 0] * picture, corners[:, 1] * picture
        is_cut = is_cut_low | is_cut_high
        shown = np.maximum(high - low, 1e-3)
        width = _whole_size(shown, is_cut, 0)
        height = _whole_size(shown, is_cut, 1)
        x = np.where(
            is_cut_low[:, 0] == is_cut_high[:, 0],
            (low[:, 0] + high[:, 0]) / 2,
            np.where(is_cut_low[:, 0], high[:, 0] - width / 2, low[:, 0] + width / 2),
        )
        is_foot_unseen = is_cut_high[:, 1] & ~is_cut_low[:, 1]
        y = np.where(is_foot_unseen, low[:, 1] + height, high[:, 1])
        self.px = np.column_stack([x, y])
        self.size_px = np.column_stack([width, height])
        self.is_whole = ~is_cut.any(axis=1)
        # A point brought inside stands a little inside, so that a zone drawn to the picture's
        # edge holds it.
        inset = 2 * margin * picture
        self.shown_px = np.where(
            np.column_stack([is_cut.any(axis=1)] * 2),
            np.clip(self.px, inset, picture - inset),
            self.px,
        )


def _whole_size(shown: Floats, is_cut: Flags, axis: int) -> Floats:
    """The box's whole width (axis 0) or height (1) where the picture's edge cuts it.

    From the nearest boxes that are whole along this axis: their size, or, when the other side is
    whole too, their proportion times that side, which follows the distance.
    """
    wanted = np.flatnonzero(is_cut[:, axis])
    whole = np.flatnonzero(~is_cut[:, axis])
    sizes = shown[:, axis].copy()
    if not len(wanted):
        return sizes
    if not len(whole):
        return np.full(len(sizes), sizes.max())
    nearest, is_there = _nearest(wanted, whole)
    size = _medians(shown[nearest, axis], is_there)
    other = shown[:, 1 - axis]
    is_both = is_there & ~is_cut[nearest, 1 - axis]
    by_other = ~is_cut[wanted, 1 - axis] & is_both.any(axis=1)
    proportion = _medians(shown[nearest, axis] / other[nearest], is_both)
    size = np.where(by_other, proportion * other[wanted], size)
    sizes[wanted] = np.maximum(size, sizes[wanted])
    return sizes


def _nearest(
    wanted: npt.NDArray[np.int64], among: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], Flags]:
    """(m, SIZE_POINTS): the nearest of `among` (sorted) to each wanted, and which there are."""
    place = np.searchsorted(among, wanted)[:, None] + np.arange(-SIZE_POINTS, SIZE_POINTS)
    is_there = (place >= 0) & (place < len(among))
    found = among[np.clip(place, 0, len(among) - 1)]
    away = np.where(is_there, np.abs(found - wanted[:, None]), np.iinfo(np.int64).max)
    order = np.argsort(away, axis=1, kind="stable")[:, :SIZE_POINTS]
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(is_there, order, axis=1)


def _medians(values: Floats, is_there: Flags) -> Floats:
    """(m,): the median of each row's values that are there; nan where there are none."""
    ordered = np.sort(np.where(is_there, values, np.inf), axis=1)
    n = is_there.sum(axis=1)
    rows = np.arange(len(values))
    middle = (ordered[rows, np.maximum(n - 1, 0) // 2] + ordered[rows, n // 2 * (n > 0)]) / 2
    return np.where(n > 0, middle, np.nan)
