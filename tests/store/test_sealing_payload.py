"""What lies inside a seal reads back exactly, or is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput, Corrupt
from fairview.core.media import Codec, Fragment, Sample, VideoFormat
from fairview.store.payload import fragment_parts, read_fragment
from tests.builders import NOON, fragment, video_format

I64 = st.integers(-(1 << 63), (1 << 63) - 1)
U32 = st.integers(0, (1 << 32) - 1)
CODECS: tuple[Codec, ...] = ("h264", "hevc", "mjpeg")


@st.composite
def fragments(draw: st.DrawFn) -> Fragment:
    samples = st.builds(
        Sample,
        ticks=I64,
        decode_ticks=I64,
        duration_ticks=U32,
        is_key=st.booleans(),
        data=st.binary(max_size=40),
    )
    form = VideoFormat(
        codec=draw(st.sampled_from(CODECS)),
        width_px=draw(st.integers(1, 16_384)),
        height_px=draw(st.integers(1, 16_384)),
        tick_numerator=draw(st.integers(1, (1 << 32) - 1)),
        tick_denominator=draw(st.integers(1, (1 << 32) - 1)),
        parameter_sets=draw(st.binary(max_size=60)),
    )
    return Fragment(
        format=form,
        start_at=NOON,
        duration_us=draw(st.integers(1, (1 << 32) - 1)),
        samples=tuple(draw(st.lists(samples, min_size=1, max_size=8))),
    )


def payload_of(part: Fragment) -> bytes:
    return b"".join(fragment_parts(part))


def read(payload: bytes, duration_us: int = 1_000_000) -> Fragment:
    return read_fragment(payload, start_at=NOON, duration_us=duration_us)


@given(fragments())
def test_every_fragment_reads_back_exactly(part: Fragment) -> None:
    assert read(payload_of(part), part.duration_us) == part


@given(fragments(), st.data())
def test_any_cut_or_extension_is_refused(part: Fragment, data: st.DataObject) -> None:
    payload = payload_of(part)
    cut = data.draw(st.integers(0, len(payload) - 1))
    extra = data.draw(st.binary(min_size=1, max_size=30))
    for changed in (payload[:cut], payload + extra):
        with pytest.raises(Corrupt):
            read(changed)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_exactly_or_refused(data: bytes) -> None:
    try:
        found = read(data)
    except Corrupt:
        return
    assert payload_of(found) == data


@given(fragments(), st.data())
def test_a_flipped_bit_is_refused_or_reads_as_what_it_says(
    part: Fragment, data: st.DataObject
) -> None:
    changed = bytearray(payload_of(part))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = read(bytes(changed))
    except Corrupt:
        return
    assert payload_of(found) == changed


def test_payload_lies_as_the_page_says() -> None:
    part = fragment(0, 2)
    sets = part.format.parameter_sets
    first, second = part.samples
    assert payload_of(part) == b"".join(
        (
            struct.pack(">BBHHIII", 1, 1, 640, 360, 1, 90_000, len(sets)),
            sets,
            struct.pack(">I", 2),
            struct.pack(">qqIIB", 0, 0, 3_600, len(first.data), 1),
            struct.pack(">qqIIB", 3_600, 3_600, 3_600, len(second.data), 0),
            first.data,
            second.data,
        )
    )


def test_sample_bytes_are_handed_on_without_a_copy() -> None:
    part = fragment()
    assert all(
        given is sample.data
        for given, sample in zip(fragment_parts(part)[1:], part.samples, strict=True)
    )


@pytest.mark.parametrize(("at", "value"), [(0, 2), (1, 0), (1, 4), (2, 0xFF), (9, 0)])
def test_unknown_kinds_codecs_and_impossible_values_are_refused(at: int, value: int) -> None:
    part = fragment(0, 1)
    payload = bytearray(payload_of(part))
    payload[at] = value
    if at == 9:  # The time base's numerator, 1, becomes 0.
        assert payload[6:10] == bytes(4)
    with pytest.raises(Corrupt):
        read(bytes(payload))


def test_a_sample_count_of_nothing_or_of_billions_is_refused_at_once() -> None:
    part = fragment(0, 1)
    at = 18 + len(part.format.parameter_sets)
    payload = payload_of(part)
    for count in (0, (1 << 32) - 1):
        with pytest.raises(Corrupt):
            read(payload[:at] + count.to_bytes(4, "big") + payload[at + 4 :])


def test_numbers_that_do_not_fit_are_refused_before_sealing() -> None:
    part = fragment(0, 1)
    wide = Fragment(
        format=video_format(tick_numerator=1 << 40),
        start_at=part.start_at,
        duration_us=part.duration_us,
        samples=part.samples,
    )
    with pytest.raises(BadInput):
        fragment_parts(wide)
