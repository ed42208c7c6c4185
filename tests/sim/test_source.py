"""A simulated camera gives packets when they are due, with the times they were due."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput, Unavailable
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import SIM_BEHIND_US_MAX
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, ManualClock, Span
from fairview.sim.history import HistorySource, history_spans
from fairview.sim.junction import FPS, LOOP_FRAMES
from fairview.sim.loop import CodedFrame
from fairview.sim.source import SimSource, frame_at, frame_number, latency_us, loop_frame
from tests.builders import NOON
from tests.sim.loops import blank_loop, number_in

CAMERA = CameraId("junction-1")


def _source(clock: ManualClock, **more: object) -> SimSource:
    return SimSource(blank_loop(), camera=CAMERA, stream="main", clock=clock, **more)  # type: ignore[arg-type]  # tests name options freely


def test_a_minute_of_packets_takes_a_minute_of_the_clock() -> None:
    clock = ManualClock(NOON)
    packets = list(islice(_source(clock).packets(), LOOP_FRAMES + 1))
    assert clock.monotonic_us() == 60 * US_PER_SECOND
    assert packets[-1].at.since(packets[0].at) == 60 * US_PER_SECOND
    assert all(0 <= one.arrived_at.since(one.at) < 2 for one in packets)


def test_times_go_on_over_the_seam_while_pictures_begin_again() -> None:
    packets = list(islice(_source(ManualClock(NOON)).packets(), 3 * LOOP_FRAMES))
    assert [one.decode_ticks for one in packets] == [7_500 * n for n in range(len(packets))]
    assert [number_in(one.data) for one in packets] == list(range(LOOP_FRAMES)) * 3
    assert [one.is_key for one in packets] == [n % FPS == 0 for n in range(len(packets))]


def test_a_connection_begins_with_the_next_key_frame() -> None:
    clock = ManualClock(NOON.plus(17_300_000))
    first = next(_source(clock).packets())
    assert first.is_key
    assert first.at == NOON.plus(18 * US_PER_SECOND)
    assert number_in(first.data) == 18 * FPS
    assert clock.now() >= first.at


def test_start_may_lie_ahead() -> None:
    clock = ManualClock(NOON)
    first = next(_source(clock, start_at=NOON.plus(5 * US_PER_SECOND)).packets())
    assert first.at == NOON.plus(5 * US_PER_SECOND)


def test_a_step_of_the_wall_clock_neither_stalls_nor_floods() -> None:
    clock = ManualClock(NOON)
    packets = _source(clock).packets()
    next(packets)
    for step_us in (US_PER_HOUR, -2 * US_PER_HOUR):
        clock.step(step_us)
        before_us = clock.monotonic_us()
        list(islice(packets, FPS))
        assert abs(clock.monotonic_us() - before_us - US_PER_SECOND) < 2


def test_a_late_reader_gets_everything_at_once_and_a_very_late_one_is_hung_up_on() -> None:
    clock = ManualClock(NOON)
    packets = _source(clock).packets()
    next(packets)
    clock.advance(10 * US_PER_SECOND)
    begun_us = clock.monotonic_us()
    late = list(islice(packets, 10 * FPS))
    assert clock.monotonic_us() == begun_us
    assert late[-1].at.since(late[0].at) > 9 * US_PER_SECOND
    clock.advance(SIM_BEHIND_US_MAX + US_PER_SECOND)
    with pytest.raises(Unavailable):
        list(islice(packets, 5))


def test_a_closed_source_ends() -> None:
    source = _source(ManualClock(NOON))
    packets = source.packets()
    next(packets)
    source.close()
    source.close()
    assert list(packets) == []


class _Late:
    """A loop whose pictures come only once a clock shows a moment."""

    def __init__(self, clock: ManualClock, ready_us: int) -> None:
        self._loop = blank_loop()
        self._clock = clock
        self._ready_us = ready_us

    def coded(self, stream: StreamName, frame: int) -> CodedFrame | None:
        is_ready = self._clock.monotonic_us() >= self._ready_us
        return self._loop.coded(stream, frame) if is_ready else None


def test_a_camera_whose_pictures_are_being_drawn_begins_when_they_are() -> None:
    clock = ManualClock(NOON)
    source = SimSource(_Late(clock, 4_250_000), camera=CAMERA, stream="main", clock=clock)
    first, second = islice(source.packets(), 2)
    assert first.is_key
    assert first.at == NOON.plus(5 * US_PER_SECOND)
    assert second.arrived_at.since(second.at) < 2


def test_a_camera_without_pictures_is_away_in_the_end() -> None:
    clock = ManualClock(NOON)
    source = SimSource(_Late(clock, US_PER_HOUR), camera=CAMERA, stream="main", clock=clock)
    with pytest.raises(Unavailable, match="no pictures"):
        next(source.packets())


@given(number=st.integers(0, 10**12))
def test_frame_numbers_and_moments_round_trip(number: int) -> None:
    assert frame_number(frame_at(number)) == number


def test_latency_is_told_from_the_picture_also_over_the_seam() -> None:
    taken = NOON.plus(59_500_000)
    assert latency_us(loop_frame(taken), taken.plus(1_500_000)) == 1_500_000


def test_history_windows_are_in_the_past_in_order_and_apart() -> None:
    spans = history_spans(NOON)
    assert len(spans) == 3
    assert all(span.duration_us == 3 * US_PER_MINUTE for span in spans)
    assert spans[-1].end < NOON
    assert all(a.end < b.start for a, b in pairwise(spans))
    with pytest.raises(BadInput):
        history_spans(NOON, count=24, each_us=10 * US_PER_MINUTE)


def test_history_fills_exactly_its_window_without_waiting() -> None:
    span = Span(start=NOON, end=NOON.plus(3 * US_PER_MINUTE))
    clock = ManualClock(NOON.plus(-US_PER_HOUR))
    source = HistorySource(blank_loop(), camera=CAMERA, stream="sub", span=span, clock=clock)
    packets = list(source.packets())
    assert len(packets) == 3 * LOOP_FRAMES
    assert packets[0].is_key
    assert packets[0].at == span.start
    assert packets[-1].at < span.end
    assert clock.now() == packets[-1].at
