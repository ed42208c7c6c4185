"""Motion in a bad light: changing exposure, bluish shadows, clocks, neighbours, trembling masts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fairview.analyse.detectors.motion import MotionDetector
from fairview.analyse.detectors.overlaps import overlaps
from tests.analyse.detectors.test_motion import Film, Pixels, box_at, street, with_box


def test_a_thing_is_found_through_steps_of_exposure_that_clip() -> None:
    film, ground = Film(MotionDetector()), street()
    for _ in range(20):
        film.show(ground)
    for number, left in enumerate(range(50, 490, 20)):
        gain = (1.0, 1.6, 0.6, 1.3)[number // 6]
        found = film.show(np.clip(with_box(ground, left) * gain, 0, 255))
        if number % 6 > 1:
            assert overlaps(found.boxes_unit, box_at(left)).max() > 0.7, number
            assert len(found) == 1, number


def test_a_change_back_of_exposure_loses_nothing_of_the_scene() -> None:
    film, ground = Film(MotionDetector()), street()
    ground[260:300, 100:500] = 180
    for number in range(30):
        gain = (1.0, 2.0, 1.0, 0.4, 1.0, 1.8)[number // 5]
        assert len(film.show(np.clip(ground * gain, 0, 255))) == 0, number


@pytest.mark.parametrize("tint", [(0.86, 1.0, 1.2), (0.92, 1.0, 1.3)])
def test_a_hard_shadow_of_the_sun_is_no_part_of_what_throws_it(
    tint: tuple[float, float, float],
) -> None:
    film, ground = Film(MotionDetector()), street() * 1.6
    for _ in range(20):
        film.show(ground)
    for left in range(50, 450, 20):
        light = np.ones((360, 640, 3), dtype=np.float32)
        light[240:280, left + 10 : left + 150] = 0.55 * np.array(tint)
        soft = np.asarray(cv2.GaussianBlur(light, (0, 0), 1.5))
        found = film.show(np.clip(with_box(ground * soft, left), 0, 255))
        if left > 250:
            assert overlaps(found.boxes_unit, box_at(left)).max() > 0.7, left


def test_a_clock_in_the_picture_and_what_appears_at_once_are_soon_scene() -> None:
    film, ground = Film(MotionDetector()), street()
    rng = np.random.default_rng(2)
    shown, boxes = ground.copy(), []
    for number in range(40):
        if number % 10 == 0:
            digits = np.repeat(np.repeat(rng.integers(0, 2, (4, 10)) * 220 + 20, 6, 0), 4, 1)
            shown[10:34, 500:540] = digits[:, :, None]
        boxes.append(len(film.show(shown)))
    assert max(boxes[number] for number in range(40) if number % 10 > 3) == 0


def test_two_that_meet_in_a_queue_stay_two() -> None:
    film, ground = Film(MotionDetector()), street()
    for _ in range(32):
        film.show(ground)
    for number in range(18):
        left = min(20 + 12 * number, 196)
        both = with_box(with_box(ground, 300, (190, 180, 60)), left)
        found = film.show(both if number > 2 else with_box(ground, 300 - 40 * (2 - number)))
    for _ in range(8):
        found = film.show(with_box(with_box(ground, 300, (190, 180, 60)), 196))
        over = overlaps(found.boxes_unit, np.concatenate([box_at(196), box_at(300)]))
        assert len(found) == 2
        assert over.max(axis=0).min() > 0.6


def test_a_trembling_mast_moves_nothing() -> None:
    film, rng = Film(MotionDetector()), np.random.default_rng(4)
    ground = np.asarray(cv2.GaussianBlur(street(), (0, 0), 2), dtype=np.float32)

    def trembled(pixels: Pixels) -> Pixels:
        move = np.array([[1, 0, rng.normal(0, 1.5)], [0, 1, rng.normal(0, 1.0)]])
        moved = cv2.warpAffine(pixels, move, (640, 360), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, dtype=np.float32)

    found = [len(film.show(trembled(ground))) for _ in range(40)]
    assert sum(found[5:]) <= 2
    for left in range(50, 350, 20):
        boxes = film.show(trembled(with_box(ground, left))).boxes_unit
        assert overlaps(boxes, box_at(left)).max() > 0.7
