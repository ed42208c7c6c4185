"""Stays in zones, how full they are, and queues."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.analyse.measure.measures import MeasureContext, Measures, measure
from fairview.analyse.measure.zones import inside
from fairview.core.scene import Zone
from fairview.core.sight import PERSON, Track
from fairview.core.time import US_PER_MINUTE
from tests.analyse.measure.roads import FlatGround, looked, scene, span, straight, track, zone

SQUARE = zone((400, 200), (600, 200), (600, 400), (400, 400))
WHOLE = zone((0, 0), (1_000, 0), (1_000, 500), (0, 500), name="all", kind="room")


def measured(tracks: list[Track], *zones: Zone, ground: FlatGround | None = None) -> Measures:
    context = MeasureContext(bin_us=US_PER_MINUTE, ground=ground)
    return measure(tracks, scene(zones=zones), looked(60.0), context)


def walk(*legs: tuple[tuple[float, float], tuple[float, float], float]) -> np.ndarray:
    """Straight legs, each so many seconds long, at 25 points a second."""
    return np.concatenate([straight(a, b, round(25 * seconds)) for a, b, seconds in legs])


def test_a_stay_begins_and_ends_at_the_rim() -> None:
    through = track(walk(((300, 300), (700, 300), 4.0)), start_s=10.0)
    (stay,) = measured([through], SQUARE).stays
    assert stay.span.start.us == pytest.approx(span(11.0, 12.0).start.us, abs=60_000)
    assert stay.span.duration_us == pytest.approx(2_000_000, abs=60_000)
    assert (stay.is_open_start, stay.is_open_end) == (False, False)


def test_a_short_step_out_does_not_end_a_stay() -> None:
    legs = (
        ((500, 300), (590, 300), 4.0),
        ((610, 300), (610, 300), 0.8),
        ((590, 300), (500, 300), 4.0),
    )
    assert len(measured([track(walk(*legs), start_s=5.0)], SQUARE).stays) == 1
    long = (legs[0], ((650, 300), (650, 300), 3.0), legs[2])
    assert len(measured([track(walk(*long), start_s=5.0)], SQUARE).stays) == 2


def test_brushing_a_corner_is_no_stay() -> None:
    brush = track(walk(((380, 230), (430, 180), 1.0)), start_s=5.0)
    assert measured([brush], SQUARE).stays == ()


def test_a_stay_broken_by_the_tracker_is_one() -> None:
    sitting = np.full((500, 2), [500.0, 300.0])
    pieces = [track(sitting[:250], start_s=5.0), track(sitting[:200], number=2, start_s=17.0)]
    (stay,) = measured(pieces, SQUARE).stays
    assert stay.span.duration_us == pytest.approx(20_000_000, abs=100_000)


def test_who_is_there_at_the_edges_of_looking_stays_openly() -> None:
    there = track(np.full((1_500, 2), [500.0, 300.0]))
    (stay,) = measured([there], SQUARE).stays
    assert (stay.is_open_start, stay.is_open_end) == (True, True)


def test_a_person_cut_by_the_lower_edge_is_in_a_zone_that_reaches_there() -> None:
    near = track(np.full((100, 2), [500.0, 560.0]), size_px=(120, 300), kind=PERSON, start_s=20.0)
    assert [one.zone for one in measured([near], WHOLE).stays] == ["all"]


def test_occupancy_is_time_with_anyone_and_road_users_times_time() -> None:
    still = np.full((750, 2), [500.0, 300.0])
    both = [track(still), track(still + np.array([60.0, 60.0]), number=2, start_s=15.0)]
    (level,) = measured(both, SQUARE).levels
    assert level.occupancy == pytest.approx(1.0, abs=0.01)
    assert level.occupied_frac == pytest.approx(0.75, abs=0.01)
    assert level.queue_max is None


def test_a_queue_is_who_stands_at_once_and_its_length_on_the_ground() -> None:
    lane = zone((400, 50), (600, 50), (600, 480), (400, 480), name="lane-1", kind="lane")
    standing = [
        track(np.full((500, 2), [500.0, y]), number=k, start_s=2.0 * k)
        for k, y in enumerate((150.0, 250.0, 350.0), 1)
    ]
    driving = track(walk(((500, 480), (500, 100), 2.0)), number=9, start_s=12.0)
    (level,) = measured([*standing, driving], lane, ground=FlatGround(0.1)).levels
    assert level.queue_max == 3
    assert level.queue_m_max == pytest.approx(20.0, abs=0.1)


@given(st.floats(0, 1_000), st.floats(0, 500))
def test_inside_agrees_with_the_plain_answer_for_a_box(x: float, y: float) -> None:
    (found,) = inside(np.array([[x, y]]), SQUARE.polygon_px)
    plainly_in = 400 < x < 600 and 200 < y < 400
    plainly_out = not (400 <= x <= 600 and 200 <= y <= 400)
    if plainly_in or plainly_out:
        assert bool(found) == plainly_in
