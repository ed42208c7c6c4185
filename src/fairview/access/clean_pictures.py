"""Clean pictures: made from footage, sealed, shown to one person, approved or refused.

Each picture is sealed with a key of its own, which the key store keeps wrapped. A picture that was
refused or replaced loses its key, so that its bytes in the catalogue say nothing any more.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fairview.access.footage import Footage
from fairview.access.journal import Journal
from fairview.access.keeping import played_stream
from fairview.access.keys import KeyStore
from fairview.access.leaves import CleanPictureApproved, CleanPictureRefused
from fairview.access.render import CleanPicture, SealedPiece, clean_picture_of
from fairview.access.rendering import Rendering
from fairview.core.camera import Camera
from fairview.core.errors import Conflict, Corrupt, FairviewError, NotFound, Unavailable
from fairview.core.ids import CameraId
from fairview.core.limits import (
    CLEAN_LOOK_BACK_US,
    CLEAN_REFRESH_US,
    CLEAN_SAMPLES_MAX,
    CLEAN_TRY_US,
    WAITING_KNOWN_US,
)
from fairview.core.time import Clock, Instant, Span
from fairview.store.contracts import Catalogue, CleanPictureSaved
from fairview.store.contracts import CleanPictureRefused as RefusedRow

_NONCE_BYTES = 12
_NAME_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A clean picture that nobody approved yet."""

    picture: CleanPicture
    digest: str


