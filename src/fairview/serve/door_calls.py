"""Calls to the door from the event loop: blocking there, bounded here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from typing import Generic, TypeVar

import anyio
import anyio.to_thread

from fairview.core.errors import Overloaded
from fairview.core.limits import WEB_DOOR_CALLS_MAX, WEB_DOOR_CALLS_WAITING_MAX, WEB_STREAMS_MAX

T = TypeVar("T")


class DoorCalls:
    """Runs blocking calls in a bounded number of threads.

    Short calls and streams have separate bounds, so that viewers never keep anyone from
    signing in. Made inside the running loop or before it.
    """

    def __init__(
        self,
        *,
        calls_max: int = WEB_DOOR_CALLS_MAX,
        waiting_max: int = WEB_DOOR_CALLS_WAITING_MAX,
        streams_max: int = WEB_STREAMS_MAX,
    ) -> None:
        self._calls = anyio.CapacityLimiter(calls_max)
        self._pulls = anyio.CapacityLimiter(streams_max)
        self._waiting_max = waiting_max
        self._streams_max = streams_max
        self._streams = 0

    @property
    def streams_open(self) -> int:
        return self._streams

    async def run(self, call: Callable[[], T]) -> T:
        """One short call.

        Errors:  Overloaded when too many wait already; whatever the call raises.
        """
        if self._calls.statistics().tasks_waiting >= self._waiting_max:
            raise Overloaded("too many requests wait already")
        return await anyio.to_thread.run_sync(call, limiter=self._calls)

    def stream(self, items: Callable[[], Iterator[T]]) -> BlockingStream[T]:
        """A blocking iterator as something to await piece by piece.

        Errors:  Overloaded when WEB_STREAMS_MAX are open.
        """
        if self._streams >= self._streams_max:
            raise Overloaded("too many people watch at once")
        self._streams += 1
        return BlockingStream(items, self._pulls, self._let_go)

    def _let_go(self) -> None:
        self._streams -= 1


class BlockingStream(Generic[T]):
    """One stream's pulls, one at a time. Holds no piece back: a slow reader slows the door's
    iterator, whose own queue then drops (LIVE_QUEUE_FRAGMENTS_MAX)."""

    def __init__(
        self,
        items: Callable[[], Iterator[T]],
        limiter: anyio.CapacityLimiter,
        let_go: Callable[[], None],
    ) -> None:
        self._items = items
        self._limiter = limiter
        self._let_go = let_go
        self._iterator: Iterator[T] | None = None
        self._lock = threading.Lock()
        self._is_closed = False
        self._is_pulling = False

    async def next(self) -> T | None:
        """The next piece; None at the end. Cancelling leaves the thread to end by itself."""
        return await anyio.to_thread.run_sync(
            self._pull, limiter=self._limiter, abandon_on_cancel=True
        )

    async def close(self) -> None:
        """Let the iterator go; safe to repeat. Never waits for a pull in progress: the door's
        own iterators end one from any thread, any other ends with its next piece."""
        with anyio.CancelScope(shield=True):
            with self._lock:
                if self._is_closed:
                    return
                self._is_closed = True
                is_pulling = self._is_pulling
            self._let_go()
            with suppress(ValueError) if is_pulling else nullcontext():
                # ValueError: a generator that runs; its puller closes it afterwards.
                await anyio.to_thread.run_sync(self._close_iterator)

    def _pull(self) -> T | None:
        with self._lock:
            if self._is_closed:
                return None
            self._is_pulling = True
        try:
            if self._iterator is None:
                self._iterator = self._items()
            return next(self._iterator, None)
        finally:
            if self._pull_is_over():
                self._close_iterator()

    def _pull_is_over(self) -> bool:
        """Whether the stream was closed meanwhile, so that closing falls to the puller."""
        with self._lock:
            self._is_pulling = False
            return self._is_closed

    def _close_iterator(self) -> None:
        close = getattr(self._iterator, "close", None)
        if close is not None:
            close()
