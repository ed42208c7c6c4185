"""What one segment's blob says by itself, closing it after a crash, and where footage is missing.

Needs no key for any of it. check.py uses it for start-up recovery, checks and rebuilding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.errors import Corrupt
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import HOLE_US_MIN
from fairview.core.media import EndedBecause, Gap, GapBecause, Segment
from fairview.core.time import Instant, Span
from fairview.store.contracts import Blobs, Recovered
from fairview.store.sealing import (
    HEADER_BYTES_MAX,
    RECORD_HEADER_BYTES,
    TRAILER_BYTES,
    Walk,
    WalkFault,
    recovery_trailer,
    walk,
)
from fairview.store.segment_format import RECORD, TRAILER_MAGIC
from fairview.store.segment_walk import holds_record


def walk_blob(blobs: Blobs, name: str, *, verify_digests: bool = True) -> Walk:
    """Errors:  NotFound, Unavailable; Corrupt without a readable header; BadInput for a newer
    version."""
    return walk(
        lambda start, length: blobs.read(name, start, length),
        blobs.size_bytes(name),
        verify_digests=verify_digests,
    )


def segment_row(name: str, found: Walk) -> Segment | None:
    """The row that a walked blob calls for; None while it holds no footage."""
    end_at = found.end_at
    if end_at is None:
        return None
    header, trailer = found.header, found.trailer
    return Segment(
        id=header.segment,
        camera=header.camera,
        stream=header.stream,
        span=Span(start=min(record.start_at for record in found.records), end=end_at),
        size_bytes=found.good_bytes,
        fragments=len(found.records),
        key_pair=header.key_pair,
        blob=name,
        head=None if trailer is None else found.head.hex(),
        ended_because=None if trailer is None else trailer.ended_because,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """A blob that has ended: recovered None when it held no footage and was removed. holes: where
    footage is missing inside the segment."""

    recovered: Recovered | None
    holes: tuple[Gap, ...] = ()


def mend_blob(blobs: Blobs, name: str, signers: Sequence[Ed25519PrivateKey]) -> Mended:
    """End a blob whose writer crashed: cut what is not whole, append a trailer, sync.

    A blob that ended by itself stays as it is. Safe to repeat after a crash at any point.
    signers: the recorders' keys at hand; without the right one the trailer stays unsigned.

    Errors:  as `stopped_walk`: such a blob is kept as it is, for a person to look at.
    Cost:    reads the blob once, what lies behind a fault once more.
    """
    found = stopped_walk(blobs, name)
    if found is None:
        blobs.remove(name)
        return Mended(recovered=None)
    cut_bytes = blobs.size_bytes(name) - found.good_bytes
    if cut_bytes:
        blobs.cut(name, found.good_bytes)
    if found.trailer is None:
        _end(blobs, name, found, signers)
        found = walk_blob(blobs, name, verify_digests=False)
    row = segment_row(name, found)
    assert row is not None
    assert row.ended_because is not None
    recovered = Recovered(segment=row, cut_bytes=cut_bytes, ended_because=row.ended_because)
    return Mended(recovered=recovered, holes=holes_inside(found))


def stopped_walk(blobs: Blobs, name: str) -> Walk | None:
    """What stands in a blob whose writer stopped, torn at its end at most; None when it holds no
    footage that anyone could open, and may go.

    Errors:  as `walk_blob`; Corrupt for what no crash leaves: a damaged header with more than a
    header behind it, or a fault with a whole record or an end behind it.
    """
    try:
        found = walk_blob(blobs, name)
    except Corrupt:
        if blobs.size_bytes(name) > HEADER_BYTES_MAX or _holds_record(blobs, name, 0):
            raise
        return None
    if found.fault is not None and _goes_on(blobs, name, found.fault):
        raise Corrupt(f"{name} is damaged before its end, which no crash does; it is kept as it is")
    return found if found.records else None


def _goes_on(blobs: Blobs, name: str, fault: WalkFault) -> bool:
    """Whether more than one torn record lies behind a fault: each record is synced before the
    next one begins, so a crash tears the last one only."""
    size_bytes = blobs.size_bytes(name)
    if fault.kind == "digest":
        head = blobs.read(name, fault.offset, RECORD_HEADER_BYTES)
        sealed_bytes = RECORD.unpack(head)[2]
        if fault.offset + RECORD_HEADER_BYTES + int(sealed_bytes) < size_bytes:
            return True
    end_at = size_bytes - TRAILER_BYTES
    if fault.offset < end_at and blobs.read(name, end_at, 4) == TRAILER_MAGIC:
        return True
    return _holds_record(blobs, name, fault.offset)


def _holds_record(blobs: Blobs, name: str, start: int) -> bool:
    return holds_record(
        lambda at, length: blobs.read(name, at, length), blobs.size_bytes(name), start
    )


def _end(blobs: Blobs, name: str, found: Walk, signers: Sequence[Ed25519PrivateKey]) -> None:
    signer = next(
        (
            one
            for one in signers
            if one.public_key().public_bytes_raw() == found.header.recorder_key
        ),
        None,
    )
    with closing(blobs.reopen(name)) as blob:
        blob.append(recovery_trailer(found, signer))
        blob.sync()


def holes_inside(found: Walk) -> tuple[Gap, ...]:
    """Where records of one segment lie apart: packets were lost while it went on."""
    spans = sorted(record.span for record in found.records)
    holes, until = [], spans[0].end if spans else Instant(0)
    for span in spans[1:]:
        if span.start.since(until) > HOLE_US_MIN:
            holes.append(
                Gap(
                    camera=found.header.camera,
                    stream=found.header.stream,
                    span=Span(start=until, end=span.start),
                    because=GapBecause.LOST_PACKETS,
                )
            )
        until = max(until, span.end)
    return tuple(holes)


_AFTER: dict[EndedBecause | None, GapBecause] = {
    None: GapBecause.CRASHED,
    EndedBecause.ROTATED: GapBecause.CRASHED,
    EndedBecause.STOPPED: GapBecause.STOPPED,
    EndedBecause.CAMERA_AWAY: GapBecause.CAMERA_AWAY,
    EndedBecause.FORMAT_CHANGED: GapBecause.LOST_PACKETS,
    EndedBecause.CLOCK_JUMP: GapBecause.CLOCK_JUMP,
    EndedBecause.CRASHED: GapBecause.CRASHED,
    EndedBecause.DISK: GapBecause.DISK_FAILED,
    EndedBecause.OVERLOADED: GapBecause.OVERLOADED,
}
"""Why nothing follows a segment, by how it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOf:
    """One stream of one camera."""

    camera: CameraId
    name: StreamName


