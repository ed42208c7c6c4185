"""Sealed segments by two hands: each opens what the other wrote, and both refuse the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.core.media import EndedBecause, Fragment
from fairview.store.sealing import (
    new_key_pair,
    verify_trailer,
)
from tests.builders import NOON, fragment
from tests.contracts.both_decoders import (
    PRIVATE,
    PUBLIC,
    SIGNER,
    as_opened,
    assert_refused,
    assert_same_recovery,
    opened_by_fairview,
    ordinary,
    other,
    walked,
    written_by_fairview,
)
from tests.contracts.second_decoder import (
    Refused,
    lay_out,
    open_segment,
)
from tests.contracts.second_writer import (
    PlainHeader,
    PlainRecord,
    PlainTrailer,
    write_payload,
    write_segment,
)
from tests.strategies import fragments

GOLDEN = Path(__file__).parents[1] / "golden" / "segment"


SIZES = st.builds(
    lambda size, byte: bytes([byte]) * size,
    st.sampled_from([1, 2, 100, 16_200, 16_300, 16_384, 33_000]),
    st.integers(0, 255),
)
"""Sizes that fall on both sides of a chunk."""

FRAGMENTS = fragments(SIZES, 4)


@settings(max_examples=40, deadline=None)
@given(st.lists(FRAGMENTS, max_size=3), st.sampled_from(EndedBecause))
def test_what_fairview_seals_the_second_decoder_opens_the_same(
    held: list[Fragment], because: EndedBecause
) -> None:
    data = written_by_fairview(*held, because=because)
    opened = open_segment(data, PRIVATE)
    header = opened.layout.header
    assert (header.camera, header.stream) == ("junction-1", "main")
    assert (header.segment.hex(), header.key_pair.hex()) == ("ab" * 16, "cd" * 16)
    assert header.created_us == NOON.us
    assert header.recorder_key == SIGNER.public_key().public_bytes_raw()
    assert opened.fragments == tuple(as_opened(one) for one in held)
    trailer = opened.layout.trailer
    assert trailer is not None
    assert (trailer.count, trailer.because, trailer.is_signed) == (len(held), because.value, True)


@settings(max_examples=40, deadline=None)
@given(st.lists(FRAGMENTS, max_size=3))
def test_what_the_second_writer_seals_fairview_opens_the_same(held: list[Fragment]) -> None:
    records = []
    for one in held:
        plain = as_opened(one)
        payload = write_payload(
            plain.samples,
            codec={"h264": 1, "hevc": 2, "mjpeg": 3}[plain.codec],
            size_px=(plain.width_px, plain.height_px),
            time_base=(plain.tick_numerator, plain.tick_denominator),
            parameter_sets=plain.parameter_sets,
        )
        records.append(
            PlainRecord(
                payload=payload,
                start_us=plain.start_us,
                duration_us=plain.duration_us,
                flags=int(one.is_key),
            )
        )
    header = PlainHeader(public=PUBLIC, signer=SIGNER)
    data = write_segment(header, records, PlainTrailer())
    assert opened_by_fairview(data) == tuple(held)
    assert open_segment(data, PRIVATE).fragments == tuple(as_opened(one) for one in held)


def test_the_stored_example_opens() -> None:
    data, private = (
        bytes.fromhex((GOLDEN / name).read_text(encoding="ascii"))
        for name in ("segment.txt", "private_half.txt")
    )
    opened = open_segment(data, private)
    assert opened.fragments == (as_opened(fragment(0, 5)), as_opened(fragment(5, 5)))
    assert opened.layout.trailer is not None
    assert opened.layout.trailer.is_signed


def test_both_find_the_same_records_in_the_same_places() -> None:
    ours, theirs = lay_out(ordinary()), walked(ordinary())
    assert theirs.fault is None
    assert theirs.trailer is not None
    assert ours.trailer is not None
    assert verify_trailer(theirs.header, theirs.trailer) is ours.trailer.is_signed is True
    assert theirs.trailer.head == ours.head == theirs.head
    assert theirs.trailer.end_at.us == ours.trailer.end_us
    assert (theirs.header.digest, theirs.header.size_bytes) == (
        ours.header.digest,
        ours.header.size_bytes,
    )
    assert [
        (one.number, one.offset, one.sealed_bytes, one.start_at.us, one.duration_us, one.is_key)
        for one in theirs.records
    ] == [
        (one.number, one.offset, len(one.sealed), one.start_us, one.duration_us, one.is_key)
        for one in ours.records
    ]


def clear_fields() -> Iterator[tuple[str, int, int]]:
    """Name, place and length of every clear field and every part of every sealed message."""
    names = 1 + len("junction-1") + 1 + len("main")
    header = [("magic", 8), ("body length", 4), ("camera and stream", names), ("segment", 16)]
    header += [("key pair", 16), ("created", 8), ("recorder key", 32), ("wrapped length", 2)]
    header += [("wrapped key", 80), ("header digest", 32)]
    record = [("magic", 4), ("number", 4), ("sealed length", 4), ("start", 8), ("duration", 4)]
    record += [("flags", 4), ("sealed digest", 32), ("previous", 32)]
    trailer = [("magic", 4), ("count", 4), ("because", 4), ("end", 8), ("head", 32)]
    trailer += [("signature", 64)]
    at = 0
    for name, length in header:
        yield f"header {name}", at, length
        at += length
    for one in lay_out(ordinary()).records:
        parts = [*record, ("salt", 24), ("commitment", 32), ("chunks", len(one.sealed) - 56)]
        for name, length in parts:
            yield f"record {one.number} {name}", at, length
            at += length
    for name, length in trailer:
        yield f"trailer {name}", at, length
        at += length
    assert at == len(ordinary())


@pytest.mark.parametrize(
    ("at", "length"), [pytest.param(at, length, id=name) for name, at, length in clear_fields()]
)
def test_a_flipped_bit_is_refused_by_both_and_found_without_a_key(at: int, length: int) -> None:
    header_bytes = lay_out(ordinary()).header.size_bytes
    for place in sorted({*range(at, at + length, max(1, length // 80)), at + length - 1}):
        data = bytearray(ordinary())
        data[place] ^= 1 << place % 8
        assert_refused(bytes(data))
        with pytest.raises(Refused):
            lay_out(bytes(data))
        if place < header_bytes:
            continue
        fault = walked(bytes(data)).fault
        assert fault is not None
        assert_same_recovery(bytes(data))


def pieces(data: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Header, records and trailer as they stand in the file."""
    layout = lay_out(data)
    edges = [one.offset for one in layout.records] + [len(data) - 116]
    records = [data[start:end] for start, end in pairwise(edges)]
    return data[: layout.header.size_bytes], records, data[-116:]


