"""What processes cost, read from /proc: CPU seconds, memory, bytes passed to write."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Summed over processes and their children. pss_bytes shares common pages fairly."""

    cpu_s: float
    pss_bytes: int
    written_bytes: int


def usage_of(pids: Iterable[int]) -> Usage:
    cpu_s, pss, written = 0.0, 0, 0
    for pid in _with_children(pids):
        place = Path("/proc") / str(pid)
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            cpu_s += (int(fields[11]) + int(fields[12])) * _TICK_S
            rollup = (place / "smaps_rollup").read_text()
            pss += next(
                int(line.split()[1]) * 1024
                for line in rollup.splitlines()
                if line.startswith("Pss:")
            )
            io = (place / "io").read_text()
            written += next(
                int(line.split()[1]) for line in io.splitlines() if line.startswith("wchar:")
            )
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            continue
    return Usage(cpu_s=cpu_s, pss_bytes=pss, written_bytes=written)


def _with_children(pids: Iterable[int]) -> set[int]:
    found = set(pids)
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(parent, []).append(int(place.name))
    waiting = list(found)
    while waiting:
        for child in parents.get(waiting.pop(), []):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found
