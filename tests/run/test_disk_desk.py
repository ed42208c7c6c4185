from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest

from fairview.config.settings import DiskPlace, Recording, Settings
from fairview.core.errors import BadInput, Conflict, NotFound, Unavailable
from fairview.core.time import ManualClock
from fairview.run.disks.desk import (
    DiskWish,
    add_disk,
    disks_told,
    drain_disk,
    remove_disk,
    set_role,
)
from fairview.run.disks.open_disks import open_disks, take_settings
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.check import check
from fairview.store.disk_list import read_disks
from fairview.store.layout import DataFolder, open_data_folder
from tests.builders import NOON, packet
from tests.record.desk import CAMERA, Desk, second


def no_bar(_: float, __: str) -> None:
    return None


def wish(path: Path | None, name: str = "tank", **changes: object) -> DiskWish:
    values: dict[str, object] = {
        "name": name,
        "path": path,
        "free_bytes_min": None,
        "bytes_max": None,
        "role": "record",
        "take_over": False,
    }
    values.update(changes)
    return DiskWish(**values)  # type: ignore[arg-type]  # tests name fields freely


class House:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder: DataFolder = open_data_folder(root / "data", create=True)
        self.settings = Settings(data=root / "data")
        self.clock = ManualClock(NOON)
        for name in ("tank", "vault"):
            (root / name).mkdir()

    def record(self, on: str, *, is_open: bool = False) -> Desk:
        disks = open_disks(self.folder, self.clock)
        disks.wish(CAMERA, on)
        catalogue = SqliteCatalogue(self.folder.catalogue)
        desk = Desk(self.root, blobs=disks, disks=disks, clock=self.clock, catalogue=catalogue)
        desk.feed([*second(0, 3), packet(75)])
        if not is_open:
            desk.close()
        return desk

    def drain(self, name: str) -> int:
        return drain_disk(self.settings, name, self.clock, threading.Event(), no_bar)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_disk_is_adopted_used_emptied_and_retired(house: House) -> None:
    tank = house.root / "tank"
    add_disk(house.settings, wish(tank, free_bytes_min=5))
    desk = house.record("tank")
    (told,) = [one for one in disks_told(house.settings, house.clock).disks if one.used_bytes]
    assert (told.entry.name, told.floor_bytes, told.sign.state) == ("tank", 5, "ok")
    with pytest.raises(Conflict, match="1 segments lie on tank"):
        remove_disk(house.settings, "tank", house.clock)
    assert house.drain("tank") == 1
    assert house.drain("tank") == 0
    disks = open_disks(house.folder, house.clock)
    (row,) = desk.segments()
    assert disks.where(row.blob) == "data"
    assert check(disks, desk.catalogue).is_clean
    remove_disk(house.settings, "tank", house.clock)
    assert [one.name for one in read_disks(house.folder).disks] == ["data"]
    assert not (tank / "fairview-disk.json").exists()
    desk.catalogue.close()


def test_a_segment_that_grows_is_left_until_it_has_ended(house: House) -> None:
    add_disk(house.settings, wish(house.root / "tank"))
    desk = house.record("tank", is_open=True)
    disks = open_disks(house.folder, house.clock)
    (blob,) = disks.names_on("tank")
    set_role(house.settings, "tank", "keep")
    assert not disks.move(blob, "tank")
    desk.close()
    disks.look()
    assert disks.move(blob, "tank")
    assert disks.where(blob) == "data"
    desk.catalogue.close()


def test_the_last_disk_can_not_be_left(house: House) -> None:
    with pytest.raises(Conflict, match="last disk"):
        set_role(house.settings, "data", "keep")
    with pytest.raises(BadInput):
        remove_disk(house.settings, "data", house.clock)
    add_disk(house.settings, wish(house.root / "tank"))
    set_role(house.settings, "data", "keep")
    with pytest.raises(Conflict, match="last disk"):
        set_role(house.settings, "tank", "keep")


def test_what_is_no_disk_of_ours_is_refused(house: House) -> None:
    full = house.root / "vault"
    (full / "letters.txt").write_text("mine")
    with pytest.raises(BadInput, match="holds other things"):
        add_disk(house.settings, wish(full))
    with pytest.raises(NotFound, match="mount the disk"):
        add_disk(house.settings, wish(house.root / "nowhere"))
    with pytest.raises(BadInput, match="say where"):
        add_disk(house.settings, wish(None))
    with pytest.raises(BadInput, match="not a disk's name"):
        add_disk(house.settings, wish(house.root / "tank", name="Tank 1"))
    add_disk(house.settings, wish(house.root / "tank"))
    with pytest.raises(Conflict, match="there is a disk tank"):
        add_disk(house.settings, wish(house.root / "tank"))
    with pytest.raises(Conflict, match="a disk of this folder already"):
        add_disk(house.settings, wish(house.root / "tank", name="other"))


def test_another_folders_disk_is_taken_over_only_when_told(house: House, tmp_path: Path) -> None:
    add_disk(house.settings, wish(house.root / "tank"))
    (tmp_path / "second").mkdir()
    other = House(tmp_path / "second")
    with pytest.raises(Conflict, match="--take-over"):
        add_disk(other.settings, wish(house.root / "tank"))
    add_disk(other.settings, wish(house.root / "tank", take_over=True))


def test_a_disk_that_is_away_says_so_and_counts_for_nothing(house: House) -> None:
    add_disk(house.settings, wish(house.root / "tank"))
    house.record("tank").catalogue.close()
    (house.root / "tank").rename(house.root / "pulled")
    told = disks_told(house.settings, house.clock)
    words = {one.entry.name: one.in_words() for one in told.disks}
    assert words == {"data": "too early to tell", "tank": "not readable now"}
    assert told.in_all.outlook == "unknown"
    assert told.as_json()["policy"] == "most_free"


def test_a_lost_disk_is_retired_only_when_told(house: House) -> None:
    add_disk(house.settings, wish(house.root / "tank"))
    (house.root / "tank").rename(house.root / "broken")
    with pytest.raises(Unavailable, match="--lost"):
        remove_disk(house.settings, "tank", house.clock)
    remove_disk(house.settings, "tank", house.clock, lost=True)
    assert [one.name for one in read_disks(house.folder).disks] == ["data"]


def test_the_settings_bounds_and_policy_count_from_the_next_start(house: House) -> None:
    place = DiskPlace(name="tank", path=house.root / "tank", bytes_max=7, role="keep")
    said = Settings(
        data=house.root / "data",
        recording=Recording(disk_policy="fill_in_order"),
        disks=(place, DiskPlace(name="vault", path=house.root / "vault")),
    )
    add_disk(said, wish(None))
    assert disks_told(said, house.clock).waiting == ("vault",)
    take_settings(house.folder, said)
    found = read_disks(house.folder)
    assert found.policy == "fill_in_order"
    assert (found.named("tank").bytes_max, found.named("tank").role) == (7, "keep")
    assert [one.name for one in found.disks] == ["data", "tank"]


def test_a_folder_with_one_disk_needs_no_list(house: House) -> None:
    take_settings(house.folder, house.settings)
    assert not (house.folder.root / "disks.json").exists()
    house.record("data").catalogue.close()
    with closing(SqliteCatalogue(house.folder.catalogue)) as catalogue:
        assert check(open_disks(house.folder, house.clock), catalogue).is_clean
