"""After a crash: close what was being written, without any key; or make the catalogue anew."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from itertools import groupby

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.camera import (
    RETENTION_US_DEFAULT,
    RETENTION_US_MAX,
    Camera,
    RegisterEntry,
    Source,
)
from fairview.core.errors import BadInput, FairviewError, NotFound, Unavailable
from fairview.core.ids import (
    CAMERA_STREAMS,
    STREAM_NAMES,
    CameraId,
    SegmentId,
    StreamName,
    camera_id,
    is_hex_id,
)
from fairview.core.limits import REBUILD_BATCH_MAX, RECOVERY_LOOK_BACK_US
from fairview.core.media import Gap, GapBecause, Segment
from fairview.core.time import US_PER_HOUR, Clock, Instant, Span, instant
from fairview.store.contracts import (
    Blobs,
    CameraSaved,
    Catalogue,
    Change,
    GapRemoved,
    GapSaved,
    Recovered,
    SegmentSaved,
    SegmentsRemoved,
)
from fairview.store.layout import BLOB_SUFFIX, hour_of, segment_of_blob
from fairview.store.mend import Mended, StreamOf, mend_blob, missing_gaps

END_OF_TIME = instant("9999-12-31T23:59:59Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What one recovery did. left: blobs that stay as they are because their disk failed; once it
    is well, also while recording goes on, they are handed in as `names`."""

    done: tuple[Recovered, ...]
    left: tuple[str, ...]


def recover(
    blobs: Blobs,
    catalogue: Catalogue,
    clock: Clock,
    signers: Sequence[Ed25519PrivateKey] = (),
    *,
    cameras: Set[CameraId] | None = None,
    names: Sequence[str] | None = None,
) -> tuple[Recovered, ...]:
    """As `recovery`, where what is left may wait for the next one."""
    return recovery(blobs, catalogue, clock, signers, cameras=cameras, names=names).done


def recovery(
    blobs: Blobs,
    catalogue: Catalogue,
    clock: Clock,
    signers: Sequence[Ed25519PrivateKey] = (),
    *,
    cameras: Set[CameraId] | None = None,
    names: Sequence[str] | None = None,
) -> Recovery:
    """Close every segment that had not ended, adopt blobs whose row was lost, store the gaps.

    Run before recording begins: at the node's start for all cameras, at a recorder's start for
    its own (`cameras`). What it left, or names that were taken before recording began, may be
    handed in as `names` while recording goes on: only those are touched.

    Each blob is cut at its first fault, gets a trailer (crashed, signed when the key of the
    recorder that wrote it is among the signers) and is synced, also where it had ended by itself;
    then its row is ended, and a gap stands from the last footage of its stream to now, in the
    same write; the recorder lets that gap grow when footage resumes. A row without a blob goes.
    What can't be read or written now stays as it is, with a warning. Safe to repeat after a
    crash at any point.

    Errors:  Unavailable from the catalogue.
    Cost:    lists all names; reads the rows of each camera's last hours (RECOVERY_LOOK_BACK_US)
             and, once, the blobs that had not ended.
    HOLE:    what lies on a disk that is away is not listed, so a blob there whose row was lost is
             found by the next start with that disk, or by `check`.
    Source:  decision 4; docs/reference/segment-format.md, Recovery.
    """
    present: dict[CameraId, list[str]] = {}
    for name in blobs.names() if names is None else names:
        camera = camera_of(name)
        if camera is not None and is_segment(name):
            present.setdefault(camera, []).append(name)
    unended: dict[CameraId, list[Segment]] = {}
    for row in catalogue.open_segments():
        # Beside recording, any other open segment is one that is being written.
        if names is None or row.blob in names:
            unended.setdefault(row.camera, []).append(row)
    active = {row.camera.id for row in catalogue.cameras() if row.camera.is_active}
    done: list[Recovered] = []
    left: list[str] = []
    for camera in sorted(set(present) | set(unended)):
        if cameras is not None and camera not in cameras:
            continue
        work = _CameraRecovery(blobs, catalogue, signers, camera)
        work.find(present.get(camera, ()), unended.get(camera, ()))
        work.mend()
        # Where names are handed in recording goes on: what is missing up to now is its business.
        work.store(clock.now() if names is None else None, is_active=camera in active)
        done += work.done
        left += work.left
    return Recovery(done=tuple(done), left=tuple(left))


