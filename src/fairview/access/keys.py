"""The key store: a pair per camera and UTC hour, private halves wrapped, and their death.

Private halves exist in three places only: wrapped in the door's rows, in this process while one
segment key is unwrapped, nowhere else. A spare pair belongs to one camera and the UTC day it was
issued for; each day brings a new spare, so that footage sealed to a spare dies with its day.

Source:  decisions 5 and 6.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.engine import Connection

from fairview.access.door_rows import DoorRows, key_pairs, notes, picture_keys
from fairview.access.site_key import SiteKeyFiles, key_id
from fairview.core.errors import Corrupt, NotFound, Unavailable
from fairview.core.ids import CameraId, KeyPairId, new_hex_id
from fairview.core.limits import KEYS_AHEAD_US
from fairview.core.time import US_PER_DAY, US_PER_HOUR, Instant
from fairview.store.durable import replace_file
from fairview.store.keyfile import IssuedPair, KeyFile, read_key_file, sign_key_file
from fairview.store.sealing import SegmentHeader, new_key_pair, open_key, read_header

_SITE_KEY_NOTE = "site key id"
_NONCE_BYTES = 12
_ROW_STEP = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairKept:
    """A pair whose private half still exists.

    hour: the UTC hour it serves, None for a spare; day: the UTC day of a spare, else None.
    """

    id: KeyPairId
    camera: CameraId
    hour: Instant | None
    day: Instant | None
    public: bytes


class KeyStore:
    """Safe from several threads. Cost: one unwrap is about 0.2 ms."""

    def __init__(
        self,
        rows: DoorRows,
        site_key: SiteKeyFiles,
        keys_folder: Path,
        signer: Ed25519PrivateKey,
    ) -> None:
        """Settles what a crash left. Errors: Corrupt, Unavailable."""
        self._rows = rows
        self._files = site_key
        self._folder = keys_folder
        self._signer = signer
        self._lock = threading.RLock()
        self._key: bytes | None = None
        with self._lock:
            self._site_key()
            self._rows.truncate_log()

    def issue(self, camera: CameraId, now: Instant) -> None:
        """See that the camera's pairs reach KEYS_AHEAD_US ahead, and publish their public halves.

        Safe to repeat; the key file is written again only when something changed.
        Errors:  Unavailable when the rows or the file can't be written.
        """
        first = max(0, now.hour().us - US_PER_HOUR)
        hours = range(first, now.plus(KEYS_AHEAD_US).hour().us + 1, US_PER_HOUR)
        day = now.us - now.us % US_PER_DAY
        with self._lock:
            self._make_missing(camera, hours, day)
            kept = [one for one in self.pairs(camera) if one.hour is None or one.hour.us >= first]
            self._publish(camera, kept, now)

    def pairs(self, camera: CameraId | None = None) -> tuple[PairKept, ...]:
        """Every living pair, of one camera or of all, by camera and time."""
        columns = (
            key_pairs.c.id,
            key_pairs.c.camera,
            key_pairs.c.hour_us,
            key_pairs.c.day_us,
            key_pairs.c.public,
        )
        query = sa.select(*columns).order_by(
            key_pairs.c.camera, key_pairs.c.hour_us, key_pairs.c.day_us
        )
        if camera is not None:
            query = query.where(key_pairs.c.camera == camera)
        with self._rows.read() as connection:
            return tuple(_kept(row) for row in connection.execute(query))

    def segment_key(self, header: SegmentHeader | bytes) -> bytes:
        """The 32-byte key of one segment, from its header.

        Errors:  NotFound when its pair is dead (its footage can never be read again), Corrupt
        when the header or the wrapped half was changed.
        """
        read = read_header(header) if isinstance(header, bytes) else header
        with self._lock:
            with self._rows.read() as connection:
                row = connection.execute(
                    sa.select(key_pairs).where(key_pairs.c.id == read.key_pair)
                ).one_or_none()
            if row is None or row.camera != read.camera:
                raise NotFound(
                    f"the key of segment {read.segment} is dead or was never ours: its footage "
                    "can't be read"
                )
            half = _unwrap(self._site_key(), row.wrapped, _pair_context(row))
        return open_key(read, half)

    def kill(
        self, pairs: Sequence[KeyPairId], also: Callable[[Connection], None] | None = None
    ) -> None:
        """Delete private halves for good and replace the site key; survivors are wrapped anew.

        also: rows to write in the same transaction. A crash at any moment leaves either all of
        it or nothing; "failed, yet stored" shows when read again.
        Errors:  Unavailable; then it is unknown whether they died.
        Cost:    one unwrap and wrap per survivor (about 10 us) and one sync of the rows.
        """
        with self._lock:
            old = self._site_key()
            self._key = None
            fresh = self._files.prepare()
            with self._rows.write() as connection:
                for step in _steps(pairs):
                    connection.execute(key_pairs.delete().where(key_pairs.c.id.in_(step)))
                _wrap_anew(connection, old, fresh)
                connection.execute(
                    notes.update().where(notes.c.name == _SITE_KEY_NOTE).values(value=key_id(fresh))
                )
                if also is not None:
                    also(connection)
            self._site_key()
            self._truncate()

    def new_picture_key(self, camera: CameraId) -> tuple[str, bytes]:
        """A key for one clean picture: its id and 32 bytes."""
        key_name, key = new_hex_id(), secrets.token_bytes(32)
        with self._lock:
            wrapped = _wrap(self._site_key(), key, _picture_context(key_name, camera))
            with self._rows.write() as connection:
                connection.execute(
                    picture_keys.insert().values(id=key_name, camera=camera, wrapped=wrapped)
                )
        return key_name, key

    def picture_key(self, name: str, camera: CameraId) -> bytes:
        """Errors:  NotFound when the picture's key is dead."""
        with self._lock:
            with self._rows.read() as connection:
                row = connection.execute(
                    sa.select(picture_keys).where(
                        picture_keys.c.id == name, picture_keys.c.camera == camera
                    )
                ).one_or_none()
            if row is None:
                raise NotFound(f"the key of this clean picture of {camera} is dead")
            return _unwrap(self._site_key(), row.wrapped, _picture_context(name, camera))

    def has_picture_key(self, name: str) -> bool:
        """Whether a picture's key lives."""
        with self._rows.read() as connection:
            found = connection.execute(
                sa.select(picture_keys.c.id).where(picture_keys.c.id == name)
            )
            return found.first() is not None

    def kill_picture_keys(self, camera: CameraId, keep: Iterable[str]) -> None:
        """Forget every picture key of a camera but those named. Overwritten, log truncated."""
        with self._lock:
            with self._rows.write() as connection:
                connection.execute(
                    picture_keys.delete().where(
                        picture_keys.c.camera == camera, picture_keys.c.id.not_in(list(keep))
                    )
                )
            self._truncate()

    def _site_key(self) -> bytes:
        """The key the rows are wrapped with; after a failure, read from the rows again."""
        if self._key is None:
            with self._rows.read() as connection:
                wanted = connection.execute(
                    sa.select(notes.c.value).where(notes.c.name == _SITE_KEY_NOTE)
                ).scalar_one_or_none()
            self._key = self._first_key() if wanted is None else self._files.settle(wanted)
        return self._key

    def _first_key(self) -> bytes:
        key = self._files.make()
        with self._rows.write() as connection:
            connection.execute(notes.insert().values(name=_SITE_KEY_NOTE, value=key_id(key)))
        return key

    def _truncate(self) -> None:
        try:
            self._rows.truncate_log()
        except Unavailable as error:
            # What is left in the log is wrapped with a site key that no longer exists.
            structlog.get_logger().warning("the door's log was not truncated", because=str(error))

    def _make_missing(self, camera: CameraId, hours: Iterable[int], day: int) -> None:
        have = {(one.hour and one.hour.us, one.day and one.day.us) for one in self.pairs(camera)}
        wanted: list[tuple[int | None, int | None]] = [(hour, None) for hour in hours]
        wanted.append((None, day))
        missing = [one for one in wanted if one not in have]
        if not missing:
            return
        site_key = self._site_key()
        with self._rows.write() as connection:
            for hour_us, day_us in missing:
                private, public = new_key_pair()
                values = {
                    "id": new_hex_id(),
                    "camera": camera,
                    "hour_us": hour_us,
                    "day_us": day_us,
                }
                context = _context(values["id"], camera, hour_us, day_us)  # type: ignore[arg-type]  # the id is a string
                connection.execute(
                    key_pairs.insert().values(
                        **values, public=public, wrapped=_wrap(site_key, private, context)
                    )
                )

    def _publish(self, camera: CameraId, kept: Sequence[PairKept], now: Instant) -> None:
        spares = [one for one in kept if one.day is not None]
        spare = max(spares, key=lambda one: one.day.us if one.day else 0)
        file = KeyFile(
            camera=camera,
            issued_at=now,
            pairs=tuple(
                IssuedPair(id=one.id, hour=one.hour, public=one.public)
                for one in kept
                if one.hour is not None
            ),
            spare=IssuedPair(id=spare.id, hour=None, public=spare.public),
        )
        path = self._folder / f"{camera}.json"
        if not self._is_published(path, file):
            replace_file(path, sign_key_file(file, self._signer), mode=0o644)

    def _is_published(self, path: Path, file: KeyFile) -> bool:
        try:
            found = read_key_file(path.read_bytes(), self._signer.public_key().public_bytes_raw())
        except (OSError, Corrupt):
            return False
        return (found.camera, found.pairs, found.spare) == (file.camera, file.pairs, file.spare)


