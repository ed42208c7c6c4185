"""When a road user's ground point passes a line. Pure.

A path meets a line at bare intersections first; what counts is decided from how far the road user
went away from the line between them: standing on the line, creeping and jitter make intersections
without distance, a road user that passes makes one with distance on both sides.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairview.analyse.measure.journeys import velocity
from fairview.analyse.measure.paths import Flags, Floats, GroundPath
from fairview.core.scene import Line
from fairview.core.time import US_PER_SECOND, Instant
from fairview.core.traffic import Direction

REVERSAL_SIZES = 0.35
"""Who turns back must have gone so many of its own sizes past the line, else it never passed."""

TRAVEL_SIZES = 0.25
TRAVEL_JITTERS = 10.0
"""How far a road user goes in all, from one side to the other. The farthest two of 10,000 points
that only jitter lie 8 standard deviations apart."""

END_SIZES = 0.05
END_JITTERS = 2.0
END_PX = 0.5
"""How far from the line the first and the last point must lie: beyond the box's own jitter. Short,
because a track may begin or end near the line for reasons of its own (a late detector, the end of
a film); the whole travel is what shows that it passed."""

CUT_SIZES = 0.25
"""The same for points whose box the picture's edge cuts: only reckoned, so farther."""

LATE_US = 300_000
LATE_SIZES_MAX = 0.5
"""Detectors find a road user late and lose it early. One that is plainly on the move at its first
(last) point was where its velocity says a moment before (after): so long, so many sizes at most."""
_STEADY_US = 500_000
_STEADY_US_MIN = 200_000
_STEADY_SIZES = 0.1
"""Plainly on the move: so many sizes within LATE_US, over the track's first (last) half second."""

POINTS_MIN = 3
"""A track of fewer points shows no movement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One passing of one line. is_foretold: its meeting with the line lies before the first or
    after the last point. is_seen: the points on both sides of it were seen, not bridged. size_px:
    the box's extent across the line.
    """

    at: Instant
    direction: Direction
    track: int
    px: tuple[float, float]
    size_px: float
    is_foretold: bool
    is_seen: bool


@dataclass(frozen=True, slots=True)
class _Meeting:
    step: int
    frac: float
    is_forward: bool


def passages(path: GroundPath, line: Line) -> tuple[Passage, ...]:
    """When a road user passes a line, earliest first, at most once per direction.

    The line counts only between its ends; passing several of its pieces, or a corner, is one
    crossing. Touching without passing, standing on it and creeping to and fro are none or one.

    Shapes:  path (n,) points.
    Units:   pixels of the scene; times interpolated between points, us.
    Bounds:  at most one per direction.
    Cost:    n times the line's pieces, as arrays.
    Source:  sides as in FORMATS; cancelling the shallowest excursions first is simplification by
             persistence (Edelsbrunner, Letscher, Zomorodian 2002) on the distance to the line.
    """
    if len(path) < POINTS_MIN:
        return ()
    way = _Way(path)
    corners = np.asarray(line.points_px, np.float64)
    meetings = _meetings(way.px, corners)
    if not meetings:
        return ()
    away, across, extent = _distances(way, corners)
    kept = _kept(meetings, way, away / extent, extent)
    if not kept or not _is_passing(kept, way, (across, extent), path.jitter_px):
        return ()
    first: dict[bool, Passage] = {}
    for one in kept:
        if one.is_forward not in first and _at_us(one, way) >= 0:
            first[one.is_forward] = _passage(one, way, extent)
    return tuple(sorted(first.values(), key=lambda one: one.at))


class _Way:
    """The path, with one more point before and after where movement foretells them."""

    def __init__(self, path: GroundPath) -> None:
        before, after = _foretold(path, is_start=True), _foretold(path, is_start=False)
        self.has_before, self.has_after = before is not None, after is not None
        n = len(path)
        index = [0] * self.has_before + list(range(n)) + [n - 1] * self.has_after
        px, at_us, centre = path.px[index], path.at_us[index], path.centre_px[index]
        if before is not None:
            centre[0] += before - px[0]
            px[0], at_us[0] = before, at_us[0] - LATE_US
        if after is not None:
            centre[-1] += after - px[-1]
            px[-1], at_us[-1] = after, at_us[-1] + LATE_US
        self.px, self.at_us, self.centre_px = px, at_us, centre
        self.size_px = path.size_px[index]
        self.tracks = path.tracks[index]
        self.is_whole, self.is_seen = path.is_whole[index], path.is_seen[index]


