"""Layouts: outputs to boxes, against worked numbers, other programs and looked-at pictures."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.analyse.detectors import fastestdet, lpd, picodet, yolox, yunet
from fairview.analyse.detectors.cover_only import FaceDetector, PlateDetector
from fairview.analyse.detectors.graph import OnnxSettings
from fairview.analyse.detectors.layout import Wanted
from fairview.analyse.detectors.onnx import OnnxDetector
from fairview.analyse.detectors.overlaps import kept, overlaps
from fairview.analyse.detectors.picture_input import InputForm, fed, fit_of
from fairview.analyse.planes import planes_of_rgb, rgb_of
from fairview.core.sight import BICYCLE, CAR, KINDS, PERSON, TRUCK
from tests.analyse.detectors import real

Field = npt.NDArray[np.float32]
BOTH = Wanted(
    columns=np.array([0, 2], dtype=np.intp),
    kinds=np.array([PERSON, CAR], dtype=np.uint8),
    confidence=0.4,
)


def test_yolox_reads_centres_and_sizes_in_cells() -> None:
    table = np.zeros((21, 8), dtype=np.float32)
    table[16 + 3] = [0.25, 0.75, np.log(2), np.log(0.5), 0.8, 0.1, 0.99, 0.75]
    found = yolox.decoded([table], (32, 32), BOTH)
    # The fourth 16-pixel cell lies at column 1, row 1.
    np.testing.assert_allclose(found.boxes_px, [[4, 24, 36, 32]], atol=1e-4)
    np.testing.assert_allclose(found.scores, [0.6], atol=1e-6)
    assert list(found.kinds) == [CAR]


def test_picodet_reads_sides_as_means_of_distributions() -> None:
    sizes = [16, 4, 1, 1]
    scores = [np.zeros((size, 3), dtype=np.float32) for size in sizes]
    sides = [np.zeros((size, 32), dtype=np.float32) for size in sizes]
    scores[1][2] = [0.9, 1.0, 0.1]
    for side, distance in enumerate((1, 0, 2, 3)):
        sides[1][2, side * 8 + distance] = 50.0
    found = picodet.decoded([*scores, *sides], (32, 32), BOTH)
    # Third 16-pixel cell: its middle is at (8, 24).
    np.testing.assert_allclose(found.boxes_px, [[8 - 16, 24, 8 + 32, 24 + 48]], atol=1e-3)
    assert list(found.kinds) == [PERSON]
    flat = picodet.decoded([*scores, *(0 * one for one in sides)], (32, 32), BOTH)
    np.testing.assert_allclose(flat.boxes_px[0, 2] - flat.boxes_px[0, 0], 2 * 3.5 * 16, rtol=1e-5)


def test_fastestdet_reads_offsets_and_sizes() -> None:
    table = np.zeros((8, 2, 2), dtype=np.float32)
    table[:, 1, 0] = [0.9, 0.0, 0.5, 0.0, -2.0, 0.8, 0.0, 0.1]
    found = fastestdet.decoded([table], (32, 32), BOTH)
    height = 32 / (1 + np.exp(2.0))
    middle = (1 + np.tanh(0.5)) * 16
    np.testing.assert_allclose(
        found.boxes_px, [[-8, middle - height / 2, 8, middle + height / 2]], atol=1e-4
    )
    np.testing.assert_allclose(found.scores, [0.72], atol=1e-6)


def test_plates_become_the_upright_box_around_their_corners() -> None:
    count = lpd.outputs((320, 240), 1)[0][0]
    assert count == 4385  # as in the published graph
    places = np.zeros((count, 14), dtype=np.float32)
    places[0, 4:14] = [-5, -2, 5, -3, 9, 9, 6, 2, -4, 3]  # corners, with something else between
    known, sure = np.zeros((count, 2), dtype=np.float32), np.zeros((count, 1), dtype=np.float32)
    known[0, 1], sure[0] = 0.9, 0.9
    found = lpd.decoded([places, known, sure], (320, 240), BOTH)
    np.testing.assert_allclose(found.boxes_px, [[4 - 5, 4 - 3, 4 + 6, 4 + 3]], atol=1e-5)
    np.testing.assert_allclose(found.scores, [0.9], atol=1e-6)


def test_outputs_of_the_published_shapes_are_expected() -> None:
    assert yolox.outputs((416, 416), 80) == ((3549, 85),)
    assert picodet.outputs((416, 416), 80)[3] == (49, 80)
    assert fastestdet.outputs((352, 352), 80) == ((85, 22, 22),)
    assert yunet.outputs((640, 640), 1)[-1] == (400, 4)


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_the_input_has_the_colours_of_the_picture(matrix: str, order: str) -> None:
    rng = np.random.default_rng(3)
    small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = planes_of_rgb(
        np.repeat(np.repeat(small, 8, axis=0), 8, axis=1), "bt601" if matrix == "bt601" else "bt709"
    )
    form = InputForm(order="rgb" if order == "rgb" else "bgr", fit="stretch")
    field, _ = fed(picture, (64, 48), form)
    wanted = rgb_of(picture).astype(np.float32)
    if order == "bgr":
        wanted = wanted[:, :, ::-1]
    away = np.abs(field.transpose(1, 2, 0) - wanted)
    assert float(away.max()) < 2.0


def test_the_input_is_normalised_and_filled_as_the_form_says() -> None:
    picture = planes_of_rgb(np.full((32, 64, 3), 200, dtype=np.uint8), "bt601")
    form = InputForm(order="rgb", fit="letterbox", fill=114, means=(100,) * 3, scales=(0.1,) * 3)
    field, fit = fed(picture, (64, 64), form)
    assert (fit.width_px, fit.height_px) == (64, 32)
    np.testing.assert_allclose(field[:, :32], 10.0, atol=0.2)
    np.testing.assert_allclose(field[:, 32:], 1.4, atol=1e-5)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(32, 700), st.integers(32, 700))
def test_a_letterbox_keeps_the_shape_and_stays_inside(w: int, h: int, to_w: int, to_h: int) -> None:
    fit = fit_of(w, h, (to_w, to_h), InputForm(order="rgb", fit="letterbox"))
    assert 1 <= fit.width_px <= to_w
    assert 1 <= fit.height_px <= to_h
    assert fit.width_px == to_w or fit.height_px == to_h
    scale = min(to_w / w, to_h / h)
    assert abs(fit.width_px - w * scale) <= 1
    assert abs(fit.height_px - h * scale) <= 1
    corner = fit.to_unit(np.array([[0, 0, fit.width_px, fit.height_px]], dtype=np.float32))
    np.testing.assert_allclose(corner, [[0, 0, 1, 1]])


def one_by_one(boxes: Field, scores: Field, kinds: npt.NDArray[np.uint8], most: float) -> list[int]:
    """The textbook's loop."""
    group = {CAR: 0, TRUCK: 0, KINDS.index("van"): 0, KINDS.index("bus"): 0}
    group |= {BICYCLE: 1, KINDS.index("motorcycle"): 1}
    stays: list[int] = []
    for one in sorted(range(len(boxes)), key=lambda number: (-scores[number], number)):
        rivals = [
            other
            for other in stays
            if group.get(int(kinds[one]), 10 + kinds[one])
            == group.get(int(kinds[other]), 10 + kinds[other])
        ]
        if all(overlaps(boxes[[one]], boxes[[other]])[0, 0] <= most for other in rivals):
            stays.append(one)
    return stays


