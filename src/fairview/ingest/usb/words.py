"""V4L2's words: requests to a video device, and the records that go with them. Pure.

Source:  Linux, include/uapi/linux/videodev2.h and asm-generic/ioctl.h, for 64-bit machines.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

CAPTURE, MMAP = 1, 1
"""V4L2_BUF_TYPE_VIDEO_CAPTURE, V4L2_MEMORY_MMAP."""
CAN_CAPTURE, CAN_STREAM, HAS_OWN = 0x1, 0x0400_0000, 0x8000_0000
"""Of a device's capabilities; HAS_OWN: its node has some of its own."""
IS_DAMAGED, IS_MONOTONIC, CLOCK_MASK = 0x40, 0x2000, 0xE000
"""Of a buffer's flags."""
_DISCRETE = 1

_CAPABILITY = struct.Struct("<16s32s32sIII12x")
_DESCRIPTION = struct.Struct("<III32sII12x")
_FORMAT = struct.Struct("<I4x8I168x")
_PARAMETERS = struct.Struct("<IIIIIII176x")
_REQUEST = struct.Struct("<IIIIB3x")
_BUFFER = struct.Struct("<5I4xqq16sIIQII4x4x")
_SIZE = struct.Struct("<IIIII24x")


def _request(direction: int, number: int, size: int) -> int:
    """_IOC for the type 'V'. direction: 1 to the device, 2 from it, 3 both."""
    return direction << 30 | size << 16 | ord("V") << 8 | number


ASK_CAPABILITY = _request(2, 0, _CAPABILITY.size)
LIST_FORMATS = _request(3, 2, _DESCRIPTION.size)
GET_FORMAT = _request(3, 4, _FORMAT.size)
SET_FORMAT = _request(3, 5, _FORMAT.size)
ASK_BUFFERS = _request(3, 8, _REQUEST.size)
ASK_BUFFER = _request(3, 9, _BUFFER.size)
GIVE_BUFFER = _request(3, 15, _BUFFER.size)
TAKE_BUFFER = _request(3, 17, _BUFFER.size)
START = _request(1, 18, 4)
STOP = _request(1, 19, 4)
SET_PARAMETERS = _request(3, 22, _PARAMETERS.size)
LIST_SIZES = _request(3, 74, _SIZE.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a device sends. pixels: a four-character code. row_bytes: 0 for compressed pictures."""

    pixels: str
    width_px: int
    height_px: int
    row_bytes: int = 0
    picture_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """One buffer as the driver describes it. taken_us: on the clock that flags name."""

    index: int
    used_bytes: int = 0
    flags: int = 0
    taken_us: int = 0
    sequence: int = 0
    offset: int = 0
    length: int = 0


def capability() -> bytearray:
    return bytearray(_CAPABILITY.size)


def capabilities_of(record: bytearray) -> int:
    """What the node itself can do."""
    *_, whole, own = _CAPABILITY.unpack(record)
    return int(own if whole & HAS_OWN else whole)


def description(index: int) -> bytearray:
    return bytearray(_DESCRIPTION.pack(index, CAPTURE, 0, b"", 0, 0))


def pixels_of(record: bytearray) -> str:
    return code_text(_DESCRIPTION.unpack(record)[4])


def size(index: int, pixels: str) -> bytearray:
    return bytearray(_SIZE.pack(index, _code(pixels), 0, 0, 0))


def size_of(record: bytearray) -> tuple[int, int] | None:
    """Width and height; None for a range of sizes."""
    _, _, kind, width, height = _SIZE.unpack(record)
    return (width, height) if kind == _DISCRETE else None


def shape(wanted: Shape | None = None) -> bytearray:
    """A format record: to be filled, or to be set. Fields are progressive (1)."""
    if wanted is None:
        return bytearray(_FORMAT.pack(CAPTURE, *[0] * 8))
    width, height = wanted.width_px, wanted.height_px
    return bytearray(_FORMAT.pack(CAPTURE, width, height, _code(wanted.pixels), 1, 0, 0, 0, 0))


def shape_of(record: bytearray) -> Shape:
    _, width, height, code, _, row_bytes, picture_bytes, _, _ = _FORMAT.unpack(record)
    return Shape(
        pixels=code_text(code),
        width_px=width,
        height_px=height,
        row_bytes=row_bytes,
        picture_bytes=picture_bytes,
    )


def rate(fps: int) -> bytearray:
    return bytearray(_PARAMETERS.pack(CAPTURE, 0, 0, 1, fps, 0, 0))


def buffers(count: int) -> bytearray:
    return bytearray(_REQUEST.pack(count, CAPTURE, MMAP, 0, 0))


def count_of(record: bytearray) -> int:
    return int(_REQUEST.unpack(record)[0])


def buffer(index: int) -> bytearray:
    return bytearray(_BUFFER.pack(index, CAPTURE, 0, 0, 0, 0, 0, b"", 0, MMAP, 0, 0, 0))


def buffer_of(record: bytearray) -> Buffer:
    index, _, used, flags, _, seconds, micros, _, sequence, _, offset, length, _ = _BUFFER.unpack(
        record
    )
    return Buffer(
        index=index,
        used_bytes=used,
        flags=flags,
        taken_us=seconds * 1_000_000 + micros,
        sequence=sequence,
        offset=offset & 0xFFFF_FFFF,
        length=length,
    )


def filled(one: Buffer) -> bytes:
    """A buffer record as a driver writes it."""
    seconds, micros = divmod(one.taken_us, 1_000_000)
    return _BUFFER.pack(
        one.index, CAPTURE, one.used_bytes, one.flags, 1, seconds, micros, b"", one.sequence, MMAP,
        one.offset, one.length, 0,
    )  # fmt: skip


def described(index: int, pixels: str) -> bytes:
    """A format's description as a driver writes it."""
    return _DESCRIPTION.pack(index, CAPTURE, 0, b"", _code(pixels), 0)


def shaped(one: Shape) -> bytes:
    """A format record as a driver writes it."""
    return _FORMAT.pack(
        CAPTURE, one.width_px, one.height_px, _code(one.pixels), 1, one.row_bytes,
        one.picture_bytes, 0, 0,
    )  # fmt: skip


def sized(index: int, pixels: str, width_px: int, height_px: int) -> bytes:
    """A size as a driver writes it."""
    return _SIZE.pack(index, _code(pixels), _DISCRETE, width_px, height_px)


def capable(of: int) -> bytes:
    """A device's capabilities as a driver writes them."""
    return _CAPABILITY.pack(b"uvcvideo", b"", b"", 0, HAS_OWN | of, of)


def _code(pixels: str) -> int:
    return int.from_bytes(pixels.encode("ascii"), "little")


def code_text(code: int) -> str:
    return code.to_bytes(4, "little").decode("latin-1")
