"""Every write fails once and twice, stored and not: nothing acknowledged is lost, nothing forks."""

from __future__ import annotations

import contextlib
from itertools import product
from pathlib import Path

import pytest

from fairview.core.errors import Corrupt, Unavailable
from fairview.core.limits import LEDGER_BATCH_ENTRIES_MAX
from fairview.core.time import ManualClock
from fairview.store.durable import Disk
from fairview.store.heads import MemoryHeads, SqliteHeads
from fairview.store.ledger import Ledger
from fairview.store.ledger_check import verify_ledger
from fairview.store.ledger_files import FolderLedgerFiles
from fairview.store.merkle import root_over
from fairview.store.proof import verify_proof
from tests.builders import NOON
from tests.store.ledger_faults import KEY, ORIGIN, SIGNER, World, assert_tidy

# Where the interesting writes lie: the first entry, inside a tile, finishing one, crossing one.
STARTS = (0, 7, 253, 254, 255, 256)
BATCH = 3


def begun(size: int) -> tuple[World, Ledger, list[bytes]]:
    world = World()
    ledger = world.open()
    entries = [b"old %d" % number for number in range(size)]
    if entries:
        ledger.append(entries)
    return world, ledger, entries


def writes_of_a_batch(start: int) -> int:
    world, ledger, _ = begun(start)
    world.faults.plan()
    ledger.append([b"new"] * BATCH)
    return world.faults.count


def tried(ledger: Ledger, name: bytes) -> list[bytes] | None:
    """The entries when they were acknowledged, None when they were not."""
    entries = [b"%s %d" % (name, number) for number in range(BATCH)]
    try:
        ledger.append(entries)
    except Unavailable:
        return None
    return entries


def check(world: World, ledger: Ledger, kept: list[list[bytes]]) -> None:
    """Acknowledged batches stand once, whole, in order; unacknowledged ones stand whole or not."""
    found = world.entries()
    acknowledged = [entry for batch in kept for entry in batch]
    assert [entry for entry in found if entry in set(acknowledged)] == acknowledged
    assert ledger.size == len(found)
    for number in {0, len(found) - 1, max(len(found) - BATCH - 1, 0)}:
        verify_proof(ledger.proof(number), found[number], KEY)
    world.assert_no_fork()
    world.assert_tidy()
    world.open()
    world.assert_tidy()


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.parametrize("reopens", [False, True])
def test_any_write_may_fail_once(start: int, is_stored: bool, reopens: bool) -> None:
    for failing in range(writes_of_a_batch(start)):
        world, ledger, old = begun(start)
        kept = [old]
        world.faults.plan(failing, is_stored=is_stored)
        if (batch := tried(ledger, b"first")) is not None:
            kept.append(batch)
        world.faults.plan()
        if reopens:
            ledger = world.open()
            world.assert_tidy()
        batch = tried(ledger, b"second")
        assert batch is not None, "the ledger stays usable after a failed write"
        check(world, ledger, [*kept, batch])


@pytest.mark.parametrize("start", [7, 253, 254])
@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.parametrize("reopens", [False, True])
def test_any_write_may_fail_again_at_the_second_try(
    start: int, is_stored: bool, reopens: bool
) -> None:
    writes = writes_of_a_batch(start)
    for first, second in product(range(writes), repeat=2):
        world, ledger, old = begun(start)
        kept = [old]
        for failing, name in ((first, b"first"), (second, b"second")):
            world.faults.plan(failing, is_stored=is_stored)
            if reopens and name == b"second":
                ledger = reopened(world)
            if (batch := tried(ledger, name)) is not None:
                kept.append(batch)
        world.faults.plan()
        ledger = world.open() if reopens else ledger
        batch = tried(ledger, b"third")
        assert batch is not None
        check(world, ledger, [*kept, batch])


