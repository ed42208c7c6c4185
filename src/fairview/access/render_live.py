"""Live pictures: one rendering per camera, size and cover, shared by all who watch.

A rendering feeds one child from one subscription and keeps the pieces it made in a ring; each
viewer walks the ring at its own pace. Nothing waits for a viewer: one who falls out of the
ring goes on at the next key picture. A piece may be seen HOLD_LIVE_US after its pictures
arrived; a picture that is not covered by then is not looked at any more, its whole frame is.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from fairview.access.door import LiveChunk
from fairview.access.render_process import RenderProcess
from fairview.access.render_scene import Showing
from fairview.access.render_words import Chunk, LiveAsk, LiveDone, LivePacket
from fairview.core.errors import FairviewError, Unavailable
from fairview.core.limits import (
    HOLD_LIVE_US,
    LIVE_CHUNK_US,
    LIVE_LINGER_US,
    LIVE_QUEUE_FRAGMENTS_MAX,
    LIVE_RESTARTS_MAX,
    RENDER_LIVE_US_MAX,
)
from fairview.core.media import Packet
from fairview.core.time import US_PER_SECOND, Clock, Instant

_SKIP_AFTER_US = 3 * HOLD_LIVE_US
"""Pictures this late are decoded but not shown, so that the rendering catches up."""

_LOOK_EVERY_S = 0.25


class PacketStream(Protocol):
    """A subscription: packets from a key frame on. A generator is one."""

    def __iter__(self) -> Iterator[Packet]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSize:
    """How large and how often; 0 is the rendition's own limit."""

    width_px_max: int
    fps_max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What two viewers must have in common to share a rendering."""

    key: str
    size: LiveSize
    rendition: str
    clean_at: Instant | None
    zones: tuple[tuple[tuple[float, float], ...], ...]
    raw_because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A piece in the ring. visible_us: monotonic time from which it may be seen."""

    number: int
    chunk: Chunk
    init: Chunk
    visible_us: int


class LiveHub:
    """The live renderings that run now. Safe from several threads."""

    def __init__(
        self,
        clock: Clock,
        take: Callable[[str], RenderProcess],
        drop: Callable[[RenderProcess], None],
    ) -> None:
        self._clock, self._take, self._drop = clock, take, drop
        self._lock = threading.Lock()
        self._running: dict[_Shared, LiveRendering] = {}

    def viewer(
        self,
        key: str,
        subscribe: Callable[[], PacketStream],
        showing: Showing,
        size: LiveSize,
        goes_on: Callable[[], bool],
    ) -> Iterator[LiveChunk]:
        """Join a rendering, starting it when it is the first. Errors: Overloaded, Unavailable."""
        shared = _Shared(
            key=key,
            size=size,
            rendition=showing.rendition,
            clean_at=None if showing.clean is None else showing.clean.made_at,
            zones=showing.zones,
            raw_because=showing.raw_because,
        )
        sized = replace(showing, width_px_max=size.width_px_max, fps_max=size.fps_max)
        with self._lock:
            rendering = self._running.get(shared)
            if rendering is None or not rendering.awaits_viewer():
                child = self._take(f"live {key}")
                rendering = LiveRendering(
                    self._clock, child, _Again(self._take, self._drop, f"live {key}"), sized
                )
                self._running[shared] = rendering
                rendering.start(subscribe)
            self._running = {
                one: running for one, running in self._running.items() if not running.is_over
            }
        return rendering.chunks(goes_on)

    def close(self) -> None:
        """End every rendering; safe to repeat."""
        with self._lock:
            running, self._running = list(self._running.values()), {}
        for rendering in running:
            rendering.close()


@dataclass(frozen=True, slots=True)
class _Again:
    """How a rendering gets its next child, and gets rid of one."""

    take: Callable[[str], RenderProcess]
    drop: Callable[[RenderProcess], None]
    look: str


