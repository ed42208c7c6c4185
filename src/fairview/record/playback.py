"""What of a stored stream can be played, and where it lies. Pure.

Source:  segment rows and gaps from the catalogue, record headers from store.segment_walk; no key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fairview.core.limits import HOLE_US_MIN, PART_US_MAX
from fairview.core.media import EndedBecause, Gap, Segment
from fairview.core.time import Instant, Span
from fairview.store.segment_format import SealedRecord, SegmentHeader
from fairview.store.segment_walk import Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedSegment:
    """A segment with the clear headers of its records, as a walk found them."""

    row: Segment
    header: SegmentHeader
    records: tuple[SealedRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One playable piece: records of one segment, the first one begins with a key frame.

    span: what of it was asked for. covers: all it holds (decoding begins at a key frame, so it
    may begin earlier). discontinuity: time stamps or format do not continue the part before, or
    more than a second is missing between.
    run: parts of one run share format and camera clock; numbered from 0 in the list.
    """

    number: int
    segment: IndexedSegment
    records: tuple[SealedRecord, ...]
    span: Span
    covers: Span
    discontinuity: bool
    run: int


def indexed(row: Segment, found: Walk) -> IndexedSegment:
    """A segment row with the records its blob really holds; the row of an open one is older."""
    return IndexedSegment(row=row, header=found.header, records=found.records)


def footage(segments: Iterable[Segment], tolerance_us: int = HOLE_US_MIN) -> tuple[Span, ...]:
    """The spans in which one stream has footage, merged and sorted.

    Footage no further apart than tolerance_us counts as one.
    """
    return merged((segment.span for segment in segments), tolerance_us)


def merged(spans: Iterable[Span], tolerance_us: int = HOLE_US_MIN) -> tuple[Span, ...]:
    """Spans sorted and joined where they overlap or lie within tolerance_us."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start.since(joined[-1].end) <= tolerance_us:
            last = joined[-1]
            joined[-1] = Span(start=last.start, end=max(last.end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def without(spans: Iterable[Span], holes: Sequence[Span]) -> tuple[Span, ...]:
    """What is left of spans when the holes (sorted, apart) are taken out, sorted."""
    left: list[Span] = []
    for span in sorted(spans):
        start = span.start
        for hole in holes:
            if hole.end <= start or span.end <= hole.start:
                continue
            if start < hole.start:
                left.append(Span(start=start, end=hole.start))
            start = max(start, hole.end)
        if start < span.end:
            left.append(Span(start=start, end=span.end))
    return tuple(left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One stream's span on a timeline. The two do not overlap; what is in neither is unknown.

    Where gap rows overlap the newer one (later start) tells the cause.
    """

    footage: tuple[Span, ...]
    gaps: tuple[Gap, ...]


def timeline(
    segments: Sequence[Segment], gaps: Sequence[Gap], bounds: Span, now: Instant | None = None
) -> Seen:
    """Footage and gaps inside bounds.

    Footage is merged within the tolerance unless a gap row says that something is missing
    there; where footage and a gap overlap, footage counts. now: a gap that nothing follows still
    lasts (its row is replaced when footage resumes), so it is shown up to now; its segments and
    gaps must then reach to the stream's newest.
    """
    gaps = _lasting(segments, gaps, now)
    stored = merged((segment.span for segment in segments), 0)
    missing: list[Gap] = []
    taken = list(stored)
    for gap in sorted(gaps, key=lambda one: one.span.start, reverse=True):
        pieces = without([gap.span], merged(taken, 0))
        missing += [
            Gap(camera=gap.camera, stream=gap.stream, span=piece, because=gap.because)
            for piece in pieces
        ]
        taken += pieces
    shown = _between(merged(stored), sorted(one.span for one in missing))
    return Seen(
        footage=_clipped(shown, bounds),
        gaps=tuple(
            Gap(camera=one.camera, stream=one.stream, span=inside, because=one.because)
            for one in sorted(missing, key=lambda one: one.span.start)
            if (inside := one.span.clipped(bounds)) is not None
        ),
    )


