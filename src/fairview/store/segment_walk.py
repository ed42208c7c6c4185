"""Walk a segment file to its first fault, without any key.

Source:  docs/reference/segment-format.md, "Recovery" and "Refusals".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from fairview.core.errors import BadInput, Corrupt
from fairview.core.media import EndedBecause
from fairview.core.time import Instant
from fairview.store.segment_format import (
    FLAG_KEY,
    HEADER_BYTES_MAX,
    RECORD,
    RECORD_HEADER_BYTES,
    RECORD_MAGIC,
    TRAILER_BYTES,
    TRAILER_MAGIC,
    TRAILER_SIGNED,
    SealedRecord,
    SegmentHeader,
    SegmentTrailer,
    is_sealed_size,
    read_header,
    verify_trailer,
)

_STEP_BYTES: Final = 1024 * 1024

Read = Callable[[int, int], bytes]
"""read(start, length) gives a file's bytes, fewer only at its end."""

FaultKind = Literal[
    "short", "magic", "number", "previous", "length", "time", "flags", "digest", "trailer",
    "signature", "trailing",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkFault:
    """The first thing wrong in a segment file. offset: of the record, trailer or left-over."""

    kind: FaultKind
    offset: int
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What a segment file holds, up to its first fault.

    good_bytes: where recovery cuts the file; equal to its size when there is no fault.
    trailer: None while the segment is open (or its end is faulty). head: the chain head after
    the good records. end_at: the latest end of any record, None without records.
    """

    header: SegmentHeader
    records: tuple[SealedRecord, ...]
    trailer: SegmentTrailer | None
    good_bytes: int
    fault: WalkFault | None

    @property
    def head(self) -> bytes:
        return self.records[-1].head if self.records else self.header.digest

    @property
    def end_at(self) -> Instant | None:
        return max((record.span.end for record in self.records), default=None)


def walk(read: Read, size_bytes: int, *, verify_digests: bool = True) -> Walk:
    """Read a segment file from its beginning to its first fault. Needs no key.

    Without verify_digests only clear headers are read (92 bytes a record) and the sealed bytes
    are not looked at; with it they are hashed a megabyte at a time, so memory stays small either
    way.

    Errors:  as `read_header`, for the header; everything after it is reported as a fault.
    HOLE:    in a file that has not ended, nothing ties down start, duration and flags of the
             newest record (its header is covered by the next record or the trailer). Whoever can
             write to the disk can shift the last 2 s of a crashed segment.
    """
    header = read_header(read(0, min(size_bytes, HEADER_BYTES_MAX)))
    return _Walker(read, size_bytes, header, verify_digests).run()


def holds_record(read: Read, size_bytes: int, start: int) -> bool:
    """Whether a whole record stands at `start` or behind it: one whose message has its digest.

    For telling damage from what a crash leaves. The other fields of its header are not asked, as
    they may be what was damaged; at `start` itself not even the magic is.
    Cost:    reads from start to the end, and hashes no more than the file's size: a file with
             more places that look like a record counts as one that holds one.
    """
    left = size_bytes
    for at, head in _heads(read, size_bytes, start):
        _, _, sealed_bytes, _, _, _, digest, _ = RECORD.unpack(head)
        sealed_at = at + RECORD_HEADER_BYTES
        if not is_sealed_size(sealed_bytes) or sealed_at + sealed_bytes > size_bytes:
            continue
        left -= sealed_bytes
        if left < 0 or _digest(read, sealed_at, sealed_bytes) == digest:
            return True
    return False


def _heads(read: Read, size_bytes: int, start: int) -> Iterator[tuple[int, bytes]]:
    """The bytes that could be a record's header: those at start, and behind every magic."""
    for at in range(start, size_bytes, _STEP_BYTES):
        window = read(at, _STEP_BYTES + RECORD_HEADER_BYTES - 1)
        found = 0 if at == start else window.find(RECORD_MAGIC)
        while 0 <= found < _STEP_BYTES and found + RECORD_HEADER_BYTES <= len(window):
            yield at + found, window[found : found + RECORD_HEADER_BYTES]
            found = window.find(RECORD_MAGIC, found + 1)


def _digest(read: Read, start: int, length: int) -> bytes | None:
    """SHA-256 of a stretch; None when the file ends before it does."""
    digest = hashlib.sha256()
    end = start + length
    while start < end:
        piece = read(start, min(_STEP_BYTES, end - start))
        if not piece:
            return None
        digest.update(piece)
        start += len(piece)
    return digest.digest()


class _Faulty(Exception):
    def __init__(self, kind: FaultKind, because: str) -> None:
        self.kind: FaultKind = kind
        self.because = because


class _Walker:
    def __init__(
        self,
        read: Read,
        size_bytes: int,
        header: SegmentHeader,
        verify_digests: bool,
    ) -> None:
        self._read = read
        self._size = size_bytes
        self._header = header
        self._verify_digests = verify_digests
        self._records: list[SealedRecord] = []
        self._head = header.digest
        self._at = header.size_bytes
        self._trailer: SegmentTrailer | None = None

    def run(self) -> Walk:
        fault: WalkFault | None = None
        try:
            while self._at < self._size:
                self._step()
        except _Faulty as faulty:
            fault = WalkFault(kind=faulty.kind, offset=self._at, because=faulty.because)
        return Walk(
            header=self._header,
            records=tuple(self._records),
            trailer=self._trailer,
            good_bytes=self._at,
            fault=fault,
        )

    def _step(self) -> None:
        if self._trailer is not None:
            raise _Faulty("trailing", f"{self._size - self._at} bytes follow the segment's end")
        head = self._read(self._at, min(TRAILER_BYTES, self._size - self._at))
        if head[:4] == TRAILER_MAGIC:
            self._trailer = self._read_trailer(head)
            self._at += TRAILER_BYTES
            return
        record = self._read_record(head[:RECORD_HEADER_BYTES])
        if self._verify_digests and self._digest_of(record) != record.digest:
            raise _Faulty("digest", f"the sealed bytes of record {record.number} were changed")
        self._records.append(record)
        self._head = record.head
        self._at = record.end_offset

    def _read_record(self, data: bytes) -> SealedRecord:
        if not RECORD_MAGIC.startswith(data[:4]):
            raise _Faulty("magic", "neither a record nor an end begins here")
        if len(data) < RECORD_HEADER_BYTES:
            raise _Faulty("short", "a record's header is cut short")
        _, number, sealed_bytes, start_us, duration_us, flags, digest, previous = RECORD.unpack(
            data
        )
        if number != len(self._records):
            raise _Faulty("number", f"record {number} stands where {len(self._records)} belongs")
        if previous != self._head:
            raise _Faulty("previous", f"record {number} does not follow the one before it")
        if flags & ~FLAG_KEY:
            raise _Faulty("flags", f"record {number} carries unknown flags")
        if not is_sealed_size(sealed_bytes):
            raise _Faulty("length", f"record {number} cannot be {sealed_bytes} bytes long")
        try:
            record = SealedRecord(
                number=number,
                offset=self._at,
                sealed_bytes=sealed_bytes,
                start_at=Instant(start_us),
                duration_us=duration_us,
                is_key=bool(flags & FLAG_KEY),
                digest=digest,
                previous=previous,
                head=hashlib.sha256(data).digest(),
            )
            assert record.span.duration_us == duration_us
        except BadInput as error:
            raise _Faulty("time", f"record {number} has an impossible time") from error
        if record.end_offset > self._size:
            raise _Faulty("short", f"the sealed bytes of record {number} are cut short")
        return record

    def _digest_of(self, record: SealedRecord) -> bytes:
        digest = _digest(self._read, record.sealed_offset, record.sealed_bytes)
        if digest is None:
            raise _Faulty("short", f"the sealed bytes of record {record.number} are cut short")
        return digest

    def _read_trailer(self, data: bytes) -> SegmentTrailer:
        if len(data) < TRAILER_BYTES:
            raise _Faulty("short", "the segment's end is cut short")
        _, count, because, end_us, head = TRAILER_SIGNED.unpack_from(data)
        try:
            trailer = SegmentTrailer(
                count=count,
                ended_because=EndedBecause(because),
                end_at=Instant(end_us),
                head=head,
                signature=data[TRAILER_SIGNED.size :],
                offset=self._at,
            )
        except (ValueError, BadInput) as error:
            raise _Faulty("trailer", "the segment's end holds impossible values") from error
        if count != len(self._records) or head != self._head:
            raise _Faulty("trailer", "the segment's end does not match its records")
        latest = max((record.span.end for record in self._records), default=trailer.end_at)
        if trailer.end_at != latest:
            raise _Faulty("trailer", "the segment's end is not the latest end of its records")
        try:
            verify_trailer(self._header, trailer)
        except Corrupt as error:
            raise _Faulty("signature", str(error)) from error
        return trailer
