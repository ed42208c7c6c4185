"""A copy of the door's rows for a backup, into which no private half and no session ever goes.

Tables are copied by name. A table that a later version adds is in neither list, and a test fails
until somebody has decided.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from fairview.access.door_rows import DOOR_ROWS_VERSION
from fairview.core.errors import Corrupt
from fairview.store.ledger import HEAD_NAME
from fairview.store.sqlite_copy import copying

COPIED = frozenset({"actors", "leaf_details", "looks_open", "shreds", "segment_roots", "heads"})
LEFT_OUT = frozenset(
    {
        "key_pairs",  # wrapped private halves (decision 6)
        "picture_keys",  # wrapped as they are
        "notes",  # names the site key that wraps both
        "sessions",  # on a restored node everybody signs in again
    }
)
_ROW_STEP = 1_000


def copy_door_rows(source: Path, out: Path) -> bytes:
    """The rows that a restored door needs, at `out` (0600); answers with the ledger's head.

    Rows go over one by one: what is left out never touches the target's disk, not even for a
    moment. All of it is one reading transaction, so the head fits the rows; the door's log can't
    be emptied while that lasts, which its next sweep makes up for.

    Errors:  NotFound, Conflict when `out` exists, Unavailable, Corrupt.
    """
    with copying(source, out) as (old, new):
        old.execute("BEGIN")
        version = int(old.execute("PRAGMA user_version").fetchone()[0])
        if version != DOOR_ROWS_VERSION:
            raise Corrupt(f"{source} is of version {version}; this Fairview copies only its own")
        new.execute("BEGIN IMMEDIATE")
        for table, text in _tables(old):
            new.execute(text)
            if table in COPIED:
                _copy(old, new, table)
        new.execute(f"PRAGMA user_version = {DOOR_ROWS_VERSION:d}")
        new.execute("COMMIT")
        old.execute("ROLLBACK")
        head = new.execute("SELECT value FROM heads WHERE name = ?", (HEAD_NAME,)).fetchone()
    if head is None:
        raise Corrupt(f"{source} has no head of the ledger; restore it")
    return bytes(head[0])


def _tables(old: sqlite3.Connection) -> list[tuple[str, str]]:
    """All of them, so that the copy is a whole file of its version; empty where left out."""
    query = (
        "SELECT name, sql FROM sqlite_master "
        "WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
    )
    return list(old.execute(query))


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    rows = old.execute(f"SELECT * FROM {table}")  # noqa: S608  # a name of our own list
    places = ", ".join("?" * len(rows.description))
    while step := rows.fetchmany(_ROW_STEP):
        new.executemany(f"INSERT INTO {table} VALUES ({places})", step)  # noqa: S608  # as above
