"""Who came into a room and did not leave it is still there, seen or not."""

from __future__ import annotations

import numpy as np
import pytest

from fairview.analyse.measure.measures import MeasureContext, measure
from fairview.core.sight import MOVING, PERSON, Track
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND
from fairview.core.traffic import Stay, ZoneLevel
from tests.analyse.measure.roads import Floats, looked, scene, span, straight, track, zone
from tests.builders import NOON

ROOM = zone((0, 0), (1_000, 0), (1_000, 500), (0, 500), name="room", kind="room")
SIZE = (80.0, 200.0)
COMES = straight((-60, 400), (500, 400), 100)  # 4 s
GOES = straight((500, 400), (1_060, 400), 100)
SITS = np.full((50, 2), [500.0, 400.0])


def seen(px: Floats, number: int, start_s: float, kind: int = MOVING) -> Track:
    return track(px, number=number, start_s=start_s, size_px=SIZE, kind=kind)


def stays(*tracks: Track, end_s: float = 300.0) -> tuple[Stay, ...]:
    return measure(list(tracks), scene(zones=[ROOM]), looked(end_s), MeasureContext()).stays


def is_from_to(stay: Stay, start_s: float, end_s: float) -> bool:
    start, end = (at.since(NOON) / US_PER_SECOND for at in (stay.span.start, stay.span.end))
    return abs(start - start_s) <= 0.6 and abs(end - end_s) <= 0.6


@pytest.mark.parametrize("kind", [PERSON, MOVING])
def test_who_sits_unseen_for_minutes_stays_once(kind: int) -> None:
    (stay,) = stays(seen(COMES, 1, 10.0, kind), seen(GOES, 2, 200.0, kind))
    assert is_from_to(stay, 10.0, 204.0)
    assert (stay.track, stay.is_open_start, stay.is_open_end) == (1, False, False)


def test_who_never_left_is_still_there_at_the_end() -> None:
    (stay,) = stays(seen(COMES, 1, 10.0), seen(SITS, 2, 100.0))
    assert stay.span.end == span(0.0, 300.0).end
    assert stay.is_open_end


def test_after_too_long_unseen_the_stay_ends_openly_when_last_seen() -> None:
    (stay,) = stays(seen(COMES, 1, 10.0), end_s=1_000.0)
    assert is_from_to(stay, 10.0, 14.0)
    assert stay.is_open_end


def test_what_trembles_in_an_empty_room_is_nobody() -> None:
    assert stays(seen(SITS, 1, 10.0)) == ()
    assert len(stays(seen(SITS, 1, 10.0, PERSON))) == 1


def test_what_is_left_of_somebody_who_just_went_is_nobody() -> None:
    shadow = seen(straight((700, 400), (900, 400), 25), 2, 19.0)
    (stay,) = stays(seen(np.concatenate([COMES, GOES]), 1, 10.0), shadow)
    assert is_from_to(stay, 10.0, 18.0)
    assert not stay.is_open_end


def test_one_after_the_other_are_two() -> None:
    both = (
        seen(COMES, 1, 10.0),
        seen(GOES, 2, 60.0),
        seen(COMES, 3, 100.0),
        seen(SITS, 4, 120.0),
        seen(GOES, 5, 160.0),
    )
    first, second = stays(*both)
    assert is_from_to(first, 10.0, 64.0)
    assert is_from_to(second, 100.0, 164.0)


def test_two_at_once_are_two_and_each_ends_with_its_own_leaving() -> None:
    through = np.concatenate([COMES, np.tile(SITS, (20, 1)), GOES])
    other = seen(through + np.array([0.0, 80.0]), 2, 30.0, PERSON)
    first, second = stays(seen(COMES, 1, 10.0, PERSON), other, seen(GOES, 3, 120.0, PERSON))
    assert is_from_to(first, 10.0, 124.0)
    assert is_from_to(second, 30.0, 78.0)


def test_nobody_knows_across_a_stretch_nothing_was_measurable_in() -> None:
    tracks = [seen(COMES, 1, 10.0, PERSON), seen(GOES, 2, 200.0, PERSON)]
    found = measure(
        tracks, scene(zones=[ROOM]), looked(300.0, span(50.0, 90.0)), MeasureContext()
    ).stays
    assert [one.is_open_end for one in found] == [True, False]
    assert found[0].span.end == span(0.0, 50.0).end


def test_the_room_is_occupied_while_somebody_sits_unseen() -> None:
    tracks = [seen(COMES, 1, 10.0), seen(GOES, 2, 200.0)]
    context = MeasureContext(bin_us=US_PER_MINUTE)
    levels: tuple[ZoneLevel, ...] = measure(
        tracks, scene(zones=[ROOM]), looked(300.0), context
    ).levels
    assert [one.occupancy for one in levels[1:3]] == [1.0, 1.0]
    assert levels[4].occupancy == 0.0


def test_other_zones_tell_what_was_seen() -> None:
    anywhere = zone(*ROOM.polygon_px, name="any", kind="any")
    tracks = [seen(COMES, 1, 10.0), seen(GOES, 2, 200.0)]
    found = measure(tracks, scene(zones=[anywhere]), looked(300.0), MeasureContext()).stays
    assert len(found) == 2
