"""After a crash: close what was being written, without any key; or make the catalogue anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
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
from fairview.core.errors import BadInput, FairviewError, NotFound
from fairview.core.ids import STREAM_NAMES, CameraId, camera_id, is_hex_id
from fairview.core.limits import RECOVERY_BATCH_MAX
from fairview.core.media import Gap, GapBecause, Segment
from fairview.core.time import US_PER_HOUR, Clock, Instant
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
from fairview.store.layout import BLOB_SUFFIX, segment_of_blob
from fairview.store.mend import Mended, StreamOf, mend_blob, missing_gaps


def recover(
    blobs: Blobs,
    catalogue: Catalogue,
    clock: Clock,
    signers: Sequence[Ed25519PrivateKey] = (),
    *,
    cameras: Set[CameraId] | None = None,
    names: Sequence[str] | None = None,
) -> tuple[Recovered, ...]:
    """Close every segment that had not ended, adopt blobs whose row was lost, store the gaps.

    Run before recording begins: at the node's start for all cameras, at a recorder's start for
    its own (`cameras`). When the catalogue can't be reached then, take the blobs' names before
    recording begins and hand them in as `names`: only those are touched later.

    Each blob is cut at its first fault, gets a trailer (crashed) and is synced; then its row is
    ended, and a gap stands from the last footage of its stream to now; the recorder lets that gap
    grow when footage resumes. A row without a blob goes. What can't be read now stays as it is,
    with a warning. Safe to repeat after a crash at any point.

    Errors:  Unavailable from the catalogue.
    Cost:    lists all names and rows; reads the blobs that had not ended, once.
    Source:  decision 4; docs/reference/segment-format.md, Recovery.
    """
    present = set(blobs.names() if names is None else names)
    pending: dict[str, Segment | None] = {
        name: None for name in _orphans(catalogue, present, cameras)
    }
    changes: list[Change] = []
    for row in catalogue.open_segments():
        if cameras is not None and row.camera not in cameras:
            continue
        if row.blob in present:
            pending[row.blob] = row
        elif not _is_there(blobs, row.blob):
            changes.append(SegmentsRemoved(ids=(row.id,)))
    done = []
    for name, known in sorted(pending.items()):
        mended = _mend(blobs, catalogue, name, signers)
        if mended is None:
            continue
        changes += _rows(name, known, mended)
        if mended.recovered is not None:
            done.append(mended.recovered)
        if len(changes) >= RECOVERY_BATCH_MAX:
            catalogue.write(changes)
            changes.clear()
    catalogue.write(changes)
    _store_gaps(catalogue, [one.segment for one in done], clock.now())
    return tuple(done)


def _orphans(
    catalogue: Catalogue, present: Set[str], cameras: Set[CameraId] | None
) -> Iterator[str]:
    """Blobs of segments that no row points at."""
    for camera, names in groupby(sorted(present), key=camera_of):
        if camera is None or (cameras is not None and camera not in cameras):
            continue
        known = {row.blob for row in catalogue.segments(camera)}
        yield from (name for name in names if is_segment(name) and name not in known)


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


def _is_there(blobs: Blobs, name: str) -> bool:
    try:
        blobs.size_bytes(name)
    except NotFound:
        return False
    return True


def _mend(
    blobs: Blobs, catalogue: Catalogue, name: str, signers: Sequence[Ed25519PrivateKey]
) -> Mended | None:
    """The mended blob; None when it must wait for a person or a better moment."""
    log = structlog.get_logger(__name__)
    try:
        mended = mend_blob(blobs, name, signers)
    except FairviewError as error:
        log.warning("a segment can't be closed", blob=name, because=str(error))
        return None
    if mended.recovered is None:
        log.info("removed a blob without footage", blob=name)
        return mended
    segment = mended.recovered.segment
    try:
        standing = catalogue.segment(segment.id)
    except NotFound:
        standing = segment
    if standing.blob != name:
        log.warning("a copy of a known segment is left alone", blob=name, segment=segment.id)
        return None
    cut_bytes = mended.recovered.cut_bytes
    log.info("closed a segment", blob=name, cut_bytes=cut_bytes, until=segment.span.end.iso())
    return mended


def _rows(name: str, known: Segment | None, mended: Mended) -> list[Change]:
    if mended.recovered is None:
        return [SegmentsRemoved(ids=(known.id if known else segment_of_blob(name),))]
    saved: list[Change] = [SegmentSaved(segment=mended.recovered.segment)]
    return saved + [GapSaved(gap=hole) for hole in mended.holes]


def _store_gaps(catalogue: Catalogue, segments: Iterable[Segment], now: Instant) -> None:
    """Gaps around what was recovered, up to now.

    A gap that a recorder stored from the stale end of a row that was still open begins inside
    the footage; it goes, and what is left of it is stored anew.
    """
    by_stream: dict[StreamOf, list[Segment]] = {}
    for segment in segments:
        stream = StreamOf(camera=segment.camera, name=segment.stream)
        by_stream.setdefault(stream, []).append(segment)
    for stream, touched in by_stream.items():
        gaps = catalogue.gaps(stream.camera, stream.name)
        wrong = {
            gap
            for gap in gaps
            if gap.because is GapBecause.CRASHED
            and any(one.span.holds(gap.span.start) for one in touched)
        }
        rows = catalogue.segments(stream.camera, stream.name)
        until = None if any(row.is_open for row in rows) else now
        changes: list[Change] = [GapRemoved(gap=gap) for gap in sorted(wrong, key=_start)]
        changes += [
            GapSaved(gap=gap)
            for gap in missing_gaps(stream, rows, (g for g in gaps if g not in wrong), until)
        ]
        catalogue.write(changes)


def _start(gap: Gap) -> Instant:
    return gap.span.start


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
    for first in range(0, len(changes), RECOVERY_BATCH_MAX):
        catalogue.write(changes[first : first + RECOVERY_BATCH_MAX])
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
            Source(stream=stream, kind="file", address="/unknown-since-rebuilt")
            for stream in STREAM_NAMES
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


__all__ = ["Rebuilt", "camera_of", "is_segment", "rebuild", "recover"]
