"""Finished tracks, a scene and what was looked at become figures. Pure: the same input gives the
same figures, in one go (`measure`) or track by track (`measurer.Measurer`), but for stays in rooms:
only `measure` joins their pieces, which may be minutes apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fairview.analyse.measure.counts import Bins, counts, line_passings, line_places
from fairview.analyse.measure.flows import (
    OriginDestination,
    flow_passings,
    origin_destination,
)
from fairview.analyse.measure.journeys import journeys
from fairview.analyse.measure.looked import Looked, bins_of
from fairview.analyse.measure.riders import road_users
from fairview.analyse.measure.rooms import Piece, room_stays
from fairview.analyse.measure.speeds import GroundLike
from fairview.analyse.measure.ways import (
    Way,
    crossings,
    place_speeds,
    stays_of,
    track_speed,
    way_of,
)
from fairview.analyse.measure.zones import ZoneWay, level
from fairview.core.errors import BadInput
from fairview.core.scene import Scene
from fairview.core.sight import KINDS, Track
from fairview.core.time import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND, Instant, Span
from fairview.core.traffic import Accuracy, Count, Crossing, PlaceSpeed, Stay, ZoneLevel

BIN_US = 15 * US_PER_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureContext:
    """What measuring needs besides tracks and scene.

    accuracy None: never measured, so counts have no bounds. ground None: no speeds.
    start: where `seconds` begin; None: the first moment looked at.
    kinds: classes that always get rows, besides those that occur (what the detector can find).
    """

    bin_us: int = BIN_US
    accuracy: Accuracy | None = None
    ground: GroundLike | None = None
    start: Instant | None = None
    kinds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not US_PER_SECOND <= self.bin_us <= US_PER_DAY or US_PER_DAY % self.bin_us:
            raise BadInput(
                "a bin lasts from a second to a day and divides the day, as 1m, 15m or 1h do"
            )
        if any(not 0 <= kind < len(KINDS) for kind in self.kinds):
            raise BadInput("a class is one of the known ones")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """All figures of one camera. Each part is in order of time, then of place as the scene has it.

    start: where the rows' `seconds` begin. beside: ids of tracks that are the same body as another
    one (a rider and its bicycle) and add only their own `track` row to the speeds.
    """

    start: Instant
    crossings: tuple[Crossing, ...] = ()
    counts: tuple[Count, ...] = ()
    flows: tuple[Count, ...] = ()
    speeds: tuple[PlaceSpeed, ...] = ()
    stays: tuple[Stay, ...] = ()
    levels: tuple[ZoneLevel, ...] = ()
    origin_destination: tuple[OriginDestination, ...] = ()
    beside: tuple[int, ...] = ()


def measure(
    tracks: Sequence[Track], scene: Scene, looked: Looked, context: MeasureContext
) -> Measures:
    """Every figure of one camera from its finished tracks.

    Shapes:  speeds has exactly one row of place_kind `track` per track; counts and flows one row
             per bin, place (and direction) and class that occurs.
    Units:   the scene's pixels; tracks in shares of the picture, so its size does not matter.
    Errors:  BadInput for two tracks of one id, or of different cameras.
    Cost:    about 1.3 ms a track, 2 ms with a ground, and a few ms a row with bounds.
    """
    if len({track.camera for track in tracks}) > 1:
        raise BadInput("these tracks come from several cameras; measure each camera alone")
    whole = road_users(journeys(tracks, scene.camera), scene.camera)
    ways = [way_of(one, scene) for one in whole]
    figures = figures_of(ways, (scene, context.ground), looked.measurable(), ways)
    start = context.start or looked.start
    return gathered(
        figures,
        Frame(
            scene=scene,
            context=context,
            start=start,
            bins=bins_of(looked, context.bin_us),
            measurable=looked.measurable(),
            kinds=kinds_of(tracks, context),
            joins_rooms=True,
        ),
        tracks,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Figures:
    """One road user's part of the figures."""

    way: Way
    crossings: tuple[Crossing, ...]
    stays: tuple[Stay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What figures are gathered into: the bins, and what was looked at.

    joins_rooms: everything is known, so that pieces of stays in rooms can be joined.
    """

    scene: Scene
    context: MeasureContext
    start: Instant
    bins: Sequence[Span]
    measurable: Sequence[Span]
    kinds: frozenset[int]
    joins_rooms: bool = False


def kinds_of(tracks: Iterable[Track], context: MeasureContext) -> frozenset[int]:
    return frozenset(track.kind for track in tracks) | frozenset(context.kinds)


def figures_of(
    ways: Sequence[Way],
    known: tuple[Scene, GroundLike | None],
    measurable: Sequence[Span],
    among: Sequence[Way],
) -> list[Figures]:
    """The figures of these ways, which are some or all of `among`."""
    scene, ground = known
    found = crossings(ways, ground, measurable, among)
    return [
        Figures(way=way, crossings=one, stays=stays_of(way, scene, measurable))
        for way, one in zip(ways, found, strict=True)
    ]


def gathered(figures: Sequence[Figures], frame: Frame, tracks: Sequence[Track]) -> Measures:
    """All rows of these road users and tracks, in the bins of the frame."""
    every = sorted(
        (one for figure in figures for one in figure.crossings),
        key=lambda one: (one.at, one.line, one.track),
    )
    scene, context = frame.scene, frame.context
    bins = Bins(spans=frame.bins, measurable=frame.measurable, accuracy=context.accuracy)
    taken = [one for figure in figures for one in flow_passings(figure.crossings, scene.flows)]
    known = (scene, context.ground, frame.start)
    way_by_id = {track.id: figure.way for figure in figures for track in figure.way.tracks}
    speeds = [
        track_speed(track, way_by_id.get(track.id), known)
        for track in sorted(tracks, key=lambda track: track.id)
    ]
    for figure in figures:
        speeds += place_speeds(figure.way, figure.crossings, figure.stays, known)
    rooms = _room_ways(figures, frame)
    stay_list = [one for figure in figures for one in figure.stays if one.zone not in rooms]
    stay_list += [one for ways in rooms.values() for way in ways for one in way.stays]
    return Measures(
        start=frame.start,
        crossings=tuple(every),
        counts=counts(
            line_passings(every), line_places(line.name for line in scene.lines), frame.kinds, bins
        ),
        flows=counts(taken, [(flow.name, None) for flow in scene.flows], frame.kinds, bins),
        speeds=tuple(sorted(speeds, key=_speed_order)),
        stays=tuple(sorted(stay_list, key=lambda one: (one.span, one.zone, one.track))),
        levels=_levels(figures, frame, rooms),
        origin_destination=origin_destination(figure.crossings for figure in figures),
        beside=_beside([figure.way for figure in figures]),
    )


def _beside(ways: Sequence[Way]) -> tuple[int, ...]:
    """Tracks that nothing is counted by: not those of which a part is a road user of its own."""
    counted = {int(id_) for way in ways for id_ in np.unique(way.path.tracks)}
    return tuple(sorted({id_ for way in ways for id_ in way.beside} - counted))


def _speed_order(row: PlaceSpeed) -> tuple[int, bool, float, str]:
    return row.track, row.place_kind != "track", row.seconds, row.place


def _room_ways(figures: Sequence[Figures], frame: Frame) -> dict[str, list[ZoneWay]]:
    """The stays in each room, joined; each with a way of its own."""
    found: dict[str, list[ZoneWay]] = {}
    for zone in frame.scene.zones:
        if zone.kind != "room" or not frame.joins_rooms:
            continue
        pieces = [
            Piece(path=figure.way.path, stay=one)
            for figure in figures
            for one in figure.stays
            if one.zone == zone.name
        ]
        paths = {(one.stay.track, one.stay.span.start): one.path for one in pieces}
        found[zone.name] = [
            ZoneWay(path=paths[one.track, one.span.start], stays=(one,))
            for one in room_stays(pieces, frame.scene.camera, frame.measurable)
        ]
    return found


def _levels(
    figures: Sequence[Figures], frame: Frame, rooms: Mapping[str, Sequence[ZoneWay]]
) -> tuple[ZoneLevel, ...]:
    by_zone = {zone.name: list(rooms.get(zone.name, ())) for zone in frame.scene.zones}
    for figure in figures:
        for name in {one.zone for one in figure.stays} - set(rooms):
            stays = tuple(one for one in figure.stays if one.zone == name)
            by_zone[name].append(ZoneWay(path=figure.way.path, stays=stays))
    rows: list[ZoneLevel] = []
    for span in frame.bins:
        for zone in frame.scene.zones:
            ways = [
                ZoneWay(path=way.path, stays=stays)
                for way in by_zone[zone.name]
                if (stays := tuple(one for one in way.stays if one.span.overlaps(span)))
            ]
            rows.append(level(zone, ways, span, frame.measurable, frame.context.ground))
    return tuple(rows)
