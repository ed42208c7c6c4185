from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fairview.analyse.ground.calibrate import calibrate
from fairview.analyse.ground.contact import contact_px, lower_middle
from fairview.analyse.ground.ground import Ground
from fairview.analyse.ground.smooth import local_lines, weighted_median
from fairview.core.errors import BadInput
from fairview.core.sight import BUS, CAR, PERSON
from tests.analyse.ground.roads import body_boxes, road
from tests.analyse.ground.test_calibrate import ACROSS, ALONG, CAMERA, scene

Floats = npt.NDArray[np.float64]
MORE = [((-5.0, 24.0), (-5.0, 36.0)), ((-6.0, 26.0), (4.0, 26.0))]


@pytest.fixture(scope="module")
def ground() -> Ground:
    return calibrate(scene(ALONG + ACROSS + MORE))


def drive(
    kmh: float, seconds: float = 2.0, fps: float = 25.0, turn: float = 0.9
) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """Times, places and headings of a steady way through the middle of what is taped."""
    at_us = np.round(np.arange(0, seconds, 1 / fps) * 1e6).astype(np.int64)
    along = (at_us / 1e6 - seconds / 2) * kmh / 3.6
    way = np.array([np.cos(turn), np.sin(turn)])
    return at_us, np.array([0.0, 30.0]) + along[:, None] * way, np.full(len(at_us), turn)


def kmh_of(ground: Ground, at_us: npt.NDArray[np.int64], boxes: Floats, kind: int = CAR) -> float:
    way = ground.way(at_us, boxes, np.ones(len(boxes), dtype=bool), kind)
    assert way is not None
    speed = way.speed()
    assert speed is not None
    return speed.kmh


def test_the_footprint_is_found_where_the_lower_edge_drifts(ground: Ground) -> None:
    """A bus seen obliquely: the lower edge's middle wanders along it, the footprint does not."""
    _, places, headings = drive(30.0)
    boxes = body_boxes(CAMERA, places, headings, np.array([11.8, 2.55, 3.1]))
    found = ground.metres(contact_px(boxes, BUS, ground, headings + _turn(ground)))
    raw = ground.metres(lower_middle(boxes))
    true = np.hypot(*(places[-1] - places[0]))
    assert np.hypot(*(found[-1] - found[0])) == pytest.approx(true, rel=0.02)
    assert abs(np.hypot(*(raw[-1] - raw[0])) / true - 1) > 0.03


def _turn(ground: Ground) -> float:
    """How the ground's frame is turned against the simulated one."""
    px = CAMERA.shown(np.array([[0.0, 30.0, 0.0], [5.0, 30.0, 0.0]]))
    way = np.diff(ground.metres(px), axis=0)[0]
    return float(np.arctan2(way[1], way[0]))


def test_a_person_stands_at_the_lower_edge(ground: Ground) -> None:
    _, places, headings = drive(5.0)
    boxes = body_boxes(CAMERA, places, headings, np.array([0.4, 0.5, 1.7]))
    np.testing.assert_allclose(
        contact_px(boxes, PERSON, ground, headings), lower_middle(boxes), atol=0.1
    )


def test_boxes_that_are_no_outlines_keep_their_lower_edge(ground: Ground) -> None:
    """Boxes of one size near and far can't be a body's: the point they stand on is kept."""
    _, places, headings = drive(60.0)
    px = CAMERA.shown(np.column_stack([places, np.zeros(len(places))]))
    boxes = np.column_stack([px[:, 0] - 150, px[:, 1] - 20, px[:, 0] + 150, px[:, 1]])
    np.testing.assert_allclose(contact_px(boxes, CAR, ground, headings), px, atol=0.1)


@pytest.mark.parametrize("kmh", [8.0, 30.0, 70.0])
def test_a_steady_speed_is_read_back(ground: Ground, kmh: float) -> None:
    at_us, places, headings = drive(kmh)
    boxes = body_boxes(CAMERA, places, headings, np.array([4.3, 1.8, 1.5]))
    assert kmh_of(ground, at_us, boxes) == pytest.approx(kmh, rel=0.025)


def test_uneven_time_stamps_do_not_change_the_speed(ground: Ground) -> None:
    rng = np.random.default_rng(2)
    at_us = np.cumsum(rng.choice([17_000, 33_000, 83_000, 167_000], 40))
    way = np.array([np.cos(0.9), np.sin(0.9)])
    places = np.array([-4.0, 22.0]) + (at_us / 1e6 * 25 / 3.6)[:, None] * way
    boxes = body_boxes(CAMERA, places, np.full(40, 0.9), np.array([4.3, 1.8, 1.5]))
    assert kmh_of(ground, at_us, boxes) == pytest.approx(25.0, rel=0.03)


