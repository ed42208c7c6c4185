"""HTTP cameras, played by a server of our own: what comes is stored bit for bit, or refused."""

from __future__ import annotations

import io
import re
import socket
import threading
import time
from functools import partial
from itertools import islice
from pathlib import Path

import av
import pytest

from fairview.core import limits
from fairview.core.camera import Login, Secret
from fairview.core.errors import BadInput, FairviewError, NotAllowed, NotFound, Unavailable
from fairview.core.flow import StreamLost
from fairview.core.media import GapBecause, Packet
from fairview.core.time import SystemClock
from fairview.ingest.address import AddressRules
from tests.ingest.http.serving import (
    HERE,
    camera,
    ended,
    jpeg_picture,
    multipart_head,
    source_of,
)
from tests.ingest.movies import write_film

PICTURES = [jpeg_picture(number) for number in range(6)]
LOGIN = Login(name="admin", password=Secret("hunter2!"))


def told(address: str, login: Login | None = None, rules: AddressRules = HERE) -> FairviewError:
    """The error an address ends with, before it has given anything."""
    source = source_of(address, login, rules)
    with pytest.raises(FairviewError) as raised:
        next(source.packets())
    return raised.value


def all_of(address: str, login: Login | None = None) -> list[Packet]:
    """Every packet until the camera ends the stream."""
    found: list[Packet] = []
    with pytest.raises(StreamLost, match="ended the stream"):
        found.extend(source_of(address, login).packets())
    return found


def play_parts(line: socket.socket, head: str, step_s: float = 0.004) -> None:
    line.sendall(multipart_head("frame"))
    for data in PICTURES:
        line.sendall(f"--frame\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data + b"\r\n")
        time.sleep(step_s)
    ended(line)


def answer(body: bytes, kind: str, status: str = "200 OK", extra: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    ).encode() + body


def test_motion_jpeg_is_stored_bit_for_bit_with_rising_times() -> None:
    with camera(play_parts) as served:
        found = all_of(served.address())
    assert [packet.data for packet in found] == PICTURES
    assert {(one.format.codec, one.format.width_px, one.is_key) for one in found} == {
        ("mjpeg", 64, True)
    }
    ticks = [packet.decode_ticks for packet in found]
    assert ticks == sorted(set(ticks))


def test_stamps_of_the_camera_are_the_times_when_they_run() -> None:
    def play(line: socket.socket, head: str) -> None:
        line.sendall(multipart_head("x"))
        for number, data in enumerate(PICTURES):
            line.sendall(f"--x\r\nX-Timestamp: 100.{number * 5:02}0000\r\n\r\n".encode() + data)
            time.sleep(0.01)
        ended(line)

    with camera(play) as served:
        found = all_of(served.address())
    ticks = [packet.ticks for packet in found]
    assert [later - ticks[0] for later in ticks] == [4_500 * number for number in range(6)]


@pytest.mark.parametrize(("stamp_s", "method"), [(1_700_000_000, "stamps"), (100, "arrival")])
def test_stamps_with_a_time_of_day_tell_how_the_cameras_clock_stands(
    stamp_s: int, method: str
) -> None:
    def play(line: socket.socket, head: str) -> None:
        line.sendall(multipart_head("x"))
        for number, data in enumerate(PICTURES):
            stamp = f"{stamp_s}.{number * 5:02}"
            line.sendall(f"--x\r\nX-Timestamp: {stamp}\r\n\r\n".encode() + data)
            time.sleep(0.05)
        ended(line)

    with camera(play) as served:
        source = source_of(served.address())
        with pytest.raises(StreamLost):
            for _ in source.packets():
                pass
    offset = source.clock_offset
    assert offset is not None
    assert offset.method == method
    if method == "stamps":
        ahead_us = stamp_s * 1_000_000 - SystemClock().now().us
        assert abs(offset.offset_us - ahead_us) < 10_000_000


@pytest.mark.parametrize("kind", ["basic", "digest"])
def test_login_is_given_when_asked_and_never_said(kind: str) -> None:
    challenge = {
        "basic": 'Basic realm="cam"',
        "digest": 'Digest realm="cam", nonce="abc", qop="auth", algorithm=SHA-256',
    }[kind]

    def play(line: socket.socket, head: str) -> None:
        if "Authorization:" not in head:
            line.sendall(
                answer(b"no", "text/plain", "401 No", f"WWW-Authenticate: {challenge}\r\n")
            )
            return
        play_parts(line, head)

    with camera(play) as served:
        found = all_of(served.address("/video?a=1"), LOGIN)
        assert len(found) == len(PICTURES)
        proof = next(text for text in served.heard[-1].splitlines() if "Authorization" in text)
        assert ("Basic YWRtaW46aHVudGVyMiE=" in proof) == (kind == "basic")
        assert ('uri="/video?a=1"' in proof) == (kind == "digest")
        assert "hunter2" not in served.heard[-1]


def test_a_wrong_login_is_told_without_repeating_it() -> None:
    def play(line: socket.socket, head: str) -> None:
        line.sendall(answer(b"", "text/plain", "401 No", 'WWW-Authenticate: Basic realm="x"\r\n'))

    with camera(play) as served:
        without = told(served.address())
        wrong = told(served.address(), LOGIN)
        assert len(served.heard) == 3
    assert isinstance(without, NotAllowed)
    assert "asks for a login" in str(without)
    assert "refuses the login" in str(wrong)
    assert "hunter2" not in repr(wrong.__context__) + str(wrong)


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        ("403 No", NotAllowed, "forbids this path"), ("404 No", NotFound, "no such path"),
        ("503 No", Unavailable, "error 503"),
    ],
)  # fmt: skip
def test_refusals_say_what_to_do(status: str, error: type[FairviewError], words: str) -> None:
    with camera(lambda line, head: line.sendall(answer(b"", "text/plain", status))) as served:
        found = told(served.address())
    assert isinstance(found, error)
    assert words in str(found)


