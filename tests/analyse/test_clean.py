from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.analyse.clean import (
    CleanPicture,
    clean_picture_of,
    median_planes,
    refreshed,
)
from fairview.analyse.planes import Planes, rgb_of
from fairview.core.errors import BadInput, Unavailable
from tests.analyse.scenes import HEIGHT_PX, noisy, planes, street, with_person
from tests.builders import NOON


def walkers(count: int, *, standing: int = 0) -> list[Planes]:
    """Somebody walks through; in the last `standing` pictures they stand at one place."""
    places = [10 + 17 * number for number in range(count - standing)] + [150] * standing
    return [
        planes(noisy(with_person(street(), left % 300), number))
        for number, left in enumerate(places)
    ]


def test_somebody_who_walks_through_is_not_in_the_clean_picture() -> None:
    clean = rgb_of(median_planes(walkers(15)))
    assert np.abs(clean.astype(int) - rgb_of(planes(street()))).max() <= 12


def test_a_place_that_was_rarely_empty_becomes_one_plain_colour_without_the_person() -> None:
    clean = median_planes(walkers(16, standing=8))
    person = clean.luma[HEIGHT_PX // 2 : HEIGHT_PX // 2 + HEIGHT_PX // 5, 150:165]
    assert np.unique(person).size == 1
    red = rgb_of(clean)[HEIGHT_PX // 2 + 10, 157]
    assert red[0] < 150, "the person's red must not be in it"


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(Unavailable):
        median_planes(walkers(8))


def test_samples_of_mixed_sizes_are_refused() -> None:
    with pytest.raises(BadInput):
        median_planes([*walkers(9), planes(street(width_px=240))])


def test_a_refresh_takes_new_light_but_keeps_the_old_pixels_under_something_new() -> None:
    old, new = planes(street()), planes(np.clip(street() + 10, 0, 255).astype(np.uint8))
    present = np.zeros((90, 160), dtype=np.uint8)
    present[:, 80:] = 255
    mixed = refreshed(old, new, present)
    assert np.array_equal(mixed.luma[:, :150], new.luma[:, :150])
    assert np.array_equal(mixed.luma[:, 170:], old.luma[:, 170:])


def test_a_clean_picture_survives_png_with_its_time() -> None:
    clean = CleanPicture(pixels=noisy(street(), 1), made_at=NOON)
    again = clean_picture_of(clean.to_png())
    assert again.made_at == NOON
    assert np.array_equal(again.pixels, clean.pixels)


@given(data=st.binary(max_size=200))
def test_other_bytes_are_not_a_clean_picture(data: bytes) -> None:
    with pytest.raises(BadInput):
        clean_picture_of(data)


def test_a_cut_clean_picture_is_refused() -> None:
    png = CleanPicture(pixels=street(), made_at=NOON).to_png()
    with pytest.raises(BadInput):
        clean_picture_of(png[:100])
