"""Motion: what moves is found; light, shadow, noise and what left are not."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from fairview.analyse.detectors.contract import Picture
from fairview.analyse.detectors.motion import MotionDetector
from fairview.analyse.detectors.overlaps import overlaps
from fairview.analyse.planes import planes_of_rgb
from fairview.core.ids import CameraId
from fairview.core.sight import MOVING, Detections
from fairview.core.time import Instant

Pixels = npt.NDArray[np.float32]
CAMERA = CameraId("a")
BEGIN = Instant(1_700_000_000_000_000)
STEP_US = 100_000


def street(seed: int = 1) -> Pixels:
    """A textured road of 640x360."""
    rng = np.random.default_rng(seed)
    ground = np.repeat(np.repeat(rng.uniform(85, 115, (45, 80, 1)), 8, axis=0), 8, axis=1)
    road = np.repeat(ground, 3, axis=2)
    road[100:104] = 200
    return road.astype(np.float32)


class Film:
    """Feeds pictures to a detector, a tenth of a second apart, with a camera's grain."""

    def __init__(self, detector: MotionDetector) -> None:
        self.detector = detector
        self.frame = 0
        self.rng = np.random.default_rng(9)

    def show(self, pixels: Pixels) -> Detections:
        grain = self.rng.normal(0, 1.5, pixels.shape)
        shown = np.clip(pixels + grain, 0, 255).astype(np.uint8)
        self.frame += 1
        picture = Picture(
            camera=CAMERA,
            frame=self.frame,
            at=BEGIN.plus(self.frame * STEP_US),
            planes=planes_of_rgb(shown, "bt601"),
        )
        return self.detector.detect([picture])[0]


def with_box(ground: Pixels, left: int, colour: tuple[int, int, int] = (200, 40, 30)) -> Pixels:
    shown = ground.copy()
    shown[180:240, left : left + 100] = colour
    return shown


def box_at(left: int) -> npt.NDArray[np.float32]:
    return np.array([[left / 640, 180 / 360, (left + 100) / 640, 240 / 360]], dtype=np.float32)


def test_a_thing_that_moves_is_one_box_where_it_is() -> None:
    film, ground = Film(MotionDetector()), street()
    for _ in range(20):
        assert len(film.show(ground)) == 0
    for left in range(50, 450, 20):
        found = film.show(with_box(ground, left))
        assert list(found.kinds) == [MOVING]
        assert overlaps(found.boxes_unit, box_at(left))[0, 0] > 0.8
    assert found.model == "motion"


def test_a_change_of_exposure_moves_nothing() -> None:
    film, ground = Film(MotionDetector()), street()
    for number in range(40):
        gain = (1.0, 1.3, 0.75, 1.1)[number // 10]
        assert len(film.show(ground * gain)) == 0, number


def test_a_soft_shadow_moves_nothing() -> None:
    film, ground = Film(MotionDetector()), street()
    for _ in range(20):
        film.show(ground)
    for left in range(50, 450, 40):
        light = np.ones((360, 640, 1), dtype=np.float32)
        light[180:260, left : left + 120] = 0.65
        soft = np.asarray(cv2.GaussianBlur(light, (0, 0), 5))[:, :, None]
        found = film.show(np.asarray(ground * soft, dtype=np.float32))
        share = (found.boxes_unit[:, 2] - found.boxes_unit[:, 0]).sum() if len(found) else 0.0
        assert share < 0.25 * 120 / 640, "at most slivers of its edge"


def test_what_stops_stays_found_for_minutes() -> None:
    film, ground = Film(MotionDetector()), street()
    for _ in range(40):
        film.show(ground)
    for left in range(50, 250, 20):
        film.show(with_box(ground, left))
    for number in range(65):
        film.frame += 19  # two seconds between pictures
        found = film.show(with_box(ground, 250))
        if number % 8 == 0:
            assert overlaps(found.boxes_unit, box_at(250)).max() > 0.8, number


def test_what_was_there_at_the_start_and_leaves_is_no_ghost_for_long() -> None:
    film, ground = Film(MotionDetector()), street()
    for _ in range(40):
        assert len(film.show(with_box(ground, 250))) == 0
    for left in range(270, 640, 40):
        film.show(with_box(ground, left))
    found = [len(film.show(ground)) for _ in range(20)]
    assert found[-5:] == [0] * 5


def test_a_moving_camera_or_switched_light_is_not_motion_all_over() -> None:
    film = Film(MotionDetector())
    for _ in range(10):
        film.show(street(1))
    found = [film.show(street(2) * 0.6 + 40) for _ in range(20)]
    assert len(found[-1]) == 0
    for one in found:
        assert all((box[2] - box[0]) * (box[3] - box[1]) < 0.9 for box in one.boxes_unit)


def test_a_new_size_a_pause_and_forgetting_begin_a_new_scene() -> None:
    film, ground = Film(MotionDetector()), street()
    for _ in range(10):
        film.show(ground)
    film.detector.forget(CAMERA)
    assert len(film.show(with_box(ground, 100))) == 0
    film.frame += 10_000
    assert len(film.show(ground)) == 0
    assert len(film.show(ground[::2, ::2])) == 0


def test_cameras_do_not_mix() -> None:
    detector = MotionDetector()
    for number in range(10):
        pictures = [
            Picture(
                camera=CameraId(name),
                frame=number + 1,
                at=BEGIN.plus(number * STEP_US),
                planes=planes_of_rgb(street(seed).astype(np.uint8), "bt601"),
            )
            for name, seed in (("a", 1), ("b", 2))
        ]
        assert [len(one) for one in detector.detect(pictures)] == [0, 0]
