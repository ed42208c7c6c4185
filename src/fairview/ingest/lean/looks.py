"""One thread for many streams: it looks at each of them in turn, some times a second.

A thread for every stream would be woken as often, for each stream apart, and would find the
processor's caches filled with something else each time, which costs more than the look itself.
For the same reason streams that nobody watches are looked at together in every third turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from fairview.core.limits import LEAN_CALM_TURNS, LEAN_READ_EVERY_US
from fairview.core.media import Packet
from fairview.core.time import Clock

Step = Callable[[], bool]
"""One look and what follows from it; whether there are more to come."""


@runtime_checkable
class Looked(Protocol):
    """A source that can be looked at from time to time, once it is steady."""

    @property
    def is_steady(self) -> bool: ...

    @property
    def is_patient(self) -> bool:
        """Whether what was sent waits as long as it must: the sender is held back, not lost."""
        ...

    def look(self) -> Sequence[Packet]:
        """What has come since the last look; never waits. Errors: as PacketSource."""
        ...


@dataclass(slots=True, eq=False)
class _Follower:
    step: Step
    is_calm: Callable[[], bool]
    done: threading.Event = field(default_factory=threading.Event)


class Looks:
    """Takes the turns. Safe from several threads. Steps never wait: writers have threads of their
    own.

    Bounds:  LEAN_READ_EVERY_US between turns; a calm stream is looked at in every
    LEAN_CALM_TURNS-th.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._followers: list[_Follower] = []
        self._is_running = False
        self._never = threading.Event()

    def follow(self, step: Step, is_calm: Callable[[], bool] = bool) -> None:
        """Take a step some times a second until it says that no more are to come.

        step: raises nothing; what goes wrong it keeps for whoever follows. is_calm: whether fewer
        looks will do at this moment.
        """
        follower = _Follower(step, is_calm)
        with self._lock:
            self._followers.append(follower)
            if not self._is_running:
                self._start()
        follower.done.wait()

    def _start(self) -> None:
        """With the lock held."""
        self._is_running = True
        threading.Thread(target=self._work, name="looks", daemon=True).start()

    def _work(self) -> None:
        try:
            while self._take_turns():
                pass
        finally:
            # A step that raises all the same takes the thread with it, but nobody else's stream.
            with self._lock:
                self._is_running = False
                if self._followers:
                    self._start()

    def _take_turns(self) -> bool:
        """One round of turns; whether anybody is left."""
        for number in range(LEAN_CALM_TURNS):
            began_us = self._clock.monotonic_us()
            with self._lock:
                followers = tuple(self._followers)
                if not followers:
                    return False
            for follower in followers:
                if number == 0 or not follower.is_calm():
                    self._step(follower)
            took_us = self._clock.monotonic_us() - began_us
            self._clock.wait(self._never, max(0, LEAN_READ_EVERY_US - took_us))
        return True

    def _step(self, follower: _Follower) -> None:
        goes_on = False
        try:
            goes_on = follower.step()
        finally:
            if not goes_on:
                with self._lock:
                    self._followers.remove(follower)
                follower.done.set()
