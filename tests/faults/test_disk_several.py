"""Several disks: full, failing, read-only, pulled, swapped and back; and the power that goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairview.core.errors import NotFound, Unavailable
from fairview.core.limits import FRAGMENT_US_MAX
from fairview.core.limits_disks import DISK_FAILED_US_FIRST, DISK_SLOW_US
from fairview.core.media import GapBecause
from fairview.core.time import US_PER_SECOND, ManualClock, Span
from fairview.record.playback import merged, timeline
from fairview.store.check import check
from fairview.store.contracts import CameraSaved
from fairview.store.disk_list import DiskEntry, adopt, read_disks, write_disks
from fairview.store.disks import Disks
from fairview.store.layout import DataFolder
from fairview.store.recovery import recover
from tests.builders import NOON, camera
from tests.faults.disk_switch import FAILED, FULL, READ_ONLY, PowerCut, SwitchedDisk
from tests.record.desk import CAMERA, SIGNER, Desk, second, ticks_of
from tests.store.disks import Rooms, folder_with


class House:
    """A data folder that records to its own disk and to two more, in order: tank, vault, data."""

    def __init__(self, root: Path, disk: SwitchedDisk | None = None) -> None:
        self.root = root
        self.disk = disk or SwitchedDisk()
        self.rooms = Rooms()
        self.clock = ManualClock(NOON)
        self.folder = ordered(root)
        self.start()

    def start(self) -> None:
        """The next process."""
        self.disks = Disks(self.folder, self.clock, disk=self.disk, room=self.rooms)
        self.disks.look()

    def desk(self) -> Desk:
        desk = Desk(self.root, blobs=self.disks, disks=self.disks, clock=self.clock)
        desk.catalogue.write([CameraSaved(camera=camera(CAMERA), sealed_login=None)])
        return desk

    def blobs_on(self, name: str) -> list[str]:
        return list(self.disks.on(name)._one.blobs.names())  # type: ignore[attr-defined]


def ordered(root: Path) -> DataFolder:
    folder = folder_with(root, "tank", "vault")
    disks = read_disks(folder)
    in_order = tuple(disks.named(name) for name in ("tank", "vault", "data"))
    write_disks(
        folder, type(disks)(folder_id=disks.folder_id, policy="fill_in_order", disks=in_order)
    )
    return folder


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.mark.parametrize("number", [FULL, FAILED, READ_ONLY])
def test_footage_goes_on_at_another_disk_without_a_loss(house: House, number: int) -> None:
    desk = house.desk()
    desk.feed(second(0, 5))
    house.disk.failing[house.root / "tank"] = number
    desk.feed(second(5, 5))
    house.disk.failing.clear()
    house.clock.advance(DISK_FAILED_US_FIRST)
    desk.feed(second(10, 60))
    desk.close()
    assert [one.ticks for one in desk.samples()] == ticks_of(second(0, 70))
    assert sorted(one.kind for one in desk.events()) == ["disk_back", "disk_failing"]
    assert [house.disks.where(row.blob) for row in desk.segments()] == ["tank", "vault", "tank"]
    assert check(desk.blobs, desk.catalogue).is_clean


def test_a_disk_that_has_failed_is_left_alone_for_a_while(house: House) -> None:
    house.disks.failed("tank", "the disk failed")
    assert house.disks.place(CAMERA) == "vault"
    house.clock.advance(DISK_FAILED_US_FIRST)
    assert house.disks.place(CAMERA) == "tank"
    house.disks.failed("tank", "the disk failed")
    house.clock.advance(DISK_FAILED_US_FIRST)
    assert house.disks.place(CAMERA) == "vault"
    house.clock.advance(DISK_FAILED_US_FIRST)
    house.disks.worked("tank")
    assert house.disks.place(CAMERA) == "tank"


def test_with_all_disks_failing_it_is_tried_again_and_is_a_gap(house: House) -> None:
    desk = house.desk()
    desk.feed(second(0, 5))
    for name in ("tank", "vault", "data/blobs"):
        house.disk.failing[house.root / name] = FAILED
    desk.feed(second(5, 30))
    house.disk.failing.clear()
    desk.feed(second(35, 60))
    desk.close()
    kept = [one.ticks for one in desk.samples()]
    assert kept[:100] == ticks_of(second(0, 4))
    assert GapBecause.DISK_FAILED in [gap.because for gap in desk.gaps()]
    assert len(kept) > 25 * 55
    recover(desk.blobs, desk.catalogue, desk.clock, [SIGNER])
    assert check(desk.blobs, desk.catalogue).is_clean


def test_nothing_is_written_to_an_empty_mount_point(house: House) -> None:
    tank = house.root / "tank"
    tank.rename(house.root / "pulled")
    tank.mkdir()
    house.disks.look()
    desk = house.desk()
    desk.feed(second(0, 5))
    desk.close()
    assert list(tank.iterdir()) == []
    assert [house.disks.where(row.blob) for row in desk.segments()] == ["vault"]
    (sign,) = [one for one in house.disks.signs() if one.name == "tank"]
    assert (sign.state, sign.because) == ("gone", f"nothing is mounted at {tank}")


def test_a_disk_pulled_between_two_looks_is_not_written_to(house: House) -> None:
    tank = house.root / "tank"
    assert house.disks.place(CAMERA) == "tank"
    tank.rename(house.root / "pulled")
    tank.mkdir()
    desk = house.desk()
    desk.feed(second(0, 5))
    desk.close()
    assert list(tank.iterdir()) == []
    assert len(desk.samples()) == 125


def test_footage_of_a_disk_that_is_away_is_not_readable_now_and_comes_back(house: House) -> None:
    desk = house.desk()
    desk.feed(second(0, 65))
    desk.close()
    (first, *_), tank = desk.segments(), house.root / "tank"
    assert house.disks.where(first.blob) == "tank"
    tank.rename(house.root / "pulled")
    house.disks.look()
    with pytest.raises(Unavailable, match=r"not readable now: a disk is away \(tank: "):
        house.disks.read(first.blob)
    report = check(house.disks, desk.catalogue)
    assert {one.code for one in report.findings} == {"row_unreadable"}
    recover(house.disks, desk.catalogue, desk.clock, [SIGNER])
    assert first in desk.segments(), "a row is kept while its disk is away"
    (house.root / "pulled").rename(tank)
    house.disks.look()
    assert house.disks.read(first.blob)
    assert house.disks.place(CAMERA) == "tank"
    with pytest.raises(NotFound):
        house.disks.read(first.blob[:-5] + "0.fvs")
    assert check(house.disks, desk.catalogue).is_clean


def test_another_disk_in_its_place_is_refused(house: House, tmp_path: Path) -> None:
    tank, vault = house.root / "tank", house.root / "vault"
    tank.rename(house.root / "aside")
    vault.rename(tank)
    (house.root / "aside").rename(vault)
    house.disks.look()
    because = {one.name: one.because for one in house.disks.signs()}
    assert because["tank"] == f"another disk (vault) is mounted at {tank}"
    assert because["vault"] == f"another disk (tank) is mounted at {vault}"
    assert house.disks.place(CAMERA) == "data"


def test_what_dies_while_its_disk_is_away_goes_when_it_is_back(house: House) -> None:
    desk = house.desk()
    desk.feed(second(0, 5))
    desk.close()
    (row,), tank = desk.segments(), house.root / "tank"
    tank.rename(house.root / "pulled")
    house.disks.look()
    house.disks.remove(row.blob)
    house.disks.remove(row.blob)
    (house.root / "pulled").rename(tank)
    house.start()
    assert list(house.disks.names()) == []
    assert house.disks.settle() == 1
    assert house.blobs_on("tank") == []
    assert house.disks.settle() == 0


def test_a_disk_that_does_not_answer_holds_up_nobody(house: House) -> None:
    tank = next(one for one in house.disks.all() if one.entry.name == "tank")
    tank._look_since_us = house.clock.monotonic_us()  # a look begun, and never ended
    house.clock.advance(DISK_SLOW_US + 1)
    assert tank.known().state == "slow"
    assert house.disks.place(CAMERA) == "vault"
    with pytest.raises(Unavailable, match="does not answer"):
        house.disks.read("junction-1/2026-05-01/12/" + "0" * 32 + ".fvs")


def test_a_list_that_changes_is_taken_up(house: House) -> None:
    disks = read_disks(house.folder)
    (house.root / "third").mkdir()
    more = adopt(disks, DiskEntry(name="third", path=house.root / "third", id=""))
    write_disks(house.folder, more)
    house.disks.look()
    assert [one.name for one in house.disks.signs()] == ["tank", "vault", "data", "third"]
    write_disks(house.folder, disks)
    house.disks.look()
    assert [one.name for one in house.disks.signs()] == ["tank", "vault", "data"]


def run_until_cut(house: House) -> tuple[Desk, int]:
    """Footage while the first disk fails and comes back; how many packets were handed over."""
    desk = house.desk()
    packets = second(0, 9)
    for count, one in enumerate(packets):
        if count == 75:
            house.disk.failing[house.root / "tank"] = FAILED
        if count == 125:
            house.disk.failing.clear()
        try:
            desk.feed([one])
        except PowerCut:
            return desk, count + 1
        desk.rows.drain()
    return desk, len(packets)


@pytest.mark.parametrize("torn_bytes", [0, 40, 2_000])
def test_the_power_goes_at_every_sync_of_several_disks(
    tmp_path: Path, torn_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairview.record.recorder.SEGMENT_US", 3 * US_PER_SECOND)
    cut_at, used = 0, set[str | None]()
    while True:
        (tmp_path / str(cut_at)).mkdir()
        house = House(tmp_path / str(cut_at), SwitchedDisk(cut_at=cut_at))
        desk, handed = run_until_cut(house)
        if handed == len(second(0, 9)):
            break
        house.disk.failing.clear()
        house.disk.cut_at = None
        house.disk.lose(torn_bytes)
        house.clock.advance(5 * US_PER_SECOND)
        house.start()
        assert_sound_after_restart(house, desk, handed)
        used |= {house.disks.where(row.blob) for row in desk.segments()}
        cut_at += 1
    assert cut_at > 40
    assert used == {"tank", "vault"}


def assert_sound_after_restart(house: House, desk: Desk, handed: int) -> None:
    acknowledged = desk.recorder.figures.stored_until
    desk.blobs = desk.disks = house.disks
    recover(desk.blobs, desk.catalogue, desk.clock, [SIGNER])
    report = check(desk.blobs, desk.catalogue)
    assert report.is_clean, report.in_words()
    desk.again()
    desk.feed(second(20, 4))
    desk.clock.advance(US_PER_SECOND)
    desk.close()
    report = check(desk.blobs, desk.catalogue)
    assert report.is_clean, report.in_words()
    kept = [sample.ticks for sample in desk.samples()]
    assert len(set(kept)) == len(kept)
    lost = [one for one in second(0, 9)[:handed] if one.ticks not in set(kept)]
    assert len(lost) * 40_000 <= FRAGMENT_US_MAX
    if acknowledged is not None:
        assert all(one.at >= acknowledged for one in lost)
        whole = Span(start=NOON, end=NOON.plus(22 * US_PER_SECOND))
        seen = timeline(desk.segments(), desk.gaps(), whole)
        assert merged([*seen.footage, *(gap.span for gap in seen.gaps)], 0) == (whole,)
