from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.access.door_rows import DoorRows
from fairview.access.keys import KeyStore, PairKept
from fairview.access.site_key import SiteKeyFiles
from fairview.core.errors import Corrupt, FairviewError, NotFound, Unavailable
from fairview.core.ids import CameraId, SegmentId, new_hex_id
from fairview.core.limits import KEYS_AHEAD_US
from fairview.core.time import US_PER_DAY, US_PER_HOUR, Instant
from fairview.store.keyfile import read_key_file
from fairview.store.sealing import SegmentSealer
from tests.access.doubles import Fault, FaultyDisk, FaultyRows, Struck
from tests.builders import NOON

JUNCTION = CameraId("junction-1")
SIGNER = Ed25519PrivateKey.from_private_bytes(b"d" * 32)
FAULTS: tuple[Fault, ...] = ("failed", "failed_yet_stored")


class Vault:
    """A folder with the door's rows and site key, opened as often as a test likes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "keys").mkdir(exist_ok=True)

    def open(self, rows: DoorRows | None = None, disk: FaultyDisk | None = None) -> KeyStore:
        path = self.folder / "site.key"
        files = SiteKeyFiles(path) if disk is None else SiteKeyFiles(path, disk)
        return KeyStore(rows or self.rows(), files, self.folder / "keys", SIGNER)

    def rows(self) -> DoorRows:
        return DoorRows(self.folder / "door.sqlite")

    def faulty_rows(self) -> FaultyRows:
        return FaultyRows(self.folder / "door.sqlite")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path)


def sealed_to(pair: PairKept) -> bytes:
    """The header of a segment sealed to a pair."""
    return SegmentSealer(
        camera=pair.camera,
        stream="main",
        segment=SegmentId(new_hex_id()),
        key_pair=pair.id,
        public_half=pair.public,
        signer=SIGNER,
        created_at=pair.hour or NOON,
    ).header


def pair_of(store: KeyStore, hour: Instant | None) -> PairKept:
    return next(one for one in store.pairs(JUNCTION) if one.hour == hour)


def reads(store: KeyStore, header: bytes) -> bool:
    try:
        return len(store.segment_key(header)) == 32
    except NotFound:
        return False


def test_public_halves_reach_two_days_ahead_and_are_signed(vault: Vault) -> None:
    store = vault.open()
    store.issue(JUNCTION, NOON)
    file = read_key_file(
        (vault.folder / "keys" / "junction-1.json").read_bytes(),
        SIGNER.public_key().public_bytes_raw(),
    )
    hours = [pair.hour for pair in file.pairs if pair.hour is not None]
    assert min(hours) == NOON.plus(-US_PER_HOUR)
    assert max(hours) == NOON.plus(KEYS_AHEAD_US)
    assert len(hours) == 50
    assert file.spare.hour is None


def test_issuing_again_changes_nothing(vault: Vault) -> None:
    store = vault.open()
    store.issue(JUNCTION, NOON)
    path = vault.folder / "keys" / "junction-1.json"
    before = store.pairs(), path.read_bytes(), path.stat().st_mtime_ns
    store.issue(JUNCTION, NOON.plus(1))
    vault.open().issue(JUNCTION, NOON.plus(2))
    assert (store.pairs(), path.read_bytes(), path.stat().st_mtime_ns) == before


def test_an_hour_later_one_more_pair_exists_and_the_others_stay(vault: Vault) -> None:
    store = vault.open()
    store.issue(JUNCTION, NOON)
    before = set(store.pairs())
    store.issue(JUNCTION, NOON.plus(US_PER_HOUR))
    after = set(store.pairs())
    assert before < after
    assert len(after - before) == 1


def test_each_day_brings_a_new_spare(vault: Vault) -> None:
    store = vault.open()
    spares = set()
    for day in range(3):
        store.issue(JUNCTION, NOON.plus(day * US_PER_DAY))
        file = read_key_file(
            (vault.folder / "keys" / "junction-1.json").read_bytes(),
            SIGNER.public_key().public_bytes_raw(),
        )
        spares.add(file.spare.id)
    assert len(spares) == 3
    assert {one.day for one in store.pairs() if one.day} == {
        NOON.plus(-NOON.us % US_PER_DAY - US_PER_DAY + day * US_PER_DAY) for day in range(3)
    }


def test_a_damaged_key_file_is_issued_again(vault: Vault) -> None:
    store = vault.open()
    store.issue(JUNCTION, NOON)
    path = vault.folder / "keys" / "junction-1.json"
    good = path.read_bytes()
    path.write_bytes(good[:-5])
    store.issue(JUNCTION, NOON)
    read_key_file(path.read_bytes(), SIGNER.public_key().public_bytes_raw())


def test_a_segment_key_opens_from_the_header_alone(vault: Vault) -> None:
    store = vault.open()
    store.issue(JUNCTION, NOON)
    header = sealed_to(pair_of(store, NOON))
    assert store.segment_key(header) == vault.open().segment_key(header)


def test_a_killed_pair_is_dead_and_the_others_live(vault: Vault) -> None:
    store = vault.open()
    store.issue(JUNCTION, NOON)
    dead, alive = pair_of(store, NOON), pair_of(store, NOON.plus(US_PER_HOUR))
    dead_header, alive_header = sealed_to(dead), sealed_to(alive)
    key = store.segment_key(alive_header)
    old_site_key = (vault.folder / "site.key").read_bytes()
    store.kill([dead.id])
    for one in (store, vault.open()):
        assert not reads(one, dead_header)
        assert one.segment_key(alive_header) == key
    assert (vault.folder / "site.key").read_bytes() != old_site_key


def test_an_old_copy_of_the_rows_reads_nothing_without_the_old_site_key(vault: Vault) -> None:
    store = vault.open()
    store.issue(JUNCTION, NOON)
    dead = pair_of(store, NOON)
    header = sealed_to(dead)
    shutil.copy(vault.folder / "door.sqlite", vault.folder / "copy.sqlite")
    store.kill([dead.id])
    shutil.copy(vault.folder / "copy.sqlite", vault.folder / "door.sqlite")
    for suffix in ("-wal", "-shm"):
        (vault.folder / f"door.sqlite{suffix}").unlink(missing_ok=True)
    with pytest.raises(Corrupt, match="site key"):
        vault.open()
    # Even told that the new site key belongs to the old rows, nothing opens.
    key = (vault.folder / "site.key").read_bytes()
    assert not reads_by_force(vault, key, header)


def reads_by_force(vault: Vault, key: bytes, header: bytes) -> bool:
    from fairview.access.door_rows import notes
    from fairview.access.site_key import key_id

    rows = vault.rows()
    with rows.write() as connection:
        connection.execute(notes.update().values(value=key_id(key)))
    try:
        return reads(vault.open(rows), header)
    except Corrupt:
        return False


def test_neither_private_halves_nor_dead_wrapped_ones_are_in_the_files(vault: Vault) -> None:
    store = vault.open()
    store.issue(JUNCTION, NOON)
    dead = pair_of(store, NOON)
    wrapped = wrapped_half(vault, dead)
    assert wrapped in all_bytes(vault)
    half = clear_half(vault, dead, wrapped)
    assert half not in all_bytes(vault)
    store.kill([dead.id])
    assert wrapped not in all_bytes(vault)
    assert dead.id.encode() not in (vault.folder / "door.sqlite").read_bytes()


def wrapped_half(vault: Vault, pair: PairKept) -> bytes:
    import sqlite3

    with sqlite3.connect(vault.folder / "door.sqlite") as connection:
        row = connection.execute("SELECT wrapped FROM key_pairs WHERE id = ?", (pair.id,))
        found: bytes = row.fetchone()[0]
    connection.close()
    return found


def clear_half(vault: Vault, pair: PairKept, wrapped: bytes) -> bytes:
    from fairview.access.keys import _context, _unwrap

    assert pair.hour is not None
    context = _context(pair.id, pair.camera, pair.hour.us, None)
    return _unwrap((vault.folder / "site.key").read_bytes(), wrapped, context)


def all_bytes(vault: Vault) -> bytes:
    return b"".join(path.read_bytes() for path in vault.folder.rglob("*") if path.is_file())


def test_a_wrapped_half_moved_to_another_hour_opens_nothing(vault: Vault) -> None:
    from fairview.access.door_rows import key_pairs

    store = vault.open()
    store.issue(JUNCTION, NOON)
    one, other = pair_of(store, NOON), pair_of(store, NOON.plus(US_PER_HOUR))
    wrapped = wrapped_half(vault, other)
    with vault.rows().write() as connection:
        connection.execute(
            key_pairs.update().where(key_pairs.c.id == one.id).values(wrapped=wrapped)
        )
    with pytest.raises(Corrupt):
        store.segment_key(sealed_to(one))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_commit_kills_all_or_nothing_and_both_go_on(vault: Vault, fault: Fault) -> None:
    rows = vault.faulty_rows()
    store = vault.open(rows)
    store.issue(JUNCTION, NOON)
    dead, alive = pair_of(store, NOON), pair_of(store, NOON.plus(US_PER_HOUR))
    dead_header, alive_header = sealed_to(dead), sealed_to(alive)
    rows.fault = fault
    with pytest.raises(Unavailable):
        store.kill([dead.id])
    for one in (store, vault.open()):
        assert reads(one, dead_header) == (fault == "failed")
        assert reads(one, alive_header)
    store.kill([dead.id])
    assert not reads(store, dead_header)
    assert reads(store, alive_header)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_power_cut_at_any_write_of_the_site_key_loses_no_living_pair(
    vault: Vault, fault: Fault
) -> None:
    store = vault.open()
    store.issue(JUNCTION, NOON)
    alive = sealed_to(pair_of(store, NOON.plus(2 * US_PER_HOUR)))
    struck = 0
    for at in range(1, 40):
        dead = [one for one in store.pairs() if one.hour is not None and one.hour <= NOON][:1]
        dead = dead or [pair_of(store, None)]
        header = sealed_to(dead[0])
        try:
            vault.open(disk=FaultyDisk(at, fault)).kill([dead[0].id])
        except Struck:
            struck += 1
        store = vault.open()
        assert reads(store, alive)
        assert reads(store, header) == (dead[0] in store.pairs())
        assert not (vault.folder / "site.key.next").exists()
        store.issue(JUNCTION, NOON)
    assert struck >= 8


def test_a_power_cut_at_the_very_first_start_is_settled(tmp_path: Path) -> None:
    for at in range(1, 12):
        folder = tmp_path / str(at)
        folder.mkdir()
        vault = Vault(folder)
        with contextlib.suppress(Struck, FairviewError):
            vault.open(disk=FaultyDisk(at, "failed_yet_stored"))
        store = vault.open()
        store.issue(JUNCTION, NOON)
        assert reads(store, sealed_to(pair_of(store, NOON)))


def test_a_pictures_key_dies_on_its_own(vault: Vault) -> None:
    store = vault.open()
    store.issue(JUNCTION, NOON)
    name, key = store.new_picture_key(JUNCTION)
    other, _ = store.new_picture_key(JUNCTION)
    store.kill([pair_of(store, NOON).id])
    assert store.picture_key(name, JUNCTION) == key
    with pytest.raises(NotFound):
        store.picture_key(name, CameraId("junction-2"))
    store.kill_picture_keys(JUNCTION, keep=[other])
    with pytest.raises(NotFound):
        store.picture_key(name, JUNCTION)
    assert len(store.picture_key(other, JUNCTION)) == 32
