"""A camera's session: away once, back once, growing waits, and whose fault it was."""

from __future__ import annotations

import threading

import pytest
from structlog.testing import capture_logs

from fairview.core import limits
from fairview.core.clock_offset import ClockOffset
from fairview.core.errors import BadInput, Unavailable
from fairview.core.flow import StreamLost
from fairview.core.ids import CameraId
from fairview.core.media import GapBecause
from fairview.core.time import ManualClock
from fairview.ingest.session import CameraSession
from tests.builders import NOON, packet
from tests.ingest.scripted import ListSink, Script, ScriptedSource

GONE = Unavailable("nothing there")


class WatchedClock(ManualClock):
    """Remembers waits, and sets the stop event after some of them."""

    def __init__(self, stop: threading.Event, stop_after_waits: int = 1_000) -> None:
        super().__init__(NOON)
        self.waits: list[int] = []
        self._stop, self._stop_after = stop, stop_after_waits

    def wait(self, event: threading.Event, us: int) -> bool:
        self.waits.append(us)
        if len(self.waits) >= self._stop_after:
            self._stop.set()
        return super().wait(event, us)


def session(script: Script, sink: ListSink, clock: ManualClock, stop: threading.Event) -> None:
    CameraSession(
        camera=CameraId("junction-1"),
        stream="main",
        connect=script.connect,
        sink=sink,
        clock=clock,
        stop=stop,
    ).run()


def gives(count: int, fault: Exception | None, first: int = 0) -> ScriptedSource:
    return ScriptedSource([packet(first + number) for number in range(count)], fault)


def test_outage_is_logged_once_and_told_with_each_try_so_that_its_gap_grows() -> None:
    stop = threading.Event()
    sink = ListSink(stop=stop, stop_after=8)
    script = Script(
        lambda: gives(5, GONE),
        lambda: gives(0, GONE),
        lambda: gives(0, GONE),
        lambda: gives(9, None),
    )
    with capture_logs() as logs:
        session(script, sink, WatchedClock(stop), stop)
    assert sink.aways == [(GapBecause.CAMERA_AWAY, packet(5).at)] * 3
    told = [line for line in logs if line["log_level"] != "debug"]
    assert [line["event"] for line in told] == ["camera away", "camera back"]
    assert told[1]["away_s"] > 0
    assert sink.closed == 1


def test_away_begins_where_the_footage_ended() -> None:
    stop = threading.Event()
    sink = ListSink()
    script = Script(lambda: gives(5, GONE), lambda: gives(0, GONE))
    session(script, sink, WatchedClock(stop, 3), stop)
    assert set(sink.aways) == {(GapBecause.CAMERA_AWAY, packet(5).at)}


def test_camera_that_was_never_there_is_away_from_the_start() -> None:
    stop = threading.Event()
    sink = ListSink()
    session(Script(lambda: gives(0, GONE)), sink, WatchedClock(stop, 4), stop)
    assert set(sink.aways) == {(GapBecause.CAMERA_AWAY, NOON)}


@pytest.mark.parametrize("because", [GapBecause.CAMERA_SILENT, GapBecause.CLOCK_JUMP])
def test_cause_that_the_source_names_goes_into_the_gap(because: GapBecause) -> None:
    stop = threading.Event()
    sink = ListSink(stop=stop, stop_after=6)
    script = Script(lambda: gives(3, StreamLost("it did", because)), lambda: gives(9, None))
    session(script, sink, WatchedClock(stop), stop)
    assert [told for told, _ in sink.aways] == [because]


def test_waits_double_with_jitter_up_to_the_bound() -> None:
    stop = threading.Event()
    clock = WatchedClock(stop, 12)
    session(Script(lambda: gives(0, GONE)), ListSink(), clock, stop)
    goal = limits.RECONNECT_US_FIRST
    for wait_us in clock.waits:
        assert goal // 2 <= wait_us <= goal
        goal = min(goal * 2, limits.RECONNECT_US_MAX)
    assert max(clock.waits) >= limits.RECONNECT_US_MAX // 2


