"""Pictures of many cameras on their way to one detector: bounded, fair, never in anyone's way.

Whoever decodes puts pictures in and goes on at once; one thread takes batches out. When the
detector can't keep up, each camera's oldest pictures are dropped and the stretch they stood for
is told as Unmeasurable ("overloaded"), so that a count over it says what it did not see.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from fairview.core.ids import CameraId
from fairview.core.limits_seeing import BATCH_PICTURES_MAX, BATCH_QUEUE_PICTURES_MAX
from fairview.core.sight import Unmeasurable
from fairview.core.time import Clock, Instant, Span


class Timed(Protocol):
    """What is queued: one camera's picture, with its moment."""

    @property
    def camera(self) -> CameraId:
        """Whose picture it is."""

    @property
    def at(self) -> Instant:
        """When it was seen."""


Item = TypeVar("Item", bound=Timed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A stretch of one camera that was not looked at, from the first picture that was dropped to
    the next one that was looked at. pictures: how many were dropped."""

    camera: CameraId
    stretch: Unmeasurable
    pictures: int


@dataclass(slots=True)
class _Line(Generic[Item]):
    """One camera's queue. dropped_from: where a stretch under way began."""

    waiting: deque[Item] = field(default_factory=deque)
    dropped_from: Instant | None = None
    dropped_to: Instant | None = None
    dropped: int = 0


class Batches(Generic[Item]):
    """Bounded queues, one per camera. `put` and `take` may be called by different threads.

    Bounds:  queue_max per camera (drop_oldest), batch_max pictures per batch.
    """

    def __init__(
        self, queue_max: int = BATCH_QUEUE_PICTURES_MAX, batch_max: int = BATCH_PICTURES_MAX
    ) -> None:
        assert queue_max >= 1, "a queue has room"
        assert batch_max >= 1, "a batch has room"
        self._queue_max, self._batch_max = queue_max, batch_max
        self._lock = threading.Lock()
        self._filled = threading.Event()
        self._lines: OrderedDict[CameraId, _Line[Item]] = OrderedDict()
        self._told: list[Dropped] = []

    def put(self, item: Item) -> None:
        """Never waits. A camera's pictures come in order."""
        with self._lock:
            line = self._lines.setdefault(item.camera, _Line())
            line.waiting.append(item)
            while len(line.waiting) > self._queue_max:
                _drop(line)
            self._filled.set()

    def take(self, clock: Clock, wait_us: int) -> tuple[Item, ...]:
        """The oldest pictures, one of each camera in turn until the batch is full; each camera's
        in order. Waits up to wait_us for the first; empty when none came."""
        if not self._filled.is_set():
            clock.wait(self._filled, wait_us)
        with self._lock:
            taken = self._taken()
            if not any(line.waiting for line in self._lines.values()):
                self._filled.clear()
            return taken

    def waiting(self, camera: CameraId) -> int:
        """How many of a camera's pictures wait."""
        with self._lock:
            line = self._lines.get(camera)
            return 0 if line is None else len(line.waiting)

    def take_dropped(self) -> tuple[Dropped, ...]:
        """Stretches that ended since the last call, in the order they ended."""
        with self._lock:
            told, self._told = self._told, []
            return tuple(told)

    def forget(self, camera: CameraId) -> None:
        """The camera has left: its queue goes, what it still held counts as dropped."""
        with self._lock:
            line = self._lines.pop(camera, None)
            if line is None:
                return
            while line.waiting:
                _drop(line)
            self._tell(camera, line, None)

    def _taken(self) -> tuple[Item, ...]:
        taken: list[Item] = []
        while len(taken) < self._batch_max:
            before = len(taken)
            for camera, line in list(self._lines.items()):
                if not line.waiting or len(taken) == self._batch_max:
                    continue
                item = line.waiting.popleft()
                self._tell(camera, line, item.at)
                taken.append(item)
                # Whoever was served goes to the end, so that a full batch starves nobody.
                self._lines.move_to_end(camera)
            if len(taken) == before:
                break
        return tuple(taken)

    def _tell(self, camera: CameraId, line: _Line[Item], until: Instant | None) -> None:
        """Ends a stretch under way, at the picture that is looked at or just after the last."""
        if line.dropped_from is None or line.dropped_to is None:
            return
        last = line.dropped_to.plus(1)
        span = Span(start=line.dropped_from, end=last if until is None else max(until, last))
        self._told.append(
            Dropped(
                camera=camera,
                stretch=Unmeasurable(span=span, because="overloaded"),
                pictures=line.dropped,
            )
        )
        line.dropped_from, line.dropped_to, line.dropped = None, None, 0


def _drop(line: _Line[Item]) -> None:
    item = line.waiting.popleft()
    if line.dropped_from is None:
        line.dropped_from = line.dropped_to = item.at
    line.dropped_from = min(line.dropped_from, item.at)
    line.dropped_to = item.at if line.dropped_to is None else max(line.dropped_to, item.at)
    line.dropped += 1
