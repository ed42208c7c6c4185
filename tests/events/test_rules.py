"""Each rule tells what it is for, once, and nothing that is not certain."""

from __future__ import annotations

import json
from typing import cast

import numpy as np
import pytest

from fairview.core.errors import BadInput
from fairview.core.event import TrafficEvent
from fairview.core.ids import CameraId
from fairview.core.scene import Lane, Rule, RuleKind, Scene, SceneCamera, Zone, ZoneKind
from fairview.core.sight import CAR, PERSON, Track
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND, Instant, Span
from fairview.core.traffic import PlaceSpeed, Speed, Stay, ZoneLevel
from fairview.events.lines import Provenance, event_id, line_of
from fairview.events.rules import (
    SeenTrack,
    check_rules,
    events_of_levels,
    events_of_track,
    fault_event,
    unevaluated,
)
from tests.builders import NOON

CAMERA = CameraId("road")
SIZE = (1000, 500)


def rule(kind: str, **settings: float | str) -> Rule:
    zone = None if kind == "camera_fault" else "z"
    return Rule(
        name=f"{kind}-1",
        kind=cast("RuleKind", kind),
        zone=zone,
        line=None,
        settings=tuple(sorted(settings.items())),
    )


def scene(*rules: Rule, zone_kind: ZoneKind = "lane", limit: float | None = 50.0) -> Scene:
    polygon = ((0.0, 0.0), (1000.0, 0.0), (1000.0, 500.0), (0.0, 500.0))
    return Scene(
        camera=SceneCamera(id=CAMERA, width_px=SIZE[0], height_px=SIZE[1]),
        digest="0" * 64,
        zones=(Zone(name="z", polygon_px=polygon, kind=zone_kind),),
        lanes=(Lane(zone="z", from_px=(0, 250), to_px=(1000, 250), speed_limit_kmh=limit),),
        rules=rules,
    )


def seen(
    lefts: list[float],
    *,
    kind: int = CAR,
    kmh: list[float] | None = None,
    speed: Speed | None = None,
    start: Instant = NOON,
) -> SeenTrack:
    """A box of a tenth of the picture, a point every half second; lefts in 0..1."""
    n = len(lefts)
    left = np.array(lefts, np.float32)
    boxes = np.column_stack([left, np.full(n, 0.5), left + 0.1, np.full(n, 0.6)])
    at_us = start.us + np.arange(n) * US_PER_SECOND // 2
    track = Track(
        camera=CAMERA,
        id=3,
        kind=kind,
        kind_share=1.0,
        frames=np.arange(1, n + 1, dtype=np.int32),
        at_us=at_us.astype(np.int64),
        boxes_unit=boxes.astype(np.float32),
        scores=np.ones(n, np.float32),
        is_seen=np.ones(n, np.bool_),
    )
    span = Span(start=track.start, end=track.end)
    stay = Stay(track=3, zone="z", kind=kind, span=span, is_open_start=False, is_open_end=False)
    row = PlaceSpeed(track=3, kind=kind, place="z", place_kind="zone", seconds=0.0, speed=speed)
    known = np.full(n, np.nan) if kmh is None else np.array(kmh, np.float64)
    return SeenTrack(track=track, stays=(stay,), speeds=(row,), point_kmh=known, size_px=SIZE)


def told(found: SeenTrack, *rules: Rule) -> tuple[TrafficEvent, ...]:
    return events_of_track(found, scene(*rules))


FORTH = [0.1 * step for step in range(8)]
BACK = FORTH[::-1]


def test_wrong_way_is_told_of_who_goes_against_the_lane_only() -> None:
    (event,) = told(seen(BACK), rule("wrong_way"))
    assert event.tracks == (3,)
    assert dict(event.values)["angle_deg"] == 180.0
    assert told(seen(FORTH), rule("wrong_way")) == ()


def test_rolling_back_less_than_ones_own_size_is_no_wrong_way() -> None:
    assert told(seen([0.5 - 0.004 * step for step in range(8)]), rule("wrong_way")) == ()


def test_speeding_needs_the_whole_interval_above_the_limit() -> None:
    sure = Speed(kmh=62, low_kmh=56, high_kmh=68)
    unsure = Speed(kmh=62, low_kmh=54, high_kmh=70)
    assert len(told(seen(FORTH, speed=sure), rule("speeding"))) == 1
    assert told(seen(FORTH, speed=unsure), rule("speeding")) == ()
    assert told(seen(FORTH, speed=None), rule("speeding")) == ()
    assert len(told(seen(FORTH, speed=unsure), rule("speeding", over_kmh=0.0))) == 1


