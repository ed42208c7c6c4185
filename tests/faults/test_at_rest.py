"""What lies on the disk after an hour, after retention, and in our own backup.

The search reads files as any process can. What it can't see, and what is therefore not claimed:
bytes that a file system, a snapshot or a flash disk keeps of overwritten and removed files.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fairview.core.errors import Corrupt, NotFound
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, Span
from fairview.run.care.backup import back_up
from fairview.run.care.checking import check_folder
from fairview.run.care.restore import Restored, restore
from fairview.store.blobs import FileBlobs
from fairview.store.sealing import open_key, open_record, walk
from tests.access.site import annex_b
from tests.builders import NOON
from tests.faults.byte_search import ByteSearch, Hit, outside
from tests.faults.town import CAMERA_PASSWORD, LONG, PASSWORD, SHORT, Town, footage

HOUR = Span(start=NOON, end=NOON.plus(US_PER_HOUR))
MOMENT = Span(start=NOON.plus(10 * US_PER_MINUTE), end=NOON.plus(10 * US_PER_MINUTE + 4_000_000))
HOMES = {
    "site key": "door/site.key",
    "secrets key": "secrets.key",
    "ledger seed": "door/ledger.key",
    "key issue seed": "door/key_issue.key",
    "export seed": "door/export.key",
    "recorder seed": "recorder/local.key",
}
"""Each of these secrets in its own file, and nowhere else."""


def quiet(done_frac: float, now: str) -> None:
    del done_frac, now


@dataclass(slots=True, kw_only=True)
class Hour:
    """The town after its hour, and all that was secret in it. restored: of the backup."""

    town: Town
    halves: dict[str, bytes]
    wrapped: dict[str, bytes]
    site_key: bytes
    segment_keys: dict[str, bytes]
    hits: list[Hit]
    searched: int
    needles: int
    backup: Path
    restored: Restored | None = None


def search_for_media(search: ByteSearch) -> int:
    """Windows of every NAL unit that the cameras sent."""
    return sum(
        search.add_windows(f"fragment {number}", unit)
        for number, fragment in enumerate(footage().fragments)
        for sample in fragment.samples
        for unit in annex_b(sample.data)
    )


def search_for_keys(search: ByteSearch, town: Town) -> None:
    for name, half in town.private_halves().items():
        search.add_key(f"private half {name}", half)
    for name, place in HOMES.items():
        search.add_key(name, (town.data / place).read_bytes())
    for camera in (SHORT, LONG):
        for segment, key in segment_keys(town, camera).items():
            search.add_key(f"segment key {segment}", key)


def search_for_words(search: ByteSearch, town: Town) -> None:
    search.add("actor's password", PASSWORD.encode())
    search.add("camera's password", CAMERA_PASSWORD.encode())
    for number, token in enumerate(town.tokens):
        search.add(f"token {number}", token.encode())
        if "." in token:  # a look's id is public, what proves it is not
            search.add(f"token {number}'s proof", token.partition(".")[2].encode())


def segment_keys(town: Town, camera: CameraId) -> dict[str, bytes]:
    return {
        row.id: town.keys.segment_key(
            walk(reader(town.blobs, row.blob), row.size_bytes, verify_digests=False).header
        )
        for row in town.catalogue.segments(camera)
    }


def reader(blobs: FileBlobs, name: str) -> Callable[[int, int], bytes]:
    return lambda start, length: blobs.read(name, start, length)


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hour]:
    """An hour recorded and looked at, searched, and backed up while the door is open."""
    folder = tmp_path_factory.mktemp("town")
    town = Town(folder / "data")
    town.record(HOUR.end)
    assert town.export(SHORT, MOMENT, "raw")
    assert town.export(SHORT, MOMENT, "covered")
    search = ByteSearch()
    windows = search_for_media(search)
    assert windows > 1_000
    search_for_keys(search, town)
    search_for_words(search, town)
    hits, searched = search.folder(town.data)
    back_up(town.data, folder / "backup", town.clock, quiet)
    yield Hour(
        town=town,
        halves=town.private_halves(),
        wrapped=town.wrapped_halves(),
        site_key=(town.data / "door/site.key").read_bytes(),
        segment_keys={**segment_keys(town, SHORT), **segment_keys(town, LONG)},
        hits=hits,
        searched=searched,
        needles=search.count,
        backup=folder / "backup",
    )
    town.close()


pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("at_rest")]


def test_the_search_finds_what_is_planted_anywhere(tmp_path: Path) -> None:
    search = ByteSearch()
    search_for_media(search)
    key, half = secrets.token_bytes(32), secrets.token_bytes(32)
    search.add_key("site key", key)
    search.add_key("private half", half)
    search.add("password", PASSWORD.encode())
    unit = annex_b(footage().fragments[2].samples[3].data)[-1]
    noise = secrets.token_bytes(100_003)
    (tmp_path / "door.sqlite-wal").write_bytes(noise + half + noise)
    (tmp_path / "blob.fvs").write_bytes(noise + unit[41 : 41 + 31] + noise[:7])
    (tmp_path / "log.txt").write_bytes(b"x" + PASSWORD.encode())
    (tmp_path / "settings").write_bytes(noise[:3] + key.hex().encode())
    (tmp_path / "clean").write_bytes(noise)
    hits, searched = search.folder(tmp_path)
    assert {(hit.file, hit.name.split(" at ")[0]) for hit in hits} == {
        ("door.sqlite-wal", "private half"),
        ("blob.fvs", "fragment 2"),
        ("log.txt", "password"),
        ("settings", "site key (hex)"),
    }
    assert searched == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_a_secret_in_its_own_file_is_told_from_a_copy() -> None:
    home = Hit(name="site key", file="door/site.key", offset=0)
    copy = Hit(name="site key (hex)", file="door/door.sqlite-wal", offset=7)
    assert outside([home, copy], HOMES) == [copy]


def test_after_an_hour_no_file_holds_media_a_half_a_password_or_a_token(hour: Hour) -> None:
    """The door is open and its write-ahead logs stand beside the databases."""
    town = hour.town
    names = {path.name for path in town.data.rglob("*")}
    assert {"catalogue.sqlite-wal", "door.sqlite-wal"} <= names
    assert len(town.catalogue.segments(SHORT)) >= 60
    assert len(hour.halves) > 90
    assert hour.searched > 10_000_000
    assert outside(hour.hits, HOMES) == []
    found = {hit.name for hit in hour.hits}
    assert found == set(HOMES), "each secret was looked for, and found where it lives"


def test_the_backup_holds_no_half_no_site_key_no_login_and_no_media(hour: Hour) -> None:
    search = ByteSearch()
    search_for_media(search)
    for name, half in hour.halves.items():
        search.add_key(f"private half {name}", half)
    for name, wrapped in hour.wrapped.items():
        search.add(f"wrapped half {name}", wrapped[:32])
    for name, key in hour.segment_keys.items():
        search.add_key(f"segment key {name}", key)
    for name, place in HOMES.items():
        if name != "ledger seed":
            search.add_key(name, (hour.town.data / place).read_bytes())
    search_for_words(search, hour.town)
    row = hour.town.catalogue.camera(SHORT)
    assert row.sealed_login is not None
    search.add("sealed login", row.sealed_login)
    hits, searched = search.folder(hour.backup)
    assert hits == []
    assert searched > 10_000_000


def test_after_retention_the_dead_are_in_no_file_and_the_backup_stays_sealed(
    hour: Hour, tmp_path: Path
) -> None:
    town = hour.town
    old = {row.id: row for row in town.catalogue.segments(SHORT)}
    town.clock.advance(4 * US_PER_HOUR)
    town.turn()
    living = town.private_halves()
    dead = {name: half for name, half in hour.halves.items() if name not in living}
    assert {row.key_pair for row in old.values()} <= set(dead)
    search = ByteSearch()
    search_for_media(search)
    search.add_key("site key of before", hour.site_key)
    for name, half in dead.items():
        search.add_key(f"dead half {name}", half)
    for name, wrapped in hour.wrapped.items():
        search.add(f"wrapped half {name}", wrapped[:32])
    for name in old:
        search.add_key(f"segment key {name}", hour.segment_keys[name])
    hits, _ = search.folder(town.data)
    assert hits == []
    assert town.catalogue.segments(SHORT) == ()
    assert not list(town.blobs.names(SHORT))
    shredded = [leaf.texts for leaf in town.leaves() if leaf.kind == "keys.shredded"]
    named = {str(pair) for one in shredded for pair in one["pairs"]}  # type: ignore[attr-defined]  # JSON
    assert {row.key_pair for row in old.values()} <= named
    report = check_folder(town.settings, town.clock)
    assert report.is_clean, report.in_words()
    assert town.export(LONG, MOMENT, "raw"), "younger than its retention: still there"
    with pytest.raises(NotFound):
        town.export(SHORT, MOMENT, "raw")
    the_backup_stays_sealed(hour, living, tmp_path)


def the_backup_stays_sealed(hour: Hour, living: dict[str, bytes], tmp_path: Path) -> None:
    """Made before the sweep, restored after it: every way in is tried, with every key there is."""
    data = tmp_path / "again"
    done = restore(hour.backup, data, hour.town.clock, quiet)
    assert {one.camera for one in done.unreadable} == {SHORT, LONG}
    assert SHORT in done.in_words()
    assert "can't be read" in done.in_words()
    again = Town.again(data, hour.town.clock)
    try:
        rows = again.catalogue.segments(SHORT)
        assert len(rows) >= 60
        for rendition in ("raw", "covered"):
            with pytest.raises(NotFound, match="can't be read"):
                again.export(SHORT, MOMENT, rendition)
        every_key = [*living.values(), *again.private_halves().values()]
        row = rows[10]
        found = walk(reader(again.blobs, row.blob), row.size_bytes, verify_digests=False)
        for half in every_key:
            with pytest.raises(Corrupt):
                open_key(found.header, half)
        key = open_key(found.header, hour.halves[row.key_pair])
        record = found.records[0]
        sealed = again.blobs.read(row.blob, record.sealed_offset, record.sealed_bytes)
        assert open_record(found.header, record, sealed, key).samples, "with the dead half it opens"
    finally:
        again.close()
    assert check_folder(again.settings, again.clock).is_clean
