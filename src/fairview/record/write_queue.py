"""What waits to be written: whole fragments, in each stream's order, by a few threads per disk.

A session hands over and goes on. What a disk does not take in time is dropped, oldest first, by
whole fragments, and whoever writes the stream is told so at that place in its order.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Protocol

from fairview.core.limits_disks import (
    WRITE_PROCESS_BYTES_MAX,
    WRITE_STREAM_BYTES_MAX,
    WRITE_TURN_ITEMS_MAX,
    WRITERS_PER_DISK_MAX,
)
from fairview.core.media import EndedBecause, Fragment, GapBecause, Packet
from fairview.core.time import US_PER_SECOND, Instant

THREAD_END_S = 2.0
"""A thread that its disk holds is left to end with the process."""


@dataclass(frozen=True, slots=True)
class Begins:
    """A run, or the next segment of it, begins with this key frame; its fragment follows."""

    packet: Packet


@dataclass(frozen=True, slots=True)
class Ends:
    """The segment ends; a gap begins at its end, unless the run goes on."""

    because: EndedBecause
    gap: GapBecause | None


@dataclass(frozen=True, slots=True)
class Hole:
    """Footage is missing inside the run, from what was written so far up to here."""

    until: Instant
    because: GapBecause


@dataclass(frozen=True, slots=True)
class Pauses:
    """The run ends and nothing follows for now: the camera is away, or nobody wants it kept."""

    ended: EndedBecause
    gap: GapBecause
    at: Instant
    is_away: bool


@dataclass(frozen=True, slots=True)
class Closes:
    """Nothing follows any more."""

    at: Instant


@dataclass(slots=True)
class Overloaded:
    """Here fragments were dropped, because the disk did not take them in time."""

    start_at: Instant
    fragments: int = 0
    packets: int = 0
    payload_bytes: int = 0

    def add(self, fragment: Fragment, payload_bytes: int) -> None:
        self.start_at = min(self.start_at, fragment.start_at)
        self.fragments += 1
        self.packets += len(fragment.samples)
        self.payload_bytes += payload_bytes


@dataclass(slots=True, eq=False)
class _Reached:
    event: threading.Event = field(default_factory=threading.Event)


Item = Fragment | Begins | Ends | Hole | Pauses | Closes | Overloaded
Take = Callable[[Item], "str | None"]
"""Takes an item; or names the disk whose threads are to bring it again, and all that follow."""


class Lane(Protocol):
    """One stream's way to its disk. Used by one thread at a time."""

    def put(self, item: Item) -> None:
        """Hand an item over, to be taken after those before it. Waits for no disk, if it may."""
        ...

    def wait(self, us: int) -> bool:
        """Until everything put so far is taken, or the time is over; whether it is."""
        ...


class Lanes(Protocol):
    """Where lanes come from."""

    def lane(self, take: Take) -> Lane:
        """A stream's way: `take` gets its items one by one, in order."""
        ...


class AtOnce:
    """Lanes without threads: an item is taken before `put` returns, and what `take` raises comes
    out of it."""

    def lane(self, take: Take) -> Lane:
        return _DirectLane(take)


class _DirectLane:
    def __init__(self, take: Take) -> None:
        self._take = take

    def put(self, item: Item) -> None:
        while self._take(item) is not None:
            pass

    def wait(self, us: int) -> bool:
        return True


