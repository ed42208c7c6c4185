"""The clear parts of a sealed segment file: header, record headers, trailer. Pure.

Source:  docs/reference/segment-format.md.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fairview.core.errors import BadInput, Corrupt
from fairview.core.ids import (
    CameraId,
    KeyPairId,
    SegmentId,
    StreamName,
    camera_id,
    stream_name,
)
from fairview.core.limits import SEALED_BYTES_MAX, SEGMENT_HEADER_BODY_BYTES_MAX
from fairview.core.media import EndedBecause
from fairview.core.time import Instant, Span

RECORD_HEADER_BYTES: Final = 92
TRAILER_BYTES: Final = 116
UNSIGNED: Final = bytes(64)
"""The signature field of a trailer that start-up recovery wrote without the recorder's key."""

MAGIC: Final = b"FVSEG\x00\x00"
VERSION: Final = 1
START = struct.Struct(">7sBI")
AFTER_NAMES = struct.Struct(">16s16sq32s")
WRAPPED_BYTES: Final = 80
WRAPPED_LENGTH = struct.Struct(">H")
DIGEST_BYTES: Final = 32
RECORD = struct.Struct(">4sIIqII32s32s")
RECORD_MAGIC: Final = b"FVRC"
FLAG_KEY: Final = 1
TRAILER_SIGNED = struct.Struct(">4sIIq32s")
TRAILER_MAGIC: Final = b"FVND"
CHUNK_BYTES: Final = 16 * 1024
TAG_BYTES: Final = 16
PREFIX_BYTES: Final = 56
HEAD_INFO: Final = b"fairview/1 segment head\x00"
HEADER_BYTES_MAX: Final = START.size + SEGMENT_HEADER_BODY_BYTES_MAX + DIGEST_BYTES
"""Reading this much from a file's beginning is always enough for `read_header`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentHeader:
    """A segment's clear beginning.

    bound: the header's bytes that the wrapped key is tied to (magic to recorder key).
    digest: the header digest, where the record chain begins. size_bytes: offset of record 0.
    """

    camera: CameraId
    stream: StreamName
    segment: SegmentId
    key_pair: KeyPairId
    created_at: Instant
    recorder_key: bytes
    wrapped_key: bytes
    bound: bytes
    digest: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRecord:
    """One record's clear header, and where it lies in the file.

    offset: of the 92-byte header. head: the chain head after this record.
    """

    number: int
    offset: int
    sealed_bytes: int
    start_at: Instant
    duration_us: int
    is_key: bool
    digest: bytes
    previous: bytes
    head: bytes

    @property
    def sealed_offset(self) -> int:
        """Where the sealed message begins."""
        return self.offset + RECORD_HEADER_BYTES

    @property
    def end_offset(self) -> int:
        """The first byte after the record."""
        return self.sealed_offset + self.sealed_bytes

    @property
    def span(self) -> Span:
        return Span(start=self.start_at, end=self.start_at.plus(self.duration_us))


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTrailer:
    """A segment's clear end. offset: where it begins."""

    count: int
    ended_because: EndedBecause
    end_at: Instant
    head: bytes
    signature: bytes
    offset: int

    @property
    def is_signed(self) -> bool:
        """False for a trailer that recovery wrote: readers say "not signed"."""
        return self.signature != UNSIGNED


