"""Who passes a line, which way, when; and who does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.analyse.measure.crossings import passages
from fairview.analyse.measure.measures import MeasureContext, measure
from fairview.analyse.measure.paths import path_of
from fairview.core.scene import Line
from fairview.core.sight import Track
from tests.analyse.measure.roads import Floats, line, looked, scene, straight, track
from tests.builders import NOON

ACROSS = line((100, 250), (900, 250))


def ways(one: Track, over: Line = ACROSS) -> list[str]:
    return [found.direction for found in passages(path_of([one], scene().camera), over)]


def counted(tracks: list[Track], over: Line = ACROSS) -> list[str]:
    found = measure(tracks, scene([over]), looked(), MeasureContext())
    return [one.direction for one in found.crossings]


def test_upwards_over_a_line_drawn_left_to_right_is_forward() -> None:
    assert ways(track(straight((500, 400), (500, 100), 50))) == ["forward"]
    assert ways(track(straight((500, 100), (500, 400), 50))) == ["backward"]
    turned = line((900, 250), (100, 250))
    assert ways(track(straight((500, 400), (500, 100), 50)), turned) == ["backward"]


def test_the_time_lies_between_the_pictures() -> None:
    way = track([(500, 310 - 50 * k) for k in range(5)], fps=5)
    (found,) = passages(path_of([way], scene().camera), ACROSS)
    assert found.at.since(NOON) == pytest.approx(1.2 * 200_000, abs=100)
    assert found.px == pytest.approx((500, 250), abs=0.01)


def test_passing_beside_the_line_is_none() -> None:
    assert ways(track(straight((950, 400), (950, 100), 50))) == []
    assert ways(track(straight((60, 400), (60, 100), 50))) == []


def test_a_line_of_several_pieces_is_one_line() -> None:
    roof = line((100, 250), (500, 150), (900, 250))
    assert ways(track(straight((500, 400), (500, 60), 60)), roof) == ["forward"]
    along = track(straight((100, 200), (900, 200), 100))
    assert ways(along, roof) == ["backward", "forward"] or ways(along, roof) == [
        "forward",
        "backward",
    ]


def test_a_path_through_a_corner_point_counts_once() -> None:
    for middle in (249.0, 250.0, 251.0):
        bent = line((100, 250), (500, middle), (900, 250))
        assert ways(track(straight((500, 400), (500, 100), 31)), bent) == ["forward"]


def test_standing_on_the_line_and_jitter_count_once() -> None:
    rng = np.random.default_rng(5)
    stop = np.concatenate(
        [
            straight((500, 400), (500, 251), 40),
            np.full((300, 2), [500.0, 250.0]),
            straight((500, 249), (500, 100), 40),
        ]
    )
    assert ways(track(stop + rng.normal(0, 2.0, stop.shape))) == ["forward"]


def test_who_stands_on_the_line_and_never_passes_is_none() -> None:
    rng = np.random.default_rng(6)
    stand = np.full((500, 2), [500.0, 250.0]) + rng.normal(0, 2.0, (500, 2))
    assert ways(track(stand)) == []


def test_who_creeps_over_and_goes_back_is_none() -> None:
    creep = np.concatenate(
        [straight((500, 400), (500, 240), 50), straight((500, 240), (500, 400), 50)]
    )
    assert ways(track(creep)) == []


def test_who_touches_the_line_is_none() -> None:
    touch = np.concatenate(
        [straight((500, 400), (500, 250), 50), straight((500, 250), (500, 400), 50)]
    )
    assert ways(track(touch)) == []


def test_a_turn_back_counts_once_each_way() -> None:
    turn = np.concatenate(
        [straight((400, 400), (400, 150), 50), straight((500, 150), (500, 400), 50)]
    )
    assert ways(track(turn)) == ["forward", "backward"]


def test_going_round_twice_counts_once() -> None:
    angle = np.linspace(0, 4 * np.pi, 200)
    ring = np.column_stack([900 + 80 * np.cos(angle), 250 + 120 * np.sin(angle)])
    found = ways(track(ring, size_px=(30, 20)))
    assert len(found) == 1


def test_a_low_line_is_passed_by_who_leaves_over_the_lower_edge() -> None:
    low = line((100, 485), (900, 485))
    out = track(straight((500, 300), (500, 620), 50), size_px=(120, 110))
    assert ways(out, low) == ["backward"]
    into = track(straight((500, 620), (500, 300), 50), size_px=(120, 110))
    assert ways(into, low) == ["forward"]


def test_a_vehicle_longer_than_the_way_to_the_edge_passes_when_its_middle_does() -> None:
    upright = line((60, 50), (60, 480))
    lorry = track(straight((700, 300), (-150, 300), 86), size_px=(300, 100))
    (found,) = passages(path_of([lorry], scene().camera), upright)
    assert found.direction == "backward"
    assert found.at.since(NOON) / 40_000 == pytest.approx(64, abs=2)
    back = track(straight((-150, 300), (700, 300), 86), size_px=(300, 100))
    (entered,) = passages(path_of([back], scene().camera), upright)
    assert entered.direction == "forward"
    assert entered.at.since(NOON) / 40_000 == pytest.approx(21, abs=2)


def test_who_is_cut_at_a_side_but_stays_short_of_the_line_is_none() -> None:
    upright = line((60, 50), (60, 480))
    inward = track(straight((1100, 300), (80, 300), 60), size_px=(300, 100))
    assert ways(inward, upright) == []


def test_a_late_detector_does_not_lose_who_is_plainly_on_the_move() -> None:
    assert ways(track(straight((500, 246), (500, 100), 30))) == ["forward"]
    assert ways(track(straight((500, 400), (500, 254), 30))) == ["forward"]


def test_who_starts_from_rest_just_past_the_line_is_none() -> None:
    parked = np.concatenate(
        [np.full((50, 2), [500.0, 246.0]), straight((500, 246), (500, 100), 30)]
    )
    assert ways(track(parked)) == []


def test_who_passed_before_the_first_picture_is_none() -> None:
    late = track(straight((500, 246), (500, 100), 30))
    at_start = replace(late, at_us=late.at_us - late.at_us[0])
    assert ways(late) == ["forward"]
    assert ways(at_start) == []


def test_who_appears_well_past_the_line_is_none() -> None:
    assert ways(track(straight((500, 200), (500, 100), 30))) == []


def test_two_pieces_of_one_way_count_once_at_the_line() -> None:
    whole = straight((500, 400), (500, 100), 61)
    first = track(whole[:29], number=1)
    second = track(whole[36:], number=2, start_s=36 / 25)
    assert counted([first, second]) == ["forward"]


def test_two_tracks_of_one_road_user_count_once() -> None:
    whole = straight((500, 400), (500, 100), 61)
    double = track(whole + np.array([4.0, 3.0]), number=2, size_px=(86, 55))
    assert counted([track(whole, number=1), double]) == ["forward"]


def test_two_side_by_side_count_twice() -> None:
    whole = straight((500, 400), (500, 100), 61)
    assert (
        counted([track(whole, number=1), track(whole + np.array([70.0, 0.0]), number=2)])
        == ["forward"] * 2
    )


def test_a_track_that_jumps_to_another_road_user_does_not_count_the_jump() -> None:
    standing = np.full((40, 2), [300.0, 400.0])
    other = straight((650, 120), (650, 60), 30)
    assert counted([as_one(track(standing), track(other, start_s=2.6))]) == []


def test_a_track_that_goes_over_from_who_leaves_to_who_enters_counts_neither_way() -> None:
    """Off the lower edge and, a few pictures later, in at the right: two road users."""
    upright = line((900, 490), (900, 200))
    leaving = track(straight((600, 430), (840, 560), 30), size_px=(260, 160))
    entering = track(straight((1_010, 420), (800, 380), 30), size_px=(120, 100), start_s=1.4)
    assert counted([as_one(leaving, entering)], upright) == ["forward"]


def as_one(before: Track, after: Track) -> Track:
    """Two road users' points in one track, as a tracker that went astray gives them."""
    return Track(
        camera=before.camera,
        id=1,
        kind=before.kind,
        kind_share=1.0,
        frames=np.concatenate([before.frames, after.frames]),
        at_us=np.concatenate([before.at_us, after.at_us]),
        boxes_unit=np.concatenate([before.boxes_unit, after.boxes_unit]),
        scores=np.concatenate([before.scores, after.scores]),
        is_seen=np.concatenate([before.is_seen, after.is_seen]),
    )


