"""Retention against true time, while the wall clock steps by ten years and back.

True time is the monotonic clock, which no step touches. Recorders pick their pair as always, the
door believes what its time floor believes; what dies is compared with what should be gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from fairview.access.shred import Shredder, ShredParts
from fairview.access.time_floor import TimeFloor
from fairview.core.ids import KeyPairId, SegmentId, new_hex_id
from fairview.core.limits import CLOCK_AHEAD_US_MAX, SHRED_PAUSE_US_MAX, SPARE_GRACE_US
from fairview.core.media import EndedBecause, Segment
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, Span
from fairview.record.keyring import Keyring
from fairview.store.contracts import SegmentSaved
from fairview.store.durable import Disk
from fairview.store.layout import blob_name
from tests.access.house import SIGNER, House
from tests.builders import camera, register_entry

TURN_US = US_PER_HOUR
KEEP_US = 12 * US_PER_HOUR
TEN_YEARS_US = 3_652 * US_PER_DAY
LATE_US = US_PER_HOUR + TURN_US
"""Of footage sealed to its hour: the rest of the hour, and the next sweep."""

LATE_SPARE_US = US_PER_DAY + SPARE_GRACE_US + LATE_US
"""Of footage sealed to a spare, which dies with its day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A segment, and when it truly ended."""

    segment: Segment
    ended_us: int
    is_spare: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Something that happens to the clock or the door, hours after the beginning."""

    hour: float
    does: Callable[[Watch], None]


class Watch:
    """A house whose door and recorder turn every hour, against a clock that steps."""

    def __init__(self, folder: Path, keep_us: int) -> None:
        folder.mkdir(exist_ok=True)
        self.keep_us = keep_us
        self.house = House(folder)
        self.camera = camera(register=register_entry(retention_us=keep_us))
        self.kept: list[Kept] = []
        self.early: list[int] = []
        self.late: list[int] = []
        self.recorded = 0

    def begin(self) -> None:
        self.start_door()
        self.house.add(self.camera)
        self.keyring = Keyring(
            self.house.folder / "keys" / f"{self.camera.id}.json",
            camera=self.camera.id,
            door_public=SIGNER.public_key().public_bytes_raw(),
            clock=self.house.clock,
            tell=lambda event: None,
        )

    def start_door(self) -> None:
        """The door after a crash: it knows what is stored, and the clock as it stands."""
        house = self.house
        house.open()
        house.rows._engine.raw_connection().cursor().execute("PRAGMA synchronous = OFF")
        self.floor = TimeFloor(house.heads, house.clock)
        self.shredder = Shredder(
            ShredParts(
                catalogue=house.catalogue,
                blobs=house.blobs,
                keys=house.keys,
                journal=house.journal,
                rows=house.rows,
                floor=self.floor,
                clock=house.clock,
                free_bytes_min=0,
            )
        )

    def step(self, us: int) -> None:
        self.house.clock.step(us)

    def turn(self) -> None:
        """An hour: footage, keys ahead, a sweep; then what is gone is judged."""
        self._record()
        self.house.clock.advance(TURN_US)
        state = self.floor.check()
        self.house.keys.issue(self.camera.id, state.believed)
        self.shredder.sweep()
        alive = {one.id for one in self.house.keys.pairs(self.camera.id)}
        now_us = self.house.clock.monotonic_us()
        for one in self.kept:
            over_us = now_us - one.ended_us - self.keep_us
            bound_us = LATE_SPARE_US if one.is_spare else LATE_US
            if one.segment.key_pair not in alive and over_us < 0:
                self.early.append(over_us)
            if state.may_shred and one.segment.key_pair in alive and over_us > bound_us:
                self.late.append(over_us)
        self.kept = [one for one in self.kept if one.segment.key_pair in alive]

    def _record(self) -> None:
        """A minute of footage with the wall clock's times, sealed to whatever pair is picked."""
        house = self.house
        start = house.clock.now()
        picked = self.keyring.pick(start)
        name = SegmentId(new_hex_id())
        blob = blob_name(self.camera.id, start, name)
        writer = house.blobs.create(blob)
        writer.append(b"sealed")
        writer.close()
        segment = Segment(
            id=name,
            camera=self.camera.id,
            stream="main",
            span=Span(start=start, end=start.plus(US_PER_MINUTE)),
            size_bytes=6,
            fragments=1,
            key_pair=KeyPairId(picked.id),
            blob=blob,
            head="0" * 64,
            ended_because=EndedBecause.ROTATED,
        )
        house.catalogue.write([SegmentSaved(segment=segment)])
        self.recorded += 1
        ended_us = house.clock.monotonic_us() + US_PER_MINUTE
        self.kept.append(Kept(segment=segment, ended_us=ended_us, is_spare=picked.is_spare))


