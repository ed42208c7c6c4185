from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.camera import Login, Secret
from fairview.core.errors import BadInput
from fairview.core.time import Instant, ManualClock
from fairview.ingest.describe import authorization
from fairview.sim.bad_camera import BadCamera, CameraSetup
from fairview.sim.bad_camera_film import Film, FilmCodec, Made, made_film
from fairview.sim.bad_camera_play import Gone, Play, Sent, Shown
from fairview.sim.bad_camera_rtp import jpeg_parts, payloads
from fairview.sim.bad_camera_script import CameraPlan, camera_script, random_script
from fairview.sim.bad_camera_talk import Asked, Guard

QUICK = CameraSetup(pace=8.0, lifetime_us=20_000_000)
LOGIN = Login(name="ada", password=Secret("s3cret-pw"))


def film(codec: FilmCodec = "h264", pictures: int = 50) -> Film:
    return made_film(Made(codec=codec, pictures=pictures))


class Wire:
    """What a play sends, noted."""

    is_tcp = True

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.reports: list[bytes] = []
        self.others: list[bytes] = []
        self.is_pressed = False

    def framed(self, packet: bytes) -> bytes:
        return b"$" + packet

    def rtp(self, packet: bytes) -> None:
        self.packets.append(packet)

    def rtcp(self, packet: bytes) -> None:
        self.reports.append(packet)

    def raw(self, data: bytes) -> None:
        self.others.append(data)

    def is_full(self) -> bool:
        return self.is_pressed

    def press(self, limit_bytes: int) -> None:
        self.is_pressed = limit_bytes == 0

    @property
    def numbers(self) -> list[int]:
        """Sequence numbers as sent, counted from the first."""
        first = int.from_bytes(self.packets[0][2:4], "big")
        return [(int.from_bytes(one[2:4], "big") - first) & 0xFFFF for one in self.packets]

    @property
    def ticks(self) -> list[int]:
        first = int.from_bytes(self.packets[0][4:8], "big")
        return [(int.from_bytes(one[4:8], "big") - first) & 0xFFFF_FFFF for one in self.packets]


class Stage:
    """A play under a clock that the test moves."""

    def __init__(self, script: str = "", *, films: tuple[Film, ...] | None = None) -> None:
        self.clock = ManualClock(Instant(1_777_636_800_000_000))
        self.wire = Wire()
        self.sent: list[Sent] = []
        self.plan = CameraPlan(camera_script(script))
        self.plan.begin(0)
        shown = Shown(
            path="main",
            play=1,
            films=films or (film(),),
            plan=self.plan,
            clock=self.clock,
            payload_type=96,
            pace=1.0,
            reports_every_us=5_000_000,
            told=self.sent.append,
            seed=3,
        )
        self.play = Play(shown, self.wire)

    def run(self, seconds: float) -> Stage:
        for _ in range(round(seconds * 100)):
            self.play.turn(self.clock.monotonic_us())
            self.clock.advance(10_000)
        return self


@pytest.mark.parametrize("codec", ["h264", "hevc", "mjpeg"])
@pytest.mark.parametrize("way", ["tcp", "udp"])
def test_ffmpeg_reads_every_picture_as_it_was(codec: FilmCodec, way: str) -> None:
    shown = film(codec)
    if codec == "mjpeg":
        # Over RTP a JPEG's headers are written anew by the receiver (RFC 2435).
        wanted = [jpeg_parts(unit.parts[0]).scan for unit in shown.units]
    else:
        wanted = [unit.annex_b for unit in shown.units]
    with BadCamera((shown,), setup=QUICK) as camera:
        got = list(read(camera.address(), way, 40))
    if codec == "mjpeg":
        got = [jpeg_parts(one).scan for one in got]
    first = wanted.index(got[0])
    assert got == [wanted[(first + at) % 50] for at in range(40)]


@pytest.mark.parametrize("way", ["tcp", "udp"])
def test_jpeg_pictures_with_restart_markers_arrive_with_them(way: str) -> None:
    shown = film("mjpeg")
    units = []
    for unit in shown.units:
        picture = unit.parts[0]
        scan = picture.index(b"\xff\xda")
        marked = picture[:scan] + b"\xff\xdd\x00\x04\x0b\xb8" + picture[scan:]
        units.append(replace(unit, parts=(marked,)))
    wanted = [jpeg_parts(unit.parts[0]) for unit in units]
    assert {one.restart for one in wanted} == {3_000}
    assert all(one[4] & 0x40 for one in payloads("mjpeg", units[0]))
    with BadCamera((replace(shown, units=tuple(units)),), setup=QUICK) as camera:
        got = [jpeg_parts(one) for one in read(camera.address(), way, 10)]
    assert {one.restart for one in got} == {3_000}
    first = [one.scan for one in wanted].index(got[0].scan)
    assert [one.scan for one in got] == [wanted[(first + at) % 50].scan for at in range(10)]


def read(address: str, way: str, count: int) -> Iterator[bytes]:
    options = {"rtsp_transport": way, "timeout": "5000000", "analyzeduration": "100000"}
    with av.open(address, options=options) as container:
        for packet in container.demux(container.streams.video[0]):
            yield bytes(packet)
            count -= 1
            if not count:
                return


