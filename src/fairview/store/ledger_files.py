"""Where a ledger's public files lie: a folder, or memory for tests."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from fairview.core.errors import NotFound
from fairview.store.durable import (
    DISK,
    Disk,
    make_folders,
    remove_file,
    replace_file,
    told_as_ours,
)
from fairview.store.ledger_tiles import (
    TILE_WIDTH,
    Tile,
    read_bundle,
    read_hashes,
    write_bundle,
)


def read_tile(read: Callable[[str], bytes], tile: Tile) -> bytes:
    """A tile's bytes, cut from the full one when the narrower file is gone.

    Errors:  NotFound; Corrupt when the full one is damaged; whatever `read` raises.
    """
    try:
        return read(tile.path)
    except NotFound:
        if tile.width == TILE_WIDTH:
            raise
    # The tile was finished meanwhile, and its narrower files are gone.
    whole = read(Tile(level=tile.level, index=tile.index, width=TILE_WIDTH).path)
    if tile.level is not None:
        return b"".join(read_hashes(whole, TILE_WIDTH)[: tile.width])
    return write_bundle(read_bundle(whole, TILE_WIDTH)[: tile.width])


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

    def remove(self, name: str) -> None:
        """Gone, durably; safe to repeat. Errors: Unavailable."""
        ...

    def names(self, folder: str) -> frozenset[str]:
        """The files right inside a folder ("": the top); none when it is not there.

        Errors:  Unavailable.
        """
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

    def remove(self, name: str) -> None:
        remove_file(self._root / name, disk=self._disk)

    def names(self, folder: str) -> frozenset[str]:
        path = self._root / folder
        try:
            with told_as_ours(path, "listing"), os.scandir(path) as found:
                return frozenset(one.name for one in found if not one.is_dir())
        except NotFound:
            return frozenset()


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

    def remove(self, name: str) -> None:
        self.files.pop(name, None)

    def names(self, folder: str) -> frozenset[str]:
        start = f"{folder}/" if folder else ""
        inside = (name.removeprefix(start) for name in self.files if name.startswith(start))
        return frozenset(name for name in inside if "/" not in name)
