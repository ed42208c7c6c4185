"""Tracks that are pieces of one road user's way, joined for counting. Pure.

Only time, place, movement and box size decide; nothing about how a road user looks is known here,
and tracks of two cameras are never compared.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fairview.analyse.measure.paths import CUT_FRAC, Floats
from fairview.core.errors import BadInput
from fairview.core.scene import SceneCamera
from fairview.core.sight import MOVING, OTHER, VEHICLES, Track
from fairview.core.time import US_PER_SECOND

GAP_US_MAX = 1_500_000
"""A road user on the move that is lost for longer is not joined: its way cannot be foretold."""

GAP_STANDING_US_MAX = 5 * US_PER_SECOND
"""One that stands is where it was: a passing lorry hides it about this long."""

TRUSTED_US = 200_000
"""Unseen for longer (and for two pictures), a track must come back where its movement foretells,
or it came back as another road user: trackers bridge gaps, and now and then to the wrong one."""

JUMP_SIZES = 0.5
"""The same for a step of more than so many of its own sizes, however short."""

_ENDS_US = 500_000
"""How much of a track's end tells its velocity."""
_STANDING_SIZES = 0.15
"""Up to so many of its own sizes a second is standing still."""
_AWAY_SIZES_MAX = 0.5
_AWAY_SIZES_A_SECOND = 0.25
"""How far from the foretold place, in its own sizes, the next piece may begin, and how much
farther for a longer gap (up to a second)."""
_RATIO_MAX = 1.8
"""How different in size (square root of the area) two pieces may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """Where and how a track begins or ends. Units: px, px/s."""

    at_us: int
    centre: Floats
    velocity: Floats
    size: float
    is_at_edge: bool
    kind: int

    @property
    def is_standing(self) -> bool:
        return float(np.hypot(*self.velocity)) < _STANDING_SIZES * self.size


def journeys(tracks: Sequence[Track], camera: SceneCamera) -> tuple[tuple[Track, ...], ...]:
    """The tracks, grouped by road user: pieces of one way together, in order of time.

    A track that was unseen and came back where it could not be is cut there first.

    Two pieces are joined when one ends and the other begins inside the picture, shortly after, at
    the place its movement foretells, with a like size and a compatible class; the nearest pairs
    first, each piece at most once on each side.

    Shapes:  every seen point is in exactly one group; groups by their start, then id.
    Cost:    sorts by time, then compares only tracks that end and begin within seconds.
    Errors:  BadInput when two tracks have the same id.
    """
    if len({track.id for track in tracks}) != len(tracks):
        raise BadInput("two tracks have the same id; ids count within one camera and run")
    parts = [part for track in tracks for part in pieces(track, camera)]
    ordered = sorted(parts, key=lambda track: (track.at_us[0], track.id))
    starts = [_end(track, camera, is_start=True) for track in ordered]
    begin_us = [one.at_us for one in starts]
    pairs: list[tuple[float, int, int]] = []
    for index, track in enumerate(ordered):
        last = _end(track, camera, is_start=False)
        if last.is_at_edge:
            continue
        most = GAP_STANDING_US_MAX if last.is_standing else GAP_US_MAX
        first = bisect.bisect_right(begin_us, last.at_us)
        for other in range(first, bisect.bisect_right(begin_us, last.at_us + most)):
            away = _away(last, starts[other])
            if away is not None:
                pairs.append((away, index, other))
    return _grouped(ordered, sorted(pairs))


def pieces(track: Track, camera: SceneCamera) -> tuple[Track, ...]:
    """A track, cut where it was unseen for over TRUSTED_US, or jumped, and came out of its way.

    Out of its way: neither its movement before leads to where it came back, nor its movement
    after leads back to where it was lost; or it came back in another size. Points reckoned in
    between go with the cut.
    """
    seen = np.flatnonzero(track.is_seen)
    if len(seen) < 2:
        return (track,)
    steps_us = np.diff(track.at_us[seen])
    is_gap = steps_us > max(TRUSTED_US, 1.5 * float(np.median(steps_us)))
    is_gap |= _jumps(track.boxes_unit[seen], camera)
    sizes_px = _sizes(_corners(track.boxes_unit, camera))
    done: list[Track] = []
    first = 0
    for gap in np.flatnonzero(is_gap):
        before, after = part_of(track, first, int(seen[gap])), int(seen[gap + 1])
        last = _end(before, camera, is_start=False)
        next_one = _end(part_of(track, after, len(track) - 1), camera, is_start=True)
        sizes = sizes_px[int(seen[gap])], sizes_px[after]
        is_far = min(_misses(last, next_one)) > _most_away(
            (next_one.at_us - last.at_us) / US_PER_SECOND
        )
        if is_far or max(sizes) > _RATIO_MAX * min(sizes):
            done.append(before)
            first = after
    done.append(part_of(track, first, len(track) - 1))
    return tuple(done)


def _jumps(boxes_unit: npt.NDArray[np.float32], camera: SceneCamera) -> npt.NDArray[np.bool_]:
    """(n - 1,): which steps are longer than JUMP_SIZES."""
    corners = _corners(boxes_unit, camera)
    moved = np.diff(corners.mean(axis=1), axis=0)
    sizes = _sizes(corners)
    return np.asarray(
        np.hypot(moved[:, 0], moved[:, 1]) > JUMP_SIZES * (sizes[1:] + sizes[:-1]) / 2
    )


def _corners(boxes_unit: npt.NDArray[np.float32], camera: SceneCamera) -> Floats:
    """(n, 2, 2): upper left and lower right, px."""
    picture = np.array([camera.width_px, camera.height_px], np.float64)
    return np.asarray(boxes_unit.astype(np.float64).reshape(-1, 2, 2) * picture)


def _sizes(corners: Floats) -> Floats:
    """(n,): the square roots of the boxes' areas, px."""
    areas = np.prod(corners[:, 1] - corners[:, 0], axis=1)
    return np.asarray(np.sqrt(np.maximum(areas, 1.0)), np.float64)


