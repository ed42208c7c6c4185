"""The sweep: keys die first, then blobs, then rows, then the certificate enters the ledger.

What is decided is written into the door's rows in the same transaction that deletes the private
halves; from there on each step is safe to repeat, and a start after a crash goes on where the
last one stopped.

Source:  decisions 6 and 7.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from fairview.access.door_rows import DoorRows, shreds
from fairview.access.journal import Journal
from fairview.access.keys import KeyStore, PairKept
from fairview.access.leaves import KeysShredded
from fairview.access.time_floor import TimeFloor
from fairview.core.camera import RETENTION_US_DEFAULT, Camera
from fairview.core.event import HealthEvent
from fairview.core.ids import STREAM_NAMES, CameraId, KeyPairId, SegmentId, new_hex_id
from fairview.core.limits import (
    KEY_CLOCK_DOUBT_US,
    SEGMENT_US_MAX,
    SHRED_SEGMENTS_PER_STEP_MAX,
    SPARE_GRACE_US,
)
from fairview.core.media import Segment
from fairview.core.time import US_PER_DAY, US_PER_HOUR, Clock, Instant, Span
from fairview.record.retention import (
    Bound,
    CameraHour,
    Death,
    Kept,
    camera_hours,
    over_bounds,
    past_retention,
)
from fairview.store.contracts import Blobs, Catalogue, EventSaved, GapRemoved, SegmentsRemoved

AGE = "past its retention"
SIZE = "the disk needs room"
CAMERA_SIZE = "the camera's footage is over its size"
ALL_SIZE = "footage is over its size in all"
UNUSED = "nothing was sealed to it"
LOST = "its key had not come back from a backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskNeed:
    """A disk that is short of room by so much, and which segments lie on it."""

    name: str
    need_bytes: int
    holds: Callable[[Segment], bool]


class DiskRooms(Protocol):
    """How it stands with the disks."""

    def needs(self) -> Sequence[DiskNeed]:
        """Disks that are short of room. Errors: Unavailable."""
        ...

    def settle(self) -> None:
        """Take from disks that are back what died meanwhile. Errors: Unavailable."""
        ...

    def look(self) -> None:
        """A turn: room kept for ledger and keys, and telling what changed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ShredParts:
    """What the sweep works on. keep_bytes_max: what all footage may take. disks: what each of
    several disks is short of; None: free_bytes_min is kept free where the blobs are.
    """

    catalogue: Catalogue
    blobs: Blobs
    keys: KeyStore
    journal: Journal
    rows: DoorRows
    floor: TimeFloor
    clock: Clock
    free_bytes_min: int
    keep_bytes_max: int | None = None
    disks: DiskRooms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What one sweep does to one key pair."""

    id: str
    camera: CameraId
    hour: Instant | None
    pair: KeyPairId
    segments: tuple[Segment, ...]
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    """A certificate as it lies in the rows until it is in the ledger."""

    id: str
    camera: CameraId
    hour: Instant | None
    pairs: tuple[str, ...]
    segments: tuple[tuple[str, str], ...]
    ledger_size: int
    because: str


class Shredder:
    """Used by one thread."""

    def __init__(self, parts: ShredParts) -> None:
        self._parts = parts
        self._is_paused = False
        # Certificates that this process noted and has not tried to write yet: only others can
        # stand in the ledger already.
        self._untried: set[str] = set()

    def sweep(self) -> int:
        """Finish what is left, then shred what is due; how many pairs died.

        While the clock is in doubt nothing dies of age; what a full disk or a bound asks for goes
        by the order of its hours all the same, so that recording goes on.
        Errors:  Unavailable, Overloaded; then the next sweep goes on.
        """
        self.finish()
        state = self._parts.floor.check()
        if state.may_shred:
            self._is_paused = False
        else:
            self._say_paused(state.because)
        certificates = self._due(state.now, by_age=state.may_shred)
        for first in range(0, len(certificates), SHRED_SEGMENTS_PER_STEP_MAX):
            step = certificates[first : first + SHRED_SEGMENTS_PER_STEP_MAX]
            size = self._parts.journal.size

            def note(
                connection: Connection, step: Sequence[Certificate] = step, size: int = size
            ) -> None:
                _note(connection, step, size, self._parts.clock.now())

            self._parts.keys.kill([one.pair for one in step], also=note)
            self._untried = {one.id for one in step}
            self.finish()
        return len(certificates)

    def finish(self) -> None:
        """Take every noted certificate to its end. Safe to repeat; called at start too."""
        if self._parts.disks is not None:
            self._parts.disks.settle()
        for left in self._left():
            for _, blob in left.segments:
                self._parts.blobs.remove(blob)
            if left.segments:
                ids = tuple(SegmentId(name) for name, _ in left.segments)
                self._parts.catalogue.write([SegmentsRemoved(ids=ids)])
                self._forget_gaps(left.camera)
            if not self._is_written(left):
                self._parts.journal.append(_leaf(left))
            with self._parts.rows.write() as connection:
                connection.execute(shreds.delete().where(shreds.c.id == left.id))
            structlog.get_logger().info(
                "keys shredded",
                camera=left.camera,
                pairs=len(left.pairs),
                segments=len(left.segments),
                because=left.because,
            )

    def _forget_gaps(self, camera: CameraId) -> None:
        """Gaps from before a stream's oldest footage go with the footage that they stood between.

        Left alone they would say that nothing was recorded next to them, and grow for ever. The
        newest stays: it may be going on.
        """
        catalogue = self._parts.catalogue
        gone: list[GapRemoved] = []
        for stream in STREAM_NAMES:
            gaps = catalogue.gaps(camera, stream)
            if len(gaps) > 1:
                segments = catalogue.segments(camera, stream, None)
                begins = min((one.span.start for one in segments), default=gaps[-1].span.start)
                gone += [GapRemoved(gap=gap) for gap in gaps[:-1] if gap.span.end <= begins]
        if gone:
            catalogue.write(gone)

    def _is_written(self, left: _Left) -> bool:
        if left.id in self._untried:
            self._untried.discard(left.id)
            return False
        journal = self._parts.journal
        return journal.find(KeysShredded, "certificate", left.id, left.ledger_size) is not None

    def _due(self, now: Instant, *, by_age: bool) -> list[Certificate]:
        cameras = {row.camera.id: row.camera for row in self._parts.catalogue.cameras()}
        pairs = self._parts.keys.pairs()
        kept = Kept(pairs=_in_use(pairs, cameras, now))
        by_pair = {one.id: one for one in pairs}
        periods = _periods(pairs)
        deaths: list[tuple[Death, str]] = []
        listed: list[Segment] = []
        for camera in cameras.values() if by_age else ():
            segments = self._old_segments(camera, pairs, now)
            listed += segments
            retention = {camera.id: camera.register.retention_us}
            hours = [
                _in_its_time(hour, periods.get(hour.key_pair), now)
                for hour in camera_hours(segments)
            ]
            deaths += [(one, AGE) for one in past_retention(hours, retention, now, kept)]
        deaths += self._over_size(cameras, deaths, kept, now)
        due = [_certificate(death, because, by_pair) for death, because in deaths]
        dying = {one.pair for one in due}
        sealed_to = {one.key_pair for one in listed}
        if by_age:
            unused = _unused(pairs, cameras, now)
            due += [one for one in unused if one.pair not in (dying | sealed_to)]
        return due

    def _old_segments(
        self, camera: Camera, pairs: Sequence[PairKept], now: Instant
    ) -> tuple[Segment, ...]:
        """All segments of every pair that has one past its retention.

        A segment begins in its pair's hour, so one hour more holds the others of the pair;
        a spare's may lie anywhere (it serves while a clock is in doubt), and then all are listed,
        once a day when a spare is about to die.
        """
        past_us = now.us - camera.register.retention_us
        has_old_spare = any(
            one.camera == camera.id and one.day is not None and one.day.us + US_PER_DAY <= past_us
            for one in pairs
        )
        until = past_us + US_PER_HOUR + SEGMENT_US_MAX
        if past_us <= 0:
            return ()
        span = Span(start=Instant(0), end=Instant(until))
        found = self._parts.catalogue.segments(camera.id, None, span)
        of_hours = {one.id for one in pairs if one.hour is not None}
        if not has_old_spare and all(segment.key_pair in of_hours for segment in found):
            return found
        return self._parts.catalogue.segments(camera.id, None, None)

    def _over_size(
        self,
        cameras: dict[CameraId, Camera],
        deaths: Sequence[tuple[Death, str]],
        kept: Kept,
        now: Instant,
    ) -> tuple[tuple[Death, str], ...]:
        bounds = self._bounds(cameras)
        if not bounds:
            return ()
        everything = [
            segment
            for camera in cameras
            for segment in self._parts.catalogue.segments(camera, None, None)
        ]
        dying = {death.hour.key_pair for death, _ in deaths}
        hours = camera_hours(everything)
        return over_bounds(hours, bounds, hour_now=now.hour(), dying=dying, kept=kept)

    def _bounds(self, cameras: dict[CameraId, Camera]) -> list[Bound]:
        """What footage is over: a camera's size, the size of all, the room on a disk."""
        parts = self._parts
        found: list[Bound] = []
        sizes = {one.camera: one.size_bytes for one in parts.catalogue.sizes()}
        for camera in cameras.values():
            most = camera.keep_bytes_max
            if most is not None and sizes.get(camera.id, 0) > most:
                need = sizes[camera.id] - most
                of_camera = partial(_is_of, camera.id)
                found.append(Bound(because=CAMERA_SIZE, need_bytes=need, counts=of_camera))
        if parts.keep_bytes_max is not None:
            need = sum(sizes.values()) - parts.keep_bytes_max
            found.append(Bound(because=ALL_SIZE, need_bytes=need))
        if parts.disks is None:
            need = parts.free_bytes_min - parts.blobs.free_bytes()
            found.append(Bound(because=SIZE, need_bytes=need))
        else:
            found += [
                Bound(because=SIZE, need_bytes=one.need_bytes, counts=one.holds)
                for one in parts.disks.needs()
            ]
        return [one for one in found if one.need_bytes > 0]

    def _left(self) -> list[_Left]:
        with self._parts.rows.read() as connection:
            rows = connection.execute(sa.select(shreds).order_by(shreds.c.id)).all()
        return [
            _Left(
                id=row.id,
                camera=CameraId(row.camera),
                hour=None if row.hour_us is None else Instant(row.hour_us),
                pairs=tuple(json.loads(row.pairs)),
                segments=tuple((one["id"], one["blob"]) for one in json.loads(row.segments)),
                ledger_size=row.ledger_size,
                because=row.because,
            )
            for row in rows
        ]

    def _say_paused(self, because: str) -> None:
        if self._is_paused:
            return
        self._is_paused = True
        event = HealthEvent(
            kind="shredding_paused", camera=None, at=self._parts.clock.now(), because=because
        )
        self._parts.catalogue.write([EventSaved(event=event)])


