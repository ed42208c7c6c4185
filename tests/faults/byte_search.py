"""Looks for many byte strings in every file of a folder at once."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

WINDOW = 16
"""A needle is found by its first 16 bytes, then compared in full."""

_BITS = 24
_MIX = np.uint64(0x9E37_79B9_7F4A_7C15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What was found where; never the needle itself."""

    name: str
    file: str
    offset: int


class ByteSearch:
    """Needles by name. Cost: about 20 ns a byte searched, whatever their number."""

    def __init__(self) -> None:
        self._needles: dict[bytes, list[tuple[str, bytes]]] = {}

    def add(self, name: str, needle: bytes) -> None:
        assert len(needle) >= WINDOW, f"{name} is too short to be looked for"
        self._needles.setdefault(needle[:WINDOW], []).append((name, needle))

    def add_key(self, name: str, key: bytes) -> None:
        """A binary secret, as it is and as text."""
        self.add(name, key)
        self.add(f"{name} (hex)", key.hex().encode())
        self.add(f"{name} (base64)", base64.b64encode(key).rstrip(b"="))

    def add_windows(self, name: str, data: bytes) -> int:
        """Every 16th window of a payload, so that any 31 clear bytes of it hold one of them.

        Windows of few values (filler, zeros) say nothing and are left out. How many were added.
        """
        added = 0
        for at in range(0, len(data) - WINDOW + 1, WINDOW):
            window = data[at : at + WINDOW]
            if len(set(window)) >= WINDOW // 2:
                self.add(f"{name} at {at}", window)
                added += 1
        return added

    @property
    def count(self) -> int:
        return sum(map(len, self._needles.values()))

    def folder(self, root: Path) -> tuple[list[Hit], int]:
        """Hits in names and bytes of all files, and how many bytes were searched."""
        hits, searched = [], 0
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            hits += self.data(name.encode(), f"the name {name}")
            if path.is_file():
                data = path.read_bytes()
                searched += len(data)
                hits += self.data(data, name)
        return hits, searched

    def data(self, data: bytes, file: str) -> list[Hit]:
        return [
            Hit(name=name, file=file, offset=at)
            for at in self._offsets(data)
            for name, needle in self._needles.get(data[at : at + WINDOW], ())
            if data[at : at + len(needle)] == needle
        ]

    def _offsets(self, data: bytes) -> Iterable[int]:
        """Where a needle may begin: its first 8 bytes fall into a taken place of a table."""
        if len(data) < WINDOW or not self._needles:
            return ()
        table = np.zeros(1 << _BITS, np.bool_)
        starts = np.frombuffer(b"".join(one[:8] for one in self._needles), "<u8")
        table[_place(starts)] = True
        found: list[npt.NDArray[np.int64]] = []
        for shift in range(8):
            usable = (len(data) - shift) // 8 * 8
            if usable <= 0:
                continue
            words = np.frombuffer(data, "<u8", count=usable // 8, offset=shift)
            found.append(np.flatnonzero(table[_place(words)]) * 8 + shift)
        return sorted(int(at) for some in found for at in some)


def _place(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return (words * _MIX) >> np.uint64(64 - _BITS)


def outside(hits: Iterable[Hit], homes: Mapping[str, str]) -> list[Hit]:
    """Hits other than a secret's in its own file. homes: file by the name's beginning."""
    return [
        hit
        for hit in hits
        if not any(hit.name.startswith(name) and hit.file == home for name, home in homes.items())
    ]
