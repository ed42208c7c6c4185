"""The sealed segment file: written once, walked without a key, opened with one.

Source:  docs/reference/segment-format.md; decisions 4 and 5. Sealing is C2SP chunked-encryption
(Cobblestone-256) per fragment, the segment key is wrapped with HPKE (RFC 9180).
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import Final

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from fairview.core.errors import BadInput, Corrupt
from fairview.core.ids import CameraId, KeyPairId, SegmentId, StreamName, is_hex_id
from fairview.core.limits import SEALED_BYTES_MAX, SEALING_ROOM_BYTES_MAX, SEALING_ROOMS_MAX
from fairview.core.media import EndedBecause, Fragment
from fairview.core.time import Instant
from fairview.store.payload import fragment_parts, read_fragment
from fairview.store.segment_format import (
    AFTER_NAMES,
    FLAG_KEY,
    HEAD_INFO,
    HEADER_BYTES_MAX,
    MAGIC,
    RECORD,
    RECORD_HEADER_BYTES,
    RECORD_MAGIC,
    START,
    TRAILER_BYTES,
    TRAILER_MAGIC,
    TRAILER_SIGNED,
    UNSIGNED,
    VERSION,
    WRAPPED_BYTES,
    WRAPPED_LENGTH,
    SealedRecord,
    SegmentHeader,
    SegmentTrailer,
    read_header,
    sealed_size,
    verify_trailer,
)
from fairview.store.segment_walk import FaultKind, Walk, WalkFault, walk

__all__ = [
    "HEADER_BYTES_MAX",
    "RECORD_HEADER_BYTES",
    "SEGMENT_KEY_BYTES",
    "TRAILER_BYTES",
    "UNSIGNED",
    "FaultKind",
    "SealedRecord",
    "SegmentHeader",
    "SegmentSealer",
    "SegmentTrailer",
    "Walk",
    "WalkFault",
    "new_key_pair",
    "open_key",
    "open_record",
    "read_header",
    "recovery_trailer",
    "sealed_size",
    "verify_trailer",
    "walk",
]

SEGMENT_KEY_BYTES: Final = 32

_KEY_INFO: Final = b"fairview/1 segment key\x00"
_RECORD_CONTEXT: Final = b"fairview/1"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class SegmentSealer:
    """Turns fragments into the bytes of one segment file. Used by one thread.

    Append `header` and make it durable, then every `seal`, then one `end`. Holds the segment key
    in memory only as long as the object lives; nothing reads it back.

    Cost:    sealing 1 MB takes AES-256-GCM and SHA-256 of it and one copy at the end.
    """

    def __init__(  # noqa: PLR0913 - one header field each
        self,
        *,
        camera: CameraId,
        stream: StreamName,
        segment: SegmentId,
        key_pair: KeyPairId,
        public_half: bytes,
        signer: Ed25519PrivateKey,
        created_at: Instant,
    ) -> None:
        """Errors:  BadInput when the public half is not a usable X25519 key."""
        assert is_hex_id(segment), segment
        assert is_hex_id(key_pair), key_pair
        self._segment = bytes.fromhex(segment)
        self._signer = signer
        self._key = Cobblestone256Encryptor.generate_key()
        names = b"".join(
            len(name).to_bytes(1, "big") + name
            for name in (camera.encode("ascii"), stream.encode("ascii"))
        )
        fixed = AFTER_NAMES.pack(
            self._segment,
            bytes.fromhex(key_pair),
            created_at.us,
            signer.public_key().public_bytes_raw(),
        )
        body_bytes = len(names) + len(fixed) + WRAPPED_LENGTH.size + WRAPPED_BYTES
        bound = START.pack(MAGIC, VERSION, body_bytes) + names + fixed
        wrapped = _wrap(self._key, public_half, bound)
        before_digest = bound + WRAPPED_LENGTH.pack(len(wrapped)) + wrapped
        digest = hashlib.sha256(before_digest).digest()
        self._header = before_digest + digest
        self._head = digest
        self._count = 0
        self._end_at = created_at
        self._ended = False

    @property
    def header(self) -> bytes:
        """The file's beginning, durable before any record."""
        return self._header

    @property
    def head(self) -> bytes:
        """The chain head after the records sealed so far (32 bytes)."""
        return self._head

    @property
    def count(self) -> int:
        """Records sealed so far."""
        return self._count

    def seal(self, fragment: Fragment) -> bytes:
        """The next record: its clear header and the sealed fragment.

        Errors:  BadInput when the fragment is over a bound of the format; nothing changed then.
        """
        assert not self._ended, "a segment that has ended takes no more records"
        if not 0 < fragment.duration_us < 1 << 32:
            raise BadInput(f"a fragment of {fragment.duration_us} us does not fit a record")
        parts = fragment_parts(fragment)
        sealed_bytes = sealed_size(sum(map(len, parts)))
        if sealed_bytes > SEALED_BYTES_MAX:
            raise BadInput(f"a fragment of {sealed_bytes} bytes is more than one record may hold")
        room = _room_of(RECORD_HEADER_BYTES + sealed_bytes)
        record = memoryview(room)[: RECORD_HEADER_BYTES + sealed_bytes]
        sealed = record[RECORD_HEADER_BYTES:]
        encryptor = Cobblestone256Encryptor(self._key, _context(self._segment, self._count))
        at = 0
        for part in parts:
            at += encryptor.update_into(part, sealed[at:])
        sealed[at:] = encryptor.finalize()
        header = RECORD.pack(
            RECORD_MAGIC,
            self._count,
            sealed_bytes,
            fragment.start_at.us,
            fragment.duration_us,
            FLAG_KEY if fragment.is_key else 0,
            hashlib.sha256(sealed).digest(),
            self._head,
        )
        record[:RECORD_HEADER_BYTES] = header
        end_at = fragment.span.end
        self._end_at = max(self._end_at, end_at) if self._count else end_at
        self._count += 1
        self._head = hashlib.sha256(header).digest()
        sealed_record = bytes(record)
        _give_back(room)
        return sealed_record

    def end(self, because: EndedBecause, end_at: Instant | None = None) -> bytes:
        """The trailer: nothing follows it.

        end_at: the end of a segment without records (its creation when left out). With records
        the trailer carries the latest end of any of them, as the format says.
        """
        assert not self._ended, "a segment ends once"
        self._ended = True
        if self._count == 0 and end_at is not None:
            self._end_at = end_at
        signed = TRAILER_SIGNED.pack(
            TRAILER_MAGIC, self._count, because.value, self._end_at.us, self._head
        )
        return signed + self._signer.sign(HEAD_INFO + self._segment + signed)


