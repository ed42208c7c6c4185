"""One segment, two readers: what the tests of both hold up to them."""

from __future__ import annotations

from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.errors import FairviewError
from fairview.core.ids import CameraId, KeyPairId, SegmentId
from fairview.core.media import EndedBecause, Fragment
from fairview.store.sealing import (
    SegmentSealer,
    Walk,
    new_key_pair,
    open_key,
    open_record,
    recovery_trailer,
    walk,
)
from tests.builders import NOON, fragment
from tests.contracts.second_decoder import (
    OpenedFragment,
    OpenedSample,
    Refused,
    open_segment,
    sound_bytes,
)

SIGNER = Ed25519PrivateKey.from_private_bytes(b"\x33" * 32)

PRIVATE, PUBLIC = new_key_pair()


def written_by_fairview(
    *fragments: Fragment,
    because: EndedBecause | None = EndedBecause.ROTATED,
    segment: str = "ab" * 16,
) -> bytes:
    sealer = SegmentSealer(
        camera=CameraId("junction-1"),
        stream="main",
        segment=SegmentId(segment),
        key_pair=KeyPairId("cd" * 16),
        public_half=PUBLIC,
        signer=SIGNER,
        created_at=NOON,
    )
    data = sealer.header + b"".join(sealer.seal(one) for one in fragments)
    return data if because is None else data + sealer.end(because)


@cache
def ordinary() -> bytes:
    """Three fragments, the middle one over more than one chunk, ended and signed."""
    return written_by_fairview(fragment(0, 2), fragment(25, 100), fragment(125, 2))


@cache
def other() -> bytes:
    """Another segment of the same camera hour."""
    return written_by_fairview(*(fragment(n, 2) for n in (200, 225, 250)), segment="ef" * 16)


def walked(data: bytes) -> Walk:
    return walk(lambda start, length: data[start : start + length], len(data))


def opened_by_fairview(data: bytes, private: bytes = PRIVATE) -> tuple[Fragment, ...]:
    """Every fragment by the reader in use. Errors: FairviewError."""
    found = walked(data)
    if found.fault is not None:
        raise FairviewError(found.fault.because)
    key = open_key(found.header, private)
    return tuple(
        open_record(
            found.header, one, data[one.sealed_offset : one.sealed_offset + one.sealed_bytes], key
        )
        for one in found.records
    )


def assert_refused(data: bytes, private: bytes = PRIVATE) -> None:
    with pytest.raises(Refused):
        open_segment(data, private)
    with pytest.raises(FairviewError):
        opened_by_fairview(data, private)


def assert_same_recovery(data: bytes) -> None:
    """Both cut at the same byte, and both open what the cut and a new trailer leave."""
    found = walked(data)
    assert sound_bytes(data) == found.good_bytes
    mended = data[: found.good_bytes] + recovery_trailer(found, None)
    trailer = open_segment(mended, PRIVATE).layout.trailer
    assert trailer is not None
    assert not trailer.is_signed
    assert trailer.because == EndedBecause.CRASHED.value
    opened_by_fairview(mended)


def as_opened(one: Fragment) -> OpenedFragment:
    return OpenedFragment(
        codec=one.format.codec,
        width_px=one.format.width_px,
        height_px=one.format.height_px,
        tick_numerator=one.format.tick_numerator,
        tick_denominator=one.format.tick_denominator,
        parameter_sets=one.format.parameter_sets,
        start_us=one.start_at.us,
        duration_us=one.duration_us,
        samples=tuple(
            OpenedSample(
                ticks=sample.ticks,
                decode_ticks=sample.decode_ticks,
                duration_ticks=sample.duration_ticks,
                is_key=sample.is_key,
                data=sample.data,
            )
            for sample in one.samples
        ),
    )


def changed(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x80]) + data[place + 1 :]
