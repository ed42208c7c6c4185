"""H.264 units inside an access unit, as far as ingest needs them. Pure.

Recording never decodes. What must be known from the bytes is whether a key frame brings other
parameter sets than the stream began with, since then the format has changed.

Source:  ITU-T H.264 7.3.1 (unit), 7.3.2.1.1 (sequence parameter set), Annex B (start codes).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fairview.core.errors import BadInput

SLICES = frozenset({1, 2, 3, 4, 5})
SEI, SPS, PPS = 6, 7, 8
_CHROMA_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_START = b"\x00\x00\x01"
_BASELINE = 66
_ASPECT_EXTENDED = 255
_REORDER_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSize:
    """What a sequence parameter set says about the picture, cropping applied."""

    width_px: int
    height_px: int


def kind_of(unit: bytes) -> int:
    """A unit's type, 0 to 31."""
    return unit[0] & 0x1F


def annex_b_units(data: bytes) -> Iterator[bytes]:
    """The units between start codes, without them and without trailing zero bytes."""
    start = data.find(_START)
    while start >= 0:
        following = data.find(_START, start + 3)
        unit = data[start + 3 : following if following >= 0 else len(data)].rstrip(b"\x00")
        if unit:
            yield unit
        start = following


def length_prefixed_units(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """The units of an MP4 sample. Errors: BadInput when the lengths don't add up."""
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + length_bytes], "big")
        at += length_bytes
        if length == 0 or at + length > len(data):
            raise BadInput("an access unit's lengths don't add up")
        yield data[at : at + length]
        at += length


def units(data: bytes, parameter_sets: bytes) -> Iterator[bytes]:
    """The units of an access unit, in whichever of the two forms the stream has."""
    if parameter_sets[:1] == b"\x01" and len(parameter_sets) > 4:
        return length_prefixed_units(data, (parameter_sets[4] & 3) + 1)
    return annex_b_units(data)


def leading_sets(data: bytes) -> tuple[bytes, ...]:
    """The parameter sets before the first slice of an Annex B access unit."""
    found: list[bytes] = []
    for unit in annex_b_units(data):
        if kind_of(unit) in SLICES:
            break
        if kind_of(unit) in (SPS, PPS):
            found.append(unit)
    return tuple(found)


def changed_sets(data: bytes, parameter_sets: bytes) -> bytes | None:
    """New parameter sets (Annex B) that a key frame brings; None when they are the known ones.

    Cost:  one search per unit up to the first slice; call it on key frames only.
    """
    if parameter_sets[:1] == b"\x01":
        return None
    brought = leading_sets(data)
    if not any(kind_of(unit) == SPS for unit in brought):
        return None
    if set(brought) <= set(annex_b_units(parameter_sets)):
        return None
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in brought)


def picture_size(sps: bytes) -> PictureSize:
    """Errors:  BadInput when the sequence parameter set can't be read."""
    return _size_and_order(Bits(without_emulation(sps[1:])))[0]


def reorder_depth(sps: bytes) -> int | None:
    """By how many pictures decoding may run ahead of showing; None when the camera doesn't say.

    Source:  ITU-T H.264 7.4.2.1.1 (picture order count type 2: no reordering), A.2.1 (Baseline
    has no B slices), E.2.1 (max_num_reorder_frames).
    Errors:  BadInput when the sequence parameter set can't be read.
    """
    bits = Bits(without_emulation(sps[1:]))
    if _size_and_order(bits)[1] == 2 or sps[1] == _BASELINE:
        return 0
    return _stated_reordering(bits) if bits.take(1) else None


def _size_and_order(bits: Bits) -> tuple[PictureSize, int]:
    """The picture's size and the kind of its order count; bits then stand before the VUI."""
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    chroma, is_separate = (1, 0)
    if profile in _CHROMA_PROFILES:
        chroma, is_separate = _skip_chroma(bits)
    bits.golomb()
    order = _skip_order_count(bits)
    bits.golomb()
    bits.take(1)
    width_mbs = bits.golomb() + 1
    height_units = bits.golomb() + 1
    frames_only = bits.take(1)
    if not frames_only:
        bits.take(1)
    bits.take(1)
    left = right = top = bottom = 0
    if bits.take(1):
        left, right, top, bottom = (bits.golomb() for _ in range(4))
    is_plain = is_separate or chroma == 0
    unit_x = 1 if is_plain or chroma == 3 else 2
    unit_y = (1 if is_plain or chroma != 1 else 2) * (2 - frames_only)
    width = width_mbs * 16 - (left + right) * unit_x
    height = height_units * (2 - frames_only) * 16 - (top + bottom) * unit_y
    if not (0 < width <= 16_384 and 0 < height <= 16_384):
        raise BadInput(f"the camera announces a picture of {width}x{height}")
    return PictureSize(width_px=width, height_px=height), order


def _stated_reordering(bits: Bits) -> int | None:
    """max_num_reorder_frames of a VUI, where it is stated."""
    if bits.take(1) and bits.take(8) == _ASPECT_EXTENDED:
        bits.take(32)
    if bits.take(1):
        bits.take(1)
    if bits.take(1):
        bits.take(4)
        if bits.take(1):
            bits.take(24)
    if bits.take(1):
        bits.golomb()
        bits.golomb()
    if bits.take(1):
        bits.take(65)
    timings = [_skip_hrd(bits) for _ in range(2)]
    if any(timings):
        bits.take(1)
    bits.take(1)
    if not bits.take(1):
        return None
    bits.take(1)
    for _ in range(4):
        bits.golomb()
    return min(bits.golomb(), _REORDER_MAX)


def _skip_hrd(bits: Bits) -> bool:
    if not bits.take(1):
        return False
    count = min(bits.golomb(), 31) + 1
    bits.take(8)
    for _ in range(count):
        bits.golomb()
        bits.golomb()
        bits.take(1)
    bits.take(20)
    return True


def _skip_chroma(bits: Bits) -> tuple[int, int]:
    chroma = bits.golomb()
    is_separate = bits.take(1) if chroma == 3 else 0
    bits.golomb()
    bits.golomb()
    bits.take(1)
    if bits.take(1):
        for index in range(12 if chroma == 3 else 8):
            if bits.take(1):
                _skip_scaling(bits, 16 if index < 6 else 64)
    return chroma, is_separate


def _skip_scaling(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_golomb() + 256) % 256
        last = following or last


def _skip_order_count(bits: Bits) -> int:
    kind = bits.golomb()
    if kind == 0:
        bits.golomb()
    elif kind == 1:
        bits.take(1)
        bits.golomb()
        bits.golomb()
        for _ in range(min(bits.golomb(), 255)):
            bits.golomb()
    return kind


def without_emulation(data: bytes) -> bytes:
    """A unit's bytes without the ones that keep start codes out of it."""
    return data.replace(b"\x00\x00\x03", b"\x00\x00")


class Bits:
    """Bits of a byte string, highest first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        """The next bits as a number. Errors: BadInput past the end."""
        if count > self._left:
            raise BadInput("the camera's parameter set is cut short")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def golomb(self) -> int:
        """One ue(v) of up to 32 bits. Errors: BadInput."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise BadInput("the camera's parameter set is not readable")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed_golomb(self) -> int:
        """One se(v)."""
        code = self.golomb()
        return (code + 1) // 2 if code & 1 else -(code // 2)
