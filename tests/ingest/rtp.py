"""Frames of RTP within RTSP, made as a camera makes them, and the units that should come back."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

START = b"\x00\x00\x00\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtp:
    """One RTP packet and the channel it comes on."""

    number: int
    ticks: int
    payload: bytes
    is_marked: bool = False
    channel: int = 0
    payload_type: int = 96
    extension: bytes = b""
    padding: int = 0

    def frame(self) -> bytes:
        flags = 0x80 | (0x10 if self.extension else 0) | (0x20 if self.padding else 0)
        head = struct.pack(
            ">BBHII",
            flags,
            self.payload_type | (0x80 if self.is_marked else 0),
            self.number & 0xFFFF,
            self.ticks & 0xFFFFFFFF,
            7,
        )
        if self.extension:
            head += struct.pack(">HH", 0xBEDE, len(self.extension) // 4) + self.extension
        body = head + self.payload
        if self.padding:
            body += bytes(self.padding - 1) + bytes((self.padding,))
        return struct.pack(">BBH", 0x24, self.channel, len(body)) + body


def h264_payloads(unit: bytes, most: int) -> list[bytes]:
    """A unit whole, or as FU-A."""
    if len(unit) <= most:
        return [unit]
    pieces = [unit[at : at + most - 2] for at in range(1, len(unit), most - 2)]
    head, kind = unit[0] & 0xE0 | 28, unit[0] & 0x1F
    return [
        bytes((head, kind | 0x80 * (at == 0) | 0x40 * (at == len(pieces) - 1))) + piece
        for at, piece in enumerate(pieces)
    ]


def h265_payloads(unit: bytes, most: int) -> list[bytes]:
    """A unit whole, or as FU."""
    if len(unit) <= most:
        return [unit]
    pieces = [unit[at : at + most - 3] for at in range(2, len(unit), most - 3)]
    head, kind = unit[0] & 0x81 | 49 << 1, unit[0] >> 1 & 0x3F
    return [
        bytes((head, unit[1], kind | 0x80 * (at == 0) | 0x40 * (at == len(pieces) - 1))) + piece
        for at, piece in enumerate(pieces)
    ]


def h264_together(units: Sequence[bytes]) -> bytes:
    """STAP-A."""
    return b"\x18" + b"".join(struct.pack(">H", len(one)) + one for one in units)


def h265_together(units: Sequence[bytes]) -> bytes:
    """AP."""
    return b"\x60\x01" + b"".join(struct.pack(">H", len(one)) + one for one in units)


def numbered(pictures: Sequence[tuple[int, Sequence[bytes]]], first: int = 65_530) -> Iterator[Rtp]:
    """Packets of pictures (ticks, payloads), the last of each marked."""
    number = first
    for ticks, payloads in pictures:
        for at, payload in enumerate(payloads):
            yield Rtp(
                number=number, ticks=ticks, payload=payload, is_marked=at == len(payloads) - 1
            )
            number += 1


def wire(packets: Sequence[Rtp]) -> bytes:
    return b"".join(one.frame() for one in packets)


def without(packets: Sequence[Rtp], at: int) -> list[Rtp]:
    return [one for place, one in enumerate(packets) if place != at]


def on_channel(packets: Sequence[Rtp], channel: int) -> list[Rtp]:
    return [replace(one, channel=channel) for one in packets]