def _is_of(camera: CameraId, segment: Segment) -> bool:
    return segment.camera == camera


def _in_use(
    pairs: Iterable[PairKept], cameras: dict[CameraId, Camera], now: Instant
) -> frozenset[KeyPairId]:
    """Spares that recorders may still seal to: the newest of each active camera, and any whose
    day ended just now."""
    newest: dict[CameraId, PairKept] = {}
    lately: set[KeyPairId] = set()
    for one in pairs:
        camera = cameras.get(one.camera)
        if one.day is None or camera is None or not camera.is_active:
            continue
        old = newest.get(one.camera)
        if old is None or old.day is None or one.day > old.day:
            newest[one.camera] = one
        if one.day.us + US_PER_DAY + SPARE_GRACE_US > now.us:
            lately.add(one.id)
    return frozenset(lately | {one.id for one in newest.values()})


def _periods(pairs: Iterable[PairKept]) -> dict[KeyPairId, tuple[Instant, Instant]]:
    """When each pair may have been sealed to, by the door's own time: its hour, or from a spare's
    day until the next one took over."""
    found: dict[KeyPairId, tuple[Instant, Instant]] = {}
    spares: dict[CameraId, list[tuple[Instant, KeyPairId]]] = {}
    for one in pairs:
        if one.hour is not None:
            # Its last segment begins within the hour and may last into the next.
            found[one.id] = (one.hour, one.hour.plus(US_PER_HOUR + SEGMENT_US_MAX))
        elif one.day is not None:
            spares.setdefault(one.camera, []).append((one.day, one.id))
    for days in spares.values():
        days.sort()
        following = [day for day, _ in days[1:]] + [Instant(0)]
        for (day, pair), next_day in zip(days, following, strict=True):
            found[pair] = (day, max(day.plus(US_PER_DAY), next_day).plus(SPARE_GRACE_US))
    return found


