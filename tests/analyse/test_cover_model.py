"""The cover that knows people fails closed, and hides what it must."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.analyse.cover import scene_of
from fairview.analyse.cover_finds import TILES
from fairview.analyse.cover_model import CoverModel, Hidden, LookOften, boxes_mask, widened
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import COVER_LOOK_US_MAX
from fairview.core.sight import PERSON
from fairview.core.time import Instant
from tests.analyse.cover_doubles import Box, Scripted, finders, sighted
from tests.analyse.scenes import HEIGHT_PX, WIDTH_PX, noisy, planes, street, with_person
from tests.builders import NOON

CAMERA = CameraId("plaza")
SCENE = scene_of(planes(street()))
MAN: Box = (0.3, 0.3, 0.4, 0.7)
STEP_US = 66_667


def seen_once(box: Box = MAN) -> Scripted:
    return Scripted(sighted((box, 0.5, PERSON)), width_px=WIDTH_PX)


def nobody() -> Scripted:
    return Scripted(sighted(), width_px=WIDTH_PX)


def model(traffic: Scripted, every_us: int = 250_000) -> CoverModel:
    return CoverModel(CAMERA, SCENE, finders(traffic), LookOften(every_us=every_us))


def is_whole(hidden: Hidden) -> bool:
    return hidden.regions.is_whole and bool(np.all(hidden.regions.mask == 255))


def inside(hidden: Hidden, box: Box) -> bool:
    rows, columns = hidden.regions.mask.shape
    left, top, right, bottom = box
    part = hidden.regions.mask[
        int(top * rows) : int(np.ceil(bottom * rows)),
        int(left * columns) : int(np.ceil(right * columns)),
    ]
    return bool(np.all(part == 255))


def test_a_person_who_is_part_of_the_scene_is_hidden_by_the_detector() -> None:
    hidden = model(seen_once()).cover(planes(street()), NOON)
    assert not hidden.regions.is_whole
    assert inside(hidden, MAN)
    assert hidden.hidden_frac < 0.2


@given(left=st.integers(5, 290), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_who_differs_from_the_scene_is_hidden_without_a_detector(left: int, seed: int) -> None:
    hidden = model(nobody()).cover(planes(noisy(with_person(street(), left), seed)), NOON)
    top, bottom = HEIGHT_PX // 2, HEIGHT_PX // 2 + HEIGHT_PX // 5
    right = min(left + HEIGHT_PX // 12, WIDTH_PX)
    box = (left / WIDTH_PX, (top - 3) / HEIGHT_PX, right / WIDTH_PX, bottom / HEIGHT_PX)
    assert inside(hidden, box)


def test_what_came_to_rest_stays_hidden() -> None:
    cover = model(nobody())
    resting = planes(with_person(street(), 100))
    for n in range(60):
        hidden = cover.cover(resting, NOON.plus(n * 1_000_000))
        assert hidden.regions.mask[HEIGHT_PX * 6 // 10, 105] == 255


@pytest.mark.parametrize("fault", ["late", "damaged"])
def test_a_late_or_damaged_picture_is_covered_whole(fault: str) -> None:
    cover = model(nobody())
    assert not cover.cover(planes(street()), NOON).regions.is_whole
    hidden = cover.cover(
        planes(street()),
        NOON.plus(STEP_US),
        is_late=fault == "late",
        is_damaged=fault == "damaged",
    )
    assert is_whole(hidden)
    assert hidden.because == fault


def test_without_a_clean_picture_everything_is_hidden_and_nobody_looks() -> None:
    traffic = nobody()
    cover = CoverModel(CAMERA, None, finders(traffic))
    assert is_whole(cover.cover(planes(street()), NOON))
    assert traffic.asked == []


def test_pictures_stay_whole_until_a_first_look() -> None:
    cover = model(nobody())
    for n in range(5):
        assert is_whole(cover.cover(planes(street()), NOON.plus(n * STEP_US), is_late=True))


def test_a_view_that_moved_or_a_light_that_changed_is_covered_whole() -> None:
    other = np.random.default_rng(4).integers(0, 255, street().shape, dtype=np.uint8)
    for picture in (other, np.full_like(street(), 235)):
        assert is_whole(model(nobody()).cover(planes(picture), NOON))


def test_a_dark_picture_is_covered_whole() -> None:
    dark = np.clip(street() * 0.06, 0, 255).astype(np.uint8)
    hidden = model(nobody()).cover(planes(dark), NOON)
    assert is_whole(hidden)
    assert hidden.because == "dark"


def test_the_detector_looks_at_least_once_a_second_whatever_is_asked() -> None:
    traffic = nobody()
    cover = model(traffic, every_us=60_000_000)
    for n in range(30):
        hidden = cover.cover(planes(street()), NOON.plus(n * 200_000))
        assert not hidden.regions.is_whole
    assert traffic.whole >= 6


def test_looks_that_stop_cover_everything_within_a_second() -> None:
    cover = model(nobody())
    cover.cover(planes(street()), NOON)
    for n in range(1, 20):
        at = NOON.plus(n * 100_000)
        assert is_whole(cover.cover(planes(street()), at, is_late=True))
    late = NOON.plus(2 * COVER_LOOK_US_MAX + 1)
    # The next picture in time is looked at before it is shown.
    assert not cover.cover(planes(street()), late).regions.is_whole


def test_the_first_look_sees_every_tile_and_later_ones_take_turns() -> None:
    traffic = nobody()
    cover = model(traffic)
    cover.cover(planes(street()), NOON)
    assert len(traffic.asked) == 1 + len(TILES)
    cover.cover(planes(street()), NOON.plus(250_000))
    assert len(traffic.asked) == 1 + len(TILES) + 2


def test_time_that_went_back_begins_anew() -> None:
    traffic = Scripted(sighted((MAN, 0.5, PERSON)), sighted(), width_px=WIDTH_PX)
    cover = model(traffic)
    assert inside(cover.cover(planes(street()), NOON), MAN)
    hidden = cover.cover(planes(street()), Instant(NOON.us - 10_000_000))
    assert traffic.whole == 2
    assert not inside(hidden, MAN)


def test_a_detector_that_fails_shows_nothing() -> None:
    def broken(planes: object) -> object:
        raise RuntimeError("the session is gone")

    cover = CoverModel(CAMERA, SCENE, finders(broken))  # type: ignore[arg-type]  # fails on purpose
    with pytest.raises(RuntimeError):
        cover.cover(planes(street()), NOON)


@given(
    box=st.tuples(
        st.floats(-0.5, 1.5), st.floats(-0.5, 1.5), st.floats(0.001, 1), st.floats(0.001, 1)
    )
)
def test_a_boxs_mask_is_never_smaller_than_the_box(box: Box) -> None:
    left, top, width, height = box
    corners = np.array([(left, top, left + width, top + height)], np.float32)
    mask = boxes_mask(corners, (90, 160))
    rows, columns = np.nonzero(mask)
    low = np.clip((left * 160, top * 90), 0, (160, 90))
    high = np.clip(((left + width) * 160, (top + height) * 90), 0, (160, 90))
    if (high - low).min() > 0.01:
        assert columns.min() <= low[0] + 1e-3
        assert columns.max() + 1 >= high[0] - 1e-3
        assert rows.min() <= low[1] + 1e-3
        assert rows.max() + 1 >= high[1] - 1e-3


def test_foreground_reaches_furthest_upwards() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[20, 20] = 255
    rows, _ = np.nonzero(widened(mask))
    assert 20 - rows.min() > rows.max() - 20 >= 2