def parts(segments: Sequence[IndexedSegment], span: Span) -> tuple[Part, ...]:
    """The playable parts that show `span`, oldest first.

    Each begins at a key frame, takes in whole groups of pictures up to PART_US_MAX, and ends with
    its segment; the first begins at the last key frame at or before the span's start. Records in
    front of a segment's first key frame can't be shown and are left out.
    """
    made: list[Part] = []
    before: IndexedSegment | None = None
    run = -1
    ordered = sorted(segments, key=lambda one: (one.row.span.start, one.header.created_at))
    for segment in ordered:
        groups = _wanted(_groups(segment.records), span)
        if not groups:
            continue
        is_new_run = before is None or not _continues(before, segment)
        run += is_new_run
        for position, records in enumerate(_joined(groups)):
            covers = _covers(records)
            shown = covers.clipped(span)
            if shown is None:
                continue
            made.append(
                Part(
                    number=len(made),
                    segment=segment,
                    records=records,
                    span=shown,
                    covers=covers,
                    discontinuity=bool(made)
                    and (
                        (position == 0 and is_new_run)
                        or covers.start.since(made[-1].covers.end) > HOLE_US_MIN
                    ),
                    run=run,
                )
            )
        before = segment
    return tuple(made)


def part_at(found: Sequence[Part], at: Instant) -> Part | None:
    """The part with the last picture at or before `at`; None when all begin later."""
    earlier = [part for part in found if part.covers.start <= at]
    return max(earlier, key=lambda part: part.covers.start, default=None)


def _groups(records: Sequence[SealedRecord]) -> list[list[SealedRecord]]:
    """Records from key frame to key frame."""
    groups: list[list[SealedRecord]] = []
    for record in records:
        if record.is_key:
            groups.append([record])
        elif groups:
            groups[-1].append(record)
    return groups


def _wanted(groups: list[list[SealedRecord]], span: Span) -> list[list[SealedRecord]]:
    return [group for group in groups if _covers(group).overlaps(span)]


def _joined(groups: list[list[SealedRecord]]) -> list[tuple[SealedRecord, ...]]:
    """Groups put together while they stay within PART_US_MAX."""
    made: list[list[SealedRecord]] = []
    for group in groups:
        if made:
            whole = _covers([*made[-1], *group])
            hole_us = group[0].span.start.since(_covers(made[-1]).end)
            if whole.duration_us <= PART_US_MAX and hole_us <= HOLE_US_MIN:
                made[-1] += group
                continue
        made.append(list(group))
    return [tuple(group) for group in made]


def _covers(records: Sequence[SealedRecord]) -> Span:
    return Span(
        start=min(record.span.start for record in records),
        end=max(record.span.end for record in records),
    )


def _continues(before: IndexedSegment, after: IndexedSegment) -> bool:
    """Whether the camera's clock and format go on from one segment to the next."""
    return (
        before.row.ended_because is EndedBecause.ROTATED
        and before.header.recorder_key == after.header.recorder_key
        and abs(after.records[0].start_at.since(_covers(before.records).end)) <= HOLE_US_MIN
    )


def _lasting(
    segments: Sequence[Segment], gaps: Sequence[Gap], now: Instant | None
) -> Sequence[Gap]:
    newest = max(gaps, key=lambda one: one.span.start, default=None)
    if now is None or newest is None or newest.span.end >= now:
        return gaps
    if any(segment.span.end > newest.span.end for segment in segments):
        return gaps
    longer = replace(newest, span=Span(start=newest.span.start, end=now))
    return [longer if one is newest else one for one in gaps]


def _between(spans: Sequence[Span], holes: Sequence[Span]) -> tuple[Span, ...]:
    return without(spans, merged(holes, 0))


def _clipped(spans: Iterable[Span], bounds: Span) -> tuple[Span, ...]:
    inside = (span.clipped(bounds) for span in spans)
    return tuple(span for span in inside if span is not None)