def lived(folder: Path, days: float, *happenings: At, keep_us: int = KEEP_US) -> Watch:
    """So many days, hour by hour."""
    watch = Watch(folder, keep_us)
    first: Sequence[At] = [one for one in happenings if one.hour < 0]
    for one in first:
        one.does(watch)
    watch.begin()
    left = sorted((one for one in happenings if one.hour >= 0), key=lambda one: one.hour)
    for number in range(round(days * US_PER_DAY / TURN_US)):
        while left and left[0].hour * US_PER_HOUR <= number * TURN_US:
            left.pop(0).does(watch)
        watch.turn()
    return watch


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days of sweeps; nothing here is about power cuts."""
    monkeypatch.setattr(Disk, "sync", lambda self, descriptor: None)
    monkeypatch.setattr(Disk, "sync_folder", lambda self, path: None)


def step(us: int) -> Callable[[Watch], None]:
    return lambda watch: watch.step(us)


def restart(watch: Watch) -> None:
    watch.start_door()


HAPPENINGS: dict[str, tuple[At, ...]] = {
    "a clock that never steps": (),
    "ten years back, for good": (At(hour=24, does=step(-TEN_YEARS_US)),),
    "ten years back, mended after ten hours": (
        At(hour=24, does=step(-TEN_YEARS_US)),
        At(hour=34, does=step(TEN_YEARS_US)),
    ),
    "ten years back, and a start meanwhile": (
        At(hour=24, does=step(-TEN_YEARS_US)),
        At(hour=29, does=restart),
        At(hour=34, does=step(TEN_YEARS_US)),
    ),
    "ten years ahead, mended after ten hours": (
        At(hour=24, does=step(TEN_YEARS_US)),
        At(hour=34, does=step(-TEN_YEARS_US)),
    ),
    "ten years ahead, and a start meanwhile": (
        At(hour=24, does=step(TEN_YEARS_US)),
        At(hour=29, does=restart),
        At(hour=34, does=step(-TEN_YEARS_US)),
    ),
    "ten years ahead from the first start, mended after twenty hours": (
        At(hour=-1, does=step(TEN_YEARS_US)),
        At(hour=20, does=step(-TEN_YEARS_US)),
    ),
}


@pytest.mark.parametrize("what", HAPPENINGS)
def test_footage_dies_neither_early_nor_late_when_the_clock_steps(
    what: str, tmp_path: Path
) -> None:
    watch = lived(tmp_path, 4, *HAPPENINGS[what])
    assert not watch.early, f"{what}: {min(watch.early) / US_PER_HOUR:.1f} h early"
    assert not watch.late, f"{what}: {max(watch.late) / US_PER_HOUR:.1f} h late"
    rows = watch.house.catalogue.segments(watch.camera.id)
    assert {row.id for row in rows} == {one.segment.id for one in watch.kept}, "rows go with keys"
    assert set(watch.house.blobs.names()) == {row.blob for row in rows}


def test_a_step_ahead_that_nobody_mends_shreds_nothing_and_stops_viewing(tmp_path: Path) -> None:
    watch = lived(tmp_path, 3, At(hour=24, does=step(TEN_YEARS_US)))
    assert not watch.early
    assert watch.floor.check().viewing_stopped


def test_the_known_hole_a_clock_up_to_a_day_ahead_is_believed_after_a_day(tmp_path: Path) -> None:
    """A machine that slept looks the same; nothing on it can tell."""
    ahead = At(hour=24, does=step(CLOCK_AHEAD_US_MAX - US_PER_MINUTE))
    keep_us = 36 * US_PER_HOUR
    hours = 24 + SHRED_PAUSE_US_MAX / US_PER_HOUR
    assert not lived(tmp_path / "a", (hours - 1) / 24, ahead, keep_us=keep_us).early
    watch = lived(tmp_path / "b", (hours + 3) / 24, ahead, keep_us=keep_us)
    assert watch.early
    assert min(watch.early) >= -CLOCK_AHEAD_US_MAX


def test_the_known_hole_a_start_with_a_clock_far_ahead_is_believed_after_a_day(
    tmp_path: Path,
) -> None:
    """A node that was off for years looks the same; nothing on the machine can tell."""
    happenings = (At(hour=24, does=step(TEN_YEARS_US)), At(hour=24, does=restart))
    hours = 24 + SHRED_PAUSE_US_MAX / US_PER_HOUR
    keep_us = 2 * US_PER_DAY
    assert not lived(tmp_path / "a", (hours - 1) / 24, *happenings, keep_us=keep_us).early
    assert lived(tmp_path / "b", (hours + 3) / 24, *happenings, keep_us=keep_us).early
