"""The rendering pool, made when the first picture is asked for."""

from __future__ import annotations

import threading

from fairview.access.render import RenderPool
from fairview.core.time import Clock


class Rendering:
    """Many commands open the door and render nothing: they start no children.

    Safe from several threads. A pool that was handed in is the caller's to close.
    """

    def __init__(self, clock: Clock, children_max: int, pool: RenderPool | None = None) -> None:
        self._clock = clock
        self._children_max = children_max
        self._lock = threading.Lock()
        self._pool = pool
        self._is_ours = pool is None

    def pool(self) -> RenderPool:
        with self._lock:
            if self._pool is None:
                self._pool = RenderPool(clock=self._clock, children_max=self._children_max)
            return self._pool

    def forget(self, look: str) -> None:
        """A look has closed: end its idle children, and their keys with them."""
        with self._lock:
            pool = self._pool
        if pool is not None:
            pool.forget(look)

    def close(self) -> None:
        """Safe to repeat."""
        with self._lock:
            pool = self._pool if self._is_ours else None
            if self._is_ours:
                self._pool = None
        if pool is not None:
            pool.close()