def part_of(track: Track, first: int, last: int) -> Track:
    """The points from index first to last, both included."""
    if first == 0 and last == len(track) - 1:
        return track
    part = slice(first, last + 1)
    return replace(
        track,
        frames=track.frames[part],
        at_us=track.at_us[part],
        boxes_unit=track.boxes_unit[part],
        scores=track.scores[part],
        is_seen=track.is_seen[part],
    )


def _grouped(
    ordered: Sequence[Track], pairs: Sequence[tuple[float, int, int]]
) -> tuple[tuple[Track, ...], ...]:
    after: dict[int, int] = {}
    has_before: set[int] = set()
    for _, index, other in pairs:
        if index not in after and other not in has_before:
            after[index] = other
            has_before.add(other)
    groups: list[tuple[Track, ...]] = []
    for index in range(len(ordered)):
        if index in has_before:
            continue
        chain = [index]
        while chain[-1] in after:
            chain.append(after[chain[-1]])
        groups.append(tuple(ordered[one] for one in chain))
    return tuple(groups)


def _end(track: Track, camera: SceneCamera, *, is_start: bool) -> _End:
    picture = np.array([camera.width_px, camera.height_px], np.float64)
    at_us = track.at_us
    if is_start:
        part = slice(0, int(np.searchsorted(at_us, at_us[0] + _ENDS_US, side="right")))
    else:
        part = slice(int(np.searchsorted(at_us, at_us[-1] - _ENDS_US)), len(at_us))
    boxes = track.boxes_unit[part].astype(np.float64)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 * picture
    sizes = np.sqrt(np.maximum(np.prod((boxes[:, 2:] - boxes[:, :2]) * picture, axis=1), 1.0))
    index = 0 if is_start else -1
    margin = np.maximum(CUT_FRAC, 1.0 / picture)
    is_at_edge = bool(np.any(boxes[index, :2] <= margin) or np.any(boxes[index, 2:] >= 1 - margin))
    return _End(
        at_us=int(at_us[index]),
        centre=centres[index],
        velocity=velocity(at_us[part], centres),
        size=float(np.median(sizes)),
        is_at_edge=is_at_edge,
        kind=track.kind,
    )


def velocity(at_us: npt.NDArray[np.int64], px: Floats) -> Floats:
    """The straight line's slope through points in time (least squares), px/s; 0 for one point."""
    seconds = (at_us - at_us[0]) / US_PER_SECOND
    seconds = seconds - seconds.mean()
    spread = float(np.sum(seconds**2))
    if spread == 0.0:
        return np.zeros(2)
    return np.asarray(seconds @ (px - px.mean(axis=0)) / spread, np.float64)


def _away(last: _End, first: _End) -> float | None:
    """How far from the foretold place `first` begins, in sizes; None when it is another's."""
    ratio = last.size / first.size
    if first.is_at_edge or not 1 / _RATIO_MAX <= ratio <= _RATIO_MAX:
        return None
    if not _may_be_same(last.kind, first.kind):
        return None
    seconds = (first.at_us - last.at_us) / US_PER_SECOND
    if last.is_standing and seconds > GAP_US_MAX / US_PER_SECOND and not first.is_standing:
        return None
    away = max(_misses(last, first))
    return away if away <= _most_away(seconds) else None


def _misses(last: _End, first: _End) -> tuple[float, float]:
    """How far each end's movement misses the other end, in sizes."""
    seconds = (first.at_us - last.at_us) / US_PER_SECOND
    size = (last.size + first.size) / 2
    forth = last.centre + last.velocity * seconds - first.centre
    back = first.centre - first.velocity * seconds - last.centre
    return float(np.hypot(*forth)) / size, float(np.hypot(*back)) / size


def _most_away(seconds: float) -> float:
    return _AWAY_SIZES_MAX + _AWAY_SIZES_A_SECOND * min(seconds, 1.0)


def _may_be_same(one: int, other: int) -> bool:
    vague = {MOVING, OTHER}
    return one == other or bool({one, other} & vague) or {one, other} <= VEHICLES
