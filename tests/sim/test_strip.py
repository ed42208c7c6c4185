"""The clock in the picture can be read back by a machine."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.sim.strip import draw_clock, read_picture_clock
from fairview.sim.view import Picture


def _street() -> Picture:
    return np.full((360, 640, 3), 120, np.uint8)


@given(frame=st.integers(0, 719))
@settings(max_examples=60, deadline=None)
def test_every_frame_number_reads_back(frame: int) -> None:
    picture = _street()
    draw_clock(picture, frame)
    assert read_picture_clock(picture) == frame


@pytest.mark.parametrize("size", [(320, 180), (480, 270), (1280, 720)])
def test_clock_survives_scaling(size: tuple[int, int]) -> None:
    for frame in (0, 1, 341, 682, 719):
        picture = _street()
        draw_clock(picture, frame)
        scaled = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        assert read_picture_clock(scaled) == frame


@given(frame=st.integers(0, 719), seed=st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_clock_survives_noise(frame: int, seed: int) -> None:
    picture = _street()
    draw_clock(picture, frame)
    noise = np.random.default_rng(seed).normal(0, 18, picture.shape)
    assert read_picture_clock(np.clip(picture + noise, 0, 255).astype(np.uint8)) == frame


def test_no_clock_reads_as_none() -> None:
    assert read_picture_clock(_street()) is None
    blank = _street()
    draw_clock(blank, None)
    assert read_picture_clock(blank) is None
    covered = _street()
    draw_clock(covered, 5)
    covered[:6, 100:140] = 20
    assert read_picture_clock(covered) is None
