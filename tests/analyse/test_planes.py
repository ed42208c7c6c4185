from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.analyse.planes import (
    Matrix,
    Planes,
    colour_of,
    fitted,
    planes_of_rgb,
    resized,
    rgb_of,
)
from fairview.core.errors import BadInput

COLOUR = st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))


@given(colour=COLOUR, matrix=st.sampled_from(["bt601", "bt709"]))
@settings(deadline=None)
def test_a_plain_colour_survives_planes_and_back(
    colour: tuple[int, int, int], matrix: Matrix
) -> None:
    pixels = np.full((6, 8, 3), colour, dtype=np.uint8)
    back = rgb_of(planes_of_rgb(pixels, matrix))
    assert np.abs(back.astype(int) - pixels).max() <= 3


def test_black_white_and_red_have_the_standards_values() -> None:
    assert colour_of((0, 0, 0), "bt601") == (16, 128, 128)
    assert colour_of((255, 255, 255), "bt709") == (235, 128, 128)
    assert colour_of((255, 0, 0), "bt601") == (81, 90, 240)
    assert colour_of((255, 0, 0), "bt709") == (63, 102, 240)


def test_planes_of_unfitting_sizes_are_refused() -> None:
    luma, half = np.zeros((4, 4), np.uint8), np.zeros((2, 3), np.uint8)
    with pytest.raises(BadInput):
        Planes(luma=luma, blue=half, red=half)
    with pytest.raises(BadInput):
        planes_of_rgb(np.zeros((4, 4), np.uint8), "bt601")


@given(width=st.integers(16, 5000), height=st.integers(16, 5000), limit=st.integers(16, 4000))
def test_a_fitted_size_is_even_and_no_wider_than_asked(width: int, height: int, limit: int) -> None:
    found = fitted(width, height, limit)
    assert found[0] <= min(width, limit)
    assert found[0] % 2 == found[1] % 2 == 0
    assert min(found) >= 2


def test_resizing_to_the_same_size_is_the_same_object() -> None:
    picture = planes_of_rgb(np.zeros((6, 8, 3), np.uint8), "bt601")
    assert resized(picture, 8, 6) is picture
    assert resized(picture, 4, 2).luma.shape == (2, 4)
