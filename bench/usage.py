"""What processes cost, read from /proc: CPU seconds, memory, bytes passed to write."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_GONE = (FileNotFoundError, ProcessLookupError, StopIteration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Summed over processes and their children, also those that ended and were waited for.

    written_bytes is the kernel's `wchar`: what went through write(2), pwrite and writev, whatever
    became of it. Sockets that are written with send(2), as FFmpeg's and GLib's are, don't count
    there; a request of some hundred bytes a minute would not show. Writes through a mapping
    (SQLite's index of its log, 32 KB) don't count either.
    """

    cpu_s: float
    written_bytes: int


def usage_of(pids: Iterable[int]) -> Usage:
    cpu_s, written = 0.0, 0
    for pid in with_children(pids):
        place = Path("/proc") / str(pid)
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            io = (place / "io").read_text()
            cpu_s += sum(int(one) for one in fields[11:15]) * _TICK_S
            written += next(
                int(line.split()[1]) for line in io.splitlines() if line.startswith("wchar:")
            )
        except _GONE:
            continue
    return Usage(cpu_s=cpu_s, written_bytes=written)


def memory_of(pids: Iterable[int]) -> int:
    """Bytes these processes need on a machine of their own.

    What is theirs alone counts as it is; a mapped file's pages count once, as many as the
    process with most of them holds. Unlike PSS it does not shrink because some other program on
    the machine (the replayer, say) happens to map the same library.
    """
    own = 0
    files: Counter[str] = Counter()
    for pid in with_children(pids):
        place = Path("/proc") / str(pid)
        try:
            anonymous, shared = mapped((place / "smaps").read_text())
        except _GONE:
            continue
        own += anonymous
        files |= shared
    return own + files.total()


def mapped(smaps: str) -> tuple[int, Counter[str]]:
    """Anonymous bytes, and resident bytes of each mapped file."""
    anonymous, files = 0, Counter[str]()
    name, resident = "", 0
    for line in smaps.splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            name = " ".join(words[5:])
        elif words[0] == "Rss:":
            resident = int(words[1]) * 1024
        elif words[0] == "Anonymous:":
            private = int(words[1]) * 1024
            anonymous += private
            if name:
                files[name] += resident - private
    return anonymous, files


def with_children(pids: Iterable[int]) -> set[int]:
    found = set(pids)
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            except _GONE:
                continue
            parents.setdefault(parent, []).append(int(place.name))
    waiting = list(found)
    while waiting:
        for child in parents.get(waiting.pop(), []):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found
