"""Which public half a segment is sealed to: the camera's pair of the hour, or its spare.

Source:  decision 5. The hour is counted on the monotonic clock since the last trusted time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from fairview.core.errors import BadInput, Corrupt, Unavailable
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId, KeyPairId
from fairview.core.limits import KEY_CLOCK_DOUBT_US, KEY_FILE_BYTES_MAX, KEY_FILE_FRESH_US
from fairview.core.time import Clock, Instant
from fairview.store.keyfile import KeyFile, read_key_file


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedPair:
    """A pair's name and public half. because: why it is the spare, empty for the hour's own."""

    id: KeyPairId
    public: bytes
    because: str

    @property
    def is_spare(self) -> bool:
        return bool(self.because)


class Keyring:
    """One camera's public halves, read again whenever its signed key file changes.

    `tell` hears once when the spare pair comes into use (key_supply_spare) and once when the
    hour's own pair is back (key_supply_back). Used by a camera's streams, from their threads.

    spare_because: why the newest segment was sealed to the spare, empty for its hour's own pair.
    """

    def __init__(
        self,
        path: Path,
        *,
        camera: CameraId,
        door_public: bytes,
        clock: Clock,
        tell: Callable[[HealthEvent], None],
    ) -> None:
        """The wall clock is trusted as it stands now."""
        self._path = path
        self._camera = camera
        self._door_public = door_public
        self._clock = clock
        self._tell = tell
        self._lock = threading.Lock()
        self._file: KeyFile | None = None
        self._stamp: tuple[int, int, int] | None = None
        self._fault = ""
        self._on_spare = False
        self.spare_because = ""
        self._trusted_at = clock.now()
        self._trusted_us = clock.monotonic_us()
        self._log = structlog.get_logger(__name__)

    def trust(self, at: Instant) -> None:
        """Somebody vouches that it is `at` now: count from here on."""
        with self._lock:
            self._trusted_at, self._trusted_us = at, self._clock.monotonic_us()

    def pick(self, start: Instant) -> PickedPair:
        """The pair for a segment that starts at `start` by the wall clock.

        A step of the wall clock does not change the hour, which is counted; when both are
        further apart than an hour, or there is no pair for the hour, the spare is taken.

        Errors:  Unavailable when no key file could ever be read: nothing can be sealed then.
        """
        with self._lock:
            self._reload()
            if self._file is None:
                raise Unavailable(f"no public keys for {self._camera}: {self._fault}")
            picked = self._picked(self._file, start)
            self.spare_because = picked.because
            told = self._change(picked)
        if told is not None:
            self._tell(told)
        return picked

    def _picked(self, file: KeyFile, start: Instant) -> PickedPair:
        counted_us = self._trusted_at.us + self._clock.monotonic_us() - self._trusted_us
        ahead_us = self._clock.now().us - counted_us
        because = self._fault
        if not because and abs(ahead_us) > KEY_CLOCK_DOUBT_US:
            because = f"the clock stepped by {ahead_us // 1_000_000} s"
        if not because and counted_us < file.issued_at.us - KEY_FILE_FRESH_US:
            because = "the clock is behind the newest key file"
        if not because:
            hour = Instant(max(start.us - ahead_us, 0)).hour()
            pair = file.pair_of(hour)
            if pair is not None:
                return PickedPair(id=pair.id, public=pair.public, because="")
            because = f"no pair is issued for the hour {hour.iso()[:13]}"
        return PickedPair(id=file.spare.id, public=file.spare.public, because=because)

    def _reload(self) -> None:
        """Read the file when it changed; a fault keeps what was read before."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
            if stamp == self._stamp:
                return
            if status.st_size > KEY_FILE_BYTES_MAX:
                raise BadInput("it is too large")
            file = read_key_file(self._path.read_bytes(), self._door_public)
        except (OSError, Corrupt, BadInput) as error:
            self._stamp = None
            self._fault = f"the key file can't be used: {error}"
            return
        if file.camera != self._camera:
            self._fault = "the key file is another camera's"
            return
        if self._file is not None and file.issued_at < self._file.issued_at:
            self._fault = "the key file is older than one read before"
            return
        is_newer = self._file is not None and file.issued_at > self._file.issued_at
        self._file, self._stamp, self._fault = file, stamp, ""
        now = self._clock.now()
        if is_newer and abs(now.since(file.issued_at)) <= KEY_FILE_FRESH_US:
            self._trusted_at, self._trusted_us = now, self._clock.monotonic_us()

    def _change(self, picked: PickedPair) -> HealthEvent | None:
        if picked.is_spare == self._on_spare:
            return None
        self._on_spare = picked.is_spare
        if picked.is_spare:
            self._log.warning(
                "sealing to the spare pair", camera=self._camera, because=picked.because
            )
        else:
            self._log.info("sealing to the hour's pair again", camera=self._camera)
        return HealthEvent(
            kind="key_supply_spare" if picked.is_spare else "key_supply_back",
            camera=self._camera,
            at=self._clock.now(),
            because=picked.because or "the hour's own pair is back",
        )
