from __future__ import annotations

from pathlib import Path

import pytest

from fairview.core.errors import Unavailable
from fairview.core.limits_disks import RESERVE_LOW_BYTES
from fairview.store.layout import DataFolder, open_data_folder
from fairview.store.reserve import Reserve
from tests.faults.stores import FAULTS, Fault, FaultyDisk

SIZE = 2 * 1024 * 1024
PLENTY = 1 << 40


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return open_data_folder(tmp_path / "data", create=True)


def reserve(folder: DataFolder, disk: FaultyDisk | None = None) -> Reserve:
    return Reserve(folder, size_bytes=SIZE, disk=disk or FaultyDisk())


def test_it_takes_its_room_and_gives_it_back_when_the_disk_is_nearly_full(
    folder: DataFolder,
) -> None:
    kept = reserve(folder)
    found = []
    for free in (PLENTY, RESERVE_LOW_BYTES, RESERVE_LOW_BYTES - 1, 4 * SIZE, PLENTY):
        kept.tend(free)
        found.append((kept.is_there, (folder.root / "reserve").exists()))
    there, gone = (True, True), (False, False)
    assert found == [there, there, gone, gone, there]
    assert (folder.root / "reserve").stat().st_size == SIZE


def test_it_is_not_made_where_it_would_fill_the_disk(folder: DataFolder) -> None:
    kept = Reserve(folder, size_bytes=RESERVE_LOW_BYTES)
    kept.tend(4 * RESERVE_LOW_BYTES)
    assert not kept.is_there


def test_what_a_crash_left_of_it_is_made_whole(folder: DataFolder) -> None:
    (folder.root / "reserve").write_bytes(b"x")
    reserve(folder).tend(PLENTY)
    assert (folder.root / "reserve").stat().st_size == SIZE


@pytest.mark.parametrize("fault", FAULTS)
def test_one_that_cannot_be_made_leaves_nothing_and_is_tried_again(
    folder: DataFolder, fault: Fault
) -> None:
    steps = FaultyDisk()
    reserve(folder, steps).tend(PLENTY)
    for step in range(sum(steps.calls.values())):
        reserve(folder).release()
        disk = FaultyDisk(fault=fault, fail_at=step)
        kept = reserve(folder, disk)
        if disk.fail_at == step:
            try:
                kept.tend(PLENTY)
            except Unavailable:
                pytest.fail("a reserve that fails is only missing")
        kept.tend(PLENTY)
        assert kept.is_there
