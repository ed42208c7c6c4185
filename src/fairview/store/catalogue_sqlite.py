"""The catalogue in one SQLite file; what it promises stands in contracts.py."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from fairview.core.camera import Camera
from fairview.core.errors import Corrupt, NotFound
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId, SegmentId, StreamName
from fairview.core.limits import SQLITE_BUSY_US_MAX
from fairview.core.media import EndedBecause, Gap, GapBecause, Segment
from fairview.core.time import Instant, Span
from fairview.core.traffic import Count, SpeedBin
from fairview.store.contracts import (
    CameraRow,
    CameraSaved,
    CameraSize,
    Change,
    CleanPictureRefused,
    CleanPictureSaved,
    CountsSaved,
    EventSaved,
    GapRemoved,
    GapSaved,
    RootTaken,
    SceneSaved,
    SegmentSaved,
    SegmentsRemoved,
    SpeedsSaved,
)
from fairview.store.measure_rows import counts_in, newest_scene, save_measure, speeds_in
from fairview.store.schema import tables as t
from fairview.store.schema.upgrade import bring_up_to_date
from fairview.store.sqlite import open_engine, reading, truncate_log, writing

_DELETE_BATCH = 500
"""Ids in one statement; SQLite takes 32,766."""


class SqliteCatalogue:
    """One file, one writer at a time, any number of readers beside it.

    Cost:  a write is one transaction and one sync of the write-ahead log, however many changes.
    """

    def __init__(self, path: Path, *, busy_us: int = SQLITE_BUSY_US_MAX) -> None:
        """Open or make the database.

        Errors:  Unavailable; Corrupt; BadInput when a newer Fairview made it; Conflict when an
        older one did.
        """
        self._path = path
        self._engine = open_engine(path, busy_us=busy_us)
        self._one_writer = threading.Lock()
        with writing(self._engine, path) as connection:
            bring_up_to_date(connection)

    def write(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        with self._one_writer, writing(self._engine, self._path) as connection:
            for change in changes:
                _apply(connection, change)

    def cameras(self) -> tuple[CameraRow, ...]:
        with self._read() as connection:
            return tuple(map(_camera_row, connection.execute(_CAMERAS.order_by(t.cameras.c.id))))

    def camera(self, camera: CameraId) -> CameraRow:
        with self._read() as connection:
            row = connection.execute(_CAMERAS.where(t.cameras.c.id == camera)).one_or_none()
            if row is None:
                raise NotFound(f"there is no camera {camera}")
            return _camera_row(row)

    def segments(
        self, camera: CameraId, stream: StreamName | None = None, span: Span | None = None
    ) -> tuple[Segment, ...]:
        return self._segments(
            sa.select(t.segments).where(*_overlapping(t.segments, camera, stream, span))
        )

    def sizes(self, span: Span | None = None) -> tuple[CameraSize, ...]:
        c = t.segments.c
        ask = sa.select(
            c.camera, sa.func.sum(c.size_bytes), sa.func.min(c.start_us), sa.func.max(c.end_us)
        )
        if span is not None:
            ask = ask.where(c.start_us < span.end.us, c.end_us > span.start.us)
        with self._read() as connection:
            rows = connection.execute(ask.group_by(c.camera).order_by(c.camera)).all()
        return tuple(
            CameraSize(
                camera=camera,
                size_bytes=size_bytes,
                span=Span(start=Instant(start_us), end=Instant(end_us)),
            )
            for camera, size_bytes, start_us, end_us in rows
        )

    def segment(self, segment: SegmentId) -> Segment:
        found = self._segments(sa.select(t.segments).where(t.segments.c.id == segment))
        if not found:
            raise NotFound(f"there is no segment {segment}")
        return found[0]

    def open_segments(self) -> tuple[Segment, ...]:
        return self._segments(
            sa.select(t.segments).where(t.segments.c.ended_because.is_(sa.null()))
        )

    def segments_without_root(self, limit: int) -> tuple[Segment, ...]:
        return self._segments(
            sa.select(t.segments)
            .where(t.segments.c.leaf.is_(sa.null()), t.segments.c.ended_because.is_not(sa.null()))
            .limit(limit)
        )

    def root_of(self, segment: SegmentId) -> RootTaken | None:
        roots = t.segment_roots
        leaf = sa.select(sa.func.min(roots.c.leaf)).where(roots.c.segment == segment)
        with self._read() as connection:
            rows = connection.execute(
                sa.select(roots)
                .where(roots.c.leaf == leaf.scalar_subquery())
                .order_by(roots.c.place)
            ).all()
        if not rows:
            return None
        return RootTaken(
            leaf=rows[0].leaf,
            segments=tuple(row.segment for row in rows),
            heads=tuple(row.head for row in rows),
        )

    def gaps(
        self, camera: CameraId, stream: StreamName | None = None, span: Span | None = None
    ) -> tuple[Gap, ...]:
        ask = sa.select(t.gaps).where(*_overlapping(t.gaps, camera, stream, span))
        with self._read() as connection:
            rows = connection.execute(ask.order_by(t.gaps.c.start_us, t.gaps.c.stream))
            return tuple(map(_gap, rows))

    def events(self, since: Instant, limit: int) -> tuple[HealthEvent, ...]:
        found = t.events.c
        order = (found.at_us, found.kind, sa.func.coalesce(found.camera, ""), found.because)
        with self._read() as connection:
            rows = connection.execute(
                sa.select(t.events)
                .where(found.at_us >= since.us)
                .order_by(*(one.desc() for one in order))
                .limit(limit)
            ).all()
        return tuple(map(_event, reversed(rows)))

    def events_of(self, camera: CameraId, kind: str, span: Span) -> tuple[HealthEvent, ...]:
        found = t.events.c
        chosen = (found.camera == camera, found.kind == kind)
        in_span = (found.at_us >= span.start.us, found.at_us < span.end.us)
        wanted = sa.select(t.events).where(*chosen, *in_span)
        with self._read() as connection:
            rows = connection.execute(wanted.order_by(found.at_us, found.because)).all()
        return tuple(map(_event, rows))

    def clean_picture(self, camera: CameraId, *, approved: bool) -> CleanPictureSaved | None:
        with self._read() as connection:
            row = connection.execute(
                sa.select(t.clean_pictures)
                .where(*_pictures_in_state(camera, approved=approved))
                .order_by(t.clean_pictures.c.made_at_us.desc())
                .limit(1)
            ).one_or_none()
        if row is None:
            return None
        return CleanPictureSaved(
            camera=row.camera,
            made_at=Instant(row.made_at_us),
            sealed=row.sealed,
            approved_by=row.approved_by,
        )

    def scene(self, camera: CameraId) -> SceneSaved | None:
        with self._read() as connection:
            return newest_scene(connection, camera)

    def counts(self, camera: CameraId, span: Span) -> tuple[Count, ...]:
        with self._read() as connection:
            return counts_in(connection, camera, span)

    def speeds(self, camera: CameraId, span: Span) -> tuple[SpeedBin, ...]:
        with self._read() as connection:
            return speeds_in(connection, camera, span)

    def checkpoint(self) -> None:
        with self._one_writer:
            truncate_log(self._engine, self._path)

    def close(self) -> None:
        self._engine.dispose()

    def _segments(self, ask: sa.Select[Any]) -> tuple[Segment, ...]:
        with self._read() as connection:
            rows = connection.execute(ask.order_by(t.segments.c.start_us, t.segments.c.id))
            return tuple(map(_segment, rows))

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with reading(self._engine, self._path) as connection:
            yield connection


_CAMERAS = sa.select(t.cameras.c.sealed_login, t.camera_revisions.c.body).join(
    t.camera_revisions,
    sa.and_(
        t.camera_revisions.c.camera == t.cameras.c.id,
        t.camera_revisions.c.revision == t.cameras.c.revision,
    ),
)


def _apply(connection: sa.Connection, change: Change) -> None:
    match change:
        case CameraSaved():
            _save_camera(connection, change)
        case SegmentSaved(segment=segment):
            connection.execute(_SAVE_SEGMENT, _segment_values(segment))
        case SegmentsRemoved(ids=ids):
            for first in range(0, len(ids), _DELETE_BATCH):
                _remove_segments(connection, ids[first : first + _DELETE_BATCH])
        case GapSaved(gap=gap):
            connection.execute(_SAVE_GAP, _gap_values(gap))
        case GapRemoved(gap=gap):
            connection.execute(
                sa.delete(t.gaps).where(
                    t.gaps.c.camera == gap.camera,
                    t.gaps.c.stream == gap.stream,
                    t.gaps.c.start_us == gap.span.start.us,
                )
            )
        case EventSaved(event=event):
            connection.execute(_SAVE_EVENT, _event_values(event))
        case CleanPictureSaved():
            _save_picture(connection, change)
        case CleanPictureRefused(camera=camera, made_at=made_at):
            waiting = _pictures_in_state(camera, approved=False)
            connection.execute(
                sa.delete(t.clean_pictures).where(
                    *waiting, t.clean_pictures.c.made_at_us == made_at.us
                )
            )
        case RootTaken():
            _take_root(connection, change)
        case SceneSaved() | CountsSaved() | SpeedsSaved():
            save_measure(connection, change)


_NEW_CAMERA = insert(t.cameras)
_SAVE_CAMERA = _NEW_CAMERA.on_conflict_do_update(
    index_elements=["id"],
    set_={
        "revision": _NEW_CAMERA.excluded.revision,
        "sealed_login": _NEW_CAMERA.excluded.sealed_login,
    },
    where=t.cameras.c.revision <= _NEW_CAMERA.excluded.revision,
)
_NEW_REVISION = insert(t.camera_revisions)
_SAVE_REVISION = _NEW_REVISION.on_conflict_do_update(
    index_elements=["camera", "revision"], set_={"body": _NEW_REVISION.excluded.body}
)


def _save_camera(connection: sa.Connection, change: CameraSaved) -> None:
    camera = change.camera
    connection.execute(
        _SAVE_CAMERA,
        {"id": camera.id, "revision": camera.revision, "sealed_login": change.sealed_login},
    )
    body = msgspec.json.encode(camera).decode()
    connection.execute(
        _SAVE_REVISION, {"camera": camera.id, "revision": camera.revision, "body": body}
    )


_NEW_SEGMENT = insert(t.segments).values(
    leaf=sa.select(sa.func.min(t.segment_roots.c.leaf))
    .where(t.segment_roots.c.segment == sa.bindparam("of_segment", type_=sa.Text))
    .scalar_subquery()
)
_SAVE_SEGMENT = _NEW_SEGMENT.on_conflict_do_update(
    index_elements=["id"],
    set_={
        column.name: _NEW_SEGMENT.excluded[column.name]
        for column in t.segments.c
        if column.name not in ("id", "leaf")
    },
)


def _segment_values(segment: Segment) -> dict[str, object]:
    because = segment.ended_because
    return {
        "id": segment.id,
        "of_segment": segment.id,
        "camera": segment.camera,
        "stream": segment.stream,
        "start_us": segment.span.start.us,
        "end_us": segment.span.end.us,
        "size_bytes": segment.size_bytes,
        "fragments": segment.fragments,
        "key_pair": segment.key_pair,
        "blob": segment.blob,
        "head": segment.head,
        "ended_because": None if because is None else because.value,
    }


def _remove_segments(connection: sa.Connection, ids: Sequence[SegmentId]) -> None:
    connection.execute(sa.delete(t.segments).where(t.segments.c.id.in_(ids)))
    roots = t.segment_roots
    touched = sa.select(roots.c.leaf).where(roots.c.segment.in_(ids))
    living = sa.select(t.segments.c.leaf).where(t.segments.c.leaf.in_(touched))
    connection.execute(
        sa.delete(roots).where(roots.c.leaf.in_(touched), roots.c.leaf.not_in(living))
    )


_NEW_ROOT = insert(t.segment_roots)
_SAVE_ROOT = _NEW_ROOT.on_conflict_do_update(
    index_elements=["leaf", "place"],
    set_={"segment": _NEW_ROOT.excluded.segment, "head": _NEW_ROOT.excluded.head},
)


def _take_root(connection: sa.Connection, root: RootTaken) -> None:
    known: dict[str, str | None] = {}
    for first in range(0, len(root.segments), _DELETE_BATCH):
        some = root.segments[first : first + _DELETE_BATCH]
        rows = connection.execute(
            sa.select(t.segments.c.id, t.segments.c.head).where(t.segments.c.id.in_(some))
        )
        known.update({row.id: row.head for row in rows})
    if not known:
        return
    heads = root.heads or tuple(known.get(segment) or "" for segment in root.segments)
    values = [
        {"leaf": root.leaf, "place": place, "segment": segment, "head": head}
        for place, (segment, head) in enumerate(zip(root.segments, heads, strict=True))
    ]
    connection.execute(_SAVE_ROOT, values)
    uncovered = t.segments.c.leaf.is_(sa.null())
    for segment in known:
        connection.execute(
            sa.update(t.segments)
            .where(t.segments.c.id == segment, uncovered)
            .values(leaf=root.leaf)
        )


_NEW_GAP = insert(t.gaps)
_SAVE_GAP = _NEW_GAP.on_conflict_do_update(
    index_elements=["camera", "stream", "start_us"],
    set_={"end_us": _NEW_GAP.excluded.end_us, "because": _NEW_GAP.excluded.because},
)


def _gap_values(gap: Gap) -> dict[str, object]:
    return {
        "camera": gap.camera,
        "stream": gap.stream,
        "start_us": gap.span.start.us,
        "end_us": gap.span.end.us,
        "because": gap.because.value,
    }


_SAVE_EVENT = insert(t.events).on_conflict_do_nothing(index_elements=["id"])


def _event_values(event: HealthEvent) -> dict[str, object]:
    whole = msgspec.json.encode([event.at.us, event.kind, event.camera, event.because])
    return {
        "id": hashlib.sha256(whole).hexdigest(),
        "at_us": event.at.us,
        "kind": event.kind,
        "camera": event.camera,
        "because": event.because,
    }


_NEW_PICTURE = insert(t.clean_pictures)
_SAVE_PICTURE = _NEW_PICTURE.on_conflict_do_update(
    index_elements=["camera", "made_at_us"],
    set_={
        "sealed": _NEW_PICTURE.excluded.sealed,
        "approved_by": _NEW_PICTURE.excluded.approved_by,
    },
)


def _save_picture(connection: sa.Connection, picture: CleanPictureSaved) -> None:
    connection.execute(
        _SAVE_PICTURE,
        {
            "camera": picture.camera,
            "made_at_us": picture.made_at.us,
            "sealed": picture.sealed,
            "approved_by": picture.approved_by,
        },
    )
    same = _pictures_in_state(picture.camera, approved=picture.approved_by is not None)
    made = t.clean_pictures.c.made_at_us
    newest = sa.select(sa.func.max(made)).where(*same).scalar_subquery()
    connection.execute(sa.delete(t.clean_pictures).where(*same, made < newest))


def _pictures_in_state(camera: CameraId, *, approved: bool) -> tuple[sa.ColumnElement[bool], ...]:
    by = t.clean_pictures.c.approved_by
    state = by.is_not(sa.null()) if approved else by.is_(sa.null())
    return t.clean_pictures.c.camera == camera, state


def _overlapping(
    table: sa.Table, camera: CameraId, stream: StreamName | None, span: Span | None
) -> list[sa.ColumnElement[bool]]:
    wanted = [table.c.camera == camera]
    if stream is not None:
        wanted.append(table.c.stream == stream)
    if span is not None:
        wanted += [table.c.start_us < span.end.us, table.c.end_us > span.start.us]
    return wanted


def _camera_row(row: sa.Row[*tuple[Any, ...]]) -> CameraRow:
    try:
        camera = msgspec.json.decode(row.body, type=Camera)
    except msgspec.DecodeError as error:
        raise Corrupt("a camera's row can't be read; restore or rebuild the catalogue") from error
    return CameraRow(camera=camera, sealed_login=row.sealed_login)


def _segment(row: sa.Row[*tuple[Any, ...]]) -> Segment:
    because = row.ended_because
    return Segment(
        id=row.id,
        camera=row.camera,
        stream=row.stream,
        span=Span(start=Instant(row.start_us), end=Instant(row.end_us)),
        size_bytes=row.size_bytes,
        fragments=row.fragments,
        key_pair=row.key_pair,
        blob=row.blob,
        head=row.head,
        ended_because=None if because is None else EndedBecause(because),
    )


def _gap(row: sa.Row[*tuple[Any, ...]]) -> Gap:
    return Gap(
        camera=row.camera,
        stream=row.stream,
        span=Span(start=Instant(row.start_us), end=Instant(row.end_us)),
        because=GapBecause(row.because),
    )


def _event(row: sa.Row[*tuple[Any, ...]]) -> HealthEvent:
    return HealthEvent(kind=row.kind, camera=row.camera, at=Instant(row.at_us), because=row.because)
