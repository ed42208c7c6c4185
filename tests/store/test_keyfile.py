"""A recorder seals only to halves that its door signed."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput, Corrupt
from fairview.core.ids import CameraId, KeyPairId
from fairview.core.time import US_PER_HOUR, Instant
from fairview.store.keyfile import IssuedPair, KeyFile, read_key_file, sign_key_file
from tests.builders import NOON

DOOR = Ed25519PrivateKey.from_private_bytes(b"d" * 32)
PUBLIC = DOOR.public_key().public_bytes_raw()


def pair(number: int, hour: Instant | None) -> IssuedPair:
    return IssuedPair(id=KeyPairId(f"{number:032x}"), hour=hour, public=bytes([number]) * 32)


def key_file(hours: int = 3) -> KeyFile:
    pairs = tuple(pair(number, NOON.plus(number * US_PER_HOUR)) for number in range(hours))
    return KeyFile(
        camera=CameraId("junction-1"), issued_at=NOON, pairs=pairs, spare=pair(200, None)
    )


SIGNED = sign_key_file(key_file(), DOOR)


@pytest.mark.parametrize("hours", [0, 1, 48, 720])
def test_a_signed_key_file_reads_back(hours: int) -> None:
    pairs = tuple(
        IssuedPair(id=KeyPairId(f"{n:032x}"), hour=NOON.plus(n * US_PER_HOUR), public=b"p" * 32)
        for n in range(hours)
    )
    file = KeyFile(
        camera=CameraId("a"),
        issued_at=NOON,
        pairs=pairs,
        spare=IssuedPair(id=KeyPairId("f" * 32), hour=None, public=b"s" * 32),
    )
    assert read_key_file(sign_key_file(file, DOOR), PUBLIC) == file


@given(at=st.integers(0, len(SIGNED) - 1), change=st.integers(1, 255))
def test_any_changed_byte_is_found(at: int, change: int) -> None:
    changed = bytearray(SIGNED)
    changed[at] ^= change
    with pytest.raises(Corrupt):
        read_key_file(bytes(changed), PUBLIC)


@given(st.integers(0, len(SIGNED) - 1))
def test_any_cut_is_found(length: int) -> None:
    with pytest.raises(Corrupt):
        read_key_file(SIGNED[:length], PUBLIC)


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Corrupt):
        read_key_file(data, PUBLIC)


def test_another_door_is_refused() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"e" * 32)
    with pytest.raises(Corrupt):
        read_key_file(sign_key_file(key_file(), other), PUBLIC)
    with pytest.raises(Corrupt):
        read_key_file(SIGNED, b"short")
    with pytest.raises(Corrupt):
        read_key_file(SIGNED + b"\n", PUBLIC)


def test_the_pair_of_a_moment_is_its_hours() -> None:
    file = key_file()
    assert file.pair_of(NOON.plus(US_PER_HOUR - 1)) == file.pairs[0]
    assert file.pair_of(NOON.plus(US_PER_HOUR)) == file.pairs[1]
    assert file.pair_of(NOON.plus(-1)) is None
    assert file.pair_of(NOON.plus(3 * US_PER_HOUR)) is None


def test_what_cannot_be_is_refused() -> None:
    good = key_file()
    first, second = good.pairs[:2]
    for pairs, spare in [
        ((second, first), good.spare),
        ((first, first), good.spare),
        ((first, pair(3, None)), good.spare),
        (good.pairs, first),
        ((pair(200, NOON),), good.spare),
    ]:
        with pytest.raises(BadInput):
            KeyFile(camera=good.camera, issued_at=NOON, pairs=pairs, spare=spare)
    with pytest.raises(BadInput):
        IssuedPair(id=first.id, hour=NOON.plus(1), public=b"p" * 32)
    with pytest.raises(BadInput):
        IssuedPair(id=first.id, hour=None, public=b"p" * 31)
    with pytest.raises(BadInput):
        IssuedPair(id=KeyPairId("x"), hour=None, public=b"p" * 32)
