"""A bare RTSP-over-TCP replayer: packets are cut once and shared by all clients.

It exists so that the server costs next to nothing beside what is measured. It counts what it
could not deliver in time: a run with any is void. Loopback only; ends by itself.
"""

from __future__ import annotations

import argparse
import base64
import heapq
import json
import selectors
import signal
import socket
import struct
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from pathlib import Path

import av

_RTP_PAYLOAD_MAX = 1_400
_CLOCK_HZ = 90_000
_BACKLOG_BYTES_MAX = 4 * 1024 * 1024
_WIRES_KEPT = 256
_GOLDEN = 0.618_033_988_75
"""Its multiples, modulo one, are spread evenly however many there are."""

SPREAD_S = 2.0
"""The footage's key-frame interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessUnit:
    """ticks: 90 kHz from the loop's start; payloads: RTP payloads in order."""

    ticks: int
    is_key: bool
    payloads: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    units: tuple[AccessUnit, ...]
    ticks: int
    sps: bytes
    pps: bytes


def read_loop(place: Path) -> Loop:
    units, sps, pps = [], b"", b""
    with av.open(str(place)) as container:
        stream = container.streams.video[0]
        extradata = stream.codec_context.extradata
        assert extradata is not None
        sps, pps = _parameter_sets(extradata)
        assert stream.time_base is not None
        base = stream.time_base * _CLOCK_HZ
        for packet in container.demux(stream):
            if packet.size:
                assert packet.pts is not None
                nals = list(_length_prefixed(bytes(packet)))
                if packet.is_keyframe:
                    nals = [sps, pps, *nals]
                payloads = tuple(part for nal in nals for part in _payloads(nal))
                units.append(
                    AccessUnit(
                        ticks=int(packet.pts * base),
                        is_key=packet.is_keyframe,
                        payloads=payloads,
                    )
                )
    step = units[1].ticks - units[0].ticks
    return Loop(units=tuple(units), ticks=units[-1].ticks + step, sps=sps, pps=pps)


def _parameter_sets(avcc: bytes) -> tuple[bytes, bytes]:
    length = struct.unpack_from(">H", avcc, 6)[0]
    sps = avcc[8 : 8 + length]
    at = 8 + length + 1
    length = struct.unpack_from(">H", avcc, at)[0]
    return sps, avcc[at + 2 : at + 2 + length]


def _length_prefixed(data: bytes) -> list[bytes]:
    nals, at = [], 0
    while at < len(data):
        length = struct.unpack_from(">I", data, at)[0]
        nals.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return nals


def _payloads(nal: bytes) -> list[bytes]:
    """RFC 6184: single NAL units, or FU-A where one is too long for a packet."""
    if len(nal) <= _RTP_PAYLOAD_MAX:
        return [nal]
    indicator, kind = (nal[0] & 0xE0) | 28, nal[0] & 0x1F
    body, parts = nal[1:], []
    for at in range(0, len(body), _RTP_PAYLOAD_MAX - 2):
        piece = body[at : at + _RTP_PAYLOAD_MAX - 2]
        flags = (0x80 if at == 0 else 0) | (0x40 if at + len(piece) == len(body) else 0)
        parts.append(bytes([indicator, flags | kind]) + piece)
    return parts


@dataclass(slots=True, eq=False)
class Client:
    """One connection. units: access units handed to it since its PLAY."""

    peer: socket.socket
    path: str = ""
    asked: bytes = b""
    waiting: deque[memoryview] = field(default_factory=deque)
    waiting_bytes: int = 0
    phase_s: float = 0.0
    units: int = 0
    is_playing: bool = False
    is_gone: bool = False


@dataclass(slots=True, kw_only=True)
class Told:
    """What one path was sent, over all its connections. first_at_s: on the monotonic clock."""

    plays: int = 0
    units: int = 0
    first_at_s: float = 0.0


