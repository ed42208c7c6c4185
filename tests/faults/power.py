"""A disk in a machine whose power goes: only what was synced is there then, names included."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fairview.store.durable import Disk

T = TypeVar("T")


class PowerCut(BaseException):
    """Nothing of ours catches it."""


@dataclass(slots=True, eq=False)
class _File:
    """One file, whatever its name. synced: what a power cut leaves of it."""

    synced: bytes


class PoweredDisk(Disk):
    """Files and folders under `root` on a real file system, and beside them what is durable.

    A file's bytes are durable once it was synced, a name (made, moved or removed) once its folder
    was. The power goes at system call number `cut_at` (from 0): before it takes effect, or, with
    `is_after`, behind it. `restore` then puts on the disk what is left: with `keeps` drawn from a
    seed, any of what was not durable may be there all the same, torn anywhere.
    """

    def __init__(self, root: Path, *, cut_at: int | None = None, is_after: bool = False) -> None:
        self._root = root
        self._cut_at, self._is_after = cut_at, is_after
        self._now: dict[Path, _File] = {}
        self._durable: dict[Path, _File] = {}
        self._folders: set[Path] = set()
        self._by_descriptor: dict[int, Path] = {}
        self.calls = 0
        self.is_off = False
        for path in sorted(root.rglob("*")):
            if path.is_file():
                self._now[path] = self._durable[path] = _File(path.read_bytes())
            elif path.is_dir():
                self._folders.add(path)

    def create(self, path: Path, mode: int) -> int:
        def make() -> int:
            descriptor = super(PoweredDisk, self).create(path, mode)
            self._now[path] = _File(b"")
            self._by_descriptor[descriptor] = path
            return descriptor

        return self._call(make)

    def reopen(self, path: Path) -> int:
        descriptor = super().reopen(path)
        self._by_descriptor[descriptor] = path
        return descriptor

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        return self._call(lambda: super(PoweredDisk, self).write(descriptor, data))

    def sync(self, descriptor: int) -> None:
        def keep() -> None:
            path = self._by_descriptor.get(descriptor)
            if path is None:
                path = Path(f"/proc/self/fd/{descriptor}").readlink()
            if path in self._now:
                self._now[path].synced = path.read_bytes()

        self._call(keep)

    def sync_folder(self, path: Path) -> None:
        def keep() -> None:
            for name in [one for one in self._durable if one.parent == path]:
                if name not in self._now:
                    del self._durable[name]
            for name, file in self._now.items():
                if name.parent == path:
                    self._durable[name] = file
            self._folders |= {one for one in path.iterdir() if one.is_dir()}

        self._call(keep)

    def rename(self, old: Path, new: Path) -> None:
        def move() -> None:
            super(PoweredDisk, self).rename(old, new)
            self._now[new] = self._now.pop(old)

        self._call(move)

    def unlink(self, path: Path) -> None:
        def remove() -> None:
            super(PoweredDisk, self).unlink(path)
            self._now.pop(path, None)

        self._call(remove)

    def mkdir(self, path: Path, mode: int) -> None:
        self._call(lambda: super(PoweredDisk, self).mkdir(path, mode))

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        self._call(lambda: super(PoweredDisk, self).truncate(descriptor, size_bytes))

    def close(self, descriptor: int) -> None:
        self._by_descriptor.pop(descriptor, None)
        super().close(descriptor)

    def restore(self, keeps: random.Random | None = None) -> None:
        """What the machine finds when it is on again. keeps: None leaves the least there can be."""
        left: dict[Path, bytes] = {path: file.synced for path, file in self._durable.items()}
        if keeps is not None:
            self._keep_more(left, keeps)
        for path in [*self._now, *self._durable]:
            path.unlink(missing_ok=True)
        for path, data in left.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if keeps is None:
            for folder in sorted(
                (one for one in self._root.rglob("*") if one.is_dir()), reverse=True
            ):
                if folder not in self._folders and not any(folder.iterdir()):
                    shutil.rmtree(folder)

    def _keep_more(self, left: dict[Path, bytes], keeps: random.Random) -> None:
        for path, file in self._now.items():
            is_named = self._durable.get(path) is file
            if not is_named and keeps.random() < 0.5:
                continue
            there = path.read_bytes()
            kept = keeps.choice((len(file.synced), len(there), keeps.randint(0, len(there))))
            kept = max(kept, len(file.synced)) if there.startswith(file.synced) else len(there)
            left[path] = there[:kept]
        for path in [one for one in left if one not in self._now]:
            if keeps.random() < 0.5:
                del left[path]

    def _call(self, take: Callable[[], T]) -> T:
        if self.is_off:
            raise PowerCut
        number, self.calls = self.calls, self.calls + 1
        if number == self._cut_at:
            self.is_off = True
            if self._is_after:
                take()
            raise PowerCut
        return take()
