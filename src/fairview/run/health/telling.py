"""A process tells its signs every few seconds, in a thread that nothing waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from fairview.core.errors import FairviewError
from fairview.core.limits_health import SIGNS_CALL_US_MAX, SIGNS_EVERY_US
from fairview.core.time import Clock
from fairview.store.wire import Connection


class Teller:
    """Tells until closed. What can't be told is forgotten; the next telling has it all again."""

    def __init__(
        self, path: Path, secret: bytes, sample: Callable[[], object], clock: Clock
    ) -> None:
        """sample makes the message; it is called in the teller's own thread."""
        self._connection = Connection(path, secret, timeout_us=SIGNS_CALL_US_MAX, pool_max=1)
        self._sample = sample
        self._clock = clock
        self._stop = threading.Event()
        self._is_away = False
        self._thread = threading.Thread(target=self._run, name="signs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Safe to repeat."""
        self._stop.set()
        self._connection.close()
        if self._thread.is_alive():
            self._thread.join(timeout=SIGNS_CALL_US_MAX / 1_000_000)

    def tell(self) -> bool:
        """Once, now; whether it was heard."""
        try:
            self._connection.call(self._sample())
        except FairviewError as error:
            if not self._is_away:
                self._is_away = True
                structlog.get_logger().debug("health process away", because=str(error))
            return False
        self._is_away = False
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            self.tell()
            self._clock.wait(self._stop, SIGNS_EVERY_US)
