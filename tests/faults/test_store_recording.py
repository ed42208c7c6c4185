"""Each system call of recording fails in each way; after a restart nothing stored is missing and
the check is clean."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from fairview.core.errors import FairviewError, Unavailable
from fairview.core.media import EndedBecause
from fairview.core.time import ManualClock
from fairview.store.blobs import FileBlobs, MemoryBlobs
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.check import check, recover
from fairview.store.contracts import Blobs, CameraSaved, Catalogue, SegmentSaved
from fairview.store.durable import DISK
from tests import builders
from tests.faults.stores import FAULTS, Fault, FaultyCatalogue, FaultyDisk
from tests.store.recording import CAMERA, SIGNER, at, begin

C = TypeVar("C", bound=MemoryCatalogue)


def _watched(catalogue: C) -> C:
    """The camera is in use, so what is not recorded is a gap."""
    saved = CameraSaved(camera=builders.camera(CAMERA), sealed_login=None)
    MemoryCatalogue.write(catalogue, [saved])
    return catalogue


def _record(blobs: Blobs, catalogue: Catalogue, stored: list[int]) -> None:
    """Two segments of three seconds; every second that was acknowledged is noted."""
    for number in range(2):
        first = number * 3
        recording = begin(blobs, catalogue, number, first)
        for second in range(first, first + 3):
            recording.seconds(second, 1)
            stored.append(second)
        recording.end(EndedBecause.ROTATED)


def _seconds(catalogue: Catalogue) -> list[int]:
    rows = catalogue.segments(CAMERA)
    return [
        second
        for row in rows
        for second in range(
            row.span.start.since(at(0)) // 1_000_000, row.span.end.since(at(0)) // 1_000_000
        )
    ]


def _restart(blobs: Blobs, catalogue: Catalogue, stored: list[int]) -> None:
    recover(blobs, catalogue, ManualClock(at(60)), [SIGNER])
    report = check(blobs, catalogue)
    assert report.is_clean, report.in_words()
    assert "not_ended" not in [one.code for one in report.findings]
    kept = _seconds(catalogue)
    assert kept[: len(stored)] == stored
    assert len(kept) <= len(stored) + 1, "at most the fragment under way is there besides"
    if kept:
        (gap,) = catalogue.gaps(CAMERA)
        assert (gap.span.start, gap.span.end) == (catalogue.segments(CAMERA)[-1].span.end, at(60))


def _count_steps(tmp_path: Path) -> int:
    counting = FaultyDisk()
    _record(FileBlobs(tmp_path / "count", disk=counting), MemoryCatalogue(), [])
    return sum(counting.calls.values())


@pytest.mark.parametrize("fault", FAULTS)
def test_no_failing_call_loses_what_was_acknowledged(tmp_path: Path, fault: Fault) -> None:
    for step in range(_count_steps(tmp_path)):
        root = tmp_path / str(step)
        disk = FaultyDisk(fault=fault, fail_at=step, stays_broken=True)
        catalogue = _watched(MemoryCatalogue())
        stored: list[int] = []
        with pytest.raises(FairviewError):
            _record(FileBlobs(root, disk=disk), catalogue, stored)
        _restart(FileBlobs(root), catalogue, stored)


@pytest.mark.parametrize("fault", FAULTS[:2])
def test_recovery_that_fails_at_any_call_ends_when_repeated(tmp_path: Path, fault: Fault) -> None:
    for step in range(8):
        root = tmp_path / str(step)
        catalogue = _watched(MemoryCatalogue())
        recording = begin(FileBlobs(root), catalogue, 1, 0).seconds(0, 2)
        recording.writer.append(b"FVRC, then nothing")
        recording.writer.close()
        disk = FaultyDisk(fault=fault, fail_at=step)
        with contextlib.suppress(Unavailable):
            recover(FileBlobs(root, disk=disk), catalogue, ManualClock(at(60)), [SIGNER])
        _restart(FileBlobs(root), catalogue, [0, 1])


@pytest.mark.parametrize("fault", FAULTS[:2])
def test_no_failing_catalogue_write_loses_a_row(fault: Fault) -> None:
    for write in range(4):
        blobs, catalogue = MemoryBlobs(), _watched(FaultyCatalogue(fault, write))
        stored: list[int] = []
        with pytest.raises(Unavailable):
            _record(blobs, catalogue, stored)
        _restart(blobs, catalogue, stored)


@pytest.mark.parametrize("fault", FAULTS[:2])
def test_recovery_whose_rows_fail_ends_when_repeated(fault: Fault) -> None:
    blobs, catalogue = MemoryBlobs(), _watched(FaultyCatalogue(fault, 1))
    begin(blobs, catalogue, 1, 0).seconds(0, 2)
    with pytest.raises(Unavailable):
        recover(blobs, catalogue, ManualClock(at(60)), [SIGNER])
    _restart(blobs, catalogue, [0, 1])


def _fail_before(catalogue: SqliteCatalogue) -> Callable[[], None]:
    def refuse(_: sa.Connection) -> None:
        raise sa.exc.OperationalError("COMMIT", None, OSError("disk I/O error"))

    event.listen(catalogue._engine, "commit", refuse)
    return lambda: event.remove(catalogue._engine, "commit", refuse)


def _fail_after(catalogue: SqliteCatalogue) -> Callable[[], None]:
    def store_and_fail(connection: sa.Connection) -> None:
        assert connection.connection.dbapi_connection is not None
        connection.connection.dbapi_connection.commit()
        raise sa.exc.OperationalError("COMMIT", None, OSError("disk I/O error"))

    event.listen(catalogue._engine, "commit", store_and_fail)
    return lambda: event.remove(catalogue._engine, "commit", store_and_fail)


@pytest.mark.parametrize("fail", [_fail_before, _fail_after])
def test_a_commit_that_failed_is_all_or_nothing_and_safe_to_repeat(
    tmp_path: Path, fail: Callable[[SqliteCatalogue], Callable[[], None]]
) -> None:
    catalogue = SqliteCatalogue(tmp_path / "catalogue.sqlite")
    blobs = MemoryBlobs()
    source = MemoryCatalogue()
    _record(blobs, source, [])
    changes = [SegmentSaved(segment=row) for row in source.segments(CAMERA)]
    mend = fail(catalogue)
    with pytest.raises(Unavailable):
        catalogue.write(changes)
    mend()
    reloaded = SqliteCatalogue(tmp_path / "catalogue.sqlite")
    assert reloaded.segments(CAMERA) in ((), source.segments(CAMERA))
    for _ in range(2):
        catalogue.write(changes)
    assert reloaded.segments(CAMERA) == source.segments(CAMERA)
    assert check(blobs, reloaded).findings == ()
    reloaded.close()
    catalogue.close()


def test_what_one_segment_costs_is_pinned(tmp_path: Path) -> None:
    """30 fragments: a crash may cost 2 s, so each fragment is one write and one sync; the header
    is one of each before any media, the trailer one of each at the end. Every sealed byte is
    written once. A name costs one folder sync, a new folder one more."""
    disk = FaultyDisk()
    blobs = FileBlobs(tmp_path, disk=disk)
    begin(blobs, None, 0, -1).seconds(-1, 1).end()
    before = disk.calls.copy()
    disk.written_bytes = 0
    row = begin(blobs, None, 1, 0).seconds(0, 30).end()
    assert disk.calls - before == {
        "mkdir": 1, "create": 1, "sync_folder": 2, "write": 32, "sync": 32,
    }  # fmt: skip
    before = disk.calls.copy()
    begin(blobs, None, 2, 30).seconds(30, 30).end()
    assert disk.calls - before == {"create": 1, "sync_folder": 1, "write": 32, "sync": 32}
    assert disk.written_bytes == row.size_bytes + blobs.size_bytes(f"{row.blob[:-6]}02.fvs")


def test_what_a_segment_costs_the_catalogue_is_pinned(tmp_path: Path) -> None:
    """Two commits, one at its begin and one at its end, each one transaction of one statement;
    never one per fragment (decision 15)."""
    catalogue = SqliteCatalogue(tmp_path / "catalogue.sqlite")
    statements: list[str] = []

    def hear(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement.split()[0])

    event.listen(catalogue._engine, "before_cursor_execute", hear)
    begin(MemoryBlobs(), catalogue, 1, 0).seconds(0, 30).end()
    assert statements == ["BEGIN", "INSERT", "BEGIN", "INSERT"]
    catalogue.close()


def test_the_machine_itself_is_the_default_disk(tmp_path: Path) -> None:
    assert type(DISK).__name__ == "Disk"
    catalogue = MemoryCatalogue()
    stored: list[int] = []
    _record(FileBlobs(tmp_path), catalogue, stored)
    assert _seconds(catalogue) == stored == [0, 1, 2, 3, 4, 5]
    assert catalogue.gaps(CAMERA) == ()
