from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fairview.core.errors import Unavailable
from fairview.core.limits import SEGMENT_US_MAX
from fairview.core.media import EndedBecause, GapBecause
from fairview.core.time import US_PER_HOUR, US_PER_SECOND, Span
from fairview.record.rows import RowQueue
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.contracts import Change, SegmentSaved
from tests.builders import NOON, packet, video_format
from tests.record.desk import CAMERA, Desk, second, ticks_of
from tests.record.keys import issued
from tests.record.pictures import coded, packets_of


def at(seconds: float) -> int:
    return NOON.us + int(seconds * US_PER_SECOND)


def spans(desk: Desk) -> list[tuple[float, float]]:
    return [
        ((row.span.start.us - NOON.us) / 1e6, (row.span.end.us - NOON.us) / 1e6)
        for row in desk.segments()
    ]


def gaps(desk: Desk) -> list[tuple[float, float, GapBecause]]:
    return [
        ((gap.span.start.us - NOON.us) / 1e6, (gap.span.end.us - NOON.us) / 1e6, gap.because)
        for gap in desk.gaps()
    ]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_every_packet_from_the_first_key_frame_is_kept(desk: Desk) -> None:
    stream = coded(b_frames=2, pictures=50)
    packets = packets_of(stream)
    before = [replace(one, is_key=False) for one in packets[:5]]
    desk.feed([replace(one, decode_ticks=one.decode_ticks - 1_000_000) for one in before])
    desk.feed(packets)
    desk.close()
    assert desk.samples() == list(stream.samples)
    (row,) = desk.segments()
    assert row.ended_because is EndedBecause.STOPPED
    assert row.span == Span(start=NOON, end=NOON.plus(2_000_000))
    found = desk.walked(row)
    assert (row.head, row.fragments) == (found.head.hex(), 2)
    assert row.size_bytes == desk.blobs.size_bytes(row.blob)
    assert row.blob.startswith("junction-1/2026-05-01/12/")
    assert row.key_pair == desk.file.pairs[0].id
    figures = desk.recorder.figures
    assert (figures.packets, figures.packets_skipped, figures.fragments) == (55, 5, 2)


def test_an_acknowledged_fragment_survives_a_power_cut(desk: Desk) -> None:
    desk.feed([*second(0, 10), packet(250)])
    assert desk.recorder.figures.stored_until == NOON.plus(10_000_000)
    desk.blobs.crash()  # type: ignore[attr-defined]  # memory blobs
    assert desk.samples()[-1].ticks == packet(249).ticks


def test_the_header_and_row_stand_before_any_media(desk: Desk) -> None:
    desk.feed([packet(0)])
    desk.blobs.crash()  # type: ignore[attr-defined]  # memory blobs
    (row,) = desk.segments()
    assert row.is_open
    assert row.fragments == 0
    assert row.size_bytes == desk.blobs.size_bytes(row.blob)
    assert desk.walked(row).records == ()


def test_the_row_of_an_open_segment_follows_its_footage(desk: Desk) -> None:
    rows = []
    for number in range(59):
        desk.feed(second(number))
        (row,) = desk.segments()
        assert row.is_open
        assert NOON.plus((number + 1) * 1_000_000).since(row.span.end) <= 11_000_000
        rows.append(row)
    assert len(set(rows)) <= 6


def test_an_outage_is_a_gap_up_to_now_before_anything_follows(desk: Desk) -> None:
    desk.feed(second(0, 5))
    desk.clock.advance(10 * US_PER_SECOND)
    desk.recorder.away(CAMERA, "main", GapBecause.CAMERA_SILENT, NOON.plus(5_000_000))
    assert gaps(desk) == [(5, 14.98, GapBecause.CAMERA_SILENT)]


def test_segments_end_at_the_first_key_frame_past_a_minute(desk: Desk) -> None:
    desk.feed(second(0, 130))
    desk.close()
    assert spans(desk) == [(0, 60), (60, 120), (120, 130)]
    because = [row.ended_because for row in desk.segments()]
    assert because == [EndedBecause.ROTATED, EndedBecause.ROTATED, EndedBecause.STOPPED]
    assert [one.ticks for one in desk.samples()] == ticks_of(second(0, 130))
    assert gaps(desk) == [(130, 130.000001, GapBecause.STOPPED)]


