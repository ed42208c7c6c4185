"""Everything measured of one road user, and what of it counts beside the others. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fairview.analyse.measure.crossings import LATE_US, Passage, passages
from fairview.analyse.measure.paths import GroundPath, path_of
from fairview.analyse.measure.speeds import GroundLike, near, speed_of
from fairview.analyse.measure.zones import inside, stays
from fairview.core.scene import Scene
from fairview.core.sight import Track
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.core.traffic import Crossing, PlaceSpeed, Stay

SAME_US_MAX = US_PER_SECOND
SAME_SIZES_MAX = 1.0
"""A foretold passing this near another, in time and in its own sizes, is the other one: the two
pieces of one way, on each side of the line, that were not joined."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """One road user: its path, and its passings of lines in order of time."""

    tracks: tuple[Track, ...]
    path: GroundPath
    passages: tuple[tuple[str, Passage], ...]

    @property
    def start(self) -> Instant:
        return self.tracks[0].start

    @property
    def end(self) -> Instant:
        return max(track.end for track in self.tracks)


def way_of(tracks: tuple[Track, ...], scene: Scene) -> Way:
    path = path_of(tracks, scene.camera)
    found = [(line.name, one) for line in scene.lines for one in passages(path, line)]
    return Way(
        tracks=tracks,
        path=path,
        passages=tuple(sorted(found, key=lambda one: (one[1].at, one[0]))),
    )


def crossings(
    ways: Sequence[Way], ground: GroundLike | None, measurable: Sequence[Span]
) -> tuple[tuple[Crossing, ...], ...]:
    """Each way's crossings that count, in order of time.

    Left out are those at moments when nothing was measurable, and foretold ones that another
    track's passing accounts for.
    """
    is_other = _Others(ways)
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
            if _is_looked_at(one.at, measurable) and not is_other.accounts_for(number, line, one)
        )
        for number, way in enumerate(ways)
    )


def _is_looked_at(at: Instant, measurable: Iterable[Span]) -> bool:
    return any(span.holds(at) or span.end == at for span in measurable)


class _Others:
    """Every passing by line and direction, to ask for others near one."""

    def __init__(self, ways: Sequence[Way]) -> None:
        self._found: dict[tuple[str, str], list[tuple[Passage, int]]] = {}
        for number, way in enumerate(ways):
            for line, one in way.passages:
                self._found.setdefault((line, one.direction), []).append((one, number))

    def accounts_for(self, number: int, line: str, one: Passage) -> bool:
        """Whether another way's passing is this foretold one; of two foretold the later goes."""
        if not one.is_foretold:
            return False
        for other, owner in self._found[(line, one.direction)]:
            if owner == number or abs(other.at.since(one.at)) > SAME_US_MAX:
                continue
            away = float(np.hypot(other.px[0] - one.px[0], other.px[1] - one.px[1]))
            is_near = away <= SAME_SIZES_MAX * max(one.size_px, other.size_px)
            if is_near and (not other.is_foretold or (other.at, owner) < (one.at, number)):
                return True
        return False


def place_speeds(
    way: Way,
    found: Sequence[Crossing],
    at_zones: Sequence[Stay],
    known: tuple[Scene, GroundLike | None, Instant],
) -> tuple[PlaceSpeed, ...]:
    """One row per track of the way, then one per line it crossed and zone it was in."""
    scene, ground, start = known
    path = way.path
    kinds = {track.id: track.kind for track in way.tracks}
    rows = [
        PlaceSpeed(
            track=track.id,
            kind=track.kind,
            place="",
            place_kind="track",
            seconds=track.start.since(start) / US_PER_SECOND,
            speed=speed_of(path, ground, path.tracks == track.id),
        )
        for track in way.tracks
    ]
    rows += [
        PlaceSpeed(
            track=one.track,
            kind=kinds[one.track],
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
                kind=kinds[stay.track],
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
