"""Keeps one stream flowing: connect, hand on, and when it breaks, wait and connect again.

One of the four places that catch broadly: whatever goes wrong on the camera's side ends one
connection, never the session. What goes wrong on the sink's side is not the camera's fault and
is passed on to whoever runs the session.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

import structlog

from fairview.core import limits
from fairview.core.clock_offset import ClockOffset
from fairview.core.errors import FairviewError
from fairview.core.flow import PacketSink, PacketSource, StreamLost
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits_sources import CLOCK_LOOK_US
from fairview.core.media import GapBecause, Packet
from fairview.core.time import US_PER_SECOND, Clock, Instant
from fairview.ingest.lean.looks import Looked, Looks


@runtime_checkable
class Clocked(Protocol):
    """A source that knows how its camera's clock stands."""

    @property
    def clock_offset(self) -> ClockOffset | None: ...


class CameraSession:
    """One stream of one camera, from now until `stop` is set. `run` is a thread's whole life.

    The sink hears of an outage with its cause, at the moment where the footage ended, and again
    after each try that failed, so that the gap's row grows while the camera is away. The log says
    "camera away" once and "camera back" once, with how long it was.

    Bounds:  waits between tries double from limits.RECONNECT_US_FIRST to RECONNECT_US_MAX, each
    between half and all of that; `stop` is seen at the next packet, and at the latest when the
    source's read times out (limits.SOURCE_READ_US_MAX).
    """

    def __init__(  # noqa: PLR0913 - a stream, its ends and its surroundings
        self,
        *,
        camera: CameraId,
        stream: StreamName,
        connect: Callable[[], PacketSource],
        sink: PacketSink,
        clock: Clock,
        stop: threading.Event,
        looks: Looks | None = None,
        on_clock: Callable[[ClockOffset], None] | None = None,
        is_watched: Callable[[], bool] | None = None,
    ) -> None:
        """looks: takes over steady streams that can be looked at; None reads all in this thread.

        on_clock: is told how the camera's clock stands, now and then and when it moved.
        is_watched: whether somebody waits for the pictures now; None: always.
        """
        self._camera, self._stream = camera, stream
        self._connect, self._sink, self._clock, self._stop = connect, sink, clock, stop
        self._looks = looks
        self._on_clock = on_clock
        self._is_watched = is_watched
        self._clock_seen_us = 0
        self._clock_told: ClockOffset | None = None
        self._first_us: int | None = None
        self._log = structlog.get_logger().bind(camera=camera, stream=stream)
        self._spread = random.SystemRandom()
        self._ended_us: int | None = None
        self._away_since_us: int | None = None
        self._said = ""
        self._wait_us = limits.RECONNECT_US_FIRST

    def run(self) -> None:
        """Until `stop` is set, or the source ends by itself (a file), then closes the sink.

        Errors:  whatever the sink raises, after the source is closed; the sink is then left as
        it is.
        """
        started_at = self._clock.now()
        while not self._stop.is_set():
            trouble = self._connection()
            if trouble is None:
                break
            self._away(trouble, started_at)
            wait_us = round(self._wait_us * self._spread.uniform(0.5, 1.0))
            self._wait_us = min(self._wait_us * 2, limits.RECONNECT_US_MAX)
            if self._clock.wait(self._stop, wait_us):
                break
        self._sink.close()

    def _connection(self) -> Exception | None:
        """One connection until it ends; what went wrong, None when nothing did."""
        source: PacketSource | None = None
        try:
            source, trouble = self._opened()
            if source is None:
                return trouble
            packets = source.packets()
            self._first_us = None
            looked = source if isinstance(source, Looked) else None
            while not self._stop.is_set():
                if looked is not None and self._looks is not None and looked.is_steady:
                    return self._followed(looked, self._looks)
                packet, trouble = self._next(packets)
                if packet is None:
                    return trouble
                self._take(packet)
                self._tell_clock(source)
            return None
        finally:
            if source is not None:
                self._let_go(source)

    def _take(self, packet: Packet) -> None:
        """Hand a packet on. Outside of every handler: the sink's errors are not the camera's."""
        if self._first_us is None:
            self._first_us = self._clock.monotonic_us()
            self._back()
        elif (
            self._wait_us != limits.RECONNECT_US_FIRST
            and self._clock.monotonic_us() - self._first_us >= limits.STEADY_US
        ):
            self._wait_us = limits.RECONNECT_US_FIRST
        self._sink.packet(packet)
        ended_us = packet.at.us + packet.format.us_of(packet.duration_ticks)
        if self._ended_us is None or ended_us > self._ended_us:
            self._ended_us = ended_us

    def _followed(self, source: Looked, looks: Looks) -> Exception | None:
        """The rest of a connection, in a thread with others; what went wrong, or None."""
        trouble: Exception | None = None
        fault: Exception | None = None

        def step() -> bool:
            nonlocal trouble, fault
            packets: Sequence[Packet] = ()
            if self._stop.is_set():
                return False
            try:
                packets = source.look()
            except Exception as error:  # noqa: BLE001  # the camera session's boundary
                trouble = error
            try:
                for packet in packets:
                    self._take(packet)
                self._tell_clock(source)
            except Exception as error:  # noqa: BLE001  # raised below, in the session's own thread
                fault = error
            return trouble is None and fault is None

        looks.follow(step, partial(self._is_calm, source))
        if fault is not None:
            raise fault
        return trouble

    def _tell_clock(self, source: PacketSource | Looked) -> None:
        """Hand on how the camera's clock stands, seldom, and at once when it moved."""
        if self._on_clock is None:
            return
        now_us = self._clock.monotonic_us()
        if now_us - self._clock_seen_us < CLOCK_LOOK_US:
            return
        self._clock_seen_us = now_us
        if not isinstance(source, Clocked):
            return
        offset, told = source.clock_offset, self._clock_told
        if offset is not None and (told is None or offset.is_news(told)):
            self._clock_told = offset
            self._on_clock(offset)

    def _is_calm(self, source: Looked) -> bool:
        """Whether fewer looks will do now."""
        return self._is_watched is not None and source.is_patient and not self._is_watched()

    def _opened(self) -> tuple[PacketSource | None, Exception | None]:
        try:
            return self._connect(), None
        except Exception as error:  # noqa: BLE001  # the camera session's boundary
            return None, error

    def _next(self, packets: Iterator[Packet]) -> tuple[Packet | None, Exception | None]:
        try:
            return next(packets, None), None
        except Exception as error:  # noqa: BLE001  # the camera session's boundary
            return None, error

    def _let_go(self, source: PacketSource) -> None:
        try:
            source.close()
        except Exception as error:  # noqa: BLE001  # the camera session's boundary
            self._log.error("camera connection not closed", because=str(error), exc_info=True)

    def _away(self, trouble: Exception, started_at: Instant) -> None:
        because = GapBecause.CAMERA_AWAY
        if isinstance(trouble, StreamLost):
            because = trouble.because
        at = started_at if self._ended_us is None else Instant(self._ended_us)
        if self._away_since_us is None:
            self._away_since_us = self._clock.monotonic_us()
            ours = None if isinstance(trouble, FairviewError) else trouble
            self._log.warning(
                "camera away", cause=because.value, because=str(trouble), exc_info=ours
            )
        elif str(trouble) != self._said:
            # A camera that was off and now refuses its login wants something else done.
            self._log.warning("camera still away, for another reason", because=str(trouble))
        self._said = str(trouble)
        self._sink.away(self._camera, self._stream, because, at)

    def _back(self) -> None:
        if self._away_since_us is None:
            return
        away_us = self._clock.monotonic_us() - self._away_since_us
        self._away_since_us = None
        self._log.info("camera back", away_s=round(away_us / US_PER_SECOND, 1))