def rearranged(change: Callable[[list[bytes], list[bytes]], list[bytes]]) -> bytes:
    header, records, trailer = pieces(ordinary())
    return header + b"".join(change(records, pieces(other())[1])) + trailer


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda own, _: own[1:], id="first dropped"),
        pytest.param(lambda own, _: [own[0], own[2]], id="middle dropped"),
        pytest.param(lambda own, _: own[:2], id="last dropped"),
        pytest.param(lambda _own, _: [], id="all dropped"),
        pytest.param(lambda own, _: [own[1], own[0], own[2]], id="first two swapped"),
        pytest.param(lambda own, _: own[::-1], id="reversed"),
        pytest.param(lambda own, _: [own[0], *own], id="first twice"),
        pytest.param(lambda own, _: [*own, own[2]], id="last twice"),
        pytest.param(lambda own, more: [more[0], *own[1:]], id="first of another segment"),
        pytest.param(lambda own, more: [*own[:2], more[2]], id="last of another segment"),
        pytest.param(lambda own, more: [*own, more[2]], id="one more of another segment"),
        pytest.param(lambda _own, more: more, id="all of another segment"),
        pytest.param(
            lambda own, more: [own[0], own[1][:92] + more[1][92:], own[2]],
            id="message of another segment",
        ),
        pytest.param(
            lambda own, more: [own[0], more[1][:92] + own[1][92:], own[2]],
            id="clear header of another segment",
        ),
    ],
)
def test_records_out_of_their_place_are_refused_by_both(
    change: Callable[[list[bytes], list[bytes]], list[bytes]],
) -> None:
    assert_refused(rearranged(change))
    assert_same_recovery(rearranged(change))


@pytest.mark.parametrize("part", ["header", "trailer"])
def test_a_header_or_trailer_of_another_segment_is_refused_by_both(part: str) -> None:
    header, records, trailer = pieces(ordinary())
    strange_header, _, strange_trailer = pieces(other())
    if part == "header":
        assert_refused(strange_header + b"".join(records) + trailer)
    else:
        assert_refused(header + b"".join(records) + strange_trailer)


def test_a_cut_file_is_refused_or_found_open_never_taken_for_whole() -> None:
    data = ordinary()
    layout = lay_out(data)
    edges = {one.offset for one in layout.records} | {len(data) - 116}
    near = {edge + off for edge in edges for off in (-1, 0, 1, 4, 91, 92, 93, 148)}
    places = {*range(0, len(data), 97), *range(len(data) - 118, len(data)), *near}
    for length in sorted(one for one in places if 0 <= one < len(data)):
        cut = data[:length]
        if length in edges:
            opened = open_segment(cut, PRIVATE)
            assert opened.layout.trailer is None
            assert walked(cut).trailer is None
            whole = opened_by_fairview(cut)
            assert opened.fragments == tuple(as_opened(one) for one in whole)
        else:
            assert_refused(cut)
        if length >= layout.header.size_bytes:
            assert_same_recovery(cut)


@pytest.mark.parametrize("more", [b"\x00", b"FVRC", b"FVND", b"\x00" * 92, b"\xff" * 4096])
def test_anything_after_the_trailer_is_refused_by_both(more: bytes) -> None:
    assert_refused(ordinary() + more)
    assert_refused(ordinary() + ordinary()[-116:])


def test_another_pairs_key_is_refused_by_both() -> None:
    stranger, _ = new_key_pair()
    assert_refused(ordinary(), stranger)
    for bit in (3, 77, 200, 253):
        near = bytearray(PRIVATE)
        near[bit // 8] ^= 1 << bit % 8
        assert_refused(ordinary(), bytes(near))
