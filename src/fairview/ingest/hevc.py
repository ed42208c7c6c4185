"""H.265 parameter sets, as far as ingest needs them. Pure.

Source:  ITU-T H.265 7.3.1.2 (unit header), 7.3.2.2 (sequence parameter set), 7.3.3 (profile).
"""

from __future__ import annotations

from dataclasses import dataclass

from fairview.core.errors import BadInput
from fairview.ingest.nal import Bits, PictureSize, without_emulation

VPS, SPS, PPS = 32, 33, 34
_REORDER_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """What a sequence parameter set says. reorder_depth: as in ingest.nal."""

    size: PictureSize
    reorder_depth: int


def kind_of(unit: bytes) -> int:
    """A unit's type, 0 to 63."""
    return unit[0] >> 1 & 0x3F


def sequence(sps: bytes) -> Sequence:
    """Errors:  BadInput when the sequence parameter set can't be read."""
    bits = Bits(without_emulation(sps[2:]))
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    _skip_profile(bits, layers)
    bits.golomb()
    chroma = bits.golomb()
    is_separate = bits.take(1) if chroma == 3 else 0
    width, height = bits.golomb(), bits.golomb()
    if bits.take(1):
        is_plain = is_separate or chroma in (0, 3)
        unit_x = 1 if is_plain else 2
        unit_y = 2 if chroma == 1 else 1
        left, right, top, bottom = (bits.golomb() for _ in range(4))
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y
    if not (0 < width <= 16_384 and 0 < height <= 16_384):
        raise BadInput(f"the camera announces a picture of {width}x{height}")
    for _ in range(3):
        bits.golomb()
    depth = 0
    for _ in range(layers + 1 if bits.take(1) else 1):
        bits.golomb()
        depth = bits.golomb()
        bits.golomb()
    return Sequence(
        size=PictureSize(width_px=width, height_px=height), reorder_depth=min(depth, _REORDER_MAX)
    )


def _skip_profile(bits: Bits, layers: int) -> None:
    bits.take(96)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.take(88 * has_profile + 8 * has_level)
