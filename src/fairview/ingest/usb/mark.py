"""The mark in pictures that were coded here: which raw pictures they were made of. Pure.

A camera that sends raw pictures has them coded once, at ingest. That must be told apart from
pictures that are the camera's own, bit for bit. So each key frame begins with a message that
decoders pass over (user data, with a UUID of ours): it lies inside the sealed samples, goes
wherever they go, exports included, and needs no other version of the segment format.

Source:  ITU-T H.264 7.3.2.3 (messages), D.1.7 and D.2.7 (user_data_unregistered).
"""

from __future__ import annotations

from fairview.ingest import nal

_UUID = bytes.fromhex("8b1d2c5e6f304a719d0c4e7a15b3f682")
_UNREGISTERED = 5
_TEXT_BYTES_MAX = 200


def mark(text: str) -> bytes:
    """A message for the front of a key frame, Annex B. text: ASCII, up to 200 characters."""
    content = text.encode("ascii")
    assert 0 < len(content) <= _TEXT_BYTES_MAX, "a mark is one short line"
    payload = _UUID + content
    # One byte holds the length, and no emulation prevention is needed: neither has zero bytes.
    assert len(payload) < 255
    assert 0 not in payload
    head = bytes((nal.SEI, _UNREGISTERED, len(payload)))
    return b"\x00\x00\x00\x01" + head + payload + b"\x80"


def coded_from(key_frame: bytes) -> str | None:
    """What a key frame's mark says; None for a camera's own picture."""
    for unit in nal.annex_b_units(key_frame):
        if nal.kind_of(unit) in nal.SLICES:
            return None
        if nal.kind_of(unit) != nal.SEI or unit[1:2] != bytes((_UNREGISTERED,)) or len(unit) < 3:
            continue
        payload = unit[3 : 3 + unit[2]]
        if payload.startswith(_UUID):
            return payload[len(_UUID) :].decode("ascii", "replace")
    return None