def test_stopped_is_told_of_a_vehicle_that_stands_long_enough() -> None:
    stands = [0.1, 0.2, 0.3] + [0.4] * 24 + [0.5, 0.6]
    (event,) = told(seen(stands), rule("stopped"))
    assert 11.0 <= event.span.duration_us / US_PER_SECOND <= 12.5
    assert told(seen(stands), rule("stopped", after_s=20.0)) == ()
    assert told(seen(stands, kind=PERSON), rule("stopped")) == ()


def test_a_blocked_crossing_is_told_of_a_vehicle_that_stands_on_it_and_sooner() -> None:
    stands = [0.1, 0.2, 0.3] + [0.4] * 14 + [0.5, 0.6]
    (event,) = told(seen(stands), rule("stopped"), rule("blocked_crossing"))
    assert event.kind == "blocked_crossing"
    assert event.zone == "z"
    assert told(seen(FORTH), rule("blocked_crossing")) == ()


def test_with_a_ground_creeping_faster_than_the_setting_is_not_standing() -> None:
    creeps = seen([0.4] * 30, kmh=[4.0] * 30)
    assert told(creeps, rule("stopped")) == ()
    assert len(told(creeps, rule("stopped", speed_kmh_max=5.0))) == 1


def test_intrusion_is_told_once_and_only_of_the_classes_named() -> None:
    assert len(told(seen(FORTH, kind=PERSON), rule("intrusion"))) == 1
    assert told(seen(FORTH, kind=PERSON), rule("intrusion", classes="car,van")) == ()
    assert told(seen(FORTH), rule("closed_lane", after_s=60.0)) == ()


@pytest.mark.parametrize(
    ("hours", "is_told"),
    [
        ("11:00-13:00", True),
        ("22:00-06:00", False),
        ("13:00-11:00", False),
        ("12:00-12:01", True),
        ("22:00-06:00,11:59-12:30", True),
    ],
)
def test_hours_hold_on_the_utc_day_also_past_midnight(hours: str, is_told: bool) -> None:
    found = told(seen(FORTH), rule("presence", hours=hours, after_s=1.0))
    assert bool(found) == is_told


def test_a_queue_is_one_event_over_bins_that_follow_one_another() -> None:
    def level(bin_: int, queue: int | None) -> ZoneLevel:
        start = NOON.plus(bin_ * US_PER_MINUTE)
        return ZoneLevel(
            span=Span(start=start, end=start.plus(US_PER_MINUTE)),
            zone="z",
            occupancy=None if queue is None else 1.0,
            occupied_frac=None if queue is None else 1.0,
            queue_max=queue,
            queue_m_max=None,
            observed_frac=0.0 if queue is None else 1.0,
        )

    levels = [level(bin_, queue) for bin_, queue in enumerate([2, 6, 7, 3, None, 9])]
    found = events_of_levels(levels, scene(rule("queue")), CAMERA)
    assert [event.span.duration_us // US_PER_MINUTE for event in found] == [2, 1]
    assert [dict(event.values)["queue_road_users"] for event in found] == [7.0, 9.0]


def test_a_camera_fault_is_told_without_a_rule_and_silenced_by_one() -> None:
    span = Span(start=NOON, end=NOON.plus(10 * US_PER_SECOND))
    event = fault_event(scene(), span, "frozen", (("noise_levels", 0.1),))
    assert event is not None
    assert dict(event.values)["because"] == "frozen"
    assert fault_event(scene(rule("camera_fault", after_s=30.0)), span, "frozen", ()) is None


def test_rules_that_lack_what_they_need_are_refused() -> None:
    with pytest.raises(BadInput, match="limit_kmh"):
        check_rules(scene(rule("speeding"), limit=None))
    bare = Scene(camera=scene().camera, digest="", zones=scene().zones, rules=(rule("wrong_way"),))
    with pytest.raises(BadInput, match=r"\[\[lane\]\]"):
        check_rules(bare)
    with pytest.raises(BadInput, match="22:00-06:00"):
        check_rules(scene(rule("presence", hours="late")))
    check_rules(scene(rule("near_miss")))
    assert [one.kind for one in unevaluated(scene(rule("near_miss"), rule("queue")))] == [
        "near_miss"
    ]


def test_the_same_event_has_the_same_id_and_another_has_not() -> None:
    (event,) = told(seen(BACK), rule("wrong_way"))
    again = event_id(CAMERA, "wrong_way", event.span.start, event.first_track_start)
    line = json.loads(
        line_of(event, Provenance(detector="motion", scene_digest="0" * 64, rules=()))
    )
    assert line["id"] == again
    assert line["class"] == "car"
    assert again != event_id(CAMERA, "stopped", event.span.start, event.first_track_start)
    assert again != event_id(CAMERA, "wrong_way", event.span.start, None)
    assert again != event_id(CameraId("other"), "wrong_way", NOON, event.first_track_start)
