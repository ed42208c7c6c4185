"""One thread for many streams: it looks at each of them in turn, some times a second.

A thread for every stream would be woken as often, for each stream apart, and would find the
processor's caches filled with something else each time, which costs more than the look itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from fairview.core.limits import LEAN_LOOK_US_MAX, LEAN_READ_EVERY_US
from fairview.core.media import Packet
from fairview.core.time import Clock

Step = Callable[[], bool]
"""One look and what follows from it; whether there are more to come."""


@runtime_checkable
class Looked(Protocol):
    """A source that can be looked at from time to time, once it is steady."""

    @property
    def is_steady(self) -> bool: ...

    def look(self) -> Sequence[Packet]:
        """What has come since the last look; never waits. Errors: as PacketSource."""
        ...


@dataclass(slots=True, eq=False)
class _Follower:
    step: Step
    done: threading.Event = field(default_factory=threading.Event)
    is_under_way: bool = False


class Looks:
    """Takes the turns. Safe from several threads.

    A step that takes longer than limits.LEAN_LOOK_US_MAX (it waits for a disk) keeps its thread to
    itself; a new one goes on with the streams behind it. So there are as many threads as steps
    wait, and one when none does.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._followers: list[_Follower] = []
        self._shift = 0
        self._is_running = self._is_watched = False
        self._since_us: int | None = None
        self._first = 0
        self._never = threading.Event()
        self._turn = threading.Event()

    def follow(self, step: Step) -> None:
        """Take a step some times a second until it says that no more are to come.

        step: raises nothing; what goes wrong it keeps for whoever follows.
        """
        follower = _Follower(step)
        with self._lock:
            self._followers.append(follower)
            if not self._is_running:
                self._relieve()
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, name="looks-watch", daemon=True).start()
        follower.done.wait()

    def _watch(self) -> None:
        """Relieves a thread that is held up, as long as there are any."""
        while True:
            self._turn.wait()
            self._clock.wait(self._never, LEAN_LOOK_US_MAX)
            with self._lock:
                if not self._is_running:
                    self._is_watched = False
                    return
                since_us = self._since_us
                if since_us is None:
                    continue
                if self._clock.monotonic_us() - since_us > LEAN_LOOK_US_MAX:
                    self._relieve()

    def _relieve(self) -> None:
        """A new thread takes over; the one before ends with its step. With the lock held."""
        self._shift += 1
        self._is_running, self._since_us = True, None
        threading.Thread(
            target=self._work, args=(self._shift,), name=f"looks-{self._shift}", daemon=True
        ).start()

    def _work(self, shift: int) -> None:
        due_us = self._clock.monotonic_us()
        while True:
            with self._lock:
                if shift != self._shift:
                    return
                turn = self._followers[self._first :] + self._followers[: self._first]
                self._turn.set()
                if not turn:
                    self._is_running = False
                    return
            for follower in turn:
                if not self._begin(follower, shift):
                    continue
                self._step(follower)
                if not self._end(follower, shift):
                    return
            with self._lock:
                if shift != self._shift:
                    return
                self._first = 0
                self._turn.clear()
            now_us = self._clock.monotonic_us()
            due_us = max(due_us + LEAN_READ_EVERY_US, now_us)
            self._clock.wait(self._never, due_us - now_us)

    def _begin(self, follower: _Follower, shift: int) -> bool:
        """Whether it is this thread's to take the follower's step."""
        with self._lock:
            if shift != self._shift or follower.is_under_way or follower.done.is_set():
                return False
            follower.is_under_way = True
            self._first = self._followers.index(follower) + 1
            self._since_us = self._clock.monotonic_us()
            return True

    def _step(self, follower: _Follower) -> None:
        goes_on = False
        try:
            goes_on = follower.step()
        finally:
            # A step that raises all the same takes its thread with it; another is found wanting
            # by the watch, and whoever follows is let go.
            if not goes_on:
                with self._lock:
                    self._followers.remove(follower)
                follower.done.set()

    def _end(self, follower: _Follower, shift: int) -> bool:
        """Whether this thread still takes the turns."""
        with self._lock:
            follower.is_under_way = False
            if shift != self._shift:
                return False
            self._since_us = None
            return True
