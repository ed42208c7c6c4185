"""Looks at a stream that comes as datagrams, to us alone or to a group.

What comes is put in order (`Reorder`) and handed to the depacketiser as if it had come within the
connection, so that pictures are taken apart and together by the same code. A picture that misses a
part is dropped, and the next whole one says that something is missing before it, which becomes a
gap. What follows up to the next key frame is kept: it is what the camera sent, bit for bit, most of
it can be seen, and a lost datagram shall not cost seconds of footage; the gap before it says why
it may look smeared.

Source:  RFC 3550 6 (RTCP), RFC 5761 (reports among the pictures).
HOLE:    a camera that closes its RTSP connection after PLAY and sends on is not told that we are
still there; when it gives up, a gap of some seconds follows.
"""

from __future__ import annotations

import secrets
import select
import socket
from collections import deque
from typing import Final

from fairview.core import limits
from fairview.core.errors import BadInput
from fairview.core.limits_sources import (
    DATAGRAM_READ_EVERY_US,
    DATAGRAMS_IN_LOOK_MAX,
    HUNG_UP_US_MAX,
    RECEIVER_REPORT_US,
)
from fairview.core.media import GapBecause
from fairview.core.time import Clock
from fairview.ingest.lean.client import Client, Playing
from fairview.ingest.lean.line import Line
from fairview.ingest.lean.messages import MESSAGE_LOOKED_AT, begins_message, message_at
from fairview.ingest.lean.reader import Reader
from fairview.ingest.lean.reorder import RTP_BYTES_MIN, Reorder
from fairview.ingest.lean.rtcp import (
    DESCRIPTION,
    GOODBYE,
    RECEIVER_REPORT,
    SENDER_REPORT,
    Received,
    blocks,
    goodbye,
    receiver_report,
)
from fairview.ingest.lean.ways import Pair, drops_told
from fairview.ingest.live_run import Unit

_BYTES_MAX = 65_536
_ANCILLARY_BYTES = socket.CMSG_SPACE(4)
_NAME = b"fairview"
_REPORTS = range(SENDER_REPORT, 208)
_WAIT_MS = limits.LEAN_READ_EVERY_US // 1_000
_rooms: Final[deque[bytearray]] = deque(maxlen=limits.LEAN_ROOMS_MAX)
"""Where a datagram lies for a moment; one for each look under way."""


