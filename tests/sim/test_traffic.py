"""Movement: the same for one seed, nobody through a red light, nobody through anybody."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from fairview.sim.junction import (
    CROSSINGS,
    FPS,
    GREEN_S,
    LOOP_S,
    MAIN_KERB_M,
    MAIN_STOP_M,
    SIDE_KERB_M,
    SIDE_STOP_M,
    Group,
    paths,
    signal,
    signals,
)
from fairview.sim.traffic import SIZES_M, Mover, Traffic, traffic
from fairview.sim.view import Floats


@pytest.fixture(scope="module", params=[7, 3])
def movement(request: pytest.FixtureRequest) -> Traffic:
    return traffic(int(request.param))


def _steps(movement: Traffic) -> Iterator[tuple[int, Mover, Mover]]:
    """Everybody's step from each frame to the next, also over the loop's seam."""
    for frame in range(len(movement.frames)):
        after = {one.number: one for one in movement.frames[(frame + 1) % len(movement.frames)]}
        is_last = frame == len(movement.frames) - 1
        for one in movement.frames[frame]:
            number = movement.follows.get(one.number) if is_last else one.number
            if number in after:
                yield frame, one, after[number]


def _corners(mover: Mover, slim: float = 0.0) -> Floats:
    long, wide, _ = SIZES_M[mover.kind]
    ahead = np.array((math.cos(mover.heading), math.sin(mover.heading))) * (long / 2 - slim)
    left = np.array((-math.sin(mover.heading), math.cos(mover.heading))) * (wide / 2 - slim)
    middle = np.array((mover.x_m, mover.y_m))
    return np.stack(
        [
            middle + ahead + left,
            middle + ahead - left,
            middle - ahead - left,
            middle - ahead + left,
        ]
    )


def _overlap(a: Floats, b: Floats) -> bool:
    """Whether two convex four-sided shapes share a point (separating axes)."""
    for shape in (a, b):
        for index in range(2):
            edge = shape[index + 1] - shape[index]
            axis = np.array((-edge[1], edge[0]))
            on_a, on_b = a @ axis, b @ axis
            if on_a.max() < on_b.min() or on_b.max() < on_a.min():
                return False
    return True


def test_same_seed_moves_the_same_and_another_seed_does_not(movement: Traffic) -> None:
    again = traffic(7)
    other = traffic(3)
    assert movement in (again, other)
    assert again != other


def test_loop_joins_its_own_beginning(movement: Traffic) -> None:
    assert movement.seam_m < 0.001
    for _, before, after in _steps(movement):
        step = math.hypot(after.x_m - before.x_m, after.y_m - before.y_m)
        assert step <= (max(before.speed, after.speed) + 2.0) / FPS


def test_no_vehicle_overlaps_anybody(movement: Traffic) -> None:
    for frame in movement.frames:
        shapes = [_corners(mover) for mover in frame]
        for i, one in enumerate(frame):
            for j in range(i):
                two = frame[j]
                if one.kind == two.kind == "person":
                    continue
                if math.hypot(one.x_m - two.x_m, one.y_m - two.y_m) < 12.0:
                    assert not _overlap(shapes[i], shapes[j]), (one, two)


def test_people_on_foot_keep_half_a_metre_apart(movement: Traffic) -> None:
    for frame in movement.frames:
        people = np.array([(one.x_m, one.y_m) for one in frame if one.kind == "person"])
        away = np.hypot(*(people[:, None] - people[None]).transpose(2, 0, 1))
        assert (away + np.eye(len(people)) * 9 > 0.5).all()


def test_no_vehicle_crosses_a_stop_line_on_red(movement: Traffic) -> None:
    crossed = 0
    for frame, before, after in _steps(movement):
        if before.kind == "person":
            continue
        for turned in (0, 1, 2, 3):
            found = _crossing_group(before, after, turned)
            if found is not None:
                crossed += 1
                assert signal(found, (frame + 1) / FPS) != "red", (frame, after)
    assert crossed > 30


def _crossing_group(before: Mover, after: Mover, quarter_turns: int) -> Group | None:
    """The signal group whose stop line a front passes between two frames, on one arm."""
    angle = quarter_turns * math.pi / 2
    stop = MAIN_STOP_M if quarter_turns % 2 == 0 else SIDE_STOP_M
    fronts = []
    for mover in (before, after):
        half = SIZES_M[mover.kind][0] / 2
        x = mover.x_m + half * math.cos(mover.heading)
        y = mover.y_m + half * math.sin(mover.heading)
        fronts.append(
            (x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle))
        )
    (x0, _), (x1, y1) = fronts
    heading = (after.heading - angle + math.pi) % (2 * math.pi) - math.pi
    # A vehicle coming in drives towards the middle on the right half (y < 1.65 on the turn lane).
    if abs(heading) > 0.3 or not x0 <= -stop < x1 or y1 > 1.0:
        return None
    if quarter_turns % 2 == 1:
        return "side"
    return "turn" if y1 > -1.65 else "main"


def test_people_step_onto_a_crossing_only_while_the_green_man_shows(movement: Traffic) -> None:
    entered = 0
    for frame, before, after in _steps(movement):
        if before.kind == "person" and not _is_on_road(before) and _is_on_road(after):
            group: Group = "walk_main" if abs(after.x_m) > SIDE_KERB_M + 2 else "walk_side"
            second = (frame + 1) / FPS
            assert signal(group, second) == "green", (second, after)
            entered += 1
    assert entered >= 8


def test_people_are_across_before_vehicles_start(movement: Traffic) -> None:
    starts: dict[Group, float] = {"walk_main": GREEN_S["main"][0], "walk_side": GREEN_S["turn"][0]}
    for group, second in starts.items():
        for mover in movement.frames[round(second % LOOP_S * FPS)]:
            if mover.kind == "person" and _is_on_road(mover):
                is_main = abs(mover.x_m) > SIDE_KERB_M + 2
                assert is_main != (group == "walk_main"), mover


def _is_on_road(mover: Mover) -> bool:
    """On the carriageway, well inside the kerb."""
    return abs(mover.y_m) < MAIN_KERB_M - 0.05 or abs(mover.x_m) < SIDE_KERB_M - 0.05


def test_every_kind_of_mover_takes_part(movement: Traffic) -> None:
    kinds = {mover.kind for frame in movement.frames for mover in frame}
    assert {"person", "bicycle", "car", "van", "bus", "truck"} == kinds


def test_every_way_is_sampled_evenly_and_passes_its_stop_line() -> None:
    for path in paths().values():
        steps = np.hypot(*np.diff(path.points_m, axis=0).T)
        assert np.allclose(steps, 0.25, atol=0.01)
        assert 0 < path.stop_m < path.leave_m < path.length_m


def test_conflicting_groups_are_never_green_together() -> None:
    for second in np.arange(0, LOOP_S, 0.1):
        shown = [group for group in ("main", "turn", "side") if signal(group, second) != "red"]
        assert len(shown) <= 1
    assert set(signals(0.0).values()) == {"green", "red"}


def test_crossings_span_the_carriageway() -> None:
    for crossing in CROSSINGS.values():
        gap = math.dist(crossing.near_m, crossing.far_m)
        assert gap == pytest.approx(2 * MAIN_KERB_M) or gap == pytest.approx(2 * SIDE_KERB_M)


def test_nobody_stands_inside_the_loop_for_ever(movement: Traffic) -> None:
    travelled: dict[int, list[float]] = {}
    for frame in movement.frames:
        for mover in frame:
            travelled.setdefault(mover.number, []).append(mover.travelled_m)
    assert all(b >= a for path in travelled.values() for a, b in pairwise(path))
    assert all(path[-1] - path[0] > 5 for path in travelled.values() if len(path) > 45 * FPS)
