"""Threads that take turns under a simulated clock: the same seed, the same order of events.

Only one thread runs at any moment. It keeps its turn until it waits on the clock (or ends); then
the one that is due next goes on, at its time. A wait costs no real time, so an hour of a whole
recorder takes as long as its work does.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from fairview.core.errors import Unavailable
from fairview.core.limits_sim import TURNS_MAX
from fairview.core.time import Instant

_NEVER_US = 1 << 62


class Killed(BaseException):
    """Raised where a killed process's thread waits or touches the world. Nothing catches it."""


@dataclass(slots=True, eq=False)
class _Thread:
    """One thread of one process. event: what it waits for, besides the time."""

    name: str
    process: SimProcess
    go: threading.Lock
    wake_us: int = 0
    event: threading.Event | None = None
    draw: float = 0.0
    is_done: bool = False
    real: threading.Thread | None = None


@dataclass(slots=True, eq=False)
class SimProcess:
    """What is killed at once. Its threads unwind at their next turn, and change nothing more."""

    name: str
    is_alive: bool = True
    threads: list[_Thread] = field(default_factory=list)

    def check(self) -> None:
        """Errors:  Killed once the process is dead. For everything that a dead one can't do."""
        if not self.is_alive:
            raise Killed


class Turns:
    """The scheduler. Used by one thread, which calls `run`.

    Errors:  of `run`: whatever a thread ended with, other than Killed; Unavailable after
    TURNS_MAX turns, as a run that never ends is a fault of its own.
    """

    def __init__(self, start: Instant, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311  # replayed
        self._mono_us = 0
        self._wall_us = float(start.us)
        self._rate = 1.0
        self._threads: list[_Thread] = []
        self._at: list[tuple[int, int, Callable[[], None]]] = []
        self._back = threading.Lock()
        self._back.acquire()
        self._current: _Thread | None = None
        self._failed: BaseException | None = None
        self._turns = 0

    # The clock

    def now(self) -> Instant:
        """Wall-clock time; steps and drifts as told."""
        return Instant(max(round(self._wall_us), 0))

    def monotonic_us(self) -> int:
        return self._mono_us

    def wait(self, event: threading.Event, us: int) -> bool:
        """Give up the turn until the event is set or the time is over."""
        thread = self._current
        assert thread is not None, "only a simulated thread waits"
        if event.is_set():
            thread.process.check()
            return True
        self._yield(thread, event, max(us, 0))
        return event.is_set()

    def step(self, us: int) -> None:
        """The wall clock is set forward or back."""
        self._wall_us = max(self._wall_us + us, 0.0)

    def drift(self, ppm: float) -> None:
        """The wall clock runs fast or slow from here on."""
        self._rate = 1 + ppm / 1_000_000

    # Threads

    def spawn(self, process: SimProcess, name: str, work: Callable[[], None]) -> threading.Thread:
        """Begin a thread of a process; its first turn comes at this moment of simulated time."""
        process.check()
        thread = _Thread(
            name=name,
            process=process,
            go=threading.Lock(),
            wake_us=self._mono_us,
            draw=self._chance.random(),
        )
        thread.go.acquire()
        thread.real = threading.Thread(
            target=self._live, args=(thread, work), name=name, daemon=True
        )
        process.threads.append(thread)
        self._threads.append(thread)
        thread.real.start()
        return thread.real

    @property
    def process(self) -> SimProcess:
        """Whose turn it is."""
        assert self._current is not None, "only a simulated thread asks"
        return self._current.process

    def kill(self, process: SimProcess) -> None:
        """kill -9: from here on the process changes nothing; its threads unwind."""
        process.is_alive = False
        for thread in tuple(process.threads):
            if not thread.is_done and thread is not self._current:
                self._turn(thread)
        if self._failed is not None:
            raise self._failed

    def at(self, us: int, action: Callable[[], None]) -> None:
        """Have something done at a moment of simulated time, between turns."""
        self._at.append((us, len(self._at), action))
        self._at.sort(key=lambda one: one[:2], reverse=True)

    def run(self, until_us: int) -> None:
        """Let everyone have their turns up to a moment."""
        while True:
            thread = min(self._threads, key=self._due, default=None)
            due_us = _NEVER_US if thread is None else self._due(thread)[0]
            if self._at and self._at[-1][0] <= min(due_us, until_us):
                us, _, action = self._at.pop()
                self._pass(us)
                action()
            elif thread is None or due_us > until_us:
                self._pass(until_us)
                return
            else:
                self._pass(due_us)
                self._turn(thread)
            if self._failed is not None:
                raise self._failed

    def _due(self, thread: _Thread) -> tuple[int, float]:
        if thread.event is not None and thread.event.is_set():
            return self._mono_us, thread.draw
        return max(thread.wake_us, self._mono_us), thread.draw

    def _pass(self, until_us: int) -> None:
        passed_us = until_us - self._mono_us
        if passed_us > 0:
            self._mono_us = until_us
            self._wall_us += passed_us * self._rate

    def _turn(self, thread: _Thread) -> None:
        self._turns += 1
        if self._turns > TURNS_MAX:
            raise Unavailable(f"a simulated run did not end: {thread.name} was last")
        self._current = thread
        thread.go.release()
        self._back.acquire()
        self._current = None
        if thread.is_done:
            self._threads.remove(thread)
            thread.process.threads.remove(thread)
            assert thread.real is not None, "it was spawned"
            thread.real.join()

    def _yield(self, thread: _Thread, event: threading.Event, us: int) -> None:
        thread.wake_us, thread.event = self._mono_us + us, event
        thread.draw = self._chance.random()
        self._back.release()
        thread.go.acquire()
        thread.event = None
        thread.process.check()

    def _live(self, thread: _Thread, work: Callable[[], None]) -> None:
        thread.go.acquire()
        with _Ending() as ending:
            thread.process.check()
            work()
        if ending.error is not None and not isinstance(ending.error, Killed):
            self._failed = self._failed or ending.error
        thread.is_done = True
        self._back.release()


class _Ending:
    """What a thread ended with; it is raised in `run`, in its own thread."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> _Ending:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self.error = error
        return True


class TurnTaking:
    """Stands in for the `threading` module (and a queue) where code under simulation begins
    threads and waits: those take turns too. Locks stay real: nobody gives up a turn with one held.

    turns: of the run under way; set before anything is begun.
    """

    def __init__(self) -> None:
        self.turns: Turns | None = None
        self.Lock = threading.Lock
        self.RLock = threading.RLock

    def current_thread(self) -> TurnThread | None:
        """The one whose turn it is, where it was begun through here."""
        return TurnThread.by_real.get(threading.get_ident())

    def Event(self) -> threading.Event:  # noqa: N802  # threading's name
        return _TurnEvent(self._turns)

    def Thread(  # noqa: N802  # threading's name
        self,
        *,
        target: Callable[..., None],
        args: tuple[object, ...] = (),
        name: str = "",
        daemon: bool = True,
    ) -> TurnThread:
        del daemon
        return TurnThread(self._turns, name, lambda: target(*args))

    def SimpleQueue(self) -> TurnQueue:  # noqa: N802  # queue's name
        return TurnQueue(self._turns)

    @property
    def _turns(self) -> Turns:
        assert self.turns is not None, "a run is under way"
        return self.turns


class _TurnEvent(threading.Event):
    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    def wait(self, timeout: float | None = None) -> bool:
        us = _NEVER_US if timeout is None else round(timeout * 1_000_000)
        return self._turns.wait(self, us)


class TurnThread:
    """A thread of the process whose turn it is."""

    by_real: ClassVar[dict[int, TurnThread]] = {}

    def __init__(self, turns: Turns, name: str, work: Callable[[], None]) -> None:
        self._turns, self._name, self._work = turns, name, work
        self._done = threading.Event()

    def start(self) -> None:
        self._turns.spawn(self._turns.process, self._name, self._run)

    def join(self, timeout: float | None = None) -> None:
        us = _NEVER_US if timeout is None else round(timeout * 1_000_000)
        self._turns.wait(self._done, us)

    def is_alive(self) -> bool:
        return not self._done.is_set()

    def _run(self) -> None:
        me = threading.get_ident()
        self.by_real[me] = self
        try:
            self._work()
        finally:
            del self.by_real[me]
            self._done.set()


class TurnQueue:
    """A queue without a bound; `get` gives up the turn until there is something."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._items: deque[object] = deque()
        self._event = threading.Event()

    def put(self, item: object) -> None:
        self._items.append(item)
        self._event.set()

    def get(self) -> object:
        while not self._items:
            self._event.clear()
            self._turns.wait(self._event, _NEVER_US)
        return self._items.popleft()
