"""Catalogue and blobs are compared to the last digest; a crash is mended without a key."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fairview.core.errors import NotFound
from fairview.core.ids import CameraId, KeyPairId, SegmentId
from fairview.core.media import EndedBecause, Gap, GapBecause
from fairview.core.time import US_PER_DAY, US_PER_HOUR, ManualClock, Span
from fairview.store.blobs import MemoryBlobs
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.check import CheckReport, check, rebuild, recover
from fairview.store.contracts import CameraSaved, GapSaved, SegmentSaved, SegmentsRemoved
from fairview.store.sealing import TRAILER_BYTES, open_key, open_record, verify_trailer, walk
from tests import builders
from tests.store.recording import CAMERA, PRIVATE, SIGNER, at, begin, fragment


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def catalogue() -> MemoryCatalogue:
    return MemoryCatalogue()


def clock(seconds: float) -> ManualClock:
    return ManualClock(at(seconds))


def gap(start: float, end: float, because: GapBecause = GapBecause.CRASHED) -> Gap:
    span = Span(start=at(start), end=at(end))
    return Gap(camera=CAMERA, stream="main", span=span, because=because)


def codes(report: CheckReport) -> list[str]:
    return [finding.code for finding in report.findings]


def two_minutes(blobs: MemoryBlobs, catalogue: MemoryCatalogue) -> None:
    begin(blobs, catalogue, 1, 0).seconds(0, 3).end()
    begin(blobs, catalogue, 2, 3).seconds(3, 3).end(EndedBecause.STOPPED)


def damage(blobs: MemoryBlobs, name: str, offset: int, bits: int = 1) -> None:
    data = bytearray(blobs.read(name))
    data[offset] ^= bits
    blobs.remove(name)
    blobs.create(name).append(bytes(data))


def test_what_was_recorded_in_order_is_clean(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    two_minutes(blobs, catalogue)
    report = check(blobs, catalogue)
    assert report.findings == ()
    assert report.is_clean
    assert (report.cameras, report.segments) == (1, 2)
    assert report.size_bytes == sum(map(blobs.size_bytes, blobs.names()))
    assert "0 faults" in report.in_words()


def test_an_open_segment_is_a_note_and_not_a_fault(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    begin(blobs, catalogue, 1, 0).seconds(0, 2).writer.append(b"FVRC and then half a record")
    report = check(blobs, catalogue)
    assert codes(report) == ["not_ended"]
    assert report.is_clean


@pytest.mark.parametrize("where", ["header", "record", "sealed", "trailer", "signature", "cut"])
def test_any_damage_to_a_blob_is_found(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue, where: str
) -> None:
    two_minutes(blobs, catalogue)
    name = next(blobs.names())
    size = blobs.size_bytes(name)
    found = walk(lambda start, length: blobs.read(name, start, length), size)
    offsets = {
        "header": 30,
        "record": found.records[1].offset + 8,
        "sealed": found.records[1].sealed_offset + 100,
        "trailer": size - TRAILER_BYTES + 5,
        "signature": size - 1,
    }
    if where == "cut":
        blobs.cut(name, size - TRAILER_BYTES)
    else:
        damage(blobs, name, offsets[where])
    report = check(blobs, catalogue)
    assert codes(report) == ["blob_damaged"]
    assert not report.is_clean


def test_a_row_without_its_blob_is_found(blobs: MemoryBlobs, catalogue: MemoryCatalogue) -> None:
    two_minutes(blobs, catalogue)
    blobs.remove(next(blobs.names()))
    assert codes(check(blobs, catalogue)) == ["blob_missing"]


@pytest.mark.parametrize(
    "change",
    [
        {"size_bytes": 1},
        {"fragments": 2},
        {"head": "00" * 32},
        {"ended_because": EndedBecause.DISK},
        {"span": Span(start=at(0), end=at(2.5))},
        {"key_pair": KeyPairId("ab" * 16)},
        {"stream": "sub"},
        {"id": SegmentId("99" * 16)},
    ],
)
def test_a_row_that_differs_from_its_blob_is_found_and_adopted(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue, change: dict[str, object]
) -> None:
    row = begin(blobs, catalogue, 1, 0).seconds(0, 3).end()
    catalogue.write([SegmentsRemoved(ids=(row.id,))])
    catalogue.write([SegmentSaved(segment=replace(row, **change))])  # type: ignore[arg-type]  # fields by name
    assert codes(check(blobs, catalogue)) == ["row_differs"]
    if "id" not in change:
        assert check(blobs, catalogue, repair="adopt").is_clean
        assert catalogue.segment(row.id) == row
        assert check(blobs, catalogue).findings == ()


def test_a_blob_without_a_row_is_adopted_or_removed(blobs: MemoryBlobs) -> None:
    for repair, rows, names in (("adopt", 1, 1), ("remove", 0, 0)):
        catalogue = MemoryCatalogue()
        blobs = MemoryBlobs()
        begin(blobs, None, 1, 0).seconds(0, 2).end()
        assert codes(check(blobs, catalogue)) == ["row_missing"]
        assert not check(blobs, catalogue).is_clean
        repaired = check(blobs, catalogue, repair=repair)  # type: ignore[arg-type]  # a literal
        assert repaired.is_clean
        assert repaired.findings[0].is_repaired
        assert len(catalogue.segments(CAMERA)) == rows
        assert len(list(blobs.names())) == names
        assert check(blobs, catalogue).findings == ()


def test_a_copy_of_a_segment_is_found_and_never_adopted(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    row = begin(blobs, catalogue, 1, 0).seconds(0, 2).end()
    copy = f"{CAMERA}/2026-05-01/13/{'ee' * 16}.fvs"
    blobs.create(copy).append(blobs.read(row.blob))
    assert codes(check(blobs, catalogue, repair="adopt")) == ["row_missing"]
    recover(blobs, catalogue, clock(60))
    assert catalogue.segment(row.id) == row


def test_foreign_files_and_rubbish_are_told_apart(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    for name in ("readme", "a/note.txt", f"a/{'ab' * 16}.fvs", "a.b/c", "b/short.fvs"):
        blobs.create(name).append(b"no segment")
    report = check(blobs, catalogue)
    assert codes(report) == [
        "foreign_file", "foreign_file", "blob_unreadable", "foreign_file", "foreign_file",
    ]  # fmt: skip
    check(blobs, catalogue, repair="remove")
    assert f"a/{'ab' * 16}.fvs" not in list(blobs.names())
    assert len(list(blobs.names())) == 4


def test_missing_footage_without_a_gap_is_found_and_written(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    begin(blobs, catalogue, 1, 0).seconds(0, 2).seconds(9, 1).end(EndedBecause.CAMERA_AWAY)
    begin(blobs, catalogue, 2, 20).seconds(20, 1).end()
    report = check(blobs, catalogue)
    assert codes(report) == ["gap_missing", "gap_missing"]
    assert check(blobs, catalogue, repair="adopt").is_clean
    assert catalogue.gaps(CAMERA) == (
        gap(2, 9, GapBecause.LOST_PACKETS),
        gap(10, 20, GapBecause.CAMERA_AWAY),
    )
    assert check(blobs, catalogue).findings == ()


def test_overlapping_footage_is_found_unless_the_clock_was_set_back(blobs: MemoryBlobs) -> None:
    for because, wanted in ((EndedBecause.ROTATED, ["overlap"]), (EndedBecause.CLOCK_JUMP, [])):
        blobs, catalogue = MemoryBlobs(), MemoryCatalogue()
        begin(blobs, catalogue, 1, 0).seconds(0, 5).end(because)
        begin(blobs, catalogue, 2, 3).seconds(3, 5).end()
        assert codes(check(blobs, catalogue)) == wanted


@pytest.mark.parametrize(
    ("because", "wanted"),
    [(GapBecause.DISK_FULL, []), (GapBecause.LOST_PACKETS, ["overlap"])],
)
def test_a_clock_may_be_set_back_in_a_gap_that_began_between_two_segments(
    because: GapBecause, wanted: list[str]
) -> None:
    """The segment before it had just been ended for its length; a hole inside a run is no pause."""
    blobs, catalogue = MemoryBlobs(), MemoryCatalogue()
    begin(blobs, catalogue, 1, 0).seconds(0, 5).end(EndedBecause.ROTATED)
    catalogue.write([GapSaved(gap=gap(5, 6, because))])
    begin(blobs, catalogue, 2, 3).seconds(3, 5).end()
    assert codes(check(blobs, catalogue)) == wanted


@pytest.mark.parametrize("because", [EndedBecause.CLOCK_JUMP, EndedBecause.CRASHED])
def test_all_that_was_recorded_again_after_a_clock_was_set_back_is_sound(
    because: EndedBecause,
) -> None:
    """Six segments before the step and six after it lie between one another."""
    blobs, catalogue = MemoryBlobs(), MemoryCatalogue()
    for number in range(6):
        ended = because if number == 5 else EndedBecause.ROTATED
        begin(blobs, catalogue, 1 + number, 5 * number).seconds(5 * number, 5).end(ended)
    for number in range(6):
        start = 2 + 5 * number
        begin(blobs, catalogue, 11 + number, start).seconds(start, 5).end()
    assert codes(check(blobs, catalogue)) == []


def test_a_segment_of_a_newer_version_is_left_alone(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    row = begin(blobs, catalogue, 1, 0).seconds(0, 2).end()
    damage(blobs, row.blob, 7, 3)
    before = blobs.read(row.blob)
    assert codes(check(blobs, catalogue, repair="remove")) == ["newer_version"]
    catalogue.write([SegmentsRemoved(ids=(row.id,))])
    assert codes(check(blobs, catalogue, repair="remove")) == ["newer_version"]
    assert recover(blobs, catalogue, clock(60)) == ()
    assert blobs.read(row.blob) == before


def test_a_report_is_json(blobs: MemoryBlobs, catalogue: MemoryCatalogue) -> None:
    two_minutes(blobs, catalogue)
    blobs.remove(next(blobs.names()))
    told = json.loads(json.dumps(check(blobs, catalogue).as_json()))
    assert told["is_clean"] is False
    assert told["findings"][0]["code"] == "blob_missing"


def test_recovery_cuts_ends_signs_and_stores_the_gap(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    recording = begin(blobs, catalogue, 1, 0).seconds(0, 3)
    recording.writer.append(recording.sealer.seal(fragment(3))[:-1])
    (recovered,) = recover(blobs, catalogue, clock(10), [SIGNER])
    row = catalogue.segment(recording.row.id)
    assert recovered.segment == row
    assert recovered.cut_bytes > 0
    assert (row.span, row.fragments) == (Span(start=at(0), end=at(3)), 3)
    assert row.ended_because is EndedBecause.CRASHED
    assert catalogue.gaps(CAMERA) == (gap(3, 10),)
    found = walk(
        lambda start, length: blobs.read(row.blob, start, length), blobs.size_bytes(row.blob)
    )
    assert found.trailer is not None
    assert verify_trailer(found.header, found.trailer)
    key = open_key(found.header, PRIVATE)
    last = found.records[-1]
    sealed = blobs.read(row.blob, last.sealed_offset, last.sealed_bytes)
    assert open_record(found.header, last, sealed, key) == fragment(2)
    assert check(blobs, catalogue).findings == ()
    assert recover(blobs, catalogue, clock(20), [SIGNER]) == ()


def test_recovery_without_the_recorders_key_says_not_signed(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    begin(blobs, catalogue, 1, 0).seconds(0, 1)
    other = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
    recover(blobs, catalogue, clock(10), [other])
    report = check(blobs, catalogue)
    assert codes(report) == ["not_signed"]
    assert report.is_clean


def test_recovery_adopts_a_blob_whose_row_was_lost(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    ended = begin(blobs, None, 1, 0).seconds(0, 3).end()
    begun = begin(blobs, None, 2, 3).seconds(3, 2)
    assert len(recover(blobs, catalogue, clock(10), [SIGNER])) == 2
    assert catalogue.segment(ended.id) == ended
    assert catalogue.segment(begun.row.id).span.end == at(5)
    assert catalogue.gaps(CAMERA) == (gap(5, 10),)
    assert check(blobs, catalogue).findings == ()


def test_recovery_takes_the_end_that_a_lost_row_missed(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    recording = begin(blobs, catalogue, 1, 0).seconds(0, 3)
    recording.catalogue = None
    ended = recording.end(EndedBecause.CAMERA_AWAY)
    (recovered,) = recover(blobs, catalogue, clock(10))
    assert (recovered.segment, recovered.cut_bytes) == (ended, 0)
    assert catalogue.gaps(CAMERA) == (gap(3, 10, GapBecause.CAMERA_AWAY),)


def test_recovery_removes_what_holds_no_footage(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    begin(blobs, catalogue, 1, 0)
    blobs.cut(begin(blobs, catalogue, 2, 1).row.blob, 20)
    blobs.remove(begin(blobs, catalogue, 3, 2).seconds(2, 1).row.blob)
    assert recover(blobs, catalogue, clock(10)) == ()
    assert list(blobs.names()) == []
    assert catalogue.segments(CAMERA) == ()
    assert catalogue.gaps(CAMERA) == ()


def test_recovery_keeps_footage_whose_header_was_damaged(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    recording = begin(blobs, catalogue, 1, 0)
    recording.seconds(0, 30)
    damage(blobs, recording.row.blob, 40)
    assert recover(blobs, catalogue, clock(60)) == ()
    assert blobs.size_bytes(recording.row.blob) > 0
    assert codes(check(blobs, catalogue)) == ["blob_damaged"]


@pytest.mark.parametrize(
    ("where", "is_ended"), [("sealed", True), ("header", True), ("sealed", False)]
)
def test_damage_that_no_crash_leaves_is_never_cut_away(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue, where: str, is_ended: bool
) -> None:
    recording = begin(blobs, None, 1, 0).seconds(0, 5)
    if is_ended:
        recording.end()
    name = recording.row.blob
    size = blobs.size_bytes(name)
    found = walk(lambda start, length: blobs.read(name, start, length), size)
    record = found.records[2]
    damage(blobs, name, record.sealed_offset + 80 if where == "sealed" else record.offset + 5)
    before = blobs.read(name)
    assert recover(blobs, catalogue, clock(10), [SIGNER]) == ()
    assert rebuild(blobs, catalogue, [SIGNER]).left[0][0] == name
    assert codes(check(blobs, catalogue, repair="adopt")) == ["row_missing"]
    assert blobs.read(name) == before


@pytest.mark.parametrize("is_active", [True, False])
def test_a_start_stores_the_gap_behind_a_camera_in_use_and_lets_it_grow(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue, is_active: bool
) -> None:
    camera = builders.camera(CAMERA, is_active=is_active)
    catalogue.write([CameraSaved(camera=camera, sealed_login=None)])
    two_minutes(blobs, catalogue)
    for seconds in (100, 200):
        assert recover(blobs, catalogue, clock(seconds)) == ()
        wanted = (gap(6, seconds, GapBecause.STOPPED),) if is_active else ()
        assert catalogue.gaps(CAMERA) == wanted
    assert recover(blobs, catalogue, clock(3)) == ()
    assert check(blobs, catalogue).findings == ()


def test_a_start_looks_for_lost_rows_only_near_the_newest_footage(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    hour = 3_600
    for number, hours in enumerate((0, 20, 25)):
        begin(blobs, None, number, hours * hour).seconds(hours * hour, 1).end()
    recovered = recover(blobs, catalogue, clock(26 * hour))
    assert [one.segment.id for one in recovered] == [f"{1:032x}", f"{2:032x}"]
    assert codes(check(blobs, catalogue)) == ["row_missing"]


def test_recovery_takes_back_a_gap_that_footage_fills(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    begin(blobs, catalogue, 1, 0).seconds(0, 5)
    catalogue.write([GapSaved(gap=gap(0.04, 9))])
    begin(blobs, catalogue, 2, 9).seconds(9, 2).end()
    recover(blobs, catalogue, clock(11), [SIGNER])
    assert catalogue.gaps(CAMERA) == (gap(5, 9),)
    assert check(blobs, catalogue).findings == ()


def test_a_recorder_recovers_only_its_own_and_only_what_it_left(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    other = begin(blobs, catalogue, 1, 0, camera=CameraId("other")).seconds(0, 2)
    left = begin(blobs, catalogue, 2, 0).seconds(0, 2)
    names = tuple(blobs.names(f"{CAMERA}/"))
    now = begin(blobs, catalogue, 3, 8).seconds(8, 2)
    unseen = begin(blobs, None, 4, 8, stream="sub").seconds(8, 2)
    (recovered,) = recover(
        blobs, catalogue, clock(10), [SIGNER], cameras=frozenset({CAMERA}), names=names
    )
    assert recovered.segment.id == left.row.id
    assert {one.id for one in catalogue.open_segments()} == {other.row.id, now.row.id}
    assert catalogue.gaps(CAMERA) == (gap(2, 8),)
    with pytest.raises(NotFound):
        catalogue.segment(unseen.row.id)


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 3_500), noise=st.binary(max_size=40))
def test_whatever_a_crash_leaves_recovery_makes_clean_and_loses_nothing_whole(
    cut: int, noise: bytes
) -> None:
    assume(cut != 7 or noise[:1] < b"\x02")  # else it looks like a newer version's, left alone
    blobs, catalogue = MemoryBlobs(), MemoryCatalogue()
    recording = begin(blobs, catalogue, 1, 0).seconds(0, 3)
    name, size = recording.row.blob, blobs.size_bytes(recording.row.blob)
    found = walk(lambda start, length: blobs.read(name, start, length), size)
    ends = [record.end_offset for record in found.records]
    whole = sum(record.end_offset <= min(cut, size) for record in found.records)
    blobs.cut(name, cut)
    tail = blobs.reopen(name)
    # What a crash garbles lies within the record under way: the next one had not begun.
    tail.append(noise[: min((end - cut for end in ends if end > cut), default=len(noise))])
    tail.close()
    recovered = recover(blobs, catalogue, clock(10), [SIGNER])
    assert check(blobs, catalogue).is_clean
    kept = catalogue.segments(CAMERA)
    assert [row.fragments for row in kept] == ([whole] if whole else [])
    assert len(recovered) == len(kept)


def test_a_rebuilt_catalogue_holds_what_the_blobs_hold(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    begin(blobs, catalogue, 1, 0).seconds(0, 2).seconds(8, 1).end()
    begin(blobs, catalogue, 2, 9).seconds(9, 2).end(EndedBecause.STOPPED)
    begin(blobs, catalogue, 3, 60).seconds(60, 2).end(EndedBecause.CAMERA_AWAY)
    begin(blobs, catalogue, 4, 60, stream="sub").seconds(60, 2)
    begin(blobs, catalogue, 5, 5, camera=CameraId("other")).seconds(5, 1).end()
    blobs.create("junction-1/rubbish").append(b"")
    anew = MemoryCatalogue()
    rebuilt = rebuild(blobs, anew, [SIGNER])
    assert (rebuilt.cameras, rebuilt.segments, rebuilt.gaps) == ((CAMERA, "other"), 5, 2)
    assert rebuilt.left == (("junction-1/rubbish", "not a segment's blob"),)
    ended = [row for row in catalogue.segments(CAMERA) if not row.is_open]
    assert [row for row in anew.segments(CAMERA, "main")] == ended
    assert anew.gaps(CAMERA) == (
        gap(2, 8, GapBecause.LOST_PACKETS),
        gap(11, 60, GapBecause.STOPPED),
    )
    assert codes(check(blobs, anew)) == ["foreign_file"]
    before = anew.segments(CAMERA), anew.gaps(CAMERA), anew.cameras()
    assert rebuild(blobs, anew, [SIGNER]).segments == 5
    assert (anew.segments(CAMERA), anew.gaps(CAMERA), anew.cameras()) == before


def test_a_rebuilt_camera_waits_for_review_and_shreds_nothing(blobs: MemoryBlobs) -> None:
    days = 10 * 24 * 3_600
    begin(blobs, None, 1, 0).seconds(0, 1).end()
    begin(blobs, None, 2, days).seconds(days, 1).end()
    catalogue = MemoryCatalogue()
    rebuild(blobs, catalogue)
    camera = catalogue.camera(CAMERA).camera
    assert not camera.is_active
    assert "review" in camera.register.purpose
    assert 10 * US_PER_DAY < camera.register.retention_us <= 10 * US_PER_DAY + US_PER_HOUR
    assert camera.register.review_at <= at(days + 1)


def test_rebuilding_leaves_a_known_camera_as_it_is(
    blobs: MemoryBlobs, catalogue: MemoryCatalogue
) -> None:
    begin(blobs, None, 1, 0).seconds(0, 1).end()
    saved = CameraSaved(camera=builders.camera(), sealed_login=b"x")
    catalogue.write([saved])
    rebuild(blobs, catalogue)
    assert catalogue.camera(CAMERA).camera == saved.camera


def test_a_rebuilt_camera_sends_no_cover_though_one_is_kept(blobs: MemoryBlobs) -> None:
    begin(blobs, None, 1, 0).seconds(0, 2).end()
    begin(blobs, None, 2, 0, stream="cover").seconds(0, 2).end()
    catalogue = MemoryCatalogue()
    rebuild(blobs, catalogue)
    assert len(catalogue.segments(CAMERA, "cover")) == 1
    assert [one.stream for one in catalogue.camera(CAMERA).camera.sources] == ["main"]
    assert codes(check(blobs, catalogue)) == []
