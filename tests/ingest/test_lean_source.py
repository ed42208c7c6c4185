"""The lean reader against servers that do what a test says, and the thread for many streams."""

from __future__ import annotations

import base64
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.core.camera import Login, Secret, Source
from fairview.core.errors import BadInput, FairviewError, NotAllowed, NotFound, Unavailable
from fairview.core.flow import StreamLost
from fairview.core.ids import CameraId
from fairview.core.media import GapBecause, Packet
from fairview.core.time import SystemClock
from fairview.ingest.address import AddressRules
from fairview.ingest.lean.forms import DecodeTimes
from fairview.ingest.lean.messages import channel_of, message_at, session_of
from fairview.ingest.lean.sdp import offer_of, resolved
from fairview.ingest.lean.source import LeanFirst, LeanSource
from fairview.ingest.lean.unsuited import Unsuited
from tests.ingest.rtp import START, numbered, wire
from tests.ingest.scripted import ScriptedSource

SPS = bytes.fromhex("6742c01ed902c4bfe5c04400000300040000030062 3c60c920".replace(" ", ""))
PPS = bytes.fromhex("68cb83cb20")
KEY, PICTURE = b"\x65\x88" + b"k" * 300, b"\x41\x9a" + b"p" * 200
SDP = (
    "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\na=control:*\r\n"
    "m=audio 0 RTP/AVP 0\r\na=control:sound\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={base64.b64encode(SPS).decode()},"
    f"{base64.b64encode(PPS).decode()}\r\na=control:track2\r\n"
)
Answers = Callable[[str, str, str], bytes]
"""Method, address and whole request to the bytes that go out."""


