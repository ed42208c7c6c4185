"""A file in memory: what is made whole before its first byte leaves, since its digest stands in the
ledger first. On the disk it would be clear footage.

HOLE: memory may be swapped out; hosts that export uncovered footage should encrypt their swap.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from fairview.core.limits import EXPORT_CHUNK_BYTES


class MemoryFile:
    """Unnamed, and gone when closed. Used by one thread."""

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("fairview-export", os.MFD_CLOEXEC)

    @property
    def path(self) -> Path:
        return Path(f"/proc/self/fd/{self._descriptor}")

    @property
    def size_bytes(self) -> int:
        return os.fstat(self._descriptor).st_size

    def digest(self) -> str:
        """SHA-256 (hex) of all of it."""
        digest = hashlib.sha256()
        for piece in self.chunks():
            digest.update(piece)
        return digest.hexdigest()

    def chunks(self) -> Iterator[bytes]:
        at = 0
        while piece := os.pread(self._descriptor, EXPORT_CHUNK_BYTES, at):
            yield piece
            at += len(piece)

    def close(self) -> None:
        """Safe to repeat."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