def read_header(data: bytes) -> SegmentHeader:
    """The header at the beginning of a segment file; more bytes may follow it.

    Errors:  BadInput for a version that this program does not know (leave such a file alone);
    Corrupt when the bytes are too few, are no segment, or were changed: such a file holds no
    footage that anyone could open.
    """
    if len(data) < START.size or data[:7] != MAGIC:
        raise Corrupt("these bytes do not begin a sealed segment")
    _, version, body_bytes = START.unpack_from(data)
    if version == 0:
        raise Corrupt("no segment has version 0: a crash left zeros in its header")
    if version != VERSION:
        raise BadInput(f"a segment of format version {version} was made by a newer Fairview")
    if body_bytes > SEGMENT_HEADER_BODY_BYTES_MAX:
        raise Corrupt(f"a segment header of {body_bytes} bytes is over its bound")
    digest_at = START.size + body_bytes
    size_bytes = digest_at + DIGEST_BYTES
    digest = data[digest_at:size_bytes]
    if len(data) < size_bytes or hashlib.sha256(data[:digest_at]).digest() != digest:
        raise Corrupt("a segment's header is cut short or was changed")
    try:
        camera, after_camera = _name(data, START.size)
        stream, after_names = _name(data, after_camera)
        bound_bytes = after_names + AFTER_NAMES.size
        segment, key_pair, created_us, recorder_key = AFTER_NAMES.unpack_from(data, after_names)
        (wrapped_bytes,) = WRAPPED_LENGTH.unpack_from(data, bound_bytes)
        wrapped_at = bound_bytes + WRAPPED_LENGTH.size
        if wrapped_bytes != WRAPPED_BYTES or wrapped_at + wrapped_bytes != digest_at:
            raise BadInput("the lengths in it do not add up")
        return SegmentHeader(
            camera=camera_id(camera),
            stream=stream_name(stream),
            segment=SegmentId(segment.hex()),
            key_pair=KeyPairId(key_pair.hex()),
            created_at=Instant(created_us),
            recorder_key=recorder_key,
            wrapped_key=data[wrapped_at:digest_at],
            bound=data[:bound_bytes],
            digest=digest,
            size_bytes=size_bytes,
        )
    except (struct.error, UnicodeDecodeError, BadInput) as error:
        raise Corrupt("a segment's header holds values that cannot be true") from error


def verify_trailer(header: SegmentHeader, trailer: SegmentTrailer) -> bool:
    """Whether the recorder named in the header signed; False when recovery left it unsigned.

    Errors:  Corrupt for a wrong signature, or an unsigned end that is not a crash.
    """
    if not trailer.is_signed:
        if trailer.ended_because is not EndedBecause.CRASHED:
            raise Corrupt(f"segment {header.segment} has an end that nobody signed")
        return False
    signed = TRAILER_SIGNED.pack(
        TRAILER_MAGIC,
        trailer.count,
        trailer.ended_because.value,
        trailer.end_at.us,
        trailer.head,
    )
    message = HEAD_INFO + bytes.fromhex(header.segment) + signed
    try:
        Ed25519PublicKey.from_public_bytes(header.recorder_key).verify(trailer.signature, message)
    except (InvalidSignature, ValueError) as error:
        raise Corrupt(f"segment {header.segment} ends with a wrong signature") from error
    return True


def sealed_size(payload_bytes: int) -> int:
    """The size of the sealed message over a payload of that many bytes."""
    chunks = payload_bytes // CHUNK_BYTES + 1
    return PREFIX_BYTES + payload_bytes + chunks * TAG_BYTES


def is_sealed_size(sealed_bytes: int) -> bool:
    """Whether some payload within the bounds makes a sealed message of that many bytes."""
    last_chunk = (sealed_bytes - PREFIX_BYTES) % (CHUNK_BYTES + TAG_BYTES)
    smallest = PREFIX_BYTES + TAG_BYTES
    return smallest <= sealed_bytes <= SEALED_BYTES_MAX and last_chunk >= TAG_BYTES


def _name(data: bytes, at: int) -> tuple[str, int]:
    if at >= len(data):
        raise BadInput("a name is cut short")
    end = at + 1 + data[at]
    return data[at + 1 : end].decode("ascii"), end


def is_ended(data: bytes) -> bool:
    """Whether a segment's bytes have a trailer at their end, so that nothing is added any more."""
    return len(data) > TRAILER_BYTES and data[-TRAILER_BYTES:].startswith(TRAILER_MAGIC)
