"""What the door does by itself, again and again, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from fairview.core.errors import FairviewError, outcome_of
from fairview.core.limits import DOOR_TURN_US
from fairview.core.time import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Something to do every so often. A failure is said once and tried again next time."""

    name: str
    every_us: int
    run: Callable[[], object]


class DoorWork:
    """Chores in one thread, one after another."""

    def __init__(self, name: str, chores: Sequence[Chore], clock: Clock) -> None:
        self._name = name
        self._chores = tuple(chores)
        self._clock = clock
        self._due_us = dict.fromkeys((one.name for one in chores), 0)
        self._failing: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        assert self._thread is None, "a door's work is started once"
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread after the chore under way; safe to repeat."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @property
    def is_alive(self) -> bool:
        """False once the thread died of a mistake of ours: the process should be ended."""
        return self._stop.is_set() or self._thread is None or self._thread.is_alive()

    def turn(self) -> None:
        """Do what is due now."""
        for chore in self._chores:
            now_us = self._clock.monotonic_us()
            if now_us < self._due_us[chore.name] or self._stop.is_set():
                continue
            self._due_us[chore.name] = now_us + chore.every_us
            self._do(chore, now_us)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.turn()
            self._clock.wait(self._stop, DOOR_TURN_US)

    def _do(self, chore: Chore, now_us: int) -> None:
        log = structlog.get_logger()
        try:
            chore.run()
        except FairviewError as error:
            if chore.name not in self._failing:
                self._failing[chore.name] = now_us
                level = outcome_of(error).log_level
                level = level if level == "error" else "warning"
                getattr(log, level)("the door's work failed", chore=chore.name, because=str(error))
            return
        if chore.name in self._failing:
            lasted_us = now_us - self._failing.pop(chore.name)
            log.info("the door's work goes on", chore=chore.name, after_s=lasted_us // 1_000_000)
