from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.analyse.cover_finds import (
    BAND_FRAC,
    BY_BAND,
    BY_FACE,
    BY_PERSON,
    BY_PLATE,
    BY_TWO_WHEELER,
    CROPS_MAX,
    PERSON_SCORE_MIN,
    PLATE_SCORE_MIN,
    TILES,
    Finders,
    Found,
    Sighted,
    cropped,
    distinct,
    look,
)
from fairview.analyse.planes import Planes
from fairview.core.sight import BICYCLE, BUS, CAR, PERSON
from tests.analyse.cover_doubles import Box, Scripted, sighted
from tests.analyse.scenes import HEIGHT_PX, WIDTH_PX, planes, street

PICTURE = planes(street())
MAN: Box = (0.2, 0.3, 0.3, 0.7)


def boxes(found: Found, reason: int) -> list[list[float]]:
    chosen = found.boxes_unit[found.reasons == reason]
    return [[float(side) for side in box] for box in chosen]


def asked(*found: tuple[Box, float, int]) -> Finders:
    return Finders(traffic=Scripted(sighted(*found), width_px=WIDTH_PX))


def test_a_person_is_hidden_from_a_low_score_on() -> None:
    found = look(
        PICTURE, asked((MAN, PERSON_SCORE_MIN, PERSON), ((0.5, 0.5, 0.6, 0.9), 0.1, PERSON))
    )
    assert boxes(found, BY_PERSON) == [pytest.approx(list(MAN), abs=1e-4)]


def test_a_two_wheeler_is_hidden_with_the_room_above_it_and_its_rider() -> None:
    bicycle: Box = (0.4, 0.5, 0.6, 0.7)
    rider: Box = (0.45, 0.2, 0.7, 0.65)
    found = look(PICTURE, asked((bicycle, 0.5, BICYCLE), (rider, 0.5, PERSON)))
    (whole,) = boxes(found, BY_TWO_WHEELER)
    assert whole == pytest.approx([0.4, 0.2, 0.7, 0.7], abs=1e-4)
    alone = look(PICTURE, asked((bicycle, 0.5, BICYCLE)))
    assert boxes(alone, BY_TWO_WHEELER)[0][1] < 0.35


def test_a_face_without_a_person_hides_the_body_below_it() -> None:
    face: Box = (0.5, 0.2, 0.54, 0.26)
    finders = Finders(
        traffic=Scripted(sighted(), width_px=WIDTH_PX),
        faces=lambda planes: sighted((face, 0.9, 0)),
    )
    (body,) = boxes(look(PICTURE, finders), BY_FACE)
    assert body[0] < 0.46
    assert body[2] > 0.58
    assert body[3] > 0.6


def test_a_face_on_a_person_hides_itself() -> None:
    face: Box = (0.24, 0.32, 0.27, 0.37)
    finders = Finders(
        traffic=Scripted(sighted((MAN, 0.9, PERSON)), width_px=WIDTH_PX),
        faces=lambda planes: sighted((face, 0.9, 0)),
    )
    assert boxes(look(PICTURE, finders), BY_FACE) == [pytest.approx(list(face), abs=1e-4)]


@pytest.mark.parametrize(
    ("score", "bands"), [(PLATE_SCORE_MIN + 0.01, 0), (PLATE_SCORE_MIN - 0.01, 1)]
)
def test_only_a_sure_plate_spares_the_lower_band(score: float, bands: int) -> None:
    car: Box = (0.5, 0.4, 0.9, 0.8)
    finders = Finders(
        traffic=Scripted(sighted((car, 0.8, CAR)), width_px=WIDTH_PX),
        plates=lambda planes: sighted(((0.4, 0.7, 0.6, 0.8), score, 0)),
    )
    found = look(PICTURE, finders)
    (plate,) = boxes(found, BY_PLATE)
    assert plate == pytest.approx([0.66, 0.68, 0.74, 0.72], abs=0.02)
    assert len(boxes(found, BY_BAND)) == bands


def test_without_plates_found_the_lower_band_of_every_vehicle_is_hidden() -> None:
    bus: Box = (0.1, 0.1, 0.4, 0.5)
    (band,) = boxes(look(PICTURE, asked((bus, 0.9, BUS))), BY_BAND)
    assert band == pytest.approx([0.1, 0.5 - BAND_FRAC * 0.4, 0.4, 0.5], abs=1e-4)


def test_a_full_car_park_costs_no_more_crops_than_the_bound() -> None:
    cars = [((0.1 * n, 0.4, 0.1 * n + 0.08, 0.5), 0.8, CAR) for n in range(9)]
    crops: list[Planes] = []

    def plates(planes: Planes) -> Sighted:
        crops.append(planes)
        return sighted()

    traffic = Scripted(sighted(*cars), width_px=WIDTH_PX)
    found = look(PICTURE, Finders(traffic=traffic, plates=plates))
    assert len(crops) == CROPS_MAX
    assert len(boxes(found, BY_BAND)) == len(cars)


def test_vehicles_that_are_covered_already_are_not_searched() -> None:
    car: Box = (0.5, 0.4, 0.9, 0.8)
    everything = np.full((18, 32), 255, np.uint8)
    found = look(PICTURE, asked((car, 0.8, CAR)), hidden=everything)
    assert len(found) == 0


def test_a_second_look_finds_small_people_where_they_are() -> None:
    left, top, right, bottom = TILES[1]

    def seen(planes: Planes) -> Sighted:
        if planes.width_px == WIDTH_PX:
            return sighted()
        return sighted(((0.5, 0.5, 0.55, 0.6), 0.4, PERSON))

    (man,) = boxes(look(PICTURE, Finders(traffic=seen), tiles=(1,)), BY_PERSON)
    assert man[0] == pytest.approx(left + 0.5 * (right - left), abs=0.01)
    assert man[3] == pytest.approx(top + 0.6 * (bottom - top), abs=0.01)


def test_what_is_said_to_fill_a_tile_is_left_to_the_whole_picture() -> None:
    def seen(planes: Planes) -> Sighted:
        is_whole = planes.width_px == WIDTH_PX
        return sighted() if is_whole else sighted(((0.0, 0.0, 1.0, 1.0), 0.9, PERSON))

    assert len(look(PICTURE, Finders(traffic=seen), tiles=(0, 1))) == 0


@given(
    st.lists(
        st.tuples(st.floats(0, 0.8), st.floats(0, 0.8), st.floats(0.01, 0.2), st.floats(0.01, 0.2)),
        max_size=12,
    )
)
def test_putting_boxes_together_uncovers_nothing(found: list[Box]) -> None:
    given_boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in found], np.float32)
    kept = distinct(given_boxes.reshape(-1, 4))
    assert len(kept) <= len(found)
    for box in given_boxes.reshape(-1, 4):
        # Taken into a box that may have grown since, or kept as it is.
        inside = np.minimum(kept[:, 2:], box[2:]) - np.maximum(kept[:, :2], box[:2])
        shares = np.prod(np.clip(inside, 0, None), axis=1) / np.prod(box[2:] - box[:2])
        assert float(shares.max()) > 0.999


@given(
    left=st.floats(0, 0.95), top=st.floats(0, 0.95), width=st.floats(0, 1), height=st.floats(0, 1)
)
def test_a_crop_holds_the_box_it_was_asked_for(
    left: float, top: float, width: float, height: float
) -> None:
    part = cropped(PICTURE, (left, top, min(left + width, 1), min(top + height, 1)))
    assert part.width_px >= min(width, 1 - left) * WIDTH_PX - 1e-6
    assert part.height_px >= min(height, 1 - top) * HEIGHT_PX - 1e-6
