"""The sealed bytes against the C2SP page and RFC 9180, decoded here without our own code, and a
stored segment that every later version must still open."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from fairview.core.media import EndedBecause, Fragment, Sample
from fairview.core.time import Instant
from fairview.store.sealing import open_key, open_record, read_header, walk
from tests.builders import fragment, video_format
from tests.store.test_sealing import PRIVATE, sealer

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "segment"
CHUNK = 16 * 1024


def open_message(message: bytes, input_key: bytes, context: bytes) -> bytes:
    """c2sp.org/chunked-encryption with SHA-512 and AEAD_AES_256_GCM, from its page."""
    salt, commitment, rest = message[:24], message[24:56], message[56:]
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    derived = HKDFExpand(hashes.SHA512(), 32 + 12 + 32, info).derive(input_key)
    key, nonce, expected = derived[:32], derived[32:44], derived[44:]
    assert commitment == expected
    chunks = [rest[at : at + CHUNK + 16] for at in range(0, len(rest), CHUNK + 16)]
    assert all(len(chunk) == CHUNK + 16 for chunk in chunks[:-1])
    assert 16 <= len(chunks[-1]) < CHUNK + 16
    return b"".join(
        AESGCM(key).decrypt(
            (int.from_bytes(nonce, "big") ^ number).to_bytes(12, "big"), chunk, None
        )
        for number, chunk in enumerate(chunks)
    )


def open_hpke(wrapped: bytes, private_half: bytes, info: bytes) -> bytes:
    """RFC 9180 base mode, single shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM."""
    enc, sealed = wrapped[:32], wrapped[32:]
    private = X25519PrivateKey.from_private_bytes(private_half)
    shared = private.exchange(X25519PublicKey.from_public_bytes(enc))
    kem_context = enc + private.public_key().public_bytes_raw()
    kem = b"KEM" + (0x20).to_bytes(2, "big")
    eae = _extract(b"", kem, b"eae_prk", shared)
    secret = _expand(eae, kem, b"shared_secret", kem_context, 32)
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (0x20, 1, 2))
    schedule = (
        b"\x00"
        + _extract(b"", suite, b"psk_id_hash", b"")
        + _extract(b"", suite, b"info_hash", info)
    )
    secret = _extract(secret, suite, b"secret", b"")
    key = _expand(secret, suite, b"key", schedule, 32)
    nonce = _expand(secret, suite, b"base_nonce", schedule, 12)
    return AESGCM(key).decrypt(nonce, sealed, None)


def _extract(salt: bytes, suite: bytes, label: bytes, ikm: bytes) -> bytes:
    return HKDF.extract(hashes.SHA256(), salt or None, b"HPKE-v1" + suite + label + ikm)


def _expand(prk: bytes, suite: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(hashes.SHA256(), length, labelled).derive(prk)


@pytest.mark.parametrize("size", [1, CHUNK - 100, CHUNK, 3 * CHUNK + 5])
def test_sealed_messages_are_those_of_the_c2sp_page(size: int) -> None:
    sample = Sample(ticks=0, decode_ticks=0, duration_ticks=1, is_key=True, data=b"\xa5" * size)
    part = Fragment(format=video_format(), start_at=Instant(7), duration_us=1, samples=(sample,))
    one = sealer()
    record = one.seal(part)
    header = read_header(one.header)
    # The wrapped key is bound to everything before it in the header.
    bound = one.header[: header.size_bytes - 32 - 80 - 2]
    key = open_hpke(header.wrapped_key, PRIVATE, b"fairview/1 segment key\x00" + bound)
    assert key == open_key(header, PRIVATE)
    context = b"fairview/1" + bytes.fromhex(header.segment) + bytes(4)
    payload = open_message(record[92:], key, context)
    assert payload.endswith(b"\xa5" * size)
    assert record[28:60] == hashlib.sha256(record[92:]).digest()


def test_chunk_boundaries_are_exact() -> None:
    # A payload of exactly one chunk is a full chunk and an empty one.
    index = 18 + len(video_format().parameter_sets) + 4 + 25
    sample = Sample(
        ticks=0, decode_ticks=0, duration_ticks=1, is_key=True, data=bytes(CHUNK - index)
    )
    part = Fragment(format=video_format(), start_at=Instant(7), duration_us=1, samples=(sample,))
    record = sealer().seal(part)
    assert len(record) == 92 + 56 + CHUNK + 16 + 16


def test_the_stored_segment_still_opens() -> None:
    data = bytes.fromhex((GOLDEN / "segment.txt").read_text())
    private = bytes.fromhex((GOLDEN / "private_half.txt").read_text())
    found = walk(lambda start, length: data[start : start + length], len(data))
    assert found.fault is None
    assert found.trailer is not None
    assert found.trailer.ended_because is EndedBecause.ROTATED
    assert (found.header.camera, found.header.stream) == ("junction-1", "main")
    key = open_key(found.header, private)
    opened = [
        open_record(found.header, record, data[record.sealed_offset : record.end_offset], key)
        for record in found.records
    ]
    assert opened == [fragment(0, 5), fragment(5, 5)]
