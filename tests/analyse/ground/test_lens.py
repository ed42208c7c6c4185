"""Pixels to metres and back: one is the other's inverse wherever the road is in sight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fairview.analyse.ground.calibrate import calibrate
from fairview.analyse.ground.lens import Lens
from tests.analyse.ground.roads import Camera
from tests.analyse.ground.test_calibrate import ACROSS, ALONG, scene

WIDTH, HEIGHT = 1920, 1080
GROUND = calibrate(scene(ALONG + ACROSS))

lenses = st.builds(
    Lens,
    focal_px=st.floats(0.6 * WIDTH, 4 * WIDTH),
    tilt=st.floats(0.05, 1.4),
    roll=st.floats(-0.2, 0.2),
    height_m=st.floats(2.5, 50),
    bend=st.floats(-0.35, 0.1),
    centre_px=st.just((WIDTH / 2, HEIGHT / 2)),
)
pixels = st.tuples(st.floats(0, WIDTH), st.floats(0, HEIGHT))


@given(lens=lenses, px=pixels)
def test_a_pixel_on_the_road_comes_back_through_the_lens(
    lens: Lens, px: tuple[float, float]
) -> None:
    points = np.array([px])
    metres = lens.metres(points)
    assume(np.isfinite(metres).all() and np.hypot(*metres[0]) < 500)
    np.testing.assert_allclose(lens.pixels(metres), points, atol=1e-3)


@given(px=pixels)
def test_metres_and_pixels_of_a_ground_are_inverse_where_it_knows(px: tuple[float, float]) -> None:
    points = np.array([px])
    metres = GROUND.metres(points)
    assume(np.isfinite(metres).all())
    np.testing.assert_allclose(GROUND.pixels(metres), points, atol=1e-3)


@pytest.mark.parametrize("k1", [-0.3, -0.15, 0.05])
def test_one_number_follows_polynomial_lenses(k1: float) -> None:
    """The best bend is within a per cent of the radius all over a 75 degree picture."""
    seen = Camera(
        width_px=WIDTH, height_px=HEIGHT, focal_px=1250, height_m=8, tilt=0.5, roll=0, k1=k1
    )
    row = np.linspace(0.05, 0.75, 30)
    bent = row * (1 + k1 * row**2)
    offs = []
    for bend in np.linspace(-0.45, 0.1, 111):
        lens = Lens(
            focal_px=seen.focal_px,
            tilt=0.0,
            roll=0.0,
            height_m=1.0,
            bend=float(bend),
            centre_px=(0.0, 0.0),
        )
        ways, _ = lens.drops(np.column_stack([bent * seen.focal_px, np.zeros(30)]))
        offs.append(float(np.max(np.abs(ways[:, 0] / row - 1))))
    assert min(offs) < 0.01
