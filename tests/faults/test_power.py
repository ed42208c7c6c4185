"""The power goes before and behind every system call; files and names are as a disk leaves them."""

from __future__ import annotations

import random
from contextlib import closing, suppress
from itertools import product
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.access.door_rows import DoorRows
from fairview.access.keys import KeyStore
from fairview.access.site_key import SiteKeyFiles
from fairview.core.errors import NotFound
from fairview.core.ids import CameraId
from fairview.core.time import ManualClock
from fairview.record.playback import merged, timeline
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.check import check
from fairview.store.contracts import SegmentsRemoved
from fairview.store.durable import DISK, remove_file, replace_file
from fairview.store.heads import MemoryHeads
from fairview.store.ledger import Ledger
from fairview.store.ledger_check import verify_ledger
from fairview.store.ledger_files import FolderLedgerFiles
from fairview.store.notes import NoteKey, note_key
from fairview.store.recovery import recover
from tests.builders import NOON
from tests.faults.power import PowerCut, PoweredDisk
from tests.record.desk import CAMERA, SIGNER, Desk, second, ticks_of

LEFT = (None, 1, 2)
"""The least that can be left, and two draws of what may be there besides."""


def drawn(left: int | None) -> random.Random | None:
    return None if left is None else random.Random(left)


# Recording


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairview.record.recorder.SEGMENT_US", 3_000_000)


def record(desk: Desk) -> None:
    for number in range(8):
        desk.feed(second(number))
    desk.clock.advance(1_000_000)
    desk.close()


def counted(tmp_path: Path) -> int:
    root = tmp_path / "counted"
    root.mkdir()
    disk = PoweredDisk(root)
    record(Desk(tmp_path, blobs=FileBlobs(root, disk=disk)))
    return disk.calls


@pytest.mark.slow
def test_recording_survives_a_power_cut_at_every_call(tmp_path: Path) -> None:
    for number, (at, is_after, left) in enumerate(
        product(range(counted(tmp_path)), (False, True), LEFT)
    ):
        root = tmp_path / str(number)
        root.mkdir()
        disk = PoweredDisk(root, cut_at=at, is_after=is_after)
        desk = Desk(tmp_path, blobs=FileBlobs(root, disk=disk))
        with suppress(PowerCut):
            record(desk)
        disk.restore(drawn(left))
        desk.blobs = FileBlobs(root)
        desk.rows.drain()
        assert_sound(desk, _pictures_until(desk))


def _pictures_until(desk: Desk) -> int:
    until = desk.recorder.figures.stored_until
    return 0 if until is None else until.since(NOON) // 40_000


def assert_sound(desk: Desk, stored: int) -> None:
    """All that was acknowledged, bit by bit; two seconds at most are missing; check is clean."""
    recover(desk.blobs, desk.catalogue, desk.clock, [SIGNER])
    report = check(desk.blobs, desk.catalogue)
    assert report.is_clean, report.in_words()
    kept = [sample.ticks for sample in desk.samples()]
    sent = ticks_of(second(0, 8))
    assert kept[:stored] == sent[:stored]
    assert kept == sent[: len(kept)]
    if kept:
        whole = timeline(desk.segments(), desk.gaps(), desk.segments()[0].span)
        assert merged(whole.footage, 0)


def test_recovery_survives_a_power_cut_at_every_call(tmp_path: Path) -> None:
    """The next recovery finds the same work, or what is left of it."""
    for at, is_after, left in product(range(8), (False, True), LEFT):
        root = tmp_path / f"{at}-{is_after}-{left}"
        root.mkdir()
        first = PoweredDisk(root, cut_at=9)
        desk = Desk(tmp_path, blobs=FileBlobs(root, disk=first))
        with suppress(PowerCut):
            record(desk)
        first.restore(random.Random(5))
        stored = _pictures_until(desk)
        disk = PoweredDisk(root, cut_at=at, is_after=is_after)
        with suppress(PowerCut):
            recover(FileBlobs(root, disk=disk), desk.catalogue, desk.clock, [SIGNER])
        disk.restore(drawn(left))
        desk.blobs = FileBlobs(root)
        assert_sound(desk, stored)


# The ledger


@pytest.mark.slow
def test_the_ledger_survives_a_power_cut_at_every_call(tmp_path: Path) -> None:
    signer = Ed25519PrivateKey.from_private_bytes(b"l" * 32)
    key = note_key("fairview.example/ledger", signer)
    number = 0
    while True:
        is_cut = False
        for is_after, left in product((False, True), LEFT):
            root = tmp_path / f"{number}-{is_after}-{left}"
            root.mkdir()
            heads = MemoryHeads()
            disk = PoweredDisk(root, cut_at=number, is_after=is_after)
            done = appended(root, disk, heads, signer)
            is_cut = disk.is_off
            disk.restore(drawn(left))
            ledger = Ledger(
                FolderLedgerFiles(root), heads, signer, "fairview.example/ledger", ManualClock(NOON)
            )
            assert ledger.size >= done
            for at in range(done):
                assert ledger.entry(at) == b"entry %d" % at
            ledger.append([b"after"])
            assert entries(root, key)[:done] == [b"entry %d" % at for at in range(done)]
        number += 1
        if not is_cut:
            break
    assert number > 30


