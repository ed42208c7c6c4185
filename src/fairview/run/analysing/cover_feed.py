"""One camera's pictures for its stored cover: live packets, decoded in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import structlog

from fairview.analyse.decode import Decoded, PictureDecoder
from fairview.analyse.detectors.contract import Picture
from fairview.core.errors import BadInput, NotFound, Overloaded, Unavailable
from fairview.core.ids import CameraId
from fairview.core.limits import CAMERA_RETRY_US
from fairview.core.limits_seeing import COVER_STORED_LOOK_US
from fairview.core.media import Packet, Sample
from fairview.core.time import Clock, Instant
from fairview.record.live import LivePackets
from fairview.run.live_streams import LiveStream

_JOIN_S = 5.0
_EARLY_US = COVER_STORED_LOOK_US // 10
"""A picture that is a little early is due, so that looks don't slip by a picture each time."""


class CoverFeed:
    """Hands on a picture every COVER_STORED_LOOK_US, whole ones only, until closed.

    Every picture has to be decoded to get one of them. connect gives the live packets; put never
    waits.
    """

    def __init__(
        self,
        camera: CameraId,
        connect: Callable[[], LiveStream[LivePackets]],
        put: Callable[[Picture], None],
        clock: Clock,
    ) -> None:
        self._camera, self._connect, self._put, self._clock = camera, connect, put, clock
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._stream: LiveStream[LivePackets] | None = None
        self._last: Instant | None = None
        self._frame = 0
        self._thread = threading.Thread(target=self._run, name=f"cover {camera}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Safe to repeat."""
        self._stop.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._feed()
            except (Unavailable, NotFound, Overloaded, BadInput) as error:
                structlog.get_logger().debug(
                    "no pictures to cover", camera=self._camera, because=str(error)
                )
            self._clock.wait(self._stop, CAMERA_RETRY_US)

    def _feed(self) -> None:
        with self._lock:
            if self._stop.is_set():
                return
            self._stream = self._connect()
        with closing(self._stream) as stream:
            for picture in self._pictures(stream):
                if not picture.is_damaged and self._is_due(picture.at):
                    self._last = picture.at
                    self._frame += 1
                    self._put(
                        Picture(
                            camera=self._camera,
                            frame=self._frame,
                            at=picture.at,
                            planes=picture.planes.copy(),
                        )
                    )

    def _is_due(self, at: Instant) -> bool:
        if self._last is None or at < self._last:
            return True
        return at.since(self._last) >= COVER_STORED_LOOK_US - _EARLY_US

    def _pictures(self, stream: Iterator[LivePackets]) -> Iterator[Decoded]:
        """Errors:  BadInput."""
        decoder: PictureDecoder | None = None
        for taken in stream:
            if self._stop.is_set():
                return
            if decoder is None or taken.is_start:
                decoder = PictureDecoder(taken.packets[0].format, coarse=True)
            for packet in taken.packets:
                yield from decoder.decode(_sample(packet), packet.at)


def _sample(packet: Packet) -> Sample:
    return Sample(
        ticks=packet.ticks,
        decode_ticks=packet.decode_ticks,
        duration_ticks=packet.duration_ticks,
        is_key=packet.is_key,
        data=packet.data,
    )
