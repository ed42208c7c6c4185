"""Plain connections for copying SQLite files row by row or page by page, told in our errors."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from fairview.core.errors import Conflict, Corrupt, NotFound, Unavailable
from fairview.core.limits import SQLITE_BUSY_US_MAX
from fairview.core.time import US_PER_SECOND

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@contextlib.contextmanager
def copying(source: Path, out: Path) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    """The source, and a new empty file (0600) without a log beside it; both say BEGIN themselves.

    Errors:  NotFound without a source; Conflict when `out` exists; Unavailable, Corrupt.
    """
    if not source.exists():
        raise NotFound(f"{source} is not there")
    _make(out)
    with (
        told(source),
        contextlib.closing(opened(source)) as old,
        contextlib.closing(opened(out)) as new,
    ):
        new.execute("PRAGMA journal_mode = DELETE")
        yield old, new


def opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=SQLITE_BUSY_US_MAX / US_PER_SECOND)


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Turns what SQLite says into our errors."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            raise Corrupt(f"{path} is damaged; keep it, then rebuild or restore it") from error
        raise Unavailable(f"{path} can't be copied now: {error}") from error


def _make(path: Path) -> None:
    """With its own mode from the start, or SQLite would take the process's."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except FileExistsError as error:
        raise Conflict(f"{path} stands in the way of a copy") from error
    except OSError as error:
        raise Unavailable(f"{path} can't be made: {error.strerror}") from error
