"""Backups: what goes in, what is refused on the way back, and how a node goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import fairview.run.care.backup as backing
from fairview.access.door_copy import COPIED, LEFT_OUT
from fairview.access.leaves import read_leaf
from fairview.access.proof import verify
from fairview.core.errors import BadInput, Conflict, Corrupt, FairviewError, NotFound, Unavailable
from fairview.core.time import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND, ManualClock, Span
from fairview.run.care.backup import (
    INDEX_FILE,
    SUMS_FILE,
    BackupIndex,
    back_up,
    read_index,
    read_sums,
)
from fairview.run.care.checking import check_folder
from fairview.run.care.restore import restore
from fairview.store.heads import MemoryHeads
from fairview.store.ledger import HEAD_NAME, Ledger
from fairview.store.ledger_check import verify_ledger
from fairview.store.ledger_copy import copy_ledger
from fairview.store.ledger_files import MemoryLedgerFiles
from fairview.store.merkle import verify_consistency
from tests.builders import NOON
from tests.faults.town import LONG, SHORT, Town

PARTS = ("backup.json", "SHA256SUMS", "catalogue.sqlite", "door.sqlite", "ledger.key", ".fvs")


def quiet(done_frac: float, now: str) -> None:
    del done_frac, now


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Two minutes of two cameras, the door open."""
    made = Town(tmp_path_factory.mktemp("town") / "data")
    made.record(NOON.plus(2 * US_PER_MINUTE))
    yield made
    made.close()


@pytest.fixture(scope="module")
def made(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("backups") / "backup"
    back_up(town.data, out, town.clock, quiet)
    return out


@pytest.fixture
def backup(made: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(made, tmp_path / "backup"))


def file_of(backup: Path, part: str) -> Path:
    return next(path for path in sorted(backup.rglob("*")) if path.name.endswith(part))


def resigned(backup: Path, **changes: object) -> None:
    """An index that says something else, and is whole."""
    told = json.loads((backup / INDEX_FILE).read_bytes()) | changes
    (backup / INDEX_FILE).write_bytes(BackupIndex(**told).to_json())


def test_what_the_backup_names_is_what_sha256sum_would_check(made: Path) -> None:
    index = read_index(made)
    sums = read_sums(made, index)
    files = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    assert files - set(sums) == {INDEX_FILE, "lock", f"{index.state}/{SUMS_FILE}"}
    assert index.segments == sum(path.startswith("blobs/") for path in sums)
    assert index.cameras_without_login == [SHORT]
    modes = {path.stat().st_mode & 0o77 for path in (made, made / index.state / "door.sqlite")}
    assert modes == {0}


def test_every_table_of_the_door_is_either_copied_or_left_out(town: Town, made: Path) -> None:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    for path in (town.folder.door_database, file_of(made, "door.sqlite")):
        with sqlite3.connect(path) as rows:
            assert {row[0] for row in rows.execute(query)} == COPIED | LEFT_OUT
        rows.close()
    with sqlite3.connect(file_of(made, "door.sqlite")) as rows:
        for table in LEFT_OUT:
            query = f"SELECT count(*) FROM {table}"  # noqa: S608  # a name of our own list
            assert rows.execute(query).fetchone() == (0,)
        assert rows.execute("SELECT count(*) FROM actors").fetchone() == (1,)
    rows.close()


@pytest.mark.parametrize("part", [*PARTS, "checkpoint", "format.json"])
def test_a_changed_byte_anywhere_is_refused_and_nothing_is_left(
    part: str, backup: Path, tmp_path: Path
) -> None:
    path = file_of(backup, part)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Corrupt):
        restore(backup, tmp_path / "data", ManualClock(NOON), quiet)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("part", [*PARTS[1:], "checkpoint"])
def test_a_missing_file_is_refused(part: str, backup: Path, tmp_path: Path) -> None:
    file_of(backup, part).unlink()
    with pytest.raises(Corrupt):
        restore(backup, tmp_path / "data", ManualClock(NOON), quiet)
    assert not (tmp_path / "data").exists()


