from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.analyse.cover import scene_of, silhouettes
from fairview.analyse.cover_align import (
    SHIFT_UNIT_MAX,
    SceneFollower,
    reverse,
    shift_between,
    shifted_planes,
)
from fairview.analyse.planes import Planes
from fairview.core.time import US_PER_SECOND, cpu_us
from tests.analyse.scenes import WIDTH_PX, Picture, noisy, planes, street
from tests.builders import NOON


def drawn() -> Picture:
    """A scene with something on it that can be seen to move."""
    picture = street().astype(np.int16)
    marks = np.random.default_rng(7).integers(0, 2, (18, 32)) * 50
    picture += np.kron(marks, np.ones((picture.shape[0] // 18, WIDTH_PX // 32))).astype(np.int16)[
        : picture.shape[0], :WIDTH_PX, None
    ]
    return np.clip(picture, 0, 255).astype(np.uint8)


@given(across=st.integers(-12, 12), down=st.integers(-6, 6))
@settings(max_examples=25, deadline=None)
def test_a_shift_is_found_to_half_a_pixel(across: int, down: int) -> None:
    before = planes(drawn()).luma.astype(np.float32)
    now = planes(noisy(np.roll(drawn(), (down, across), (0, 1)), 1))
    shift = shift_between(before, now)
    assert shift.across_unit * before.shape[1] == pytest.approx(across, abs=0.6)
    assert shift.down_unit * before.shape[0] == pytest.approx(down, abs=0.6)


def test_another_view_is_no_shift() -> None:
    before = planes(drawn()).luma.astype(np.float32)
    other = np.random.default_rng(4).integers(0, 255, drawn().shape, dtype=np.uint8)
    assert shift_between(before, planes(other)).is_none
    far = np.roll(drawn(), round(2 * SHIFT_UNIT_MAX * WIDTH_PX), 1)
    assert abs(shift_between(before, planes(far)).across_unit) <= SHIFT_UNIT_MAX


def test_a_camera_that_trembles_makes_no_foreground_of_its_edges() -> None:
    scene = scene_of(planes(drawn()))
    shaken = planes(noisy(np.roll(drawn(), (2, 5), (0, 1)), 2))
    still = silhouettes(shaken, scene)
    followed = silhouettes(shaken, SceneFollower(scene).under(shaken, NOON))
    assert followed.frac < 0.06
    assert still.frac > 4 * followed.frac


def test_a_picture_moved_and_moved_back_is_the_same_inside() -> None:
    picture = planes(drawn())
    shift = shift_between(picture.luma.astype(np.float32), planes(np.roll(drawn(), 4, 1)))
    again = shifted_planes(shifted_planes(picture, shift), reverse(shift))
    inner = (slice(10, -10), slice(10, -10))
    assert np.abs(again.luma[inner].astype(int) - picture.luma[inner]).mean() < 3


def test_a_follower_looks_no_more_often_than_asked() -> None:
    scene = scene_of(planes(drawn()))
    follower = SceneFollower(scene, every_us=1_000_000)
    shaken = planes(np.roll(drawn(), 6, 1))
    first = follower.under(planes(drawn()), NOON)
    assert follower.under(shaken, NOON.plus(999_999)) is first
    assert follower.under(shaken, NOON.plus(1_000_000)) is not first


@pytest.mark.parametrize("shape", [(720, 2), (2, 720), (2, 2)])
def test_a_strip_is_compared_as_fast_as_a_picture(shape: tuple[int, int]) -> None:
    grey = np.full(shape, 90, dtype=np.uint8)
    half = np.full((shape[0] // 2, shape[1] // 2), 128, dtype=np.uint8)
    begun_us = cpu_us()
    assert shift_between(grey.astype(np.float32), Planes(luma=grey, blue=half, red=half)).is_none
    assert cpu_us() - begun_us < US_PER_SECOND
