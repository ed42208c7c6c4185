from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fairview.analyse.region_code import region_code, regions_of
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import REGION_CODE_BYTES_MAX
from fairview.core.sight import CoverRegions
from tests.builders import NOON

CAMERA = CameraId("plaza")


def regions(mask: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> CoverRegions:
    return CoverRegions(camera=CAMERA, at=NOON, mask=mask, is_whole=False)


@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 40), st.integers(1, 60)),
        elements=st.sampled_from([0, 255]),
    )
)
def test_every_mask_comes_back_as_it_was(
    mask: np.ndarray[tuple[int, int], np.dtype[np.uint8]],
) -> None:
    back = regions_of(region_code(regions(mask)), CAMERA, NOON)
    assert not back.is_whole
    assert np.array_equal(back.mask, mask)


def test_a_whole_frame_takes_six_bytes() -> None:
    whole = CoverRegions(
        camera=CAMERA, at=NOON, mask=np.full((180, 320), 255, np.uint8), is_whole=True
    )
    code = region_code(whole)
    assert len(code) == 6
    back = regions_of(code, CAMERA, NOON)
    assert back.is_whole
    assert np.all(back.mask == 255)


def test_a_busy_picture_takes_less_than_a_kilobyte() -> None:
    mask = np.zeros((180, 320), np.uint8)
    random = np.random.default_rng(5)
    for _ in range(20):
        left, top = random.integers(0, 300), random.integers(0, 150)
        mask[top : top + 28, left : left + 14] = 255
    assert len(region_code(regions(mask))) < 1_000


def test_the_worst_mask_of_a_cover_fits_its_bound() -> None:
    mask = np.random.default_rng(5).integers(0, 2, (320, 320), dtype=np.uint8) * np.uint8(255)
    code = region_code(regions(mask))
    assert len(code) < REGION_CODE_BYTES_MAX
    assert np.array_equal(regions_of(code, CAMERA, NOON).mask, mask)


@given(st.binary(max_size=200))
def test_any_bytes_are_regions_or_refused(code: bytes) -> None:
    try:
        found = regions_of(code, CAMERA, NOON)
    except BadInput:
        return
    assert found.mask.ndim == 2


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_changed_bit_is_refused_or_still_a_mask(place: int, bit: int) -> None:
    mask = np.zeros((30, 40), np.uint8)
    mask[5:20, 7:22] = 255
    code = bytearray(region_code(regions(mask)))
    code[place % len(code)] ^= 1 << bit
    try:
        found = regions_of(bytes(code), CAMERA, NOON)
    except BadInput:
        return
    assert np.isin(found.mask, (0, 255)).all()


@pytest.mark.parametrize(
    "code",
    [
        b"",
        b"\x01\x01\x00\x10\x00\x10rest",
        b"\x02\x01\x00\x10\x00\x10",
        b"\x01\x01\x00\x00\x00\x10",
        b"\x01\x01\xff\xff\xff\xff",
    ],
)
def test_what_can_not_be_is_refused(code: bytes) -> None:
    with pytest.raises(BadInput):
        regions_of(code, CAMERA, NOON)


def test_a_small_code_can_not_ask_for_much_memory() -> None:
    bomb = b"\x01\x00\x00\x10\x00\x10" + zlib.compress(bytes(50_000_000), 9)
    with pytest.raises(BadInput):
        regions_of(bomb, CAMERA, NOON)
