"""A disk that stands still while its gate is shut, and says when somebody waits there."""

from __future__ import annotations

import threading
from collections import defaultdict

from fairview.store.blobs import MemoryBlobs
from fairview.store.contracts import BlobWriter

LONG_S = 20.0
"""How long a test waits for what must happen."""


class GatedBlobs(MemoryBlobs):
    """Syncs wait at the gate of their camera's disk; by default all cameras share one."""

    def __init__(self, patience_s: float = LONG_S) -> None:
        super().__init__()
        self.patience_s = patience_s
        self.open = threading.Event()
        self.open.set()
        self.waits = threading.Event()
        self.threads: defaultdict[str, set[str]] = defaultdict(set)

    def create(self, name: str) -> BlobWriter:
        return _GatedWriter(super().create(name), name, self)

    def pass_gate(self, name: str) -> None:
        self.threads[name].add(threading.current_thread().name)
        if not self.open.is_set():
            self.waits.set()
        assert self.open.wait(self.patience_s), "a test opens its gate"


class _GatedWriter:
    def __init__(self, writer: BlobWriter, name: str, blobs: GatedBlobs) -> None:
        self._writer, self._name, self._blobs = writer, name, blobs

    @property
    def size_bytes(self) -> int:
        return self._writer.size_bytes

    def append(self, data: bytes) -> None:
        self._writer.append(data)

    def sync(self) -> None:
        self._blobs.pass_gate(self._name)
        self._writer.sync()

    def close(self) -> None:
        self._writer.close()
