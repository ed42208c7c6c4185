"""Things the door rests on, made small, with faults to switch on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from argon2 import PasswordHasher
from sqlalchemy.engine import RootTransaction

from fairview.access.door_rows import DoorRows
from fairview.core.errors import NotFound, Unavailable
from fairview.store.durable import Disk

T = TypeVar("T")

QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

Fault = Literal["none", "failed", "failed_yet_stored"]


class MemoryLedger:
    """A list of entries. fault: what the next appends do."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.fault: Fault = "none"

    def append(self, entries: Sequence[bytes]) -> tuple[int, ...]:
        if self.fault == "failed":
            raise Unavailable("the ledger's disk is full")
        first = len(self.entries)
        self.entries.extend(entries)
        if self.fault == "failed_yet_stored":
            raise Unavailable("the ledger's disk failed late")
        return tuple(range(first, len(self.entries)))

    def entry(self, number: int) -> bytes:
        if not 0 <= number < len(self.entries):
            raise NotFound(f"there is no leaf {number}")
        return self.entries[number]

    @property
    def size(self) -> int:
        return len(self.entries)


class FaultyRows(DoorRows):
    """The door's rows with commits that fail before or after they are stored.

    countdown: commits that still work before the fault strikes once.
    """

    fault: Fault = "none"
    countdown = 0

    def _commit(self, transaction: RootTransaction) -> None:
        if self.fault != "none" and self.countdown == 0:
            fault, self.fault = self.fault, "none"
            if fault == "failed_yet_stored":
                super()._commit(transaction)
            raise Unavailable(f"the disk failed ({fault})")
        self.countdown = max(0, self.countdown - 1)
        super()._commit(transaction)


class Struck(Exception):
    """What a power cut looks like from inside: nothing of ours catches it."""


class FaultyDisk(Disk):
    """A disk that dies at its n-th change, before or after it took effect."""

    def __init__(self, at: int, fault: Fault) -> None:
        self.left = at
        self.fault = fault

    def _strikes(self) -> bool:
        self.left -= 1
        return self.left == 0

    def create(self, path: Path, mode: int) -> int:
        return self._run(lambda: super(FaultyDisk, self).create(path, mode))

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        return self._run(lambda: super(FaultyDisk, self).write(descriptor, data))

    def sync(self, descriptor: int) -> None:
        self._run(lambda: super(FaultyDisk, self).sync(descriptor))

    def sync_folder(self, path: Path) -> None:
        self._run(lambda: super(FaultyDisk, self).sync_folder(path))

    def rename(self, old: Path, new: Path) -> None:
        self._run(lambda: super(FaultyDisk, self).rename(old, new))

    def unlink(self, path: Path) -> None:
        if path.exists():
            self._run(lambda: super(FaultyDisk, self).unlink(path))
        else:
            super().unlink(path)

    def _run(self, call: Callable[[], T]) -> T:
        strikes = self._strikes()
        if strikes and self.fault == "failed":
            raise Struck
        answer = call()
        if strikes:
            raise Struck
        return answer
