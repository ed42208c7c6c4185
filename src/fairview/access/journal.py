"""Writing lines into the ledger: private details first, then the leaf, both durable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fairview.access.door_rows import DoorRows, leaf_details
from fairview.access.leaves import Leaf, LeafRead, Written, commitment, read_leaf, write_leaf
from fairview.core.errors import NotFound
from fairview.core.time import Clock

FIND_ENTRIES_MAX = 100_000
"""How far back a restart looks for a line that it may have written already."""


class Entries(Protocol):
    """What the journal needs of a ledger (store/ledger.py, and broken ones in tests)."""

    def append(self, entries: Sequence[bytes]) -> tuple[int, ...]:
        """Durable, checkpoint included, on return. Errors: Unavailable."""
        ...

    def entry(self, number: int) -> bytes: ...

    @property
    def size(self) -> int: ...


class Journal:
    """The door's pen. Safe from several threads."""

    def __init__(self, ledger: Entries, rows: DoorRows, clock: Clock) -> None:
        self._ledger = ledger
        self._rows = rows
        self._clock = clock

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self._ledger.size

    def append(self, leaf: Leaf, also: Callable[[Connection], None] | None = None) -> int:
        """The leaf's number; it and its private details are durable on return.

        also: rows to write together with the private details, before the leaf.
        A crash in between leaves private details without a leaf, which nobody can find.
        Errors:  Unavailable when either can't be written; the leaf may stand all the same.
        """
        written = write_leaf(leaf, self._clock.now())
        if written.digest is not None or also is not None:
            with self._rows.write() as connection:
                if written.digest is not None:
                    self._keep_details(connection, written)
                if also is not None:
                    also(connection)
        return self._ledger.append([written.entry])[0]

    def _keep_details(self, connection: Connection, written: Written) -> None:
        connection.execute(
            leaf_details.insert().values(
                digest=written.digest,
                salt=written.salt,
                details=written.details,
                made_at_us=self._clock.now().us,
            )
        )

    def read(self, number: int) -> LeafRead:
        """Errors:  NotFound, Corrupt."""
        return read_leaf(self._ledger.entry(number))

    def find(self, kind: type[Leaf], field: str, value: str, since: int) -> int | None:
        """The first line of a kind whose public field has the value, from a number on.

        For restarts: "failed, yet stored" must not give a second line.
        """
        end = min(self._ledger.size, since + FIND_ENTRIES_MAX)
        for number in range(since, end):
            leaf = read_leaf(self._ledger.entry(number))
            if leaf.kind == kind.KIND and leaf.texts.get(field) == value:
                return number
        return None

    def details(self, number: int) -> tuple[bytes, bytes]:
        """A leaf's salt and private details, for the person they are shown to.

        Errors:  NotFound when it has none, or they were erased.
        """
        commit = self.read(number).commit
        with self._rows.read() as connection:
            row = connection.execute(
                sa.select(leaf_details.c.salt, leaf_details.c.details).where(
                    leaf_details.c.digest == commit
                )
            ).one_or_none()
        if row is None or commitment(row.salt, row.details) != commit:
            raise NotFound(f"leaf {number} has no private details any more")
        return row.salt, row.details

    def erase(self, number: int) -> None:
        """Forget a leaf's private details for good; the leaf itself stays. Safe to repeat."""
        commit = self.read(number).commit
        with self._rows.write() as connection:
            connection.execute(leaf_details.delete().where(leaf_details.c.digest == commit))
        self._rows.truncate_log()
