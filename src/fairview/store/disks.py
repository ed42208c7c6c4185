"""Blobs on several disks: found wherever they lie, placed by policy, and never on a disk that is
not the one it should be.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from heapq import merge
from typing import TypeVar

import msgspec
import structlog

from fairview.core.errors import Conflict, FairviewError, NotFound, Unavailable
from fairview.core.health import DiskSign
from fairview.core.ids import CameraId
from fairview.core.limits_disks import (
    BLOB_PLACES_KEPT_MAX,
    DISK_LOOK_US,
    DISK_STOP_BYTES,
)
from fairview.core.time import US_PER_SECOND, Clock
from fairview.store.blobs import FileBlobs, check_name
from fairview.store.contracts import Blobs, BlobWriter
from fairview.store.disk_list import DiskList, list_file, read_disks
from fairview.store.durable import DISK, Disk, replace_file
from fairview.store.layout import DataFolder
from fairview.store.one_disk import UNREADABLE, OneDisk, Room, room_of
from fairview.store.removals import Removals
from fairview.store.segment_format import is_ended

T = TypeVar("T")


class Disks:
    """Blobs of one data folder on all of its disks. Safe from several threads.

    A blob that no disk holds while one is away may lie there: it is then Unavailable, not
    NotFound. What is removed meanwhile goes when the disk is back (`settle`).

    `look` first, or `start`; until then every disk counts as well.
    """

    def __init__(
        self,
        folder: DataFolder,
        clock: Clock,
        *,
        disk: Disk = DISK,
        room: Room | None = None,
        free_bytes_min: int = 0,
    ) -> None:
        """free_bytes_min: where a disk has no floor of its own."""
        self._folder = folder
        self._clock = clock
        self._disk = disk
        self._room = room or room_of
        self._free_bytes_min = free_bytes_min
        self._lock = threading.Lock()
        self._list = read_disks(folder)
        self._stamp = self._list_stamp()
        self._disks = self._made(self._list, {})
        self._removals = Removals(folder, disk=disk)
        self._places: OrderedDict[str, str] = OrderedDict()
        self._wishes: dict[CameraId, str] = {}
        self._used: dict[str, int] = {}
        self._use_file = folder.root / "disks-used.json"
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._log = structlog.get_logger(__name__)

    # Which disks there are

    @property
    def list(self) -> DiskList:
        return self._list

    def all(self) -> tuple[OneDisk, ...]:
        with self._lock:
            return tuple(self._disks.values())

    def floor(self, name: str) -> int:
        """Room to be left free on a disk."""
        own = self._list.named(name).free_bytes_min
        return self._free_bytes_min if own is None else own

    def signs(self) -> tuple[DiskSign, ...]:
        """How each disk is, as last looked at."""
        return tuple(
            DiskSign(
                name=one.entry.name,
                state=found.state,
                because=found.because,
                free_bytes=found.free_bytes,
                total_bytes=found.total_bytes,
            )
            for one in self.all()
            for found in (one.known(),)
        )

    def look(self) -> None:
        """Take up a changed list, and look at every disk now."""
        self.take_up()
        for one in self.all():
            one.look()

    def take_up(self) -> None:
        """Read the list again when it changed. A list that can't be read leaves the old one."""
        self._take_up_use()
        stamp = self._list_stamp()
        if stamp == self._stamp:
            return
        try:
            fresh = read_disks(self._folder)
        except FairviewError as error:
            self._log.error("the list of disks can't be read", because=str(error))
            return
        with self._lock:
            self._stamp, self._list = stamp, fresh
            self._disks = self._made(fresh, self._disks)
            self._places.clear()

    def start(self) -> None:
        """Look at each disk every DISK_LOOK_US in a thread of its own, as one may stand still."""
        assert not self._threads, "disks are watched once"
        watcher = threading.Thread(target=self._watch, name="disks", daemon=True)
        self._threads.append(watcher)
        self.look()
        watcher.start()

    def close(self) -> None:
        """Safe to repeat."""
        self._stop.set()

    def _watch(self) -> None:
        looks: dict[str, threading.Thread] = {}
        # In real time, whatever clock: a simulated one would run away here.
        while not self._stop.wait(DISK_LOOK_US / US_PER_SECOND):
            self.take_up()
            for one in self.all():
                name = one.entry.name
                if name not in looks or not looks[name].is_alive():
                    looks[name] = threading.Thread(
                        target=one.look, name=f"look-{name}", daemon=True
                    )
                    looks[name].start()

    # Where new footage goes

    def wish(self, camera: CameraId, name: str | None) -> None:
        """Where a camera's new segments are to go, while that disk takes them."""
        if name is None:
            self._wishes.pop(camera, None)
        else:
            self._wishes[camera] = name

    def measure(self) -> dict[str, int]:
        """How much footage lies on each disk that has a bound of its own, and is there; kept for
        all processes of the folder. Cost: looks at every file of those disks."""
        used = {
            one.entry.name: one.used_bytes()
            for one in self.all()
            if one.entry.bytes_max is not None and one.is_there()
        }
        if used and used != self._used:
            replace_file(self._use_file, msgspec.json.encode(used), disk=self._disk)
        self._used = used
        return used

    def _take_up_use(self) -> None:
        """What another process measured. Without it no disk counts as filled."""
        with suppress(OSError, msgspec.DecodeError):
            self._used = msgspec.json.decode(self._use_file.read_bytes(), type=dict[str, int])

    def place(self, camera: CameraId) -> str:
        """The disk for a camera's next segment.

        One that takes footage and has room above its floor; else one that takes footage; else the
        one that failed first, so that it is tried again.
        """
        disks = [one for one in self.all() if one.entry.role == "record"]
        good = [one for one in disks if one.known().state == "ok"]
        roomy = [one for one in good if self.room_above_floor(one) > 0]
        wish = self._wishes.get(camera)
        for some in (roomy, good):
            if any(one.entry.name == wish for one in some):
                return str(wish)
        some = roomy or good or disks or list(self.all())
        if self._list.policy == "fill_in_order" or not roomy:
            return some[0].entry.name
        hour = self._clock.now().hour().us
        return max(some, key=lambda one: self._draw(one, camera, hour)).entry.name

    def on(self, name: str) -> Blobs:
        """One disk's blobs, for writing; making one there is refused while it is away."""
        with self._lock:
            one = self._disks.get(name)
        if one is None:
            raise Unavailable(f"the disk {name} was retired")
        return _Placed(self, one)

    def is_full(self, name: str) -> bool:
        """Whether nothing more may be written to a disk now."""
        one = self._disks.get(name)
        return one is not None and one.looked.state == "full"

    def failed(self, name: str, because: str) -> None:
        """A write to a disk failed."""
        one = self._disks.get(name)
        if one is not None:
            one.failed(because)

    def worked(self, name: str) -> None:
        one = self._disks.get(name)
        if one is not None:
            one.worked()

    def room_above_floor(self, one: OneDisk) -> int:
        """What footage may still take on a disk; negative when it is over its bound."""
        entry, found = one.entry, one.known()
        room = found.free_bytes - max(self.floor(entry.name), DISK_STOP_BYTES)
        if entry.bytes_max is not None:
            room = min(room, entry.bytes_max - self._used.get(entry.name, 0))
        return room

    def _draw(self, one: OneDisk, camera: CameraId, hour_us: int) -> float:
        """A draw in proportion to room that comes out the same for a camera's whole hour.

        Source:  weighted rendezvous hashing (Schindelhauer and Schomaker, SPAA 2005).
        """
        text = f"{one.entry.name}/{camera}/{hour_us}".encode()
        number = int.from_bytes(hashlib.sha256(text).digest()[:7], "big")
        chance = (number + 0.5) / (1 << 56)
        return -self.room_above_floor(one) / math.log(chance)

    # Blobs

    def create(self, name: str) -> BlobWriter:
        check_name(name)
        if self._holder(name) is not None:
            raise Conflict(f"{name} stands in the way of making it")
        camera = CameraId(name.split("/", 1)[0])
        return self.on(self.place(camera)).create(name)

    def reopen(self, name: str) -> BlobWriter:
        return self._found(name).blobs.reopen(name)

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        return self._tried(name, lambda blobs: blobs.read(name, start, length))

    def size_bytes(self, name: str) -> int:
        return self._tried(name, lambda blobs: blobs.size_bytes(name))

    def cut(self, name: str, size_bytes: int) -> None:
        self._found(name).blobs.cut(name, size_bytes)

    def remove(self, name: str) -> None:
        """Gone from every disk that can be written; from another one when it can be again.

        Errors:  Unavailable when not even that can be noted in the data folder.
        """
        check_name(name)
        self._forget(name)
        for one in self.all():
            if not self._removed(one, name):
                self._removals.note(one.entry.name, name)

    def _removed(self, one: OneDisk, name: str) -> bool:
        """Whether a blob is gone from a disk for sure."""
        if not one.is_there():
            return False
        try:
            one.blobs.remove(name)
        except Unavailable as error:
            self._log.warning("a blob waits to be removed", blob=name, because=str(error))
            return False
        return True

    def names(self, prefix: str = "") -> Iterator[str]:
        """As far as disks are there; without what is removed."""
        last = ""
        for name in merge(*(self._names(one, prefix) for one in self.all())):
            if name != last:
                last = name
                yield name

    def free_bytes(self) -> int:
        """Of the disk with the most room, of those that footage goes to."""
        disks = [one for one in self.all() if one.entry.role == "record" and one.is_there()]
        return max((one.free_bytes() for one in disks), default=0)

    def names_on(self, disk: str) -> Iterator[str]:
        """Blobs on one disk. Errors: NotFound; Unavailable while it is away."""
        one = self._named(disk)
        one.refuse_foreign()
        return self._names(one, "")

    def move(self, name: str, disk: str) -> bool:
        """Move a blob from a disk to another one that footage goes to, unless it still grows.

        It is readable all the time; a crash leaves it whole in one of the places, or in both.
        Errors:  Unavailable.
        """
        one = self._named(disk)
        try:
            data = one.blobs.read(name)
        except NotFound:
            return False
        if not is_ended(data):
            return False
        to = self.place(CameraId(name.split("/", 1)[0]))
        if to == disk:
            raise Unavailable(f"no other disk takes {name}: add one, or make room")
        target = self._named(to)
        target.refuse_foreign()
        target.blobs.put_whole(name, data)
        try:
            one.blobs.size_bytes(name)
        except NotFound:
            # It died while it was copied: the copy must not outlive it.
            target.blobs.remove(name)
            return False
        one.blobs.remove(name)
        self._forget(name)
        return True

    def _named(self, name: str) -> OneDisk:
        self._list.named(name)
        return self._disks[name]

    def where(self, name: str) -> str | None:
        """The disk that holds a blob; None when none that is there does."""
        one = self._holder(name)
        return None if one is None else one.entry.name

    def away(self) -> tuple[str, ...]:
        """Disks whose footage can't be read now, with the reason."""
        return tuple(
            f"{one.entry.name}: {one.known().because}"
            for one in self.all()
            if one.known().state in UNREADABLE
        )

    def refuse_away(self) -> None:
        """Errors:  Unavailable when a disk is away."""
        away = self.away()
        if away:
            raise Unavailable(
                f"a disk is away ({'; '.join(away)}): bring it back, or retire it with "
                "`fairview disk remove`"
            )

    def settle(self) -> int:
        """Remove what was to be removed from disks that are back; how many blobs went."""
        count = 0
        for one in self.all():
            due = self._removals.due(one.entry.name)
            if due and all(self._removed(one, blob) for blob in due):
                self._removals.done(one.entry.name)
                count += len(due)
        return count

    def _names(self, one: OneDisk, prefix: str) -> Iterator[str]:
        if not one.is_there():
            return
        due = frozenset(self._removals.due(one.entry.name))
        yield from (name for name in one.blobs.names(prefix) if name not in due)

    def _tried(self, name: str, ask: Callable[[FileBlobs], T]) -> T:
        """Ask the disk that holds a blob; once more when it was moved meanwhile."""
        try:
            return ask(self._found(name).blobs)
        except NotFound:
            self._forget(name)
            return ask(self._found(name).blobs)

    def _found(self, name: str) -> OneDisk:
        """Errors:  NotFound; Unavailable when it may lie on a disk that is away."""
        check_name(name)
        one = self._holder(name)
        if one is not None:
            return one
        away = self.away()
        if away:
            raise Unavailable(
                f"{name} is not readable now: a disk is away ({'; '.join(away)}); bring it back"
            )
        raise NotFound(f"there is no blob {name}")

    def _holder(self, name: str) -> OneDisk | None:
        with self._lock:
            disks = self._disks
            known = self._places.get(name)
        if len(disks) == 1:
            (only,) = disks.values()
            return only
        if known in disks and disks[known].is_there():
            return disks[known]
        for one in disks.values():
            if one.is_there() and (one.entry.blobs / name).is_file():
                with self._lock:
                    self._places[name] = one.entry.name
                    while len(self._places) > BLOB_PLACES_KEPT_MAX:
                        self._places.popitem(last=False)
                return one
        return None

    def _forget(self, name: str) -> None:
        with self._lock:
            self._places.pop(name, None)

    def _made(self, disks: DiskList, old: Mapping[str, OneDisk]) -> dict[str, OneDisk]:
        made = {}
        for entry in disks.disks:
            known = old.get(entry.name)
            if known is not None and (known.entry.id, known.entry.path) == (entry.id, entry.path):
                known.entry = entry
                made[entry.name] = known
            else:
                made[entry.name] = OneDisk(entry, self._clock, self._disk, self._room)
        return made

    def _list_stamp(self) -> tuple[int, int]:
        try:
            found = list_file(self._folder).stat()
        except OSError:
            return (0, 0)
        return (found.st_ino, found.st_mtime_ns)


class _Placed:
    """Blobs of all disks whose new ones are made on one of them."""

    def __init__(self, disks: Disks, one: OneDisk) -> None:
        self._disks = disks
        self._one = one

    def create(self, name: str) -> BlobWriter:
        self._one.refuse_foreign()
        return self._one.blobs.create(name)

    def remove(self, name: str) -> None:
        self._one.blobs.remove(name)

    def reopen(self, name: str) -> BlobWriter:
        return self._disks.reopen(name)

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        return self._disks.read(name, start, length)

    def size_bytes(self, name: str) -> int:
        return self._disks.size_bytes(name)

    def cut(self, name: str, size_bytes: int) -> None:
        self._disks.cut(name, size_bytes)

    def names(self, prefix: str = "") -> Iterator[str]:
        return self._disks.names(prefix)

    def free_bytes(self) -> int:
        return self._one.free_bytes()
