"""Callers that append at the same time share one batch; whoever comes first writes for all."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from fairview.core.errors import FairviewError, Overloaded, Unavailable, error_named, outcome_of


class _Ticket:
    """One caller's entries, and what became of them. Owned by the lock of its queue."""

    def __init__(self, entries: tuple[bytes, ...]) -> None:
        self.entries = entries
        self.first: int | None = None
        self.error: FairviewError | None = None

    @property
    def is_done(self) -> bool:
        return self.first is not None or self.error is not None


class Batches:
    """A line of callers in front of one `commit`, which only ever runs in one thread.

    While one batch is being written the next one gathers, so that a slow disk makes batches
    larger, not the line longer. No thread of its own: the first waiting caller commits.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[bytes]], int],
        *,
        batch_max: int,
        waiting_max: int,
    ) -> None:
        self._commit = commit
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._changed = threading.Condition()
        self._line: deque[_Ticket] = deque()
        self._waiting = 0
        self._is_busy = False

    @property
    def waiting(self) -> int:
        """Entries in line, not counting those being written."""
        with self._changed:
            return self._waiting

    def submit(self, entries: Sequence[bytes]) -> tuple[int, ...]:
        """The entries' numbers once `commit` took them, in order and without others between.

        Errors:  Overloaded when too many wait already; whatever `commit` raised for the batch.
        """
        ticket = _Ticket(tuple(entries))
        assert 0 < len(ticket.entries) <= self._batch_max
        with self._changed:
            if self._waiting + len(ticket.entries) > self._waiting_max:
                raise Overloaded("too many lines wait for the ledger's disk; come back shortly")
            self._line.append(ticket)
            self._waiting += len(ticket.entries)
        while (batch := self._wait(ticket)) is not None:
            self._run(batch)
        if ticket.error is not None:
            raise error_named(outcome_of(ticket.error).name, str(ticket.error)) from ticket.error
        assert ticket.first is not None
        return tuple(range(ticket.first, ticket.first + len(ticket.entries)))

    def _wait(self, ticket: _Ticket) -> list[_Ticket] | None:
        """The next batch, for this thread to commit; None once the ticket is done."""
        with self._changed:
            while not ticket.is_done:
                if not self._is_busy:
                    self._is_busy = True
                    return self._take()
                self._changed.wait()
            return None

    def _take(self) -> list[_Ticket]:
        batch: list[_Ticket] = []
        entries = 0
        while self._line and entries + len(self._line[0].entries) <= self._batch_max:
            batch.append(self._line.popleft())
            entries += len(batch[-1].entries)
        self._waiting -= entries
        return batch

    def _run(self, batch: list[_Ticket]) -> None:
        first: int | None = None
        error: FairviewError = Unavailable("the ledger's writer stopped in the middle")
        try:
            first = self._commit([entry for ticket in batch for entry in ticket.entries])
        except FairviewError as raised:
            error = raised
        finally:
            # Also after a mistake of our own, which goes on to its caller: nobody waits for ever.
            with self._changed:
                for ticket in batch:
                    if first is None:
                        ticket.error = error
                    else:
                        ticket.first = first
                        first += len(ticket.entries)
                self._is_busy = False
                self._changed.notify_all()