class Replayer:
    """Serves one loop to any number of clients, at its own pace.

    Cameras of a city are not in step: each client is served with a delay of its own, spread
    evenly over `spread_s`, so that neither pictures nor key frames of all come at one moment.
    """

    def __init__(self, loop: Loop, port: int, spread_s: float = SPREAD_S) -> None:
        self._loop = loop
        self._spread_s = spread_s
        self._selector = selectors.DefaultSelector()
        self._server = socket.create_server(("127.0.0.1", port), backlog=512)
        self._server.setblocking(False)
        self._selector.register(self._server, selectors.EVENT_READ)
        self._begin_s = time.monotonic()
        self._due: list[tuple[float, int, int, Client]] = []
        self._pushed = 0
        self._played = 0
        self._wires: dict[int, memoryview] = {}
        counts = [len(unit.payloads) for unit in loop.units]
        self._packets_before = [0, *accumulate(counts)]
        self.port = self._server.getsockname()[1]
        self.told: dict[str, Told] = {}
        self.lost = 0
        self.late_max_s = 0.0
        self.is_stopped = False

    def run(self, seconds: float) -> None:
        while (now := time.monotonic()) - self._begin_s < seconds and not self.is_stopped:
            while self._due and self._due[0][0] <= now:
                due_s, _, number, client = heapq.heappop(self._due)
                if not client.is_gone:
                    self.late_max_s = max(self.late_max_s, time.monotonic() - due_s)
                    self._send(client, number)
                    self._wait(client, number + 1)
            until_s = self._due[0][0] - time.monotonic() if self._due else 0.1
            for key, mask in self._selector.select(timeout=min(max(0.0, until_s), 0.1)):
                if key.fileobj is self._server:
                    self._accept()
                else:
                    self._serve(key.data, mask)

    def close(self) -> None:
        """Let everyone go."""
        for key in tuple(self._selector.get_map().values()):
            if isinstance(key.data, Client):
                self._drop(key.data)
        self._selector.close()
        self._server.close()

    def _ticks(self, number: int) -> int:
        rounds, index = divmod(number, len(self._loop.units))
        return rounds * self._loop.ticks + self._loop.units[index].ticks

    def _wait(self, client: Client, number: int) -> None:
        due_s = self._begin_s + self._ticks(number) / _CLOCK_HZ + client.phase_s
        self._pushed += 1
        heapq.heappush(self._due, (due_s, self._pushed, number, client))

    def _play(self, client: Client) -> None:
        """From the next key frame on, in its own phase."""
        client.is_playing = True
        client.phase_s = self._played * _GOLDEN % 1.0 * self._spread_s
        self._played += 1
        told = self.told.setdefault(client.path, Told())
        told.plays += 1
        now, number = time.monotonic(), 0
        while (
            self._begin_s + self._ticks(number) / _CLOCK_HZ + client.phase_s < now
            or not self._loop.units[number % len(self._loop.units)].is_key
        ):
            number += 1
        self._wait(client, number)

    def _accept(self) -> None:
        peer, _ = self._server.accept()
        peer.setblocking(False)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        client = Client(peer)
        self._selector.register(peer, selectors.EVENT_READ, client)

    def _serve(self, client: Client, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                self._flush(client)
            if mask & selectors.EVENT_READ:
                data = client.peer.recv(65_536)
                if not data:
                    raise ConnectionError
                client.asked += data
                self._answer(client)
        except OSError:
            self._drop(client)

    def _drop(self, client: Client) -> None:
        if not client.is_gone:
            client.is_gone = True
            self._selector.unregister(client.peer)
            client.peer.close()

    def _answer(self, client: Client) -> None:
        while True:
            while client.asked[:1] == b"$" and len(client.asked) >= 4:
                length = 4 + struct.unpack_from(">H", client.asked, 2)[0]
                if len(client.asked) < length:
                    return
                client.asked = client.asked[length:]
            head, mark, rest = client.asked.partition(b"\r\n\r\n")
            if not mark or client.asked[:1] == b"$":
                return
            client.asked = rest
            lines = head.decode().split("\r\n")
            method, address = lines[0].split()[:2]
            sequence = next(line for line in lines if line.lower().startswith("cseq"))
            extra, body = "", ""
            if method == "DESCRIBE":
                body = self._sdp()
                extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
            elif method == "SETUP":
                extra = (
                    "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1;timeout=60\r\n"
                )
            elif method == "PLAY":
                extra = "Session: 1\r\n"
            elif method == "OPTIONS":
                extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
            reply = f"RTSP/1.0 200 OK\r\n{sequence}\r\n{extra}\r\n{body}".encode()
            client.waiting.append(memoryview(reply))
            client.waiting_bytes += len(reply)
            self._flush(client)
            if method == "PLAY" and not client.is_playing:
                client.path = address.split("/", 3)[3].strip("/") if "://" in address else address
                self._play(client)

    def _sdp(self) -> str:
        sets = ",".join(base64.b64encode(one).decode() for one in (self._loop.sps, self._loop.pps))
        profile = self._loop.sps[1:4].hex()
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=replay\r\nt=0 0\r\na=control:*\r\n"
            "m=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\n"
            f"a=fmtp:96 packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sets}"
            "\r\na=control:track1\r\n"
        )

    def _wire(self, number: int) -> memoryview:
        """A unit's packets as they go out; kept for the clients that are served later."""
        if number not in self._wires:
            for old in [one for one in self._wires if one < number - _WIRES_KEPT]:
                del self._wires[old]
            rounds, index = divmod(number, len(self._loop.units))
            sequence = rounds * self._packets_before[-1] + self._packets_before[index]
            self._wires[number] = self._packed(index, sequence, self._ticks(number))
        return self._wires[number]

    def _packed(self, index: int, sequence: int, ticks: int) -> memoryview:
        payloads = self._loop.units[index].payloads
        parts = []
        for place, payload in enumerate(payloads):
            marker = 0x80 if place == len(payloads) - 1 else 0
            parts.append(
                struct.pack(
                    ">BBHBBHII",
                    0x24,
                    0,
                    12 + len(payload),
                    0x80,
                    marker | 96,
                    (sequence + place) & 0xFFFF,
                    ticks & 0xFFFFFFFF,
                    0x46565256,
                )
                + payload
            )
        return memoryview(b"".join(parts))

    def _send(self, client: Client, number: int) -> None:
        told = self.told[client.path]
        if client.units == 0:
            told.first_at_s = time.monotonic()
        client.units += 1
        told.units += 1
        if client.waiting_bytes > _BACKLOG_BYTES_MAX:
            self.lost += 1
            return
        data = self._wire(number)
        client.waiting.append(data)
        client.waiting_bytes += len(data)
        try:
            self._flush(client)
        except OSError:
            self._drop(client)

    def _flush(self, client: Client) -> None:
        while client.waiting:
            piece = client.waiting[0]
            try:
                sent = client.peer.send(piece)
            except BlockingIOError:
                break
            client.waiting_bytes -= sent
            if sent < len(piece):
                client.waiting[0] = piece[sent:]
                break
            client.waiting.popleft()
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.waiting else 0)
        self._selector.modify(client.peer, wanted, client)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("footage", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--spread", type=float, default=SPREAD_S, help="0: all in step")
    options = parser.parse_args()
    replayer = Replayer(read_loop(options.footage), options.port, options.spread)

    def stop(*_: object) -> None:
        replayer.is_stopped = True

    signal.signal(signal.SIGTERM, stop)
    print(json.dumps({"port": replayer.port}), flush=True)
    replayer.run(options.seconds)
    replayer.close()
    report = {
        "lost": replayer.lost,
        "late_max_s": replayer.late_max_s,
        "paths": {path: asdict(told) for path, told in replayer.told.items()},
    }
    print(json.dumps(report), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
