"""Scenes, counts and speeds as rows of the catalogue's SQLite file."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from fairview.core.ids import CameraId
from fairview.core.sight import KINDS
from fairview.core.time import Instant, Span
from fairview.core.traffic import DIRECTIONS, Count, Speed, SpeedBin
from fairview.store.contracts import CountsSaved, SceneSaved, SpeedsSaved
from fairview.store.schema import tables as t

Row = sa.Row[*tuple[Any, ...]]


def _replacing(table: sa.Table) -> sa.Insert:
    fresh = insert(table)
    keys = [column.name for column in table.primary_key.columns]
    rest = {one.name: fresh.excluded[one.name] for one in table.c if one.name not in keys}
    return fresh.on_conflict_do_update(index_elements=keys, set_=rest)


_SAVE_SCENE = _replacing(t.scenes)
_SAVE_COUNT = _replacing(t.counts)
_SAVE_SPEED = _replacing(t.speeds)


def save_measure(connection: sa.Connection, change: SceneSaved | CountsSaved | SpeedsSaved) -> None:
    """Write one change inside the caller's transaction."""
    match change:
        case SceneSaved():
            connection.execute(_SAVE_SCENE, _scene_values(change))
        case CountsSaved(camera=camera, counts=counts):
            if counts:
                connection.execute(_SAVE_COUNT, [_count_values(camera, one) for one in counts])
        case SpeedsSaved(camera=camera, speeds=speeds):
            if speeds:
                connection.execute(_SAVE_SPEED, [_speed_values(camera, one) for one in speeds])


def newest_scene(connection: sa.Connection, camera: CameraId) -> SceneSaved | None:
    scenes = t.scenes
    row = connection.execute(
        sa.select(scenes)
        .where(scenes.c.camera == camera)
        .order_by(scenes.c.revision.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return SceneSaved(
        camera=row.camera,
        revision=row.revision,
        text=row.body,
        saved_at=Instant(row.saved_at_us),
        saved_by=row.saved_by,
    )


def counts_in(connection: sa.Connection, camera: CameraId, span: Span) -> tuple[Count, ...]:
    rows = connection.execute(_overlapping(t.counts, camera, span)).all()
    found = sorted(
        map(_count, rows),
        key=lambda one: (one.span.start, one.place, one.direction or "", one.kind),
    )
    return tuple(found)


def speeds_in(connection: sa.Connection, camera: CameraId, span: Span) -> tuple[SpeedBin, ...]:
    rows = connection.execute(_overlapping(t.speeds, camera, span)).all()
    return tuple(sorted(map(_speed, rows), key=lambda one: (one.span.start, one.place, one.kind)))


def _overlapping(table: sa.Table, camera: CameraId, span: Span) -> sa.Select[Any]:
    return sa.select(table).where(
        table.c.camera == camera, table.c.start_us < span.end.us, table.c.end_us > span.start.us
    )


def _scene_values(scene: SceneSaved) -> dict[str, object]:
    return {
        "camera": scene.camera,
        "revision": scene.revision,
        "body": scene.text,
        "saved_at_us": scene.saved_at.us,
        "saved_by": scene.saved_by,
    }


def _count_values(camera: CameraId, count: Count) -> dict[str, object]:
    return {
        "camera": camera,
        "start_us": count.span.start.us,
        "end_us": count.span.end.us,
        "place": count.place,
        "direction": count.direction or "",
        "kind": KINDS[count.kind],
        "counted": count.n,
        "low": count.low,
        "high": count.high,
        "observed_frac": count.observed_frac,
    }


def _speed_values(camera: CameraId, speed: SpeedBin) -> dict[str, object]:
    return {
        "camera": camera,
        "start_us": speed.span.start.us,
        "end_us": speed.span.end.us,
        "place": speed.place,
        "kind": KINDS[speed.kind],
        "measured": speed.n,
        "median_kmh": speed.median.kmh,
        "low_kmh": speed.median.low_kmh,
        "high_kmh": speed.median.high_kmh,
        "p85_kmh": speed.p85_kmh,
    }


def _count(row: Row) -> Count:
    return Count(
        span=Span(start=Instant(row.start_us), end=Instant(row.end_us)),
        place=row.place,
        direction=row.direction if row.direction in DIRECTIONS else None,
        kind=KINDS.index(row.kind),
        n=row.counted,
        low=row.low,
        high=row.high,
        observed_frac=row.observed_frac,
    )


def _speed(row: Row) -> SpeedBin:
    return SpeedBin(
        span=Span(start=Instant(row.start_us), end=Instant(row.end_us)),
        place=row.place,
        kind=KINDS.index(row.kind),
        n=row.measured,
        median=Speed(kmh=row.median_kmh, low_kmh=row.low_kmh, high_kmh=row.high_kmh),
        p85_kmh=row.p85_kmh,
    )