def _foretold(path: GroundPath, *, is_start: bool) -> Floats | None:
    """Where a road user on the move was just before its first point, or is after its last.

    None for a box that the picture's edge cuts: it comes or goes there, no detector was late, and
    its place is only reckoned.
    """
    at_us = path.at_us
    if not path.is_whole[0 if is_start else -1]:
        return None
    if is_start:
        part = slice(0, int(np.searchsorted(at_us, at_us[0] + _STEADY_US, side="right")))
    else:
        part = slice(int(np.searchsorted(at_us, at_us[-1] - _STEADY_US)), len(at_us))
    length_us = at_us[part.stop - 1] - at_us[part.start]
    if part.stop - part.start < POINTS_MIN or length_us < _STEADY_US_MIN:
        return None
    moved = velocity(at_us[part], path.px[part]) * LATE_US / US_PER_SECOND
    index = 0 if is_start else -1
    size = float(np.sqrt(np.prod(path.size_px[index])))
    distance = float(np.hypot(*moved))
    if distance < max(_STEADY_SIZES * size, 3 * path.jitter_px):
        return None
    moved = moved * min(1.0, LATE_SIZES_MAX * size / distance)
    return np.asarray(path.px[index] + (-moved if is_start else moved), np.float64)


def _side(a: Floats, b: Floats, p: Floats) -> Floats:
    """FORMATS' s for every pair: a, b (m, 2) and p (n, 2) give (n, m)."""
    step = b - a
    away = p[:, None, :] - a[None]
    return np.asarray(step[None, :, 0] * away[..., 1] - step[None, :, 1] * away[..., 0])


def _meetings(px: Floats, corners: Floats) -> list[_Meeting]:
    """Where the path's steps cross the line's pieces, in order.

    "Above 0 or not" is asked of each point and each corner once per step and piece, so a path
    through a corner, or a point on the line, is met exactly once.
    """
    sides = _side(corners[:-1], corners[1:], px)
    is_right = sides > 0
    is_corner_right = (_side(px[:-1], px[1:], corners) > 0).T
    hits = (is_right[:-1] != is_right[1:]) & (is_corner_right[:, :-1] != is_corner_right[:, 1:])
    found = []
    for step, piece in zip(*np.nonzero(hits), strict=True):
        before, after = sides[step, piece], sides[step + 1, piece]
        found.append(_Meeting(int(step), float(before / (before - after)), bool(before > 0)))
    return sorted(found, key=lambda one: (one.step, one.frac))