@settings(deadline=None)
@given(
    angle=st.floats(0.0, 2 * np.pi),
    turn=st.floats(0.35, np.pi - 0.35),
    fps=st.sampled_from([5.0, 12.5, 25.0, 50.0]),
    jitter_px=st.floats(0.0, 2.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_whoever_goes_through_counts_once_in_the_way_of_the_sides(
    angle: float, turn: float, fps: float, jitter_px: float, seed: int
) -> None:
    """Any line, any direction of travel across it, any picture rate, some jitter."""
    middle = np.array([500.0, 270.0])
    along = np.array([np.cos(angle), np.sin(angle)])
    travel = np.array([np.cos(angle + turn), np.sin(angle + turn)])
    over = line(tuple(middle - 150 * along), tuple(middle + 150 * along))
    path = straight(tuple(middle - 170 * travel), tuple(middle + 170 * travel), round(3 * fps) + 1)
    noise: Floats = np.random.default_rng(seed).normal(0, jitter_px, path.shape)
    # travel lies clockwise of the line on the screen: from s < 0 to s > 0.
    assert ways(track(path + noise, fps=fps, size_px=(60, 40)), over) == ["backward"]
    assert ways(track((path + noise)[::-1], fps=fps, size_px=(60, 40)), over) == ["forward"]


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    x=st.floats(200, 800),
    y=st.floats(120, 400),
    jitter_px=st.floats(0.0, 4.0),
)
def test_whoever_stands_still_never_counts(seed: int, x: float, y: float, jitter_px: float) -> None:
    over = line((x - 100, y), (x + 100, y))
    rng = np.random.default_rng(seed)
    stand = np.array([x, y]) + rng.normal(0, jitter_px, (200, 2))
    assert ways(track(stand, size_px=(90, 80)), over) == []
