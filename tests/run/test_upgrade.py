"""A data folder of the first release becomes one of this release, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path

import av
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from fairview.access.door_rows import DOOR_ROWS_VERSION, DoorRows
from fairview.access.proof import verify
from fairview.config.settings import Settings
from fairview.core.camera import Secret
from fairview.core.errors import BadInput, Conflict, Corrupt, FairviewError, NotFound, Unavailable
from fairview.core.time import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND, ManualClock, Span
from fairview.run.care.backup import back_up
from fairview.run.care.checking import check_folder, rebuild_folder
from fairview.run.care.restore import restore
from fairview.run.care.upgrade import KEPT_FOLDER, survey, upgrade_folder
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.layout import FORMAT, DataFolder, open_data_folder
from fairview.store.schema.upgrade import NEWEST, tables_of
from fairview.store.secrets import open_login, read_secret_box
from fairview.store.sqlite import open_engine, reading
from tests.builders import NOON
from tests.faults.stores import FAULTS, Fault, FaultyDisk
from tests.faults.town import CAMERA_PASSWORD, LONG, PASSWORD, SHORT, Town
from tests.golden.first_release import expected, unpacked

LATER = NOON.plus(6 * US_PER_MINUTE)
MINUTE = Span(start=NOON, end=NOON.plus(60 * US_PER_SECOND))


def quiet(*_: object) -> None:
    """Nobody listens."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return unpacked(tmp_path)


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = unpacked(tmp_path_factory.mktemp("first"))
    upgrade_folder(data, quiet)
    return data


@pytest.fixture
def town(upgraded: Path, tmp_path: Path) -> Iterator[Town]:
    """The first release's site at work in this release, under another path."""
    data = Path(shutil.copytree(upgraded, tmp_path / "elsewhere" / "data"))
    made = Town.again(data, ManualClock(LATER))
    yield made
    made.close()


def tables(path: Path) -> dict[str, tuple[object, ...]]:
    engine = open_engine(path)
    try:
        with reading(engine, path) as connection:
            return tables_of(connection)
    finally:
        engine.dispose()


