"""Stored footage: what a look's span holds, and the sealed bytes of a part with their key.

Planning reads clear headers only; nothing is opened before a look asks for a part.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from fairview.access.door import PlayPart
from fairview.access.keys import KeyStore
from fairview.access.render import SealedPiece
from fairview.core.case import Rendition
from fairview.core.errors import Corrupt, NotFound, Unavailable
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import PICTURE_LEAD_US
from fairview.core.limits_seeing import COVER_STORED_EVERY_US
from fairview.core.media import Codec, Fragment, Segment, VideoFormat
from fairview.core.time import Instant, Span
from fairview.record.nal import completed
from fairview.record.playback import IndexedSegment, Part, indexed, part_at, parts
from fairview.store.contracts import Blobs, Catalogue
from fairview.store.sealing import open_record, walk

_COVER_NEAR_US = 2 * COVER_STORED_EVERY_US
"""A picture is covered by the masks before and behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """One part as it lies in a blob. play: what a player is told of it."""

    part: Part
    play: PlayPart
    codec: Codec

    @property
    def segment(self) -> Segment:
        return self.part.segment.row

    @property
    def covers(self) -> Span:
        return self.part.covers


class Footage:
    """Reads what is sealed. Safe from several threads; keeps nothing."""

    def __init__(self, catalogue: Catalogue, blobs: Blobs, keys: KeyStore) -> None:
        self._catalogue = catalogue
        self._blobs = blobs
        self._keys = keys

    def parts(
        self, camera: CameraId, stream: StreamName, span: Span, rendition: Rendition
    ) -> tuple[StoredPart, ...]:
        """The playable parts of a span, oldest first, numbered from 0.

        Covered parts show exactly the span (decoding may begin at a key frame before it). Raw
        ones leave bit for bit, so they hold only fragments that begin inside the span, from the
        first key frame on. Segments whose blob is gone are left out.
        """
        found = parts(self._indexed(camera, stream, span), span)
        if rendition == "raw":
            found = _within(found, span)
        return self._played(found)

    def _played(self, found: tuple[Part, ...]) -> tuple[StoredPart, ...]:
        """Parts of one format share the initialisation of the first of them.

        A run has one format; its first record is opened to learn it. Runs whose key is dead are
        left out.
        """
        made: list[StoredPart] = []
        formats: dict[int, VideoFormat | None] = {}
        first_of: dict[VideoFormat, int] = {}
        for part in found:
            if part.run not in formats:
                formats[part.run] = self._format_of(part)
            video = formats[part.run]
            if video is None:
                continue
            number = len(made)
            play = PlayPart(
                number=number,
                span=part.span,
                init=first_of.setdefault(video, number),
                discontinuity=number > 0 and part.discontinuity,
            )
            made.append(StoredPart(part=part, play=play, codec=video.codec))
        return tuple(made)

    def _format_of(self, part: Part) -> VideoFormat | None:
        try:
            first = next(self.fragments(replace(part, records=part.records[:1])))
            return completed(first.format, first.samples[0].data)
        except (NotFound, Corrupt):
            return None

    def last_before(
        self, camera: CameraId, stream: StreamName, at: Instant, earliest: Instant
    ) -> Part | None:
        """The part with the last picture at or before a moment, cut after it; None without one.

        earliest: no picture of before this moment is wanted.
        """
        near = Span(start=Instant(max(0, at.us - PICTURE_LEAD_US)), end=at.plus(1))
        part = part_at(parts(self._indexed(camera, stream, near), near), at)
        if part is None:
            part = self._last_of(camera, stream, Span(start=earliest, end=at.plus(1)))
        if part is None or part.covers.end <= earliest:
            return None
        records = tuple(one for one in part.records if one.start_at <= at)
        keys = [number for number, one in enumerate(records) if one.is_key]
        return replace(part, records=records[keys[-1] :])

    def _last_of(self, camera: CameraId, stream: StreamName, span: Span) -> Part | None:
        """The last part in a span, by rows alone until its segment is known."""
        for row in reversed(self._catalogue.segments(camera, stream, span)):
            try:
                one = self.index(row)
            except (NotFound, Corrupt):
                continue
            found = parts([one], span) if one.records else ()
            if found:
                return found[-1]
        return None

    def piece(self, part: Part) -> SealedPiece:
        """The part's bytes and key, for the one who renders it.

        Errors:  NotFound when the key is dead or the blob gone, Corrupt.
        """
        blob = part.segment.row.blob
        header = self._blobs.read(blob, 0, part.segment.header.size_bytes)
        first, last = part.records[0], part.records[-1]
        records = self._blobs.read(blob, first.offset, last.end_offset - first.offset)
        if len(records) != last.end_offset - first.offset:
            raise NotFound(f"footage of segment {part.segment.row.id} is gone")
        return SealedPiece(
            header=header, records=records, segment_key=self._keys.segment_key(header)
        )

    def covers(self, camera: CameraId, span: Span) -> tuple[SealedPiece, ...]:
        """What was found to hide in a span while it was recorded, with its neighbours.

        Whatever is gone, dead or damaged is left out.
        """
        near = Span(
            start=Instant(max(0, span.start.us - _COVER_NEAR_US)), end=span.end.plus(_COVER_NEAR_US)
        )
        found = []
        for part in parts(self._indexed(camera, "cover", near), near):
            with suppress(NotFound, Corrupt):
                found.append(self.piece(part))
        return tuple(found)

    def fragments(self, part: Part) -> Iterator[Fragment]:
        """The part's fragments, opened here. Errors: NotFound, Corrupt."""
        piece = self.piece(part)
        base = part.records[0].offset
        for record in part.records:
            start = record.sealed_offset - base
            sealed = piece.records[start : start + record.sealed_bytes]
            yield open_record(part.segment.header, record, sealed, piece.segment_key)

    def index(self, segment: Segment) -> IndexedSegment:
        """A segment's clear side. Errors: NotFound, Corrupt."""
        size = self._blobs.size_bytes(segment.blob)
        found = walk(
            lambda start, length: self._blobs.read(segment.blob, start, length),
            size,
            verify_digests=False,
        )
        return indexed(segment, found)

    def _indexed(
        self, camera: CameraId, stream: StreamName, span: Span
    ) -> tuple[IndexedSegment, ...]:
        """Errors:  Unavailable when nothing of the span can be read now, as its disk is away."""
        made = []
        away: Unavailable | None = None
        for segment in self._catalogue.segments(camera, stream, span):
            try:
                one = self.index(segment)
            except (NotFound, Corrupt):
                # Shredded between the row and the blob, or damaged: `check` tells which.
                continue
            except Unavailable as error:
                away = error
                continue
            if one.records:
                made.append(one)
        if away is not None and not made:
            raise Unavailable(str(away))
        return tuple(made)


def _within(found: tuple[Part, ...], span: Span) -> tuple[Part, ...]:
    """Parts cut to the fragments that begin inside the span."""
    kept = []
    for part in found:
        inside = [one for one in part.records if span.holds(one.start_at)]
        while inside and not inside[0].is_key:
            inside.pop(0)
        if inside:
            covers = Span(
                start=min(one.start_at for one in inside), end=max(one.span.end for one in inside)
            )
            kept.append(replace(part, records=tuple(inside), covers=covers, span=covers))
    return tuple(kept)
