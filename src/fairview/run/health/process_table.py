"""The node's processes with what they cost, as the kernel counts it."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from fairview.core.event import HealthEvent
from fairview.core.health import ProcessSign
from fairview.core.limits_health import RESTARTS_MANY, SIGNS_EVERY_US
from fairview.core.time import US_PER_SECOND, Clock
from fairview.run.supervise import Supervisor

_STAT_UTIME, _STAT_STIME = 11, 12
"""Places of a process's CPU times in /proc/PID/stat, counted behind its name. Source: proc(5)."""


class ProcessTable:
    """Which processes there are, how often each ended, what it costs. Used by one thread."""

    def __init__(self, supervisor: Supervisor, clock: Clock) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._ends: dict[str, int] = {}
        self._ended_us: dict[str, deque[int]] = {}
        self._due_us = 0

    def ended(self, name: str, status: int) -> HealthEvent:
        """A process ended that nobody asked to; the event of it."""
        self._ends[name] = self._ends.get(name, 0) + 1
        times = self._ended_us.setdefault(name, deque(maxlen=RESTARTS_MANY))
        times.append(self._clock.monotonic_us())
        because = f"{name} ended with status {status}"
        now = self._clock.now()
        return HealthEvent(kind="process_ended", camera=None, at=now, because=because)

    def signs(self) -> tuple[ProcessSign, ...]:
        """The node itself first."""
        pids = [("node", os.getpid())]
        pids += [(name, self._supervisor.pid(name)) for name in self._supervisor.names()]  # type: ignore[misc]  # an ended one has none
        return tuple(self._sign(name, pid) for name, pid in pids)

    def tell(self, name: str) -> None:
        """Have a process hear the table, now and then, as a line of its orders."""
        now_us = self._clock.monotonic_us()
        if now_us < self._due_us:
            return
        self._due_us = now_us + SIGNS_EVERY_US
        lines = [
            [one.name, one.pid, one.ends, list(one.ended_us), one.cpu_us, one.memory_bytes]
            for one in self.signs()
        ]
        self._supervisor.tell(name, {"processes": lines})

    def _sign(self, name: str, pid: int | None) -> ProcessSign:
        return ProcessSign(
            name=name,
            pid=pid,
            ends=self._ends.get(name, 0),
            ended_us=tuple(self._ended_us.get(name, ())),
            cpu_us=0 if pid is None else cpu_us_of(pid),
            memory_bytes=0 if pid is None else memory_bytes_of(pid),
        )


def processes_of(lines: list[list[object]]) -> tuple[ProcessSign, ...]:
    """The table as a line of orders told it."""
    return tuple(
        ProcessSign(
            name=str(name),
            pid=pid if isinstance(pid, int) else None,
            ends=_number(ends),
            ended_us=tuple(_number(one) for one in ended_us) if isinstance(ended_us, list) else (),
            cpu_us=_number(cpu_us),
            memory_bytes=_number(memory_bytes),
        )
        for name, pid, ends, ended_us, cpu_us, memory_bytes in lines
    )


def cpu_us_of(pid: int) -> int:
    """CPU time of a process so far, all threads together; 0 when it is gone, or this is not
    Linux. Bounds: counted in the kernel's ticks, usually 10 ms."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    fields = text.rpartition(")")[2].split()
    ticks = int(fields[_STAT_UTIME]) + int(fields[_STAT_STIME])
    return ticks * US_PER_SECOND // os.sysconf("SC_CLK_TCK")


def memory_bytes_of(pid: int) -> int:
    """Memory that belongs to a process alone (resident and not shared); 0 when it is gone."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGESIZE")


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
