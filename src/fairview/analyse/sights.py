"""What is seen now, for whoever draws it over a live picture: the newest only, never kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fairview.core.errors import NotFound, Overloaded
from fairview.core.ids import CameraId
from fairview.core.limits import LIVE_SUBSCRIBERS_MAX
from fairview.core.sight import KINDS, OpenTrack, Sight, SightBox
from fairview.core.time import Instant
from fairview.store.wire import Connection, Handler, Hangup, Stream, WireServer, serve, streams

_DIGITS = 3


def sight_of(camera: CameraId, at: Instant, tracks: tuple[OpenTrack, ...]) -> Sight:
    """Open tracks as boxes to draw; those not seen in this picture are left out."""
    return Sight(
        camera=camera,
        at=at,
        boxes=tuple(
            SightBox(
                id=track.id,
                kind=KINDS[track.kind],
                box_unit=_four([round(float(value), _DIGITS) for value in track.box_unit]),
                trail_unit=tuple(
                    (round(float(x), _DIGITS), round(float(y), _DIGITS))
                    for x, y in track.trail_unit
                ),
            )
            for track in tracks
            if track.is_seen
        ),
    )


def _four(values: list[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = values
    return left, top, right, bottom


class SightTap:
    """One camera's newest sight for its viewers. Never waits; a slow viewer misses some."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._newest: Sight | None = None
        self._number = 0
        self._viewers = 0
        self._is_closed = False

    def show(self, sight: Sight) -> None:
        with self._changed:
            self._newest = sight
            self._number += 1
            self._changed.notify_all()

    def close(self) -> None:
        """No more will come; safe to repeat."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def subscribe(self) -> SightSubscription:
        """Errors:  Overloaded."""
        with self._changed:
            if self._viewers >= LIVE_SUBSCRIBERS_MAX:
                raise Overloaded("too many viewers of one camera; come back later")
            self._viewers += 1
        return SightSubscription(self)

    def leave(self) -> None:
        """For the subscription: one viewer less."""
        with self._changed:
            self._viewers -= 1

    def wake(self) -> None:
        """For the subscription: look again whether it is closed."""
        with self._changed:
            self._changed.notify_all()

    def after(self, number: int, subscription: SightSubscription) -> tuple[int, Sight] | None:
        """The newest sight past `number`, waiting for it; None when it is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._number > number or self._is_closed or subscription.is_closed
            )
            if self._is_closed or subscription.is_closed or self._newest is None:
                return None
            return self._number, self._newest


class SightSubscription(Iterator[Sight]):
    """One viewer. Iterate in one thread; `close` from any."""

    def __init__(self, tap: SightTap) -> None:
        self._tap = tap
        self._number = 0
        self.is_closed = False

    def __next__(self) -> Sight:
        found = self._tap.after(self._number, self)
        if found is None:
            raise StopIteration
        self._number, sight = found
        return sight

    def close(self) -> None:
        """Safe to repeat."""
        if not self.is_closed:
            self.is_closed = True
            self._tap.leave()
            self._tap.wake()


class SightTaps:
    """The taps of one analyser process by camera. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taps: dict[CameraId, SightTap] = {}

    def make(self, camera: CameraId) -> SightTap:
        """A fresh tap; one that stood here before is closed."""
        tap = SightTap()
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

    def of(self, camera: CameraId) -> SightTap:
        """Errors:  NotFound for a camera that is not analysed here."""
        with self._lock:
            tap = self._taps.get(camera)
        if tap is None:
            raise NotFound(f"{camera} is not analysed here")
        return tap


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSights:
    """Ask for a camera's sights from now on."""

    camera: CameraId


def serve_sights(path: Path, taps: SightTaps, secret: bytes, *beside: Handler) -> WireServer:
    """Hand sights to whoever knows this start's secret: the door. Errors: as store.wire.serve.

    beside: what else is answered at the same socket.
    """

    def watch(message: WatchSights, hangup: Hangup) -> Iterator[Sight]:
        subscription = taps.of(message.camera).subscribe()
        hangup.when_set(subscription.close)
        with closing(subscription):
            yield from subscription

    return serve(path, [streams(WatchSights, watch), *beside], secret=secret)


def subscribe_sights(connection: Connection, camera: CameraId) -> Stream[Sight]:
    """A camera's sights from an analyser; `close` from any thread.

    Errors while iterating:  NotFound, Overloaded, Unavailable.
    """
    return connection.stream(WatchSights(camera=camera), Sight)
