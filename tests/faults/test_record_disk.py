"""Every write of the recorder fails twice: not stored, and stored all the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fairview.core.errors import Unavailable
from fairview.core.limits import DISK_FREE_BYTES_MIN
from fairview.core.media import EndedBecause, GapBecause
from fairview.core.time import Span
from fairview.record.playback import merged, timeline
from fairview.store.blobs import MemoryBlobs
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.check import check
from fairview.store.contracts import BlobWriter, Change
from fairview.store.recovery import recover
from tests.builders import NOON
from tests.record.desk import CAMERA, SIGNER, Desk, second, ticks_of

SECONDS = 14


@dataclass(slots=True, kw_only=True)
class Faults:
    """Which calls fail: number `first` and the ones after it, `count` in all."""

    first: int = -1
    count: int = 1
    is_stored: bool = False
    calls: int = 0
    failed: list[str] = field(default_factory=list)

    def hit(self, what: str) -> bool:
        """Whether this call is to fail."""
        number, self.calls = self.calls, self.calls + 1
        is_hit = self.first <= number < self.first + self.count
        if is_hit:
            self.failed.append(what)
        return is_hit


class FailingWriter:
    def __init__(self, writer: BlobWriter, faults: Faults) -> None:
        self._writer = writer
        self._faults = faults
        self._is_broken = False

    @property
    def size_bytes(self) -> int:
        return self._writer.size_bytes

    def append(self, data: bytes) -> None:
        assert not self._is_broken, "nothing more may be appended after a failure"
        if self._faults.hit("append"):
            self._is_broken = True
            self._writer.append(data if self._faults.is_stored else data[: len(data) // 2])
            raise Unavailable("the disk failed")
        self._writer.append(data)

    def sync(self) -> None:
        if self._faults.hit("sync"):
            self._is_broken = True
            if self._faults.is_stored:
                self._writer.sync()
            raise Unavailable("the disk failed")
        self._writer.sync()

    def close(self) -> None:
        self._writer.close()


class FailingBlobs(MemoryBlobs):
    """Blobs whose calls fail as told."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults
        self.is_full = False

    def create(self, name: str) -> BlobWriter:
        if self._faults.hit("create"):
            if self._faults.is_stored:
                super().create(name)
            raise Unavailable("the disk failed")
        return FailingWriter(super().create(name), self._faults)

    def reopen(self, name: str) -> BlobWriter:
        if self._faults.hit("reopen"):
            raise Unavailable("the disk failed")
        return FailingWriter(super().reopen(name), self._faults)

    def cut(self, name: str, size_bytes: int) -> None:
        if self._faults.hit("cut"):
            if self._faults.is_stored:
                super().cut(name, size_bytes)
            raise Unavailable("the disk failed")
        super().cut(name, size_bytes)

    def remove(self, name: str) -> None:
        if self._faults.hit("remove"):
            if self._faults.is_stored:
                super().remove(name)
            raise Unavailable("the disk failed")
        super().remove(name)

    def free_bytes(self) -> int:
        return 0 if self.is_full else DISK_FREE_BYTES_MIN


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairview.record.recorder.SEGMENT_US", 3_000_000)


def recorded(folder: Path, faults: Faults) -> tuple[Desk, set[int]]:
    """A run over SECONDS of footage; and the ticks that were acknowledged as stored."""
    desk = Desk(folder, blobs=FailingBlobs(faults))
    acknowledged: set[int] = set()
    for number in range(SECONDS):
        desk.feed(second(number))
        until = desk.recorder.figures.stored_until
        acknowledged |= {
            one.ticks
            for one in second(0, number + 1)
            if until is not None and one.at < until and not gap_at(desk, one.at.us)
        }
    desk.clock.advance(1_000_000)
    desk.close()
    return desk, acknowledged


def gap_at(desk: Desk, us: int) -> bool:
    return any(gap.span.start.us <= us < gap.span.end.us for gap in desk.gaps())


def assert_sound(desk: Desk, acknowledged: set[int]) -> None:
    """What was acknowledged is there once, in order; what is missing is a gap; all is closed."""
    kept = [sample.ticks for sample in desk.samples()]
    assert kept == sorted(set(kept))
    assert acknowledged <= set(kept) <= set(ticks_of(second(0, SECONDS)))
    for row in desk.segments():
        found = desk.walked(row)
        assert found.fault is None
        assert found.trailer is not None
        assert row.ended_because is found.trailer.ended_because
        assert (row.fragments, row.head) == (len(found.records), found.head.hex())
        assert row.size_bytes == desk.blobs.size_bytes(row.blob)
        assert row.span.end == found.end_at
    whole = Span(start=NOON, end=NOON.plus(SECONDS * 1_000_000))
    seen = timeline(desk.segments(), desk.gaps(), whole)
    assert merged([*seen.footage, *(gap.span for gap in seen.gaps)], 0) == (whole,)


