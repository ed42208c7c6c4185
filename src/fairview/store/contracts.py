"""What the stores promise. Each sentence is tested in tests/contracts on every implementation.

Blobs hold sealed segments; the catalogue holds one row per camera, segment, gap and event;
heads hold the few values that may only move by compare-and-swap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fairview.core.camera import Camera
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId, SegmentId, StreamName
from fairview.core.media import EndedBecause, Gap, Segment
from fairview.core.time import Instant, Span
from fairview.core.traffic import Count, SpeedBin


class BlobWriter(Protocol):
    """One blob being written, at its end only. Used by one thread."""

    @property
    def size_bytes(self) -> int:
        """Bytes appended so far."""
        ...

    def append(self, data: bytes) -> None:
        """Add bytes at the end; not durable before `sync`.

        Errors:  Unavailable when the disk is full or failing; then nothing more may be appended
        and the blob may end in part of `data`.
        """
        ...

    def sync(self) -> None:
        """All bytes appended so far are durable on return. Errors: Unavailable."""
        ...

    def close(self) -> None:
        """Let go; safe to repeat. Does not sync."""
        ...


class Blobs(Protocol):
    """Named byte strings that only grow, until they are removed.

    Names are relative, of [a-z0-9./-], without empty, '.' or '..' parts (BadInput otherwise).
    """

    def create(self, name: str) -> BlobWriter:
        """A new empty blob; its name is durable on return. Errors: Conflict when it exists."""
        ...

    def reopen(self, name: str) -> BlobWriter:
        """An existing blob, to go on at its end. For recovery only. Errors: NotFound."""
        ...

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes from start; fewer than length at the end. Errors: NotFound, Unavailable."""
        ...

    def size_bytes(self, name: str) -> int:
        """Errors:  NotFound."""
        ...

    def cut(self, name: str, size_bytes: int) -> None:
        """Drop everything past size_bytes, durably; a shorter blob stays as it is.

        For recovery only. Errors: NotFound.
        """
        ...

    def remove(self, name: str) -> None:
        """Gone, durably; safe to repeat."""
        ...

    def names(self, prefix: str = "") -> Iterator[str]:
        """Every blob's name under a prefix, sorted."""
        ...

    def free_bytes(self) -> int:
        """Room left for new bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSaved:
    """A camera at a new revision. sealed_login is opaque here (see store/secrets.py)."""

    camera: Camera
    sealed_login: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSaved:
    """A segment, new or grown or ended: replaces the row with the same id.

    Written only after the blob's header is durable.
    """

    segment: Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentsRemoved:
    """Segments whose key is dead and whose blobs are gone or going; safe to repeat."""

    ids: tuple[SegmentId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GapSaved:
    """A gap; one that begins with the same stream and start replaces the earlier row."""

    gap: Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRemoved:
    """A gap that turned out to hold footage (found by recovery); safe to repeat."""

    gap: Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSaved:
    event: HealthEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanPictureSaved:
    """A camera's clean picture, sealed; approved_by None while it waits for a person.

    Only the newest approved and the newest waiting one are kept. The same made_at again, with
    approved_by, is the approval.
    """

    camera: CameraId
    made_at: Instant
    sealed: bytes
    approved_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RootTaken:
    """These ended segments stand under the ledger leaf of that number.

    heads: their chain heads in the same order. Left out when written, they are taken from the
    rows; answers have them always, also for segments removed since, as proofs of their
    neighbours need them. A root none of whose segments is there any more is forgotten.
    """

    leaf: int
    segments: tuple[SegmentId, ...]
    heads: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanPictureRefused:
    """A waiting clean picture that a person did not approve; safe to repeat."""

    camera: CameraId
    made_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSaved:
    """What a camera looks at, as the text of its scene.toml; a change is a new revision.

    Every revision is kept, so that old counts keep their lines. An older revision than the newest
    known is stored beside it and changes nothing else; the same revision again replaces.
    """

    camera: CameraId
    revision: int
    text: str
    saved_at: Instant
    saved_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsSaved:
    """Counts of one camera; one of the same place, direction, class and start replaces."""

    camera: CameraId
    counts: tuple[Count, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedsSaved:
    """Speeds of one camera; one of the same place, class and start replaces."""

    camera: CameraId
    speeds: tuple[SpeedBin, ...]


Change = (
    CameraSaved
    | SegmentSaved
    | SegmentsRemoved
    | GapSaved
    | GapRemoved
    | EventSaved
    | CleanPictureSaved
    | CleanPictureRefused
    | RootTaken
    | SceneSaved
    | CountsSaved
    | SpeedsSaved
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraRow:
    camera: Camera
    sealed_login: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSize:
    """What a camera's segments take, those that still grow as far as their rows say.

    span: from the start of the earliest to the end of the latest.
    """

    camera: CameraId
    size_bytes: int
    span: Span


class Catalogue(Protocol):
    """Rows about footage. Times filter by overlap; answers are sorted by start.

    All methods are safe from several threads.
    """

    def write(self, changes: Sequence[Change]) -> None:
        """All of them or none; durable on return; safe to repeat.

        Errors:  Unavailable when the disk is full, failing or locked.
        """
        ...

    def cameras(self) -> tuple[CameraRow, ...]:
        """The newest revision of every camera, also inactive ones, sorted by id."""
        ...

    def camera(self, camera: CameraId) -> CameraRow:
        """Errors:  NotFound."""
        ...

    def segments(
        self, camera: CameraId, stream: StreamName | None = None, span: Span | None = None
    ) -> tuple[Segment, ...]: ...

    def segment(self, segment: SegmentId) -> Segment:
        """Errors:  NotFound."""
        ...

    def sizes(self, span: Span | None = None) -> tuple[CameraSize, ...]:
        """Sums over the segments that overlap a span, by camera; cameras without any are not in
        it."""
        ...

    def open_segments(self) -> tuple[Segment, ...]:
        """Segments that have not ended, of every camera."""
        ...

    def segments_without_root(self, limit: int) -> tuple[Segment, ...]:
        """Ended segments that no ledger leaf covers yet, oldest first."""
        ...

    def root_of(self, segment: SegmentId) -> RootTaken | None:
        """The ledger leaf over a segment, with all of its segments in leaf order."""
        ...

    def gaps(
        self, camera: CameraId, stream: StreamName | None = None, span: Span | None = None
    ) -> tuple[Gap, ...]: ...

    def events(self, since: Instant, limit: int) -> tuple[HealthEvent, ...]:
        """The newest `limit` of those at or after since, sorted by time."""
        ...

    def events_of(self, camera: CameraId, kind: str, span: Span) -> tuple[HealthEvent, ...]:
        """One camera's events of one kind whose time lies in a span, sorted by time."""
        ...

    def clean_picture(self, camera: CameraId, *, approved: bool) -> CleanPictureSaved | None:
        """The newest one that is approved (or, with approved False, waits)."""
        ...

    def scene(self, camera: CameraId) -> SceneSaved | None:
        """The newest revision; None for a camera without a scene."""
        ...

    def counts(self, camera: CameraId, span: Span) -> tuple[Count, ...]:
        """Sorted by start, place, direction and class."""
        ...

    def speeds(self, camera: CameraId, span: Span) -> tuple[SpeedBin, ...]:
        """Sorted by start, place and class."""
        ...

    def checkpoint(self) -> None:
        """What was removed is gone from the disk too, also from any log beside the rows.

        Errors:  Unavailable while somebody reads an older state; try again.
        """
        ...

    def close(self) -> None:
        """Let go; safe to repeat."""
        ...


class Heads(Protocol):
    """Small values that may only move forward by compare-and-swap; durable on return."""

    def get(self, name: str) -> bytes | None: ...

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        """Set new where old stands. Errors: Conflict when something else stands there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What start-up recovery did to one blob that had not ended."""

    segment: Segment
    cut_bytes: int
    ended_because: EndedBecause
