"""A live stream's run: access units with their times in order and their wall-clock time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from fairview.core import limits
from fairview.core.errors import FairviewError
from fairview.core.flow import StreamLost
from fairview.core.ids import CameraId, StreamName
from fairview.core.media import GapBecause, Packet, VideoFormat
from fairview.core.time import US_PER_SECOND, Instant
from fairview.ingest.normalise import Normaliser, RawTimes, Times
from fairview.ingest.wallclock import Arrival, WallClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """An access unit on its way: what came, waiting for its times to be put in order."""

    raw: RawTimes
    data: bytes
    form: VideoFormat
    arrived_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
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
        return [Timed(unit=self._waiting.popleft(), times=times) for times in ready]


class LiveRun:
    """One run of a live stream: order, wall-clock time, and the reason when it ends."""

    def __init__(self, camera: CameraId, stream: StreamName, name: str) -> None:
        self._camera, self._stream, self._name = camera, stream, name
        self._order: Order | None = None
        self._burst: list[Timed] = []
        self._clock: WallClock | None = None
        self._zero_ticks = 0
        self._fault: FairviewError | None = None

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

    def taken(self, unit: Unit) -> Iterator[Packet]:
        """Packets that one more access unit makes ready."""
        if self._order is None:
            self._order = Order(Normaliser(unit.form))
        for timed in self._order.push(unit):
            yield from self._told(timed)
        if self._order.jump_us is not None:
            self._fault = self._jumped("its clock", self._order.jump_us)

    def rest(self) -> Iterator[Packet]:
        """What is still held, at the end."""
        if self._order is not None:
            for timed in self._order.end():
                yield from self._told(timed)
        yield from self._anchored()

    def _next(self, units: Iterator[Unit]) -> Unit | None:
        try:
            return next(units, None)
        except FairviewError as error:
            self._fault = error
            return None

    def _told(self, timed: Timed) -> Iterator[Packet]:
        """Packets that can go now: none while a burst at the start is still coming."""
        if self._clock is None:
            self._burst.append(timed)
            if self._is_calm():
                yield from self._anchored()
            return
        error = self._clock.observe(self._arrival(timed))
        if error is not None and self._fault is None:
            self._fault = self._jumped("its clock or ours", error)
        yield self._packet(timed, self._clock)

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

    def _anchored(self) -> Iterator[Packet]:
        if not self._burst:
            return
        burst, self._burst = self._burst, []
        self._zero_ticks = burst[0].times.decode_ticks
        clock = self._clock = WallClock([self._arrival(timed) for timed in burst])
        for timed in burst:
            yield self._packet(timed, clock)

    def _arrival(self, timed: Timed) -> Arrival:
        media_us = timed.unit.form.us_of(timed.times.ticks - self._zero_ticks)
        return Arrival(media_us=media_us, arrived_at=timed.unit.arrived_at)

    def _packet(self, timed: Timed, clock: WallClock) -> Packet:
        unit, times = timed.unit, timed.times
        return Packet(
            camera=self._camera,
            stream=self._stream,
            format=unit.form,
            ticks=times.ticks,
            decode_ticks=times.decode_ticks,
            duration_ticks=times.duration_ticks,
            is_key=unit.raw.is_key,
            at=clock.at(unit.form.us_of(times.ticks - self._zero_ticks)),
            arrived_at=unit.arrived_at,
            data=unit.data,
            is_after_loss=unit.raw.is_after_loss,
        )

    def _jumped(self, whose: str, us: int) -> StreamLost:
        seconds = us / US_PER_SECOND
        return StreamLost(
            f"{self._name}: {whose} jumped by {seconds:+.1f} s", GapBecause.CLOCK_JUMP
        )
