"""Simulated cameras and the road to them, under a simulated clock: away, silent, late, lossy."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from fairview.core.errors import Unavailable
from fairview.core.flow import PacketSource, StreamLost
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import SOURCE_READ_US_MAX
from fairview.core.media import GapBecause, Packet, VideoFormat
from fairview.core.time import US_PER_SECOND, Instant
from fairview.ingest.live_run import LiveRun, Unit
from fairview.ingest.normalise import RawTimes
from fairview.sim.turns import Turns
from tests.builders import video_format

CLOCK_HZ = 90_000
MAIN: StreamName = "main"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as its camera sent it."""

    number: int
    shown_us: int
    is_key: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Handed:
    """When a picture reached the recorder, and the wall-clock time it was given."""

    at_us: int
    at: Instant


@dataclass(slots=True, kw_only=True)
class SimCamera:
    """One camera and its road. Pictures go on by themselves, whoever looks.

    Times are monotonic; `lose` and the clocks are state, windows are lists of (from, until).
    handed: what reached the recorder, by number; connected: when a connection was made.
    """

    name: CameraId
    fps: int
    key_every: int
    turns: Turns
    chance: random.Random
    away: list[tuple[int, int]] = field(default_factory=list)
    silent: list[tuple[int, int]] = field(default_factory=list)
    late: list[tuple[int, int]] = field(default_factory=list)
    jitter: list[tuple[int, int]] = field(default_factory=list)
    lose: int = 0
    jump_us: int = 0
    drift: float = 0.0
    handed: dict[int, Handed] = field(default_factory=dict)
    connected: list[int] = field(default_factory=list)

    @property
    def step_us(self) -> int:
        return US_PER_SECOND // self.fps

    @property
    def form(self) -> VideoFormat:
        return _format(self.name)

    def picture(self, number: int) -> Picture:
        head = f"{self.name}/{number:06d}/".encode()
        body = head * (2 + number * 7 % 11)
        return Picture(
            number=number,
            shown_us=number * self.step_us,
            is_key=number % self.key_every == 0,
            data=b"\x00\x00\x00\x01"
            + (b"\x65" if number % self.key_every == 0 else b"\x41")
            + body,
        )

    def ticks(self, shown_us: int) -> int:
        """The camera's own clock."""
        return round((shown_us + self.jump_us + shown_us * self.drift) * CLOCK_HZ / US_PER_SECOND)


@cache
def _format(name: CameraId) -> VideoFormat:
    return video_format(parameter_sets=b"\x00\x00\x00\x01g" + name.encode())


def number_of(data: bytes) -> int:
    """Which picture these bytes are."""
    return int(data[5:].split(b"/", 2)[1])


def inside(windows: Sequence[tuple[int, int]], us: int) -> int | None:
    """The end of the window that holds a moment; None outside of all."""
    return next((until for start, until in windows if start <= us < until), None)


class SimSource(PacketSource):
    """One connection to a simulated camera, its times put in order as for a real one."""

    def __init__(self, sent_by: SimCamera) -> None:
        self._camera = sent_by
        self._closed = threading.Event()
        now_us = sent_by.turns.monotonic_us()
        if inside(sent_by.away, now_us) is not None:
            raise Unavailable(f"{sent_by.name} refuses connections")
        sent_by.connected.append(now_us)

    def packets(self) -> Iterator[Packet]:
        run = LiveRun(self._camera.name, MAIN, self._camera.name)
        return run.packets(self._units())

    def close(self) -> None:
        self._closed.set()

    def _units(self) -> Iterator[Unit]:
        one = self._camera
        number = -(-one.turns.monotonic_us() // one.step_us)
        is_after_loss = False
        heard_us = one.turns.monotonic_us()
        while True:
            picture = one.picture(number)
            number += 1
            arrives_us = self._arrives_us(picture.shown_us)
            if arrives_us - heard_us > SOURCE_READ_US_MAX:
                self._until(heard_us + SOURCE_READ_US_MAX)
                raise StreamLost(f"{one.name} sends nothing", GapBecause.CAMERA_SILENT)
            self._until(arrives_us)
            if self._closed.is_set():
                return
            now_us = one.turns.monotonic_us()
            if inside(one.away, now_us) is not None:
                raise StreamLost(f"{one.name} broke off", GapBecause.CAMERA_AWAY)
            if one.lose > 0:
                one.lose -= 1
                is_after_loss = True
                continue
            heard_us = now_us
            yield self._unit(picture, is_after_loss=is_after_loss)
            is_after_loss = False

    def _arrives_us(self, shown_us: int) -> int:
        """When a picture is here. What is late comes all at once behind its window; silence is a
        road that lets nothing through, so everything behind it is late too."""
        one = self._camera
        at_us = shown_us + 5_000
        until = inside(one.late, shown_us) or inside(one.silent, shown_us)
        if until is not None:
            at_us = until
        if inside(one.jitter, shown_us) is not None:
            at_us += one.chance.randrange(400_000)
        return at_us

    def _until(self, us: int) -> None:
        left_us = us - self._camera.turns.monotonic_us()
        if left_us > 0:
            self._camera.turns.wait(self._closed, left_us)

    def _unit(self, picture: Picture, *, is_after_loss: bool) -> Unit:
        ticks = self._camera.ticks(picture.shown_us)
        return Unit(
            raw=RawTimes(
                ticks=ticks,
                decode_ticks=ticks,
                is_key=picture.is_key,
                is_after_loss=is_after_loss,
            ),
            data=picture.data,
            form=self._camera.form,
            arrived_at=self._camera.turns.now(),
        )
