"""A second reader of sealed segment files, from the page alone: a check on page and code alike.

Written from docs/reference/segment-format.md, RFC 9180 and C2SP chunked-encryption without a
look at the reader in use, so that a mistake in either shows as a difference. HPKE and
Cobblestone-256 are spelled out from X25519, HMAC and AES-GCM.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEGMENT_MAGIC = b"FVSEG\x00\x00\x01"
RECORD_MAGIC = b"FVRC"
TRAILER_MAGIC = b"FVND"
BODY_BYTES_MAX = 4096
SEALED_BYTES_MAX = 64 * 1024 * 1024
WRAPPED_BYTES = 80
DIGEST_BYTES = 32
RECORD_BYTES = 92
TRAILER_BYTES = 116
SIGNATURE_BYTES = 64
CRASHED = 6
MOMENT_US_MAX = 253_402_300_799_999_999
PICTURE_PX_MAX = 16_384
DECODE_AWAY_US_MAX = 2**32 - 1
CODECS = {1: "h264", 2: "hevc", 3: "mjpeg", 4: "regions"}

_CAMERA = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z", re.ASCII)

CHUNK_BYTES = 16 * 1024
TAG_BYTES = 16
SALT_BYTES = 24
COMMITMENT_BYTES = 32


class Refused(Exception):
    """The file is not what it says. The message names the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The clear beginning of a file. info is what the segment key is wrapped with."""

    camera: str
    stream: str
    segment: bytes
    key_pair: bytes
    created_us: int
    recorder_key: bytes
    wrapped_key: bytes
    info: bytes
    digest: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record, still sealed. offset is where its clear header begins in the file."""

    number: int
    start_us: int
    duration_us: int
    is_key: bool
    offset: int
    sealed: bytes
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Trailer:
    """How the segment ended. is_signed is False only for one closed after a crash."""

    count: int
    because: int
    end_us: int
    head: bytes
    is_signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A whole file as anyone can check it without a key. No trailer: it still grows."""

    header: Header
    records: tuple[Record, ...]
    head: bytes
    trailer: Trailer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSample:
    """One access unit."""

    ticks: int
    decode_ticks: int
    duration_ticks: int
    is_key: bool
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFragment:
    """What one record held."""

    codec: str
    width_px: int
    height_px: int
    tick_numerator: int
    tick_denominator: int
    parameter_sets: bytes
    start_us: int
    duration_us: int
    samples: tuple[OpenedSample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSegment:
    """A file with everything in it opened and checked."""

    layout: Layout
    fragments: tuple[OpenedFragment, ...]


class _Cursor:
    """Takes bytes from the front and refuses to run past the end."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._what = what
        self.position = 0

    @property
    def left(self) -> int:
        return len(self._data) - self.position

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise Refused(f"{self._what} is short: {count} bytes wanted, {self.left} there")
        self.position += count
        return self._data[self.position - count : self.position]

    def unsigned(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def signed(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big", signed=True)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def read_clear_header(data: bytes) -> Header:
    """The header at the beginning of a file.

    Errors:  Refused when it is short, of another version, or its digest differs.
    """
    cursor = _Cursor(data, "the header")
    if cursor.take(8) != SEGMENT_MAGIC:
        raise Refused("this is no segment of version 1")
    body_bytes = cursor.unsigned(4)
    if body_bytes > BODY_BYTES_MAX:
        raise Refused(f"the header claims {body_bytes} bytes")
    cursor.take(body_bytes)
    covered = data[: cursor.position]
    digest = cursor.take(DIGEST_BYTES)
    if digest != sha256(covered):
        raise Refused("the header's digest differs")
    body = _Cursor(covered[12:], "the header's body")
    camera = body.take(body.unsigned(1)).decode("latin-1")
    stream = body.take(body.unsigned(1)).decode("latin-1")
    if not _CAMERA.match(camera):
        raise Refused(f"{camera!r} is no camera's id")
    if stream not in ("main", "sub", "cover"):
        raise Refused(f"{stream!r} is no stream")
    segment, key_pair = body.take(16), body.take(16)
    created_us = _moment(body.signed(8), "created")
    recorder_key = body.take(32)
    info = b"fairview/1 segment key\x00" + covered[: 12 + body.position]
    if body.unsigned(2) != WRAPPED_BYTES:
        raise Refused("a wrapped key is 80 bytes")
    wrapped_key = body.take(WRAPPED_BYTES)
    if body.left:
        raise Refused("the header's body goes on after the wrapped key")
    return Header(
        camera=camera,
        stream=stream,
        segment=segment,
        key_pair=key_pair,
        created_us=created_us,
        recorder_key=recorder_key,
        wrapped_key=wrapped_key,
        info=info,
        digest=digest,
        size_bytes=cursor.position,
    )


def lay_out(data: bytes) -> Layout:
    """Every check that needs no key, on the whole file.

    Errors:  Refused at the first thing that differs from the page.
    """
    header = read_clear_header(data)
    records: list[Record] = []
    head, position = header.digest, header.size_bytes
    while position < len(data) and data[position : position + 4] != TRAILER_MAGIC:
        record = _read_record(data, position, len(records), head)
        records.append(record)
        head = record.digest
        position += RECORD_BYTES + len(record.sealed)
    trailer = None
    if position < len(data):
        trailer = _read_trailer(data[position:], header, records, head)
    return Layout(header=header, records=tuple(records), head=head, trailer=trailer)


def sound_bytes(data: bytes) -> int:
    """Where recovery cuts the file: behind the last record that is whole and in its place.

    Errors:  Refused when not even the header stands.
    """
    header = read_clear_header(data)
    head, position, number = header.digest, header.size_bytes, 0
    while True:
        try:
            record = _read_record(data, position, number, head)
        except Refused:
            return position
        head, number = record.digest, number + 1
        position += RECORD_BYTES + len(record.sealed)


def open_segment(data: bytes, private: bytes) -> OpenedSegment:
    """The whole file, opened with the X25519 private half of its key pair.

    Errors:  Refused for anything that differs from the page, and for the wrong key.
    """
    layout = lay_out(data)
    key = open_segment_key(layout.header, private)
    return OpenedSegment(
        layout=layout,
        fragments=tuple(open_fragment(record, key, layout.header) for record in layout.records),
    )


def open_segment_key(header: Header, private: bytes) -> bytes:
    """The 32-byte segment key.

    Errors:  Refused when the private half is another pair's or the header was changed.
    """
    return hpke_open(private, header.wrapped_key[:32], header.info, header.wrapped_key[32:])


def open_fragment(record: Record, key: bytes, header: Header) -> OpenedFragment:
    """One record's fragment.

    Errors:  Refused when the message does not open or does not say what its header says.
    """
    context = b"fairview/1" + header.segment + struct.pack(">I", record.number)
    return _read_payload(cobblestone_open(record.sealed, key, context), record)


def hpke_open(private: bytes, enc: bytes, info: bytes, sealed: bytes) -> bytes:
    """RFC 9180 single-shot open: base mode, X25519, HKDF-SHA256, AES-256-GCM, no AAD.

    Errors:  Refused when it does not open.
    """
    try:
        half = X25519PrivateKey.from_private_bytes(private)
        public = half.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        shared = half.exchange(X25519PublicKey.from_public_bytes(enc))
        key, nonce = hpke_schedule(shared, enc, public, info)
        return AESGCM(key).decrypt(nonce, sealed, b"")
    except (ValueError, InvalidTag) as error:
        raise Refused("the segment key does not open") from error


def hpke_schedule(shared: bytes, enc: bytes, public: bytes, info: bytes) -> tuple[bytes, bytes]:
    """AES key and first nonce from the Diffie-Hellman result (RFC 9180, sections 4.1 and 5.1)."""
    kem = b"KEM\x00\x20"
    suite = b"HPKE\x00\x20\x00\x01\x00\x02"
    prk = _labeled_extract(kem, b"", b"eae_prk", shared)
    shared_secret = _labeled_expand(kem, prk, b"shared_secret", enc + public, 32)
    psk_id_hash = _labeled_extract(suite, b"", b"psk_id_hash", b"")
    info_hash = _labeled_extract(suite, b"", b"info_hash", info)
    context = b"\x00" + psk_id_hash + info_hash
    secret = _labeled_extract(suite, shared_secret, b"secret", b"")
    key = _labeled_expand(suite, secret, b"key", context, 32)
    return key, _labeled_expand(suite, secret, b"base_nonce", context, 12)


def cobblestone_seal(payload: bytes, key: bytes, context: bytes, salt: bytes) -> bytes:
    """One chunked-encryption message under a salt of the caller's choice, for test vectors."""
    aead, nonce, commitment = _cobblestone_keys(key, context, salt)
    starts = range(0, len(payload) + 1, CHUNK_BYTES)
    chunks = [
        AESGCM(aead).encrypt(_chunk_nonce(nonce, number), payload[at : at + CHUNK_BYTES], None)
        for number, at in enumerate(starts)
    ]
    return salt + commitment + b"".join(chunks)


def cobblestone_open(message: bytes, key: bytes, context: bytes) -> bytes:
    """What a chunked-encryption message holds.

    Errors:  Refused when it is cut, extended, changed, or under another key or context.
    """
    start = SALT_BYTES + COMMITMENT_BYTES
    if not is_message_length(len(message)):
        raise Refused(f"no message is {len(message)} bytes long")
    aead, nonce, commitment = _cobblestone_keys(key, context, message[:SALT_BYTES])
    if commitment != message[SALT_BYTES:start]:
        raise Refused("the message is committed to another key")
    step = CHUNK_BYTES + TAG_BYTES
    try:
        return b"".join(
            AESGCM(aead).decrypt(_chunk_nonce(nonce, number), message[at : at + step], None)
            for number, at in enumerate(range(start, len(message), step))
        )
    except InvalidTag as error:
        raise Refused("a chunk does not open") from error


def is_message_length(length: int) -> bool:
    """Whether some payload makes a message of this many bytes: the last chunk is there, short."""
    rest = length - SALT_BYTES - COMMITMENT_BYTES
    return rest >= 0 and rest % (CHUNK_BYTES + TAG_BYTES) >= TAG_BYTES


def hkdf_expand(prk: bytes, info: bytes, length: int, hash_name: str) -> bytes:
    """RFC 5869, section 2.3."""
    output, block, number = b"", b"", 1
    while len(output) < length:
        block = hmac.digest(prk, block + info + bytes([number]), hash_name)
        output, number = output + block, number + 1
    return output[:length]


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + suite + label + material, "sha256")


def _labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labeled = struct.pack(">H", length) + b"HPKE-v1" + suite + label + info
    return hkdf_expand(prk, labeled, length, "sha256")


def _cobblestone_keys(key: bytes, context: bytes, salt: bytes) -> tuple[bytes, bytes, bytes]:
    """AES key, base nonce and commitment."""
    assert len(key) == 32
    assert len(salt) == SALT_BYTES
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    output = hkdf_expand(key, info, 32 + 12 + COMMITMENT_BYTES, "sha512")
    return output[:32], output[32:44], output[44:]


def _chunk_nonce(nonce: bytes, number: int) -> bytes:
    return (int.from_bytes(nonce, "big") ^ number).to_bytes(12, "big")


def _moment(us: int, what: str) -> int:
    if not 0 <= us <= MOMENT_US_MAX:
        raise Refused(f"{what} does not lie between 1970 and 9999")
    return us


def _read_record(data: bytes, position: int, number: int, previous: bytes) -> Record:
    clear = data[position : position + RECORD_BYTES]
    cursor = _Cursor(clear, "a record's header")
    if cursor.take(4) != RECORD_MAGIC:
        raise Refused("neither a record nor a trailer begins here")
    claimed, sealed_bytes = cursor.unsigned(4), cursor.unsigned(4)
    start_us, duration_us, flags = cursor.signed(8), cursor.unsigned(4), cursor.unsigned(4)
    digest, chained = cursor.take(32), cursor.take(32)
    if claimed != number:
        raise Refused(f"record {claimed} stands where record {number} belongs")
    if sealed_bytes > SEALED_BYTES_MAX or not is_message_length(sealed_bytes):
        raise Refused(f"no record is {sealed_bytes} bytes long")
    if duration_us == 0 or flags > 1:
        raise Refused(f"record {number} has no length in time, or unknown flags")
    _moment(_moment(start_us, "a record's start") + duration_us, "a record's end")
    if chained != previous:
        raise Refused(f"record {number} does not follow what stands before it")
    body = position + RECORD_BYTES
    sealed = data[body : body + sealed_bytes]
    if len(sealed) != sealed_bytes or sha256(sealed) != digest:
        raise Refused(f"record {number} is short or its digest differs")
    return Record(
        number=number,
        start_us=start_us,
        duration_us=duration_us,
        is_key=flags == 1,
        offset=position,
        sealed=sealed,
        digest=sha256(clear),
    )


def _read_trailer(data: bytes, header: Header, records: list[Record], head: bytes) -> Trailer:
    if len(data) != TRAILER_BYTES:
        raise Refused("the trailer is cut short, or something follows it")
    cursor = _Cursor(data, "the trailer")
    cursor.take(4)
    count, because, end_us = cursor.unsigned(4), cursor.unsigned(4), cursor.signed(8)
    if count != len(records):
        raise Refused(f"the trailer counts {count} records, there are {len(records)}")
    if not 1 <= because <= 8:
        raise Refused(f"no segment ends because of {because}")
    _moment(end_us, "the segment's end")
    if records and end_us != max(one.start_us + one.duration_us for one in records):
        raise Refused("the trailer's end is not the latest end of any record")
    if cursor.take(32) != head:
        raise Refused("the trailer's head is not the chain's")
    clear, signature = data[: cursor.position], cursor.take(SIGNATURE_BYTES)
    is_signed = any(signature)
    if not is_signed and because != CRASHED:
        raise Refused("only a segment that crashed may be without a signature")
    if is_signed:
        signed = b"fairview/1 segment head\x00" + header.segment + clear
        try:
            Ed25519PublicKey.from_public_bytes(header.recorder_key).verify(signature, signed)
        except (InvalidSignature, ValueError) as error:
            raise Refused("the trailer's signature is wrong") from error
    return Trailer(count=count, because=because, end_us=end_us, head=head, is_signed=is_signed)


def _read_payload(payload: bytes, record: Record) -> OpenedFragment:
    cursor = _Cursor(payload, f"what record {record.number} holds")
    kind, codec = cursor.unsigned(1), cursor.unsigned(1)
    if kind != 1 or codec not in CODECS:
        raise Refused(f"record {record.number} holds an unknown kind or codec")
    width, height, numerator, denominator = (cursor.unsigned(size) for size in (2, 2, 4, 4))
    if not (min(width, height) > 0 and max(width, height) <= PICTURE_PX_MAX):
        raise Refused(f"record {record.number} holds pictures of {width}x{height}")
    if not numerator * denominator:
        raise Refused(f"record {record.number} counts in ticks of no length")
    parameter_sets = cursor.take(cursor.unsigned(4))
    count = cursor.unsigned(4)
    if count == 0:
        raise Refused(f"record {record.number} holds no sample")
    table = list(struct.iter_unpack(">qqIIB", cursor.take(25 * count)))
    if any(size == 0 or flags > 1 for *_, size, flags in table):
        raise Refused(f"record {record.number} has a sample without bytes or of unknown flags")
    _in_time([one[:2] for one in table], Fraction(numerator, denominator), record)
    samples = [
        OpenedSample(
            ticks=ticks,
            decode_ticks=decode_ticks,
            duration_ticks=duration_ticks,
            is_key=flags == 1,
            data=cursor.take(size),
        )
        for ticks, decode_ticks, duration_ticks, size, flags in table
    ]
    if cursor.left:
        raise Refused(f"record {record.number} goes on after its last sample")
    if samples[0].is_key != record.is_key:
        raise Refused(f"record {record.number} and its first sample differ about the key frame")
    return OpenedFragment(
        codec=CODECS[codec],
        width_px=width,
        height_px=height,
        tick_numerator=numerator,
        tick_denominator=denominator,
        parameter_sets=parameter_sets,
        start_us=record.start_us,
        duration_us=record.duration_us,
        samples=tuple(samples),
    )


def _in_time(times: Sequence[tuple[int, int]], tick_s: Fraction, record: Record) -> None:
    """Each sample's ticks and decode ticks: shown within the record, decoded in order."""
    tick_us, first = tick_s * 1_000_000, min(shown for shown, _ in times)
    if any(later <= decoded for (_, decoded), (_, later) in pairwise(times)):
        raise Refused(f"record {record.number} is not in decoding order")
    for shown, decoded in times:
        away_us = (decoded - first) * tick_us
        if not -DECODE_AWAY_US_MAX <= away_us < DECODE_AWAY_US_MAX + 1:
            raise Refused(f"record {record.number} has a sample decoded at another time")
        if (shown - first) * tick_us >= record.duration_us + 1:
            raise Refused(f"record {record.number} ends before its last sample is shown")
