"""Files whose only fault is the one named, made to fit everywhere else: both readers refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.store.sealing import (
    verify_trailer,
)
from tests.contracts.both_decoders import (
    PRIVATE,
    PUBLIC,
    SIGNER,
    assert_refused,
    changed,
    opened_by_fairview,
    walked,
)
from tests.contracts.second_decoder import (
    OpenedSample,
    Refused,
    lay_out,
    open_segment,
)
from tests.contracts.second_writer import (
    START_US,
    PlainHeader,
    PlainRecord,
    PlainTrailer,
    write_header,
    write_payload,
    write_segment,
)

STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x34" * 32)

SAMPLE = OpenedSample(
    ticks=0, decode_ticks=0, duration_ticks=3600, is_key=True, data=b"\x00\x00\x00\x01\x65abc"
)

PAYLOAD = write_payload([SAMPLE])

HEADER = PlainHeader(public=PUBLIC, signer=SIGNER)

RECORDS = tuple(PlainRecord(payload=PAYLOAD, start_us=START_US + n * 1_000_000) for n in range(3))

TRAILER = PlainTrailer()

LAST_US = 253_402_300_799_999_999
"""The last microsecond of 9999."""


@pytest.mark.parametrize(
    "lie",
    [
        {"camera": b"junction-2"},
        {"stream": b"sub"},
        {"stream": b"cover"},
        {"segment": b"\x12" * 16},
        {"key_pair": b"\x23" * 16},
        {"created_us": START_US + 1},
        {"signer": STRANGER},
    ],
    ids=lambda lie: next(iter(lie)),
)
def test_a_header_that_was_made_to_fit_does_not_open_the_key(lie: dict[str, object]) -> None:
    """Digest, chain and signature agree with the changed field; the wrapped key does not."""
    honest = write_header(HEADER)
    changed = replace(HEADER, wrapped=honest[-112:-32], **lie)  # type: ignore[arg-type]  # fields by name
    data = write_segment(changed, RECORDS, TRAILER)
    lay_out(data)
    assert walked(data).fault is None
    assert_refused(data)


def sealed_in(header: PlainHeader) -> bytes:
    """The first record's sealed message in a segment that begins so."""
    return lay_out(write_segment(header, RECORDS, None)).records[0].sealed


@pytest.mark.parametrize(
    "sealed",
    [
        pytest.param(changed(sealed_in(HEADER), 0), id="salt"),
        pytest.param(changed(sealed_in(HEADER), 24), id="commitment"),
        pytest.param(changed(sealed_in(HEADER), 56), id="chunk"),
        pytest.param(changed(sealed_in(HEADER), -1 + len(sealed_in(HEADER))), id="tag"),
        pytest.param(sealed_in(HEADER)[:-1], id="shorter"),
        pytest.param(sealed_in(HEADER) + b"\x00", id="longer"),
        pytest.param(sealed_in(replace(HEADER, segment=b"\x12" * 16)), id="another segment"),
    ],
)
def test_a_message_that_was_made_to_fit_does_not_open(sealed: bytes) -> None:
    """Digest, chain and signature agree with the changed message; its seal does not."""
    records = [replace(RECORDS[0], sealed=sealed), *RECORDS[1:]]
    data = write_segment(HEADER, records, TRAILER)
    assert walked(data).fault is None
    lay_out(data)
    assert_refused(data)


def two_chunks() -> bytes:
    """A payload over more than one chunk."""
    return write_payload([replace(SAMPLE, data=b"z" * 40_000)])


def test_chunks_cannot_be_dropped_or_swapped() -> None:
    record = replace(RECORDS[0], payload=two_chunks())
    sealed = lay_out(write_segment(HEADER, [record], None)).records[0].sealed
    top, first, second, last = (
        sealed[:56],
        sealed[56:16_456],
        sealed[16_456:32_856],
        sealed[32_856:],
    )
    open_segment(write_segment(HEADER, [record], TRAILER), PRIVATE)
    wrong = [top + second + first + last, top + first + last, top + first + first + last]
    for one in [*wrong, top + first + second, top + last]:
        assert_refused(write_segment(HEADER, [replace(record, sealed=one)], TRAILER))


