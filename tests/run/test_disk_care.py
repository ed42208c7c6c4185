from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fairview.core.limits_disks import DISK_STOP_BYTES, RESERVE_BYTES, RESERVE_LOW_BYTES
from fairview.core.time import US_PER_SECOND, ManualClock
from fairview.run.disks.tending import DiskCare
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.contracts import CameraSaved
from fairview.store.disk_list import read_disks, write_disks
from fairview.store.disks import Disks
from fairview.store.reserve import Reserve
from tests import builders
from tests.builders import NOON
from tests.record.desk import CAMERA, Desk, second
from tests.store.disks import ROOM_BYTES, Rooms, folder_with

FLOOR = 1_000_000_000


class House:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = folder_with(root, "tank")
        self.rooms, self.clock = Rooms(), ManualClock(NOON)
        self.disks = Disks(self.folder, self.clock, room=self.rooms, free_bytes_min=FLOOR)
        self.disks.look()
        self.catalogue = MemoryCatalogue()
        reserve = Reserve(self.folder, size_bytes=1024 * 1024)
        self.care = DiskCare(self.disks, reserve, self.catalogue, self.clock)

    def recorded(self, on: str, first_s: int) -> str:
        """A segment on a disk; its blob."""
        self.disks.wish(CAMERA, on)
        desk = Desk(
            self.root,
            blobs=self.disks,
            disks=self.disks,
            clock=self.clock,
            catalogue=self.catalogue,
        )
        desk.feed(second(first_s, 2))
        desk.close()
        return max(desk.segments(), key=lambda row: row.span.start).blob

    def told(self) -> list[tuple[str, str]]:
        self.disks.look()
        self.care.look()
        self.clock.advance(US_PER_SECOND)
        return [(one.kind, one.because) for one in self.catalogue.events(NOON, 100)]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_disk_below_its_floor_is_short_and_knows_what_lies_on_it(house: House) -> None:
    on_tank, own = house.recorded("tank", 0), house.recorded("data", 10)
    assert house.care.needs() == []
    house.rooms.free_bytes[house.root / "tank"] = FLOOR - 5
    (need,) = house.care.needs()
    rows = {row.blob: row for row in house.catalogue.segments(CAMERA)}
    assert (need.name, need.need_bytes) == ("tank", 5)
    assert need.holds(rows[on_tank])
    assert not need.holds(rows[own])


def test_a_bound_of_its_own_counts_what_lies_there(house: House) -> None:
    house.recorded("tank", 0)
    disks = read_disks(house.folder)
    entry = disks.named("tank")
    bounded = type(entry)(name="tank", path=entry.path, id=entry.id, bytes_max=100)
    write_disks(house.folder, disks.with_disk(bounded))
    house.disks.look()
    (need,) = house.care.needs()
    (tank,) = [one for one in house.disks.all() if one.entry.name == "tank"]
    assert need.need_bytes == tank.used_bytes() - 100
    house.disks.wish(CAMERA, None)
    assert house.disks.place(CAMERA) == "data", "nothing new goes over the bound"
    other = Disks(house.folder, house.clock, room=house.rooms, free_bytes_min=FLOOR)
    other.look()
    assert other.place(CAMERA) == "data", "other processes know what was measured"


def test_a_disk_that_cannot_be_written_is_not_made_room_on(house: House) -> None:
    tank = house.root / "tank"
    house.rooms.free_bytes[tank] = 0
    house.rooms.read_only.add(tank)
    house.disks.look()
    assert house.care.needs() == []


def test_a_disk_that_goes_and_comes_is_told_once_each(house: House) -> None:
    tank = house.root / "tank"
    assert house.told() == []
    tank.rename(house.root / "pulled")
    gone = ("disk_failing", f"the disk tank: nothing is mounted at {tank}")
    assert house.told() == [gone]
    assert house.told() == [gone]
    (house.root / "pulled").rename(tank)
    assert house.told() == [gone, ("disk_back", "the disk tank: it takes footage again")]


def test_a_full_disk_is_told_and_takes_nothing(house: House) -> None:
    house.rooms.free_bytes[house.root / "tank"] = DISK_STOP_BYTES - 1
    assert [kind for kind, _ in house.told()] == ["disk_failing"]
    assert house.disks.is_full("tank")
    assert house.disks.place(CAMERA) == "data"


def test_the_reserve_comes_and_goes_with_the_room(house: House) -> None:
    house.care.look()
    assert (house.folder.root / "reserve").exists()
    house.rooms.free_bytes[house.folder.root] = RESERVE_LOW_BYTES - 1
    house.care.look()
    assert not (house.folder.root / "reserve").exists()


def test_footage_stops_before_the_reserve_is_needed() -> None:
    assert DISK_STOP_BYTES > RESERVE_LOW_BYTES
    assert RESERVE_BYTES >= RESERVE_LOW_BYTES
    assert ROOM_BYTES > FLOOR


def test_a_camera_whose_disk_was_taken_out_is_told_once_and_kept_elsewhere(house: House) -> None:
    kept = replace(builders.camera(CAMERA), disk="tank")
    house.catalogue.write([CameraSaved(camera=kept, sealed_login=None)])
    assert house.told() == []
    write_disks(house.folder, read_disks(house.folder).without("tank"))
    because = "there is no disk tank any more; known: data"
    assert house.told() == [("camera_disk_gone", because)]
    assert house.told() == [("camera_disk_gone", because)]
    house.disks.wish(CAMERA, "tank")
    assert house.disks.place(CAMERA) == "data"
