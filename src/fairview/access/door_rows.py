"""The door's own SQLite file: actors, sessions, wrapped keys, private ledger details.

Only the door opens it. Deleted rows are overwritten (`secure_delete`), every commit is synced
(`synchronous=FULL`), and the write-ahead log can be truncated on demand.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import StaticPool

from fairview.core.errors import BadInput, Corrupt, Unavailable

DOOR_ROWS_VERSION = 1
_BUSY_MS = 5_000

_tables = sa.MetaData()

notes = sa.Table(
    "notes",
    _tables,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    comment="Single values: which site key wraps the halves, the latest vouched time.",
)

actors = sa.Table(
    "actors",
    _tables,
    sa.Column("id", sa.Text, primary_key=True, comment="The name to sign in with."),
    sa.Column("roles", sa.Text, nullable=False, comment="JSON list of roles."),
    sa.Column("cameras", sa.Text, comment="JSON list of camera ids; NULL means all of them."),
    sa.Column("password", sa.Text, nullable=False, comment="argon2id, salted, never the text."),
    sa.Column("made_at_us", sa.BigInteger, nullable=False),
)

sessions = sa.Table(
    "sessions",
    _tables,
    sa.Column("digest", sa.LargeBinary, primary_key=True, comment="SHA-256 of the token."),
    sa.Column("actor", sa.Text, sa.ForeignKey("actors.id"), nullable=False),
    sa.Column("opened_at_us", sa.BigInteger, nullable=False),
    sa.Column("expires_at_us", sa.BigInteger, nullable=False),
)

key_pairs = sa.Table(
    "key_pairs",
    _tables,
    sa.Column("id", sa.Text, primary_key=True, comment="32 hexadecimal digits."),
    sa.Column("camera", sa.Text, nullable=False),
    sa.Column("hour_us", sa.BigInteger, comment="UTC hour it serves; NULL for a spare."),
    sa.Column("day_us", sa.BigInteger, comment="UTC day a spare was issued for; else NULL."),
    sa.Column("public", sa.LargeBinary, nullable=False, comment="X25519 public half, 32 bytes."),
    sa.Column("wrapped", sa.LargeBinary, nullable=False, comment="Private half, see keys.py."),
    sa.UniqueConstraint("camera", "hour_us"),
    sa.UniqueConstraint("camera", "day_us"),
)

picture_keys = sa.Table(
    "picture_keys",
    _tables,
    sa.Column("id", sa.Text, primary_key=True, comment="32 hexadecimal digits."),
    sa.Column("camera", sa.Text, nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False, comment="Key of one clean picture."),
)

leaf_details = sa.Table(
    "leaf_details",
    _tables,
    sa.Column("digest", sa.LargeBinary, primary_key=True, comment="What the leaf's commit says."),
    sa.Column("salt", sa.LargeBinary, nullable=False, comment="32 random bytes."),
    sa.Column("details", sa.LargeBinary, nullable=False, comment="Canonical JSON, erasable."),
    sa.Column("made_at_us", sa.BigInteger, nullable=False),
)

looks_open = sa.Table(
    "looks_open",
    _tables,
    sa.Column("id", sa.Text, primary_key=True, comment="A look that has no closing line yet."),
    sa.Column("ledger_size", sa.BigInteger, nullable=False, comment="Before its opening line."),
    sa.Column("opened_at_us", sa.BigInteger, nullable=False),
)

shreds = sa.Table(
    "shreds",
    _tables,
    sa.Column("id", sa.Text, primary_key=True, comment="A certificate not yet in the ledger."),
    sa.Column("camera", sa.Text, nullable=False),
    sa.Column("hour_us", sa.BigInteger, comment="NULL for a spare pair."),
    sa.Column("pairs", sa.Text, nullable=False, comment="JSON list of dead key-pair ids."),
    sa.Column("segments", sa.Text, nullable=False, comment="JSON list of {id, blob}."),
    sa.Column("ledger_size", sa.BigInteger, nullable=False, comment="Before its line."),
    sa.Column("dead_at_us", sa.BigInteger, nullable=False),
    sa.Column("because", sa.Text, nullable=False),
)

segment_roots = sa.Table(
    "segment_roots",
    _tables,
    sa.Column("leaf", sa.BigInteger, primary_key=True, comment="The root's ledger leaf."),
    sa.Column("taken_at_us", sa.BigInteger, nullable=False),
    sa.Column("ids", sa.LargeBinary, nullable=False, comment="16 bytes each, in leaf order."),
    sa.Column("heads", sa.LargeBinary, nullable=False, comment="32 bytes each, same order."),
    comment="What inclusion in a root is proved from, also when some of its segments are gone.",
)


class DoorRows:
    """One connection, one lock: the door's rows are few, and a checkpoint needs no readers.

    Cost: one sync per write.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file (mode 0600).

        Errors:  Corrupt when it is not ours, BadInput when made by a newer version, Unavailable
        when the disk fails.
        """
        self._path = path
        self._lock = threading.RLock()
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._engine = sa.create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=_BUSY_MS / 1_000
            ),
            poolclass=StaticPool,
        )
        event.listen(self._engine, "connect", _set_up_connection)
        event.listen(self._engine, "begin", _begin)
        self._make()

    @property
    def path(self) -> Path:
        return self._path

    def _make(self) -> None:
        with self.write() as connection:
            found = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
            if found > DOOR_ROWS_VERSION:
                raise BadInput(
                    f"{self._path} was made by a newer Fairview (version {found}, this one knows "
                    f"{DOOR_ROWS_VERSION}): use that version; nothing was changed"
                )
            if found == 0:
                _tables.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {DOOR_ROWS_VERSION:d}")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it or none, durable when the block ends without an error.

        Errors:  Unavailable when the disk is full, failing or locked; then it is unknown
        whether the change was kept, and the caller reads again.
        """
        with self._lock, self._translated(), self._engine.connect() as connection:
            transaction = connection.begin()
            try:
                yield connection
                self._commit(transaction)
            finally:
                if transaction.is_active:
                    transaction.rollback()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view for one thread. Errors: Unavailable, Corrupt."""
        with self._lock, self._translated(), self._engine.connect() as connection:
            transaction = connection.begin()
            try:
                yield connection
            finally:
                transaction.rollback()

    def _commit(self, transaction: sa.engine.RootTransaction) -> None:
        transaction.commit()

    def truncate_log(self) -> None:
        """Fold the write-ahead log into the file and cut it to nothing.

        Errors:  Unavailable when something else still reads the file.
        """
        with self._lock, self._translated():
            raw = self._engine.raw_connection()
            try:
                cursor = raw.cursor()
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                answer = cursor.fetchone()
                cursor.close()
            finally:
                raw.close()
        if answer is None or answer[0]:
            raise Unavailable(f"{self._path} is being read elsewhere; its log stays for now")

    def close(self) -> None:
        """Let go; safe to repeat."""
        with self._lock:
            self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise Unavailable(f"the door's rows ({self._path}) can't be used now") from error
        except DatabaseError as error:
            if isinstance(error, sa.exc.IntegrityError):
                raise
            raise Corrupt(f"{self._path} is not the door's SQLite file any more") from error
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the door's rows ({self._path}) can't be used now") from error


def _set_up_connection(connection: sqlite3.Connection, record: object) -> None:
    del record
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "secure_delete = ON",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        f"busy_timeout = {_BUSY_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