@pytest.mark.parametrize(
    ("lie", "at"),
    [
        ({"magic": b"FVRD"}, 1),
        ({"number": 0}, 1),
        ({"number": 2}, 1),
        ({"sealed_as": 0}, 1),
        ({"digest": b"\x01" * 32}, 1),
        ({"previous": b"\x01" * 32}, 0),
        ({"previous": b"\x01" * 32}, 2),
        ({"duration_us": 0}, 1),
        ({"flags": 2}, 1),
        ({"flags": 3}, 1),
        ({"flags": 1 << 31}, 2),
        ({"flags": 0}, 1),
        ({"sealed": b""}, 1),
        ({"sealed": b"x" * 71}, 1),
        ({"sealed": b"x" * 72}, 1),
        ({"sealed": b"x" * (56 + 16_400)}, 2),
        ({"payload": b""}, 0),
        ({"payload": PAYLOAD[:-1]}, 0),
        ({"payload": PAYLOAD + b"x"}, 1),
        ({"payload": PAYLOAD[:20]}, 2),
        ({"payload": write_payload([])}, 0),
        ({"payload": write_payload([SAMPLE], kind=0)}, 0),
        ({"payload": write_payload([SAMPLE], kind=2)}, 0),
        ({"payload": write_payload([SAMPLE], codec=0)}, 0),
        ({"payload": write_payload([SAMPLE], codec=5)}, 0),
        ({"payload": write_payload([replace(SAMPLE, is_key=False), SAMPLE])}, 1),
    ],
)
def test_a_record_that_its_own_recorder_wrote_wrongly_is_refused_by_both(
    lie: dict[str, object], at: int
) -> None:
    records = list(RECORDS)
    records[at] = replace(records[at], **lie)  # type: ignore[arg-type]  # fields by name
    assert_refused(write_segment(HEADER, records, TRAILER))


def test_a_sealed_length_over_its_bound_is_refused_before_it_is_read() -> None:
    data = bytearray(write_segment(HEADER, RECORDS, TRAILER))
    at = lay_out(bytes(data)).records[1].offset + 8
    for length in (64 * 1024 * 1024 + 1, 2**32 - 1):
        data[at : at + 4] = length.to_bytes(4, "big")
        assert_refused(bytes(data))


def test_the_longest_message_is_the_last_below_64_mib() -> None:
    for length, fits in ((67_108_855, True), (67_108_872, False)):
        record = replace(RECORDS[0], sealed=bytes(length))
        data = write_segment(HEADER, [record], TRAILER)
        assert (walked(data).fault is None) is fits
        if fits:
            lay_out(data)
        else:
            with pytest.raises(Refused):
                lay_out(data)


@pytest.mark.parametrize(
    "lie",
    [
        {"magic": b"FVNE"},
        {"because": 0},
        {"because": 9},
        {"because": 2**32 - 1},
        {"count": 2},
        {"count": 4},
        {"end_us": START_US},
        {"end_us": START_US + 3_000_001},
        {"head": b"\x01" * 32},
        {"signature": b"\x00" * 64},
        {"signature": b"\x01" * 64},
        {"because": 6, "signature": b"\x01" * 64},
        {"because": 6, "signature": b"\x00" * 63 + b"\x01"},
    ],
)
def test_a_trailer_that_does_not_hold_is_refused_by_both(lie: dict[str, object]) -> None:
    trailer = PlainTrailer(**lie)  # type: ignore[arg-type]  # fields by name
    assert_refused(write_segment(HEADER, RECORDS, trailer))


@pytest.mark.parametrize(
    "lie",
    [
        {"magic": b"FVSEG\x00\x00\x02"},
        {"magic": b"FVSEH\x00\x00\x01"},
        {"camera": b"junction-\xff"},
        {"stream": b""},
        {"stream": b"third"},
        {"wrapped": b"\x00" * 80},
        {"wrapped": b"\x09" * 80},
        {"more": b"x"},
        {"more": b"x" * 4096},
    ],
)
def test_a_header_that_its_own_recorder_wrote_wrongly_is_refused_by_both(
    lie: dict[str, object],
) -> None:
    header = replace(HEADER, **lie)  # type: ignore[arg-type]  # fields by name
    assert_refused(write_segment(header, RECORDS, TRAILER))


def test_a_segment_without_records_or_signature_is_taken_by_both() -> None:
    unsigned = PlainTrailer(because=6, signature=b"\x00" * 64)
    for records, trailer in (((), TRAILER), (RECORDS, unsigned), ((), unsigned), ((), None)):
        data = write_segment(HEADER, records, trailer)
        ours, theirs = open_segment(data, PRIVATE).layout.trailer, walked(data)
        assert len(opened_by_fairview(data)) == len(records)
        if trailer is None:
            assert ours is None
            assert theirs.trailer is None
        else:
            assert ours is not None
            assert theirs.trailer is not None
            assert ours.is_signed is verify_trailer(theirs.header, theirs.trailer)
            assert ours.is_signed is (trailer is TRAILER)


