"""A copy of the catalogue for a backup: consistent, without logins, complete segments only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fairview.core.ids import CameraId, SegmentId
from fairview.store.sqlite_copy import copying, opened, told

_CHANGES = (
    # Open segments still grow, so no copy of their blob would agree with the row.
    "DELETE FROM segments WHERE ended_because IS NULL",
    # Sealed with secrets.key, which a backup never holds: a recorder would stumble over them.
    "UPDATE cameras SET sealed_login = NULL",
    # Their keys are wrapped by the site key, which a backup never holds either.
    "DELETE FROM clean_pictures",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobKept:
    """A complete segment's blob, as its copied row names it."""

    segment: SegmentId
    camera: CameraId
    blob: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueCopy:
    """What the copy names. logins: cameras whose login was left out."""

    blobs: tuple[BlobKept, ...]
    logins: tuple[CameraId, ...]


def copy_catalogue(source: Path, out: Path) -> CatalogueCopy:
    """A consistent copy of the catalogue at `out` (0600, one file), also while it is written.

    Left out: open segments, camera logins, clean pictures; also from the file's free pages.
    Errors:  NotFound, Conflict when `out` exists, Unavailable, Corrupt.
    Cost:    writes the file twice; one reading transaction on the source for the first of them.
    Source:  SQLite's online backup API.
    """
    with copying(source, out) as (old, new):
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")  # the pages copied said WAL
        new.execute("PRAGMA secure_delete = ON")
        query = "SELECT id FROM cameras WHERE sealed_login IS NOT NULL ORDER BY id"
        logins = tuple(CameraId(row[0]) for row in new.execute(query))
        new.execute("BEGIN IMMEDIATE")
        for change in _CHANGES:
            new.execute(change)
        new.execute("COMMIT")
        new.execute("VACUUM")
        rows = new.execute("SELECT id, camera, blob FROM segments ORDER BY blob")
        blobs = tuple(
            BlobKept(segment=SegmentId(name), camera=CameraId(camera), blob=blob)
            for name, camera, blob in rows
        )
    return CatalogueCopy(blobs=blobs, logins=logins)


def drop_segments(copy: Path, segments: Iterable[SegmentId]) -> None:
    """Take rows out of a copy: their blobs were shredded while it was made."""
    with told(copy), contextlib.closing(opened(copy)) as rows:
        rows.execute("BEGIN IMMEDIATE")
        rows.executemany("DELETE FROM segments WHERE id = ?", [(one,) for one in segments])
        rows.execute("COMMIT")