class _CameraRecovery:
    """One camera's share: find what is unended, mend it, store rows and gaps in one write."""

    def __init__(
        self,
        blobs: Blobs,
        catalogue: Catalogue,
        signers: Sequence[Ed25519PrivateKey],
        camera: CameraId,
    ) -> None:
        self._blobs = blobs
        self._catalogue = catalogue
        self._signers = signers
        self._camera = camera
        self._rows: dict[SegmentId, Segment] = {}
        self._since = Instant(0)
        self._pending: dict[str, Segment | None] = {}
        self._changes: list[Change] = []
        self._holes: list[Gap] = []
        self._log = structlog.get_logger(__name__).bind(camera=camera)
        self.done: list[Recovered] = []
        self.left: list[str] = []

    def find(self, names: Sequence[str], unended: Sequence[Segment]) -> None:
        """Blobs whose segment has not ended, or that no row points at."""
        oldest = min((row.span.start for row in unended), default=None)
        hours = [hour for hour in map(hour_of, names) if hour is not None]
        since = max(hours, default=oldest or Instant(0))
        since = Instant(max(since.us - RECOVERY_LOOK_BACK_US, 0))
        self._since = min(since, oldest or since)
        rows = self._catalogue.segments(self._camera, span=self._window())
        self._rows = {row.id: row for row in rows}
        known = {row.blob for row in rows}
        for name in names:
            hour = hour_of(name)
            if name not in known and (hour is None or hour >= self._since):
                self._pending[name] = None
        present = set(names)
        for row in unended:
            if row.blob in present:
                self._pending[row.blob] = row
            elif self._is_gone(row):
                self._remove(row.id)

    def _is_gone(self, row: Segment) -> bool:
        """Whether a row's blob is on no disk. One that is away may hold it: then it stays."""
        try:
            return not is_there(self._blobs, row.blob)
        except Unavailable as error:
            self._leave(row.blob, error)
            return False

    def mend(self) -> None:
        """End what is pending; what must wait for a person or a better moment stays."""
        for name, row in sorted(self._pending.items()):
            try:
                mended = mend_blob(self._blobs, name, self._signers)
                if mended.recovered is not None:
                    # Also an end that stands there already may not have been synced when its
                    # writer died; it is durable before a row says so.
                    self._blobs.cut(name, mended.recovered.segment.size_bytes)
            except NotFound:
                if row is not None:
                    self._remove(row.id)
                continue
            except FairviewError as error:
                self._leave(name, error)
                continue
            if mended.recovered is None:
                self._log.info("removed a blob without footage", blob=name)
                self._remove(row.id if row is not None else segment_of_blob(name))
            elif self._is_copy(mended.recovered.segment):
                self._log.warning("a copy of a known segment is left alone", blob=name)
            else:
                self._adopt(mended)

    def _leave(self, name: str, error: FairviewError) -> None:
        self._log.warning("a segment can't be closed", blob=name, because=str(error))
        if isinstance(error, Unavailable):
            self.left.append(name)

    def _remove(self, segment: SegmentId) -> None:
        self._rows.pop(segment, None)
        self._changes.append(SegmentsRemoved(ids=(segment,)))

    def _is_copy(self, segment: Segment) -> bool:
        try:
            return self._catalogue.segment(segment.id).blob != segment.blob
        except NotFound:
            return False

    def _adopt(self, mended: Mended) -> None:
        recovered = mended.recovered
        assert recovered is not None
        segment = recovered.segment
        self._log.info(
            "closed a segment",
            segment=segment.id,
            cut_bytes=recovered.cut_bytes,
            until=segment.span.end.iso(),
        )
        self._rows[segment.id] = segment
        self._changes.append(SegmentSaved(segment=segment))
        self._holes += mended.holes
        self.done.append(recovered)

    def store(self, now: Instant | None, *, is_active: bool) -> None:
        """Rows and the gaps around them, all or nothing: a start that comes after a crash in
        between finds the same work again."""
        changes = list(self._changes)
        for stream in STREAM_NAMES:
            rows = [row for row in self._rows.values() if row.stream == stream]
            touched = [one.segment for one in self.done if one.segment.stream == stream]
            is_recording = any(row.is_open for row in rows)
            until = now if (is_active or touched) and not is_recording else None
            changes += self._gaps(stream, rows, touched, until)
        self._catalogue.write(changes)

    def _gaps(
        self,
        stream: StreamName,
        rows: Sequence[Segment],
        touched: Sequence[Segment],
        until: Instant | None,
    ) -> list[Change]:
        """A gap that a recorder stored from the stale end of a row that was still open begins
        inside the footage: it goes, and what is left of it is stored anew."""
        standing = self._catalogue.gaps(self._camera, stream, self._window())
        wrong = [
            gap
            for gap in standing
            if gap.because is GapBecause.CRASHED
            and any(one.span.holds(gap.span.start) for one in touched)
        ]
        kept = [gap for gap in standing if gap not in wrong]
        inside = [hole for hole in self._holes if hole.stream == stream]
        missing = missing_gaps(
            StreamOf(camera=self._camera, name=stream), rows, (*kept, *inside), until
        )
        removed: list[Change] = [GapRemoved(gap=gap) for gap in wrong]
        return removed + [GapSaved(gap=gap) for gap in (*inside, *missing)]

    def _window(self) -> Span:
        return Span(start=self._since, end=END_OF_TIME)


def is_there(blobs: Blobs, name: str) -> bool:
    """Whether there is a blob of that name."""
    try:
        blobs.size_bytes(name)
    except NotFound:
        return False
    return True


