"""What a stopped writer leaves is cut at its torn end; damage before the end costs nothing good."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fairview.core.errors import BadInput, Corrupt, Unavailable
from fairview.core.media import EndedBecause
from fairview.core.time import ManualClock
from fairview.record.segment_writer import mended
from fairview.store.blobs import MemoryBlobs
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.check import check, recover
from fairview.store.contracts import BlobWriter, SegmentSaved
from fairview.store.mend import mend_blob, walk_blob
from fairview.store.recovery import recovery
from fairview.store.sealing import HEADER_BYTES_MAX, RECORD_HEADER_BYTES, TRAILER_BYTES
from fairview.store.segment_walk import holds_record
from tests.store.recording import CAMERA, SIGNER, Recording, at, begin

RECORDS = 5
FIELDS = {
    "magic": 0,
    "number": 7,
    "sealed length, longer than the file": 8,
    "sealed length, longer": 10,
    "sealed length, shorter": 11,
    "start": 19,
    "start, by millennia": 12,
    "duration": 22,
    "flags": 27,
    "other flags": 24,
    "sealed digest": 40,
    "previous": 91,
}
"""Bytes of a record's clear header, one or more of each field."""


def recorded(records: int = RECORDS, *, is_ended: bool = False) -> tuple[MemoryBlobs, Recording]:
    blobs = MemoryBlobs()
    recording = begin(blobs, None, 1, 0).seconds(0, records)
    if is_ended:
        recording.end()
    return blobs, recording


def flipped(blobs: MemoryBlobs, name: str, place: int, bit: int = 1) -> bytes:
    """The blob with one bit changed, as it then stands."""
    data = bytearray(blobs.read(name))
    data[place] ^= bit
    written(blobs, name, bytes(data))
    return bytes(data)


def written(blobs: MemoryBlobs, name: str, data: bytes) -> None:
    blobs.remove(name)
    blobs.create(name).append(data)


def assert_kept(blobs: MemoryBlobs, name: str, data: bytes) -> None:
    """Neither a start nor the recorder itself takes anything away."""
    row = begin(MemoryBlobs(), None, 1, 0).row
    with pytest.raises(Corrupt):
        mend_blob(blobs, name, [SIGNER])
    with pytest.raises(Corrupt):
        mended(blobs, row, SIGNER)
    assert recover(blobs, MemoryCatalogue(), ManualClock(at(60)), [SIGNER]) == ()
    assert blobs.read(name) == data


