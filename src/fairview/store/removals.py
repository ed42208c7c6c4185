"""Blobs that are to go from a disk that is away, kept until it is back.

    DATA/removals/<disk>.txt      one name a line

Their keys are dead already: what lies on the disk opens for nobody.
"""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

from fairview.core.errors import NotFound, Unavailable
from fairview.store.durable import (
    DISK,
    Disk,
    create_file,
    make_folders,
    remove_file,
    reopen_file,
)
from fairview.store.layout import DataFolder


class Removals:
    """Safe from several threads of one process; one process of a folder removes (the door)."""

    def __init__(self, folder: DataFolder, *, disk: Disk = DISK) -> None:
        self._root = folder.root / "removals"
        self._disk = disk
        self._lock = threading.Lock()

    def note(self, disk: str, blob: str) -> None:
        """Durable on return; safe to repeat. Errors: Unavailable."""
        with self._lock:
            if blob in self._read(disk):
                return
            path = self._path(disk)
            make_folders(self._root, disk=self._disk)
            try:
                file = reopen_file(path, disk=self._disk)
            except NotFound:
                file = create_file(path, disk=self._disk)
            with closing(file):
                file.append(f"{blob}\n".encode())
                file.sync()

    def due(self, disk: str) -> tuple[str, ...]:
        """What is to go from a disk. Errors: Unavailable."""
        with self._lock:
            return self._read(disk)

    def done(self, disk: str) -> None:
        """All of it is gone."""
        with self._lock:
            if self._path(disk).exists():
                remove_file(self._path(disk), disk=self._disk)

    def _read(self, disk: str) -> tuple[str, ...]:
        try:
            text = self._path(disk).read_text(encoding="ascii")
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise Unavailable(f"{self._path(disk)} can't be read: {error.strerror}") from error
        # A line that a crash cut short was not noted yet.
        return tuple(text.split("\n")[:-1])

    def _path(self, disk: str) -> Path:
        return self._root / f"{disk}.txt"
