"""Rows on their way to the catalogue: recording never waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import islice

import structlog

from fairview.core.errors import Overloaded, Unavailable
from fairview.core.event import HealthEvent
from fairview.core.health import QueueSign
from fairview.core.limits import (
    CATALOGUE_BATCH_MAX,
    ROWS_RETRY_US_FIRST,
    ROWS_RETRY_US_MAX,
    ROWS_WAITING_MAX,
)
from fairview.core.time import Clock
from fairview.store.contracts import Catalogue, Change, EventSaved, GapSaved, SegmentSaved

Question = Callable[[Catalogue], Sequence[Change]]
"""Something to ask the catalogue when it can be reached, and the rows that follow from it."""


class RowQueue:
    """Rows of all streams of one recorder, written in order by a thread of their own.

    A newer row of the same segment or gap replaces the waiting one. While the catalogue is away
    rows wait, up to ROWS_WAITING_MAX; then the oldest are dropped, and `check` finds their
    footage in the blobs. Safe from several threads.
    """

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._waiting: dict[object, Change | Question] = {}
        self._numbered = 0
        self._is_away = False
        self._away_because = ""
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = structlog.get_logger(__name__)
        self.dropped = 0

    def put(self, *changes: Change) -> None:
        """Have rows written soon. Returns at once."""
        with self._lock:
            for change in changes:
                self._waiting[self._place(change)] = change
            self._bound()
        self._wake.set()

    def ask(self, question: Question) -> None:
        """Have a question put to the catalogue soon, in turn with the rows. Returns at once."""
        with self._lock:
            self._waiting[self._next_number()] = question
            self._bound()
        self._wake.set()

    def sign(self) -> QueueSign:
        """How much waits, and whether the catalogue is away."""
        with self._lock:
            return QueueSign(
                name="rows",
                waiting=len(self._waiting),
                waiting_max=ROWS_WAITING_MAX,
                dropped=self.dropped,
                away_because=self._away_because if self._is_away else None,
            )

    def start(self) -> None:
        """Begin writing in a thread."""
        assert self._thread is None, "rows are written by one thread"
        self._thread = threading.Thread(target=self._run, name="rows", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what waits, once more, and end the thread. What can't be written is dropped."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if not self.drain():
            self._log.warning("rows are left to the next check", rows=len(self._waiting))

    def drain(self) -> bool:
        """Write everything that waits now; False when the catalogue is away."""
        with self._writing:
            while True:
                with self._lock:
                    batch = list(islice(self._waiting.items(), CATALOGUE_BATCH_MAX))
                if not batch:
                    return True
                try:
                    done = self._write(batch)
                except (Unavailable, Overloaded) as error:
                    self._say_away(error)
                    return False
                self._say_back()
                with self._lock:
                    for place, change in done:
                        if self._waiting.get(place) is change:
                            del self._waiting[place]

    def _write(
        self, batch: list[tuple[object, Change | Question]]
    ) -> list[tuple[object, Change | Question]]:
        """Write rows up to the first question, or that question; what was written."""
        first = batch[0][1]
        if callable(first):
            found = first(self._catalogue)
            if found:
                self._catalogue.write(found)
            return batch[:1]
        rows: list[Change] = []
        for _, change in batch:
            if callable(change):
                break
            rows.append(change)
        self._catalogue.write(rows)
        return batch[: len(rows)]

    def _run(self) -> None:
        wait_us = ROWS_RETRY_US_FIRST
        while not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
            if self.drain():
                wait_us = ROWS_RETRY_US_FIRST
                continue
            self._clock.wait(self._stop, wait_us)
            wait_us = min(2 * wait_us, ROWS_RETRY_US_MAX)
            self._wake.set()

    def _place(self, change: Change) -> object:
        if isinstance(change, SegmentSaved):
            return change.segment.id
        if isinstance(change, GapSaved):
            return (change.gap.camera, change.gap.stream, change.gap.span.start)
        return self._next_number()

    def _next_number(self) -> int:
        self._numbered += 1
        return self._numbered

    def _bound(self) -> None:
        while len(self._waiting) > ROWS_WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]
            self.dropped += 1

    def _say_away(self, error: Exception) -> None:
        if not self._is_away:
            self._is_away, self._away_because = True, str(error)
            self._log.warning("catalogue away, rows wait", because=str(error))
            event = HealthEvent(
                kind="catalogue_away", camera=None, at=self._clock.now(), because=str(error)
            )
            with self._lock:
                self._waiting[self._next_number()] = EventSaved(event=event)

    def _say_back(self) -> None:
        if self._is_away:
            self._is_away = False
            self._log.info("catalogue back", waiting=len(self._waiting), dropped=self.dropped)
