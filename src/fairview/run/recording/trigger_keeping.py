"""What analysers say of a camera that is kept around events, on its way to its triggers.

A thread of its own a camera: recording never waits for it, and without an analyser nothing is
heard, which keeps the camera always.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

import structlog

from fairview.analyse.trigger_taps import TriggerSigns
from fairview.core.errors import BadInput, NotFound, Overloaded, Unavailable
from fairview.core.ids import CameraId
from fairview.core.limits import CAMERA_RETRY_US
from fairview.core.time import US_PER_SECOND, Clock
from fairview.core.trigger_sign import TriggerSign
from fairview.run.live_streams import LiveStream

TriggerConnector = Callable[[CameraId], LiveStream[TriggerSigns]]

_JOIN_S = 5.0
_RETRY_US = min(CAMERA_RETRY_US, US_PER_SECOND)
"""A silent trigger costs disk, so that it is asked for anew soon."""


class TriggerEar:
    """Hands one camera's signs on until closed."""

    def __init__(
        self,
        camera: CameraId,
        connect: TriggerConnector,
        hear: Callable[[TriggerSign], None],
        clock: Clock,
    ) -> None:
        self._camera, self._connect, self._hear, self._clock = camera, connect, hear, clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._stream: LiveStream[TriggerSigns] | None = None
        self._thread = threading.Thread(target=self._run, name=f"{camera}/signs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """From any thread; safe to repeat."""
        self._stop.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except (NotFound, Overloaded, Unavailable, BadInput) as error:
                structlog.get_logger().debug(
                    "no signs to keep by", camera=self._camera, because=str(error)
                )
            self._clock.wait(self._stop, _RETRY_US)

    def _follow(self) -> None:
        with self._lock:
            if self._stop.is_set():
                return
            self._stream = self._connect(self._camera)
        with closing(self._stream) as stream:
            for found in stream:
                for sign in found.signs:
                    self._hear(sign)