def reopened(world: World) -> Ledger:
    """Opening may hit the planned fault itself; then it is tried again, as a supervisor does."""
    try:
        return world.open()
    except Unavailable:
        return world.open()


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("lost", [1, BATCH, 255, 600, LEDGER_BATCH_ENTRIES_MAX])
@pytest.mark.parametrize("is_reopened", [False, True])
def test_what_a_crash_anywhere_in_an_append_leaves_is_cleared_before_it_counts(
    start: int, lost: int, is_reopened: bool
) -> None:
    """From some write on nothing works any more, tidying up included; then it goes on."""
    world, ledger, _ = begun(start)
    world.faults.plan()
    ledger.append([b"lost"] * lost)
    for failing in range(world.faults.count):
        world, ledger, old = begun(start)
        world.faults.plan(*range(failing, failing + 100))
        with contextlib.suppress(Unavailable):
            ledger.append([b"lost"] * lost)
        world.faults.plan()
        if is_reopened:
            ledger = world.open()
            world.assert_tidy()
        for count in (1, 2, 40):
            ledger.append([b"new"] * count)
            world.assert_tidy()
        found = world.entries()
        assert found[:start] == old
        assert found[-43:] == [b"new"] * 43
        assert set(found[start:-43]) <= {b"lost"}
        world.assert_no_fork()


def test_tidying_that_fails_at_any_removal_is_done_before_the_next_append() -> None:
    for failing in range(20):
        world, ledger, old = begun(254)
        # Two bundles, two tiles and a level-1 tile, then the head.
        world.faults.plan(*range(5, 30))
        assert tried(ledger, b"lost") is None
        assert "tile/0/000" in world.files.files
        world.faults.plan(failing)
        batch = tried(ledger, b"first")
        world.faults.plan()
        kept = [old] if batch is None else [old, batch]
        batch = tried(ledger, b"second")
        assert batch is not None
        check(world, ledger, [*kept, batch])


def test_strays_of_an_older_program_are_put_right_at_opening() -> None:
    """Also those whose names a checkpoint covers by now, which were left lying about before."""
    world, _, entries = begun(300)
    files = world.files.files
    for name in ("tile/0/001.p/7", "tile/entries/001.p/7", "tile/1/000.p/1"):
        files[name] = b"x" * len(files.get(name, b""))
    good = begun(300)[0].files.files["tile/1/000.p/1"]
    files["tile/1/000.p/1"] = good
    for name in (
        "tile/0/001", "tile/0/001.p/45", "tile/0/001.p/7.new", "tile/0/005.p/1", "tile/1/000.p/2",
        "tile/1/000", "tile/2/000.p/1", "tile/entries/004", "tile/entries/001.p/255",
    ):  # fmt: skip
        files[name] = b"lost"
    world.open()
    assert world.entries() == entries
    world.assert_tidy()
    assert {"tile/0/001.p/7", "tile/entries/001.p/7", "tile/0/001.p/44"} <= files.keys()


def test_entries_without_a_head_are_not_begun_anew_nor_cleared_away() -> None:
    for size in (3, 300):
        world, _, _ = begun(size)
        world.heads.values.clear()
        del world.files.files["checkpoint"]
        before = dict(world.files.files)
        with pytest.raises(Corrupt, match="head is gone"):
            world.open()
        assert world.files.files == before


@pytest.mark.parametrize("is_stored", [False, True])
def test_beginning_a_ledger_may_fail_at_any_write(is_stored: bool) -> None:
    for failing in range(2):
        world = World()
        world.faults.plan(failing, is_stored=is_stored)
        with pytest.raises(Unavailable):
            world.open()
        ledger = world.open()
        assert ledger.append([b"first"]) == (0,)
        check(world, ledger, [[b"first"]])


def test_a_failed_clearing_does_not_fail_the_append() -> None:
    world, ledger, _ = begun(255)
    world.faults.plan(5, 6)
    assert ledger.append([b"last"]) == (255,)
    assert "forget tile/0/000.p" in world.faults.done
    world.faults.plan()
    world.open()
    assert not [name for name in world.files.files if name.startswith("tile/0/000.p/")]


