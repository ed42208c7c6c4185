"""A file that is only there to be removed: room for ledger, keys and rows on a full disk.

When footage or another program filled the data folder's disk, keys could not die, as their death
is written before it is done, and so nothing could make room. Without the reserve, that is.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from fairview.core.errors import NotFound, Unavailable
from fairview.core.limits_disks import RESERVE_BYTES, RESERVE_LOW_BYTES
from fairview.store.durable import DISK, Disk, remove_file, told_as_ours
from fairview.store.layout import DataFolder

_CHUNK_BYTES = 1024 * 1024


class Reserve:
    """The data folder's reserve. Used by one thread of one process, the door's."""

    def __init__(
        self, folder: DataFolder, *, size_bytes: int = RESERVE_BYTES, disk: Disk = DISK
    ) -> None:
        self._path = folder.root / "reserve"
        self._size_bytes = size_bytes
        self._disk = disk

    @property
    def is_there(self) -> bool:
        return self._size() >= self._size_bytes

    def tend(self, free_bytes: int) -> None:
        """Give the reserve up when the disk is nearly full; make it (again) when there is room.

        Safe to repeat, also after a crash. A reserve that can't be made is tried again later.
        """
        log = structlog.get_logger(__name__)
        if free_bytes < RESERVE_LOW_BYTES:
            if self._size():
                self.release()
                log.warning("the disk is nearly full, its reserve is given up", free=free_bytes)
        elif not self.is_there and free_bytes > 4 * self._size_bytes:
            try:
                self._make()
            except (Unavailable, NotFound) as error:
                log.warning("the reserve can't be made", because=str(error))

    def release(self) -> None:
        """Give its room back. Errors: Unavailable."""
        remove_file(self._path, disk=self._disk)

    def _size(self) -> int:
        """What it really takes: blocks, not the length of a file with holes."""
        try:
            return self._path.stat().st_blocks * 512
        except OSError:
            return 0

    def _make(self) -> None:
        """Errors:  Unavailable; then nothing is left."""
        self.release()
        with told_as_ours(self._path, "making"):
            descriptor = self._disk.create(self._path, 0o600)
        is_whole = False
        try:
            with told_as_ours(self._path, "writing to"):
                # Random, so that no file system stores it smaller than it is.
                for _ in range(0, self._size_bytes, _CHUNK_BYTES):
                    chunk = memoryview(os.urandom(_CHUNK_BYTES))
                    while chunk:
                        chunk = chunk[self._disk.write(descriptor, chunk) :]
                self._disk.sync(descriptor)
            is_whole = True
        finally:
            self._disk.close(descriptor)
            if not is_whole:
                self.release()


def reserve_path(folder: DataFolder) -> Path:
    """Where it lies; backups leave it out."""
    return folder.root / "reserve"