def test_a_segment_belongs_to_the_hour_it_starts_in(tmp_path: Path) -> None:
    desk = Desk(tmp_path, start=NOON)
    late = US_PER_HOUR - 20 * US_PER_SECOND
    desk.clock.advance(late)
    desk.feed(
        replace(one, at=one.at.plus(late), arrived_at=one.arrived_at.plus(late))
        for one in second(0, 40)
    )
    desk.close()
    first, other = desk.segments()
    assert first.span.end.since(NOON) == US_PER_HOUR
    assert [first.key_pair, other.key_pair] == [pair.id for pair in desk.file.pairs[:2]]
    assert "/13/" in other.blob


def test_camera_away_ends_the_run_and_the_gap_reaches_to_the_next_picture(desk: Desk) -> None:
    desk.feed(second(0, 5))
    desk.recorder.away(CAMERA, "main", GapBecause.CAMERA_AWAY, NOON.plus(15_000_000))
    assert gaps(desk) == [(5, 15, GapBecause.CAMERA_AWAY)]
    assert desk.segments()[0].ended_because is EndedBecause.CAMERA_AWAY
    desk.feed([packet(760), *second(31, 2)])
    assert gaps(desk) == [(5, 31, GapBecause.CAMERA_AWAY)]
    desk.close()
    assert spans(desk) == [(0, 5), (31, 33)]
    assert [event.kind for event in desk.events()] == ["camera_away", "camera_back"]


def test_a_silent_camera_says_so(desk: Desk) -> None:
    desk.feed(second(0, 5))
    desk.recorder.away(CAMERA, "main", GapBecause.CAMERA_SILENT, NOON.plus(15_000_000))
    assert gaps(desk) == [(5, 15, GapBecause.CAMERA_SILENT)]


def test_a_new_format_begins_a_new_segment_at_its_key_frame(desk: Desk) -> None:
    other = video_format(width_px=320)
    desk.feed(second(0, 3) + [replace(one, format=other) for one in second(3, 3)])
    desk.close()
    assert spans(desk) == [(0, 3), (3, 6)]
    assert desk.segments()[0].ended_because is EndedBecause.FORMAT_CHANGED
    assert gaps(desk) == [(6, 6.000001, GapBecause.STOPPED)]
    assert desk.fragments(desk.segments()[1])[0].format == other


def test_a_clock_jump_ends_the_run_and_is_a_gap(desk: Desk) -> None:
    jump = 30 * US_PER_SECOND
    desk.feed(second(0, 3))
    desk.feed(replace(one, at=one.at.plus(jump)) for one in second(3, 2))
    desk.close()
    assert spans(desk) == [(0, 3), (33, 35)]
    assert desk.segments()[0].ended_because is EndedBecause.CLOCK_JUMP
    assert gaps(desk)[0] == (3, 33, GapBecause.CLOCK_JUMP)


def test_a_clock_that_jumps_back_costs_nothing(desk: Desk) -> None:
    desk.feed(second(0, 30))
    desk.feed(replace(one, at=one.at.plus(-20 * US_PER_SECOND)) for one in second(30, 5))
    desk.close()
    assert spans(desk) == [(0, 30), (10, 15)]
    assert len(desk.samples()) == 35 * 25


def test_a_loss_the_source_knows_of_is_a_gap_however_short(desk: Desk) -> None:
    packets = second(0, 3)
    del packets[40:42]
    packets[40] = replace(packets[40], is_after_loss=True)
    desk.feed(packets)
    desk.close()
    (gap,) = [one for one in desk.gaps() if one.because is GapBecause.LOST_PACKETS]
    assert gap.span.end.since(gap.span.start) == 80_000
    assert gap.span.end == packets[40].at
    assert len(desk.segments()) == 1


def test_lost_packets_are_a_gap_inside_the_run(desk: Desk) -> None:
    desk.feed(second(0, 3) + second(8, 2))
    desk.close()
    assert spans(desk) == [(0, 10)]
    assert gaps(desk)[0] == (3, 8, GapBecause.LOST_PACKETS)
    (row,) = desk.segments()
    assert [one.duration_us for one in desk.fragments(row)] == [1_000_000] * 5


def test_a_stream_without_key_frames_is_cut_all_the_same(desk: Desk) -> None:
    seconds = SEGMENT_US_MAX // US_PER_SECOND
    desk.feed(packet(number, is_key=number == 0) for number in range(25 * (seconds + 10)))
    desk.feed(second(seconds + 10, 1))
    desk.close()
    assert spans(desk) == [(0, seconds), (seconds + 10, seconds + 11)]
    assert gaps(desk)[0] == (seconds, seconds + 10, GapBecause.LOST_PACKETS)


