"""The scene's rules over everything that was measured, and what was wrong with the camera."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from fairview.analyse.measure.measures import Measures
from fairview.core.event import TrafficEvent
from fairview.core.scene import Scene
from fairview.core.sight import Track
from fairview.core.traffic import PlaceSpeed, Stay
from fairview.events.rules import (
    SeenTrack,
    events_of_levels,
    events_of_track,
    fault_event,
)
from fairview.run.watch.looking import Seen
from fairview.run.watch.point_speeds import PointSpeeds


def traffic_events(
    scene: Scene, seen: Seen, measures: Measures, points: Mapping[int, PointSpeeds]
) -> tuple[TrafficEvent, ...]:
    """All events of one camera, in order of time."""
    found = list(rule_events(scene, seen.tracks, measures, points))
    found += [
        event
        for fault in seen.faults
        if (event := fault_event(scene, fault.span, fault.because, fault.values)) is not None
    ]
    return tuple(sorted(found, key=lambda one: (one.span, one.kind, one.rule, one.tracks)))


def rule_events(
    scene: Scene, tracks: Sequence[Track], measures: Measures, points: Mapping[int, PointSpeeds]
) -> tuple[TrafficEvent, ...]:
    """What the scene's rules make of these tracks, in no order."""
    stays: dict[int, list[Stay]] = defaultdict(list)
    speeds: dict[int, list[PlaceSpeed]] = defaultdict(list)
    for stay in measures.stays:
        stays[stay.track].append(stay)
    for speed in measures.speeds:
        speeds[speed.track].append(speed)
    camera = scene.camera
    beside = frozenset(measures.beside)  # what a rider does is told once, of what it rides
    found = [
        event
        for track in tracks
        if track.id not in beside
        for event in events_of_track(
            SeenTrack(
                track=track,
                stays=tuple(stays[track.id]),
                speeds=tuple(speeds[track.id]),
                point_kmh=points[track.id].kmh,
                size_px=(camera.width_px, camera.height_px),
            ),
            scene,
        )
    ]
    return (*found, *events_of_levels(measures.levels, scene, camera.id))