def test_a_file_that_would_land_elsewhere_is_refused(backup: Path, tmp_path: Path) -> None:
    index = read_index(backup)
    sums = read_sums(backup, index)
    (backup / index.state / "site.key").write_bytes(b"k" * 32)
    for name in (f"{index.state}/site.key", f"{index.state}/ledger/tile/../../door/site.key"):
        path = backup / index.state / "site.key"
        wrong = {**sums, name: backing.digest_of(path)}
        if ".." in name:
            (backup / index.state / "door").mkdir(exist_ok=True)
            shutil.copy(path, backup / index.state / "door" / "site.key")
        data = backing.write_sums(wrong)
        (backup / index.state / SUMS_FILE).write_bytes(data)
        resigned(backup, sums_digest=hashlib.sha256(data).hexdigest())
        with pytest.raises(Corrupt, match="none has"):
            restore(backup, tmp_path / "data", ManualClock(NOON), quiet)
        assert not (tmp_path / "data").exists()


def test_newer_formats_are_refused_by_name(backup: Path, tmp_path: Path) -> None:
    resigned(backup, format=2)
    with pytest.raises(BadInput, match="newer Fairview"):
        restore(backup, tmp_path / "data", ManualClock(NOON), quiet)
    resigned(backup, format=1)
    index = read_index(backup)
    (backup / index.state / "format.json").write_bytes(b'{"format":99}')
    sums = read_sums(backup, index)
    name = f"{index.state}/format.json"
    data = backing.write_sums({**sums, name: backing.digest_of(backup / name)})
    (backup / index.state / SUMS_FILE).write_bytes(data)
    resigned(backup, sums_digest=hashlib.sha256(data).hexdigest())
    with pytest.raises(BadInput, match="newer Fairview"):
        restore(backup, tmp_path / "data", ManualClock(NOON), quiet)


def test_a_folder_that_is_not_empty_is_left_as_it_is(backup: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "letter.txt").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        restore(backup, data, ManualClock(NOON), quiet)
    assert [path.name for path in data.iterdir()] == ["letter.txt"]
    with pytest.raises(NotFound):
        restore(tmp_path / "nothing", tmp_path / "other", ManualClock(NOON), quiet)


@pytest.mark.parametrize("where", ["data", "data/inside", "."])
def test_a_backup_lies_apart_from_the_data(where: str, town: Town) -> None:
    with pytest.raises(BadInput):
        back_up(town.data, town.data.parent / where, town.clock, quiet)


def test_other_things_and_other_nodes_backups_are_not_touched(
    town: Town, backup: Path, tmp_path: Path
) -> None:
    resigned(backup, origin="fairview.local/00000000")
    with pytest.raises(Conflict):
        back_up(town.data, backup, town.clock, quiet)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(BadInput):
        back_up(town.data, tmp_path / "full", town.clock, quiet)


@pytest.mark.slow
def test_a_restored_node_goes_on_with_rows_ledger_accounts_and_cameras(
    town: Town, backup: Path, tmp_path: Path
) -> None:
    size = read_index(backup).ledger_size
    before = town.gate._parts.ledger.root_at(size)
    clock = ManualClock(town.clock.now().plus(10 * US_PER_MINUTE))
    done = restore(backup, tmp_path / "data", clock, quiet)
    assert done.line == size
    assert done.logins == (SHORT,)
    again = Town.again(tmp_path / "data", clock)
    try:
        leaf = read_leaf(again.gate._parts.ledger.entry(size))
        assert leaf.kind == "node.restored"
        assert leaf.texts["continues_from"] == size
        ledger = again.gate._parts.ledger
        verify_consistency(
            ledger.consistency(size, ledger.size), before, ledger.root_at(ledger.size)
        )
        for camera in (SHORT, LONG):
            assert again.catalogue.segments(camera) == town.catalogue.segments(camera)
        assert again.catalogue.camera(SHORT).sealed_login is None
        events = again.catalogue.events(NOON, 10)
        assert {one.camera for one in events if one.kind == "footage_unreadable"} == {SHORT, LONG}
        with pytest.raises(NotFound, match="can't be read"):
            again.export(LONG, minute(0), "raw")
        start = clock.now()
        again.record(start.plus(US_PER_MINUTE))
        assert again.export(LONG, Span(start=start, end=start.plus(30 * US_PER_SECOND)), "raw")
        clock.advance(8 * US_PER_DAY)
        again.turn()
        shredded = [leaf.texts for leaf in again.leaves() if leaf.kind == "keys.shredded"]
        assert any("not come back" in str(one["because"]) for one in shredded)
        assert again.catalogue.segments(SHORT) == ()
    finally:
        again.close()
    report = check_folder(again.settings, clock)
    assert report.is_clean, report.in_words()
    assert verify(tmp_path / "data" / "ledger").kind == "ledger"