def test_pictures_are_told_as_they_leave() -> None:
    stage = Stage().run(1)
    assert [one.unit for one in stage.sent] == list(range(25))
    assert all(one.is_whole for one in stage.sent)
    assert stage.wire.numbers == list(range(len(stage.wire.packets)))


@pytest.mark.parametrize(
    ("fault", "numbers"),
    [
        ("drop 2", [2, 3, 4]),
        ("repeat 1", [0, 0, 1]),
        ("swap 1", [1, 0, 2]),
    ],
)
def test_packets_go_missing_come_twice_or_late(fault: str, numbers: list[int]) -> None:
    stage = Stage().run(0.01)
    begun = len(stage.wire.packets)
    stage = Stage(f"at 0.02 s: {fault}").run(1)
    assert [one - begun for one in stage.wire.numbers[begun : begun + 3]] == numbers
    assert sum(not one.is_whole for one in stage.sent) in (1, 2)


def test_half_a_picture_has_no_end() -> None:
    stage = Stage("at 0.5 s: halve 3").run(1)
    assert sum(not one.is_whole for one in stage.sent) == 3
    assert sum(one[1] >> 7 for one in stage.wire.packets) == 22


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        ("jump 2 s", 3_600 + 180_000),
        ("jump -2 s", (3_600 - 180_000) & 0xFFFF_FFFF),
        ("freeze 1", 0),
    ],
)
def test_time_stamps_jump_run_back_and_repeat(fault: str, step: int) -> None:
    stage = Stage(f"at 0.5 s: {fault}").run(1)
    ticks = list(dict.fromkeys(stage.wire.ticks))
    steps = {(b - a) & 0xFFFF_FFFF for a, b in pairwise(ticks)}
    assert steps == ({3_600} if step == 0 else {3_600, step})
    assert len(ticks) == (24 if step == 0 else 25)


def test_a_clock_drifts_by_so_many_parts_in_a_million() -> None:
    stage = Stage("at 0 s: drift 1000 ppm").run(2)
    assert stage.wire.ticks[-1] == round(49 * 3_600 * 1.001)


def test_sender_reports_begin_in_1970_when_told() -> None:
    stage = Stage("at 2 s: report 1970").run(8)
    seconds = [int.from_bytes(one[8:12], "big") - 2_208_988_800 for one in stage.wire.reports]
    assert seconds[0] == 1_777_636_800
    assert all(one < 3_600 for one in seconds[1:])
    assert len(seconds) == 3


def test_a_hang_loses_what_was_due_and_goes_on_at_a_key_frame() -> None:
    stage = Stage("at 0.5 s: hang 1.1 s").run(3)
    units = [one.unit for one in stage.sent]
    assert units[:13] == list(range(13))
    assert units[13] == 0
    assert len(units) == 13 + 25


def test_a_burst_loses_nothing() -> None:
    stage = Stage("at 0.5 s: burst 1 s").run(3)
    assert [one.unit for one in stage.sent] == [at % 50 for at in range(75)]


def test_a_trickle_is_a_byte_a_second() -> None:
    stage = Stage("at 0.5 s: trickle 5 s").run(5)
    assert [len(one) for one in stage.wire.others] == [1] * 5
    stage.run(4)
    assert len(stage.wire.others[-1]) > 20
    assert stage.sent[-1].unit > 0


def test_another_film_begins_with_its_key_frame() -> None:
    other = made_film(Made(width_px=96, height_px=64, fps=10, pictures=10, key_every=10))
    stage = Stage("at 1 s: film 1", films=(film(), other)).run(2)
    assert [(one.film, one.unit) for one in stage.sent[24:27]] == [(0, 24), (1, 0), (1, 1)]
    assert len(stage.sent) == 25 + 10


def test_pictures_slow_down_to_another_rate() -> None:
    assert len(Stage("at 1 s: fps 5").run(3).sent) in (35, 36)


def test_a_slow_reader_gets_key_frames_only_once_there_is_room() -> None:
    stage = Stage("at 0.5 s: pressure 0 kB; at 1.1 s: pressure 1 kB").run(3)
    assert [one.unit for one in stage.sent[12:15]] == [12, 0, 1]


def test_it_closes_and_forgets_when_told() -> None:
    with pytest.raises(Gone):
        Stage("at 1 s: close").run(2)
    assert len(Stage("at 1 s: expire").run(3).sent) == 25


def test_the_same_script_and_seed_send_the_same_bytes() -> None:
    script = "at 0.3 s: rubbish 40; at 0.5 s: drop 2; at 1 s: jump 5 s; every 0.4 s: repeat 1"
    one, other = Stage(script).run(2).wire, Stage(script).run(2).wire
    assert (one.packets, one.others) == (other.packets, other.others)


# What it says