@pytest.mark.parametrize("place", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize("record", range(RECORDS - 2))
@pytest.mark.parametrize("is_torn", [False, True])
def test_a_bit_in_a_records_clear_header_costs_no_record_behind_it(
    record: int, place: int, is_torn: bool
) -> None:
    """A segment without a trailer: one whose writer crashed, perhaps inside its last record."""
    blobs, recording = recorded()
    name = recording.row.blob
    offset = walk_blob(blobs, name).records[record].offset
    if is_torn:
        blobs.cut(name, blobs.size_bytes(name) - 10)
    assert_kept(blobs, name, flipped(blobs, name, offset + place))


@pytest.mark.parametrize("field", FIELDS)
def test_a_bit_in_the_last_whole_header_costs_that_record_at_most(field: str) -> None:
    """Behind it stands a torn record only: just the digest tells the damage from the crash, and
    without its length a record's digest can't be looked at."""
    blobs, recording = recorded()
    name = recording.row.blob
    damaged = walk_blob(blobs, name).records[-2]
    blobs.cut(name, blobs.size_bytes(name) - 10)
    before = flipped(blobs, name, damaged.offset + FIELDS[field])
    try:
        mend_blob(blobs, name, [SIGNER])
    except Corrupt:
        assert blobs.read(name) == before
    else:
        kept = damaged.offset if field.startswith("sealed length") else damaged.end_offset
        assert blobs.read(name)[:kept] == before[:kept]


@pytest.mark.parametrize(
    ("place", "bit"),
    [(0, 1), (7, 1), (12, 0x80), (24, 1), (27, 2), (91, 1)],
    ids=["magic", "number", "start before 1970", "flags", "more flags", "previous"],
)
def test_a_whole_newest_record_with_a_damaged_header_is_kept(place: int, bit: int) -> None:
    """No torn write has the digest of what it did not write."""
    blobs, recording = recorded()
    name = recording.row.blob
    offset = walk_blob(blobs, name).records[-1].offset
    assert_kept(blobs, name, flipped(blobs, name, offset + place, bit))


def test_a_torn_newest_record_is_cut_wherever_it_was_torn() -> None:
    blobs, recording = recorded()
    name = recording.row.blob
    whole = blobs.read(name)
    newest = walk_blob(blobs, name).records[-1]
    for size in range(newest.offset + 1, len(whole)):
        for torn in (whole[:size], whole[:size] + bytes(len(whole) - size)):
            if torn == whole:
                continue
            written(blobs, name, torn)
            recovered = mend_blob(blobs, name, [SIGNER]).recovered
            assert recovered is not None
            assert recovered.segment.fragments == RECORDS - 1
            assert blobs.read(name)[: newest.offset] == whole[: newest.offset]
            assert walk_blob(blobs, name).fault is None


def test_a_wrong_trailer_at_the_end_is_written_anew_and_the_records_stay() -> None:
    for place in range(TRAILER_BYTES):
        blobs, recording = recorded(is_ended=True)
        name = recording.row.blob
        trailer_at = blobs.size_bytes(name) - TRAILER_BYTES
        before = flipped(blobs, name, trailer_at + place)
        assert walk_blob(blobs, name).fault is not None
        recovered = mend_blob(blobs, name, [SIGNER]).recovered
        assert recovered is not None
        assert recovered.ended_because is EndedBecause.CRASHED
        assert recovered.segment.fragments == RECORDS
        assert blobs.read(name)[:trailer_at] == before[:trailer_at]
        assert walk_blob(blobs, name).fault is None


@pytest.mark.parametrize("more", [b"\x00", b"FVRC", b"FVND", bytes(5_000), b"FVRC" * 1_000])
def test_what_follows_a_trailer_is_cut_off_when_it_is_nothing_whole(more: bytes) -> None:
    blobs, recording = recorded(is_ended=True)
    name = recording.row.blob
    before = blobs.read(name)
    written(blobs, name, before + more)
    recovered = mend_blob(blobs, name, [SIGNER]).recovered
    assert recovered is not None
    assert (recovered.ended_because, recovered.cut_bytes) == (EndedBecause.ROTATED, len(more))
    assert blobs.read(name) == before


def test_an_end_that_was_written_and_not_synced_outlives_a_power_cut_once_it_has_its_row() -> None:
    """Its writer was killed between the two; the next start took the end as it stood."""
    blobs, catalogue = MemoryBlobs(), MemoryCatalogue()
    recording = begin(blobs, catalogue, 1, 0).seconds(0, RECORDS)
    recording.writer.append(recording.sealer.end(EndedBecause.ROTATED))
    (recovered,) = recover(blobs, catalogue, ManualClock(at(60)), [SIGNER])
    assert recovered.ended_because is EndedBecause.ROTATED
    blobs.crash()
    assert check(blobs, catalogue).findings == ()


class ForgetfulBlobs(MemoryBlobs):
    """Its next sync fails, and those after it call clean what it never wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False
        self._lost_from: dict[str, int] = {}

    def keep(self, name: str) -> None:
        if self.fails:
            self.fails = False
            self._lost_from[name] = self._synced_bytes[name]
            raise Unavailable("the disk failed at syncing")
        if name not in self._lost_from:
            super().keep(name)

    def cut(self, name: str, size_bytes: int) -> None:
        if size_bytes <= self._lost_from.get(name, 0):
            del self._lost_from[name]
        super().cut(name, size_bytes)


@pytest.mark.parametrize("is_ended", [False, True])
def test_what_a_failed_sync_left_unwritten_is_written_again(is_ended: bool) -> None:
    blobs = ForgetfulBlobs()
    recording = begin(blobs, None, 1, 0).seconds(0, RECORDS)
    row, blobs.fails = recording.row, True
    with pytest.raises(Unavailable):
        _ = recording.end() if is_ended else recording.seconds(RECORDS, 1)
    segment = mended(blobs, row, SIGNER).segment
    assert segment is not None
    assert segment.fragments == RECORDS + (not is_ended)
    assert segment.ended_because is (EndedBecause.ROTATED if is_ended else EndedBecause.DISK)
    blobs.crash()
    catalogue = MemoryCatalogue()
    catalogue.write([SegmentSaved(segment=segment)])
    assert check(blobs, catalogue).findings == ()


class FailingBlobs(MemoryBlobs):
    """Nothing that is there already can be changed while `fails`."""

    fails = True

    def cut(self, name: str, size_bytes: int) -> None:
        self._refuse()
        super().cut(name, size_bytes)

    def remove(self, name: str) -> None:
        self._refuse()
        super().remove(name)

    def reopen(self, name: str) -> BlobWriter:
        self._refuse()
        return super().reopen(name)

    def _refuse(self) -> None:
        if self.fails:
            raise Unavailable("the disk is failing")


def test_what_is_being_written_is_never_left_and_a_row_whose_blob_is_gone_goes() -> None:
    """The disk was away at the start, and is again; then it is back, without one blob."""

    class AwayBlobs(MemoryBlobs):
        is_away = True

        def names(self, prefix: str = "") -> Iterator[str]:
            return iter(()) if self.is_away else super().names(prefix)

        def size_bytes(self, name: str) -> int:
            if self.is_away:
                raise Unavailable("the disk is away")
            return super().size_bytes(name)

    blobs, catalogue = AwayBlobs(), MemoryCatalogue()
    old, gone = (begin(blobs, catalogue, at_s, at_s).seconds(at_s, 2) for at_s in (0, 9))
    found = recovery(blobs, catalogue, ManualClock(at(20)), [SIGNER])
    assert set(found.left) == {old.row.blob, gone.row.blob}
    now = begin(blobs, catalogue, 30, 30).seconds(30, 2)
    found = recovery(blobs, catalogue, ManualClock(at(40)), [SIGNER], names=found.left)
    assert set(found.left) == {old.row.blob, gone.row.blob}
    blobs.is_away = False
    blobs.remove(gone.row.blob)
    found = recovery(blobs, catalogue, ManualClock(at(50)), [SIGNER], names=found.left)
    assert ([one.segment.id for one in found.done], found.left) == ([old.row.id], ())
    assert {row.id: row.is_open for row in catalogue.segments(CAMERA)} == {
        old.row.id: False,
        now.row.id: True,
    }
    now.seconds(32, 1).end()


def test_what_a_failing_disk_left_is_named_and_closed_later_beside_recording() -> None:
    """An open segment, one whose row was lost, and one that holds nothing yet."""
    blobs, catalogue = FailingBlobs(), MemoryCatalogue()
    rows = [
        begin(blobs, catalogue if number else None, number, 5 * number).seconds(5 * number, count)
        for number, count in enumerate((5, 5, 0))
    ]
    found = recovery(blobs, catalogue, ManualClock(at(60)), [SIGNER])
    assert (found.done, set(found.left)) == ((), {one.row.blob for one in rows})
    blobs.fails = False
    now = begin(blobs, None, 7, 80).seconds(80, 2)
    found = recovery(blobs, catalogue, ManualClock(at(90)), [SIGNER], names=found.left)
    assert [one.segment.id for one in found.done] == [one.row.id for one in rows[:2]]
    assert found.left == ()
    assert set(blobs.names()) == {rows[0].row.blob, rows[1].row.blob, now.row.blob}
    assert {row.id for row in catalogue.segments(CAMERA)} == {one.row.id for one in rows[:2]}
    assert catalogue.gaps(CAMERA) == ()


def test_a_whole_record_behind_a_trailer_is_kept() -> None:
    blobs, recording = recorded(is_ended=True)
    name = recording.row.blob
    record = walk_blob(blobs, name).records[2]
    data = blobs.read(name) + blobs.read(name, record.offset, record.end_offset - record.offset)
    written(blobs, name, data)
    assert_kept(blobs, name, data)


def test_a_damaged_header_is_removed_alone_and_kept_with_a_record_behind_it() -> None:
    for records, is_kept in ((0, False), (1, True), (30, True)):
        blobs, recording = recorded(records)
        name = recording.row.blob
        data = flipped(blobs, name, 40)
        assert (len(data) > HEADER_BYTES_MAX) is (records == 30)
        if is_kept:
            assert_kept(blobs, name, data)
        else:
            assert mend_blob(blobs, name, [SIGNER]).recovered is None
            assert list(blobs.names()) == []


def test_zeros_in_a_header_are_a_crash_and_not_a_newer_version() -> None:
    blobs, recording = recorded(0)
    name = recording.row.blob
    whole = blobs.read(name)
    for version, is_kept in ((0, False), (2, True), (255, True)):
        written(blobs, name, whole[:7] + bytes([version]) + bytes(len(whole) - 8))
        if is_kept:
            with pytest.raises(BadInput, match="newer"):
                mend_blob(blobs, name, [SIGNER])
        else:
            assert mend_blob(blobs, name, [SIGNER]).recovered is None


def test_a_good_header_without_a_record_is_removed_ended_or_not() -> None:
    for is_ended, more in ((False, b""), (False, b"FVRC and no more"), (True, b"")):
        blobs, recording = recorded(0, is_ended=is_ended)
        name = recording.row.blob
        written(blobs, name, blobs.read(name) + more)
        assert mend_blob(blobs, name, [SIGNER]).recovered is None
        assert list(blobs.names()) == []


def test_looking_for_a_record_finds_it_at_any_place_of_a_reading_step() -> None:
    """Steps overlap by a header, so that none is missed that lies across their edge."""
    blobs, recording = recorded(2)
    data = blobs.read(recording.row.blob)
    record = walk_blob(blobs, recording.row.blob).records[1]
    whole = data[record.offset : record.end_offset]
    step = 1024 * 1024
    for before in (0, 1, 92, *range(step - 94, step + 3), 2 * step - 50):
        data = bytes(before) + whole + bytes(7)
        for start, is_there in ((0, True), (before, True), (before + 1, False)):
            assert holds_record(reading(data), len(data), start) is is_there, (before, start)
        assert not holds_record(reading(data[:-8]), len(data) - 8, 0)


def reading(data: bytes) -> Callable[[int, int], bytes]:
    return lambda start, length: data[start : start + length]


def test_looking_for_a_record_is_bounded_whatever_the_bytes_are() -> None:
    """Many headers that claim long messages: no more is hashed than the file is long."""
    head = b"FVRC" + bytes(4) + (56 + 3 * 16_400 + 16).to_bytes(4, "big")
    data = (head + bytes(RECORD_HEADER_BYTES - len(head))) * 2_000
    read_bytes = 0

    def read(start: int, length: int) -> bytes:
        nonlocal read_bytes
        piece = data[start : start + length]
        read_bytes += len(piece)
        return piece

    assert holds_record(read, len(data), 0)
    assert read_bytes < 3 * len(data)
