"""Disks and catalogues that fail on demand, before or after the step took effect."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from fairview.core.errors import Unavailable
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.contracts import Change
from fairview.store.durable import Disk

T = TypeVar("T")

Fault = Literal["failed and not stored", "failed yet stored", "half stored", "full"]
FAULTS: tuple[Fault, ...] = (
    "failed and not stored",
    "failed yet stored",
    "half stored",
    "full",
)


@dataclass
class FaultyDisk(Disk):
    """Counts every system call; the fail_at-th (from 0) goes wrong, and with `stays_broken`
    all after it."""

    fault: Fault = "failed and not stored"
    fail_at: int | None = None
    stays_broken: bool = False
    calls: Counter[str] = field(default_factory=Counter)
    written_bytes: int = 0
    failed: str | None = None

    def _step(self, name: str, take: Callable[[], T], half: Callable[[], object]) -> T:
        number = sum(self.calls.values())
        self.calls[name] += 1
        if number == self.fail_at or (self.stays_broken and self.failed is not None):
            self.failed = self.failed or name
            if self.fault == "failed yet stored":
                take()
            elif self.fault == "half stored":
                half()
            number = errno.ENOSPC if self.fault == "full" else errno.EIO
            raise OSError(number, os.strerror(number))
        return take()

    def create(self, path: Path, mode: int) -> int:
        opened: list[int] = []

        def make() -> int:
            opened.append(super(FaultyDisk, self).create(path, mode))
            return opened[0]

        try:
            return self._step("create", make, make)
        except OSError:
            for descriptor in opened:
                os.close(descriptor)
            raise

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        self.written_bytes += len(data)
        half = bytes(data[: len(data) // 2])
        return self._step(
            "write",
            lambda: super(FaultyDisk, self).write(descriptor, data),
            lambda: super(FaultyDisk, self).write(descriptor, half),
        )

    def sync(self, descriptor: int) -> None:
        self._step("sync", lambda: super(FaultyDisk, self).sync(descriptor), _no)

    def sync_folder(self, path: Path) -> None:
        self._step("sync_folder", lambda: super(FaultyDisk, self).sync_folder(path), _no)

    def rename(self, old: Path, new: Path) -> None:
        self._step("rename", lambda: super(FaultyDisk, self).rename(old, new), _no)

    def unlink(self, path: Path) -> None:
        self._step("unlink", lambda: super(FaultyDisk, self).unlink(path), _no)

    def mkdir(self, path: Path, mode: int) -> None:
        self._step("mkdir", lambda: super(FaultyDisk, self).mkdir(path, mode), _no)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        self._step(
            "truncate", lambda: super(FaultyDisk, self).truncate(descriptor, size_bytes), _no
        )


def _no() -> None:
    """Nothing is stored."""


class FaultyCatalogue(MemoryCatalogue):
    """The fail_at-th write (from 0) goes wrong once, before or after it is stored."""

    def __init__(self, fault: Fault, fail_at: int | None) -> None:
        super().__init__()
        self.fault = fault
        self.fail_at = fail_at
        self.writes = 0

    def write(self, changes: Sequence[Change]) -> None:
        number, self.writes = self.writes, self.writes + 1
        if number == self.fail_at:
            if self.fault == "failed yet stored":
                super().write(changes)
            raise Unavailable("the catalogue's disk failed")
        super().write(changes)