def test_a_redirect_is_followed_to_a_checked_address_without_the_login() -> None:
    with camera(play_parts) as other:

        def play(line: socket.socket, head: str) -> None:
            there = other.address("/moved")
            line.sendall(answer(b"", "text/plain", "302 Found", f"Location: {there}\r\n"))

        with camera(play) as served:
            assert len(all_of(served.address(), LOGIN)) == len(PICTURES)
        assert "Authorization" not in other.heard[0]


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest", "file:///etc/passwd", "rtsp://10.0.0.5/x",
        "http://a:b@10.0.0.5/", "http://[::ffff:127.0.0.1]/", "//[fe80::1]/", "gopher://x", "",
    ],
)  # fmt: skip
def test_redirects_elsewhere_are_refused(target: str) -> None:
    def play(line: socket.socket, head: str) -> None:
        line.sendall(answer(b"", "text/plain", "301 Moved", f"Location: {target}\r\n"))

    with camera(play) as served:
        assert isinstance(told(served.address()), NotAllowed)
        assert len(served.heard) <= 4


def test_loopback_is_refused_unless_it_is_allowed() -> None:
    assert "this machine itself" in str(told("http://127.0.0.1:9/x", rules=AddressRules()))


def test_a_single_picture_is_fetched_again_at_the_stated_rate_over_one_line() -> None:
    lines: list[socket.socket] = []

    def play(line: socket.socket, head: str) -> None:
        lines.append(line)
        line.sendall(answer(PICTURES[len(lines) % 6], "image/jpeg"))

    with camera(play) as served:
        source = source_of(served.address("/snap.jpg#fps=10"))
        found = list(islice(source.packets(), 4))
        source.close()
        assert "fps" not in served.heard[0]
    assert len(set(map(id, lines))) == 1
    assert [one.data for one in found] == [PICTURES[number] for number in (1, 2, 3, 4)]
    steps = [later.at.since(found[0].at) for later in found]
    assert 250_000 <= steps[3] <= 2_000_000


def test_another_picture_size_is_another_format() -> None:
    pictures = [jpeg_picture(0), jpeg_picture(1), jpeg_picture(2, (96, 64)), jpeg_picture(3)]

    def play(line: socket.socket, head: str) -> None:
        line.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/x-motion-jpeg\r\n\r\n")
        for data in pictures:
            line.sendall(data)
            time.sleep(0.01)
        ended(line)

    with camera(play) as served:
        found = all_of(served.address())
    assert [one.format.width_px for one in found] == [64, 64, 96, 64]


def test_silence_and_trickling_are_told_as_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SOURCE_READ_US_MAX", 300_000)
    done = threading.Event()

    def play(line: socket.socket, head: str) -> None:
        line.sendall(multipart_head("frame") + b"--frame\r\n\r\n" + PICTURES[0][:100])
        while not done.wait(0.05):
            line.sendall(b"x")

    with camera(play) as served:
        with pytest.raises(StreamLost, match="sent nothing") as lost:
            next(source_of(served.address()).packets())
        done.set()
    assert lost.value.because is GapBecause.CAMERA_SILENT


