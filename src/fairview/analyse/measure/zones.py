"""Who was in which zone, for how long, and how full it was. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fairview.analyse.measure.looked import joined, observed_frac
from fairview.analyse.measure.paths import Flags, Floats, GroundPath
from fairview.analyse.measure.speeds import GroundLike, standing
from fairview.core.scene import Zone
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.core.traffic import Stay, ZoneLevel

OUT_US_MAX = US_PER_SECOND
"""Out of a zone for no longer than this is still in it: boxes jitter at a zone's rim."""

IN_US_MIN = 300_000
"""In a zone for less than this is brushing its corner, unless it is all that was seen."""

EDGE_US = 500_000
"""A road user first (last) seen this near the beginning (end) of what was looked at was there
before (after)."""

QUEUE_KINDS = frozenset({"queue", "lane"})
QUEUE_STEP_US = US_PER_SECOND
"""A queue is looked at once a second."""


def inside(points: Floats, polygon: Sequence[tuple[float, float]]) -> Flags:
    """(n,): which points lie in a simple polygon; a point on its rim may fall on either side.

    Source:  even-odd rule by crossing a ray (Jordan curve theorem).
    """
    corners = np.asarray(polygon, np.float64)
    ends = np.roll(corners, -1, axis=0)
    y = points[:, 1:2]
    is_between = (corners[None, :, 1] > y) != (ends[None, :, 1] > y)
    rise = np.where(ends[:, 1] == corners[:, 1], 1.0, ends[:, 1] - corners[:, 1])
    at_x = corners[None, :, 0] + (y - corners[None, :, 1]) * (ends[:, 0] - corners[:, 0]) / rise
    return np.asarray(np.sum(is_between & (points[:, 0:1] < at_x), axis=1) % 2 == 1)


def stays(path: GroundPath, zone: Zone, measurable: Sequence[Span]) -> tuple[Stay, ...]:
    """When a road user was in a zone, earliest first.

    A stay begins half-way between the last point out and the first point in, and ends the same
    way; its end is at least one picture later. Out for up to OUT_US_MAX does not end it.
    is_open_start: first seen in the zone as looking began; is_open_end likewise.

    Bounds:  whole microseconds; a stay is at least 1 us long.
    """
    is_in = inside(path.shown_px, zone.polygon_px)
    if not is_in.any():
        return ()
    runs = _bridged(path, _runs(is_in))
    found = []
    for first, last in runs:
        span = _span(path, first, last)
        is_brushing = span.duration_us < IN_US_MIN and (first > 0 or last < len(path) - 1)
        if is_brushing:
            continue
        found.append(
            Stay(
                track=int(path.tracks[first]),
                zone=zone.name,
                kind=path.kind,
                span=span,
                is_open_start=first == 0 and _is_at_start(path.at_us[0], measurable),
                is_open_end=last == len(path) - 1 and _is_at_end(path.at_us[-1], measurable),
            )
        )
    return tuple(found)


def _runs(is_in: Flags) -> list[tuple[int, int]]:
    """First and last index of each stretch of True."""
    steps = np.diff(np.concatenate([[False], is_in, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
    return [(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def _bridged(path: GroundPath, runs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    done = [runs[0]]
    for first, last in runs[1:]:
        if path.at_us[first] - path.at_us[done[-1][1]] <= OUT_US_MAX:
            done[-1] = (done[-1][0], last)
        else:
            done.append((first, last))
    return done


def _span(path: GroundPath, first: int, last: int) -> Span:
    at_us = path.at_us
    start = at_us[first] if first == 0 else (at_us[first - 1] + at_us[first]) // 2
    end = at_us[last] if last == len(path) - 1 else (at_us[last] + at_us[last + 1]) // 2
    return Span(start=Instant(int(start)), end=Instant(max(int(end), int(start) + 1)))


def _is_at_start(at_us: int, measurable: Iterable[Span]) -> bool:
    return any(0 <= at_us - span.start.us <= EDGE_US for span in measurable)


def _is_at_end(at_us: int, measurable: Iterable[Span]) -> bool:
    return any(0 <= span.end.us - at_us <= EDGE_US for span in measurable)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneWay:
    """One road user's way and its stays in one zone."""

    path: GroundPath
    stays: tuple[Stay, ...]


def level(
    zone: Zone,
    ways: Sequence[ZoneWay],
    span: Span,
    measurable: Sequence[Span],
    ground: GroundLike | None,
) -> ZoneLevel:
    """How full a zone was in a bin, over the part of it that was looked at.

    Occupancy is road users times time, by time; the queue is the most that stood or crawled at
    once, in zones of kind queue and lane, and its length from the first to the last of them.
    """
    looked = [part for one in measurable if (part := one.clipped(span)) is not None]
    looked_us = sum(part.duration_us for part in looked)
    if looked_us == 0:
        return _nobody_looked(zone, span)
    present = [
        part
        for way in ways
        for stay in way.stays
        for one in looked
        if (part := stay.span.clipped(one)) is not None
    ]
    queue = _queue(ways, looked, ground) if zone.kind in QUEUE_KINDS else None
    return ZoneLevel(
        span=span,
        zone=zone.name,
        occupancy=sum(part.duration_us for part in present) / looked_us,
        occupied_frac=sum(part.duration_us for part in joined(present)) / looked_us,
        queue_max=None if queue is None else queue[0],
        queue_m_max=None if queue is None else queue[1],
        observed_frac=observed_frac(measurable, span),
    )


def _nobody_looked(zone: Zone, span: Span) -> ZoneLevel:
    return ZoneLevel(
        span=span,
        zone=zone.name,
        occupancy=None,
        occupied_frac=None,
        queue_max=None,
        queue_m_max=None,
        observed_frac=0.0,
    )


def _queue(
    ways: Sequence[ZoneWay], looked: Sequence[Span], ground: GroundLike | None
) -> tuple[int, float | None]:
    """The most standing road users at one second of the clock, and the longest line, m."""
    standers: dict[int, list[Floats]] = {}
    for way in ways:
        is_standing = standing(way.path, ground)
        for stay in way.stays:
            for us in _seconds(stay.span, looked):
                index = int(np.argmin(np.abs(way.path.at_us - us)))
                if is_standing[index]:
                    standers.setdefault(us, []).append(way.path.px[index])
    most = max((len(points) for points in standers.values()), default=0)
    if ground is None:
        return most, None
    lengths = [0.0]
    for points in standers.values():
        metres = ground.metres(np.asarray(points))
        metres = metres[np.isfinite(metres).all(axis=1)]
        if len(metres) > 1:
            apart = metres[:, None] - metres[None]
            lengths.append(float(np.hypot(apart[..., 0], apart[..., 1]).max()))
    return most, max(lengths)


def _seconds(span: Span, looked: Sequence[Span]) -> Iterable[int]:
    for one in looked:
        part = span.clipped(one)
        if part is not None:
            first = -(-part.start.us // QUEUE_STEP_US) * QUEUE_STEP_US
            yield from range(first, part.end.us, QUEUE_STEP_US)
