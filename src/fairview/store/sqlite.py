"""How we open SQLite files: durable on commit, deleted bytes overwritten, one writer at a time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from fairview.core.errors import Corrupt, Unavailable
from fairview.core.limits import SQLITE_BUSY_US_MAX, SQLITE_READERS_MAX
from fairview.core.time import US_PER_SECOND

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_engine(path: Path, *, busy_us: int = SQLITE_BUSY_US_MAX) -> sa.Engine:
    """An engine on a database file (0600), usable from several threads.

    Write-ahead log, synchronous=FULL (a commit survives a power cut), secure_delete (freed bytes
    are zeroed), foreign keys. Transactions begin as they are told: see `reading`, `writing`.
    """
    with _open_file(path):
        pass
    engine = sa.create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": busy_us / US_PER_SECOND, "check_same_thread": False},
        poolclass=sa.QueuePool,
        pool_size=SQLITE_READERS_MAX,
        max_overflow=0,
        pool_timeout=busy_us / US_PER_SECOND,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        assert isinstance(connection, sqlite3.Connection)
        connection.isolation_level = None  # we say BEGIN ourselves
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("PRAGMA foreign_keys=ON")

    return engine


@contextlib.contextmanager
def _open_file(path: Path) -> Iterator[None]:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(f"{path} can't be opened: {error.strerror}") from error
    try:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def told_as_ours(path: Path) -> Iterator[None]:
    """Turns what SQLite says into our errors: Corrupt for damage, Unavailable for the rest.

    A broken constraint passes through: that is our own mistake.
    """
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except sa.exc.DBAPIError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGED:
            raise Corrupt(f"{path.name} is damaged; keep it, then restore or rebuild") from error
        raise Unavailable(f"{path.name} can't be used now: {error.orig}") from error
    except sa.exc.TimeoutError as error:
        raise Unavailable(f"{path.name} has too many readers at once") from error


@contextlib.contextmanager
def reading(engine: sa.Engine, path: Path) -> Iterator[sa.Connection]:
    """One consistent view. Errors: Unavailable, Corrupt."""
    with told_as_ours(path), engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        try:
            yield connection
        finally:
            connection.rollback()


@contextlib.contextmanager
def writing(engine: sa.Engine, path: Path) -> Iterator[sa.Connection]:
    """One transaction, alone from its first statement, durable on leaving; undone on an error.

    Errors:  Unavailable (then it may be stored or not), Corrupt.
    """
    with told_as_ours(path), engine.connect() as connection:
        is_done = False
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()
            is_done = True
        finally:
            if not is_done:
                # A commit that failed may leave its transaction open, and the pool would keep it
                # and its lock; closing the file undoes and frees it for certain.
                connection.invalidate()


def truncate_log(engine: sa.Engine, path: Path) -> None:
    """Move the write-ahead log into the file and empty it, so that deleted rows are gone from
    both. Errors: Unavailable while someone reads an older state."""
    with told_as_ours(path), engine.connect() as connection:
        is_busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        connection.rollback()
    if is_busy:
        raise Unavailable(f"{path.name}: its log can't be emptied while it is being read")
