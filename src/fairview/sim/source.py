"""A simulated camera: the cached minute replayed for ever with fresh times.

Loop time is UTC modulo one minute: the frame shown at 12:34:56.5 is number 678, whoever asks and
however often they reconnect. Two streams of a camera show the same moment, and a picture's clock
(strip.py) says to a frame when it was taken, within its minute.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from fairview.core.errors import Unavailable
from fairview.core.flow import PacketSource
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import SIM_BEHIND_US_MAX, SIM_LOOK_US, SIM_RENDER_US_MAX
from fairview.core.media import Packet
from fairview.core.time import US_PER_SECOND, Clock, Instant
from fairview.sim.junction import FPS, LOOP_FRAMES
from fairview.sim.loop import TICKS_PER_FRAME, CodedFrame, Replayed


def frame_number(at: Instant) -> int:
    """The frame on show at a moment, counted from 1970."""
    return at.us * FPS // US_PER_SECOND


def frame_at(number: int) -> Instant:
    """When a frame counted from 1970 is first shown."""
    return Instant(-(-number * US_PER_SECOND // FPS))


def loop_frame(at: Instant) -> int:
    """The loop's frame on show at a moment, 0 to 719."""
    return frame_number(at) % LOOP_FRAMES


def next_key_frame(at: Instant) -> int:
    """The first key frame not before a moment, counted from 1970."""
    return -(-frame_number(at.plus(US_PER_SECOND // FPS - 1)) // FPS) * FPS


def latency_us(shown: int, looked_at: Instant) -> int:
    """How old a picture is whose clock shows loop frame `shown`. Bounds: 0 to one minute."""
    age = (loop_frame(looked_at) - shown) % LOOP_FRAMES
    return age * US_PER_SECOND // FPS


def loop_packet(
    coded: CodedFrame, *, camera: CameraId, stream: StreamName, number: int, first: int
) -> Packet:
    """Frame `number` (counted from 1970) as a packet of a run that began with frame `first`."""
    ticks = (number - first) * TICKS_PER_FRAME
    at = frame_at(number)
    return Packet(
        camera=camera,
        stream=stream,
        format=coded.format,
        ticks=ticks,
        decode_ticks=ticks,
        duration_ticks=TICKS_PER_FRAME,
        is_key=coded.sample.is_key,
        at=at,
        arrived_at=at,
        data=coded.sample.data,
    )


class SimSource(PacketSource):
    """One connection to a simulated camera.

    It begins with the next key frame at or after `start_at` (None: now) and gives each packet
    when it is due on the clock. Under a ManualClock waiting moves the clock, so it runs as fast
    as it is read; that needs a finished loop.
    """

    def __init__(
        self,
        loop: Replayed,
        *,
        camera: CameraId,
        stream: StreamName,
        clock: Clock,
        start_at: Instant | None = None,
    ) -> None:
        self._loop = loop
        self._camera = camera
        self._stream = stream
        self._clock = clock
        self._start_at = start_at
        self._closed = threading.Event()

    def packets(self) -> Iterator[Packet]:
        """Packets without end, until closed.

        Errors:  Unavailable when the reader falls more than 30 s behind, or the loop can't be
        drawn or takes more than 5 minutes.
        """
        if not self._wait_for_pictures():
            return
        begun_at = self._clock.now()
        begun_us = self._clock.monotonic_us()
        first = next_key_frame(self._start_at or begun_at)
        number = first
        while not self._closed.is_set():
            # Anchored on the monotonic clock: a step of the wall clock neither stalls nor floods.
            due_us = frame_at(number).since(begun_at)
            left_us = due_us - (self._clock.monotonic_us() - begun_us)
            if left_us < -SIM_BEHIND_US_MAX:
                raise Unavailable(f"{self._camera}: the simulated camera hung up on a slow reader")
            if left_us > 0 and self._clock.wait(self._closed, left_us):
                return
            coded = self._loop.coded(self._stream, number % LOOP_FRAMES)
            if coded is None:
                # Not drawn yet, so this frame will be late; what comes is checked above.
                self._clock.wait(self._closed, SIM_LOOK_US)
                continue
            packet = loop_packet(
                coded, camera=self._camera, stream=self._stream, number=number, first=first
            )
            yield replace(packet, arrived_at=self._clock.now())
            number += 1

    def _wait_for_pictures(self) -> bool:
        """Wait until what is to be shown next is drawn; False when closed meanwhile."""
        begun_us = self._clock.monotonic_us()
        while True:
            number = next_key_frame(self._start_at or self._clock.now())
            if self._loop.coded(self._stream, number % LOOP_FRAMES) is not None:
                return not self._closed.is_set()
            if self._clock.monotonic_us() - begun_us > SIM_RENDER_US_MAX:
                raise Unavailable(f"{self._camera}: the simulated camera has no pictures yet")
            if self._clock.wait(self._closed, SIM_LOOK_US):
                return False

    def close(self) -> None:
        self._closed.set()
