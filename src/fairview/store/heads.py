"""Heads in memory and in SQLite; what they promise stands in contracts.py."""

from __future__ import annotations

import threading
from pathlib import Path

from fairview.core.errors import Conflict
from fairview.core.limits import SQLITE_BUSY_US_MAX
from fairview.store.sqlite import open_engine, reading, writing

_TABLE = "CREATE TABLE IF NOT EXISTS heads (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT"
_GET = "SELECT value FROM heads WHERE name = ?"
_SET = (
    "INSERT INTO heads (name, value) VALUES (?, ?) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


class MemoryHeads:
    """For tests and simulations."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        with self._lock:
            return self._values.get(name)

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        with self._lock:
            if self._values.get(name) != old:
                raise _moved(name)
            self._values[name] = new

    def close(self) -> None:
        """Nothing to let go of."""


class SqliteHeads:
    """In one table `heads` of a database file, which may hold other tables too.

    Cost:  a swap is one transaction: one sync of the write-ahead log.
    """

    def __init__(self, path: Path, *, busy_us: int = SQLITE_BUSY_US_MAX) -> None:
        """Errors:  Unavailable, Corrupt."""
        self._path = path
        self._engine = open_engine(path, busy_us=busy_us)
        with writing(self._engine, path) as connection:
            connection.exec_driver_sql(_TABLE)

    def get(self, name: str) -> bytes | None:
        with reading(self._engine, self._path) as connection:
            value = connection.exec_driver_sql(_GET, (name,)).scalar()
        return None if value is None else bytes(value)

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        with writing(self._engine, self._path) as connection:
            standing = connection.exec_driver_sql(_GET, (name,)).scalar()
            if (None if standing is None else bytes(standing)) != old:
                raise _moved(name)
            connection.exec_driver_sql(_SET, (name, new))

    def close(self) -> None:
        """Let go; safe to repeat."""
        self._engine.dispose()


def _moved(name: str) -> Conflict:
    return Conflict(f"the head {name} has moved on; read it again")
