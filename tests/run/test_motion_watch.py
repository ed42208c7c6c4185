"""Motion and rules as signs: from an analyser's look at live packets to a recorder's triggers."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from fairview.analyse.trigger_taps import (
    TRIGGERS,
    TriggerSigns,
    TriggerTaps,
    subscribe_triggers,
    trigger_service,
)
from fairview.core.errors import Unavailable
from fairview.core.ids import CameraId, StreamName
from fairview.core.recording import RecordingPlan
from fairview.core.time import US_PER_SECOND, Instant, SystemClock
from fairview.core.trigger_sign import TriggerSign
from fairview.record.live import LivePackets
from fairview.run.analysing.motion_watch import MotionLook, TriggerLooks
from fairview.run.recording.trigger_keeping import TriggerEar
from fairview.store.wire import Connection, serve
from tests.builders import NOON, camera
from tests.run.test_gated import CAMERA, FPS, KEY_EVERY, packets

PASS_S = 10
"""When the first car of the street comes; it crosses within four seconds."""


def looked(seconds: int) -> list[TriggerSign]:
    signs: list[TriggerSign] = []
    look = MotionLook(CAMERA, signs.append)
    stream = packets()[: seconds * FPS]
    for first in range(0, len(stream), KEY_EVERY):
        group = stream[first : first + KEY_EVERY]
        look.take(LivePackets(packets=group, is_start=first == 0, dropped=0))
    return signs


def seconds(at: Instant) -> float:
    return at.since(NOON) / US_PER_SECOND


@pytest.mark.slow
def test_a_car_is_motion_from_when_it_came_and_a_grainy_street_is_not() -> None:
    signs = looked(30)
    moving = [one for one in signs if one.since is not None]
    assert moving, "nobody saw the car"
    began = {seconds(one.since) for one in moving if one.since is not None}
    assert all(PASS_S - 0.5 <= one <= PASS_S + 2 for one in began), began
    told = [seconds(one.looked_until) for one in moving]
    assert min(told) <= PASS_S + 2.5
    assert max(told) <= PASS_S + 8
    assert all(one.since is None for one in signs if seconds(one.looked_until) < PASS_S)
    assert all(one.blind == "" for one in signs)


@pytest.mark.slow
def test_it_says_every_second_that_it_looks() -> None:
    at = [seconds(one.looked_until) for one in looked(20)]
    assert at == sorted(at)
    assert max(later - one for one, later in pairwise(at)) <= 1.6


def test_dropped_pictures_are_told_as_blind() -> None:
    signs: list[TriggerSign] = []
    look = MotionLook(CAMERA, signs.append)
    look.take(LivePackets(packets=packets()[:1], is_start=True, dropped=7))
    assert "7 pictures" in signs[0].blind


def test_signs_travel_from_the_analysers_socket_to_the_recorder(tmp_path: Path) -> None:
    taps, secret = TriggerTaps(TRIGGERS), b"s" * 32
    tap = taps.make(CAMERA)
    server = serve(tmp_path / "x.sock", [trigger_service(taps)], secret=secret)
    heard: list[TriggerSign] = []
    came = threading.Event()

    def hear(sign: TriggerSign) -> None:
        heard.append(sign)
        came.set()

    connection = Connection(tmp_path / "x.sock", secret)
    ear = TriggerEar(
        CAMERA,
        lambda name: subscribe_triggers(connection, name),  # type: ignore[arg-type,return-value]  # one peer's stream
        hear,
        SystemClock(),
    )
    sign = TriggerSign(camera=CAMERA, trigger="rule", looked_until=NOON, since=NOON, blind="")
    try:
        tap.put((sign,))
        ear.start()
        assert came.wait(5)
        assert heard == [sign]
    finally:
        ear.close()
        connection.close()
        server.close()


class Nothing:
    """A stream that says nothing and ends."""

    def __iter__(self) -> Nothing:
        return self

    def __next__(self) -> LivePackets:
        raise Unavailable("nobody is there")

    def close(self) -> None:
        return


def test_exactly_the_cameras_kept_around_events_are_looked_at() -> None:
    asked: list[tuple[CameraId, StreamName]] = []

    def connect(name: CameraId, stream: StreamName) -> Nothing:
        asked.append((name, stream))
        return Nothing()

    looks = TriggerLooks(TriggerTaps(TRIGGERS), connect, SystemClock())  # type: ignore[arg-type]  # a stand-in
    events = RecordingPlan(mode="events", triggers=("motion",))
    by_rule = replace(camera("rule"), recording=replace(events, triggers=("rule",)))
    by_motion = replace(camera("motion"), recording=events)
    try:
        looks.keep((camera("always"), by_rule, by_motion))
        assert looks.tap(CameraId("always")) is None
        assert looks.tap(CameraId("rule")) is not None
        first = looks.tap(CameraId("motion"))
        looks.keep((by_rule, replace(by_motion, revision=2)))
        assert looks.tap(CameraId("motion")) not in (None, first), "a change begins it anew"
        looks.keep((by_rule,))
        assert looks.tap(CameraId("motion")) is None
    finally:
        looks.close()
    assert {name for name, _ in asked} <= {CameraId("motion")}
    assert looks.tap(CameraId("rule")) is None


def test_signs_are_one_value_on_the_wire() -> None:
    sign = TriggerSign(camera=CAMERA, trigger="motion", looked_until=NOON)
    assert TriggerSigns(signs=(sign,)).signs[0].since is None