@pytest.mark.slow
def test_renewing_copies_only_what_is_new_and_drops_what_was_shredded(tmp_path: Path) -> None:
    town = Town(tmp_path / "data")
    try:
        town.record(NOON.plus(US_PER_MINUTE))
        first = back_up(town.data, tmp_path / "backup", town.clock, quiet)
        assert first.copied == first.segments
        begun = town.clock.now()
        town.record(begun.plus(US_PER_MINUTE))
        second = back_up(town.data, tmp_path / "backup", town.clock, quiet)
        assert second.segments - second.copied == first.segments
        assert len(list((tmp_path / "backup").glob("state-*"))) == 1
        town.clock.advance(5 * US_PER_DAY)
        town.turn()
        third = back_up(town.data, tmp_path / "backup", town.clock, quiet)
        assert third.segments == third.copied == 0
        assert not list((tmp_path / "backup" / "blobs").rglob("*.fvs"))
        restore(tmp_path / "backup", tmp_path / "again", town.clock, quiet)
    finally:
        town.close()


def test_a_backup_that_breaks_off_leaves_the_earlier_one_whole(
    town: Town, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = read_index(backup)
    clock = ManualClock(town.clock.now().plus(US_PER_SECOND))

    def broken(*_: object) -> bytes:
        raise Unavailable("the disk failed")

    monkeypatch.setattr(backing, "write_sums", broken)
    with pytest.raises(Unavailable):
        back_up(town.data, backup, clock, quiet)
    assert read_index(backup) == earlier
    restore(backup, tmp_path / "again", clock, quiet)
    monkeypatch.undo()
    clock.advance(US_PER_SECOND)
    back_up(town.data, backup, clock, quiet)
    assert read_index(backup).state != earlier.state
    assert len(list(backup.glob("state-*"))) == 1


def test_what_is_shredded_while_a_backup_is_made_is_not_in_its_rows(
    town: Town, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(town.data, tmp_path / "data"))
    gone = town.catalogue.segments(SHORT)[0]
    (data / "blobs" / gone.blob).unlink()
    made = back_up(data, tmp_path / "backup", town.clock, quiet)
    restore(tmp_path / "backup", tmp_path / "again", town.clock, quiet)
    again = Town.again(tmp_path / "again", ManualClock(town.clock.now()))
    try:
        rows = again.catalogue.segments(SHORT)
        assert gone.id not in {row.id for row in rows}
        assert made.segments == len(rows) + len(again.catalogue.segments(LONG))
    finally:
        again.close()


def test_a_ledger_that_grew_meanwhile_is_copied_as_it_was() -> None:
    files, heads = MemoryLedgerFiles(), MemoryHeads()
    signer = Ed25519PrivateKey.generate()
    ledger = Ledger(files, heads, signer, "town.example/ledger", ManualClock(NOON))
    ledger.append([b"entry %d" % number for number in range(300)])
    ledger.append([b"entry %d" % number for number in range(300, 310)])
    head = heads.get(HEAD_NAME)
    assert head is not None
    ledger.append([b"later %d" % number for number in range(700)])
    copied = MemoryLedgerFiles()
    assert copy_ledger(files, copied, head, ledger.key) == 310
    entries: list[bytes] = []
    seen = verify_ledger(
        copied.read, ledger.key, on_entry=lambda number, entry: entries.append(entry)
    )
    assert seen.size == len(entries) == 310
    assert entries[-1] == b"entry 309"
    assert not [name for name in copied.files if name.endswith("/003")]


def test_an_error_of_the_copy_is_one_of_ours(town: Town, tmp_path: Path) -> None:
    data = Path(shutil.copytree(town.data, tmp_path / "data"))
    for suffix in ("-wal", "-shm"):
        (data / f"catalogue.sqlite{suffix}").unlink(missing_ok=True)
    (data / "catalogue.sqlite").write_bytes(b"no database, whatever this is" * 100)
    with pytest.raises(FairviewError, match="damaged"):
        back_up(data, tmp_path / "backup", town.clock, quiet)


def minute(number: int) -> Span:
    start = NOON.plus(number * US_PER_MINUTE)
    return Span(start=start, end=start.plus(30 * US_PER_SECOND))
