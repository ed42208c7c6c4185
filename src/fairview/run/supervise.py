"""Keep the node's processes running: start, hand them their orders, restart with growing waits.

A child reads its orders as JSON lines on standard input and ends when that closes, so none
outlives the node, however the node ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from fairview.core.errors import Unavailable
from fairview.core.limits import (
    CHILD_STOP_US_MAX,
    NODE_TURN_US,
    PROCESS_START_US_MAX,
    RESTART_US_FIRST,
    RESTART_US_MAX,
)
from fairview.core.time import US_PER_SECOND, Clock
from fairview.run.service_manager import ServiceManager

STEADY_US = 30 * US_PER_SECOND
"""A child that ran this long is well again: its next restart waits the shortest time."""


SMALL_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}
"""One arena for all threads of a process: with one each, every thread keeps what it ever needed.
Nearly all of a recorder's work waits for one lock anyway, so nothing is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildPlan:
    """One process to keep running. orders is its first line; it may hold secrets.

    stage: whoever depends on others has a higher one, and is stopped before them. is_small: there
    are many of it, and it is started so that each takes little memory (see run/slim.py).
    """

    name: str
    module: str
    orders: Mapping[str, Any]
    stage: int = 0
    is_small: bool = False


@dataclass(slots=True, kw_only=True)
class _Child:
    """Owned by the supervisor's lock."""

    plan: ChildPlan
    process: subprocess.Popen[bytes]
    started_us: int
    wait_us: int = RESTART_US_FIRST
    restart_at_us: int | None = None
    notes: list[str] = field(default_factory=list)


class Supervisor:
    """Starts children and restarts those that end. `look_after` is called in a loop."""

    def __init__(
        self, clock: Clock, ended: Callable[[str, int], None], keep: tuple[int, ...] = ()
    ) -> None:
        """ended(name, exit status) is told of every end that nobody asked for.

        keep: descriptors every child inherits; the folder's lock, so that it holds for as long
        as any of them runs, even when the node is killed.
        """
        self._keep = keep
        self._clock = clock
        self._ended = ended
        self._children: dict[str, _Child] = {}
        self._lock = threading.Lock()
        self._log = structlog.get_logger()
        self._manager = ServiceManager(os.environ, clock)

    def start(self, plan: ChildPlan) -> None:
        with self._lock:
            assert plan.name not in self._children
            self._children[plan.name] = _Child(
                plan=plan, process=_launch(plan, self._keep), started_us=self._clock.monotonic_us()
            )

    def tell(self, name: str, line: Mapping[str, Any]) -> bool:
        """Send one more line of orders; False when the child isn't there to read it."""
        with self._lock:
            child = self._children.get(name)
            return child is not None and _write_line(child.process, line)

    def pid(self, name: str) -> int | None:
        with self._lock:
            child = self._children.get(name)
            return child.process.pid if child and child.process.poll() is None else None

    def names(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._children)

    def look_after(self) -> tuple[str, ...]:
        """Restart what ended and is due; the names of children started by this call.

        The service manager's watchdog hears that we do.
        """
        self._manager.alive()
        started = []
        now_us = self._clock.monotonic_us()
        with self._lock:
            for child in self._children.values():
                status = child.process.poll()
                if status is None:
                    if now_us - child.started_us > STEADY_US:
                        child.wait_us = RESTART_US_FIRST
                    continue
                if child.restart_at_us is None:
                    child.restart_at_us = now_us + child.wait_us
                    child.wait_us = min(child.wait_us * 2, RESTART_US_MAX)
                    self._log.error("process ended", process=child.plan.name, status=status)
                    self._ended(child.plan.name, status)
                if now_us >= child.restart_at_us:
                    self._close_orders(child)
                    child.process = _launch(child.plan, self._keep)
                    child.started_us, child.restart_at_us = now_us, None
                    started.append(child.plan.name)
        return tuple(started)

    def wait_until(self, is_up: Callable[[], bool], name: str) -> None:
        """Look after everything until a child is up. Errors: Unavailable when it never is."""
        begun_us, quiet = self._clock.monotonic_us(), threading.Event()
        while not is_up():
            if self._clock.monotonic_us() - begun_us > PROCESS_START_US_MAX:
                raise Unavailable(f"the {name} process did not start; its log says why")
            self.look_after()
            self._clock.wait(quiet, NODE_TURN_US // 10)

    def stop(self) -> None:
        """End everything, stage by stage from the highest; kill what doesn't end in time."""
        self._manager.stopping()
        with self._lock:
            children = list(self._children.values())
            self._children.clear()
        for stage in sorted({child.plan.stage for child in children}, reverse=True):
            together = [child for child in children if child.plan.stage == stage]
            for child in together:
                self._close_orders(child)
            for child in together:
                self._wait_for(child)

    def _wait_for(self, child: _Child) -> None:
        try:
            child.process.wait(timeout=CHILD_STOP_US_MAX / US_PER_SECOND)
        except subprocess.TimeoutExpired:
            self._log.warning("process killed", process=child.plan.name)
            child.process.kill()
            child.process.wait()

    def _close_orders(self, child: _Child) -> None:
        assert child.process.stdin is not None
        try:
            child.process.stdin.close()
        except OSError as error:
            self._log.debug("orders already closed", because=str(error))


def _launch(plan: ChildPlan, keep: tuple[int, ...]) -> subprocess.Popen[bytes]:
    module = ("fairview.run.slim", plan.module) if plan.is_small else (plan.module,)
    process = subprocess.Popen(
        # -P: the folder it was started from is no place to take modules from.
        [sys.executable, "-P", "-m", *module],
        stdin=subprocess.PIPE,
        env={**os.environ, **SMALL_ENVIRONMENT} if plan.is_small else None,
        start_new_session=True,
        pass_fds=keep,
    )
    _write_line(process, plan.orders)
    return process


def _write_line(process: subprocess.Popen[bytes], line: Mapping[str, Any]) -> bool:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(line).encode() + b"\n")
        process.stdin.flush()
    except (BrokenPipeError, ValueError):
        return False
    return True