class _Disk:
    """What waits for one disk, and its threads. Guarded by the writers' lock."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready: SimpleQueue[_QueuedLane | None] = SimpleQueue()
        self.lanes: list[_QueuedLane] = []
        self.threads: list[threading.Thread] = []
        self.waiting_bytes = 0


class DiskWriters:
    """The threads that write to each disk. Safe from several threads.

    One stream is written by one thread at a time, of the disk that its segment lies on; so a disk
    that stands still holds up nobody else. Threads are begun when streams wait for one,
    WRITERS_PER_DISK_MAX a disk at most, and stay.

    Bounds:  limits_disks.WRITE_STREAM_BYTES_MAX and WRITE_PROCESS_BYTES_MAX. Outcome: the oldest
    fragments of the fullest stream of the fullest disk are dropped; its `take` gets `Overloaded`
    in their place.
    Cost:    a fragment costs one wake-up of a thread, however many pictures it holds.
    """

    def __init__(
        self,
        *,
        bytes_max: int = WRITE_PROCESS_BYTES_MAX,
        stream_bytes_max: int = WRITE_STREAM_BYTES_MAX,
    ) -> None:
        self._bytes_max = bytes_max
        self._stream_bytes_max = stream_bytes_max
        # Held for some list operations a fragment.
        self._lock = threading.Lock()
        self._disks: dict[str, _Disk] = {}
        self._waiting_bytes = 0

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the fragments that wait, without those being written."""
        return self._waiting_bytes

    def waiting(self) -> dict[str, int]:
        """The same by disk."""
        with self._lock:
            return {name: disk.waiting_bytes for name, disk in self._disks.items()}

    def lane(self, take: Take, disk: str = "") -> Lane:
        """A stream's way. disk: whose threads bring the first item."""
        with self._lock:
            return _QueuedLane(self, self._disk(disk), take)

    def close(self) -> None:
        """Let the threads end once they have written what waits; a hung disk's are left behind."""
        with self._lock:
            disks = tuple(self._disks.values())
            threads = [thread for disk in disks for thread in disk.threads]
            self._disks.clear()
        for disk in disks:
            for _ in disk.threads:
                disk.ready.put(None)
        for thread in threads:
            thread.join(timeout=THREAD_END_S)

    def put(self, lane: _QueuedLane, item: Item | _Reached) -> None:
        """For lanes."""
        with self._lock:
            lane.items.append(item)
            if isinstance(item, Fragment):
                self._grow(lane, _bytes_of(item))
                while lane.waiting_bytes > self._stream_bytes_max and self._drop_from(lane):
                    pass
                while self._waiting_bytes > self._bytes_max and self._drop_from_fullest():
                    pass
            if lane.is_under_way:
                return
            lane.is_under_way = True
            self._queue(lane)

    def _queue(self, lane: _QueuedLane) -> None:
        """The lane waits for a thread of its disk; with the lock held."""
        disk = lane.disk
        if lane not in disk.lanes:
            disk.lanes.append(lane)
        if len(disk.lanes) > len(disk.threads) < WRITERS_PER_DISK_MAX:
            self._begin_thread(disk)
        disk.ready.put(lane)

    def _drop_from_fullest(self) -> bool:
        """Whether anything could be dropped; with the lock held."""
        fullest = max(self._disks.values(), key=lambda disk: disk.waiting_bytes)
        if not fullest.lanes:
            return False
        return self._drop_from(max(fullest.lanes, key=lambda lane: lane.waiting_bytes))

    def _drop_from(self, lane: _QueuedLane) -> bool:
        dropped = lane.drop_oldest()
        self._grow(lane, -dropped)
        return dropped > 0

    def _grow(self, lane: _QueuedLane, count: int) -> None:
        lane.waiting_bytes += count
        lane.disk.waiting_bytes += count
        self._waiting_bytes += count

    def _disk(self, name: str) -> _Disk:
        return self._disks.setdefault(name, _Disk(name))

    def _begin_thread(self, disk: _Disk) -> None:
        name = f"writes-{disk.name}-{len(disk.threads)}"
        thread = threading.Thread(target=self._work, args=(disk,), name=name, daemon=True)
        disk.threads.append(thread)
        thread.start()

    def _work(self, disk: _Disk) -> None:
        while True:
            lane = disk.ready.get()
            if lane is None:
                return
            is_whole = False
            try:
                self._serve(lane)
                is_whole = True
            finally:
                # What `take` raises is a mistake of ours: it is seen in the log and takes this
                # thread with it, but neither the stream's later footage nor the other streams.
                if not is_whole:
                    self._replace_thread(disk)
                self._leave(lane)

    def _serve(self, lane: _QueuedLane) -> None:
        """A stream's turn."""
        for _ in range(WRITE_TURN_ITEMS_MAX):
            with self._lock:
                if not lane.items:
                    return
                item = lane.items.popleft()
                if isinstance(item, Fragment):
                    self._grow(lane, -_bytes_of(item))
            if isinstance(item, _Reached):
                item.event.set()
                continue
            moved = lane.take(item)
            if moved is not None:
                self._move(lane, item, moved)
                return

    def _move(self, lane: _QueuedLane, item: Item, name: str) -> None:
        """The stream goes on at another disk's threads, with this item first."""
        with self._lock:
            waiting_bytes = lane.waiting_bytes
            self._grow(lane, -waiting_bytes)
            lane.disk.lanes.remove(lane)
            lane.disk = self._disk(name)
            lane.items.appendleft(item)
            if isinstance(item, Fragment):
                waiting_bytes += _bytes_of(item)
            self._grow(lane, waiting_bytes)

    def _leave(self, lane: _QueuedLane) -> None:
        with self._lock:
            if lane.items:
                self._queue(lane)
            else:
                lane.is_under_way = False
                lane.disk.lanes.remove(lane)

    def _replace_thread(self, disk: _Disk) -> None:
        with self._lock:
            disk.threads.remove(threading.current_thread())
            self._begin_thread(disk)


class _QueuedLane:
    """A lane of the writers. Its fields are guarded by their lock."""

    def __init__(self, writers: DiskWriters, disk: _Disk, take: Take) -> None:
        self._writers = writers
        self.disk = disk
        self.take = take
        self.items: deque[Item | _Reached] = deque()
        self.waiting_bytes = 0
        self.is_under_way = False

    def put(self, item: Item) -> None:
        self._writers.put(self, item)

    def wait(self, us: int) -> bool:
        reached = _Reached()
        self._writers.put(self, reached)
        return reached.event.wait(us / US_PER_SECOND)

    def drop_oldest(self) -> int:
        """Replace the oldest fragments that wait by a word about them; returns their bytes.

        They reach to the next key frame, as nothing before it can be decoded without them. The
        marks of ends and pauses stay in their places.
        """
        told: Overloaded | None = None
        kept: list[Item | _Reached] = []
        dropped_bytes, is_dropping = 0, False
        items = iter(self.items)
        for item in items:
            if isinstance(item, Fragment):
                if is_dropping and item.is_key:
                    kept.append(item)
                    break
                is_dropping = True
                if told is None:
                    told = Overloaded(item.start_at)
                    kept.append(told)
                told.add(item, _bytes_of(item))
                dropped_bytes += _bytes_of(item)
            elif isinstance(item, Overloaded):
                told = item
                kept.append(item)
            elif not isinstance(item, Begins):
                kept.append(item)
            # A beginning needs no word of its own: its fragment is dropped, or begins by itself.
        self.items = deque([*kept, *items])
        return dropped_bytes


def _bytes_of(fragment: Fragment) -> int:
    return sum(len(sample.data) for sample in fragment.samples)
