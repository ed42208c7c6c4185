"""Access units as RTP packets, and RTCP sender reports.

Source:  RFC 3550 (RTP, RTCP); RFC 6184 (H.264: single units and FU-A); RFC 7798 (H.265: single
units and FU); RFC 2435 (JPEG).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from fairview.core.errors import BadInput
from fairview.sim.bad_camera_film import FilmCodec, FilmUnit

PAYLOAD_BYTES_MAX = 1_400
NTP_OF_1970 = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970."""

_JPEG_TYPES = {b"\x22\x11\x11": 1, b"\x21\x11\x11": 0}
"""Sampling factors of the three components: 4:2:0 is RFC 2435's type 1, 4:2:2 its type 0."""


def payloads(codec: FilmCodec, unit: FilmUnit) -> tuple[bytes, ...]:
    """RTP payloads of one access unit, in order."""
    if codec == "mjpeg":
        return _jpeg(unit.parts[0])
    cut = _fu_a if codec == "h264" else _fu_hevc
    return tuple(one for part in unit.parts for one in cut(part))


def _fu_a(nal: bytes) -> list[bytes]:
    if len(nal) <= PAYLOAD_BYTES_MAX:
        return [nal]
    indicator, kind = (nal[0] & 0xE0) | 28, nal[0] & 0x1F
    return [bytes([indicator, flags | kind]) + piece for flags, piece in _pieces(nal[1:], 2)]


def _fu_hevc(nal: bytes) -> list[bytes]:
    if len(nal) <= PAYLOAD_BYTES_MAX:
        return [nal]
    first, kind = (nal[0] & 0x81) | 49 << 1, nal[0] >> 1 & 0x3F
    return [bytes([first, nal[1], flags | kind]) + piece for flags, piece in _pieces(nal[2:], 3)]


def _pieces(body: bytes, header_bytes: int) -> list[tuple[int, bytes]]:
    """Parts of a unit's body with the start and end flags of RFC 6184 and 7798."""
    room = PAYLOAD_BYTES_MAX - header_bytes
    parts = []
    for at in range(0, len(body), room):
        piece = body[at : at + room]
        flags = (0x80 if at == 0 else 0) | (0x40 if at + len(piece) == len(body) else 0)
        parts.append((flags, piece))
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegParts:
    """What of a JPEG picture travels: its tables (64 bytes each), its kind, size and scan.

    restart: units between restart markers, 0 for none.
    """

    kind: int
    restart: int
    width_px: int
    height_px: int
    tables: bytes
    scan: bytes


def jpeg_parts(picture: bytes) -> JpegParts:
    """Errors:  BadInput for a picture that RFC 2435 can't carry."""
    tables: dict[int, bytes] = {}
    kind, width_px, height_px, restart, at = -1, 0, 0, 0, 2
    while at + 4 <= len(picture):
        marker, length = picture[at + 1], int.from_bytes(picture[at + 2 : at + 4], "big")
        body = picture[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == 0xDB:
            for one in range(0, len(body), 65):
                tables[body[one] & 0x0F] = body[one + 1 : one + 65]
        elif marker == 0xC0:
            height_px, width_px = struct.unpack_from(">HH", body, 1)
            kind = _JPEG_TYPES.get(bytes(body[7 + 3 * one] for one in range(body[5])), -1)
        elif marker == 0xDD:
            (restart,) = struct.unpack_from(">H", body)
        elif marker == 0xDA:
            break
    if kind < 0 or width_px % 8 or height_px % 8 or width_px > 2_040 or height_px > 2_040:
        raise BadInput("RFC 2435 carries baseline JPEG, 4:2:0 or 4:2:2, up to 2040 px")
    luma = tables[0]
    end = picture.rfind(b"\xff\xd9")
    return JpegParts(
        kind=kind,
        restart=restart,
        width_px=width_px,
        height_px=height_px,
        tables=luma + tables.get(1, luma),
        scan=picture[at : end if end > at else len(picture)],
    )


def _jpeg(picture: bytes) -> tuple[bytes, ...]:
    """With restart markers the type is 64 more and a header of theirs follows (RFC 2435 3.1.7):
    F, L and count all ones, as pictures are put together before they are decoded."""
    parts = jpeg_parts(picture)
    kind = parts.kind | (0x40 if parts.restart else 0)
    restart = struct.pack(">HH", parts.restart, 0xFFFF) if parts.restart else b""
    found, at = [], 0
    while at < len(parts.scan):
        # The type byte's specific part is 0 (progressive scan), Q 255: the tables come along.
        head = struct.pack(">IBBBB", at, kind, 255, parts.width_px // 8, parts.height_px // 8)
        head += restart
        if at == 0:
            head += struct.pack(">BBH", 0, 0, len(parts.tables)) + parts.tables
        piece = parts.scan[at : at + PAYLOAD_BYTES_MAX - len(head)]
        found.append(head + piece)
        at += len(piece)
    return tuple(found)


@dataclass(slots=True, kw_only=True)
class RtpSender:
    """One stream's counters: sequence numbers, and what a sender report counts."""

    payload_type: int
    ssrc: int
    sequence: int
    packets: int = 0
    octets: int = 0

    def packet(self, payload: bytes, ticks: int, *, is_last: bool) -> bytes:
        """The next packet; is_last sets the marker, which ends an access unit."""
        head = struct.pack(
            ">BBHII",
            0x80,
            (0x80 if is_last else 0) | self.payload_type,
            self.sequence & 0xFFFF,
            ticks & 0xFFFF_FFFF,
            self.ssrc,
        )
        self.sequence += 1
        self.packets += 1
        self.octets += len(payload)
        return head + payload

    def report(self, ntp_us: int, ticks: int) -> bytes:
        """A sender report with a CNAME. ntp_us: microseconds since 1900."""
        seconds, rest = divmod(ntp_us, 1_000_000)
        report = struct.pack(
            ">BBHIIIIII",
            0x80,
            200,
            6,
            self.ssrc,
            seconds & 0xFFFF_FFFF,
            rest * (1 << 32) // 1_000_000,
            ticks & 0xFFFF_FFFF,
            self.packets & 0xFFFF_FFFF,
            self.octets & 0xFFFF_FFFF,
        )
        names = struct.pack(">BBHIBB", 0x81, 202, 4, self.ssrc, 1, 6) + b"camera\0\0\0\0"
        return report + names


def interleaved(channel: int, packet: bytes) -> bytes:
    """A packet inside the RTSP connection (RFC 2326, 10.12)."""
    return struct.pack(">BBH", 0x24, channel, len(packet)) + packet