def contents(data: Path) -> dict[str, str]:
    """Digest by path; what SQLite keeps beside its files does not count."""
    return {
        str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(data.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm")) and path.name != "lock"
    }


def test_an_older_folder_is_refused_everywhere_with_what_to_do(old: Path) -> None:
    before = contents(old)
    with pytest.raises(Conflict, match=r"the first release.*fairview upgrade --data.*--yes"):
        open_data_folder(old)
    with pytest.raises(Conflict, match=r"version 0001.*fairview upgrade"):
        SqliteCatalogue(old / "catalogue.sqlite")
    assert contents(old) == before


def test_a_dry_run_tells_all_and_changes_nothing(old: Path) -> None:
    before = contents(old)
    found = survey(old)
    assert [(one.name, one.state) for one in found.parts if one.state != "newest"] == [
        ("data folder", "older"),
        ("catalogue", "older"),
    ]
    assert dict(next(one for one in found.parts if one.name == "footage").found) == {"1": 2}
    assert (found.written_by, found.is_newest) == ("the first release", False)
    assert contents(old) == before


def test_an_upgraded_folder_equals_a_fresh_one(upgraded: Path, tmp_path: Path) -> None:
    fresh = open_data_folder(tmp_path / "fresh", create=True)
    SqliteCatalogue(fresh.catalogue).close()
    assert tables(upgraded / "catalogue.sqlite") == tables(fresh.catalogue)
    assert (upgraded / "format.json").read_bytes() == fresh.format_file.read_bytes()
    assert survey(upgraded).is_newest


def test_the_doors_rows_of_the_first_release_equal_fresh_ones(town: Town, tmp_path: Path) -> None:
    """Whoever adds a column or table to door_rows.py gives it a new version, and an upgrade."""
    fresh = Town(tmp_path / "fresh")
    fresh.close()
    assert tables(town.folder.door_database) == tables(fresh.folder.door_database)


def test_nothing_but_rows_and_format_changes(old: Path) -> None:
    before = contents(old)
    upgrade_folder(old, quiet)
    after = contents(old)
    kept = {name for name in after if name.startswith(KEPT_FOLDER)}
    assert {name for name in after if after[name] != before.get(name)} == {
        "format.json",
        "catalogue.sqlite",
        *kept,
    }
    assert set(before) <= set(after)
    assert {Path(name).name for name in kept} == {"format.json", "catalogue.sqlite"}


def test_what_is_kept_for_going_back_is_the_old_catalogue_without_logins(upgraded: Path) -> None:
    kept = upgraded / KEPT_FOLDER / "1-0001"
    assert json.loads((kept / "format.json").read_bytes()) == {"format": 1}
    with closing(sqlite3.connect(kept / "catalogue.sqlite")) as rows:
        assert rows.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert rows.execute("SELECT count(*) FROM segments").fetchone() == (2,)
        query = "SELECT count(*) FROM cameras WHERE sealed_login IS NOT NULL"
        assert rows.execute(query).fetchone() == (0,)


def test_its_footage_exports_bit_for_bit(town: Town) -> None:
    with av.open(BytesIO(town.export(LONG, MINUTE, "raw")), "r") as film:
        digests = [
            hashlib.sha256(bytes(packet)).hexdigest()
            for packet in film.demux(video=0)
            if packet.size
        ]
    wanted = expected()
    assert len(digests) == wanted.packets
    whole = hashlib.sha256("".join(digests).encode()).hexdigest()
    assert whole == wanted.digest_over_packet_digests


def test_its_footage_plays_covered(town: Town) -> None:
    with av.open(BytesIO(town.export(LONG, MINUTE, "covered")), "r") as film:
        pictures = sum(1 for _ in film.decode(video=0))
    assert pictures >= expected().packets - 1


def test_its_ledger_goes_on_and_verifies(town: Town) -> None:
    first = [leaf.kind for leaf in town.leaves()[: expected().ledger_lines]]
    assert first[0] == "node.started"
    assert {"camera.added", "segments.root", "clean_picture.approved", "export.made"} <= set(first)
    assert len(town.leaves()) > expected().ledger_lines
    assert verify(town.folder.ledger).lines


def test_its_camera_login_and_account_work(town: Town) -> None:
    row = town.catalogue.camera(SHORT)
    assert row.sealed_login is not None
    login = open_login(read_secret_box(town.folder.secrets_key), SHORT, row.sealed_login)
    assert (login.name, login.password) == ("watch", Secret(CAMERA_PASSWORD))
    assert town.gate.who(town.mara).id == "mara"


def test_it_records_on(town: Town) -> None:
    town.record(LATER.plus(US_PER_MINUTE))
    assert len(town.catalogue.segments(LONG, "main")) > 1
    assert town.export(LONG, Span(start=LATER, end=LATER.plus(20 * US_PER_SECOND)), "raw")


def test_its_footage_is_shredded_when_its_time_is_over(town: Town) -> None:
    town.clock.advance(4 * US_PER_DAY)
    for _ in range(5):
        town.clock.advance(10 * US_PER_MINUTE)
        town.turn()
    assert not list(FileBlobs(town.folder.blobs).names())
    assert "keys.shredded" in [leaf.kind for leaf in town.leaves()]
    town.mara = town.gate.sign_in("mara", PASSWORD).token
    with pytest.raises(NotFound):
        town.export(LONG, MINUTE, "raw")


def test_an_upgrade_is_safe_to_repeat(upgraded: Path) -> None:
    before = contents(upgraded)
    assert upgrade_folder(upgraded, quiet).is_newest
    assert contents(upgraded) == before


def test_a_folder_in_use_is_left_alone(old: Path) -> None:
    with DataFolder(root=old).lock, pytest.raises(Conflict, match="stop it first"):
        upgrade_folder(old, quiet)


def steps(old: Path) -> int:
    disk = FaultyDisk()
    upgrade_folder(old, quiet, disk)
    return sum(disk.calls.values())


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_disk_that_fails_at_any_step_is_gone_on_from(fault: Fault, tmp_path: Path) -> None:
    for number in range(steps(unpacked(tmp_path / "count"))):
        data = unpacked(tmp_path / f"{number}")
        disk = FaultyDisk(fault=fault, fail_at=number, stays_broken=True)
        with contextlib.suppress(Unavailable):
            upgrade_folder(data, quiet, disk)
        assert disk.failed
        assert_gone_on_from(data)


@pytest.mark.slow
def test_a_kill_at_any_statement_is_gone_on_from(old: Path, tmp_path: Path) -> None:
    """What lies on the disk before every statement of the databases is what a kill leaves."""
    frozen: list[Path] = []

    def freeze(*_: object) -> None:
        place = tmp_path / "frozen" / str(len(frozen))
        frozen.append(Path(shutil.copytree(old, place, ignore=shutil.ignore_patterns("lock"))))

    event.listen(sa.Engine, "before_cursor_execute", freeze)
    try:
        upgrade_folder(old, quiet)
    finally:
        event.remove(sa.Engine, "before_cursor_execute", freeze)
    assert len(frozen) > 20
    for place in frozen[:: max(1, len(frozen) // 16)]:
        assert_gone_on_from(place)


def assert_gone_on_from(data: Path) -> None:
    """Either nothing can be opened, or all is new; begun again, it ends well."""
    with contextlib.suppress(Conflict):
        open_data_folder(data)
        assert survey(data).is_newest
    upgrade_folder(data, quiet)
    assert survey(data).is_newest
    kept = data / KEPT_FOLDER / "1-0001"
    assert (kept / "format.json").exists()
    report = check_folder(Settings(data=data), ManualClock(LATER))
    assert report.is_clean, report.in_words()


def _newer_folder(data: Path) -> None:
    text = {"format": FORMAT + 1, "written_by": "7.1.0"}
    (data / "format.json").write_text(json.dumps(text))


def _newer_catalogue(data: Path) -> None:
    with closing(sqlite3.connect(data / "catalogue.sqlite")) as rows, rows:
        rows.execute("UPDATE alembic_version SET version_num = '9999'")


def _newer_login(data: Path) -> None:
    with closing(sqlite3.connect(data / "catalogue.sqlite")) as rows, rows:
        rows.execute("UPDATE cameras SET sealed_login = x'0201' WHERE sealed_login IS NOT NULL")


def _newer_door(data: Path) -> None:
    with closing(sqlite3.connect(data / "door" / "door.sqlite")) as rows:
        rows.execute(f"PRAGMA user_version = {DOOR_ROWS_VERSION + 1}")


def _newer_footage(data: Path) -> None:
    blob = next((data / "blobs").rglob("*.fvs"))
    blob.write_bytes(blob.read_bytes()[:7] + b"\x02" + blob.read_bytes()[8:])


def _newer_key_file(data: Path) -> None:
    path = data / "keys" / f"{LONG}.json"
    path.write_bytes(path.read_bytes().replace(b'\\"format\\":1', b'\\"format\\":2'))


def _newer_disks(data: Path) -> None:
    (data / "disks.json").write_text('{"format": 2, "owner": "", "policy": "new", "disks": []}')


def _newer_ledger(data: Path) -> None:
    for path in (data / "ledger" / "tile" / "entries").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b'"v":1', b'"v":2'))


@pytest.mark.parametrize(
    "change",
    [
        _newer_folder,
        _newer_catalogue,
        _newer_login,
        _newer_door,
        _newer_footage,
        _newer_key_file,
        _newer_ledger,
        _newer_disks,
    ],
)
def test_what_a_newer_fairview_wrote_is_refused_and_left_alone(change: object, old: Path) -> None:
    assert callable(change)
    change(old)
    before = contents(old)
    with pytest.raises(BadInput, match=r"newer Fairview.*Install that version"):
        upgrade_folder(old, quiet)
    assert contents(old) == before


def test_a_newer_folder_names_who_wrote_it(old: Path) -> None:
    _newer_folder(old)
    with pytest.raises(BadInput, match=r"7\.1\.0.*nothing was changed"):
        open_data_folder(old)
    with pytest.raises(BadInput, match=r"7\.1\.0"):
        upgrade_folder(old, quiet)


def test_newer_rows_of_the_door_are_refused_when_they_are_opened(old: Path) -> None:
    _newer_door(old)
    with pytest.raises(BadInput, match="newer Fairview"):
        DoorRows(old / "door" / "door.sqlite")


@pytest.mark.parametrize("path", ["catalogue.sqlite", "door/door.sqlite"])
def test_a_damaged_database_is_told_and_left_alone(path: str, old: Path) -> None:
    (old / path).write_bytes(b"not a database at all " * 400)
    before = contents(old)
    with pytest.raises(FairviewError) as told:
        upgrade_folder(old, quiet)
    assert isinstance(told.value, Corrupt)
    assert contents(old) == before


def test_an_older_folder_whose_catalogue_is_lost_is_rebuilt_and_then_upgraded(old: Path) -> None:
    (old / "catalogue.sqlite").write_bytes(b"not a database at all " * 400)
    told = rebuild_folder(Settings(data=old), ManualClock(LATER))
    assert "rebuilt: 2 cameras, 2 segments" in told
    assert "lost, because no blob tells them" in told
    upgrade_folder(old, quiet)
    town = Town.again(old, ManualClock(LATER))
    try:
        # Nobody knows any more that nobody real is in it: covered only.
        assert town.export(LONG, MINUTE, "covered")
    finally:
        town.close()


def test_an_older_folder_can_be_backed_up_and_its_backup_restores_as_a_new_one(
    old: Path, tmp_path: Path
) -> None:
    back_up(old, tmp_path / "backup", ManualClock(LATER), quiet)
    done = restore(tmp_path / "backup", tmp_path / "new", ManualClock(LATER), quiet)
    assert done.line == expected().ledger_lines
    assert survey(tmp_path / "new").is_newest
    with closing(SqliteCatalogue(tmp_path / "new" / "catalogue.sqlite")) as catalogue:
        assert len(catalogue.segments(LONG)) == 1
    assert survey(old).parts[1].found == (("0001", 1),), "a backup upgrades nothing"


def test_the_newest_version_is_the_last_file_of_upgrades(upgraded: Path) -> None:
    assert dict(survey(upgraded).parts[1].found) == {NEWEST: 1}