def ok(asked: str, *headers: str, body: str = "", status: str = "200 OK") -> bytes:
    number = re.search(r"CSeq: (\d+)", asked)
    lines = [f"RTSP/1.0 {status}", f"CSeq: {number[1] if number else 0}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def pictures(count: int) -> bytes:
    units = [(at * 3_600, [SPS, PPS, KEY] if at % 10 == 0 else [PICTURE]) for at in range(count)]
    return wire(list(numbered(units)))


def usual(method: str, _address: str, asked: str, sdp: str = SDP, pics: bytes = b"") -> bytes:
    if method == "OPTIONS":
        return ok(asked, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER")
    if method == "DESCRIBE":
        return ok(asked, "Content-Type: application/sdp", body=sdp)
    if method == "SETUP":
        return ok(asked, "Transport: RTP/AVP/TCP;interleaved=0-1", "Session: 7;timeout=60")
    if method == "PLAY":
        return ok(asked, "Session: 7") + pics
    return ok(asked)


class Served:
    """One server's address, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.address = f"rtsp://127.0.0.1:{port}/live"
        self.asked: list[str] = []
        self.frames: list[bytes] = []


@contextmanager
def served(answers: Answers, *, hangs_up: bool = True) -> Iterator[Served]:
    """Answers one connection after the other; after PLAY it hangs up, or stays."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        told = Served(server.getsockname()[1])
        peers: list[socket.socket] = []

        def talk() -> None:
            with suppress(OSError):
                while True:
                    peer, _ = server.accept()
                    peers.append(peer)
                    with suppress(OSError):
                        _talk(peer, answers, told, hangs_up=hangs_up)
                    if hangs_up:
                        peer.close()

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        try:
            yield told
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
            for peer in peers:
                with suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
                peer.close()
            thread.join(timeout=5)
            assert not thread.is_alive()


def _talk(peer: socket.socket, answers: Answers, told: Served, *, hangs_up: bool) -> None:
    data = b""
    while True:
        piece = peer.recv(4_096)
        if not piece:
            return
        data += piece
        while data:
            if data[:1] == b"$":
                size = 4 + int.from_bytes(data[2:4], "big") if len(data) >= 4 else len(data) + 1
                if len(data) < size:
                    break
                told.frames.append(data[:size])
                data = data[size:]
                continue
            if b"\r\n\r\n" not in data:
                break
            head, _, data = data.partition(b"\r\n\r\n")
            asked = head.decode()
            told.asked.append(asked)
            method, address = asked.split()[:2]
            peer.sendall(answers(method, address, asked))
            if method == "PLAY" and hangs_up:
                return


def lean(address: str, login: Login | None = None, clock: SystemClock | None = None) -> LeanSource:
    return LeanSource(
        camera=CameraId("a"),
        source=Source(stream="main", kind="rtsp", address=address),
        login=login,
        rules=AddressRules(allow_loopback=True),
        clock=clock or SystemClock(),
    )


def collected(source: LeanSource | LeanFirst) -> tuple[list[Packet], FairviewError | None]:
    got: list[Packet] = []
    try:
        for packet in source.packets():
            got.append(packet)
    except FairviewError as error:
        return got, error
    return got, None


class HastyClock(SystemClock):
    """Its monotonic time leaps at every look, so that no test waits for a time-out."""

    def __init__(self, leap_us: int = 1_000_000) -> None:
        self._us, self._leap_us = 0, leap_us

    def monotonic_us(self) -> int:
        self._us += self._leap_us
        return self._us


def test_pictures_come_out_whole_and_in_time_before_the_end_is_told() -> None:
    with served(lambda *asked: usual(asked[0], asked[1], asked[2], pics=pictures(30))) as server:
        got, error = collected(lean(server.address))
    assert [one.is_key for one in got] == [at % 10 == 0 for at in range(30)]
    assert got[0].data == b"".join(START + one for one in (SPS, PPS, KEY))
    assert {b.ticks - a.ticks for a, b in pairwise(got)} == {3_600}
    assert got[0].format.parameter_sets == START + SPS + START + PPS
    assert isinstance(error, StreamLost)
    assert error.because == GapBecause.CAMERA_AWAY


def test_a_lost_packet_is_told_on_the_next_picture_and_the_one_before_ends_in_time() -> None:
    units = [(at * 3_600, [KEY] if at % 10 == 0 else [PICTURE]) for at in range(30)]
    packets = [one for one in numbered(units) if one.ticks not in (15 * 3_600, 16 * 3_600)]
    with served(lambda *asked: usual(asked[0], asked[1], asked[2], pics=wire(packets))) as server:
        got, _ = collected(lean(server.address))
    assert [at for at, one in enumerate(got) if one.is_after_loss] == [15]
    assert {one.duration_ticks for one in got} == {3_600}
    assert got[15].ticks - got[14].ticks == 3 * 3_600


def test_only_the_video_is_set_up_and_by_the_address_the_server_named() -> None:
    def answers(method: str, address: str, asked: str) -> bytes:
        if method == "DESCRIBE":
            return ok(asked, "Content-Base: rtsp://10.9.9.9/other/", body=SDP)
        return usual(method, address, asked, pics=pictures(3))

    with served(answers) as server:
        collected(lean(server.address))
    asked = [one.split("\r\n")[0] for one in server.asked]
    assert asked[2:4] == [
        "SETUP rtsp://10.9.9.9/other/track2 RTSP/1.0",
        "PLAY rtsp://10.9.9.9/other/ RTSP/1.0",
    ]
    assert not any("sound" in one for one in server.asked)


def test_pictures_before_the_answer_to_play_are_kept() -> None:
    def answers(method: str, address: str, asked: str) -> bytes:
        if method == "PLAY":
            return pictures(12) + ok(asked)
        return usual(method, address, asked)

    with served(answers) as server:
        got, _ = collected(lean(server.address))
    assert len(got) == 12


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        ("302 Moved", NotAllowed, "elsewhere"),
        ("401 Unauthorized", NotAllowed, "asks for a login"),
        ("404 Not Found", NotFound, "no such path"),
        ("500 Oops", Unavailable, "error 500"),
    ],
)
def test_refusals_say_what_to_do(status: str, kind: type[FairviewError], says: str) -> None:
    def answers(method: str, address: str, asked: str) -> bytes:
        if method == "DESCRIBE":
            return ok(asked, "Location: rtsp://169.254.169.254/", status=status)
        return usual(method, address, asked)

    with served(answers) as server:
        _, error = collected(lean(server.address))
    assert isinstance(error, kind)
    assert says in str(error)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_every_request_carries_a_fresh_proof_after_the_challenge(algorithm: str) -> None:
    challenge = f'Digest realm="r", nonce="n", qop="auth", algorithm={algorithm}'

    def answers(method: str, address: str, asked: str) -> bytes:
        if method != "OPTIONS" and "Authorization" not in asked:
            return ok(asked, f"WWW-Authenticate: {challenge}", status="401 No")
        return usual(method, address, asked, pics=pictures(3))

    login = Login(name="ada", password=Secret("s3cret-pw"))
    with served(answers) as server:
        got, _ = collected(lean(server.address, login))
    assert len(got) == 3
    counts = [found[1] for one in server.asked if (found := re.search(r"nc=(\d+)", one))]
    assert counts == ["00000001", "00000002", "00000003"]
    assert not any("s3cret" in one for one in server.asked)


def test_a_wrong_login_is_tried_once() -> None:
    def answers(method: str, address: str, asked: str) -> bytes:
        return ok(asked, 'WWW-Authenticate: Basic realm="r"', status="401 No")

    login = Login(name="ada", password=Secret("s3cret-pw"))
    with served(answers) as server:
        _, error = collected(lean(server.address, login))
    assert isinstance(error, NotAllowed)
    assert "refuses the login" in str(error)
    assert sum("DESCRIBE" in one for one in server.asked) <= 2


def test_loopback_is_refused_unless_it_is_allowed() -> None:
    source = LeanSource(
        camera=CameraId("a"),
        source=Source(stream="main", kind="rtsp", address="rtsp://127.0.0.1:9/live"),
        login=None,
        rules=AddressRules(),
        clock=SystemClock(),
    )
    with pytest.raises(NotAllowed, match="this machine"):
        next(source.packets())


