"""A live stream's run: access units with their times in order and their wall-clock time.

When a camera's clock jumps, or ours is set, the connection goes on: times are put in order and
anchored anew, so that all that is missing is what the recorder leaves out up to the next key frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import structlog

from fairview.core import limits
from fairview.core.clock_offset import ClockOffset, OffsetMethod
from fairview.core.errors import FairviewError
from fairview.core.flow import StreamLost
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits_sources import CLOCK_TURNS_MAX, CLOCK_TURNS_US
from fairview.core.media import GapBecause, Packet, VideoFormat
from fairview.core.time import US_PER_SECOND, Instant
from fairview.ingest.normalise import Normaliser, RawTimes, Times
from fairview.ingest.wallclock import Arrival, WallClock


class Unit(NamedTuple):
    """An access unit on its way: what came, waiting for its times to be put in order."""

    raw: RawTimes
    data: bytes
    form: VideoFormat
    arrived_at: Instant


class Timed(NamedTuple):
    """An access unit with its times in order."""

    unit: Unit
    times: Times


class Order:
    """Access units beside a normaliser: each comes out with its times, in order."""

    def __init__(self, normaliser: Normaliser) -> None:
        self._normaliser = normaliser
        self._waiting: deque[Unit] = deque()
        self.jump_us: int | None = None

    def push(self, unit: Unit) -> list[Timed]:
        self._waiting.append(unit)
        step = self._normaliser.push(unit.raw)
        self.jump_us = step.jump_us
        return self._out(step.ready)

    def end(self) -> list[Timed]:
        return self._out(self._normaliser.end())

    def _out(self, ready: tuple[Times, ...]) -> list[Timed]:
        return [Timed(self._waiting.popleft(), times) for times in ready]


class LiveRun:
    """One run of a live stream: order, wall-clock time, and the reason when it ends."""

    def __init__(self, camera: CameraId, stream: StreamName, name: str) -> None:
        self._camera, self._stream, self._name = camera, stream, name
        self._order: Order | None = None
        self._burst: list[Timed] = []
        self._clock: WallClock | None = None
        self._zero_ticks = 0
        self._fault: FairviewError | None = None
        self._form: VideoFormat | None = None
        self._newest: tuple[Instant, int] | None = None
        self._turns: deque[Instant] = deque(maxlen=CLOCK_TURNS_MAX)
        self._reported: tuple[Instant, int, OffsetMethod] | None = None
        self._heard_at: Instant | None = None

    def packets(self, units: Iterator[Unit]) -> Iterator[Packet]:
        """Packets of the run; what is still held comes out before an error is raised."""
        while self._fault is None:
            unit = self._next(units)
            if unit is None:
                break
            yield from self.taken(unit)
        yield from self.rest()
        if self._fault is not None:
            raise self._fault

    @property
    def fault(self) -> FairviewError | None:
        """Why the run is over, when its times or its clock say so; None while it goes on."""
        return self._fault

    @property
    def clock_offset(self) -> ClockOffset | None:
        """How the camera's clock stands against ours; None before its first pictures."""
        clock, at = self._clock, self._heard_at
        if clock is None or at is None:
            return None
        drift, over_us = clock.drift_ppm, clock.measured_us
        if self._reported is None:
            return ClockOffset(
                method="arrival",
                at=at,
                offset_us=clock.offset_us,
                drift_ppm=drift,
                over_us=over_us,
            )
        at, offset_us, method = self._reported
        return ClockOffset(
            method=method, at=at, offset_us=offset_us, drift_ppm=drift, over_us=over_us
        )

    def reported(
        self, ticks: int, wall_us: int | None, at: Instant, method: OffsetMethod = "rtcp"
    ) -> None:
        """A sender report: what the camera's own clock showed at a moment of its pictures' time.

        wall_us None: it has no clock (any more). at: when we heard it. method: how it says so.
        Nothing else follows from it: footage keeps our time, whatever a camera thinks.
        """
        if wall_us is None:
            self._reported = None
        elif self._clock is not None and self._form is not None:
            ours = self._clock.at(self._form.us_of(ticks - self._zero_ticks))
            self._reported = (at, wall_us - ours.us, method)

    def taken(self, unit: Unit) -> list[Packet]:
        """Packets that one more access unit makes ready."""
        packets: list[Packet] = []
        early_us = self._early_us(unit)
        if early_us is not None:
            packets += self.rest()
            self._turn("its clock or ours", early_us, unit.arrived_at)
            if self._fault is not None:
                return packets
        order = self._order
        if order is None:
            order = self._order = Order(Normaliser(unit.form))
        self._form, self._heard_at = unit.form, unit.arrived_at
        for timed in order.push(unit):
            packets += self._told(timed)
        if order.jump_us is None:
            return packets
        packets += self.rest()
        self._turn("its clock", order.jump_us, unit.arrived_at)
        if self._fault is None:
            order = self._order = Order(Normaliser(unit.form))
            for timed in order.push(unit):
                packets += self._told(timed)
        return packets

    def rest(self) -> list[Packet]:
        """What is still held, at the end."""
        packets: list[Packet] = []
        if self._order is not None:
            for timed in self._order.end():
                packets += self._told(timed)
        packets += self._anchored()
        return packets

    def _next(self, units: Iterator[Unit]) -> Unit | None:
        try:
            return next(units, None)
        except FairviewError as error:
            self._fault = error
            return None

    def _told(self, timed: Timed) -> list[Packet]:
        """Packets that can go now: none while a burst at the start is still coming."""
        clock = self._clock
        if clock is None:
            self._burst.append(timed)
            return self._anchored() if self._is_calm() else []
        media_us = self._media_us(timed)
        error = clock.observe(Arrival(media_us=media_us, arrived_at=timed.unit.arrived_at))
        if error is not None and self._fault is None:
            self._turn("its clock or ours", error, timed.unit.arrived_at, keeps_order=True)
            if self._fault is None:
                self._burst.append(timed)
                return []
        return [self._packet(timed, clock.at(media_us))]

    def _early_us(self, unit: Unit) -> int | None:
        """By how much a picture came sooner than it can have been taken (negative): our clock was
        set back, or the camera's forward. None when it did not, or by less than a second.
        """
        clock, ticks = self._clock, unit.raw.ticks
        if clock is None or ticks is None or self._fault is not None:
            return None
        media_us = unit.form.us_of(ticks - self._zero_ticks)
        early_us = clock.delay_us(media_us, unit.arrived_at)
        return early_us if early_us < -limits.CLOCK_JUMP_US_MIN else None

    def _is_calm(self) -> bool:
        """Whether packets come at their own pace by now, not out of someone's queue."""
        first, last = self._burst[0], self._burst[-1]
        waited = last.unit.arrived_at.since(first.unit.arrived_at)
        if len(self._burst) >= limits.START_BURST_PACKETS_MAX or waited > limits.START_BURST_US_MAX:
            return True
        if len(self._burst) < 3:  # the second picture shows how far ahead of B-frames it comes
            return False
        before = self._burst[-2]
        step_us = last.unit.form.us_of(before.times.duration_ticks)
        return last.unit.arrived_at.since(before.unit.arrived_at) * 2 >= step_us

    def _anchored(self) -> list[Packet]:
        if not self._burst:
            return []
        burst, self._burst = self._burst, []
        self._zero_ticks = burst[0].times.decode_ticks
        moments = [self._media_us(timed) for timed in burst]
        arrivals = [
            Arrival(media_us=media_us, arrived_at=timed.unit.arrived_at)
            for media_us, timed in zip(moments, burst, strict=True)
        ]
        clock = self._clock = WallClock(arrivals, self._shown_until)
        return [
            self._packet(timed, clock.at(media_us))
            for media_us, timed in zip(moments, burst, strict=True)
        ]

    def _media_us(self, timed: Timed) -> int:
        return timed.unit.form.us_of(timed.times.ticks - self._zero_ticks)

    def _packet(self, timed: Timed, at: Instant) -> Packet:
        unit, times = timed
        self._newest = (at, times.duration_ticks)
        return Packet(
            camera=self._camera,
            stream=self._stream,
            format=unit.form,
            ticks=times.ticks,
            decode_ticks=times.decode_ticks,
            duration_ticks=times.duration_ticks,
            is_key=unit.raw.is_key,
            at=at,
            arrived_at=unit.arrived_at,
            data=unit.data,
            is_after_loss=unit.raw.is_after_loss,
        )

    @property
    def _shown_until(self) -> Instant | None:
        """Where the newest picture that is out ends; None before the first."""
        if self._newest is None or self._form is None:
            return None
        at, ticks = self._newest
        return at.plus(self._form.us_of(ticks))

    def _turn(self, whose: str, us: int, at: Instant, *, keeps_order: bool = False) -> None:
        """A clock jumped: begin anew behind what is out, unless it jumps all the time."""
        said = f"{whose} jumped by {us / US_PER_SECOND:+.1f} s"
        self._clock = self._reported = None
        if not keeps_order:
            self._order = None
        self._turns.append(at)
        if len(self._turns) == CLOCK_TURNS_MAX and at.since(self._turns[0]) < CLOCK_TURNS_US:
            self._fault = StreamLost(f"{self._name}: {said}, again", GapBecause.CLOCK_JUMP)
            return
        structlog.get_logger().warning("clock jumped", source=self._name, by_s=us / US_PER_SECOND)
