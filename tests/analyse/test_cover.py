from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.analyse.cover import motion, scene_of, silhouettes
from tests.analyse.scenes import HEIGHT_PX, noisy, planes, street, with_person

SCENE = scene_of(planes(street()))


def test_an_empty_street_has_no_foreground() -> None:
    for seed in range(5):
        found = silhouettes(planes(noisy(street(), seed)), SCENE)
        assert not found.is_unsure
        assert found.frac == 0.0


@given(left=st.integers(5, 290), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_a_person_is_covered_wholly_and_with_a_margin(left: int, seed: int) -> None:
    shown = noisy(with_person(street(), left), seed)
    found = silhouettes(planes(shown), SCENE)
    top, bottom = HEIGHT_PX // 2, HEIGHT_PX // 2 + HEIGHT_PX // 5
    right = left + HEIGHT_PX // 12
    assert np.all(found.mask[top - 1 : bottom + 1, max(left - 1, 0) : right + 1] == 255)
    assert found.frac < 0.1


@pytest.mark.parametrize("colour", [(112, 114, 150), (150, 112, 115), (85, 87, 90), (20, 20, 20)])
def test_clothes_close_to_the_road_are_still_found(colour: tuple[int, int, int]) -> None:
    found = silhouettes(planes(noisy(with_person(street(), 100, colour), 1)), SCENE)
    middle = HEIGHT_PX // 2 + HEIGHT_PX // 10
    assert found.mask[middle, 107] == 255


@pytest.mark.parametrize("gain", [0.7, 0.85, 1.15])
def test_other_exposure_alone_is_not_foreground(gain: float) -> None:
    dimmed = np.clip(street() * gain, 0, 255).astype(np.uint8)
    found = silhouettes(planes(noisy(dimmed, 3)), SCENE)
    assert not found.is_unsure
    assert found.frac < 0.02


def test_lights_out_is_unsure() -> None:
    found = silhouettes(planes(np.full_like(street(), 20)), SCENE)
    assert found.is_unsure
    assert np.all(found.mask == 255)


def test_a_picture_full_of_something_else_is_unsure() -> None:
    other = np.random.default_rng(4).integers(0, 255, street().shape, dtype=np.uint8)
    assert silhouettes(planes(other), SCENE).is_unsure


def test_another_view_is_unsure() -> None:
    found = silhouettes(planes(street(width_px=240)), SCENE)
    assert found.is_unsure
    assert found.because == "view"


def test_a_shape_outlives_one_picture_that_missed_it() -> None:
    person = silhouettes(planes(with_person(street(), 100)), SCENE)
    empty = planes(street())
    missed = silhouettes(empty, SCENE, person)
    assert np.array_equal(missed.mask, person.mask)
    assert silhouettes(empty, SCENE, missed).frac == 0.0


def test_the_first_picture_has_no_motion_and_a_walker_has() -> None:
    first = motion(planes(with_person(street(), 100)))
    assert not first.mask.any()
    second = motion(planes(with_person(street(), 130)), first)
    assert second.mask.any()
    assert not motion(planes(street()), motion(planes(street()))).mask.any()
