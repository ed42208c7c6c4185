"""The painter's pictures and the truth beside them say the same."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fairview.sim import draw
from fairview.sim.draw import Painter
from fairview.sim.junction import FPS, VIEW, signals
from fairview.sim.scenery import Scenery, build_scenery
from fairview.sim.strip import PANEL_PX
from fairview.sim.traffic import Mover, Traffic, traffic
from fairview.sim.truth import truth_frame
from fairview.sim.view import HEIGHT_PX, WIDTH_PX, Picture

FRAMES = (60, 333, 540)


@pytest.fixture(scope="module")
def scenery() -> Scenery:
    return build_scenery(VIEW, 7)


@pytest.fixture(scope="module")
def movement() -> Traffic:
    return traffic(7)


def _changed(pixels: Picture, empty: Picture) -> npt.NDArray[np.bool_]:
    """Where a picture differs visibly from the empty street, the clock left out."""
    mask = np.asarray(cv2.absdiff(pixels, empty)).max(axis=2) > 14
    mask[: PANEL_PX[3], : PANEL_PX[2]] = False
    return np.asarray(mask, dtype=np.bool_)


def test_same_scene_paints_the_same_pixels(scenery: Scenery, movement: Traffic) -> None:
    digests = set()
    for stage in (scenery, build_scenery(VIEW, 7)):
        pixels = Painter(VIEW, stage).paint(movement.frames[60], signals(5.0), 60).pixels
        digests.add(hashlib.sha256(pixels.tobytes()).hexdigest())
    assert len(digests) == 1


def test_everybody_seen_changes_the_picture_inside_their_box(
    scenery: Scenery, movement: Traffic
) -> None:
    painter = Painter(VIEW, scenery)
    empty = painter.empty()
    for frame in FRAMES:
        drawn = painter.paint(movement.frames[frame], signals(frame / FPS), frame)
        changed = _changed(drawn.pixels, empty)
        checked = 0
        for one in drawn.seen:
            left, top, right, bottom = (round(edge) for edge in one.box_px)
            box = changed[top:bottom, left:right]
            if one.seen_frac < 0.5 or box.size < 40 or top < PANEL_PX[3]:
                continue
            checked += 1
            assert box.mean() > 0.25, one
        assert checked > 12


def test_foreground_lies_where_truth_says(scenery: Scenery, movement: Traffic) -> None:
    painter = Painter(VIEW, scenery)
    empty = painter.empty()
    for frame in FRAMES:
        drawn = painter.paint(movement.frames[frame], {}, frame)
        outside = _changed(drawn.pixels, empty)
        for one in drawn.seen:
            left, top, right, bottom = one.box_px
            # A shadow falls to the right of whoever throws it, as far as they are tall.
            reach = 14 + (bottom - top) * 1.2
            outside[
                max(int(top - reach * 0.5), 0) : int(bottom + 8),
                max(int(left - 6), 0) : int(right + reach),
            ] = False
        assert outside.mean() < 0.001


def test_box_fits_what_one_mover_alone_paints(
    scenery: Scenery, movement: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draw, "_shadow_shapes", _no_shadow)
    painter = Painter(VIEW, scenery)
    empty = painter.empty()
    overlaps = []
    for mover in movement.frames[540]:
        drawn = painter.paint([mover], {}, None)
        changed = np.asarray(cv2.absdiff(drawn.pixels, empty)).max(axis=2) > 6
        if not drawn.seen or drawn.seen[0].seen_frac < 0.98 or changed.sum() < 60:
            continue
        rows, columns = np.nonzero(changed)
        painted = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        overlaps.append(_iou(drawn.seen[0].box_px, painted))
    assert len(overlaps) > 12
    assert min(overlaps) > 0.5
    assert float(np.mean(overlaps)) > 0.85


def _no_shadow(mover: Mover) -> list[tuple[npt.NDArray[np.float64], int]]:
    del mover
    return []


def _iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = wide * high
    area = [(one[2] - one[0]) * (one[3] - one[1]) for one in (a, b)]
    return both / (area[0] + area[1] - both)


def test_homography_puts_ground_points_into_the_boxes(scenery: Scenery, movement: Traffic) -> None:
    painter = Painter(VIEW, scenery)
    drawn = painter.paint(movement.frames[60], signals(5.0), 60)
    truth = truth_frame(60, drawn.seen)
    assert truth.signals == signals(5.0)
    homography = VIEW.homography()
    whole = [
        one
        for one in truth.seen
        if one.box_px[0] > 1 and one.box_px[1] > 1
        if one.box_px[2] < WIDTH_PX - 1 and one.box_px[3] < HEIGHT_PX - 1
    ]
    assert len(whole) > 12
    for one in whole:
        x, y, depth = homography @ (one.x_m, one.y_m, 1.0)
        left, top, right, bottom = one.box_px
        assert left - 3 <= x / depth <= right + 3
        assert top - 3 <= y / depth <= bottom + 3


def test_ground_and_picture_are_each_others_inverse() -> None:
    points = np.array([(0.0, 0.0), (12.0, -5.8), (-20.0, 3.0)])
    seen = VIEW.project(np.column_stack([points, np.zeros(3)]))
    assert np.allclose(VIEW.ground(seen), points)


def test_hidden_movers_have_less_to_see_than_open_ones(scenery: Scenery, movement: Traffic) -> None:
    painter = Painter(VIEW, scenery)
    seen = [
        one
        for frame in range(0, 720, 120)
        for one in painter.paint(movement.frames[frame], {}, frame).seen
    ]
    assert all(0.0 <= one.seen_frac <= 1.0 for one in seen)
    assert any(one.seen_frac < 0.5 for one in seen)
    assert sum(one.seen_frac > 0.9 for one in seen) > len(seen) / 3


def test_a_lit_lamp_shows_in_the_picture(scenery: Scenery) -> None:
    painter = Painter(VIEW, scenery)
    empty = painter.empty()
    red = painter.paint((), {"south": "red"}, None).pixels.astype(int)
    green = painter.paint((), {"south": "green"}, None).pixels.astype(int)
    assert (red - empty)[:, :, 0].max() > 60
    assert (green - empty)[:, :, 1].max() > 60
