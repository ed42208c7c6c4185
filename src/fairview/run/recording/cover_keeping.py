"""What an analyser says a camera's cover hides, as a stream to be recorded beside its pictures.

Recording never waits for it: it has a thread of its own, and without an analyser there is a gap
in it and nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

import structlog

from fairview.analyse.region_taps import CoverCodes
from fairview.core.errors import BadInput, NotFound, Overloaded, Unavailable
from fairview.core.flow import PacketSink
from fairview.core.ids import CameraId
from fairview.core.limits import CAMERA_RETRY_US, FRAGMENT_US_AIM
from fairview.core.limits_seeing import COVER_STORED_EVERY_US
from fairview.core.media import GapBecause, Packet, VideoFormat
from fairview.core.sight import CoverCode
from fairview.core.time import US_PER_SECOND, Clock, Instant
from fairview.run.live_streams import LiveStream

RegionConnector = Callable[[CameraId], LiveStream[CoverCodes]]


class CoverStream:
    """One camera's codes into its recorder, until stopped. `run` is its thread's."""

    def __init__(
        self, camera: CameraId, connect: RegionConnector, recorder: PacketSink, clock: Clock
    ) -> None:
        self._camera, self._connect, self._recorder = camera, connect, recorder
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._stream: LiveStream[CoverCodes] | None = None
        self._packets = CoverPackets()

    def run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except (NotFound, Overloaded, Unavailable, BadInput) as error:
                structlog.get_logger().debug(
                    "no cover to keep", camera=self._camera, because=str(error)
                )
            now = self._clock.now()
            if not self._stop.is_set():
                self._recorder.away(self._camera, "cover", GapBecause.CAMERA_SILENT, now)
            self._clock.wait(self._stop, CAMERA_RETRY_US)

    def close(self) -> None:
        """From any thread; safe to repeat."""
        self._stop.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def _follow(self) -> None:
        with self._lock:
            if self._stop.is_set():
                return
            self._stream = self._connect(self._camera)
        with closing(self._stream) as stream:
            for found in stream:
                for code in found.codes:
                    packet = self._packets.packet(code, self._clock.now())
                    if packet is not None:
                        self._recorder.packet(packet)


class CoverPackets:
    """Codes as packets: a fragment of them begins every FRAGMENT_US_AIM, since each stands alone.

    Codes that are not newer than the one before are left out.
    """

    def __init__(self) -> None:
        self._last_us = -1
        self._key_us: int | None = None

    def packet(self, code: CoverCode, now: Instant) -> Packet | None:
        """Errors:  BadInput for a code without bytes or of an impossible size."""
        us = code.at.us
        if 0 <= self._last_us - us <= US_PER_SECOND:
            return None
        is_key = (
            self._key_us is None
            or us < self._key_us
            or us - self._key_us > FRAGMENT_US_AIM - 2 * COVER_STORED_EVERY_US
        )
        packet = Packet(
            camera=code.camera,
            stream="cover",
            format=VideoFormat(
                codec="regions",
                width_px=code.columns,
                height_px=code.rows,
                tick_numerator=1,
                tick_denominator=US_PER_SECOND,
                parameter_sets=code.model.encode("ascii"),
            ),
            ticks=us,
            decode_ticks=us,
            duration_ticks=COVER_STORED_EVERY_US,
            is_key=is_key,
            at=code.at,
            arrived_at=now,
            data=code.code,
        )
        self._last_us = us
        if is_key:
            self._key_us = us
        return packet