def test_closing_ends_a_reading_at_once() -> None:
    done = threading.Event()

    def play(line: socket.socket, head: str) -> None:
        line.sendall(multipart_head("frame"))
        done.wait(5)

    with camera(play) as served:
        source = source_of(served.address())
        threading.Timer(0.1, source.close).start()
        began = time.monotonic()
        assert list(source.packets()) == []
        assert time.monotonic() - began < 2
        done.set()


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"<!DOCTYPE html><p>camera", "text/html", "is a web page"),
        (b"#EXTM3U\n#EXT-X-VERSION:3", "application/vnd.apple.mpegurl", "is a playlist"),
        (b"hello", "text/plain", "not a video we read"), (b"", "image/jpeg", "with nothing"),
    ],
)  # fmt: skip
def test_what_is_no_video_is_told(body: bytes, kind: str, words: str) -> None:
    with camera(lambda line, head: line.sendall(answer(body, kind))) as served:
        found = told(served.address())
    assert isinstance(found, BadInput)
    assert words in str(found)


def test_what_does_not_speak_http_is_told() -> None:
    with camera(lambda line, head: line.sendall(b"SSH-2.0-x\r\n\r\n")) as served:
        assert "not in HTTP" in str(told(served.address()))
    with camera(lambda line, head: line.sendall(b"x" * 40_000)) as served:
        assert "talks without end" in str(told(served.address()))


FORMATS = {
    "mpegts": {},
    "mp4": {"movflags": "frag_keyframe+empty_moov+default_base_moof"},
    "flv": {},
}


def film_as(tmp_path: Path, form: str) -> tuple[bytes, list[bytes]]:
    """A film in a container that streams, and the units of its pictures."""
    film = write_film(tmp_path / "film.mp4", pictures=50, b_frames=2)
    out = io.BytesIO()
    with av.open(str(film)) as inside, av.open(out, "w", format=form, options=FORMATS[form]) as to:
        stream = to.add_stream_from_template(inside.streams.video[0])
        for packet in inside.demux(inside.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                to.mux(packet)
    data = out.getvalue()
    with av.open(io.BytesIO(data), "r") as again:
        units = [bytes(packet) for packet in again.demux(again.streams.video[0]) if packet.size]
    return data, units


@pytest.mark.parametrize("form", list(FORMATS))
@pytest.mark.parametrize("is_chunked", [True, False])
def test_containers_over_http_are_read_unit_for_unit(
    tmp_path: Path, form: str, is_chunked: bool
) -> None:
    data, units = film_as(tmp_path, form)

    def play(line: socket.socket, head: str) -> None:
        coding = "Transfer-Encoding: chunked\r\n" if is_chunked else ""
        line.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: x/y\r\n{coding}\r\n".encode())
        for at in range(0, len(data), 4_000):
            piece = data[at : at + 4_000]
            line.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
        line.sendall(b"0\r\n\r\n" if is_chunked else b"")
        ended(line)

    with camera(play) as served:
        found = all_of(served.address())
    assert [packet.data for packet in found] == units
    assert found[0].format.codec == "h264"
    assert sum(packet.is_key for packet in found) == 2


def test_a_container_that_falls_silent_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SOURCE_READ_US_MAX", 400_000)
    data, units = film_as(tmp_path, "mpegts")
    done = threading.Event()

    def play(line: socket.socket, head: str) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + data)
        done.wait(5)

    found: list[Packet] = []
    with camera(play) as served:
        with pytest.raises(StreamLost, match="sent nothing") as lost:
            found.extend(source_of(served.address()).packets())
        done.set()
    assert lost.value.because is GapBecause.CAMERA_SILENT
    assert len(found) >= len(units) - 8


def _say(whole: bytes, line: socket.socket, head: str) -> None:
    line.sendall(whole)


def test_damaged_containers_end_in_an_error_of_ours(tmp_path: Path) -> None:
    for body in (b"FLV" + bytes(2_000), b"\0\0\0\x18ftypisom" + b"\xff" * 2_000):
        whole = answer(body, "x/y")
        with camera(partial(_say, whole)) as served:
            assert re.search("can't be read|no video|ended", str(told(served.address())))