def missing_gaps(
    stream: StreamOf, segments: Iterable[Segment], gaps: Iterable[Gap], until: Instant | None
) -> tuple[Gap, ...]:
    """Gaps that should stand between one stream's segments and do not. Pure.

    Behind a segment the cause follows from how it ended; behind a gap that gap grows (the same
    start). until: footage is missing up to here too (the moment of recovery); None when what
    follows the last segment or gap is nobody's business. Up to HOLE_US_MIN is no gap.
    """
    covers: list[Segment | Gap] = sorted([*segments, *gaps], key=lambda one: one.span)
    found: list[Gap] = []
    newest: Segment | Gap | None = None
    for cover in covers:
        if newest is not None and cover.span.start.since(newest.span.end) > HOLE_US_MIN:
            found.append(_gap_behind(stream, newest, cover.span.start))
        if newest is None or cover.span.end >= newest.span.end:
            newest = cover
    if newest is not None and until is not None and until.since(newest.span.end) > HOLE_US_MIN:
        found.append(_gap_behind(stream, newest, until))
    return tuple(found)


def _gap_behind(stream: StreamOf, newest: Segment | Gap, until: Instant) -> Gap:
    if isinstance(newest, Gap):
        span, because = Span(start=newest.span.start, end=until), newest.because
    else:
        span, because = Span(start=newest.span.end, end=until), _AFTER[newest.ended_because]
    return Gap(camera=stream.camera, stream=stream.name, span=span, because=because)


_INTERRUPTED = frozenset(
    (
        EndedBecause.CLOCK_JUMP,
        EndedBecause.CRASHED,
        EndedBecause.STOPPED,
        EndedBecause.DISK,
        EndedBecause.CAMERA_AWAY,
    )
)
"""Behind such an end the clock may be another one."""


def overlapping(
    segments: Sequence[Segment], gaps: Iterable[Gap] = ()
) -> tuple[tuple[Segment, Segment], ...]:
    """Neighbours of one stream, sorted by start, whose footage overlaps without a cause. Pure.

    A clock that was set back overlaps by right, and so may all that was recorded since, up to
    where the clock had been. It may have been set back while nothing was recorded, so every
    interruption counts, also one that only a gap tells of, because it fell between two segments;
    an overlap behind the last one is without a cause, since a run's times only grow. Less than
    HOLE_US_MIN is rounding.
    """
    ends = [one.span.end for one in segments if one.ended_because in _INTERRUPTED]
    ends += [gap.span.start for gap in gaps if gap.because is not GapBecause.LOST_PACKETS]
    again_until = max(ends, default=Instant(0))
    return tuple(
        (earlier, later)
        for earlier, later in pairwise(segments)
        if earlier.span.end.since(later.span.start) > HOLE_US_MIN
        and later.span.start >= again_until
    )


__all__ = [
    "Mended",
    "StreamOf",
    "holes_inside",
    "mend_blob",
    "missing_gaps",
    "overlapping",
    "segment_row",
    "stopped_walk",
    "walk_blob",
]