def camera_of(name: str) -> CameraId | None:
    """The camera a blob's name says it is of; None for a foreign file."""
    folder, slash, _ = name.partition("/")
    try:
        return camera_id(folder) if slash else None
    except BadInput:
        return None


def is_segment(name: str) -> bool:
    """Whether a blob's name is that of a segment; other files are none of ours."""
    return name.endswith(BLOB_SUFFIX) and is_hex_id(segment_of_blob(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a catalogue made anew holds. left: blobs it can't hold, with the reason."""

    cameras: tuple[CameraId, ...]
    segments: int
    gaps: int
    left: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Found:
    """One camera's share of the blobs."""

    segments: list[Segment] = field(default_factory=list)
    holes: list[Gap] = field(default_factory=list)


def rebuild(
    blobs: Blobs, catalogue: Catalogue, signers: Sequence[Ed25519PrivateKey] = ()
) -> Rebuilt:
    """Rows for cameras, segments and gaps from the blobs alone. Nothing may be recording.

    Segments that had not ended are closed. A gap's cause follows from how the segment before it
    ended. A camera without a row gets a placeholder: inactive, its register entry saying that it
    was rebuilt and must be reviewed, its retention as long as its footage already reaches back
    (so that neither the rebuilding destroys footage nor the footage outstays more than that).
    Events, clean pictures, logins and zones are lost; ledger roots are taken anew. Rows that are
    there stay; safe to repeat.

    Errors:  Unavailable.
    Cost:    reads every blob once.
    """
    log = structlog.get_logger(__name__)
    left: list[tuple[str, str]] = []
    cameras, segments, gaps = [], 0, 0
    for camera, names in groupby(blobs.names(), key=camera_of):
        found = _Found()
        for name in names:
            if camera is None or not is_segment(name):
                left.append((name, "not a segment's blob"))
                continue
            try:
                mended = mend_blob(blobs, name, signers)
            except FairviewError as error:
                left.append((name, str(error)))
                continue
            if mended.recovered is not None:
                found.segments.append(mended.recovered.segment)
                found.holes.extend(mended.holes)
        if camera is not None and found.segments:
            cameras.append(camera)
            segments += len(found.segments)
            gaps += _save_camera(catalogue, camera, found)
    log.info("catalogue rebuilt", cameras=len(cameras), segments=segments, left=len(left))
    return Rebuilt(cameras=tuple(cameras), segments=segments, gaps=gaps, left=tuple(left))


def _save_camera(catalogue: Catalogue, camera: CameraId, found: _Found) -> int:
    """Write one camera's rows; how many gaps there are."""
    changes: list[Change] = []
    if all(row.camera.id != camera for row in catalogue.cameras()):
        changes.append(CameraSaved(camera=_placeholder(camera, found.segments), sealed_login=None))
    changes += [SegmentSaved(segment=segment) for segment in found.segments]
    standing = catalogue.gaps(camera)
    gaps = [hole for hole in found.holes if not any(_covers(gap, hole) for gap in standing)]
    for stream in STREAM_NAMES:
        rows = sorted(
            (one for one in found.segments if one.stream == stream), key=lambda one: one.span
        )
        of_stream = [gap for gap in standing if gap.stream == stream]
        gaps += missing_gaps(StreamOf(camera=camera, name=stream), rows, of_stream, None)
    changes += [GapSaved(gap=gap) for gap in gaps]
    for first in range(0, len(changes), REBUILD_BATCH_MAX):
        catalogue.write(changes[first : first + REBUILD_BATCH_MAX])
    return len(gaps)


def _covers(gap: Gap, hole: Gap) -> bool:
    return gap.stream == hole.stream and gap.span.overlaps(hole.span)


def _placeholder(camera: CameraId, segments: Sequence[Segment]) -> Camera:
    start = min(one.span.start for one in segments)
    end = max(one.span.end for one in segments)
    kept_us = (end.since(start) // US_PER_HOUR + 1) * US_PER_HOUR
    streams = {one.stream for one in segments} | {"main"}
    unknown = "unknown: rebuilt from footage, must be reviewed"
    return Camera(
        id=camera,
        title=f"{camera} (rebuilt, review its entry)",
        sources=tuple(
            # Not a file: nobody knows whether people are in it, so it is seen covered only.
            Source(stream=stream, kind="rtsp", address="rtsp://unknown-since-rebuilt.invalid/")
            for stream in CAMERA_STREAMS
            if stream in streams
        ),
        register=RegisterEntry(
            purpose=unknown,
            legal_basis=unknown,
            operator=unknown,
            contact=unknown,
            area=unknown,
            retention_us=min(max(kept_us, RETENTION_US_DEFAULT), RETENTION_US_MAX),
            review_at=end,
        ),
        is_active=False,
    )


__all__ = [
    "Rebuilt",
    "Recovery",
    "camera_of",
    "is_segment",
    "is_there",
    "rebuild",
    "recover",
    "recovery",
]