class LiveRendering:
    """One rendering: a feeding thread, a ring of pieces, viewers that read it.

    The condition guards all mutable fields but those of the feeding thread.
    """

    def __init__(self, clock: Clock, child: RenderProcess, again: _Again, showing: Showing) -> None:
        self._clock, self._child, self._again, self._showing = clock, child, again, showing
        self._changed = threading.Condition()
        self._ring: deque[_Held] = deque(maxlen=LIVE_QUEUE_FRAGMENTS_MAX)
        self._next_number = 0
        self._viewers = 0
        self._left_us = clock.monotonic_us()
        self._failure: FairviewError | None = None
        self.is_over = False

    def awaits_viewer(self) -> bool:
        """Linger for a viewer who is about to begin; False when it is over already."""
        with self._changed:
            self._left_us = self._clock.monotonic_us()
            return not self.is_over

    def start(self, subscribe: Callable[[], PacketStream]) -> None:
        thread = threading.Thread(
            target=self._run, args=(subscribe,), name="render-live", daemon=True
        )
        thread.start()

    def close(self) -> None:
        """End it now; safe to repeat."""
        with self._changed:
            self.is_over = True
            self._changed.notify_all()
        self._again.drop(self._child)

    def chunks(self, goes_on: Callable[[], bool]) -> Iterator[LiveChunk]:
        """One viewer's way through the ring, as long as goes_on says so."""
        with self._changed:
            self._viewers += 1
        try:
            number, init, dropped = -1, None, 0
            while (held := self._next(number, goes_on)) is not None:
                if number >= 0:
                    dropped += held.number - number - 1
                number = held.number
                if held.init is not init:
                    init = held.init
                    yield _live(held.init, 0)
                yield _live(held.chunk, dropped)
                dropped = 0
        finally:
            with self._changed:
                self._viewers -= 1
                self._left_us = self._clock.monotonic_us()

    def _next(self, number: int, goes_on: Callable[[], bool]) -> _Held | None:
        """Wait for the piece after `number`; None at the end. Errors: the rendering's."""
        with self._changed:
            while goes_on():
                held = self._visible_after(number)
                if held is not None:
                    return held
                if self.is_over:
                    if self._failure is not None:
                        raise self._failure
                    return None
                self._changed.wait(self._wait_s())
            return None

    def _visible_after(self, number: int) -> _Held | None:
        now_us = self._clock.monotonic_us()
        visible = [held for held in self._ring if held.visible_us <= now_us or self.is_over]
        if number < 0:
            return next((held for held in reversed(visible) if held.chunk.is_key), None)
        later = [held for held in visible if held.number > number]
        if not later or later[0].number == number + 1:
            return later[0] if later else None
        return next((held for held in later if held.chunk.is_key), None)

    def _wait_s(self) -> float:
        """Until the next piece becomes visible, or a moment."""
        now_us = self._clock.monotonic_us()
        waiting = [held.visible_us - now_us for held in self._ring if held.visible_us > now_us]
        return min([_LOOK_EVERY_S, *(us / US_PER_SECOND for us in waiting)])

    def _run(self, subscribe: Callable[[], PacketStream]) -> None:
        failure: FairviewError | None = None
        try:
            self._feed(subscribe())
        except FairviewError as error:
            failure = error
        finally:
            with self._changed:
                self.is_over = True
                self._failure = failure
                self._changed.notify_all()
            self._again.drop(self._child)

    def _feed(self, packets: PacketStream) -> None:
        origin: Instant | None = None
        init: Chunk | None = None
        has_caught_up = False
        group: list[Packet] = []
        restarts = 0
        for packet in packets:
            if self._is_left():
                break
            origin = origin or packet.at
            group = [packet] if packet.is_key else [*group, packet]
            late_us = self._clock.now().since(packet.arrived_at)
            has_caught_up = has_caught_up or late_us < HOLD_LIVE_US
            is_late = has_caught_up and late_us > HOLD_LIVE_US
            skip = late_us > _SKIP_AFTER_US
            try:
                done = self._ask(packet, origin, is_late=is_late, skip=skip)
            except Unavailable:
                restarts += 1
                if restarts > LIVE_RESTARTS_MAX:
                    raise
                init = None
                done = self._restarted(group, origin)
            for chunk in done.chunks:
                if chunk.is_init:
                    init = chunk
                elif init is not None:
                    held_us = packet.at.us - chunk.at_us - LIVE_CHUNK_US
                    self._keep(chunk, init, late_us + max(0, held_us))

    def _ask(self, packet: Packet, origin: Instant, *, is_late: bool, skip: bool) -> LiveDone:
        video = packet.format
        words = LivePacket(
            codec=video.codec,
            width_px=video.width_px,
            height_px=video.height_px,
            tick_numerator=video.tick_numerator,
            tick_denominator=video.tick_denominator,
            parameter_sets=video.parameter_sets,
            ticks=packet.ticks,
            decode_ticks=packet.decode_ticks,
            is_key=packet.is_key,
            at_us=packet.at.us,
            data=packet.data,
        )
        show = self._child.show(self._showing, RENDER_LIVE_US_MAX)
        ask = LiveAsk(show=show, origin_us=origin.us, packet=words, is_late=is_late, skip=skip)
        return self._child.ask(ask, LiveDone, RENDER_LIVE_US_MAX)

    def _restarted(self, group: list[Packet], origin: Instant) -> LiveDone:
        """A new child, brought up to date with the group of pictures that is open now.

        The packet that ended the last child may end this one too: then the caller gives up.
        """
        structlog.get_logger().warning("a live rendering died and is started again")
        self._again.drop(self._child)
        self._child = self._again.take(self._again.look)
        done = LiveDone(chunks=())
        for number, packet in enumerate(group):
            is_last = number == len(group) - 1
            done = self._ask(packet, origin, is_late=True, skip=not is_last)
        return done

    def _keep(self, chunk: Chunk, init: Chunk, late_us: int) -> None:
        with self._changed:
            visible_us = self._clock.monotonic_us() + max(0, HOLD_LIVE_US - late_us)
            held = _Held(number=self._next_number, chunk=chunk, init=init, visible_us=visible_us)
            self._next_number += 1
            self._ring.append(held)
            self._changed.notify_all()

    def _is_left(self) -> bool:
        """Whether it is over, or nobody has watched for a while."""
        with self._changed:
            if self.is_over:
                return True
            left_us = self._clock.monotonic_us() - self._left_us
            self.is_over = self._viewers <= 0 and left_us > LIVE_LINGER_US
            return self.is_over


def _live(chunk: Chunk, dropped: int) -> LiveChunk:
    return LiveChunk(
        is_init=chunk.is_init,
        codec=chunk.codec,
        cover=chunk.cover,
        at=Instant(chunk.at_us),
        dropped=dropped,
        data=chunk.data,
    )