def test_a_stop_is_a_gap_that_the_next_start_closes(desk: Desk) -> None:
    desk.feed(second(0, 3))
    desk.clock.advance(7 * US_PER_SECOND)
    desk.close()
    desk.recorder.close()
    desk.feed(second(20, 1))
    assert gaps(desk) == [(3, 9.98, GapBecause.STOPPED)]
    desk.again()
    desk.feed(second(40, 2))
    desk.close()
    assert gaps(desk)[0] == (3, 40, GapBecause.STOPPED)
    assert spans(desk) == [(0, 3), (40, 42)]


def test_a_gap_that_a_crash_left_is_closed_at_the_first_packet(desk: Desk) -> None:
    desk.feed(second(0, 5))
    (row,) = desk.segments()
    ended = replace(
        row,
        span=Span(start=NOON, end=NOON.plus(4_000_000)),
        fragments=4,
        head="0" * 64,
        ended_because=EndedBecause.CRASHED,
    )
    desk.catalogue.write([SegmentSaved(segment=ended)])
    desk.again()
    desk.recorder.away(CAMERA, "main", GapBecause.CAMERA_AWAY, NOON.plus(8_000_000))
    assert gaps(desk) == [(4, 8, GapBecause.CRASHED)]
    desk.feed(second(60, 2))
    desk.close()
    assert gaps(desk)[0] == (4, 60, GapBecause.CRASHED)


def test_the_spare_pair_is_used_and_told_when_no_pair_is_issued(desk: Desk) -> None:
    desk.issue(issued(CAMERA, NOON.plus(-US_PER_HOUR), hours=1))
    desk.again()
    desk.feed(second(0, 2))
    desk.close()
    assert len(desk.samples()) == 50
    assert [event.kind for event in desk.events()] == ["key_supply_spare"]


def test_without_any_key_nothing_is_written_and_it_goes_on_trying(desk: Desk) -> None:
    good = desk.key_path.read_bytes()
    desk.key_path.unlink()
    desk.again()
    desk.feed(second(0, 4))
    assert list(desk.blobs.names()) == []
    assert [event.kind for event in desk.events()] == ["disk_failing"]
    desk.key_path.write_bytes(good)
    desk.feed(second(4, 4))
    desk.close()
    assert spans(desk)[0][1] == 8
    assert gaps(desk)[0][2] is GapBecause.DISK_FAILED
    assert gaps(desk)[0][:2] == (0, spans(desk)[0][0])


def test_rows_wait_while_the_catalogue_is_away(tmp_path: Path) -> None:
    class Away(MemoryCatalogue):
        is_away = True

        def write(self, changes: Sequence[Change]) -> None:
            if self.is_away:
                raise Unavailable("locked")
            super().write(changes)

    catalogue = Away()
    desk = Desk(tmp_path, catalogue=catalogue)
    desk.feed(second(0, 125))
    assert not desk.rows.drain()
    assert desk.segments() == ()
    catalogue.is_away = False
    desk.close()
    assert spans(desk) == [(0, 60), (60, 120), (120, 125)]
    assert all(not row.is_open for row in desk.segments())
    assert [event.kind for event in desk.events()] == ["catalogue_away"]


def test_rows_are_written_by_their_thread(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.rows.start()
    desk.feed(second(0, 3))
    desk.recorder.close()
    desk.rows.close()
    assert len(desk.catalogue.segments(CAMERA)) == 1


def test_waiting_rows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairview.record.rows.ROWS_WAITING_MAX", 3)
    desk = Desk(tmp_path)
    for number in range(5):
        desk.recorder.away(CAMERA, "main", GapBecause.CAMERA_AWAY, NOON.plus(number))
    assert desk.rows.dropped == 3
    assert isinstance(desk.rows, RowQueue)


def test_live_viewers_get_what_is_recorded(desk: Desk) -> None:
    viewer = desk.tap.subscribe()
    desk.feed(second(0, 1))
    taken = viewer.take(0)
    assert taken is not None
    assert list(taken.packets) == second(0, 1)


def test_bytes_written_per_byte_received_stay_within_two_in_a_hundred(desk: Desk) -> None:
    chance = os.urandom(20_000)
    packets = [replace(one, data=b"\x00\x00\x00\x01\x65" + chance) for one in second(0, 61)]
    desk.feed(packets)
    desk.close()
    figures = desk.recorder.figures
    ratio = figures.written_bytes / figures.received_bytes
    assert sum(row.size_bytes for row in desk.segments()) == figures.written_bytes
    assert 1 < ratio < 1.01