def talk(camera: BadCamera, *methods: str) -> list[bytes]:
    """Answers to requests in a row; an empty one where it hung up."""
    said = []
    with closing(socket.create_connection(("127.0.0.1", camera.port), timeout=5)) as peer:
        for number, method in enumerate(methods, 1):
            way = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n" if method == "SETUP" else ""
            url = camera.address() + ("/track1" if method == "SETUP" else "")
            try:
                peer.sendall(f"{method} {url} RTSP/1.0\r\nCSeq: {number}\r\n{way}\r\n".encode())
                said.append(peer.recv(4_000_000))
            except OSError:
                said.append(b"")
    return said


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("at DESCRIBE: status 503", rb"RTSP/1.0 503"),
        ("at DESCRIBE: login", rb"401 Unauthorized\r\n.*\r\nWWW-Authenticate: Digest"),
        ("at DESCRIBE: redirect rtsp://192.0.2.1/", rb"302 Moved\r\n.*\r\nLocation: rtsp://192"),
        ("at DESCRIBE: cseq", rb"CSeq: 9\r\n"),
        ("at DESCRIBE: huge", rb"Content-Length: 999999999"),
        ("at DESCRIBE: close", rb"\Z"),
        ("at DESCRIBE: half", rb"RTSP/1.0 200 OK(?!.*sprop)"),
        ("at DESCRIBE: lie codec", rb"a=rtpmap:96 H265/90000"),
        ("at DESCRIBE: lie payload", rb"a=rtpmap:97 H264"),
        ("at DESCRIBE: lie no-video", rb"m=application"),
        ("at DESCRIBE: lie clock", rb"H264/1000\r\n"),
        ("at DESCRIBE: lie control", rb"a=control:rtsp://192.0.2.1"),
        ("at DESCRIBE: lie nothing", rb"200 OK\r\n(?!.*Content-Length)"),
        ("at DESCRIBE: lie huge", rb"Content-Length: 20\d{5}\r\n"),
        ("at DESCRIBE, 1 times: trickle 1 s", rb"R\Z"),
    ],
)
def test_answers_go_wrong_as_scripted(script: str, says: bytes) -> None:
    with BadCamera((film(),), script=script, setup=QUICK) as camera:
        _, said = talk(camera, "OPTIONS", "DESCRIBE")
    assert re.match(says, said, re.DOTALL) or re.search(says, said, re.DOTALL), said[:300]


def test_a_fault_that_happens_once_is_over() -> None:
    with BadCamera((film(),), script="at OPTIONS, 2 times: status 500", setup=QUICK) as camera:
        said = talk(camera, "OPTIONS", "OPTIONS", "OPTIONS")
    assert [b" 200 " in one for one in said] == [False, False, True]


def test_a_forgotten_session_is_told() -> None:
    script = "at 0 s: expire"
    with BadCamera((film(),), script=script, setup=QUICK) as camera:
        said = talk(camera, "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER")
    assert b"454" in said[-1]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_only_the_right_login_is_let_in(algorithm: str) -> None:
    setup = CameraSetup(pace=8.0, guard=Guard(login=LOGIN, algorithm=algorithm))
    with BadCamera((film(),), setup=setup) as camera:
        assert b"401" in talk(camera, "DESCRIBE")[0]
        url = camera.address()
        challenges = (setup.guard.challenge.partition(": ")[2],) if setup.guard else ()
        proof = authorization(challenges, LOGIN, url, method="DESCRIBE", count=1)
        asked = Asked(method="DESCRIBE", url=url, headers={"authorization": proof or ""})
        assert setup.guard is not None
        assert setup.guard.knows(asked)
        if algorithm == "SHA-256":
            return  # FFmpeg knows MD5 only
        address = url.replace("//", "//ada:s3cret-pw@")
        assert len(list(read(address, "tcp", 5))) == 5
        with pytest.raises(av.error.HTTPUnauthorizedError):
            list(read(address.replace("s3cret", "other"), "tcp", 5))


def test_a_proof_of_the_older_kind_is_known() -> None:
    guard = Guard(login=LOGIN)
    asked = Asked(method="DESCRIBE", url="rtsp://h/", headers={"authorization": "Basic YWRhOng="})
    assert not guard.knows(asked)


@pytest.mark.parametrize(
    "text",
    [
        "at DESCRIBE: drop 3",
        "at 3 s: lie codec",
        "at 3 s: hang",
        "every 0 s: close",
        "at TEARDOWN: close",
        "at 2 s: drop -4",
        "nonsense",
        "; ".join(["at 1 s: close"] * 1_001),
    ],
)
def test_a_script_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        camera_script(text)


@given(seed=st.integers(0, 2**32), seconds=st.floats(1, 200))
def test_drawn_scripts_can_be_read_and_come_again(seed: int, seconds: float) -> None:
    text = random_script(seed, seconds)
    assert random_script(seed, seconds) == text
    camera_script(text)


def test_the_command_serves_and_ends_by_itself() -> None:
    words = (sys.executable, "-m", "fairview.sim.bad_camera", "--seconds", "1", "--random", "4")
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
    first, last = map(json.loads, done.stdout.splitlines())
    assert first["port"] > 0
    assert last["requests"] == 0