class _FailingDisk(Disk):
    """The real disk, whose n-th changing call fails before or after it took effect."""

    def __init__(self) -> None:
        self.failing: int | None = None
        self.is_after = False
        self.count = 0

    def plan(self, failing: int | None, *, is_after: bool = False) -> None:
        self.failing, self.is_after, self.count = failing, is_after, 0

    def _fails(self) -> bool:
        self.count += 1
        return self.count - 1 == self.failing

    def create(self, path: Path, mode: int) -> int:
        fails = self._fails()
        if fails and not self.is_after:
            raise OSError(5, "failed on purpose")
        descriptor = super().create(path, mode)
        if fails:
            super().close(descriptor)
            raise OSError(5, "failed on purpose")
        return descriptor

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        if self._fails():
            if self.is_after:
                super().write(descriptor, data[: len(data) // 2])
            raise OSError(28, "full on purpose")
        return super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        if self._fails():
            raise OSError(5, "failed on purpose")
        super().sync(descriptor)

    def sync_folder(self, path: Path) -> None:
        if self._fails():
            raise OSError(5, "failed on purpose")
        super().sync_folder(path)

    def rename(self, old: Path, new: Path) -> None:
        fails = self._fails()
        if not fails or self.is_after:
            super().rename(old, new)
        if fails:
            raise OSError(5, "failed on purpose")

    def mkdir(self, path: Path, mode: int) -> None:
        fails = self._fails()
        if not fails or self.is_after:
            super().mkdir(path, mode)
        if fails:
            raise OSError(5, "failed on purpose")


@pytest.mark.parametrize("is_after", [False, True])
def test_any_system_call_may_fail_while_a_tile_is_finished(tmp_path: Path, is_after: bool) -> None:
    # 60 is more than such an append makes; the last rounds go through and say so.
    outcomes = []
    for failing in range(60):
        disk = _FailingDisk()
        files = FolderLedgerFiles(tmp_path / str(failing), disk=disk)
        heads = MemoryHeads()
        ledger = Ledger(files, heads, SIGNER, ORIGIN, ManualClock(NOON))
        old = [b"old %d" % number for number in range(254)]
        ledger.append(old)
        disk.plan(failing, is_after=is_after)
        first = tried(ledger, b"first")
        outcomes.append(first is not None)
        disk.plan(None)
        ledger = Ledger(files, heads, SIGNER, ORIGIN, ManualClock(NOON))
        second = tried(ledger, b"second")
        assert second is not None
        found = read_whole(files)
        root = tmp_path / str(failing)
        assert_tidy(
            {
                path.relative_to(root).as_posix(): path.read_bytes()
                for path in root.rglob("*")
                if path.is_file() and path.suffix != ".new"
            },
            found,
        )
        acknowledged = [*old, *(first or []), *second]
        assert [entry for entry in found if entry in set(acknowledged)] == acknowledged
    assert not outcomes[0]
    assert outcomes[-1]


def read_whole(files: FolderLedgerFiles) -> list[bytes]:
    found: list[bytes] = []
    checkpoint = verify_ledger(
        files.read, KEY, on_entry=lambda _, entry: found.append(entry), names=files.names
    )
    assert checkpoint.root == root_over(found)
    return found


def test_a_ledger_in_a_folder_is_readable_by_everyone_and_holds_only_public_files(
    tmp_path: Path,
) -> None:
    heads = SqliteHeads(tmp_path / "heads.sqlite")
    ledger = Ledger(
        FolderLedgerFiles(tmp_path / "ledger"), heads, SIGNER, ORIGIN, ManualClock(NOON)
    )
    for number in range(3):
        ledger.append([b"%d" % number] * 100)
    files = sorted(path for path in (tmp_path / "ledger").rglob("*") if path.is_file())
    names = [str(path.relative_to(tmp_path / "ledger")) for path in files]
    assert names == [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    ]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}
    for name, path in zip(names, files, strict=True):
        assert ledger.file(name) == path.read_bytes()
    heads.close()


def test_durable_appends_cost_six_syncs_and_a_head(tmp_path: Path) -> None:
    # Each of three files is synced, and so is its folder, for its name; more would be waste.
    disk = _FailingDisk()
    ledger = Ledger(
        FolderLedgerFiles(tmp_path, disk=disk), MemoryHeads(), SIGNER, ORIGIN, ManualClock(NOON)
    )
    ledger.append([b"makes the folders"])
    disk.plan(None)
    ledger.append([b"one look"])
    calls = {"create", "write", "sync", "rename", "sync_folder"}
    assert disk.count == 3 * len(calls)
