"""Pictures as datagrams: from the camera alone, in order, whole, and every loss told."""

from __future__ import annotations

import re
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest

from fairview.core.camera import Source, Transport
from fairview.core.errors import BadInput, FairviewError, NotAllowed, Unavailable
from fairview.core.ids import CameraId
from fairview.core.media import GapBecause, Packet
from fairview.core.time import SystemClock
from fairview.ingest.address import AddressRules
from fairview.ingest.lean.source import LeanSource
from fairview.ingest.lean.ways import agreed, drops_told, group_checked, unicast_pair
from tests.ingest.rtp import Rtp, numbered
from tests.ingest.test_lean_source import KEY, PICTURE, PPS, SPS, collected, ok, served, usual

GROUP = "239.77.1.2"


@dataclass(slots=True)
class Camera:
    """What a test's camera sends once it is asked to play, and what it was told."""

    send: Callable[[Camera, int], None]
    is_group: bool = False
    refuses_tcp: bool = True
    rtp: socket.socket = field(default_factory=lambda: bound())
    rtcp: socket.socket = field(default_factory=lambda: bound())
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, address: str, asked: str) -> bytes:
        self.asked.append(asked)
        if method == "SETUP" and "TCP" in asked and self.refuses_tcp:
            return ok(asked, status="461 Unsupported Transport")
        if method == "SETUP" and "multicast" in asked:
            if not self.is_group:
                return ok(asked, status="461 Unsupported Transport")
            self.port = free_pair()
            way = f"RTP/AVP;multicast;destination={GROUP};port={self.port}-{self.port + 1};ttl=1"
            return ok(asked, f"Transport: {way}", "Session: 7")
        found = re.search(r"client_port=(\d+)-(\d+)", asked)
        if method == "SETUP" and found:
            self.port = int(found[1])
            own = f"{self.rtp.getsockname()[1]}-{self.rtcp.getsockname()[1]}"
            way = f"RTP/AVP/UDP;unicast;client_port={found[1]}-{found[2]};server_port={own}"
            return ok(asked, f"Transport: {way}", "Session: 7")
        if method == "PLAY" and self.port:
            threading.Thread(target=self.send, args=(self, self.port), daemon=True).start()
        return usual(method, address, asked)

    def give(self, packets: Sequence[Rtp], port: int, to: str = "127.0.0.1") -> None:
        for one in packets:
            self.rtp.sendto(one.frame()[4:], (to, port))

    def end(self, port: int, to: str = "127.0.0.1") -> None:
        self.rtcp.sendto(struct.pack(">BBHI", 0x81, 203, 1, 7), (to, port + 1))


def bound(number: str = "127.0.0.1") -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(5)
    made.bind((number, 0))
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    return made


def free_pair() -> int:
    with bound() as one:
        return int(one.getsockname()[1]) & ~1 or 40_000


def stream(pictures: int, first: int = 65_500) -> list[Rtp]:
    """Key frames of three packets (with their sets), others of one; every tenth a key frame."""
    units = [
        (at * 3_600, [SPS, PPS, KEY] if at % 10 == 0 else [PICTURE + bytes([at])])
        for at in range(pictures)
    ]
    return list(numbered(units, first))


