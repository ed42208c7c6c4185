"""What an analyser finds, for whoever asks: the newest few by camera, put without waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from fairview.core.errors import NotFound, Overloaded
from fairview.core.ids import CameraId

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class TapRules:
    """what: in words, for errors. kept: how many of the newest wait for a slow reader, who misses
    the oldest. readers_max: of one camera at a time. begins_with_newest: whether a reader gets what
    there is at once, or only what comes after."""

    what: str
    kept: int
    readers_max: int
    begins_with_newest: bool


class Tap(Generic[Found]):
    """One camera's newest findings. `put` never waits."""

    def __init__(self, rules: TapRules) -> None:
        self._rules = rules
        self._changed = threading.Condition()
        self._newest: deque[tuple[int, Found]] = deque(maxlen=rules.kept)
        self._number = 0
        self._readers = 0
        self._is_closed = False

    def put(self, found: Sequence[Found]) -> None:
        with self._changed:
            for one in found:
                self._number += 1
                self._newest.append((self._number, one))
            self._changed.notify_all()

    def close(self) -> None:
        """No more will come; what waits is still handed out. Safe to repeat."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def subscribe(self) -> TapSubscription[Found]:
        """Errors:  Overloaded."""
        with self._changed:
            if self._readers >= self._rules.readers_max:
                raise Overloaded(
                    f"{self._rules.readers_max} read {self._rules.what} of one camera already; "
                    "come back later"
                )
            self._readers += 1
            begins_at = self._number
            if self._rules.begins_with_newest:
                begins_at -= len(self._newest)
            return TapSubscription(self, begins_at)

    @property
    def readers(self) -> int:
        with self._changed:
            return self._readers

    def leave(self) -> None:
        """For the subscription: one reader less, and look again whether it is closed."""
        with self._changed:
            self._readers -= 1
            self._changed.notify_all()

    def after(
        self, number: int, subscription: TapSubscription[Found]
    ) -> tuple[int, tuple[Found, ...]] | None:
        """All that is kept past `number`, waiting for some; None when it is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._number > number or self._is_closed or subscription.is_closed
            )
            if subscription.is_closed or self._number <= number:
                return None
            return self._number, tuple(one for at, one in self._newest if at > number)


class TapSubscription(Iterator[tuple[Found, ...]]):
    """One reader: each turn gives what came since the last. Iterate in one thread; `close` from
    any."""

    def __init__(self, tap: Tap[Found], number: int) -> None:
        self._tap = tap
        self._number = number
        self.is_closed = False

    def __next__(self) -> tuple[Found, ...]:
        found = self._tap.after(self._number, self)
        if found is None:
            raise StopIteration
        self._number, fresh = found
        return fresh

    def close(self) -> None:
        """Safe to repeat."""
        if not self.is_closed:
            self.is_closed = True
            self._tap.leave()


class Taps(Generic[Found]):
    """The taps of one analyser process by camera. Safe from several threads."""

    def __init__(self, rules: TapRules) -> None:
        self._rules = rules
        self._lock = threading.Lock()
        self._taps: dict[CameraId, Tap[Found]] = {}

    def make(self, camera: CameraId) -> Tap[Found]:
        """A fresh tap; one that stood here before is closed."""
        tap: Tap[Found] = Tap(self._rules)
        with self._lock:
            before = self._taps.get(camera)
            self._taps[camera] = tap
        if before is not None:
            before.close()
        return tap

    def remove(self, camera: CameraId) -> None:
        """Safe to repeat."""
        with self._lock:
            tap = self._taps.pop(camera, None)
        if tap is not None:
            tap.close()

    def of(self, camera: CameraId) -> Tap[Found]:
        """Errors:  NotFound for a camera that this process does not look at."""
        with self._lock:
            tap = self._taps.get(camera)
        if tap is None:
            raise NotFound(f"{self._rules.what} of {camera} are not found here")
        return tap
