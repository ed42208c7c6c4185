"""What covers hide, on its way from the analyser that found it to the recorder that seals it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from fairview.core.errors import NotFound, Overloaded
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import REGION_SUBSCRIBERS_MAX, REGIONS_WAITING_MAX
from fairview.core.sight import CoverCode
from fairview.store.wire import Connection, Handler, Hangup, Stream, streams


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverCodes:
    """Some codes of one camera, in order of time."""

    codes: tuple[CoverCode, ...]


class RegionTap:
    """One camera's newest codes. `put` never waits; who is slow misses the oldest."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._newest: deque[tuple[int, CoverCode]] = deque(maxlen=REGIONS_WAITING_MAX)
        self._number = 0
        self._readers = 0
        self._is_closed = False

    def put(self, codes: tuple[CoverCode, ...]) -> None:
        with self._changed:
            for code in codes:
                self._number += 1
                self._newest.append((self._number, code))
            self._changed.notify_all()

    def close(self) -> None:
        """No more will come; safe to repeat."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def subscribe(self) -> RegionSubscription:
        """From now on. Errors:  Overloaded."""
        with self._changed:
            if self._readers >= REGION_SUBSCRIBERS_MAX:
                raise Overloaded("what this camera's cover hides is read by somebody already")
            self._readers += 1
            return RegionSubscription(self, self._number)

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
        self, number: int, subscription: RegionSubscription
    ) -> tuple[int, tuple[CoverCode, ...]] | None:
        """All that is kept past `number`, waiting for some; None when it is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._number > number or self._is_closed or subscription.is_closed
            )
            if subscription.is_closed or self._number <= number:
                return None
            return self._number, tuple(code for at, code in self._newest if at > number)


class RegionSubscription(Iterator[CoverCodes]):
    """One reader. Iterate in one thread; `close` from any."""

    def __init__(self, tap: RegionTap, number: int) -> None:
        self._tap = tap
        self._number = number
        self.is_closed = False

    def __next__(self) -> CoverCodes:
        found = self._tap.after(self._number, self)
        if found is None:
            raise StopIteration
        self._number, codes = found
        return CoverCodes(codes=codes)

    def close(self) -> None:
        """Safe to repeat."""
        if not self.is_closed:
            self.is_closed = True
            self._tap.leave()


class RegionTaps:
    """The taps of one analyser process by camera. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taps: dict[CameraId, RegionTap] = {}

    def make(self, camera: CameraId) -> RegionTap:
        """A fresh tap; one that stood here before is closed."""
        tap = RegionTap()
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

    def of(self, camera: CameraId) -> RegionTap:
        """Errors:  NotFound for a camera whose cover is not made here."""
        with self._lock:
            tap = self._taps.get(camera)
        if tap is None:
            raise NotFound(f"what the cover of {camera} hides is not found here")
        return tap


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRegions:
    """Ask for what a camera's cover hides from now on."""

    camera: CameraId


def region_service(taps: RegionTaps) -> Handler:
    """For an analyser's socket."""

    def watch(message: WatchRegions, hangup: Hangup) -> Iterator[CoverCodes]:
        subscription = taps.of(message.camera).subscribe()
        hangup.when_set(subscription.close)
        with closing(subscription):
            yield from subscription

    return streams(WatchRegions, watch)


def subscribe_regions(connection: Connection, camera: CameraId) -> Stream[CoverCodes]:
    """A camera's codes from an analyser; `close` from any thread.

    Errors while iterating:  NotFound, Overloaded, Unavailable.
    """
    return connection.stream(WatchRegions(camera=camera), CoverCodes)
