"""Measuring while a camera runs: tracks come one by one, rows leave when they are complete."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import structlog

from fairview.analyse.measure.flows import origin_destination
from fairview.analyse.measure.journeys import GAP_STANDING_US_MAX, journeys
from fairview.analyse.measure.looked import Looked, bins_of
from fairview.analyse.measure.measures import (
    Figures,
    Frame,
    MeasureContext,
    Measures,
    figures_of,
    gathered,
    kinds_of,
)
from fairview.analyse.measure.riders import road_users
from fairview.analyse.measure.ways import UNSETTLED_US, Way, way_of
from fairview.core.errors import BadInput
from fairview.core.limits_seeing import MEASURE_LATE_US_MAX, MEASURE_TRACKS_MAX
from fairview.core.scene import Scene
from fairview.core.sight import Track, Unmeasurable
from fairview.core.time import Instant, Span
from fairview.core.traffic import Crossing, PlaceSpeed, Stay

WayKey = tuple[tuple[int, int, int], ...]
"""Id, first and last frame of each of a way's pieces."""

SETTLE_US = GAP_STANDING_US_MAX + UNSETTLED_US
"""So long after a moment no later track says anything about it any more."""


class Measurer:
    """Turns one camera's finished tracks into rows as time goes on. For one thread.

    `ready(until)` says that every track that began before `until` and is still to come is late.
    All rows together, the newest of each bin, are what `measure` makes of the same tracks, as
    long as none was late, `context.start` is set, and `context.kinds` names every class that
    occurs (a class gets rows from when it is first seen).

    A late track (a vehicle that was parked in the picture for an hour) is counted all the same:
    its bins leave once more, whole, and replace the earlier ones.

    Bounds:  tracks are kept for MEASURE_LATE_US_MAX, MEASURE_TRACKS_MAX of them; one that began
             before is dropped, with a warning.
    Cost:    what `measure` costs for a track, once; a few us a kept track for each `ready`.
    """

    def __init__(self, scene: Scene, context: MeasureContext) -> None:
        self._scene = scene
        self._context = context
        self._tracks: dict[int, Track] = {}
        self._ways: dict[WayKey, Way] = {}
        self._watched: list[Span] = []
        self._unmeasurable: list[Unmeasurable] = []
        self._kinds = frozenset(context.kinds)
        self._start = context.start
        # What has left: bins by their start, ways and tracks by key, rows with their way's end.
        self._bins_gone: set[Instant] = set()
        self._ways_gone: set[WayKey] = set()
        self._tracks_gone: set[int] = set()
        self._rows_gone: dict[Crossing | PlaceSpeed | Stay, Instant] = {}
        self._kept_from = Instant(0)

    def watched(self, span: Span) -> None:
        """This stretch was looked at."""
        if self._watched and span.start <= self._watched[-1].end:
            last = self._watched.pop()
            span = Span(start=min(last.start, span.start), end=max(last.end, span.end))
        self._watched.append(span)
        self._start = self._start or span.start

    def unmeasurable(self, stretch: Unmeasurable) -> None:
        """Nothing could be measured in this stretch."""
        self._unmeasurable.append(stretch)

    def add(self, track: Track) -> None:
        """One more finished track, in any order.

        Errors:  BadInput for an id that came before (while it is kept).
        """
        if track.id in self._tracks:
            raise BadInput(f"track {track.id} came twice; ids count within one camera and run")
        if track.start < self._kept_from or len(self._tracks) >= MEASURE_TRACKS_MAX:
            structlog.get_logger().warning(
                "track dropped", camera=track.camera, track=track.id, because="late or too many"
            )
            return
        self._tracks[track.id] = track
        self._kinds |= kinds_of([track], self._context)
        width_us = self._context.bin_us
        first_us = max(0, track.start.us - SETTLE_US)
        first_us -= first_us % width_us
        for us in range(first_us, track.end.us + SETTLE_US, width_us):
            self._bins_gone.discard(Instant(us))

    def ready(self, until: Instant) -> Measures:
        """What is complete and has not left yet, or has changed since it left."""
        return self._leaving(until.plus(-min(SETTLE_US, until.us)))

    def rest(self) -> Measures:
        """Everything that has not left yet: the camera stops, or the film is over."""
        end = max((span.end for span in self._watched), default=Instant(0))
        ends = [track.end for track in self._tracks.values()]
        return self._leaving(max([end, *ends]).plus(self._context.bin_us + SETTLE_US))

    def _leaving(self, settled: Instant) -> Measures:
        start = self._start or Instant(0)
        if not self._watched:
            return Measures(start=start)
        looked = Looked(watched=tuple(self._watched), unmeasurable=tuple(self._unmeasurable))
        ways = self._all_ways()
        unsettled = [_reach(way).start for way in ways if way.end >= settled]
        horizon = min([settled, *unsettled])
        bins = [
            span
            for span in bins_of(looked, self._context.bin_us)
            if span.end <= horizon and span.start not in self._bins_gone
        ]
        done = [way for way in ways if way.end < settled and self._is_wanted(way, bins)]
        measurable = looked.measurable()
        figures = figures_of(done, (self._scene, self._context.ground), measurable, ways)
        frame = Frame(
            scene=self._scene,
            context=self._context,
            start=start,
            bins=bins,
            measurable=measurable,
            kinds=self._kinds,
        )
        fresh = [one for one in figures if _key(one.way) not in self._ways_gone]
        tracks = [self._tracks[id_] for id_ in self._whole_ids(settled, ways)]
        leaving = self._only_new(gathered(figures, frame, tracks), fresh)
        self._bins_gone |= {span.start for span in bins}
        self._ways_gone |= {_key(way) for way in done}
        self._tracks_gone |= {track.id for track in tracks}
        self._forget(horizon, ways)
        return leaving

    def _all_ways(self) -> list[Way]:
        camera = self._scene.camera
        whole = road_users(journeys(list(self._tracks.values()), camera), camera)
        keyed = {_pieces_key(one.all_tracks): one for one in whole}
        self._ways = {
            key: self._ways.get(key) or way_of(one, self._scene) for key, one in keyed.items()
        }
        return list(self._ways.values())

    def _is_wanted(self, way: Way, bins: Sequence[Span]) -> bool:
        """Whether rows of a way are still to leave: its own, or those of a bin it reaches into."""
        return _key(way) not in self._ways_gone or any(_reach(way).overlaps(one) for one in bins)

    def _whole_ids(self, settled: Instant, ways: Sequence[Way]) -> list[int]:
        """The tracks that are settled, all their pieces, and whose rows have not left."""
        waiting = {one.id for way in ways if way.end >= settled for one in way.tracks}
        return [id_ for id_ in self._tracks if id_ not in self._tracks_gone | waiting]

    def _only_new(self, found: Measures, fresh: Sequence[Figures]) -> Measures:
        """Without the rows that left before; bins are whole, so that they replace earlier ones."""
        rows: list[Crossing | PlaceSpeed | Stay] = []
        rows += [*found.crossings]
        rows += [*found.speeds]
        rows += [*found.stays]
        new = {row for row in rows if row not in self._rows_gone}
        latest = max((one.way.end for one in fresh), default=found.start)
        self._rows_gone.update(dict.fromkeys(new, latest))
        return replace(
            found,
            crossings=tuple(row for row in found.crossings if row in new),
            speeds=tuple(row for row in found.speeds if row in new),
            stays=tuple(row for row in found.stays if row in new),
            origin_destination=origin_destination(one.crossings for one in fresh),
        )

    def _forget(self, horizon: Instant, ways: Sequence[Way]) -> None:
        """Drop what no late track can change any more."""
        floor_us = max(0, horizon.us - MEASURE_LATE_US_MAX)
        floor = Instant(floor_us - floor_us % self._context.bin_us)
        if floor <= self._kept_from:
            return
        self._kept_from = floor
        kept = {one.id for way in ways if way.end >= floor for one in way.tracks}
        self._tracks = {id_: track for id_, track in self._tracks.items() if id_ in kept}
        self._tracks_gone &= kept
        self._ways_gone &= {_key(way) for way in ways if way.end >= floor}
        self._rows_gone = {row: at for row, at in self._rows_gone.items() if at >= floor}
        self._bins_gone = {at for at in self._bins_gone if at >= floor}
        bounds = Span(start=floor, end=max(self._watched[-1].end, floor.plus(1)))
        self._watched = [part for one in self._watched if (part := one.clipped(bounds)) is not None]
        self._unmeasurable = [one for one in self._unmeasurable if one.span.end > floor]


def _key(way: Way) -> WayKey:
    return _pieces_key(way.tracks)


def _pieces_key(tracks: Iterable[Track]) -> WayKey:
    return tuple((one.id, int(one.frames[0]), int(one.frames[-1])) for one in tracks)


def _reach(way: Way) -> Span:
    """The time about which a way says something."""
    return Span(start=way.start.plus(-min(UNSETTLED_US, way.start.us)), end=way.end.plus(SETTLE_US))