def _wrap_anew(connection: Connection, old: bytes, fresh: bytes) -> None:
    pairs = connection.execute(sa.select(key_pairs)).all()
    for step in _steps(pairs):
        connection.execute(
            key_pairs.update().where(key_pairs.c.id == sa.bindparam("pair")),
            [
                {"pair": row.id, "wrapped": _rewrapped(old, fresh, row.wrapped, _pair_context(row))}
                for row in step
            ],
        )
    for row in connection.execute(sa.select(picture_keys)).all():
        context = _picture_context(row.id, row.camera)
        connection.execute(
            picture_keys.update()
            .where(picture_keys.c.id == row.id)
            .values(wrapped=_rewrapped(old, fresh, row.wrapped, context))
        )


def _rewrapped(old: bytes, fresh: bytes, wrapped: bytes, context: bytes) -> bytes:
    return _wrap(fresh, _unwrap(old, wrapped, context), context)


def _wrap(site_key: bytes, secret: bytes, context: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(site_key).encrypt(nonce, secret, context)


def _unwrap(site_key: bytes, wrapped: bytes, context: bytes) -> bytes:
    try:
        return AESGCM(site_key).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:
        raise Corrupt("a wrapped key was changed, or moved to another camera or hour") from error


def _context(name: str, camera: str, hour_us: int | None, day_us: int | None) -> bytes:
    when = f"hour {hour_us}" if hour_us is not None else f"spare {day_us}"
    return f"fairview/1 private half\x00{name}\x00{camera}\x00{when}".encode()


def _pair_context(row: sa.Row[*tuple[Any, ...]]) -> bytes:
    return _context(row.id, row.camera, row.hour_us, row.day_us)


def _picture_context(name: str, camera: str) -> bytes:
    return f"fairview/1 picture key\x00{name}\x00{camera}".encode()


def _kept(row: sa.Row[*tuple[Any, ...]]) -> PairKept:
    return PairKept(
        id=KeyPairId(row.id),
        camera=CameraId(row.camera),
        hour=None if row.hour_us is None else Instant(row.hour_us),
        day=None if row.day_us is None else Instant(row.day_us),
        public=row.public,
    )


def _steps(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (values[start : start + _ROW_STEP] for start in range(0, len(values), _ROW_STEP))