def new_key_pair() -> tuple[bytes, bytes]:
    """A fresh X25519 key pair as raw 32-byte halves: private, public."""
    private = X25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def open_key(header: SegmentHeader, private_half: bytes) -> bytes:
    """The 32-byte segment key. Errors: Corrupt when this half does not open this header."""
    try:
        private = X25519PrivateKey.from_private_bytes(private_half)
        key = _SUITE.decrypt(header.wrapped_key, private, info=_KEY_INFO + header.bound)
    except (InvalidTag, ValueError) as error:
        raise Corrupt(
            f"the key pair does not open segment {header.segment}: another pair, or changed bytes"
        ) from error
    if len(key) != SEGMENT_KEY_BYTES:
        raise Corrupt(f"segment {header.segment} wraps a key of {len(key)} bytes")
    return key


def open_record(
    header: SegmentHeader, record: SealedRecord, sealed: bytes, segment_key: bytes
) -> Fragment:
    """The fragment of one record; every byte of `sealed` is authenticated.

    Errors:  Corrupt when a byte differs, or the message belongs to another record or segment.
    """
    context = _context(bytes.fromhex(header.segment), record.number)
    decryptor = Cobblestone256Decryptor(segment_key, context)
    try:
        payload = decryptor.update(sealed) + decryptor.finalize()
    except (InvalidTag, ValueError) as error:
        raise Corrupt(f"record {record.number} of segment {header.segment} was changed") from error
    fragment = read_fragment(payload, start_at=record.start_at, duration_us=record.duration_us)
    if fragment.is_key != record.is_key:
        raise Corrupt(f"record {record.number} of segment {header.segment} has a wrong key flag")
    return fragment


def recovery_trailer(
    walk: Walk, signer: Ed25519PrivateKey | None, because: EndedBecause = EndedBecause.CRASHED
) -> bytes:
    """The trailer for a segment whose writer crashed, to append at `walk.good_bytes`.

    Signed only when the signer is the recorder that began the segment; else it is unsigned and
    always says crashed. A recorder that closes its own segment after a disk failure says so in
    `because`.
    """
    assert walk.trailer is None, "a segment ends once"
    header = walk.header
    is_own = signer is not None and (signer.public_key().public_bytes_raw() == header.recorder_key)
    signed = TRAILER_SIGNED.pack(
        TRAILER_MAGIC,
        len(walk.records),
        (because if is_own else EndedBecause.CRASHED).value,
        (walk.end_at or header.created_at).us,
        walk.head,
    )
    if signer is None or not is_own:
        return signed + UNSIGNED
    return signed + signer.sign(HEAD_INFO + bytes.fromhex(header.segment) + signed)


def _wrap(segment_key: bytes, public_half: bytes, bound: bytes) -> bytes:
    try:
        public = X25519PublicKey.from_public_bytes(public_half)
        wrapped = _SUITE.encrypt(segment_key, public, info=_KEY_INFO + bound)
    except ValueError as error:
        raise BadInput("a public half is not a usable X25519 key") from error
    assert len(wrapped) == WRAPPED_BYTES, len(wrapped)
    return wrapped


def _context(segment: bytes, number: int) -> bytes:
    return _RECORD_CONTEXT + segment + number.to_bytes(4, "big")


_rooms: Final[deque[bytearray]] = deque(maxlen=SEALING_ROOMS_MAX)
"""Working space that sealers share, in any thread: a megabyte freed and taken anew for every
fragment costs more in page faults than sealing it does. What lies in it is sealed already."""


def _room_of(size_bytes: int) -> bytearray:
    try:
        room = _rooms.pop()
    except IndexError:
        return bytearray(size_bytes)
    return room if len(room) >= size_bytes else bytearray(size_bytes)


def _give_back(room: bytearray) -> None:
    if len(room) <= SEALING_ROOM_BYTES_MAX:
        _rooms.append(room)
