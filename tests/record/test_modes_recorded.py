"""Keeping around events with the real recorder: what is stored, and the gaps it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairview.core.media import GapBecause, Packet
from fairview.core.time import US_PER_SECOND, Span
from fairview.core.trigger_sign import TriggerSign
from fairview.core.week_hours import week_hours
from fairview.record.live import LiveTap
from fairview.record.modes import AroundEvents, ByHours, KeptFrom
from fairview.record.schedule import WeekSchedule
from fairview.record.triggers import TriggerBoard
from tests.builders import NOON, packet
from tests.record.desk import CAMERA, Desk

FPS = 25


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    # In a plan the sink before the recorder feeds viewers.
    made.recorder._live = None
    return made


def kept(desk: Desk) -> list[tuple[float, float]]:
    return [
        (row.span.start.since(NOON) / US_PER_SECOND, row.span.end.since(NOON) / US_PER_SECOND)
        for row in desk.segments()
    ]


def gaps(desk: Desk) -> list[tuple[float, float, GapBecause]]:
    return [
        (
            gap.span.start.since(NOON) / US_PER_SECOND,
            gap.span.end.since(NOON) / US_PER_SECOND,
            gap.because,
        )
        for gap in desk.gaps()
    ]


def feed(desk: Desk, sink: AroundEvents | ByHours, board: TriggerBoard | None, to_s: int) -> None:
    """25 pictures a second, a sign every second, an event from 60 to 62 s."""
    for number in range(to_s * FPS):
        one: Packet = packet(number)
        desk.clock.advance(max(0, one.arrived_at.since(desk.clock.now())))
        second = number // FPS
        if board is not None and number % FPS == 0:
            since = NOON.plus(60 * US_PER_SECOND) if 60 <= second <= 62 else None
            board.hear(
                TriggerSign(camera=CAMERA, trigger="motion", looked_until=one.at, since=since)
            )
        sink.packet(one)


def test_events_are_segments_and_what_lies_between_is_a_gap_that_says_so(desk: Desk) -> None:
    board = TriggerBoard(("motion",), 10 * US_PER_SECOND, desk.clock, lambda *_: None)
    live = LiveTap()
    parts = KeptFrom(recorder=desk.recorder, live=live, clock=desk.clock)
    sink = AroundEvents(parts, board, (5 * US_PER_SECOND, 10 * US_PER_SECOND))
    feed(desk, sink, board, 100)
    sink.close()
    desk.close()
    # Whole groups of pictures: the one that held 55 s, five before the event.
    assert kept(desk) == [(0, 10), (54, 72)]
    found = gaps(desk)
    assert {because for _, _, because in found} == {GapBecause.NO_EVENT}
    assert [start for start, _, _ in found] == [10, 72]
    ends = [end for _, end, _ in found]
    assert ends[0] == 54
    assert ends[1] >= 92, "the gap of a camera that rests grows, so that the time line shows it"
    assert "camera_away" not in {event.kind for event in desk.events()}
    total = sum(
        len(fragment.samples) for row in desk.segments() for fragment in desk.fragments(row)
    )
    assert total == (10 + 18) * FPS


def test_an_event_right_after_a_rest_leaves_no_hole(desk: Desk) -> None:
    board = TriggerBoard(("motion",), 2 * US_PER_SECOND, desk.clock, lambda *_: None)
    parts = KeptFrom(recorder=desk.recorder, live=LiveTap(), clock=desk.clock)
    sink = AroundEvents(parts, board, (5 * US_PER_SECOND, 58 * US_PER_SECOND))
    feed(desk, sink, board, 66)
    sink.close()
    desk.close()
    samples = [
        sample.ticks for row in desk.segments() for f in desk.fragments(row) for sample in f.samples
    ]
    until = max(samples) * FPS // 90_000 + 1
    assert samples == [packet(number).ticks for number in range(until)]
    assert all(end - start < 0.01 for start, end, because in gaps(desk) if end < 60)


def test_hours_are_segments_and_the_rest_a_gap_that_says_so(desk: Desk) -> None:
    schedule = WeekSchedule(week_hours("fri 12:01-12:02"), "UTC")
    parts = KeptFrom(recorder=desk.recorder, live=LiveTap(), clock=desk.clock)
    sink = ByHours(parts, schedule)
    feed(desk, sink, None, 150)
    sink.close()
    desk.close()
    assert kept(desk) == [(60, 120)]
    found = gaps(desk)
    assert {because for _, _, because in found} == {GapBecause.NOT_SCHEDULED}
    assert any(start >= 120 for start, _, _ in found)
    whole = Span(start=NOON, end=NOON.plus(60 * US_PER_SECOND))
    assert any(gap.span.overlaps(whole) for gap in desk.gaps()), "also before the first hours"
