"""Where a ledger's public files lie: a folder, or memory for tests."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Protocol

from fairview.core.errors import NotFound
from fairview.store.durable import DISK, Disk, make_folders, replace_file, told_as_ours


class LedgerFiles(Protocol):
    """Named files that are written whole. Names come from `Tile.path`, or are `checkpoint`."""

    def read(self, name: str) -> bytes:
        """Errors:  NotFound, Unavailable."""
        ...

    def replace(self, name: str, data: bytes) -> None:
        """Holds exactly `data`, durably, on return; after Unavailable the old or the new."""
        ...

    def forget(self, folder: str) -> None:
        """Remove a folder's files; may come back after a power cut. Errors: Unavailable."""
        ...


class FolderLedgerFiles:
    """Files under one folder, readable by everyone: they may be served as they lie there."""

    def __init__(self, root: Path, *, disk: Disk = DISK) -> None:
        self._root = root
        self._disk = disk

    def read(self, name: str) -> bytes:
        path = self._root / name
        with told_as_ours(path, "reading"):
            return path.read_bytes()

    def replace(self, name: str, data: bytes) -> None:
        path = self._root / name
        make_folders(path.parent, mode=0o755, disk=self._disk)
        replace_file(path, data, mode=0o644, disk=self._disk)

    def forget(self, folder: str) -> None:
        path = self._root / folder
        with told_as_ours(path, "clearing"), contextlib.suppress(FileNotFoundError):
            # Not synced: whatever comes back after a power cut is only in the way of nothing.
            for file in path.iterdir():
                self._disk.unlink(file)
            path.rmdir()


class MemoryLedgerFiles:
    """Files in memory, for tests and for ledgers that need not last."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, name: str) -> bytes:
        try:
            return self.files[name]
        except KeyError as error:
            raise NotFound(f"{name} is not there") from error

    def replace(self, name: str, data: bytes) -> None:
        self.files[name] = data

    def forget(self, folder: str) -> None:
        for name in [name for name in self.files if name.startswith(f"{folder}/")]:
            del self.files[name]
