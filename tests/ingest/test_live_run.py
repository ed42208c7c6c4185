"""A live stream's run: bursts, jumps and new formats."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest

from fairview.core.errors import Unavailable
from fairview.core.flow import StreamLost
from fairview.core.ids import CameraId
from fairview.core.media import GapBecause, Packet, VideoFormat
from fairview.ingest.live_run import LiveRun, Unit
from fairview.ingest.normalise import RawTimes
from fairview.record.continuity import first, following
from tests.builders import NOON, video_format

STEP = 3_600


def unit(number: int, arrives_us: int, form: VideoFormat | None = None, skip: int = 0) -> Unit:
    ticks = number * STEP + skip
    return Unit(
        raw=RawTimes(ticks=ticks, decode_ticks=ticks, is_key=number % 25 == 0),
        data=b"\x00\x00\x01\x65" + bytes([number % 256 or 1]),
        form=form or video_format(),
        arrived_at=NOON.plus(arrives_us),
    )


def run(units: Sequence[Unit], fault: Exception | None = None) -> Iterator[Packet]:
    def given() -> Iterator[Unit]:
        yield from units
        if fault is not None:
            raise fault

    return LiveRun(CameraId("junction-1"), "main", "the camera").packets(given())


def test_pictures_queued_before_the_start_get_their_own_earlier_times() -> None:
    # A server sends the second it had kept at once, then goes on live.
    late = [unit(number, 1_000_000) for number in range(25)]
    live = [unit(number, number * 40_000) for number in range(26, 40)]
    packets = list(run([*late, unit(25, 1_000_000), *live]))
    assert [one.at for one in packets] == [NOON.plus(number * 40_000) for number in range(40)]


def test_every_unit_comes_out_once_when_the_stream_breaks() -> None:
    taken: list[Packet] = []
    broken = run([unit(n, n * 40_000) for n in range(30)], Unavailable("gone"))
    with pytest.raises(Unavailable, match="gone"):
        taken.extend(broken)
    assert [one.data[-1] for one in taken] == [n or 1 for n in range(30)]


def test_stream_of_one_picture_gives_it_out() -> None:
    assert len(list(run([unit(0, 0)]))) == 1
    assert list(run([])) == []


@pytest.mark.parametrize("seconds", [3_600, 4, -3_600, -2, -1.5])
def test_a_camera_clock_that_jumps_loses_no_picture_and_no_true_time(seconds: float) -> None:
    units = [unit(n, n * 40_000) for n in range(30)]
    units += [unit(n, n * 40_000, skip=int(seconds * 90_000)) for n in range(30, 80)]
    packets = list(run(units))
    assert [one.data[-1] for one in packets] == [n or 1 for n in range(80)]
    assert [one.at for one in packets] == [NOON.plus(n * 40_000) for n in range(80)]
    assert {one.duration_ticks for one in packets} == {STEP}
    # Camera time stays the camera's, and the recorder sees the jump in it.
    assert packets[30].ticks - packets[29].ticks == STEP + int(seconds * 90_000)
    assert following(first(packets[29]), packets[30]) == "clock_jump"


def test_a_clock_that_jumps_all_the_time_ends_the_run_with_its_cause() -> None:
    units = [unit(n, n * 40_000, skip=n // 10 * 3_600 * 90_000) for n in range(400)]
    taken: list[Packet] = []
    with pytest.raises(StreamLost, match="jumped") as lost:
        taken.extend(run(units))
    assert lost.value.because is GapBecause.CLOCK_JUMP
    assert len(taken) == 100


@pytest.mark.parametrize("hours", [1, -1, 87_600, -87_600])
def test_our_own_clock_set_by_an_hour_or_ten_years_goes_on_with_the_new_time(hours: int) -> None:
    set_us = hours * 3_600_000_000
    units = [unit(n, n * 40_000 + (set_us if n > 800 else 0)) for n in range(3_000)]
    packets = list(run(units))
    assert len(packets) == 3_000
    late = sum(
        abs(one.at.since(NOON) - n * 40_000 - set_us) > 1_000
        for n, one in enumerate(packets)
        if n > 800
    )
    # Set back it is seen at once, set forward (as if all came late) within two windows.
    assert late <= (0 if hours < 0 else 1_500)
    assert packets[-1].at == NOON.plus(2_999 * 40_000 + set_us)


def test_times_that_repeat_or_go_back_a_little_lose_nothing() -> None:
    skips = {10: -STEP, 20: -3 * STEP, 21: -3 * STEP}
    units = [unit(n, n * 40_000, skip=skips.get(n, 0)) for n in range(50)]
    packets = list(run(units))
    assert [one.data[-1] for one in packets] == [n or 1 for n in range(50)]
    assert all(b.decode_ticks > a.decode_ticks and b.at >= a.at for a, b in pairwise(packets))


def test_a_stall_of_the_network_is_no_jump() -> None:
    """Four seconds nothing comes; then all that the camera could keep comes at once."""
    units = [unit(n, n * 40_000) for n in range(50)]
    units += [unit(n, 150 * 40_000) for n in range(50, 60)]
    units += [unit(n, 150 * 40_000) for n in range(140, 150)]
    units += [unit(n, n * 40_000) for n in range(151, 200)]
    packets = list(run(units))
    assert [one.at.since(NOON) // 40_000 for one in packets] == [
        *range(60),
        *range(140, 150),
        *range(151, 200),
    ]


@pytest.mark.parametrize("ppm", [-200.0, -20.0, 0.0, 50.0, 300.0])
def test_drift_is_measured_to_two_millionths_within_minutes(ppm: float) -> None:
    jitter = random.Random(7)
    stream = LiveRun(CameraId("junction-1"), "main", "the camera")
    for n in range(25 * 600):
        arrives_us = round(n * 40_000 / (1 + ppm / 1e6)) + round(jitter.expovariate(1 / 8_000))
        list(stream.taken(unit(n, arrives_us)))
    told = stream.clock_offset
    assert told is not None
    assert told.method == "arrival"
    assert told.drift_ppm is not None
    assert abs(told.drift_ppm - ppm) < 2
    assert told.over_us > 500_000_000
    # What the footage is off by at the end: the least delay and one window's drift.
    assert abs(told.offset_us + ppm * 600) < 20_000


def test_what_a_camera_says_of_its_clock_is_kept_beside_ours_and_changes_no_time() -> None:
    stream = LiveRun(CameraId("junction-1"), "main", "the camera")
    packets: list[Packet] = []
    says = {100: NOON.us, 200: 0, 300: NOON.us + 7_000_000, 400: None}
    told = {}
    for n in range(500):
        if n in says:
            wall = says[n]
            stream.reported(n * STEP, None if wall is None else wall + n * 40_000, NOON)
            told[n] = stream.clock_offset
        packets += stream.taken(unit(n, n * 40_000))
    offsets = [(one.method, one.offset_us) for one in told.values() if one is not None]
    assert offsets == [("rtcp", 0), ("rtcp", -NOON.us), ("rtcp", 7_000_000), ("arrival", 0)]
    assert [one.at for one in packets] == [NOON.plus(n * 40_000) for n in range(499)]


def test_new_format_goes_on_with_its_pictures() -> None:
    other = video_format(width_px=1_280, height_px=720)
    units = [unit(n, n * 40_000, other if n >= 25 else None) for n in range(50)]
    packets = list(run(units))
    assert [one.format.width_px for one in packets] == [640] * 25 + [1_280] * 25
