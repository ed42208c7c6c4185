"""Whatever a server says, the lean reader ends with one of our errors, soon, and in bounds."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairview.core import limits
from fairview.core.camera import Source
from fairview.core.errors import FairviewError
from fairview.core.ids import CameraId
from fairview.core.media import Packet
from fairview.core.time import Instant
from fairview.ingest.address import AddressRules
from fairview.ingest.lean.source import LeanSource
from tests.ingest.test_lean_source import SDP, HastyClock, pictures, usual

PIECES = st.lists(st.integers(1, 3_000), min_size=2, max_size=12)
LOOKS_MAX = 400
"""Looks that a dialogue may take: a server that says no more ends after fewer."""


class Told:
    """A connection without a network: what the server says comes in pieces, then silence or end."""

    def __init__(self, answers: Sequence[bytes], pieces: Sequence[int], *, ends: bool) -> None:
        self._answers = list(answers)
        self._pieces, self._ends, self._at = pieces, ends, 0
        self._data = bytearray()
        self._taken = 0
        self.reads = 0

    def sendall(self, data: bytes) -> None:
        if self._answers:
            self._data += self._answers.pop(0)

    def send(self, data: bytes) -> int:
        return len(data)

    def recv(self, size: int) -> bytes:
        self.reads += 1
        assert self.reads < LOOKS_MAX + 40_000, "reads without end"
        if self._taken == len(self._data):
            if self._ends:
                return b""
            raise TimeoutError
        piece = self._pieces[self._at % len(self._pieces)]
        self._at += 1
        taken = bytes(self._data[self._taken : self._taken + min(size, piece)])
        self._taken += len(taken)
        return taken

    def recv_into(self, room: memoryview) -> int:
        taken = self.recv(len(room))
        room[: len(taken)] = taken
        return len(taken)

    def settimeout(self, seconds: float | None) -> None: ...
    def setblocking(self, is_blocking: bool) -> None: ...
    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 1

    def fileno(self) -> int:
        return -1

    def close(self) -> None: ...


class Clock(HastyClock):
    """Time moves at every look at it, by a twentieth of a second or less; nobody sleeps."""

    def __init__(self, leap_us: int = 50_000) -> None:
        super().__init__(leap_us)

    def now(self) -> Instant:
        return Instant(1_780_000_000_000_000 + self._us)

    def wait(self, event: object, us: int) -> bool:
        self._us += max(us, 0)
        return False


def dialogue(
    line: Told, monkeypatch: pytest.MonkeyPatch, clock: Clock | None = None
) -> tuple[list[Packet], FairviewError]:
    """All that a source gives over this connection. Anything but our errors fails the test."""
    monkeypatch.setattr("socket.create_connection", lambda *_args, **_more: line)
    source = LeanSource(
        camera=CameraId("a"),
        source=Source(stream="main", kind="rtsp", address="rtsp://127.0.0.1/live", transport="tcp"),
        login=None,
        rules=AddressRules(allow_loopback=True),
        clock=clock or Clock(),
    )
    packets: list[Packet] = []
    try:
        for packet in source.packets():
            packets.append(packet)
            assert len(packets) < LOOKS_MAX
    except FairviewError as error:
        return packets, error
    raise AssertionError("a live stream ends with its cause")


def said(sdp: str = SDP, pics: bytes | None = None) -> list[bytes]:
    """What a good camera says to OPTIONS, DESCRIBE, SETUP and PLAY."""
    shown = _pictures() if pics is None else pics
    return [
        usual(method, "", f"{method} x RTSP/1.0\r\nCSeq: {at + 1}\r\n", sdp, shown)
        for at, method in enumerate(("OPTIONS", "DESCRIBE", "SETUP", "PLAY"))
    ]


@cache
def _pictures() -> bytes:
    return pictures(30)


@st.composite
def mutated(draw: st.DrawFn) -> list[bytes]:
    """A good dialogue with some of its bytes changed, cut, doubled or moved."""
    answers = said()
    for _ in range(draw(st.integers(1, 4))):
        which = draw(st.integers(0, 3))
        data = answers[which]
        at = draw(st.integers(0, max(0, len(data) - 1)))
        after = min(len(data), at + draw(st.integers(0, 60)))
        kind = draw(st.sampled_from(["cut", "double", "put", "flip", "end"]))
        if kind == "cut":
            data = data[:at] + data[after:]
        elif kind == "double":
            data = data[:after] + data[at:]
        elif kind == "put":
            data = data[:at] + draw(st.binary(max_size=40)) + data[after:]
        elif kind == "flip" and data:
            data = data[:at] + bytes([data[at] ^ draw(st.integers(1, 255))]) + data[at + 1 :]
        elif kind == "end":
            data = data[:at]
        answers[which] = data
    return answers


HOSTILE = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@HOSTILE
@given(answers=mutated(), pieces=PIECES, ends=st.booleans())
def test_a_dialogue_changed_anywhere_ends_with_one_of_our_errors(
    monkeypatch: pytest.MonkeyPatch, answers: list[bytes], pieces: list[int], ends: bool
) -> None:
    dialogue(Told(answers, pieces, ends=ends), monkeypatch)


@HOSTILE
@given(answers=st.lists(st.binary(max_size=400), max_size=5), pieces=PIECES, ends=st.booleans())
def test_any_bytes_at_all_end_with_one_of_our_errors(
    monkeypatch: pytest.MonkeyPatch, answers: list[bytes], pieces: list[int], ends: bool
) -> None:
    dialogue(Told(answers, pieces, ends=ends), monkeypatch)


@HOSTILE
@given(pieces=PIECES)
def test_frames_split_anywhere_are_the_same_pictures(
    monkeypatch: pytest.MonkeyPatch, pieces: list[int]
) -> None:
    whole, _ = dialogue(Told(said(), [1 << 20], ends=True), monkeypatch)
    split, _ = dialogue(Told(said(), pieces, ends=True), monkeypatch, Clock(20))
    assert [one.data for one in split] == [one.data for one in whole]
    assert len(whole) == 30


@pytest.mark.parametrize(
    "sdp",
    [
        SDP.replace("a=rtpmap:96", "a=rtpmap:97"),
        SDP.replace("H264", "H265"),
        SDP.replace("sprop-parameter-sets=", "sprop-parameter-sets=AAAA,"),
        SDP.replace("track2", "rtsp://192.0.2.1/elsewhere"),
        SDP.replace("90000", "0"),
        SDP.replace("m=video 0 RTP/AVP 96", "m=video 0 RTP/AVP 96 97 98"),
    ],
)
def test_descriptions_that_lie_cost_pictures_at_most(
    monkeypatch: pytest.MonkeyPatch, sdp: str
) -> None:
    packets, error = dialogue(Told(said(sdp), [1_400], ends=True), monkeypatch)
    assert len(packets) <= 30
    assert isinstance(error, FairviewError)


@pytest.mark.parametrize("stated", ["99999999", "999999999999", "-1", "x", "0x10", "1e9"])
def test_lengths_that_lie_are_given_up(monkeypatch: pytest.MonkeyPatch, stated: str) -> None:
    answers = said()
    answers[1] = answers[1].replace(
        f"Content-Length: {len(SDP)}".encode(), f"Content-Length: {stated}".encode()
    )
    dialogue(Told(answers, [1_400], ends=False), monkeypatch)


def floods() -> dict[str, bytes]:
    """Servers that never stop, by what they send."""
    size = limits.LEAN_UNIT_BYTES_MAX * 5 // 4
    middle = b"\x80\x60\x00\x00" + bytes(8) + b"\x7c\x01" + bytes(1_386)
    frame = b"$\x00" + len(middle).to_bytes(2, "big") + middle
    parts = bytearray()
    for number in range(size // len(frame)):
        one = bytearray(frame)
        one[6:8] = (number & 0xFFFF).to_bytes(2, "big")
        one[17] = 0x81 if number == 0 else 0x01
        parts += one
    return {
        "one unit without end": bytes(parts),
        "no frame at all": bytes(4 * limits.LEAN_ASTRAY_BYTES_MAX),
        "a message without end": b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 40_000,
        "reports": (b"$\x01\x00\x1c\x80\xc8\x00\x06" + bytes(24)) * 20_000,
        "messages": b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n" * 10_000,
    }


@pytest.mark.parametrize("what", sorted(floods()))
def test_floods_end_or_pass_within_bounded_memory(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    flood = floods()[what]
    answers = said(pics=b"")
    answers[3] += flood
    line = Told(answers, [64_000], ends=True)
    tracemalloc.start()
    try:
        begin, _ = tracemalloc.get_traced_memory()
        dialogue(line, monkeypatch)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most - begin < len(flood) + 3 * limits.LEAN_UNIT_BYTES_MAX