@given(st.integers(0, 40), st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.5, 0.7]))
def test_overlaps_are_taken_out_as_the_textbook_says(count: int, seed: int, most: float) -> None:
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, 0.6, (count, 2)), rng.uniform(0.05, 0.4, (count, 2))
    boxes = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    scores = (rng.permutation(count) / 100).astype(np.float32)
    kinds = rng.integers(0, len(KINDS), count).astype(np.uint8)
    assert list(kept(boxes, scores, kinds, most)) == one_by_one(boxes, scores, kinds, most)


def test_a_car_called_a_truck_is_one_but_a_cyclist_is_two() -> None:
    boxes = np.array([[0, 0, 1, 1], [0, 0, 1, 0.95]], dtype=np.float32)
    scores = np.array([0.6, 0.7], dtype=np.float32)
    both = np.array([CAR, TRUCK], dtype=np.uint8)
    assert list(kept(boxes, scores, both, 0.5)) == [1]
    both = np.array([PERSON, BICYCLE], dtype=np.uint8)
    assert list(kept(boxes, scores, both, 0.5)) == [1, 0]


@pytest.mark.slow
def test_faces_are_those_that_opencv_finds() -> None:
    models, picture = real.store(), real.pixels("images/city-crossing-faces.jpg")
    ours = FaceDetector(*models.read("yunet"), OnnxSettings(confidence=0.6)).boxes(
        planes_of_rgb(picture, "bt601")
    )
    height, width = picture.shape[:2]
    scale = min(640 / width, 640 / height)
    canvas = np.zeros((640, 640, 3), dtype=np.uint8)
    small = cv2.resize(
        picture[:, :, ::-1], (round(width * scale), round(height * scale)), interpolation=1
    )
    canvas[: small.shape[0], : small.shape[1]] = small
    path = str(models.info("yunet").path)
    theirs = cv2.FaceDetectorYN.create(path, "", (640, 640), 0.6, 0.3, 5000).detect(canvas)[1]
    boxes = np.concatenate([theirs[:, :2], theirs[:, :2] + theirs[:, 2:4]], axis=1)
    mine = ours.boxes_unit * np.array([width, height] * 2) * scale
    matches = overlaps(mine.astype(np.float32), boxes.astype(np.float32))
    assert len(mine) >= 10
    assert abs(len(mine) - len(boxes)) <= 1
    assert (matches.max(axis=1) > 0.85).sum() >= len(mine) - 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "cars_least"), [("yolox-nano", 12), ("picodet-s-320", 12), ("picodet-s-416", 14)]
)
def test_cars_at_the_junction_are_found_where_they_were_seen(model: str, cars_least: int) -> None:
    """The five boxes were drawn by eye, in pixels of 640x360, picture 100."""
    drawn = np.array(
        [
            [297, 187, 366, 241],
            [191, 174, 237, 214],
            [195, 245, 273, 305],
            [290, 292, 413, 359],
            [545, 178, 619, 215],
        ],
        dtype=np.float32,
    )
    picture = planes_of_rgb(real.pixels("traffic/opendatacam/frames/100.jpg"), "bt601")
    (found,) = OnnxDetector(*real.store().read(model)).find([picture])
    cars = found.boxes_unit[found.kinds == CAR] * np.array([640, 360] * 2, dtype=np.float32)
    assert len(cars) >= cars_least
    assert (overlaps(drawn, cars.astype(np.float32)).max(axis=1) > 0.6).all()