def _distances(way: _Way, corners: Floats) -> tuple[Floats, Floats, Floats]:
    """(n,) each: the distance to the line, the part of it across the nearest piece (who is beside
    the line's end has not gone far over it), and the box's extent across that piece."""
    a, step = corners[:-1], np.diff(corners, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    offset = way.px[:, None, :] - a[None]
    along = np.clip(np.sum(offset * step, axis=2) / length**2, 0.0, 1.0)
    rest = offset - along[..., None] * step[None]
    away = np.hypot(rest[..., 0], rest[..., 1])
    nearest = np.argmin(away, axis=1)
    index = np.arange(len(away))
    normal = step[nearest][:, ::-1] * np.array([-1.0, 1.0]) / length[nearest][:, None]
    extent = np.maximum(np.sum(np.abs(normal) * way.size_px, axis=1), 1.0)
    across = np.abs(np.sum(rest[index, nearest] * normal, axis=1))
    return away[index, nearest], across, extent


def _kept(meetings: Sequence[_Meeting], way: _Way, depth: Floats, extent: Floats) -> list[_Meeting]:
    """The meetings that are left when excursions too shallow to be a turn are taken out.

    The shallowest goes first. An excursion between two meetings takes both along when they go
    opposite ways, else the later one (round the line's end and over it again). One before the
    first or after the last takes that meeting along, but never the only one left.
    """
    kept = _without_jitter(meetings, depth)
    while len(kept) > 1:
        depths = [
            _excursion(way, depth, extent, (before, after))
            for before, after in itertools.pairwise([None, *kept, None])
        ]
        least = min(range(len(depths)), key=lambda k: (depths[k], k))
        if depths[least] >= REVERSAL_SIZES:
            break
        if least == 0:
            del kept[0]
        elif least == len(kept):
            del kept[-1]
        elif kept[least - 1].is_forward == kept[least].is_forward:
            del kept[least]
        else:
            del kept[least - 1 : least + 1]
    return kept


def _without_jitter(meetings: Sequence[_Meeting], depth: Floats) -> list[_Meeting]:
    """At most one meeting between two excursions that are deep, or first or last.

    Who stands on a line meets it hundreds of times; this takes them out in one pass. What is left
    between two deep excursions is the last meeting in the direction they make together, if any.
    """
    bounds = [0, *(one.step + 1 for one in meetings), len(depth)]
    kept: list[_Meeting] = []
    group: list[_Meeting] = []
    for number, meeting in enumerate(meetings, 1):
        group.append(meeting)
        part = depth[bounds[number] : bounds[number + 1]]
        if number < len(meetings) and (not len(part) or part.max() < REVERSAL_SIZES):
            continue
        forward = sum(1 if one.is_forward else -1 for one in group)
        if forward:
            kept.append([one for one in group if one.is_forward == (forward > 0)][-1])
        group = []
    return kept


def _excursion(
    way: _Way,
    depth: Floats,
    extent: Floats,
    between: tuple[_Meeting | None, _Meeting | None],
) -> float:
    """How far the road user went from the line between two meetings, in its own sizes.

    The box's middle must have gone as far as the ground point: when something hides its lower
    part, the lower edge jumps and the middle only half as far.
    """
    before, after = between
    start = 0 if before is None else before.step + 1
    end = len(depth) if after is None else after.step + 1
    if end <= start:
        return 0.0
    part = slice(start, end)
    deepest = depth[part]
    for meeting in between:
        if meeting is not None:
            step, frac = meeting.step, meeting.frac
            middle = way.centre_px[step] * (1 - frac) + way.centre_px[step + 1] * frac
            gone = np.hypot(*(way.centre_px[part] - middle).T) / extent[part]
            deepest = np.minimum(deepest, gone)
    return float(deepest.max())


def _is_passing(
    kept: Sequence[_Meeting], way: _Way, distances: tuple[Floats, Floats], jitter_px: float
) -> bool:
    """Whether the first and last excursions are far enough from the line, and the travel long."""
    away, extent = distances
    before, after = slice(0, kept[0].step + 1), slice(kept[-1].step + 1, len(away))
    least = np.where(way.is_whole, END_SIZES, CUT_SIZES) * extent
    is_clear: Flags = away >= np.maximum(np.maximum(END_PX, END_JITTERS * jitter_px), least)
    relative = away / extent
    is_long = relative[before].max() + relative[after].max() >= TRAVEL_SIZES
    travel_px = away[before].max() + away[after].max()
    is_far = is_long and travel_px >= TRAVEL_JITTERS * jitter_px
    return bool(is_far and is_clear[before].any() and is_clear[after].any())


def _at_us(one: _Meeting, way: _Way) -> int:
    """When; below 0 for what is foretold of a moment before a film's first picture."""
    before, after = int(way.at_us[one.step]), int(way.at_us[one.step + 1])
    return before + round(one.frac * (after - before))


def _passage(one: _Meeting, way: _Way, extent: Floats) -> Passage:
    step, frac = one.step, one.frac
    px = way.px[step] + frac * (way.px[step + 1] - way.px[step])
    is_before = way.has_before and step == 0
    is_after = way.has_after and step == len(way.px) - 2
    owner = way.tracks[step] if frac < 0.5 or is_after else way.tracks[step + 1]
    return Passage(
        at=Instant(_at_us(one, way)),
        direction="forward" if one.is_forward else "backward",
        track=int(owner),
        px=(float(px[0]), float(px[1])),
        size_px=float(extent[step]),
        is_foretold=is_before or is_after,
        is_seen=bool(way.is_seen[step] and way.is_seen[step + 1]),
    )