@pytest.mark.parametrize(
    "data",
    [
        write_segment(replace(HEADER, camera=b""), RECORDS, TRAILER),
        write_segment(replace(HEADER, camera=b"../etc"), RECORDS, TRAILER),
        write_segment(replace(HEADER, camera=b"x" * 64), RECORDS, TRAILER),
        write_segment(replace(HEADER, camera=b"Junction-1"), RECORDS, TRAILER),
        write_segment(replace(HEADER, camera=b"-junction"), RECORDS, TRAILER),
        write_segment(replace(HEADER, created_us=-1), RECORDS, TRAILER),
        write_segment(replace(HEADER, created_us=LAST_US + 1), RECORDS, TRAILER),
        write_segment(HEADER, [replace(RECORDS[0], start_us=-1)], TRAILER),
        write_segment(HEADER, [replace(RECORDS[0], start_us=2**62)], TRAILER),
        write_segment(HEADER, [replace(RECORDS[0], start_us=LAST_US - 999_999)], TRAILER),
        write_segment(HEADER, [], PlainTrailer(end_us=-1)),
        write_segment(HEADER, [], PlainTrailer(end_us=LAST_US + 1)),
        write_segment(
            HEADER,
            [replace(RECORDS[0], payload=write_payload([SAMPLE], size_px=(0, 360)))],
            TRAILER,
        ),
        write_segment(
            HEADER,
            [replace(RECORDS[0], payload=write_payload([SAMPLE], size_px=(16_385, 360)))],
            TRAILER,
        ),
        write_segment(
            HEADER,
            [replace(RECORDS[0], payload=write_payload([SAMPLE], time_base=(1, 0)))],
            TRAILER,
        ),
        write_segment(
            HEADER,
            [replace(RECORDS[0], payload=write_payload([SAMPLE], time_base=(0, 1)))],
            TRAILER,
        ),
        write_segment(
            HEADER, [replace(RECORDS[0], payload=write_payload([SAMPLE], sample_flags=2))], TRAILER
        ),
    ],
    ids=[
        "camera without a name",
        "camera named like a path",
        "camera with a long name",
        "camera in capitals",
        "camera that begins with a dash",
        "created before 1970",
        "created after 9999",
        "start before 1970",
        "start after 9999",
        "a record's end after 9999",
        "end before 1970",
        "end after 9999",
        "picture without a width",
        "picture wider than 16384",
        "time base of nothing",
        "time base that stands still",
        "unknown sample flags",
    ],
)
def test_what_lies_outside_the_pages_bounds_is_refused_by_both(data: bytes) -> None:
    """Written, chained and signed by its own recorder: only the value is impossible."""
    assert_refused(data)


SECOND = replace(SAMPLE, ticks=3_600, decode_ticks=3_600, is_key=False)


@pytest.mark.parametrize(
    "strange",
    [
        replace(SECOND, data=b""),
        replace(SECOND, ticks=90_001),
        replace(SECOND, ticks=2**63 - 1),
        replace(SECOND, ticks=-(2**63)),
        replace(SECOND, decode_ticks=0),
        replace(SECOND, decode_ticks=-1),
        replace(SECOND, decode_ticks=2**63 - 1),
        replace(SECOND, decode_ticks=386_547_057),
    ],
    ids=[
        "no bytes",
        "shown after the record",
        "shown in the far future",
        "shown in the far past",
        "decoded with the one before",
        "decoded before it",
        "decoded in the far future",
        "decoded after 71 minutes",
    ],
)
def test_a_sample_that_nobody_could_show_is_refused_by_both(strange: OpenedSample) -> None:
    payload = write_payload([SAMPLE, strange])
    assert_refused(write_segment(HEADER, [replace(RECORDS[0], payload=payload)], TRAILER))


@pytest.mark.parametrize(
    "late",
    [
        replace(SECOND, ticks=90_000),
        replace(SECOND, decode_ticks=386_547_056),
        replace(SECOND, ticks=-90_000, decode_ticks=1),
    ],
    ids=["shown at the record's end", "decoded after just 71 minutes", "shown before the first"],
)
def test_a_sample_at_the_edge_of_its_bounds_is_taken_by_both(late: OpenedSample) -> None:
    payload = write_payload([SAMPLE, late])
    data = write_segment(HEADER, [replace(RECORDS[0], payload=payload)], TRAILER)
    (ours,), (theirs,) = open_segment(data, PRIVATE).fragments, opened_by_fairview(data)
    assert ours.samples[1] == late
    assert theirs.span.start <= theirs.at(theirs.samples[1]) <= theirs.span.end


def test_records_may_step_back_overlap_and_change_their_format() -> None:
    """Number and chain order them. Each carries its whole format and is opened by it."""
    other = write_payload([SAMPLE], codec=2, size_px=(320, 180), time_base=(1, 1000))
    records = [
        replace(RECORDS[0], start_us=START_US + 10_000_000),
        replace(RECORDS[1], start_us=START_US),
        replace(RECORDS[2], start_us=START_US + 500_000, duration_us=4_000_000, payload=other),
    ]
    data = write_segment(HEADER, records, TRAILER)
    ours, theirs = open_segment(data, PRIVATE), opened_by_fairview(data)
    assert [one.codec for one in ours.fragments] == ["h264", "h264", "hevc"]
    assert [one.start_at.us for one in theirs] == [one.start_us for one in records]
    assert walked(data).end_at == theirs[0].span.end