@pytest.mark.slow
def test_a_plate_is_found_on_a_car_that_was_cut_out() -> None:
    picture = real.pixels("images/parked-car-cn-plate.jpg")
    models = real.store()
    (found,) = OnnxDetector(*models.read("picodet-s-416")).find([planes_of_rgb(picture, "bt601")])
    x1, y1, x2, y2 = (found.boxes_unit[0] * [1920, 1080, 1920, 1080]).astype(int)
    plates = PlateDetector(*models.read("lpd-yunet")).boxes(
        planes_of_rgb(np.ascontiguousarray(picture[y1:y2, x1:x2]), "bt601")
    )
    whole = plates.boxes_unit
    middle = (whole[0, :2] + whole[0, 2:]) / 2 * [x2 - x1, y2 - y1] + [x1, y1]
    # Seen by eye at about (1805, 795) of 1920x1080.
    np.testing.assert_allclose(middle, [1805, 795], atol=30)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["yolox-nano", "picodet-s-416", "fastestdet"])
def test_nothing_is_found_in_a_plain_picture(model: str) -> None:
    plain = planes_of_rgb(np.full((360, 640, 3), 90, dtype=np.uint8), "bt601")
    (found,) = OnnxDetector(*real.store().read(model)).find([plain])
    assert len(found.scores) == 0
