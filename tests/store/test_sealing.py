"""The sealed segment file: what is written can be walked without a key and opened with one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.core.errors import BadInput, Corrupt
from fairview.core.ids import CameraId, KeyPairId, SegmentId
from fairview.core.media import EndedBecause, Fragment
from fairview.store.sealing import (
    UNSIGNED,
    SegmentSealer,
    Walk,
    new_key_pair,
    open_key,
    open_record,
    read_header,
    recovery_trailer,
    sealed_size,
    verify_trailer,
    walk,
)
from tests.builders import NOON, fragment, video_format

SIGNER = Ed25519PrivateKey.from_private_bytes(b"r" * 32)
PRIVATE, PUBLIC = new_key_pair()
SEGMENT = SegmentId("5e" * 16)


def sealer(**changes: object) -> SegmentSealer:
    values: dict[str, object] = {
        "camera": CameraId("junction-1"),
        "stream": "main",
        "segment": SEGMENT,
        "key_pair": KeyPairId("ab" * 16),
        "public_half": PUBLIC,
        "signer": SIGNER,
        "created_at": NOON,
    }
    values.update(changes)
    return SegmentSealer(**values)  # type: ignore[arg-type]  # tests name fields freely


@dataclass(frozen=True)
class Written:
    """A segment file, and where each of its parts begins."""

    data: bytes
    starts: tuple[int, ...]
    fragments: tuple[Fragment, ...]


def written(records: int = 3, *, ended: bool = True) -> Written:
    one = sealer()
    parts = [one.header]
    fragments = tuple(fragment(25 * number) for number in range(records))
    parts += [one.seal(part) for part in fragments]
    if ended:
        parts.append(one.end(EndedBecause.ROTATED))
    starts = tuple(sum(map(len, parts[:number])) for number in range(len(parts) + 1))
    return Written(b"".join(parts), starts, fragments)


def reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda start, length: data[start : start + length]


def walked(data: bytes, *, verify_digests: bool = True) -> Walk:
    return walk(reader(data), len(data), verify_digests=verify_digests)


FILE = written()
OPEN = written(ended=False)


def test_header_says_what_the_writer_was_told() -> None:
    header = read_header(FILE.data)
    assert (header.camera, header.stream, header.segment) == ("junction-1", "main", SEGMENT)
    assert header.key_pair == "ab" * 16
    assert header.created_at == NOON
    assert header.recorder_key == SIGNER.public_key().public_bytes_raw()
    assert header.size_bytes == FILE.starts[1]
    assert len(header.wrapped_key) == 80


def test_everything_sealed_opens_again_bit_by_bit() -> None:
    found = walked(FILE.data)
    key = open_key(found.header, PRIVATE)
    opened = [
        open_record(found.header, record, FILE.data[record.sealed_offset : record.end_offset], key)
        for record in found.records
    ]
    assert tuple(opened) == FILE.fragments
    assert found.fault is None
    assert found.good_bytes == len(FILE.data)
    assert found.trailer is not None
    assert found.trailer.ended_because is EndedBecause.ROTATED
    assert found.trailer.end_at == FILE.fragments[-1].span.end
    assert verify_trailer(found.header, found.trailer)


def test_two_segments_of_the_same_footage_share_no_sealed_byte_and_no_key() -> None:
    one, other = walked(written().data), walked(written().data)
    assert open_key(one.header, PRIVATE) != open_key(other.header, PRIVATE)
    assert {record.digest for record in one.records}.isdisjoint(
        record.digest for record in other.records
    )


def test_open_segment_walks_without_a_fault_and_without_an_end() -> None:
    found = walked(OPEN.data)
    assert (found.fault, found.trailer, len(found.records)) == (None, None, 3)
    assert found.end_at == OPEN.fragments[-1].span.end


def test_walk_without_digests_reads_only_clear_headers() -> None:
    asked: list[int] = []

    def read(start: int, length: int) -> bytes:
        asked.append(length)
        return FILE.data[start : start + length]

    assert walk(read, len(FILE.data), verify_digests=False) == walked(FILE.data)
    # One read for the header, one per record and one for the end.
    assert len(asked) == 1 + 3 + 1
    assert max(asked[1:]) <= 116


def test_every_cut_leaves_the_whole_records_before_it() -> None:
    for size in range(FILE.starts[1], FILE.starts[2] + 200):
        found = walked(FILE.data[:size])
        whole = 1 if size >= FILE.starts[2] else 0
        assert len(found.records) == whole
        assert found.good_bytes == FILE.starts[1 + whole]
        assert (found.fault is None) == (size == found.good_bytes)
    for size in range(FILE.starts[4] + 1, FILE.starts[5]):
        found = walked(FILE.data[:size])
        assert found.good_bytes == FILE.starts[4]
        assert found.trailer is None


def test_a_cut_header_is_refused() -> None:
    for size in range(FILE.starts[1]):
        with pytest.raises(Corrupt):
            read_header(FILE.data[:size])


def test_a_newer_version_is_told_apart_from_damage() -> None:
    newer = FILE.data[:7] + b"\x02" + FILE.data[8:]
    with pytest.raises(BadInput, match="newer"):
        read_header(newer)


@given(st.data())
def test_a_flipped_bit_is_a_fault(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(FILE.data) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(FILE.data)
    changed[at] ^= 1 << bit
    try:
        found = walked(bytes(changed))
    except (Corrupt, BadInput):
        assert at < FILE.starts[1]
        return
    assert found.fault is not None
    assert found.good_bytes <= at or found.trailer is None


def test_flipping_any_bit_of_the_clear_parts_is_a_fault() -> None:
    clear = [
        *range(FILE.starts[1]),
        *(start + offset for start in FILE.starts[1:4] for offset in range(92)),
        *range(FILE.starts[4], FILE.starts[5]),
    ]
    for at in clear:
        changed = bytearray(FILE.data)
        changed[at] ^= 0x04
        try:
            found = walked(bytes(changed), verify_digests=False)
        except (Corrupt, BadInput):
            continue
        # Even the digest field: the next header, or the end, covers every record header.
        assert found.fault is not None, at


@settings(max_examples=60)
@given(st.permutations(range(4)), st.integers(0, 4))
def test_dropped_or_reordered_records_are_a_fault(order: list[int], keep: int) -> None:
    pieces = [
        FILE.data[start:end] for start, end in zip(FILE.starts[1:-1], FILE.starts[2:], strict=True)
    ]
    changed = FILE.data[: FILE.starts[1]] + b"".join(pieces[number] for number in order[:keep])
    found = walked(changed)
    in_order = order[:keep] == list(range(keep))
    assert (found.fault is None) == in_order
    if not in_order:
        assert found.trailer is None


@given(st.binary(min_size=1, max_size=200))
def test_bytes_after_the_end_are_a_fault_and_cut_off(extra: bytes) -> None:
    found = walked(FILE.data + extra)
    assert found.fault is not None
    assert found.fault.kind == "trailing"
    assert found.good_bytes == len(FILE.data)
    assert found.trailer is not None


@given(st.binary(min_size=1, max_size=200))
def test_bytes_after_the_last_record_are_a_fault(extra: bytes) -> None:
    found = walked(OPEN.data + extra)
    assert found.fault is not None
    assert found.good_bytes == len(OPEN.data)


@given(st.binary(max_size=400))
def test_any_bytes_are_walked_or_refused(data: bytes) -> None:
    with pytest.raises((Corrupt, BadInput)):
        walked(data)


def test_a_record_of_another_segment_is_a_fault() -> None:
    other = written()
    spliced = FILE.data[: FILE.starts[1]] + other.data[other.starts[1] :]
    found = walked(spliced)
    assert found.fault is not None
    assert (found.fault.kind, found.records) == ("previous", ())


def test_sealed_bytes_open_only_in_their_own_place() -> None:
    found = walked(FILE.data)
    key = open_key(found.header, PRIVATE)
    first, second = found.records[:2]
    sealed = FILE.data[second.sealed_offset : second.end_offset]
    with pytest.raises(Corrupt):
        open_record(found.header, first, sealed, key)
    with pytest.raises(Corrupt):
        open_record(found.header, second, sealed[:-1], key)
    with pytest.raises(Corrupt):
        open_record(found.header, second, sealed, bytes(32))
    elsewhere = replace(found.header, segment=SegmentId("11" * 16))
    with pytest.raises(Corrupt):
        open_record(elsewhere, second, sealed, key)


def test_a_key_flag_that_lies_is_refused() -> None:
    found = walked(FILE.data)
    record = found.records[0]
    sealed = FILE.data[record.sealed_offset : record.end_offset]
    with pytest.raises(Corrupt, match="flag"):
        open_record(
            found.header, replace(record, is_key=False), sealed, open_key(found.header, PRIVATE)
        )


def test_another_private_half_does_not_open_the_segment() -> None:
    with pytest.raises(Corrupt):
        open_key(read_header(FILE.data), new_key_pair()[0])


def test_a_wrapped_key_moved_to_another_header_does_not_open() -> None:
    one, other = read_header(FILE.data), read_header(written().data)
    moved = replace(one, wrapped_key=other.wrapped_key)
    # Same camera, hour and pair: only created, segment id and recorder bind it, all equal here,
    # so the foreign key opens; another segment id must not.
    assert open_key(moved, PRIVATE) == open_key(other, PRIVATE)
    third = read_header(sealer(segment=SegmentId("77" * 16)).header)
    with pytest.raises(Corrupt):
        open_key(replace(third, wrapped_key=other.wrapped_key), PRIVATE)


def test_an_unusable_public_half_is_refused() -> None:
    for half in (b"", bytes(31), bytes(32)):
        with pytest.raises(BadInput):
            sealer(public_half=half)


def test_a_crashed_segment_is_closed_unsigned_by_a_stranger() -> None:
    found = walked(OPEN.data[:-7])
    stranger = Ed25519PrivateKey.generate()
    for signer in (None, stranger):
        closed = walked(OPEN.data[: found.good_bytes] + recovery_trailer(found, signer))
        assert closed.fault is None
        assert closed.trailer is not None
        assert closed.trailer.ended_because is EndedBecause.CRASHED
        assert closed.trailer.signature == UNSIGNED
        assert not verify_trailer(closed.header, closed.trailer)


def test_a_crashed_segment_is_signed_by_its_own_recorder() -> None:
    found = walked(OPEN.data)
    closed = walked(OPEN.data + recovery_trailer(found, SIGNER))
    assert closed.trailer is not None
    assert verify_trailer(closed.header, closed.trailer)


def test_a_recovery_names_its_reason_only_under_a_signature() -> None:
    found = walked(OPEN.data)
    for signer, because in ((SIGNER, EndedBecause.DISK), (None, EndedBecause.CRASHED)):
        closed = walked(OPEN.data + recovery_trailer(found, signer, EndedBecause.DISK))
        assert closed.fault is None
        assert closed.trailer is not None
        assert closed.trailer.ended_because is because


def test_an_unsigned_end_that_is_not_a_crash_is_a_fault() -> None:
    found = walked(FILE.data[:-64] + UNSIGNED)
    assert found.fault is not None
    assert found.fault.kind == "signature"


def test_a_segment_without_records_ends_where_it_is_told() -> None:
    one = sealer()
    data = one.header + one.end(EndedBecause.CAMERA_AWAY, NOON.plus(7))
    found = walked(data)
    assert found.fault is None
    assert found.trailer is not None
    assert found.trailer.end_at == NOON.plus(7)
    assert found.head == found.header.digest == one.head


def test_the_end_is_the_latest_end_also_when_a_fragment_steps_back() -> None:
    one = sealer()
    late, early = fragment(50), fragment(0)
    data = one.header + one.seal(late) + one.seal(early) + one.end(EndedBecause.CLOCK_JUMP)
    found = walked(data)
    assert found.fault is None
    assert found.trailer is not None
    assert found.trailer.end_at == late.span.end == found.end_at


def test_a_fragment_over_a_bound_changes_nothing() -> None:
    one = sealer()
    head = one.head
    with pytest.raises(BadInput):
        one.seal(replace(fragment(), duration_us=1 << 32))
    sample = replace(fragment().samples[0], duration_ticks=1 << 32)
    with pytest.raises(BadInput):
        one.seal(replace(fragment(), samples=(sample,)))
    with pytest.raises(BadInput):
        one.seal(replace(fragment(), format=video_format(tick_denominator=1 << 32)))
    assert (one.head, one.count) == (head, 0)
    one.seal(fragment())
    assert one.count == 1


@pytest.mark.parametrize("size", [1, 16_383, 16_384, 16_385, 40_000])
def test_sealed_size_is_what_sealing_makes(size: int) -> None:
    sample = replace(fragment().samples[0], data=bytes(size))
    one = sealer()
    record = one.seal(replace(fragment(), samples=(sample,)))
    index_bytes = 18 + len(video_format().parameter_sets) + 4 + 25
    assert len(record) == 92 + sealed_size(index_bytes + size)


def test_records_cost_headers_salt_and_tags_and_nothing_more() -> None:
    # Overhead pinned: 92 clear, 56 salt and commitment, 16 a chunk, 25 a sample, 50 the format.
    part = fragment()
    payload = sum(len(sample.data) for sample in part.samples)
    overhead = len(sealer().seal(part)) - payload
    assert overhead == 92 + 56 + 16 + 25 * 25 + 18 + len(part.format.parameter_sets) + 4
