"""H.264 units: sizes read right, nothing breaks the reader, changed parameter sets are seen."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput
from fairview.ingest import nal
from tests.ingest.movies import write_film

START = b"\x00\x00\x00\x01"


def sps_of(film: Path) -> bytes:
    with av.open(str(film)) as container:
        sets = bytes(container.streams.video[0].codec_context.extradata or b"")
    # avcC: five bytes, a count, then a length before each sequence parameter set.
    length = int.from_bytes(sets[6:8], "big")
    return sets[8 : 8 + length]


@pytest.mark.parametrize("size_px", [(160, 96), (320, 180), (642, 362), (1920, 1080)])
def test_size_is_read_from_the_parameter_set(tmp_path: Path, size_px: tuple[int, int]) -> None:
    film = write_film(tmp_path / "film.mp4", pictures=2, size_px=size_px)
    size = nal.picture_size(sps_of(film))
    assert (size.width_px, size.height_px) == size_px


@given(st.binary(max_size=60))
def test_broken_parameter_sets_are_refused_not_crashed_on(data: bytes) -> None:
    try:
        size = nal.picture_size(b"\x67" + data)
    except BadInput:
        return
    assert 0 < size.width_px <= 16_384


units = st.lists(
    st.binary(min_size=1, max_size=30).filter(
        lambda unit: b"\x00\x00\x00" not in unit and b"\x00\x00\x01" not in unit and unit[-1] != 0
    ),
    max_size=8,
)


@given(units, st.booleans())
def test_units_come_out_as_they_went_in(given_units: list[bytes], is_short: bool) -> None:
    start = START[1:] if is_short else START
    data = b"".join(start + unit for unit in given_units)
    assert list(nal.annex_b_units(data)) == given_units
    prefixed = b"".join(len(unit).to_bytes(4, "big") + unit for unit in given_units)
    assert list(nal.length_prefixed_units(prefixed, 4)) == given_units


@given(st.binary(max_size=40))
def test_broken_lengths_are_refused(data: bytes) -> None:
    try:
        together = sum(4 + len(unit) for unit in nal.length_prefixed_units(data, 4))
    except BadInput:
        return
    assert together == len(data)


def test_only_other_parameter_sets_count_as_a_change() -> None:
    sps, pps, picture = b"\x67AAA", b"\x68BBB", b"\x65CCC"
    known = START + sps + START + pps
    key = START + sps + START + pps + START + picture
    assert nal.changed_sets(key, known) is None
    assert nal.changed_sets(START + picture, known) is None
    assert nal.changed_sets(key, b"") == known
    other = START + b"\x67XXX" + START + pps
    assert nal.changed_sets(other + START + picture, known) == other