def units_of(got: Sequence[Packet]) -> list[int]:
    """Which pictures came: by time."""
    return [(one.ticks - got[0].ticks) // 3_600 for one in got]


@contextmanager
def played(
    camera: Camera, transport: Transport = "udp"
) -> Iterator[tuple[list[Packet], FairviewError | None]]:
    with camera.rtp, camera.rtcp, served(camera.answer, hangs_up=not camera.refuses_tcp) as server:
        source = LeanSource(
            camera=CameraId("a"),
            source=Source(stream="main", kind="rtsp", address=server.address, transport=transport),
            login=None,
            rules=AddressRules(allow_loopback=True),
            clock=SystemClock(),
        )
        yield collected(source)


def sends(packets: Sequence[Rtp]) -> Callable[[Camera, int], None]:
    def send(camera: Camera, port: int) -> None:
        to = GROUP if camera.is_group else "127.0.0.1"
        camera.give(packets, port, to)
        camera.end(port, to)

    return send


def test_a_camera_that_refuses_tcp_is_read_over_udp_and_its_goodbye_ends_the_run() -> None:
    with played(Camera(sends(stream(30))), "auto") as (got, error):
        assert units_of(got) == list(range(30))
        assert not any(one.is_after_loss for one in got)
        assert getattr(error, "because", None) is GapBecause.CAMERA_AWAY


def test_auto_takes_tcp_where_there_is_tcp() -> None:
    camera = Camera(sends(stream(3)), refuses_tcp=False)
    with played(camera, "auto"):
        setups = [one for one in camera.asked if one.startswith("SETUP")]
    assert len(setups) == 1
    assert "RTP/AVP/TCP" in setups[0]


def test_mixed_up_and_doubled_datagrams_come_out_as_if_nothing_had_been() -> None:
    packets = stream(40)
    mixed = [
        packets[at ^ 1] if at ^ 1 < len(packets) else packets[at] for at in range(len(packets))
    ]
    doubled = [packets[0], *(one for pair in mixed[2:] for one in (pair, pair))]
    with played(Camera(sends([*packets[:2], *doubled[1:]]))) as (got, _):
        assert units_of(got) == list(range(40))
        assert not any(one.is_after_loss for one in got)


def test_a_picture_with_a_part_missing_is_dropped_and_the_next_one_says_so() -> None:
    packets = stream(40)
    lost = next(at for at, one in enumerate(packets) if one.ticks == 20 * 3_600) + 1
    with played(Camera(sends([one for at, one in enumerate(packets) if at != lost]))) as (got, _):
        assert units_of(got) == [at for at in range(40) if at != 20]
        assert [at for at, one in enumerate(got) if one.is_after_loss] == [20]


def test_a_sequence_that_begins_anew_goes_on_behind_a_told_loss() -> None:
    before, after = stream(20), stream(40, first=9_000)[24:]
    assert after[0].ticks == 20 * 3_600
    with played(Camera(sends([*before, *after]))) as (got, _):
        assert units_of(got)[:19] == list(range(19))
        assert units_of(got)[-19:] == list(range(21, 40))
        assert sum(one.is_after_loss for one in got) == 1


def test_what_others_send_to_our_port_is_left_alone() -> None:
    packets = stream(30)
    forged = [Rtp(number=one.number, ticks=one.ticks, payload=b"\x41evil") for one in packets]

    def send(camera: Camera, port: int) -> None:
        with bound("127.0.0.2") as stranger, bound() as neighbour:
            camera.give(packets[:5], port)
            for one in forged:
                stranger.sendto(one.frame()[4:], ("127.0.0.1", port))
                stranger.sendto(struct.pack(">BBHI", 0x81, 203, 1, 7), ("127.0.0.1", port + 1))
                neighbour.sendto(one.frame()[4:], ("127.0.0.1", port))
                camera.rtp.sendto(b"\x00rubbish that is no RTP", ("127.0.0.1", port))
            camera.give(packets[5:], port)
            camera.end(port)

    with played(Camera(send)) as (got, _):
        assert units_of(got) == list(range(30))
        assert not any(b"evil" in one.data for one in got)


def test_the_camera_is_told_what_came_and_that_we_leave() -> None:
    told: list[bytes] = []

    def send(camera: Camera, port: int) -> None:
        camera.give(stream(10), port)
        told.append(camera.rtcp.recv(2_000))
        report = struct.pack(">BBHIIIIII", 0x80, 200, 6, 7, 3_000_000_000, 0, 0, 1, 2)
        camera.rtcp.sendto(report, ("127.0.0.1", port + 1))
        camera.end(port)
        told.append(camera.rtcp.recv(2_000))

    with played(Camera(send)) as (got, _):
        assert len(got) == 10
    assert told[0][1] == 201
    assert told[1][9] == 203


def test_streams_read_at_the_same_time_never_mix() -> None:
    """Each camera's pictures hold its own number, and every one comes."""

    def sends_own(mark: int) -> Callable[[Camera, int], None]:
        def send(camera: Camera, port: int) -> None:
            for one in stream(60):
                payload = one.payload + bytes((mark,)) * 900
                camera.give([replace(one, payload=payload)], port)
            camera.end(port)

        return send

    got: dict[int, list[Packet]] = {}

    def read(mark: int) -> None:
        with played(Camera(sends_own(mark))) as (packets, _):
            got[mark] = packets

    threads = [threading.Thread(target=read, args=(mark,)) for mark in range(0xF0, 0xF6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    for mark, packets in got.items():
        assert units_of(packets) == list(range(60))
        assert {one.data[-1] for one in packets} == {mark}
    assert len(got) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts them")
def test_what_the_kernel_drops_is_counted() -> None:
    pair = unicast_pair("127.0.0.1", "127.0.0.1")
    pair.rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    with pair.rtp, pair.rtcp, bound() as camera:
        to = ("127.0.0.1", int(pair.own_ports.split("-")[0]))
        for _ in range(200):
            camera.sendto(bytes(1_000), to)
        with suppress(BlockingIOError):
            while True:
                pair.rtp.recvmsg(2_000, socket.CMSG_SPACE(4))
        camera.sendto(bytes(1_000), to)
        told = drops_told(pair.rtp.recvmsg(2_000, socket.CMSG_SPACE(4))[1])
    assert told is not None
    assert 100 < told < 200


def test_a_group_is_joined_and_read_as_any_other() -> None:
    with played(Camera(sends(stream(30)), is_group=True), "multicast") as (got, _):
        assert units_of(got) == list(range(30))


def test_transports_are_honoured_and_a_refusal_says_what_to_do() -> None:
    with played(Camera(sends(())), "tcp") as (got, error):
        assert got == []
        assert isinstance(error, Unavailable)
        assert "does not send over tcp" in str(error)
    with played(Camera(sends(())), "multicast") as (_, error):
        assert "does not send over multicast" in str(error)


@pytest.mark.parametrize("number", ["224.0.0.1", "224.0.1.1", "ff02::1", "ff01::5"])
def test_groups_that_networks_are_run_with_are_not_joined(number: str) -> None:
    with pytest.raises(NotAllowed, match="networks are run with"):
        group_checked(number)


@pytest.mark.parametrize("number", ["10.0.0.1", "camera.example", "", "169.254.169.254"])
def test_what_is_no_group_is_refused(number: str) -> None:
    with pytest.raises(BadInput, match="multicast group"):
        group_checked(number)


def test_a_transport_header_is_read_with_whatever_is_left_out() -> None:
    found = agreed("RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971;ssrc=1234")
    assert (found.is_tcp, found.port, found.report_port, found.group) == (False, 6970, 6971, "")
    assert agreed("RTP/AVP;unicast;server_port=6970").report_port == 6971
    assert agreed("RTP/AVP;unicast;server_port=99999-1").port == 0
    assert agreed(None).port == 0
    found = agreed("RTP/AVP;multicast;destination=239.1.2.3;port=5000-5001")
    assert (found.group, found.port) == ("239.1.2.3", 5_000)