def entries(root: Path, key: NoteKey) -> list[bytes]:
    """Every entry, once all files were found to match the checkpoint."""
    files, found = FolderLedgerFiles(root), list[bytes]()
    verify_ledger(files.read, key, on_entry=lambda _, entry: found.append(entry), names=files.names)
    return found


def appended(root: Path, disk: PoweredDisk, heads: MemoryHeads, signer: Ed25519PrivateKey) -> int:
    """Entries that were acknowledged before the power went."""
    done = 0
    with suppress(PowerCut):
        ledger = Ledger(
            FolderLedgerFiles(root, disk=disk),
            heads,
            signer,
            "fairview.example/ledger",
            ManualClock(NOON),
        )
        for number in range(4):
            ledger.append([b"entry %d" % number])
            done += 1
    return done


# Small files and keys


@pytest.mark.parametrize("left", LEFT)
def test_a_replaced_file_is_the_old_or_the_new_one(tmp_path: Path, left: int | None) -> None:
    for at, is_after in product(range(7), (False, True)):
        root = tmp_path / f"{at}-{is_after}"
        root.mkdir()
        place = root / "file"
        place.write_bytes(b"old")
        disk = PoweredDisk(root, cut_at=at, is_after=is_after)
        is_done = False
        with suppress(PowerCut):
            replace_file(place, b"new" * 500, disk=disk)
            is_done = True
        disk.restore(drawn(left))
        assert place.read_bytes() in ((b"new" * 500,) if is_done else (b"old", b"new" * 500))


def test_what_was_removed_stays_away_once_that_was_acknowledged(tmp_path: Path) -> None:
    for at, is_after, left in product(range(4), (False, True), LEFT):
        root = tmp_path / f"{at}-{is_after}-{left}"
        root.mkdir()
        (root / "blob").write_bytes(b"footage")
        disk = PoweredDisk(root, cut_at=at, is_after=is_after)
        is_done = False
        with suppress(PowerCut):
            remove_file(root / "blob", disk=disk)
            is_done = True
        disk.restore(drawn(left))
        assert not (is_done and (root / "blob").exists())
        remove_file(root / "blob", disk=DISK)


@pytest.mark.slow
def test_dead_pairs_stay_dead_and_living_ones_live_through_a_power_cut(tmp_path: Path) -> None:
    """The site key is replaced at every sweep: all of it happened, or nothing."""
    name, signer = CameraId("market"), Ed25519PrivateKey.generate()
    for at, is_after, left in product(range(14), (False, True), LEFT):
        root = tmp_path / f"{at}-{is_after}-{left}"
        (root / "keys").mkdir(parents=True)
        (root / "site").mkdir()
        with closing(DoorRows(root / "door.sqlite")) as rows:
            store = KeyStore(rows, SiteKeyFiles(root / "site" / "site.key"), root / "keys", signer)
            store.issue(name, NOON)
            dying, *living = store.pairs(name)
            disk = PoweredDisk(root / "site", cut_at=at, is_after=is_after)
            is_done = False
            with suppress(PowerCut):
                files = SiteKeyFiles(root / "site" / "site.key", disk=disk)
                KeyStore(rows, files, root / "keys", signer).kill([dying.id])
                is_done = True
            disk.restore(drawn(left))
            again = KeyStore(rows, SiteKeyFiles(root / "site" / "site.key"), root / "keys", signer)
            there = {one.id for one in again.pairs(name)}
            assert {one.id for one in living} <= there
            assert not (is_done and dying.id in there)
            again.kill([])
            assert again.pairs(name), "the site key opens what lives"


def test_a_shredded_blob_that_a_power_cut_brought_back_goes_at_the_next_check(
    tmp_path: Path,
) -> None:
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    desk = Desk(tmp_path, blobs=FileBlobs(blobs))
    record(desk)
    row = desk.segments()[0]
    disk = PoweredDisk(blobs, cut_at=1)
    with suppress(PowerCut):
        FileBlobs(blobs, disk=disk).remove(row.blob)
    desk.catalogue.write([SegmentsRemoved(ids=(row.id,))])
    disk.restore()
    report = check(FileBlobs(blobs), desk.catalogue)
    assert [one.code for one in report.findings if one.is_fault] == ["row_missing"]
    with suppress(NotFound):
        FileBlobs(blobs).remove(row.blob)
    assert not (blobs / row.blob).exists()
    assert isinstance(desk.catalogue, MemoryCatalogue)
    assert row.camera == CAMERA
