"""A live stream's run: bursts, jumps and new formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from fairview.core.errors import Unavailable
from fairview.core.flow import StreamLost
from fairview.core.ids import CameraId
from fairview.core.media import GapBecause, Packet, VideoFormat
from fairview.ingest.live_run import LiveRun, Unit
from fairview.ingest.normalise import RawTimes
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


def test_jump_ends_the_run_with_its_cause_after_what_was_sound() -> None:
    units = [unit(n, n * 40_000) for n in range(30)]
    units.append(unit(30, 30 * 40_000, skip=3_600 * 90_000))
    taken: list[Packet] = []
    with pytest.raises(StreamLost, match="jumped") as lost:
        taken.extend(run(units))
    assert lost.value.because is GapBecause.CLOCK_JUMP
    assert len(taken) == 30


def test_our_own_clock_set_by_an_hour_ends_the_run_too() -> None:
    units = [unit(n, n * 40_000 + (3_600_000_000 if n > 800 else 0)) for n in range(3_000)]
    with pytest.raises(StreamLost) as lost:
        list(run(units))
    assert lost.value.because is GapBecause.CLOCK_JUMP


def test_new_format_goes_on_with_its_pictures() -> None:
    other = video_format(width_px=1_280, height_px=720)
    units = [unit(n, n * 40_000, other if n >= 25 else None) for n in range(50)]
    packets = list(run(units))
    assert [one.format.width_px for one in packets] == [640] * 25 + [1_280] * 25
