"""Disks under several folders, of which each can fail, lose what was not synced, or be pulled."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

from fairview.store.durable import Disk


class PowerCut(Exception):
    """Nothing of ours catches it."""


@dataclass
class SwitchedDisk(Disk):
    """Real files. Every call on a path below a key of `failing` fails with that error number;
    `cut_at`: the power goes before that sync (from 0). `lose` leaves what a power cut leaves."""

    failing: dict[Path, int] = field(default_factory=dict)
    cut_at: int | None = None
    syncs: int = 0
    paths: dict[int, Path] = field(default_factory=dict)
    durable_bytes: dict[Path, int] = field(default_factory=dict)
    nameless: set[Path] = field(default_factory=set)

    def create(self, path: Path, mode: int) -> int:
        self._step(path)
        descriptor = super().create(path, mode)
        self.paths[descriptor] = path
        self.durable_bytes[path] = 0
        self.nameless.add(path)
        return descriptor

    def reopen(self, path: Path) -> int:
        self._step(path)
        descriptor = super().reopen(path)
        self.paths[descriptor] = path
        self.durable_bytes.setdefault(path, os.fstat(descriptor).st_size)
        return descriptor

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        self._step(self.paths[descriptor])
        return super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        path = self.paths[descriptor]
        self._step(path)
        self._count()
        super().sync(descriptor)
        self.durable_bytes[path] = os.fstat(descriptor).st_size
        self._count()

    def sync_folder(self, path: Path) -> None:
        self._step(path)
        self._count()
        super().sync_folder(path)
        self.nameless = {one for one in self.nameless if one.parent != path}
        self._count()

    def unlink(self, path: Path) -> None:
        self._step(path)
        super().unlink(path)
        self.nameless.discard(path)
        self.durable_bytes.pop(path, None)

    def mkdir(self, path: Path, mode: int) -> None:
        self._step(path)
        super().mkdir(path, mode)

    def rename(self, old: Path, new: Path) -> None:
        self._step(new)
        super().rename(old, new)
        self.durable_bytes[new] = self.durable_bytes.pop(old, 0)
        self.nameless.discard(old)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        self._step(self.paths[descriptor])
        super().truncate(descriptor, size_bytes)

    def lose(self, torn_bytes: int = 0) -> None:
        """What is not durable is gone, but for a few bytes."""
        for path, size_bytes in self.durable_bytes.items():
            if path in self.nameless:
                path.unlink(missing_ok=True)
            elif path.exists():
                os.truncate(path, min(path.stat().st_size, size_bytes + torn_bytes))
        self.nameless.clear()

    def _step(self, path: Path) -> None:
        for root, number in self.failing.items():
            if root in (path, *path.parents):
                raise OSError(number, os.strerror(number))

    def _count(self) -> None:
        number, self.syncs = self.syncs, self.syncs + 1
        if number == self.cut_at:
            raise PowerCut


FULL, FAILED, READ_ONLY = errno.ENOSPC, errno.EIO, errno.EROFS
