"""One stream's live packets for its viewers: the newest group of pictures first, then all."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fairview.core.errors import NotFound, Overloaded
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import (
    LIVE_GROUP_BYTES_MAX,
    LIVE_GROUP_PACKETS_MAX,
    LIVE_QUEUE_BYTES_MAX,
    LIVE_QUEUE_PACKETS_MAX,
    LIVE_SUBSCRIBERS_MAX,
)
from fairview.core.media import GapBecause, Packet, VideoFormat
from fairview.core.time import Instant
from fairview.store.wire import Hangup, WireServer, serve, streams


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePackets:
    """Packets in decoding order, at least one.

    is_start: the first packet is a key frame that what came before does not lead to: the
    beginning, or after packets were dropped, the stream was away or changed its format.
    dropped: packets this viewer missed right before these.
    """

    packets: tuple[Packet, ...]
    is_start: bool
    dropped: int


class LiveTap:
    """Where viewers get a stream's packets. A PacketSink that never waits.

    Keeps the packets since the newest key frame (bounded), so that a viewer begins at once.
    packets, received_bytes: what came. aways, away_because: how often the stream went away, and
    why at last.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._group: list[Packet] = []
        self._group_bytes = 0
        self._subscriptions: tuple[Subscription, ...] = ()
        self._is_closed = False
        self.packets = self.received_bytes = 0
        self.aways = 0
        self.away_because: GapBecause | None = None

    def packet(self, packet: Packet) -> None:
        """Keep and hand out one packet. Cost: some microseconds, and as much per viewer."""
        with self._lock:
            self.packets += 1
            self.received_bytes += len(packet.data)
            if packet.is_key:
                self._group, self._group_bytes = [packet], len(packet.data)
            elif self._group and packet.format == self._group[0].format:
                self._group.append(packet)
                self._group_bytes += len(packet.data)
                if (
                    self._group_bytes > LIVE_GROUP_BYTES_MAX
                    or len(self._group) > LIVE_GROUP_PACKETS_MAX
                ):
                    self._group, self._group_bytes = [], 0
            else:
                self._group, self._group_bytes = [], 0
            subscriptions = self._subscriptions
        for subscription in subscriptions:
            subscription.offer(packet)

    def away(self, camera: CameraId, stream: StreamName, because: GapBecause, at: Instant) -> None:
        """The stream went away: its next packets do not continue these."""
        del camera, stream, at
        with self._lock:
            self.aways, self.away_because = self.aways + 1, because
            self._group, self._group_bytes = [], 0
            subscriptions = self._subscriptions
        for subscription in subscriptions:
            subscription.break_off()

    def close(self) -> None:
        """No more packets will come: every subscription ends; safe to repeat."""
        with self._lock:
            self._is_closed = True
            self._group, self._group_bytes = [], 0
            subscriptions, self._subscriptions = self._subscriptions, ()
        for subscription in subscriptions:
            subscription.close()

    def subscribe(self) -> Subscription:
        """A viewer, who gets the current group of pictures at once. Errors: Overloaded."""
        with self._lock:
            if len(self._subscriptions) >= LIVE_SUBSCRIBERS_MAX:
                raise Overloaded("too many viewers of one stream; come back later")
            subscription = Subscription(self, tuple(self._group))
            if self._is_closed:
                subscription.close_quietly()
            else:
                self._subscriptions = (*self._subscriptions, subscription)
            return subscription

    @property
    def viewers(self) -> int:
        return len(self._subscriptions)

    def forget(self, subscription: Subscription) -> None:
        """For the subscription: it is closed."""
        with self._lock:
            self._subscriptions = tuple(
                one for one in self._subscriptions if one is not subscription
            )


class Subscription(Iterator[LivePackets]):
    """One viewer's packets. Iterate in one thread; `close` from any."""

    def __init__(self, tap: LiveTap, group: tuple[Packet, ...]) -> None:
        self._tap = tap
        self._changed = threading.Condition()
        self._waiting: deque[Packet] = deque(group)
        self._bytes = sum(len(packet.data) for packet in group)
        self._is_start = True
        self._needs_key = not group
        self._format: VideoFormat | None = group[0].format if group else None
        self._dropped = 0
        self._is_closed = False

    def offer(self, packet: Packet) -> None:
        """For the tap: one more packet; drops what waits when the viewer is too slow."""
        with self._changed:
            if self._is_closed:
                return
            is_full = (
                len(self._waiting) >= LIVE_QUEUE_PACKETS_MAX
                or self._bytes + len(packet.data) > LIVE_QUEUE_BYTES_MAX
            )
            if is_full or (self._format is not None and packet.format != self._format):
                self._drop()
            if self._needs_key and not packet.is_key:
                self._dropped += 1
                return
            self._needs_key = False
            self._format = packet.format
            self._waiting.append(packet)
            self._bytes += len(packet.data)
            self._changed.notify()

    def break_off(self) -> None:
        """For the tap: what follows is a new beginning. What waits is old, and dropped."""
        with self._changed:
            self._drop()

    def take(self, timeout_us: int | None = None) -> LivePackets | None:
        """Everything that waits; None when nothing came in time, or it is closed."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting or self._is_closed,
                None if timeout_us is None else timeout_us / 1_000_000,
            )
            if self._is_closed or not self._waiting:
                return None
            taken = LivePackets(
                packets=tuple(self._waiting), is_start=self._is_start, dropped=self._dropped
            )
            self._waiting.clear()
            self._bytes = self._dropped = 0
            self._is_start = False
            return taken

    def __iter__(self) -> Subscription:
        return self

    def __next__(self) -> LivePackets:
        """Waits for the next packets; ends when closed."""
        taken = self.take()
        if taken is None:
            raise StopIteration
        return taken

    def close(self) -> None:
        """Safe to repeat, and from any thread."""
        self.close_quietly()
        self._tap.forget(self)

    def close_quietly(self) -> None:
        """For the tap, which forgets it itself."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _drop(self) -> None:
        self._dropped += len(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        self._format = None
        self._is_start = self._needs_key = True


class LiveTaps:
    """The taps of one recorder process by camera and stream. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taps: dict[tuple[CameraId, StreamName], LiveTap] = {}

    def make(self, camera: CameraId, stream: StreamName) -> LiveTap:
        """A fresh tap for a stream; one that stood here before is replaced."""
        tap = LiveTap()
        with self._lock:
            self._taps[camera, stream] = tap
        return tap

    def remove(self, camera: CameraId, stream: StreamName) -> None:
        """Safe to repeat."""
        with self._lock:
            self._taps.pop((camera, stream), None)

    def of(self, camera: CameraId, stream: StreamName) -> LiveTap:
        """Errors:  NotFound when this recorder does not have the stream."""
        with self._lock:
            tap = self._taps.get((camera, stream))
        if tap is None:
            raise NotFound(f"no live stream {stream} of {camera} here")
        return tap


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchLive:
    """Ask for a stream's packets from now on."""

    camera: CameraId
    stream: StreamName


def serve_live(
    path: Path, taps: LiveTaps, secret: bytes, *, allowed_uids: frozenset[int] | None = None
) -> WireServer:
    """Hand live packets to whoever knows this start's secret: the door.

    Errors:  as store.wire.serve.
    """

    def watch(message: WatchLive, hangup: Hangup) -> Iterator[LivePackets]:
        subscription = taps.of(message.camera, message.stream).subscribe()
        hangup.when_set(subscription.close)
        with closing(subscription):
            yield from subscription

    return serve(path, [streams(WatchLive, watch)], secret=secret, allowed_uids=allowed_uids)
