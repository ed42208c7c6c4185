"""Everything measured of one road user, and what of it counts beside the others. Pure."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fairview.analyse.measure.crossings import LATE_US, Passage, passages
from fairview.analyse.measure.paths import GroundPath, filled, path_of
from fairview.analyse.measure.riders import RoadUser
from fairview.analyse.measure.speeds import GroundLike, near, speed_of
from fairview.analyse.measure.zones import inside, stays
from fairview.core.scene import Scene
from fairview.core.sight import PERSON, Track
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.core.traffic import Crossing, PlaceSpeed, Stay

SAME_US_MAX = US_PER_SECOND
SAME_SIZES_MAX = 1.0
"""A foretold passing this near another, in time and in its own sizes, is the other one: the two
pieces of one way, on each side of the line, that were not joined."""

TOGETHER_SIZES_MAX = 0.25
BRIDGED_SIZES_MAX = 0.6
"""Two road users cannot stand on one spot: ground points of two tracks that come this near at the
same moment (in shares of the box's width and height) are one road user found twice. Where one
track was not seen there, only bridged, its place is less sure."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """One road user: its tracks (earliest first), its path, and its passings of lines in order of
    time. beside: ids of tracks that are the same body (a rider's) and are not counted by.
    """

    tracks: tuple[Track, ...]
    path: GroundPath
    passages: tuple[tuple[str, Passage], ...]
    beside: tuple[int, ...] = ()

    @property
    def start(self) -> Instant:
        return self.tracks[0].start

    @property
    def end(self) -> Instant:
        return max(track.end for track in self.tracks)


def way_of(road_user: RoadUser, scene: Scene) -> Way:
    path = path_of(road_user.tracks, scene.camera)
    for group in road_user.beside:
        path = filled(path, path_of(group, scene.camera))
    found = [(line.name, one) for line in scene.lines for one in passages(path, line)]
    return Way(
        tracks=road_user.all_tracks,
        path=path,
        passages=tuple(sorted(found, key=lambda one: (one[1].at, one[0]))),
        beside=tuple(sorted({track.id for group in road_user.beside for track in group})),
    )


def crossings(
    ways: Sequence[Way],
    ground: GroundLike | None,
    measurable: Sequence[Span],
    among: Sequence[Way],
) -> tuple[tuple[Crossing, ...], ...]:
    """Each way's crossings that count, in order of time.

    Left out are those at moments when nothing was measurable, and those that the passing of
    another way in `among` accounts for.
    """
    others = _Others(among)
    return tuple(
        tuple(
            Crossing(
                at=one.at,
                line=line,
                direction=one.direction,
                kind=way.path.kind,
                track=one.track,
                speed=speed_of(way.path, ground, near(way.path, one.at.us)),
            )
            for line, one in way.passages
            if _is_looked_at(one.at, measurable) and not others.account_for(way, line, one)
        )
        for way in ways
    )


def _is_looked_at(at: Instant, measurable: Iterable[Span]) -> bool:
    return any(span.holds(at) or span.end == at for span in measurable)


class _Others:
    """Every passing by line and direction, to ask for others near one."""

    def __init__(self, ways: Sequence[Way]) -> None:
        self._found: dict[tuple[str, str], list[tuple[Instant, int, Passage, Way]]] = {}
        for way in ways:
            for line, one in way.passages:
                row = (one.at, int(way.path.tracks[0]), one, way)
                self._found.setdefault((line, one.direction), []).append(row)
        for rows in self._found.values():
            rows.sort(key=lambda row: row[:2])

    def account_for(self, way: Way, line: str, one: Passage) -> bool:
        """Whether another way's passing is this one too, and surer; of two alike the later goes."""
        rows = self._found[(line, one.direction)]
        first = bisect.bisect_left(rows, one.at.us - SAME_US_MAX, key=lambda row: row[0].us)
        for _, _, other, other_way in itertools.islice(rows, first, None):
            if other.at.since(one.at) > SAME_US_MAX:
                break
            is_surer = _sureness(other, other_way) < _sureness(one, way)
            if other_way is not way and is_surer and _is_same((one, way), (other, other_way)):
                return True
        return False


def _is_same(this: tuple[Passage, Way], that: tuple[Passage, Way]) -> bool:
    (one, way), (other, other_way) = this, that
    away = float(np.hypot(other.px[0] - one.px[0], other.px[1] - one.px[1]))
    if one.is_foretold and away <= SAME_SIZES_MAX * max(one.size_px, other.size_px):
        return True
    most = TOGETHER_SIZES_MAX if one.is_seen and other.is_seen else BRIDGED_SIZES_MAX
    return any(_apart(way.path, other_way.path, at.us) <= most for at in (one.at, other.at))


def _sureness(one: Passage, way: Way) -> tuple[bool, bool, bool, Instant, int]:
    """The least is the surest. A person on one spot with a vehicle sits in it."""
    is_within = way.path.kind == PERSON
    return one.is_foretold, not one.is_seen, is_within, one.at, int(way.path.tracks[0])


def _apart(path: GroundPath, other: GroundPath, at_us: int) -> float:
    """How far apart two ground points are at a moment, in shares of the larger box's width and
    height, the greater of the two; infinite when one of them was not there.
    """
    if not all(one.at_us[0] <= at_us <= one.at_us[-1] for one in (path, other)):
        return float("inf")
    here, there = (
        np.array([np.interp(at_us, one.at_us, one.px[:, axis]) for axis in (0, 1)])
        for one in (path, other)
    )
    size, other_size = (
        one.size_px[int(np.argmin(np.abs(one.at_us - at_us)))] for one in (path, other)
    )
    return float(np.max(np.abs(here - there) / np.maximum(size, other_size)))


def track_speed(
    track: Track, way: Way | None, known: tuple[Scene, GroundLike | None, Instant]
) -> PlaceSpeed:
    """A finished track's own row: its median speed over its measurable path. way: the one it is
    part of, if known; when it is all of it the path is not made again.
    """
    scene, ground, start = known
    is_whole = way is not None and len(way.tracks) == 1 and way.tracks[0] is track
    path: GroundPath | None = None
    if ground is not None:
        path = way.path if way is not None and is_whole else path_of([track], scene.camera)
    return PlaceSpeed(
        track=track.id,
        kind=track.kind,
        place="",
        place_kind="track",
        seconds=track.start.since(start) / US_PER_SECOND,
        speed=None if path is None else speed_of(path, ground),
    )


def place_speeds(
    way: Way,
    found: Sequence[Crossing],
    at_zones: Sequence[Stay],
    known: tuple[Scene, GroundLike | None, Instant],
) -> tuple[PlaceSpeed, ...]:
    """One row per line the road user crossed and per zone it was in."""
    scene, ground, start = known
    path = way.path
    rows = [
        PlaceSpeed(
            track=one.track,
            kind=one.kind,
            place=one.line,
            place_kind="line",
            seconds=one.at.since(start) / US_PER_SECOND,
            speed=one.speed,
        )
        for one in found
    ]
    polygons = {zone.name: zone.polygon_px for zone in scene.zones}
    for stay in at_zones:
        is_in = (path.at_us >= stay.span.start.us) & (path.at_us <= stay.span.end.us)
        rows.append(
            PlaceSpeed(
                track=stay.track,
                kind=stay.kind,
                place=stay.zone,
                place_kind="zone",
                seconds=stay.span.start.since(start) / US_PER_SECOND,
                speed=speed_of(path, ground, is_in & inside(path.px, polygons[stay.zone])),
            )
        )
    return tuple(rows)


def stays_of(way: Way, scene: Scene, measurable: Sequence[Span]) -> tuple[Stay, ...]:
    found = [one for zone in scene.zones for one in stays(way.path, zone, measurable)]
    return tuple(sorted(found, key=lambda one: (one.span, one.zone)))


UNSETTLED_US = SAME_US_MAX + LATE_US
"""How long after a moment other tracks may still say something about passings at it."""