def _in_its_time(
    hour: CameraHour, period: tuple[Instant, Instant] | None, now: Instant
) -> CameraHour:
    """The same footage, its end moved to its pair's where a clock may have given it wrong times.

    Footage ends no earlier than the time its pair was for, which is counted, as a clock that was
    set back says otherwise; nor does it come from the future. A pair that
    is not ours (from a backup) says nothing.
    """
    if period is None:
        return hour
    _, end = period
    if hour.end.us > max(now.us, end.us) + KEY_CLOCK_DOUBT_US:
        return replace(hour, end=end)
    return replace(hour, end=max(hour.end, end))


def _unused(
    pairs: Sequence[PairKept], cameras: dict[CameraId, Camera], now: Instant
) -> list[Certificate]:
    """Pairs whose time is over; whether something was sealed to them is for the caller."""
    in_use = _in_use(pairs, cameras, now)
    due = []
    for one in pairs:
        camera = cameras.get(one.camera)
        is_active = camera is not None and camera.is_active
        retention_us = RETENTION_US_DEFAULT if camera is None else camera.register.retention_us
        start, length_us = (one.day, US_PER_DAY) if one.hour is None else (one.hour, US_PER_HOUR)
        assert start is not None, "a pair has its hour or its day"
        is_over = start.us + length_us + SEGMENT_US_MAX + retention_us <= now.us
        never_comes = not is_active and start.us > now.us + US_PER_HOUR
        if (is_over and one.id not in in_use) or never_comes:
            due.append(
                Certificate(
                    id=new_hex_id(),
                    camera=one.camera,
                    hour=one.hour,
                    pair=one.id,
                    segments=(),
                    because=UNUSED,
                )
            )
    return due


def _certificate(death: Death, because: str, pairs: dict[KeyPairId, PairKept]) -> Certificate:
    pair = pairs.get(death.hour.key_pair)
    return Certificate(
        id=new_hex_id(),
        camera=death.hour.camera,
        hour=None if pair is None else pair.hour,
        pair=death.hour.key_pair,
        segments=death.removed,
        because=because if pair is not None else f"{because}; {LOST}",
    )


def _note(
    connection: Connection, certificates: Sequence[Certificate], ledger_size: int, at: Instant
) -> None:
    for one in certificates:
        segments = [{"id": segment.id, "blob": segment.blob} for segment in one.segments]
        connection.execute(
            shreds.insert().values(
                id=one.id,
                camera=one.camera,
                hour_us=None if one.hour is None else one.hour.us,
                pairs=json.dumps([one.pair]),
                segments=json.dumps(segments),
                ledger_size=ledger_size,
                dead_at_us=at.us,
                because=one.because,
            )
        )


def _leaf(left: _Left) -> KeysShredded:
    return KeysShredded(
        certificate=left.id,
        camera=left.camera,
        hour=left.hour,
        pairs=left.pairs,
        segments=len(left.segments),
        because=left.because,
    )
