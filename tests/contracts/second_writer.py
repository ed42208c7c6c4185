"""A second writer of sealed segment files, from the page alone.

It signs and chains whatever it is told to, so that a test can hold up a file whose only fault is
the one it names. Salts and the ephemeral key come from a counter: never for real footage.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.contracts.second_decoder import (
    RECORD_MAGIC,
    SEGMENT_MAGIC,
    TRAILER_MAGIC,
    OpenedSample,
    cobblestone_seal,
    hpke_schedule,
    sha256,
)

SEGMENT_KEY = bytes(range(32))
EPHEMERAL = X25519PrivateKey.from_private_bytes(b"\x77" * 32)
START_US = 1_777_636_800_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainHeader:
    """What a header says. None for wrapped: the segment key, wrapped as the page says."""

    public: bytes
    signer: Ed25519PrivateKey
    camera: bytes = b"junction-1"
    stream: bytes = b"main"
    segment: bytes = b"\x11" * 16
    key_pair: bytes = b"\x22" * 16
    created_us: int = START_US
    magic: bytes = SEGMENT_MAGIC
    wrapped: bytes | None = None
    more: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRecord:
    """What a record says and holds. None: what the page asks for at this place."""

    payload: bytes
    start_us: int = START_US
    duration_us: int = 1_000_000
    flags: int = 1
    magic: bytes = RECORD_MAGIC
    number: int | None = None
    sealed_as: int | None = None
    sealed: bytes | None = None
    digest: bytes | None = None
    previous: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTrailer:
    """What a trailer says. None: what the page asks for."""

    because: int = 1
    count: int | None = None
    end_us: int | None = None
    head: bytes | None = None
    signature: bytes | None = None
    magic: bytes = TRAILER_MAGIC


def write_payload(  # noqa: PLR0913  # the fields of the page's table
    samples: Sequence[OpenedSample],
    *,
    kind: int = 1,
    codec: int = 1,
    size_px: tuple[int, int] = (640, 360),
    time_base: tuple[int, int] = (1, 90_000),
    parameter_sets: bytes = b"\x00\x00\x00\x01gSPS",
    sample_flags: int = 0,
) -> bytes:
    """One fragment's payload. sample_flags are set beside the key-frame bit of every sample."""
    table = b"".join(
        struct.pack(
            ">qqIIB",
            one.ticks,
            one.decode_ticks,
            one.duration_ticks,
            len(one.data),
            int(one.is_key) | sample_flags,
        )
        for one in samples
    )
    return (
        struct.pack(">BBHHII", kind, codec, *size_px, *time_base)
        + struct.pack(">I", len(parameter_sets))
        + parameter_sets
        + struct.pack(">I", len(samples))
        + table
        + b"".join(one.data for one in samples)
    )


def write_header(plain: PlainHeader) -> bytes:
    body = (
        bytes([len(plain.camera)])
        + plain.camera
        + bytes([len(plain.stream)])
        + plain.stream
        + plain.segment
        + plain.key_pair
        + struct.pack(">q", plain.created_us)
        + plain.signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    )
    length = len(body) + 2 + 80 + len(plain.more)
    bound = plain.magic + struct.pack(">I", length) + body
    info = b"fairview/1 segment key\x00" + bound
    wrapped = hpke_seal(plain.public, info, SEGMENT_KEY) if plain.wrapped is None else plain.wrapped
    covered = bound + struct.pack(">H", 80) + wrapped + plain.more
    return covered + sha256(covered)


def write_segment(
    header: PlainHeader, records: Sequence[PlainRecord], trailer: PlainTrailer | None
) -> bytes:
    """A whole file, chained and signed."""
    output = write_header(header)
    head = output[-32:]
    for number, plain in enumerate(records):
        written = write_record(plain, number, head, header.segment)
        head = sha256(written[:92])
        output += written
    if trailer is None:
        return output
    count = len(records) if trailer.count is None else trailer.count
    end_us = trailer.end_us
    if end_us is None:
        end_us = max((one.start_us + one.duration_us for one in records), default=START_US)
    clear = trailer.magic + struct.pack(">IIq", count, trailer.because, end_us)
    clear += head if trailer.head is None else trailer.head
    signed = b"fairview/1 segment head\x00" + header.segment + clear
    signature = header.signer.sign(signed) if trailer.signature is None else trailer.signature
    return output + clear + signature


def write_record(plain: PlainRecord, number: int, previous: bytes, segment: bytes) -> bytes:
    """One record. sealed_as gives the message another number than the clear header's."""
    number = number if plain.number is None else plain.number
    sealed_as = number if plain.sealed_as is None else plain.sealed_as
    context = b"fairview/1" + segment + struct.pack(">I", sealed_as)
    salt = sha256(context + plain.payload)[:24]
    sealed = plain.sealed
    if sealed is None:
        sealed = cobblestone_seal(plain.payload, SEGMENT_KEY, context, salt)
    clear = plain.magic + struct.pack(
        ">IIqII", number, len(sealed), plain.start_us, plain.duration_us, plain.flags
    )
    clear += sha256(sealed) if plain.digest is None else plain.digest
    return clear + (previous if plain.previous is None else plain.previous) + sealed


def hpke_seal(public: bytes, info: bytes, plain: bytes) -> bytes:
    """RFC 9180 single-shot seal from the fixed ephemeral key: enc, then the ciphertext."""
    enc = EPHEMERAL.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    shared = EPHEMERAL.exchange(X25519PublicKey.from_public_bytes(public))
    key, nonce = hpke_schedule(shared, enc, public, info)
    return enc + AESGCM(key).encrypt(nonce, plain, b"")
