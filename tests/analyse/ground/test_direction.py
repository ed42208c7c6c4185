"""Lengths' directions help where they lie along and across one road, and are left alone if not."""

from __future__ import annotations

import numpy as np

from fairview.analyse.ground.calibrate import calibrate
from fairview.analyse.ground.direction import Directions
from tests.analyse.ground.test_calibrate import ACROSS, ALONG, scene


def test_lengths_along_and_across_one_road_have_their_directions_used() -> None:
    assert calibrate(scene(ALONG + ACROSS)).report.directions == "used"


def test_lengths_in_all_directions_have_not() -> None:
    places = [((0.0, 18.0), 0.3), ((-3.0, 24.0), 0.9), ((2.0, 30.0), 2.2), ((-2.0, 36.0), 1.3)]
    places += [((3.0, 42.0), 2.8), ((-4.0, 46.0), 0.6), ((0.0, 26.0), 1.8)]
    lengths = [((x, y), (x + 6 * np.cos(a), y + 6 * np.sin(a))) for (x, y), a in places]
    assert calibrate(scene(lengths)).report.directions == "not used"


def test_three_lengths_say_nothing_by_their_directions() -> None:
    assert calibrate(scene([*ALONG[:2], ACROSS[0]])).report.directions == "not used"


def test_directions_make_the_scale_surer() -> None:
    few = [ALONG[0], ACROSS[0], ALONG[1], ACROSS[1]]
    turned = [few[0], few[1], few[2], ((-2.0, 32.0), (2.0, 35.0))]
    straight = calibrate(scene(few)).report
    assert straight.directions == "used"
    assert straight.scale_half_frac < calibrate(scene(turned)).report.scale_half_frac


def test_a_bent_road_turns_with_its_radius() -> None:
    """Chords and radii of a circle of 50 m agree with a bend of 1/50 exactly."""
    angles = np.array([0.0, 0.3, 0.6])
    out = np.column_stack([np.cos(angles), np.sin(angles)])
    begins = np.concatenate([48 * out, 50 * out[:2]])
    ends = np.concatenate([53 * out, 50 * out[1:]])
    road = Directions(
        quarters=np.array([-1.0, -1.0, -1.0, 0.0, 0.0]),
        sd=np.full(5, 0.01),
        pivot_m=np.array([50.0, 0.0]),
        turn=np.pi / 2,
        per_m=1 / 50,
    )
    np.testing.assert_allclose(road.off(np.pi / 2, 1 / 50, begins, ends), 0, atol=1e-9)
    assert np.abs(road.off(np.pi / 2, 0.0, begins, ends)).max() > 10
