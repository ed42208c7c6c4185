"""Whole sealed records out of a stretch of a segment file, opened with its key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from fairview.core.errors import Corrupt
from fairview.core.limits import SEALED_BYTES_MAX
from fairview.core.media import Fragment
from fairview.core.time import Instant
from fairview.store.sealing import (
    RECORD_HEADER_BYTES,
    SealedRecord,
    SegmentHeader,
    open_record,
)
from fairview.store.segment_format import FLAG_KEY, RECORD, RECORD_MAGIC


def records_in(data: bytes) -> Iterator[SealedRecord]:
    """The records a stretch begins with; offsets count from its beginning.

    The stretch may begin at any record, so the chain is not checked here: `store.check` does
    that for the file, and opening authenticates number and content.
    Errors:  Corrupt when something else than whole records is found.
    """
    at = 0
    while at < len(data):
        head = data[at : at + RECORD_HEADER_BYTES]
        if len(head) < RECORD_HEADER_BYTES or not head.startswith(RECORD_MAGIC):
            raise Corrupt(f"no whole record begins at byte {at} of this stretch")
        _, number, size, start_us, duration_us, flags, digest, previous = RECORD.unpack(head)
        record = SealedRecord(
            number=number,
            offset=at,
            sealed_bytes=size,
            start_at=Instant(start_us),
            duration_us=duration_us,
            is_key=bool(flags & FLAG_KEY),
            digest=digest,
            previous=previous,
            head=hashlib.sha256(head).digest(),
        )
        if size > SEALED_BYTES_MAX or record.end_offset > len(data):
            raise Corrupt(f"record {number} of this stretch is cut short")
        yield record
        at = record.end_offset


def first_key_record(data: bytes) -> bytes | None:
    """The bytes of the first record that begins with a key frame; None without one."""
    for record in records_in(data):
        if record.is_key:
            return data[record.offset : record.end_offset]
    return None


def fragments_in(header: SegmentHeader, records: bytes, segment_key: bytes) -> Iterator[Fragment]:
    """The fragments of a stretch, in order. Errors: Corrupt when a byte was changed."""
    for record in records_in(records):
        sealed = records[record.sealed_offset : record.end_offset]
        yield open_record(header, record, sealed, segment_key)