@pytest.mark.parametrize(
    "change",
    [
        lambda method, asked: method == "DESCRIBE" and ok(asked, body=SDP.replace("H264", "VP8")),
        lambda method, asked: (
            method == "DESCRIBE"
            and ok(asked, body=SDP.replace("packetization-mode=1", "packetization-mode=2"))
        ),
    ],
)
def test_what_it_does_not_know_is_left_to_ffmpeg(change: Callable[[str, str], object]) -> None:
    def answers(method: str, address: str, asked: str) -> bytes:
        changed = change(method, asked)
        return changed if isinstance(changed, bytes) else usual(method, address, asked)

    other = ScriptedSource((), None)
    made: list[ScriptedSource] = []

    def ffmpeg() -> ScriptedSource:
        made.append(other)
        return other

    with served(answers) as server:
        first = LeanFirst(lean(server.address), ffmpeg, "a/main")
        got, error = collected(first)
    first.close()
    assert (got, error, made, other.closed) == ([], None, [other], 1)


@pytest.mark.parametrize(
    "talk",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x00\x01\x02\x03",
        b"RTSP/1.0 200 OK\r\n" + b"X-More: yes\r\n" * 9_000,
        b"RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n",
        b"$\x00\xff\xff" + b"x" * 65_535 + (b"$\x00\xff\xff" + b"x" * 65_535) * 40,
    ],
)
def test_other_tongues_and_endless_talk_are_refused(talk: bytes) -> None:
    with served(lambda *_: talk) as server:
        got, error = collected(lean(server.address))
    assert got == []
    assert isinstance(error, BadInput | Unavailable)


def test_a_server_that_says_nothing_or_trickles_is_given_up() -> None:
    for talk in (b"", b"R"):
        with served(lambda *_, talk=talk: talk, hangs_up=False) as server:
            _, error = collected(lean(server.address, clock=HastyClock(9_900_000)))
        assert isinstance(error, Unavailable), talk
        assert "did not answer" in str(error)


def test_a_camera_that_trickles_without_a_picture_is_silent() -> None:
    def answers(method: str, address: str, asked: str) -> bytes:
        return usual(method, address, asked, pics=pictures(5) + b"$\x00\x20")

    with served(answers, hangs_up=False) as server:
        got, error = collected(lean(server.address, clock=HastyClock()))
    assert len(got) == 5
    assert isinstance(error, StreamLost)
    assert error.because == GapBecause.CAMERA_SILENT


def test_keep_alive_is_said_in_time_and_forgotten_sessions_end() -> None:
    def answers(method: str, address: str, asked: str) -> bytes:
        if method == "SETUP":
            return ok(asked, "Transport: RTP/AVP/TCP;interleaved=0-1", "Session: 7;timeout=4")
        if method == "GET_PARAMETER":
            return ok(asked, status="454 Session Not Found")
        return usual(method, address, asked, pics=pictures(5))

    with served(answers, hangs_up=False) as server:
        got, error = collected(lean(server.address, clock=HastyClock()))
        assert any(one.startswith("GET_PARAMETER") for one in server.asked)
    assert len(got) == 5
    assert isinstance(error, StreamLost)


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=300) | st.sampled_from([SDP, SDP[:120], SDP.replace("96", "x")]))
def test_any_description_is_an_offer_or_unsuited(text: str) -> None:
    try:
        offer = offer_of(text)
    except Unsuited:
        return
    assert offer.clock_hz > 0


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200), start=st.booleans())
def test_any_bytes_are_a_message_or_not_yet(data: bytes, start: bool) -> None:
    data = (b"RTSP/1.0 200 OK\r\n" if start else b"") + data
    found = message_at(data, 0, len(data))
    if found is not None:
        assert found[1] <= len(data)
    channel = session_of(data.decode("latin-1"))
    assert channel.timeout_us > 0
    with suppress(Unsuited):
        assert 0 <= channel_of(data.decode("latin-1")) <= 255


def test_controls_are_resolved_as_cameras_mean_them() -> None:
    base = "rtsp://10.0.0.5:554/live?x=1"
    assert resolved(base, "*") == base
    assert resolved(base, "track1") == base + "/track1"
    assert resolved("rtsp://10.0.0.5/live/", "track1") == "rtsp://10.0.0.5/live/track1"
    assert resolved(base, "rtsp://h/x") == "rtsp://h/x"
    assert resolved(base, "/top") == "rtsp://10.0.0.5:554/top"


@settings(max_examples=200, deadline=None)
@given(
    depth=st.none() | st.integers(0, 4),
    ticks=st.lists(st.integers(0, 1_000), min_size=1, max_size=60),
)
def test_decoding_times_never_run_ahead_by_more_than_was_shown(
    depth: int | None, ticks: list[int]
) -> None:
    times = DecodeTimes(depth)
    for at, one in enumerate(ticks):
        decode = times.push(one)
        assert decode is None or decode in ticks[: at + 1]


def test_pictures_in_order_are_decoded_when_they_are_shown() -> None:
    for depth in (None, 0):
        times = DecodeTimes(depth)
        got = [times.push(at * 10) for at in range(20)]
        assert got[4:] == [at * 10 for at in range(4, 20)]
