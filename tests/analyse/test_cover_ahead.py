from __future__ import annotations

import numpy as np
import pytest

from fairview.analyse.cover_ahead import RegionMaker, StoredRegions
from fairview.analyse.planes import Planes
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import (
    COVER_BEHIND_US,
    COVER_HOLD_US,
    COVER_STORED_EVERY_US,
    COVER_STORED_LOOK_US,
)
from fairview.core.sight import PERSON, CoverRegions
from fairview.core.time import Instant
from tests.analyse.cover_doubles import Box, Scripted, finders, sighted
from tests.analyse.scenes import HEIGHT_PX, WIDTH_PX, planes, street
from tests.builders import NOON

CAMERA = CameraId("junction-1")
MAN: Box = (0.6, 0.3, 0.7, 0.7)
MAN_PX = (
    slice(int(0.3 * HEIGHT_PX), int(0.7 * HEIGHT_PX)),
    slice(int(0.6 * WIDTH_PX), int(0.7 * WIDTH_PX)),
)
STREET = planes(street())


def maker(*seen: bool) -> RegionMaker:
    """Whether the man is found, look by look; the last one for ever."""
    script = [sighted((MAN, 0.5, PERSON)) if one else sighted() for one in seen]
    return RegionMaker(CAMERA, finders(Scripted(*script, width_px=WIDTH_PX)))


def at_look(number: int) -> Instant:
    return NOON.plus(number * COVER_STORED_LOOK_US)


def made(one: RegionMaker, count: int, shown: Planes = STREET) -> list[CoverRegions]:
    return [each for number in range(count) for each in one.look(shown, at_look(number))]


def regions(at: Instant, *rows: int, is_whole: bool = False) -> CoverRegions:
    mask = np.zeros((18, 32), np.uint8)
    mask[list(rows)] = 255
    return CoverRegions(camera=CAMERA, at=at, mask=mask, is_whole=is_whole)


def test_masks_come_evenly_and_only_when_nothing_can_change_them_any_more() -> None:
    one = maker(True)
    for number in range(8):
        now = at_look(number)
        for each in one.look(STREET, now):
            assert each.at.us % COVER_STORED_EVERY_US == NOON.us % COVER_STORED_EVERY_US
            assert NOON <= each.at <= now.plus(-COVER_BEHIND_US)
            assert each.mask.shape == (HEIGHT_PX, WIDTH_PX)
            assert np.all(each.mask[MAN_PX] == 255)


def test_whoever_is_found_is_hidden_before_it_as_long_as_a_live_picture_is_held() -> None:
    found_at = at_look(4)
    masks = made(maker(False, False, False, False, True), 10)
    before = [
        one for one in masks if -COVER_HOLD_US <= one.at.since(found_at) < 0 and one.mask.any()
    ]
    assert len(before) >= COVER_HOLD_US // COVER_STORED_EVERY_US
    assert all(np.all(one.mask[MAN_PX] == 255) for one in before)


def test_a_mask_hides_nothing_far_from_what_was_found() -> None:
    for one in made(maker(True), 8):
        assert not one.is_whole
        assert not one.mask[:, : WIDTH_PX // 2].any()


def test_a_time_without_a_look_has_no_masks() -> None:
    one = maker(True)
    times = [each.at for number in range(6) for each in one.look(STREET, at_look(number))]
    later = at_look(20)
    for number in range(6):
        times += [each.at for each in one.look(STREET, later.plus(number * COVER_STORED_LOOK_US))]
    assert not [at for at in times if at_look(5) < at < later]
    assert [at for at in times if at >= later]


def test_a_clock_that_was_set_back_begins_anew() -> None:
    one = maker(True)
    made(one, 6)
    assert [each.at for number in range(4) for each in one.look(STREET, at_look(number))]


def test_what_is_too_dark_to_see_people_in_is_hidden_whole() -> None:
    dark = planes(np.full((HEIGHT_PX, WIDTH_PX, 3), 12, np.uint8))
    masks = made(maker(False), 8, dark)
    assert masks
    assert all(one.is_whole for one in masks)


def test_a_picture_between_two_masks_is_hidden_where_either_hides() -> None:
    later = NOON.plus(COVER_STORED_EVERY_US)
    stored = StoredRegions((regions(later, 5), regions(NOON, 3)))
    between = stored.at(NOON.plus(COVER_STORED_EVERY_US // 2))
    assert between is not None
    assert between.mask[3].all()
    assert between.mask[5].all()
    assert np.count_nonzero(between.mask.any(axis=1)) == 2
    exact = stored.at(later)
    assert exact is not None
    assert not exact.mask[3].any()


@pytest.mark.parametrize("away_us", [-1, 4 * COVER_STORED_EVERY_US, 10 * COVER_STORED_EVERY_US])
def test_a_picture_without_masks_on_both_sides_has_none(away_us: int) -> None:
    stored = StoredRegions((regions(NOON, 3), regions(NOON.plus(9 * COVER_STORED_EVERY_US), 3)))
    assert stored.at(NOON.plus(away_us)) is None


def test_a_whole_frame_on_one_side_is_a_whole_frame() -> None:
    stored = StoredRegions(
        (regions(NOON), regions(NOON.plus(COVER_STORED_EVERY_US), is_whole=True))
    )
    between = stored.at(NOON.plus(1))
    assert between is not None
    assert between.is_whole


def test_no_masks_at_all_hide_nothing_and_say_so() -> None:
    assert StoredRegions(()).at(NOON) is None