class CleanPictures:
    """Safe from several threads. Keeps the approved pictures in memory, one per camera."""

    def __init__(
        self, catalogue: Catalogue, keys: KeyStore, journal: Journal, clock: Clock
    ) -> None:
        self._catalogue = catalogue
        self._keys = keys
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()
        self._approved: dict[CameraId, CleanPicture | None] = {}
        self._waits: dict[CameraId, tuple[int, bool]] = {}
        self._tried_us: dict[CameraId, int] = {}

    def approved(self, camera: CameraId) -> CleanPicture | None:
        """The picture that silhouettes are drawn on; None until a person approved one."""
        with self._lock:
            if camera in self._approved:
                return self._approved[camera]
            found = self._opened(self._catalogue.clean_picture(camera, approved=True))
            self._approved[camera] = found
            return found

    def waiting(self, camera: CameraId) -> Waiting | None:
        """The newest picture that waits for a person."""
        row = self._catalogue.clean_picture(camera, approved=False)
        picture = self._opened(row)
        if row is None or picture is None:
            return None
        return Waiting(picture=picture, digest=_digest(row.sealed))

    def is_waiting(self, camera: CameraId) -> bool:
        """Whether one waits; up to WAITING_KNOWN_US old, since pages ask all the time."""
        now_us = self._clock.monotonic_us()
        with self._lock:
            at_us, known = self._waits.get(camera, (now_us - WAITING_KNOWN_US, False))
        if now_us - at_us < WAITING_KNOWN_US:
            return known
        row = self._catalogue.clean_picture(camera, approved=False)
        known = row is not None and self._keys.has_picture_key(_name(row.sealed))
        with self._lock:
            self._waits[camera] = (now_us, known)
        return known

    def decide(self, camera: CameraId, actor: str, *, approve: bool) -> None:
        """Approve or refuse the picture that waits, in the ledger first.

        Errors:  NotFound when none waits; Unavailable.
        """
        row = self._catalogue.clean_picture(camera, approved=False)
        if row is None or self._opened(row) is None:
            raise NotFound(f"no clean picture of {camera} waits")
        with self._lock:
            self._waits.pop(camera, None)
        leaf = CleanPictureApproved if approve else CleanPictureRefused
        self._journal.append(
            leaf(
                camera=camera,
                made_at=row.made_at,
                actor=actor,
                picture_digest=_digest(row.sealed),
            )
        )
        if approve:
            self._keep(row, actor)
        else:
            self._catalogue.write([RefusedRow(camera=camera, made_at=row.made_at)])
            now = self._catalogue.clean_picture(camera, approved=True)
            self._keys.kill_picture_keys(camera, [] if now is None else [_name(now.sealed)])

    def put(self, camera: CameraId, picture: CleanPicture, actor: str) -> None:
        """A picture approved from the start: a simulated camera's own empty street.

        The caller has checked that nobody can be in it.
        """
        row = self._sealed(camera, picture, None)
        self._journal.append(
            CleanPictureApproved(
                camera=camera,
                made_at=row.made_at,
                actor=actor,
                picture_digest=_digest(row.sealed),
            )
        )
        self._keep(row, actor)

    def make(
        self, camera: Camera, footage: Footage, rendering: Rendering, span_us_min: int
    ) -> bool:
        """Make a camera's first picture, or refresh its approved one; whether one was made.

        A first one waits for a person. A refreshed one differs only where nothing was present,
        so it stays approved.
        """
        now, now_us = self._clock.now(), self._clock.monotonic_us()
        if now_us - self._tried_us.get(camera.id, now_us - CLEAN_TRY_US) < CLEAN_TRY_US:
            return False
        approved = self.approved(camera.id)
        if approved is None and self.waiting(camera.id) is not None:
            return False
        if approved is not None and now.since(approved.made_at) < CLEAN_REFRESH_US:
            return False
        start = Instant(max(0, now.us - max(span_us_min * 5 // 4, CLEAN_LOOK_BACK_US)))
        span = Span(start=start, end=now)
        rows = self._catalogue.segments(camera.id, played_stream(camera), span)
        if not rows or rows[-1].span.end.since(rows[0].span.start) < span_us_min:
            return False
        self._tried_us[camera.id] = now_us
        pieces = _spread(camera, footage, span, span_us_min)
        if pieces is None:
            return False
        try:
            made = rendering.pool().clean_picture(
                pieces, span_us_min=span_us_min, approved=approved, look=f"clean {camera.id}"
            )
        except (Unavailable, Conflict, NotFound) as error:
            structlog.get_logger().debug(
                "no clean picture yet", camera=camera.id, because=str(error)
            )
            return False
        finally:
            rendering.forget(f"clean {camera.id}")
        if approved is None:
            self._catalogue.write([self._sealed(camera.id, made, None)])
            with self._lock:
                self._waits.pop(camera.id, None)
        elif made.made_at > approved.made_at:
            old = self._catalogue.clean_picture(camera.id, approved=True)
            by = "refreshed" if old is None or old.approved_by is None else old.approved_by
            self._keep(self._sealed(camera.id, made, None), by)
        return True

    def forget(self, camera: CameraId) -> None:
        """A removed camera's pictures die with their keys."""
        self._keys.kill_picture_keys(camera, [])
        with self._lock:
            self._approved.pop(camera, None)

    def _keep(self, row: CleanPictureSaved, actor: str) -> None:
        saved = CleanPictureSaved(
            camera=row.camera, made_at=row.made_at, sealed=row.sealed, approved_by=actor
        )
        self._catalogue.write([saved])
        self._keys.kill_picture_keys(row.camera, [_name(row.sealed)])
        with self._lock:
            self._approved[row.camera] = self._opened(saved)

    def _sealed(
        self, camera: CameraId, picture: CleanPicture, approved_by: str | None
    ) -> CleanPictureSaved:
        name, key = self._keys.new_picture_key(camera)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, picture.to_png(), _context(camera, picture.made_at))
        return CleanPictureSaved(
            camera=camera,
            made_at=picture.made_at,
            sealed=bytes.fromhex(name) + nonce + sealed,
            approved_by=approved_by,
        )

    def _opened(self, row: CleanPictureSaved | None) -> CleanPicture | None:
        if row is None:
            return None
        try:
            key = self._keys.picture_key(_name(row.sealed), row.camera)
        except NotFound:
            return None
        nonce = row.sealed[_NAME_BYTES : _NAME_BYTES + _NONCE_BYTES]
        sealed = row.sealed[_NAME_BYTES + _NONCE_BYTES :]
        try:
            png = AESGCM(key).decrypt(nonce, sealed, _context(row.camera, row.made_at))
        except (InvalidTag, ValueError) as error:
            raise Corrupt(f"the clean picture of {row.camera} was changed") from error
        return clean_picture_of(png)


def jpeg_of(picture: CleanPicture) -> bytes:
    """For the person who approves it."""
    done, data = cv2.imencode(".jpg", picture.pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done, "a picture of uint8 can always be written as JPEG"
    return data.tobytes()


def _spread(
    camera: Camera, footage: Footage, span: Span, span_us_min: int
) -> Iterator[SealedPiece] | None:
    """Parts spread evenly over a span, opened one by one; None when there is too little."""
    parts = footage.parts(camera.id, played_stream(camera), span, "covered")
    if not parts or parts[-1].covers.end.since(parts[0].covers.start) < span_us_min:
        return None
    step = max(1, len(parts) // CLEAN_SAMPLES_MAX)

    def pieces() -> Iterator[SealedPiece]:
        for one in [*parts[::step], parts[-1]]:
            try:
                yield footage.piece(one.part)
            except FairviewError as error:
                structlog.get_logger().debug("a part is gone", because=str(error))

    return pieces()


def _name(sealed: bytes) -> str:
    return sealed[:_NAME_BYTES].hex()


def _context(camera: CameraId, made_at: Instant) -> bytes:
    return f"fairview/1 clean picture\x00{camera}\x00{made_at.us}".encode()


def _digest(sealed: bytes) -> str:
    return hashlib.sha256(sealed).hexdigest()
