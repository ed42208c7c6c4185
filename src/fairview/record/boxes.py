"""The ISO base media boxes that fragmented and progressive MP4 share. Pure.

Source:  ISO/IEC 14496-12 (boxes), 14496-15 (avc1, hvc1), 14496-14 (mp4v with esds, for MJPEG).
"""

from __future__ import annotations

import struct

from fairview.core.errors import BadInput
from fairview.core.media import VideoFormat
from fairview.record.nal import decoder_record

MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_NAMES = {"h264": b"avc1", "hevc": b"hvc1", "mjpeg": b"mp4v"}


def box(name: bytes, *parts: bytes) -> bytes:
    """A box of fewer than 4 GiB."""
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + name + body


def full_box(name: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with a version and flags."""
    return box(name, struct.pack(">I", version << 24 | flags), *parts)


def timescale(video: VideoFormat) -> int:
    """MP4 units per second; a time in ticks is multiplied by the time base's numerator.

    Errors:  BadInput when it does not fit 32 bits.
    """
    if video.tick_denominator >= 1 << 32:
        raise BadInput("the stream's time base is too fine for MP4")
    return video.tick_denominator


def sample_entry(video: VideoFormat) -> bytes:
    """The stsd entry of one format.

    Errors:  BadInput when the parameter sets are missing.
    """
    if video.codec == "mjpeg":
        config = _esds()
    else:
        config = box(b"avcC" if video.codec == "h264" else b"hvcC", decoder_record(video))
    return box(
        _NAMES[video.codec],
        bytes(6),
        struct.pack(">H", 1),
        bytes(16),
        struct.pack(">HH", video.width_px, video.height_px),
        struct.pack(">IIIH", 0x480000, 0x480000, 0, 1),
        bytes(32),
        struct.pack(">Hh", 0x18, -1),
        config,
    )


def movie_header(scale: int, duration: int) -> bytes:
    """mvhd, version 1."""
    times = struct.pack(">QQIQ", 0, 0, scale, duration)
    return full_box(
        b"mvhd",
        1,
        0,
        times,
        struct.pack(">IHH", 0x10000, 0x100, 0),
        bytes(8),
        MATRIX,
        bytes(24),
        struct.pack(">I", 2),
    )


def track(
    width_px: int,
    height_px: int,
    *,
    durations: tuple[int, int],
    scale: int,
    tables: bytes,
    edits: bytes = b"",
) -> bytes:
    """One video track.

    durations: in the movie's units (edits applied), then in the media's. tables: the content
    of stbl. edits: an edts box, where one is needed.
    """
    head = full_box(
        b"tkhd",
        1,
        3,
        struct.pack(">QQIIQ", 0, 0, 1, 0, durations[0]),
        bytes(8),
        bytes(8),
        MATRIX,
        struct.pack(">II", width_px << 16, height_px << 16),
    )
    media_head = full_box(
        b"mdhd", 1, 0, struct.pack(">QQIQHH", 0, 0, scale, durations[1], 0x55C4, 0)
    )
    handler = full_box(b"hdlr", 0, 0, bytes(4), b"vide", bytes(12), b"video\x00")
    data_information = box(
        b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1))
    )
    media_information = box(
        b"minf", full_box(b"vmhd", 0, 1, bytes(8)), data_information, box(b"stbl", tables)
    )
    return head + edits + box(b"mdia", media_head, handler, media_information)


def _esds() -> bytes:
    """An elementary stream of object type 0x6C (JPEG), stream type visual."""
    decoder = bytes([0x04, 13, 0x6C, 0x11]) + bytes(11)
    layer = bytes([0x06, 1, 2])
    body = bytes([0, 1, 0]) + decoder + layer
    return full_box(b"esds", 0, 0, bytes([0x03, len(body)]) + body)
