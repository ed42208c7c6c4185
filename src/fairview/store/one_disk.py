"""One disk of a data folder: whether it is there and itself, how it does, and what lies on it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fairview.core.errors import FairviewError, NotFound, Unavailable
from fairview.core.health import DiskState
from fairview.core.limits_disks import (
    DISK_FAILED_US_FIRST,
    DISK_FAILED_US_MAX,
    DISK_SLOW_US,
    DISK_STOP_BYTES,
)
from fairview.core.time import Clock
from fairview.store.blobs import FileBlobs
from fairview.store.disk_list import DiskEntry, read_label
from fairview.store.durable import Disk, told_as_ours

UNREADABLE: frozenset[DiskState] = frozenset({"gone", "slow"})
"""A slow disk does not answer: whoever asked it would stand still with it."""

Room = Callable[[Path], tuple[int, int, bool]]
"""Free and total bytes of a path's disk, and whether it is read-only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at a disk found. state gone: it is not there, or not itself."""

    state: DiskState
    because: str
    free_bytes: int = 0
    total_bytes: int = 0


class OneDisk:
    """One disk's blobs and what is known of it. Safe from several threads."""

    def __init__(self, entry: DiskEntry, clock: Clock, disk: Disk, room: Room) -> None:
        self.entry = entry
        self.blobs = FileBlobs(entry.blobs, disk=disk)
        self._clock = clock
        self._room = room
        self._failed_until_us = 0
        self._failed_wait_us = DISK_FAILED_US_FIRST
        self._failed_because = ""
        self._look_since_us: int | None = None
        self.looked = Looked(state="ok", because="")

    def look(self) -> Looked:
        """Look at it now, and keep what was found."""
        self._look_since_us = self._clock.monotonic_us()
        self.looked = self._look()
        self._look_since_us = None
        return self.looked

    def known(self) -> Looked:
        """What is known without asking the disk."""
        now_us, since_us = self._clock.monotonic_us(), self._look_since_us
        if since_us is not None and now_us - since_us > DISK_SLOW_US:
            return Looked(state="slow", because="it does not answer")
        found = self.looked
        if found.state in ("ok", "full") and now_us < self._failed_until_us:
            return Looked(
                state="failing",
                because=self._failed_because,
                free_bytes=found.free_bytes,
                total_bytes=found.total_bytes,
            )
        return found

    def used_bytes(self) -> int:
        """What its footage takes, unfinished segments included."""
        total = 0
        for name in self.blobs.names():
            with suppress(NotFound):
                total += self.blobs.size_bytes(name)
        return total

    def is_there(self) -> bool:
        """Whether what lies on it can be read, asked anew where that is cheap."""
        return self.known().state not in UNREADABLE and not self.foreign()

    def free_bytes(self) -> int:
        """Asked anew. Errors: Unavailable."""
        with told_as_ours(self.entry.path, "looking at"):
            return self._room(self.entry.path)[0]

    def failed(self, because: str) -> None:
        """A write failed: nothing new begins here for a while."""
        self._failed_because = because
        self._failed_until_us = self._clock.monotonic_us() + self._failed_wait_us
        self._failed_wait_us = min(2 * self._failed_wait_us, DISK_FAILED_US_MAX)

    def worked(self) -> None:
        if self._failed_until_us:
            self._failed_until_us, self._failed_wait_us = 0, DISK_FAILED_US_FIRST

    def refuse_foreign(self) -> None:
        """Errors:  Unavailable when this is not the disk it should be. Cost: reads one file."""
        because = self.foreign()
        if because:
            raise Unavailable(f"the disk {self.entry.name} is away: {because}")

    def foreign(self) -> str:
        """Why this is not the disk it should be; empty when it is. Cost: reads one small file."""
        entry = self.entry
        if entry.is_own:
            return ""
        try:
            found = read_label(entry.label_file)
        except FairviewError as error:
            return str(error)
        if found is None:
            return f"nothing is mounted at {entry.path}"
        if found.id != entry.id:
            return f"another disk ({found.name}) is mounted at {entry.path}"
        return ""

    def _look(self) -> Looked:
        because = self.foreign()
        if because:
            return Looked(state="gone", because=because)
        try:
            free, total, is_read_only = self._room(self.entry.path)
        except OSError as error:
            return Looked(state="gone", because=error.strerror or "it can't be read")
        state: DiskState = "ok"
        if is_read_only:
            state, because = "failing", "it is mounted read-only"
        elif free < DISK_STOP_BYTES:
            state, because = "full", _too_little(free)
        return Looked(state=state, because=because, free_bytes=free, total_bytes=total)


def _too_little(free: int) -> str:
    needed = DISK_STOP_BYTES // 1_000_000
    return f"{free // 1_000_000} MB are free, and with less than {needed} MB no footage is written"


def room_of(path: Path) -> tuple[int, int, bool]:
    """Free and total bytes of the disk a path lies on, and whether it is read-only."""
    found = os.statvfs(path)
    free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    return free, total, bool(found.f_flag & os.ST_RDONLY)
