"""Cameras with hostile clocks and streams: what they send whole is kept, the rest is told."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from fairview.core.camera import Source, Transport
from fairview.core.clock_offset import ClockOffset
from fairview.core.errors import FairviewError
from fairview.core.ids import CameraId
from fairview.core.limits import FRAGMENT_US_MAX
from fairview.core.media import EndedBecause, GapBecause, Packet
from fairview.core.time import US_PER_DAY, SystemClock
from fairview.ingest.address import AddressRules
from fairview.ingest.lean.source import LeanSource
from fairview.ingest.live_run import LiveRun, Unit
from fairview.ingest.normalise import RawTimes
from fairview.sim.bad_camera import BadCamera, CameraSetup
from fairview.sim.bad_camera_film import Film, FilmCodec, Made, made_film
from tests.builders import NOON, video_format
from tests.record.desk import CAMERA, Desk

STEP = 3_600
WAYS: tuple[Transport, ...] = ("tcp", "udp")


def unit(number: int, *, key_every: int = 25, skip: int = 0) -> Unit:
    ticks = number * STEP + skip
    return Unit(
        raw=RawTimes(ticks=ticks, decode_ticks=ticks, is_key=number % key_every == 0),
        data=b"\x00\x00\x01\x65" + number.to_bytes(4, "big"),
        form=video_format(),
        arrived_at=NOON.plus(number * 40_000 + 20_000),
    )


def recorded(units: list[Unit], folder: Path) -> Desk:
    """Through a live run into a recorder, in simulated time."""
    desk, run = Desk(folder), LiveRun(CAMERA, "main", "the camera")
    for one in units:
        desk.feed(run.taken(one))
    desk.feed(run.rest())
    desk.close()
    return desk


def numbers(desk: Desk) -> list[int]:
    return [int.from_bytes(one.data[-4:], "big") for one in desk.samples()]


def test_key_frames_twenty_seconds_apart_lose_nothing_and_fragments_stay_short(
    tmp_path: Path,
) -> None:
    desk = recorded([unit(n, key_every=500) for n in range(25 * 150)], tmp_path)
    assert numbers(desk) == list(range(25 * 150))
    rows = desk.segments()
    assert [row.ended_because for row in rows[:-1]] == [EndedBecause.ROTATED] * (len(rows) - 1)
    assert all(a.span.end == b.span.start for a, b in pairwise(rows))
    for row in rows:
        records = desk.walked(row).records
        assert records
        assert row.span.duration_us / len(records) <= FRAGMENT_US_MAX


@pytest.mark.parametrize("seconds", [3_600, 5, -5, -3_600])
def test_a_camera_clock_that_jumps_costs_the_pictures_up_to_the_next_key_frame(
    tmp_path: Path, seconds: int
) -> None:
    skip = seconds * 90_000
    units = [unit(n, skip=skip if n >= 140 else 0) for n in range(300)]
    desk = recorded(units, tmp_path)
    assert numbers(desk) == [*range(140), *range(150, 300)]
    (gap, *_) = desk.gaps()
    assert gap.because is GapBecause.CLOCK_JUMP
    assert abs(gap.span.duration_us - 10 * 40_000) < 1_000
    assert [row.ended_because for row in desk.segments()] == [
        EndedBecause.CLOCK_JUMP,
        EndedBecause.STOPPED,
    ]


@dataclass(slots=True, kw_only=True)
class Seen:
    """What came of a faulty camera."""

    script: str
    way: Transport
    packets: list[Packet]
    fault: str = ""
    offset: ClockOffset | None = None

    @property
    def losses(self) -> int:
        return sum(one.is_after_loss for one in self.packets)


def seen(films: tuple[Film, ...], script: str, way: Transport, pictures: int) -> Seen:
    found = Seen(script=script, way=way, packets=[])
    setup = CameraSetup(ways=frozenset((way,)), lifetime_us=20_000_000, reports_every_us=400_000)
    with BadCamera(films, script=script, setup=setup) as camera:
        source = LeanSource(
            camera=CameraId("a"),
            source=Source(stream="main", kind="rtsp", address=camera.address(), transport=way),
            login=None,
            rules=AddressRules(allow_loopback=True),
            clock=SystemClock(),
        )
        try:
            for packet in source.packets():
                found.packets.append(packet)
                if len(found.packets) >= pictures:
                    break
        except FairviewError as error:
            found.fault = str(error)
        found.offset = source.clock_offset
        source.close()
    return found


def all_seen(
    films: tuple[Film, ...], scripts: tuple[str, ...], pictures: int = 60
) -> dict[tuple[str, Transport], Seen]:
    """Every script over both transports, all at once: each takes its own time."""
    found: dict[tuple[str, Transport], Seen] = {}

    def one(script: str, way: Transport) -> None:
        found[script, way] = seen(films, script, way, pictures)

    threads = [
        threading.Thread(target=one, args=(script, way)) for script in scripts for way in WAYS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(found) == len(threads)
    return found


def in_order(film: Film, one: Seen) -> bool:
    """Whether the film's pictures came one after the other, round and round, none missing."""
    wanted = [unit.annex_b for unit in film.units]
    start = wanted.index(one.packets[0].data)
    return all(
        packet.data == wanted[(start + at) % len(wanted)] for at, packet in enumerate(one.packets)
    )


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_clocks_of_every_kind_lose_no_picture() -> None:
    film = made_film(Made())
    scripts = (
        "at 1 s: jump -3600 s",
        "at 1 s: jump 4 s; at 1.5 s: jump 3600 s",
        "at 0.5 s: drift 300 ppm",
        "at 1 s: freeze 10",
        "at 0.2 s: report 1970",
        "at 0.2 s: report +3600 s",
        "at 0.1 s: report off",
        "at 1 s: repeat 4",
    )
    for one in all_seen((film,), scripts).values():
        assert len(one.packets) == 60, one
        assert in_order(film, one), (one.script, one.way)
        assert one.losses == 0, (one.script, one.way)
        steps = [b.at.since(a.at) for a, b in pairwise(one.packets)]
        assert min(steps) >= 0, (one.script, one.way)
        assert abs(sum(steps) - 59 * 40_000) < 700_000, (one.script, one.way, sum(steps))
        assert one.offset is not None
        if "1970" in one.script:
            assert one.offset.method == "rtcp"
            assert one.offset.offset_us < -50 * 365 * US_PER_DAY
        elif "+3600" in one.script:
            assert abs(one.offset.offset_us - 3_600_000_000) < 1_000_000


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_losses_are_told_and_what_udp_mixes_up_is_put_back() -> None:
    film = made_film(Made())
    found = all_seen((film,), ("at 1 s: drop 1", "at 1 s: halve 2", "at 1 s: swap 4"))
    for one in found.values():
        # Nobody can tell whether what was lost between two pictures was one of its own or a
        # parameter set of the next; that one is kept, since all of its picture is there.
        assert all(
            any(unit.annex_b.endswith(packet.data) for unit in film.units) for packet in one.packets
        ), (one.script, one.way)
        if one.way == "udp" and "swap" in one.script:
            assert in_order(film, one)
            assert one.losses == 0
        else:
            assert one.losses >= 1, (one.script, one.way)


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.parametrize("codec", ["h264", "hevc", "mjpeg"])
def test_another_picture_size_or_rate_in_mid_stream_goes_on_as_another_format(
    codec: FilmCodec,
) -> None:
    films = (
        made_film(Made(codec=codec)),
        made_film(Made(codec=codec, width_px=320, height_px=176, key_every=50)),
    )
    found = all_seen(films, ("at 1 s: film 1", "at 1 s: fps 10"))
    for one in found.values():
        assert len(one.packets) == 60, one
        assert one.losses == 0, (one.script, one.way)
        widths = [packet.format.width_px for packet in one.packets]
        changed = "film" in one.script
        assert set(widths) == ({160, 320} if changed else {160}), (one.script, one.way)
        assert widths == sorted(widths)
        if changed:
            first = one.packets[widths.index(320)]
            assert first.is_key
            assert first.format.parameter_sets != one.packets[0].format.parameter_sets or (
                codec == "mjpeg"
            )
