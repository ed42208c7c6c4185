"""A disk under a simulated clock: it stalls, fails, fills up, and forgets at a power cut.

What survives a power cut: every byte that was synced, and of what was not, any part: none, some,
all, or all of its length with zeros at its end (a file system that had grown the file before its
bytes came).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fairview.core.errors import Conflict, NotFound, Unavailable
from fairview.core.time import Clock
from fairview.sim.turns import SimProcess
from fairview.store.contracts import BlobWriter

_ROOM_BYTES = 1 << 40
_SYNC_US_MAX = 12_000
"""A healthy disk's sync; drawn anew each time, so that streams overtake each other."""


@dataclass(slots=True)
class _Blob:
    data: bytearray
    synced: int = 0


class SimDisk:
    """The state that outlives processes. `view` is how one process sees it.

    stalled_until_us, slow_until_us, failing_until_us, full_until_us: monotonic times; fail_once
    fails the next call that changes anything.
    """

    def __init__(self, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.chance = random.Random(seed)  # noqa: S311  # replayed
        self.blobs: dict[str, _Blob] = {}
        self.stalled_until_us = self.slow_until_us = 0
        self.failing_until_us = self.full_until_us = 0
        self.fail_once = False
        self.faults = 0

    def view(self, process: SimProcess) -> SimBlobs:
        return SimBlobs(self, process)

    def cut_power(self) -> None:
        """Forget what was not synced, or some of it."""
        for blob in self.blobs.values():
            unsynced = len(blob.data) - blob.synced
            if not unsynced:
                continue
            kept = self.chance.choice((0, 0, self.chance.randrange(unsynced + 1), unsynced))
            del blob.data[blob.synced + kept :]
            if kept and self.chance.random() < 0.3:
                lost = self.chance.randrange(kept + 1)
                blob.data[len(blob.data) - lost :] = bytes(lost)
            blob.synced = len(blob.data)

    def is_full(self) -> bool:
        return self.clock.monotonic_us() < self.full_until_us

    def wrong(self) -> str | None:
        """What is wrong with the call under way: failing, full, or nothing."""
        if self.fail_once:
            self.fail_once = False
            return "failing"
        if self.clock.monotonic_us() < self.failing_until_us:
            return "failing"
        return "full" if self.is_full() else None


class SimBlobs:
    """Blobs on a simulated disk, as one process sees them; what it promises is in contracts.py.

    Errors:  as the contract; Killed once the process is dead.
    """

    def __init__(self, disk: SimDisk, process: SimProcess) -> None:
        self._disk = disk
        self._process = process
        self._never = threading.Event()

    def create(self, name: str) -> BlobWriter:
        def make() -> None:
            if name in self._disk.blobs:
                raise Conflict(f"{name} stands in the way of making it")
            self._disk.blobs[name] = _Blob(bytearray())

        self.change(f"making {name}", make, syncs=True)
        return SimBlobWriter(self, self._disk, name)

    def reopen(self, name: str) -> BlobWriter:
        self._found(name)
        return SimBlobWriter(self, self._disk, name)

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        data = self._found(name).data
        return bytes(data[start:] if length is None else data[start : start + length])

    def size_bytes(self, name: str) -> int:
        return len(self._found(name).data)

    def cut(self, name: str, size_bytes: int) -> None:
        blob = self._found(name)

        def take() -> None:
            del blob.data[size_bytes:]
            blob.synced = len(blob.data)

        self.change(f"cutting {name}", take, syncs=True)

    def remove(self, name: str) -> None:
        self.change(f"removing {name}", lambda: self._disk.blobs.pop(name, None), syncs=True)

    def names(self, prefix: str = "") -> Iterator[str]:
        self._process.check()
        yield from sorted(name for name in self._disk.blobs if name.startswith(prefix))

    def free_bytes(self) -> int:
        self._process.check()
        return 0 if self._disk.is_full() else _ROOM_BYTES

    def change(self, doing: str, take: Callable[[], object], *, syncs: bool) -> None:
        """One call that changes the disk, or fails before or after it did. Errors: Unavailable."""
        disk = self._disk
        self._wait(syncs=syncs)
        wrong = disk.wrong()
        if wrong is None:
            take()
            return
        disk.faults += 1
        if wrong == "failing" and disk.chance.random() < 0.5:
            take()
        raise Unavailable(f"the disk is {wrong}: {doing}")

    def take_bytes(self, name: str, data: bytes) -> None:
        """For writers: append, perhaps a part only. Errors: Unavailable."""
        disk = self._disk
        self._wait(syncs=False)
        wrong = disk.wrong()
        blob = self._found(name)
        if wrong is None:
            blob.data += data
            return
        disk.faults += 1
        blob.data += data[: disk.chance.randrange(len(data) + 1)]
        raise Unavailable(f"the disk is {wrong}: writing to {name}")

    def sync(self, name: str) -> None:
        """For writers. After a failed sync nobody knows what was kept. Errors: Unavailable."""
        blob = self._found(name)

        def keep() -> None:
            blob.synced = len(blob.data)

        self.change(f"syncing {name}", keep, syncs=True)

    def _wait(self, *, syncs: bool) -> None:
        """For as long as the disk takes; a dead process gets no further."""
        self._process.check()
        clock, disk = self._disk.clock, self._disk
        now_us = clock.monotonic_us()
        left_us = disk.stalled_until_us - now_us
        if now_us < disk.slow_until_us:
            left_us = max(left_us, 300_000)
        elif syncs:
            left_us = max(left_us, disk.chance.randrange(1_000, _SYNC_US_MAX))
        if left_us > 0 and self._process.threads:
            clock.wait(self._never, left_us)
        self._process.check()

    def _found(self, name: str) -> _Blob:
        self._process.check()
        if name not in self._disk.blobs:
            raise NotFound(f"there is no blob {name}")
        return self._disk.blobs[name]


class SimBlobWriter:
    """One blob being written. After a failure it takes nothing more."""

    def __init__(self, blobs: SimBlobs, disk: SimDisk, name: str) -> None:
        self._blobs, self._disk, self._name = blobs, disk, name
        self._is_broken = False

    @property
    def size_bytes(self) -> int:
        return self._blobs.size_bytes(self._name)

    def append(self, data: bytes) -> None:
        self._refuse_when_broken()
        try:
            self._blobs.take_bytes(self._name, data)
        except Unavailable:
            self._is_broken = True
            raise

    def sync(self) -> None:
        self._refuse_when_broken()
        try:
            self._blobs.sync(self._name)
        except Unavailable:
            self._is_broken = True
            raise

    def close(self) -> None:
        self._is_broken = True

    def _refuse_when_broken(self) -> None:
        if self._is_broken:
            raise Unavailable(f"{self._name} takes no more bytes after a failure or its closing")