class DatagramReader(Reader):
    """The looks at one stream over UDP. As Reader; used by one thread at a time.

    Only datagrams from the camera's own number are taken, and of those from the port that it
    announced, or that its first picture came from.

    Bounds:  those of Reorder; limits_sources.DATAGRAMS_IN_LOOK_MAX in one look.
    """

    def __init__(self, client: Client, playing: Playing, name: str, clock: Clock) -> None:
        super().__init__(client, playing, name, clock)
        assert playing.pair is not None, "datagrams come to a pair of sockets"
        self._pair: Pair = playing.pair
        self._order = Reorder()
        self._told, self._early = self._early or bytearray(), None
        self._is_hung_up = self._is_full = False
        self._heard_port = 0
        self._own = secrets.randbits(32)
        self._reported_us = self._started_us - RECEIVER_REPORT_US
        self._lost_before = self._packets_before = 0
        self._sender_middle = self._sender_us = 0
        self._kernel_drops = 0
        self._poll = select.poll()
        for sock in (self._pair.rtp, self._pair.rtcp, client.sock):
            if sock is not None:
                self._poll.register(sock, select.POLLIN)
        self._pair.open_way()

    @property
    def order(self) -> Reorder:
        return self._order

    @property
    def kernel_drops(self) -> int:
        """Datagrams that did not fit in the socket's buffer, where Linux tells."""
        return self._kernel_drops

    def look(self) -> list[Unit]:
        """As Reader says."""
        units = super().look()
        now_us = self._clock.monotonic_us()
        if now_us - self._reported_us >= RECEIVER_REPORT_US:
            self._reported_us = now_us
            self._pair.tell(receiver_report(self._own, _NAME, self._received(now_us)))
        if self._is_hung_up and now_us - self._newest_us >= HUNG_UP_US_MAX:
            self._end(f"{self._name} closed its connection", GapBecause.CAMERA_AWAY)
        if self.fault is not None and not self._pair.group:
            self._pair.tell(goodbye(self._own))
        if self.is_eager and not self._is_full:
            self.wait_us = DATAGRAM_READ_EVERY_US
        return units

    def _settle(self) -> None:
        """Calm looks need a buffer that bears a key frame."""
        if self._pair.is_roomy:
            self.is_eager = False

    def _read(self) -> bool:
        found = {number for number, _ in self._poll.poll(_WAIT_MS if self.is_eager else 0)}
        now_us = self._clock.monotonic_us()
        reports: list[bytes] = []
        self._is_full = False
        if self._pair.rtp.fileno() in found:
            self._is_full = self._take(self._pair.rtp, reports, now_us)
        if self._pair.rtcp.fileno() in found:
            self._take(self._pair.rtcp, reports, now_us)
        sock = self._client.sock
        if sock is not None and sock.fileno() in found:
            self._hear_more(sock)
        if self._told:
            self._listen()
        self._order.due(now_us)
        for one in reports:
            self._note(one, now_us)
        self._feed(reports)
        return self._is_full

    def _feed(self, reports: list[bytes]) -> None:
        ready = self._order.ready
        framed = bytearray()
        for one in ready:
            framed += b"\x24\x00" + len(one).to_bytes(2, "big")
            framed += one
        ready.clear()
        for one in reports:
            framed += b"\x24\x01" + len(one).to_bytes(2, "big")
            framed += one
        if framed:
            self._parts.feed(framed, len(framed))

    def _take(self, sock: socket.socket, reports: list[bytes], now_us: int) -> bool:
        """Everything a socket holds; whether it may hold more."""
        try:
            room = _rooms.pop()
        except IndexError:
            room = bytearray(_BYTES_MAX)
        is_full = self._emptied(sock, room, reports, now_us)
        _rooms.append(room)
        return is_full

    def _emptied(
        self, sock: socket.socket, room: bytearray, reports: list[bytes], now_us: int
    ) -> bool:
        push, pair = self._order.push, self._pair
        is_rtp = sock is pair.rtp
        for _ in range(DATAGRAMS_IN_LOOK_MAX):
            try:
                size, ancillary, _, place = sock.recvmsg_into([room], _ANCILLARY_BYTES)
            except OSError:  # nothing left, or an unreachable port told by our own report
                return False
            if ancillary:
                self._see_drops(ancillary)
            if place[0] != pair.peer or size < 8 or room[0] >> 6 != 2:
                continue
            if room[1] in _REPORTS:
                reports.append(bytes(room[:size]))
                if not pair.report_port and not is_rtp:
                    pair.report_port = place[1]
            elif is_rtp and size >= RTP_BYTES_MIN and self._is_from(place[1]):
                push(bytes(room[:size]), now_us)
        return True

    def _is_from(self, port: int) -> bool:
        """Whether pictures from this port of the camera's are taken."""
        if port == self._heard_port:
            return True
        if self._heard_port and port != self._pair.port:
            return False
        # The one announced, or until it is heard of the first one that sends.
        self._heard_port = port
        return True

    def _see_drops(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        drops = drops_told(ancillary)
        if drops is not None and drops != self._kernel_drops:
            self._log.warning(
                "datagrams did not fit in the socket's buffer",
                source=self._name,
                datagrams=(drops - self._kernel_drops) & 0xFFFFFFFF,
                do="raise net.core.rmem_max to 4194304, or take TCP",
            )
            self._kernel_drops = drops

    def _hear_more(self, sock: Line) -> None:
        """What the server says in its connection; it may close it and send on."""
        try:
            piece = sock.recv(limits.SDP_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        self._told += piece
        if not piece:
            self._is_hung_up = True
            self._alive_us = 1 << 62
            self._poll.unregister(sock)

    def _listen(self) -> None:
        """The whole messages of what it said."""
        while self._told:
            if begins_message(bytes(self._told[:MESSAGE_LOOKED_AT])) is False:
                raise BadInput("the camera says what is no RTSP in its connection")
            found = message_at(self._told, 0, len(self._told))
            if found is None:
                break
            message, after = found
            self._parts.messages.append(message)
            del self._parts.messages[: -limits.LEAN_SETS_MAX]
            del self._told[:after]

    def _note(self, report: bytes, now_us: int) -> None:
        """What our own reports repeat; behind a goodbye nothing is waited for."""
        for kind, body in blocks(report):
            if kind == SENDER_REPORT and len(body) >= 16:
                self._sender_middle = int.from_bytes(body[6:10], "big")
                self._sender_us = now_us
            elif kind == GOODBYE:
                self._order.flush()
            elif kind not in (RECEIVER_REPORT, DESCRIPTION):
                return

    def _received(self, now_us: int) -> Received | None:
        order, counts = self._order, self._order.counts
        if order.source is None:
            return None
        lost = counts.lost - self._lost_before
        expected = lost + counts.packets - self._packets_before
        self._lost_before, self._packets_before = counts.lost, counts.packets
        since_us = now_us - self._sender_us if self._sender_us else 0
        return Received(
            about=order.source,
            fraction_lost=min(255, max(0, 256 * lost // expected)) if expected else 0,
            lost=counts.lost,
            highest=order.highest,
            last_report=self._sender_middle,
            since_report=(since_us << 16) // 1_000_000 & 0xFFFFFFFF,
        )
