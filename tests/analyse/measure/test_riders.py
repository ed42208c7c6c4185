"""A rider and its two-wheeler are one road user; two who are merely near are two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairview.analyse.measure.measurer import Measurer
from fairview.analyse.measure.measures import MeasureContext, Measures, measure
from fairview.core.sight import BICYCLE, CAR, KINDS, MOTORCYCLE, PERSON, Track
from tests.analyse.measure.roads import (
    Floats,
    at,
    line,
    looked,
    scene,
    span,
    straight,
    track,
    zone,
)

ACROSS = line((500, 0), (500, 499))
SQUARE = zone((400, 10), (600, 10), (600, 490), (400, 490))
FAST = straight((100, 300), (900, 300), 76)  # 3 s: 267 px/s, 2.7 heights of 100 px a second
WALK = straight((300, 300), (700, 300), 126)  # 5 s: 80 px/s, 0.8 heights a second
PERSON_PX, BICYCLE_PX = (40.0, 100.0), (100.0, 60.0)
FEET = np.array([0.0, -18.0])


def person(px: Floats, number: int = 1, start_s: float = 0.0) -> Track:
    return track(px, number=number, size_px=PERSON_PX, start_s=start_s, kind=PERSON)


def bicycle(px: Floats, number: int = 2, start_s: float = 0.0, kind: int = BICYCLE) -> Track:
    return track(px, number=number, size_px=BICYCLE_PX, start_s=start_s, kind=kind)


def measured(*tracks: Track) -> Measures:
    return measure(list(tracks), scene([ACROSS], [SQUARE]), looked(), MeasureContext())


def passers(found: Measures) -> list[tuple[str, int]]:
    return [(KINDS[one.kind], one.track) for one in found.crossings]


@pytest.mark.parametrize("kind", [BICYCLE, MOTORCYCLE])
def test_a_rider_is_counted_once_as_what_it_rides(kind: int) -> None:
    found = measured(person(FAST + FEET), bicycle(FAST, kind=kind))
    assert passers(found) == [(KINDS[kind], 2)]
    assert [(one.kind, one.track) for one in found.stays] == [(kind, 2)]
    counted = [(KINDS[one.kind], one.n) for one in found.counts if one.direction == "forward"]
    assert counted == [("person", 0), (KINDS[kind], 1)]
    rows = [(one.track, one.place_kind) for one in found.speeds]
    assert rows == [(1, "track"), (2, "track"), (2, "zone"), (2, "line")]
    assert found.beside == (1,)


def test_the_occupancy_of_a_rider_is_one() -> None:
    both = measured(person(FAST + FEET), bicycle(FAST))
    alone = measured(bicycle(FAST))
    assert both.levels[0].occupancy == pytest.approx(alone.levels[0].occupancy, rel=0.02)


def test_who_pushes_a_bicycle_is_counted_once_on_foot() -> None:
    beside = WALK + np.array([25.0, 1.0])
    assert passers(measured(person(WALK), bicycle(beside))) == [("person", 1)]


def test_a_slow_rider_with_feet_on_the_pedals_rides() -> None:
    assert passers(measured(person(WALK + FEET), bicycle(WALK))) == [("bicycle", 2)]


def test_a_rider_whose_bicycle_is_lost_before_the_line_is_still_the_bicycle() -> None:
    found = measured(person(FAST + FEET), bicycle(FAST[:30]))
    assert passers(found) == [("bicycle", 2)]
    only = measured(bicycle(FAST))
    assert found.crossings[0].at.since(only.crossings[0].at) == pytest.approx(0, abs=20_000)


def test_pieces_of_a_bicycle_under_one_rider_are_one_road_user() -> None:
    pieces = bicycle(FAST[:35]), bicycle(FAST[55:], number=3, start_s=55 / 25)
    assert len(passers(measured(person(FAST + FEET), *pieces))) == 1


def test_two_on_a_motorcycle_are_one_vehicle() -> None:
    tracks = person(FAST + FEET), person(FAST + FEET - np.array([14, 6]), number=3)
    found = measured(*tracks, bicycle(FAST, kind=MOTORCYCLE))
    assert passers(found) == [("motorcycle", 2)]


def test_who_gets_off_and_walks_on_is_a_person_again() -> None:
    ride = straight((100, 300), (400, 300), 31)
    stand = np.full((250, 2), [400.0, 300.0])
    walk = straight((400, 300), (700, 300), 100)
    whole = person(np.concatenate([ride + FEET, stand + FEET, walk]))
    assert passers(measured(whole, bicycle(ride))) == [("person", 1)]


def test_a_walker_beside_somebody_elses_bicycle_is_counted() -> None:
    """They go up the picture side by side, seen from behind: narrow boxes, half a metre apart."""
    up = straight((450, 450), (450, 150), 100)
    flat = line((100, 300), (900, 300))
    tracks = [
        track(up - np.array([0, 10]), number=1, size_px=(40, 100), kind=PERSON),
        track(up, number=2, size_px=(36, 60), kind=BICYCLE),
        track(up + np.array([40, 3]), number=3, size_px=(40, 100), kind=PERSON),
    ]
    found = measure(tracks, scene([flat]), looked(), MeasureContext())
    assert sorted(passers(found)) == [("bicycle", 2), ("person", 3)]


def test_two_cyclists_side_by_side_are_two() -> None:
    near, far = FAST + np.array([0, 60]), FAST - np.array([10, 0])
    found = measured(
        person(near + FEET, 1), bicycle(near, 2), person(far + FEET, 3), bicycle(far, 4)
    )
    assert sorted(passers(found)) == [("bicycle", 2), ("bicycle", 4)]


def test_a_cyclist_who_overtakes_a_walker_leaves_it_counted() -> None:
    found = measured(person(WALK + np.array([0, 25]), 1), bicycle(FAST, 2, start_s=0.6))
    assert sorted(passers(found)) == [("bicycle", 2), ("person", 1)]


def test_a_walker_who_passes_a_parked_bicycle_is_a_person() -> None:
    found = measured(person(WALK), bicycle(np.full((126, 2), [520.0, 300.0])))
    assert passers(found) == [("person", 1)]
    assert sorted(one.track for one in found.stays) == [1, 2]


def test_who_stands_by_a_parked_bicycle_stays_beside_it() -> None:
    here = np.full((126, 2), [520.0, 300.0])
    found = measured(person(here), bicycle(here))
    assert sorted(one.track for one in found.stays) == [1, 2]


def test_a_driver_found_in_a_car_is_the_car() -> None:
    one = replace(bicycle(FAST), kind=CAR)
    assert passers(measured(person(FAST + FEET), one)) == [("car", 2)]


def test_a_rider_is_one_also_when_tracks_come_one_by_one() -> None:
    tracks = [person(FAST + FEET), bicycle(FAST[:40]), person(WALK, 3, start_s=10.0)]
    whole = measured(*tracks)
    live = Measurer(scene([ACROSS], [SQUARE]), MeasureContext(start=at(0.0)))
    live.watched(span(0.0, 60.0))
    for one in tracks[:2]:
        live.add(one)
    parts = [live.ready(at(9.9))]
    live.add(tracks[2])
    parts += [live.ready(at(40.0)), live.rest()]
    assert tuple(one for part in parts for one in part.crossings) == whole.crossings
    assert sum(len(part.speeds) for part in parts) == len(whole.speeds)
