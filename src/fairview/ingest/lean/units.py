"""Where one access unit ends and the next begins, and which are key frames. Pure.

Source:  ITU-T H.264 7.4.1.2.3 and H.265 7.4.2.4.4 (first unit of a picture), H.264 D.2.8 (recovery
point). As FFmpeg's parsers do it, which also count a recovery point as a key frame.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from fairview.ingest import hevc, nal
from fairview.ingest.lean.sdp import LeanCodec

START = b"\x00\x00\x00\x01"


class Assembled(NamedTuple):
    """One access unit, Annex B. ticks: RTP time without its wraps, from any zero.

    sets: parameter sets it brings. is_after_loss: units or parts of them are missing before it.
    """

    ticks: int
    data: bytes
    is_key: bool
    sets: tuple[bytes, ...]
    is_after_loss: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the depacketiser must know of a codec.

    Unit types by number: slices hold pictures, key_slices whole ones; openers begin an access
    unit when a picture came before; sets are kept by the decoder.
    head: how to unpack a frame's mark, length, RTP word, payload header and fragment header.
    head_bytes: of a unit's header. together, fragment: the types that hold several units, or a
    part of one; fragment_mask: their bits in a payload header, as head gives it.
    """

    head: struct.Struct
    head_bytes: int
    slices: frozenset[int]
    key_slices: frozenset[int]
    openers: frozenset[int]
    sets: frozenset[int]
    message: int
    together: int
    fragment: int
    single: range

    def kind(self, first: int) -> int:
        """A unit's type by its first byte."""
        return first & 0x1F if self.head_bytes == 1 else first >> 1 & 0x3F


H264 = Rules(
    head=struct.Struct(">HHQ4xBB"),
    head_bytes=1,
    slices=nal.SLICES,
    key_slices=frozenset({5}),
    openers=frozenset({6, 7, 8, 9, 14, 15, 16, 17, 18}),
    sets=frozenset({nal.SPS, nal.PPS}),
    message=nal.SEI,
    together=24,
    fragment=28,
    single=range(1, 24),
)
H265 = Rules(
    head=struct.Struct(">HHQ4xHB"),
    head_bytes=2,
    slices=frozenset(range(32)),
    key_slices=frozenset(range(16, 24)),
    openers=frozenset({32, 33, 34, 35, 39, *range(41, 45), *range(48, 56)}),
    sets=frozenset({hevc.VPS, hevc.SPS, hevc.PPS}),
    message=-1,
    together=48,
    fragment=49,
    single=range(48),
)
JPEG = Rules(
    head=struct.Struct(">HHQ4xBB"),
    head_bytes=8,
    slices=frozenset(),
    key_slices=frozenset(),
    openers=frozenset(),
    sets=frozenset(),
    message=-1,
    together=-1,
    fragment=-1,
    single=range(0),
)
"""No units: see JpegParts."""
RULES: dict[LeanCodec, Rules] = {"h264": H264, "hevc": H265, "mjpeg": JPEG}


def is_recovery_point(message: bytes) -> bool:
    """Whether an H.264 SEI unit says that pictures are right from here on."""
    at = 1
    while at + 2 <= len(message) and message[at] != 0x80:
        kind = size = 0
        while at < len(message) and message[at] == 0xFF:
            kind, at = kind + 255, at + 1
        kind, at = kind + (message[at] if at < len(message) else 0), at + 1
        while at < len(message) and message[at] == 0xFF:
            size, at = size + 255, at + 1
        size, at = size + (message[at] if at < len(message) else 0), at + 1
        if kind == 6:
            return True
        at += size
    return False
