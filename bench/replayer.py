"""A bare RTSP-over-TCP replayer: packets are cut once and shared by all clients.

It exists so that the server costs next to nothing beside what is measured. It counts what it
could not deliver in time: a run with any is void. Loopback only; ends by itself.
"""

from __future__ import annotations

import argparse
import base64
import json
import selectors
import socket
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import av

_RTP_PAYLOAD_MAX = 1_400
_CLOCK_HZ = 90_000
_BACKLOG_BYTES_MAX = 4 * 1024 * 1024


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
    peer: socket.socket
    asked: bytes = b""
    waiting: deque[memoryview] = field(default_factory=deque)
    waiting_bytes: int = 0
    is_playing: bool = False
    units: int = 0


class Replayer:
    """Serves one loop to any number of clients, at its own pace."""

    def __init__(self, loop: Loop, port: int) -> None:
        self._loop = loop
        self._selector = selectors.DefaultSelector()
        self._server = socket.create_server(("127.0.0.1", port), backlog=512)
        self._server.setblocking(False)
        self._selector.register(self._server, selectors.EVENT_READ)
        self._clients: set[Client] = set()
        self._sequence = 0
        self.port = self._server.getsockname()[1]
        self.lost = 0
        self.sent_bytes = 0

    def run(self, seconds: float) -> None:
        begin = time.monotonic()
        number = 0
        while (now := time.monotonic()) - begin < seconds:
            rounds, index = divmod(number, len(self._loop.units))
            ticks = rounds * self._loop.ticks + self._loop.units[index].ticks
            due = begin + ticks / _CLOCK_HZ
            if now >= due:
                self._send(self._loop.units[index], ticks)
                number += 1
                continue
            for key, mask in self._selector.select(timeout=max(0.0, due - now)):
                if key.fileobj is self._server:
                    self._accept()
                else:
                    self._serve(key.data, mask)

    def _accept(self) -> None:
        peer, _ = self._server.accept()
        peer.setblocking(False)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        client = Client(peer)
        self._clients.add(client)
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
        if client in self._clients:
            self._clients.discard(client)
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
            method = lines[0].split()[0]
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
            client.is_playing = client.is_playing or method == "PLAY"

    def _sdp(self) -> str:
        sets = ",".join(base64.b64encode(one).decode() for one in (self._loop.sps, self._loop.pps))
        profile = self._loop.sps[1:4].hex()
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=replay\r\nt=0 0\r\na=control:*\r\n"
            "m=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\n"
            f"a=fmtp:96 packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sets}"
            "\r\na=control:track1\r\n"
        )

    def _send(self, unit: AccessUnit, ticks: int) -> None:
        parts = []
        last = len(unit.payloads) - 1
        for number, payload in enumerate(unit.payloads):
            marker = 0x80 if number == last else 0
            parts.append(
                struct.pack(
                    ">BBHBBHII",
                    0x24,
                    0,
                    12 + len(payload),
                    0x80,
                    marker | 96,
                    self._sequence & 0xFFFF,
                    ticks & 0xFFFFFFFF,
                    0x46565256,
                )
                + payload
            )
            self._sequence += 1
        data = memoryview(b"".join(parts))
        for client in tuple(self._clients):
            if not client.is_playing or (client.units == 0 and not unit.is_key):
                continue
            client.units += 1
            if client.waiting_bytes > _BACKLOG_BYTES_MAX:
                self.lost += 1
                continue
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
            self.sent_bytes += sent
            client.waiting_bytes -= sent
            if sent < len(piece):
                client.waiting[0] = piece[sent:]
                break
            client.waiting.popleft()
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.waiting else 0)
        self._selector.modify(client.peer, wanted, client)

    @property
    def units(self) -> int:
        return sum(client.units for client in self._clients)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("footage", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    replayer = Replayer(read_loop(options.footage), options.port)
    print(json.dumps({"port": replayer.port}), flush=True)
    replayer.run(options.seconds)
    print(json.dumps({"lost": replayer.lost, "sent_bytes": replayer.sent_bytes}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
