"""Every step of every durable write fails once before and once after it took effect."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from fairview.core.errors import Conflict, NotFound, Unavailable
from fairview.store.durable import (
    AppendFile,
    create_file,
    cut_file,
    destroy_file,
    make_folders,
    remove_file,
    replace_file,
)
from tests.faults.stores import FAULTS, Fault, FaultyDisk


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_replaced_file_holds_the_old_or_the_new_and_a_repeat_ends_it(
    tmp_path: Path, fault: Fault, is_first: bool
) -> None:
    counting = FaultyDisk()
    replace_file(tmp_path / "count", b"new", disk=counting)
    steps = sum(counting.calls.values())
    assert counting.calls == {
        "unlink": 1, "create": 1, "write": 1, "sync": 1, "rename": 1, "sync_folder": 1,
    }  # fmt: skip
    for step in range(steps):
        path = tmp_path / f"{step}"
        if not is_first:
            path.write_bytes(b"old")
        with contextlib.suppress(Unavailable):
            replace_file(path, b"new", disk=FaultyDisk(fault=fault, fail_at=step))
        held = path.read_bytes() if path.exists() else None
        assert held in (b"new", None if is_first else b"old")
        replace_file(path, b"new")
        assert path.read_bytes() == b"new"
        assert path.stat().st_mode & 0o777 == 0o600


@dataclass
class _Appending:
    """Two pieces, each synced; what was acknowledged is noted."""

    path: Path
    disk: FaultyDisk
    file: AppendFile | None = None
    durable: bytes = b""

    def run(self) -> None:
        self.file = create_file(self.path, disk=self.disk)
        for piece in (b"one", b"two"):
            self.file.append(piece)
            self.file.sync()
            self.durable += piece


@pytest.mark.parametrize("fault", FAULTS)
def test_an_append_that_failed_is_never_told_as_stored(tmp_path: Path, fault: Fault) -> None:
    for number, step in enumerate(("create", "sync_folder", "write", "sync", "write", "sync")):
        work = _Appending(tmp_path / str(number), FaultyDisk(fault=fault, fail_at=number))
        with pytest.raises(Unavailable):
            work.run()
        assert work.disk.failed == step
        assert work.durable == (b"one" if number > 3 else b"")
        if work.file is None:
            continue
        with pytest.raises(Unavailable):
            work.file.append(b"x")
        with pytest.raises(Unavailable):
            work.file.sync()
        work.file.close()
        assert work.path.read_bytes().startswith(work.durable)


def test_a_full_disk_says_so_and_what_to_do(tmp_path: Path) -> None:
    file = create_file(tmp_path / "a", disk=FaultyDisk(fault="full", fail_at=2))
    with pytest.raises(Unavailable, match=r"full.*make room"):
        file.append(b"x")
    file.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_removing_cutting_and_destroying_end_when_repeated(tmp_path: Path, fault: Fault) -> None:
    for work, wanted in ((remove_file, None), (destroy_file, None), (cut_file, b"01")):
        for step in range(4):
            path = tmp_path / f"{work.__name__}{step}"
            path.write_bytes(b"0123456789")
            for disk in (FaultyDisk(fault=fault, fail_at=step), FaultyDisk()):
                extra = (2,) if work is cut_file else ()
                try:
                    work(path, *extra, disk=disk)
                except Unavailable:
                    assert disk.failed is not None
            assert (path.read_bytes() if path.exists() else None) == wanted


@pytest.mark.parametrize("fault", FAULTS)
def test_folders_are_made_durably_when_repeated(tmp_path: Path, fault: Fault) -> None:
    for step in range(6):
        path = tmp_path / str(step) / "b" / "c"
        disk = FaultyDisk(fault=fault, fail_at=step)
        with pytest.raises(Unavailable):
            make_folders(path, disk=disk)
        make_folders(path)
        assert path.is_dir()


def test_a_short_write_is_gone_on_with(tmp_path: Path) -> None:
    class Slow(FaultyDisk):
        def write(self, descriptor: int, data: bytes | memoryview) -> int:
            return super().write(descriptor, data[:3])

    file = create_file(tmp_path / "a", disk=Slow())
    file.append(b"0123456789")
    assert file.size_bytes == 10
    file.close()
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_trouble_has_the_name_of_what_to_do(tmp_path: Path) -> None:
    create_file(tmp_path / "a").close()
    with pytest.raises(Conflict):
        create_file(tmp_path / "a")
    with pytest.raises(NotFound):
        create_file(tmp_path / "missing" / "a")
    with pytest.raises(NotFound):
        cut_file(tmp_path / "missing", 0)
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208