def test_waits_grow_for_a_camera_that_comes_and_goes() -> None:
    stop = threading.Event()
    clock = WatchedClock(stop, 9)
    session(Script(lambda: gives(1, GONE)), ListSink(), clock, stop)
    assert clock.waits[-1] >= limits.RECONNECT_US_MAX // 2


def test_steady_connection_makes_the_waits_short_again() -> None:
    stop = threading.Event()
    clock = WatchedClock(stop, 8)

    class Slow(ScriptedSource):
        def packets(self):  # type: ignore[no-untyped-def]  # as its parent's
            for number in range(20):
                clock.advance(1_000_000)
                yield packet(number)
            raise GONE

    script = Script(*[lambda: gives(0, GONE)] * 6, lambda: Slow([], None), lambda: gives(0, GONE))
    session(script, ListSink(), clock, stop)
    assert clock.waits[6] <= limits.RECONNECT_US_FIRST


def test_sinks_error_is_not_taken_for_the_cameras() -> None:
    stop = threading.Event()
    full = Unavailable("the disk is full")
    sink = ListSink(fails_at=2, fault=full)
    script = Script(lambda: gives(9, None))
    with capture_logs() as logs, pytest.raises(Unavailable, match="disk is full"):
        session(script, sink, WatchedClock(stop), stop)
    assert sink.aways == []
    assert logs == []
    assert script.made[0].closed == 1


def test_any_failure_of_a_source_ends_one_connection_not_the_session() -> None:
    stop = threading.Event()
    sink = ListSink(stop=stop, stop_after=4)
    script = Script(lambda: gives(2, ZeroDivisionError("ours")), lambda: gives(9, None, 10))
    session(script, sink, WatchedClock(stop), stop)
    assert len(sink.packets) == 4
    assert all(source.closed == 1 for source in script.made)


def test_connect_that_fails_counts_as_away() -> None:
    stop = threading.Event()
    sink = ListSink()

    def connect() -> ScriptedSource:
        raise BadInput("no such codec")

    clock = WatchedClock(stop, 3)
    CameraSession(
        camera=CameraId("junction-1"), stream="main", connect=connect, sink=sink, clock=clock,
        stop=stop,
    ).run()  # fmt: skip
    assert len(sink.aways) == 3


def test_source_that_ends_by_itself_ends_the_session() -> None:
    stop = threading.Event()
    sink = ListSink()
    script = Script(lambda: gives(7, None))
    session(script, sink, WatchedClock(stop), stop)
    assert (len(sink.packets), sink.aways, sink.closed, script.tries) == (7, [], 1, 1)


def test_stop_ends_the_session_at_the_next_packet() -> None:
    stop = threading.Event()
    sink = ListSink(stop=stop, stop_after=3)
    script = Script(lambda: gives(1_000, None))
    session(script, sink, WatchedClock(stop), stop)
    assert len(sink.packets) == 3
    assert sink.closed == 1


def test_how_the_cameras_clock_stands_is_told_seldom_and_at_once_when_it_moved() -> None:
    clock = ManualClock(NOON)
    told: list[ClockOffset] = []

    class Clocked(ScriptedSource):
        @property
        def clock_offset(self) -> ClockOffset:
            clock.advance(11_000_000)
            moved_us = 5_000_000 if clock.now().since(NOON) > 300_000_000 else 0
            return ClockOffset(
                method="rtcp", at=clock.now(), offset_us=moved_us, drift_ppm=1.5, over_us=60_000_000
            )

    clock.advance(11_000_000)
    CameraSession(
        camera=CameraId("junction-1"),
        stream="main",
        connect=lambda: Clocked([packet(number) for number in range(25)], None),
        sink=ListSink(),
        clock=clock,
        stop=threading.Event(),
        on_clock=told.append,
    ).run()
    assert [one.offset_us for one in told] == [0, 5_000_000]
    assert told[1].text == "offset +5.000 s by rtcp, drift +1.5 ppm in 60 s"
