"""A real file system that fills up, and a real half minute in which a disk stands still."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fairview.core.media import GapBecause
from fairview.core.time import US_PER_HOUR, US_PER_SECOND, ManualClock, SystemClock
from fairview.record.retention import Bound, camera_hours, over_bounds
from fairview.record.write_queue import DiskWriters
from fairview.run.disks.tending import DiskCare
from fairview.store.check import check
from fairview.store.contracts import CameraSaved, SegmentsRemoved
from fairview.store.disk_list import DiskEntry, adopt, in_role, read_disks, write_disks
from fairview.store.disks import Disks
from fairview.store.layout import open_data_folder
from fairview.store.recovery import recover
from fairview.store.reserve import Reserve
from tests.builders import NOON, camera, packet
from tests.record.desk import CAMERA, SIGNER, Desk
from tests.record.slow_disk import GatedBlobs

SIZE_MB = 50
PICTURE = os.urandom(40_000)
STALL_S = 30


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 50 MB; mounting takes root."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    asked = [str(mount), "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(place)]
    if mount is None or subprocess.run(asked, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here (it takes root)")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


class Small:
    """A data folder whose footage goes to the small disk first."""

    def __init__(self, root: Path, place: Path, *, spare: bool, picture: int = 40_000) -> None:
        self.picture = PICTURE[:picture]
        self.folder = open_data_folder(root / "data", create=True)
        small = DiskEntry(name="small", path=place, id="", free_bytes_min=10_000_000)
        disks = adopt(read_disks(self.folder), small)
        first = tuple(sorted(disks.disks, key=lambda one: one.is_own))
        disks = replace(disks, disks=first, policy="fill_in_order")
        write_disks(self.folder, disks if spare else in_role(disks, "data", "keep"))
        self.clock = ManualClock(NOON)
        self.disks = Disks(self.folder, self.clock)
        self.disks.look()
        self.desk = Desk(root, blobs=self.disks, disks=self.disks, clock=self.clock)
        self.desk.catalogue.write([CameraSaved(camera=camera(CAMERA), sealed_login=None)])
        reserve = Reserve(self.folder, size_bytes=1_000_000)
        self.care = DiskCare(self.disks, reserve, self.desk.catalogue, self.clock)

    def minutes(self, first: int, count: int) -> None:
        """A minute of 25 pictures, one every 2.4 s; of 40 kB they are 1 MB."""
        for number in range(first * 25, (first + count) * 25):
            at = NOON.plus(number * 2_400_000)
            one = packet(number, is_key=True, data=b"\x00\x00\x00\x01\x65" + self.picture)
            ticks = number * 216_000
            self.desk.feed(
                [
                    replace(
                        one,
                        ticks=ticks,
                        decode_ticks=ticks,
                        duration_ticks=216_000,
                        at=at,
                        arrived_at=at,
                    )
                ]
            )
        self.disks.look()

    def make_room(self) -> None:
        """What the sweep does, without its keys and ledger."""
        rows = self.desk.segments()
        bounds = [
            Bound(because="room", need_bytes=one.need_bytes, counts=one.holds)
            for one in self.care.needs()
        ]
        hours = camera_hours(rows)
        for death, _ in over_bounds(hours, bounds, hour_now=self.clock.now().hour()):
            for row in death.removed:
                self.disks.remove(row.blob)
            ids = tuple(row.id for row in death.removed)
            self.desk.catalogue.write([SegmentsRemoved(ids=ids)])


@pytest.fixture(autouse=True)
def _small_margins(monkeypatch: pytest.MonkeyPatch) -> None:
    for where in ("one_disk", "disks"):
        monkeypatch.setattr(f"fairview.store.{where}.DISK_STOP_BYTES", 2_000_000)
    for where in ("recorder", "continuity"):
        monkeypatch.setattr(f"fairview.record.{where}.HOLE_US_MIN", 10_000_000, raising=False)


@pytest.mark.long
def test_on_a_full_disk_the_oldest_hours_go_and_recording_goes_on(
    small_disk: Path, tmp_path: Path
) -> None:
    house = Small(tmp_path, small_disk, spare=False, picture=10_000)
    for minute in range(0, 8 * 60, 10):
        house.minutes(minute, 10)
        house.make_room()
    house.desk.close()
    rows = house.desk.segments()
    assert {house.disks.where(row.blob) for row in rows} == {"small"}
    assert rows[-1].span.end.since(NOON) >= 8 * US_PER_HOUR - 60 * US_PER_SECOND
    held = sum(row.size_bytes for row in rows)
    assert 20_000_000 < held < SIZE_MB * 1_000_000
    recover(house.disks, house.desk.catalogue, house.clock, [SIGNER])
    assert check(house.disks, house.desk.catalogue).is_clean


@pytest.mark.long
def test_a_full_disk_without_anything_to_give_up_hands_over_to_the_next(
    small_disk: Path, tmp_path: Path
) -> None:
    house = Small(tmp_path, small_disk, spare=True)
    for minute in range(0, 80, 10):
        house.minutes(minute, 10)
    house.desk.close()
    rows = house.desk.segments()
    assert {house.disks.where(row.blob) for row in rows} == {"small", "data"}
    assert sum(row.fragments for row in rows) == 80 * 25
    assert check(house.disks, house.desk.catalogue).is_clean


@pytest.mark.long
def test_a_full_disk_that_is_the_only_one_is_a_gap_that_says_so(
    small_disk: Path, tmp_path: Path
) -> None:
    house = Small(tmp_path, small_disk, spare=False)
    for minute in range(0, 70, 10):
        house.minutes(minute, 10)
    house.desk.close()
    assert GapBecause.DISK_FULL in [gap.because for gap in house.desk.gaps()]
    assert "disk_failing" in [event.kind for event in house.desk.events()]
    recover(house.disks, house.desk.catalogue, house.clock, [SIGNER])
    assert check(house.disks, house.desk.catalogue).is_clean


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_disk_that_stands_still_for_a_real_half_minute_loses_nothing(tmp_path: Path) -> None:
    blobs, writers, clock = GatedBlobs(patience_s=60), DiskWriters(), SystemClock()
    begun_us = clock.monotonic_us()
    desk = Desk(tmp_path, blobs=blobs, lanes=writers)
    pictures = (STALL_S + 10) * 25
    opener = threading.Timer(STALL_S, blobs.open.set)
    for number in range(pictures):
        due_us = begun_us + number * 40_000
        time.sleep(max(0, due_us - clock.monotonic_us()) / US_PER_SECOND)
        if number == 5 * 25:
            blobs.open.clear()
            opener.start()
        data = b"\x00\x00\x00\x01\x65" + PICTURE[:20_000]
        desk.feed([packet(number, is_key=number % 25 == 0, data=data)])
    assert blobs.open.is_set()
    desk.close()
    writers.close()
    assert len(desk.samples()) == pictures
    assert [gap.because for gap in desk.gaps()] == [GapBecause.STOPPED]
