"""The headers of JPEG pictures that come without: RTP carries the coded picture alone. Pure.

Source:  RFC 2435 4.1 and 4.2 (types, quantisation factors), ITU-T T.81 B.2 (segments), K.1
(quantisation tables), K.3 (Huffman tables), figure A.6 (zigzag).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

_LIGHT = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_COLOUR = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 32),
)
_DC = bytes(range(12))
_LIGHT_AC = bytes.fromhex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f0"
    "2433627282090a161718191a25262728292a3435363738393a43444546474849"
    "4a535455565758595a636465666768696a737475767778797a83848586878889"
    "8a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5"
    "c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8"
    "f9fa"
)
_COLOUR_AC = bytes.fromhex(
    "000102031104052131061241510761711322328108144291a1b1c109233352f0"
    "156272d10a162434e125f11718191a262728292a35363738393a434445464748"
    "494a535455565758595a636465666768696a737475767778797a828384858687"
    "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3"
    "c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8"
    "f9fa"
)
_HUFFMAN: Final = (
    # table, how many codes there are of each length, what they stand for
    (0x00, bytes.fromhex("00010501010101010100000000000000"), _DC),
    (0x10, bytes.fromhex("0002010303020403050504040000017d"), _LIGHT_AC),
    (0x01, bytes.fromhex("00030101010101010101010000000000"), _DC),
    (0x11, bytes.fromhex("00020102040403040705040400010277"), _COLOUR_AC),
)
_SIDE_PX = 8


def _zigzag() -> tuple[int, ...]:
    places = [(x, y) for y in range(_SIDE_PX) for x in range(_SIDE_PX)]
    # Along each diagonal, every other one upwards.
    places.sort(key=lambda place: (sum(place), place[1] if sum(place) % 2 else place[0]))
    return tuple(y * _SIDE_PX + x for x, y in places)


@lru_cache(maxsize=8)
def factor_tables(factor: int) -> bytes:
    """The two tables that a factor of 1 to 99 stands for, 64 bytes each, in zigzag order."""
    factor = min(max(factor, 1), 99)
    scale = 5_000 // factor if factor < 50 else 200 - factor * 2
    order = _zigzag()
    return bytes(
        min(max((table[at] * scale + 50) // 100, 1), 255)
        for table in (_LIGHT, _COLOUR)
        for at in order
    )


@lru_cache(maxsize=8)
def picture_head(kind: int, width_px: int, height_px: int, tables: bytes, restart: int) -> bytes:
    """Everything before the coded picture.

    kind: 0 for 4:2:2, 1 for 4:2:0 (RFC 2435 4.1). tables: quantisation, 64 or 128 bytes, or with
    two bytes an entry as many again. restart: units between restart markers, 0 for none.
    """
    wide = len(tables) > 128
    size = 128 if wide else 64
    parts = [tables[at : at + size] for at in range(0, len(tables), size)]
    head = bytearray(b"\xff\xd8")
    for number, table in enumerate(parts):
        head += _segment(0xDB, bytes((wide << 4 | number,)) + table)
    if restart:
        head += _segment(0xDD, struct.pack(">H", restart))
    colours = min(len(parts) - 1, 1)
    frame = struct.pack(">BHHB", 8, height_px, width_px, 3)
    frame += bytes((1, 0x21 if kind == 0 else 0x22, 0, 2, 0x11, colours, 3, 0x11, colours))
    head += _segment(0xC0, frame)
    for number, counts, values in _HUFFMAN:
        head += _segment(0xC4, bytes((number,)) + counts + values)
    head += _segment(0xDA, bytes((3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0)))
    return bytes(head)


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