def test_one_wild_box_does_not_move_the_speed(ground: Ground) -> None:
    at_us, places, headings = drive(40.0)
    boxes = body_boxes(CAMERA, places, headings, np.array([4.3, 1.8, 1.5]))
    steady = kmh_of(ground, at_us, boxes)
    boxes[20, 1::2] += 60
    assert kmh_of(ground, at_us, boxes) == pytest.approx(steady, rel=0.02)


def test_cut_boxes_are_left_out(ground: Ground) -> None:
    at_us, places, headings = drive(40.0)
    boxes = body_boxes(CAMERA, places, headings, np.array([4.3, 1.8, 1.5]))
    whole = np.ones(len(boxes), dtype=bool)
    whole[:10] = False
    way = ground.way(at_us, boxes, whole, CAR)
    assert way is not None
    assert np.isnan(way.metres[:10]).all()
    assert not way.known[:10].any()
    assert np.isnan(way.kmh_at()[:10]).all()


def test_too_few_points_say_nothing(ground: Ground) -> None:
    at_us, places, headings = drive(40.0)
    boxes = body_boxes(CAMERA, places, headings, np.array([4.3, 1.8, 1.5]))
    whole = np.zeros(len(boxes), dtype=bool)
    whole[:4] = True
    assert ground.way(at_us, boxes, whole, CAR) is None


def test_a_part_of_a_way_has_its_own_speed(ground: Ground) -> None:
    """Standing for a second, then off: the parts differ, and standing is a speed."""
    at_us = np.arange(0, 3_000_000, 40_000, dtype=np.int64)
    seconds = at_us / 1e6
    along = np.where(seconds < 1.5, 0, (seconds - 1.5) * 8.0)
    way_m = np.array([np.cos(0.9), np.sin(0.9)])
    places = np.array([-3.0, 24.0]) + along[:, None] * way_m
    boxes = body_boxes(CAMERA, places, np.full(len(at_us), 0.9), np.array([4.3, 1.8, 1.5]))
    way = ground.way(at_us, boxes, np.ones(len(boxes), dtype=bool), CAR)
    assert way is not None
    first, last = way.speed(seconds < 1.0), way.speed(seconds > 2.0)
    assert first is not None
    assert last is not None
    assert first.kmh < 4
    assert last.kmh == pytest.approx(28.8, rel=0.08)


def test_standing_is_a_speed_near_nought(ground: Ground) -> None:
    rng = np.random.default_rng(4)
    at_us = np.arange(0, 6_000_000, 40_000, dtype=np.int64)
    places = np.tile([0.0, 30.0], (len(at_us), 1))
    boxes = body_boxes(CAMERA, places, np.full(len(at_us), 0.9), np.array([4.3, 1.8, 1.5]))
    assert kmh_of(ground, at_us, boxes + rng.normal(0, 1.5, boxes.shape)) < 1.0


def test_local_lines_follow_a_straight_run_exactly() -> None:
    seconds = np.array([0.0, 0.1, 0.25, 0.3, 0.7, 1.0])
    values = np.column_stack([3 * seconds + 1, -seconds])
    lines = local_lines(seconds, values, np.ones(6), np.full(6, 0.3))
    np.testing.assert_allclose(lines.values, values, atol=1e-9)
    np.testing.assert_allclose(lines.slopes, np.tile([3.0, -1.0], (6, 1)), atol=1e-9)


def test_the_weighted_median_has_half_the_weight_on_each_side() -> None:
    assert weighted_median(np.array([5.0, 1.0, 3.0]), np.array([1.0, 1.0, 1.0])) == 3.0
    assert weighted_median(np.array([5.0, 1.0, 3.0]), np.array([9.0, 1.0, 1.0])) == 5.0


@pytest.mark.slow
def test_speeds_on_pretend_roads_are_near_and_their_intervals_hold() -> None:
    """The small form of bench/speed.py, with looser bounds for fewer roads."""
    errors, held, refused = [], [], 0
    for seed in range(1_000, 1_016):
        one = road(seed)
        try:
            ground = calibrate(one.scene)
        except BadInput:
            refused += 1
            continue
        size = np.array([ground.width_px, ground.height_px] * 2)
        for each in one.drives:
            boxes = each.track.boxes_unit.astype(np.float64) * size
            whole = np.ones(len(boxes), dtype=bool)
            way = ground.way(each.track.at_us, boxes, whole, each.track.kind)
            speed = None if way is None else way.speed()
            if way is None or speed is None:
                continue
            true = each.kmh(way.known)
            errors.append(abs(speed.kmh - true))
            held.append(speed.low_kmh <= true <= speed.high_kmh)
    assert refused <= 2
    assert len(errors) > 40
    assert np.mean(errors) < 1.5
    assert np.quantile(errors, 0.95) < 4.5
    assert np.mean(held) >= 0.9