def started_again(desk: Desk, faults: Faults) -> None:
    """What the next start does, with a disk that is well; then a check is clean."""
    faults.count = 0
    recover(desk.blobs, desk.catalogue, desk.clock, [SIGNER])
    report = check(desk.blobs, desk.catalogue)
    assert report.is_clean, report.in_words()


def cases() -> Iterator[tuple[int, int, bool]]:
    for first in range(50):
        for count in (1, 3):
            for is_stored in (False, True):
                yield first, count, is_stored


@pytest.mark.parametrize(("first", "count", "is_stored"), list(cases()))
def test_a_failed_write_loses_little_and_leaves_nothing_open(
    first: int, count: int, is_stored: bool, tmp_path: Path
) -> None:
    faults = Faults(first=first, count=count, is_stored=is_stored)
    desk, acknowledged = recorded(tmp_path, faults)
    assert faults.failed, "the case is past the last write"
    was_well = faults.first + faults.count < faults.calls
    if was_well:
        assert_sound(desk, acknowledged)
    started_again(desk, faults)
    assert_sound(desk, acknowledged)
    kept = len(desk.samples())
    assert kept >= 25 * (SECONDS - (3 if count == 1 else 9))


def test_all_writes_are_covered_by_the_cases(tmp_path: Path) -> None:
    faults = Faults()
    desk, acknowledged = recorded(tmp_path, faults)
    assert_sound(desk, acknowledged)
    assert len(desk.samples()) == 25 * SECONDS
    assert 48 <= faults.calls <= 60


def test_a_long_outage_is_tried_with_growing_waits_and_told_once(tmp_path: Path) -> None:
    faults = Faults(first=7, count=10_000)
    desk = Desk(tmp_path, blobs=FailingBlobs(faults))
    desk.feed(second(0, 100))
    assert desk.recorder.figures.failures <= 10
    assert [event.kind for event in desk.events()] == ["disk_failing"]
    faults.count = 0
    desk.feed(second(100, 40))
    desk.close()
    assert [event.kind for event in desk.events()] == ["disk_failing", "disk_back"]
    gap = desk.gaps()[0]
    assert gap.because is GapBecause.DISK_FAILED
    assert gap.span.end.since(NOON) <= 135_000_000
    assert len(desk.samples()) > 25 * 5


def test_a_full_disk_is_told_as_full(tmp_path: Path) -> None:
    faults = Faults(first=7, count=10_000)
    blobs = FailingBlobs(faults)
    blobs.is_full = True
    desk = Desk(tmp_path, blobs=blobs)
    desk.feed(second(0, 10))
    assert desk.gaps()[0].because is GapBecause.DISK_FULL


def test_a_segment_that_failed_is_closed_as_ended_by_the_disk(tmp_path: Path) -> None:
    faults = Faults(first=7, count=1)
    desk, _ = recorded(tmp_path, faults)
    assert faults.failed == ["append"] or faults.failed == ["sync"]
    assert desk.segments()[0].ended_because is EndedBecause.DISK


class FailingCatalogue(MemoryCatalogue):
    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def write(self, changes: Sequence[Change]) -> None:
        if self._faults.hit("write"):
            if self._faults.is_stored:
                super().write(changes)
            raise Unavailable("the catalogue is locked")
        super().write(changes)


@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.parametrize("first", range(6))
def test_rows_are_all_there_after_a_failed_write(
    first: int, is_stored: bool, tmp_path: Path
) -> None:
    faults = Faults(first=first, count=2, is_stored=is_stored)
    desk = Desk(tmp_path, catalogue=FailingCatalogue(faults))
    for number in range(SECONDS):
        desk.feed(second(number))
        desk.rows.drain()
    desk.clock.advance(1_000_000)
    desk.close()
    desk.rows.drain()
    desk.rows.drain()
    assert len(faults.failed) == 2
    assert_sound(desk, set(ticks_of(second(0, SECONDS))))
    assert len(desk.catalogue.segments(CAMERA)) == 5
