"""Sources read through FFmpeg: RTSP over TCP, and files.

HOLE: `close` from another thread can't break into FFmpeg's read; the reader ends at the next
packet, or when the camera stayed silent for limits.SOURCE_READ_US_MAX.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

from fairview.core.camera import Login, Source
from fairview.core.clock_offset import ClockOffset
from fairview.core.errors import BadInput
from fairview.core.flow import StreamLost
from fairview.core.ids import CameraId
from fairview.core.media import GapBecause, Packet
from fairview.core.time import US_PER_SECOND, Clock, Instant
from fairview.ingest.address import AddressRules, endpoint, shown, with_login
from fairview.ingest.describe import describe
from fairview.ingest.file_play import FilePlay
from fairview.ingest.live_run import LiveRun, Order, Timed
from fairview.ingest.normalise import Normaliser
from fairview.ingest.reading import (
    access_units,
    no_datagrams,
    only_video,
    opened_file,
    opened_rtsp,
)


class RtspSource:
    """One RTSP connection to one stream; opened by the first `next` of `packets`."""

    def __init__(
        self,
        *,
        camera: CameraId,
        source: Source,
        login: Login | None,
        rules: AddressRules,
        clock: Clock,
    ) -> None:
        self._camera, self._source, self._login = camera, source, login
        self._rules, self._clock = rules, clock
        self._run = LiveRun(camera, source.stream, shown(source.address))
        self._closed = threading.Event()

    def packets(self) -> Iterator[Packet]:
        """As PacketSource says.

        Errors:  NotAllowed for a wrong login or a forbidden address, NotFound for a path or name
        that isn't there; StreamLost names silence and clock jumps.
        """
        place = endpoint(self._source.address, self._rules)
        name = shown(self._source.address)
        if place.is_tls:
            raise BadInput(f"{name}: over rtsps only H.264 and H.265 are read")
        if self._source.transport in ("udp", "multicast"):
            raise BadInput(no_datagrams(name))
        describe(place, self._login, name)
        container = opened_rtsp(with_login(place, self._login), name)
        try:
            video = only_video(container, name)
            units = access_units(container, video, name, self._clock, self._closed)
            yield from self._run.packets(units)
        finally:
            container.close()
        if not self._closed.is_set():
            raise StreamLost(f"{name} ended the stream", GapBecause.CAMERA_AWAY)

    @property
    def clock_offset(self) -> ClockOffset | None:
        """By arrival: FFmpeg hands no sender reports on. None before the first pictures."""
        return self._run.clock_offset

    def close(self) -> None:
        self._closed.set()


class FileSource:
    """A file as if a camera sent it; its time stamps and steps are kept.

    The file is read again for every lap of a loop; a lap begins where the last one ended.
    """

    def __init__(
        self, *, camera: CameraId, source: Source, clock: Clock, play: FilePlay | None = None
    ) -> None:
        self._camera, self._source, self._clock = camera, source, clock
        self._play = play or FilePlay()
        self._closed = threading.Event()

    def packets(self) -> Iterator[Packet]:
        """As PacketSource says; ends at the file's end unless it is looped."""
        pace = _Pace(self._clock, self._closed)
        zero: Instant | None = None
        shift, end = 0, 0
        for lap in count():
            is_first = True
            for timed in self._lap():
                times, unit = timed.times, timed.unit
                if is_first and lap > 0:
                    shift = end - times.decode_ticks
                is_first = False
                form = unit.form
                if zero is None:
                    zero = self._play.start_at or self._clock.now().plus(-form.us_of(times.ticks))
                if self._play.is_paced and not pace.wait(form.us_of(times.decode_ticks + shift)):
                    return
                end = times.decode_ticks + times.duration_ticks + shift
                yield Packet(
                    camera=self._camera,
                    stream=self._source.stream,
                    format=form,
                    ticks=times.ticks + shift,
                    decode_ticks=times.decode_ticks + shift,
                    duration_ticks=times.duration_ticks,
                    is_key=unit.raw.is_key,
                    at=zero.plus(form.us_of(times.ticks + shift)),
                    arrived_at=self._clock.now(),
                    data=unit.data,
                )
            if not self._play.is_looped or self._closed.is_set():
                return

    def close(self) -> None:
        self._closed.set()

    def _lap(self) -> Iterator[Timed]:
        name = self._source.address
        container = opened_file(name)
        try:
            video = only_video(container, name)
            order: Order | None = None
            for unit in access_units(container, video, name, self._clock, self._closed):
                order = order or Order(Normaliser(unit.form, is_file=True))
                yield from order.push(unit)
                if order.jump_us is not None:
                    raise BadInput(
                        f"{name} goes back by {-order.jump_us / US_PER_SECOND:.1f} s in the "
                        "middle: cut it in two there and import the parts"
                    )
            if order is not None:
                yield from order.end()
        finally:
            container.close()


class _Pace:
    """Waits until a moment of media time is due on the monotonic clock."""

    def __init__(self, clock: Clock, closed: threading.Event) -> None:
        self._clock, self._closed = clock, closed
        self._zero_us: int | None = None

    def wait(self, media_us: int) -> bool:
        """Whether to go on (False: closed meanwhile)."""
        now = self._clock.monotonic_us()
        if self._zero_us is None:
            self._zero_us = now - media_us
        return not self._clock.wait(self._closed, self._zero_us + media_us - now)
