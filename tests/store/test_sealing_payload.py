"""What lies inside a seal reads back exactly, or is refused."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput, Corrupt
from fairview.core.media import Fragment
from fairview.core.time import Instant
from fairview.store.payload import fragment_parts, read_fragment
from tests.builders import NOON, fragment, video_format
from tests.strategies import fragments

FRAGMENTS = fragments(st.binary(min_size=1, max_size=40))


def payload_of(part: Fragment) -> bytes:
    return b"".join(fragment_parts(part))


def read(payload: bytes, duration_us: int = 1_000_000, start_at: Instant = NOON) -> Fragment:
    return read_fragment(payload, start_at=start_at, duration_us=duration_us)


@given(FRAGMENTS)
def test_every_fragment_reads_back_exactly(part: Fragment) -> None:
    found = read(payload_of(part), part.duration_us, part.start_at)
    assert found == part
    assert all(part.start_at <= found.at(one) <= part.span.end for one in found.samples)


@given(FRAGMENTS, st.data())
def test_any_cut_or_extension_is_refused(part: Fragment, data: st.DataObject) -> None:
    payload = payload_of(part)
    cut = data.draw(st.integers(0, len(payload) - 1))
    extra = data.draw(st.binary(min_size=1, max_size=30))
    for changed in (payload[:cut], payload + extra):
        with pytest.raises(Corrupt):
            read(changed, part.duration_us, part.start_at)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_exactly_or_refused(data: bytes) -> None:
    try:
        found = read(data)
    except Corrupt:
        return
    assert payload_of(found) == data


@given(FRAGMENTS, st.data())
def test_a_flipped_bit_is_refused_or_reads_as_what_it_says(
    part: Fragment, data: st.DataObject
) -> None:
    changed = bytearray(payload_of(part))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = read(bytes(changed), part.duration_us, part.start_at)
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


@pytest.mark.parametrize(("at", "value"), [(0, 2), (1, 0), (1, 5), (2, 0xFF), (9, 0)])
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


I64_MAX = (1 << 63) - 1
HOUR_TICKS = 90_000 * 3_600


@pytest.mark.parametrize(
    "change",
    [
        {"ticks": I64_MAX},
        {"ticks": -I64_MAX - 1},
        {"ticks": 2 * 3_600 + 90},
        {"decode_ticks": 0},
        {"decode_ticks": -1},
        {"decode_ticks": I64_MAX},
        {"decode_ticks": 2 * HOUR_TICKS},
        {"data": b""},
    ],
    ids=str,
)
def test_a_sample_that_cannot_be_shown_is_refused_writing_and_reading(
    change: dict[str, object],
) -> None:
    """The second of two pictures that together last 80 ms, in ticks of a 90 kHz clock."""
    part = fragment(0, 2)
    first, second = part.samples
    strange = replace(second, **change)  # type: ignore[arg-type]  # fields by name
    with pytest.raises(BadInput):
        fragment_parts(replace(part, samples=(first, strange)))
    payload = bytearray(payload_of(replace(part, samples=(first, replace(second, data=b"x")))))
    data = strange.data and b"x"
    row = struct.pack(">qqI", strange.ticks, strange.decode_ticks, 3_600)
    row += struct.pack(">IB", len(data), 0)
    at = 18 + len(part.format.parameter_sets) + 4 + 25
    changed = bytes(payload[:at]) + row + first.data + data
    with pytest.raises(Corrupt):
        read(changed, part.duration_us)


def test_the_last_moment_of_a_record_may_show_a_picture() -> None:
    part = fragment(0, 2)
    first, second = part.samples
    for ticks, is_shown in ((7_200, True), (7_201, False)):
        late = replace(part, samples=(first, replace(second, ticks=ticks)), duration_us=80_000)
        if is_shown:
            assert read(payload_of(late), 80_000).at(late.samples[1]) == late.span.end
        # 7,201 ticks are 80,011.1 microseconds.
        else:
            with pytest.raises(BadInput):
                fragment_parts(late)


def test_a_record_that_ends_after_9999_is_refused() -> None:
    last = Instant(253_402_300_799_999_999)
    payload = payload_of(fragment(0, 2))
    assert read(payload, 80_000, last.plus(-80_000)).span.end == last
    with pytest.raises(Corrupt):
        read(payload, 80_001, last.plus(-80_000))
