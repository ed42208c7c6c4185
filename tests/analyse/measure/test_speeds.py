"""Speeds: true on the road, honest about their error, none where the ground is not known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.analyse.measure.measures import MeasureContext, measure
from fairview.analyse.measure.paths import Flags, Floats, path_of
from fairview.analyse.measure.speeds import speed_of
from fairview.core.sight import Track
from fairview.core.traffic import Speed
from tests.analyse.measure.roads import FlatGround, line, looked, scene, straight, track, zone

ROAD = FlatGround(0.1, bias=0.02)
Times = npt.NDArray[np.int64]


def speed(one: Track, ground: FlatGround = ROAD) -> float | None:
    found = speed_of(path_of([one], scene().camera), ground)
    return None if found is None else found.kmh


def test_a_steady_speed_is_found() -> None:
    # 500 px in 50 steps of 1/25 s at 0.1 m a px: 25 m/s.
    assert speed(track(straight((200, 300), (700, 300), 51))) == pytest.approx(90.0, abs=0.1)


def test_standing_is_nought_not_nothing() -> None:
    rng = np.random.default_rng(3)
    still = np.full((100, 2), [500.0, 300.0]) + rng.normal(0, 1.5, (100, 2))
    found = speed(track(still))
    assert found is not None
    assert found < 1.0


def test_cut_boxes_and_unknown_ground_are_not_measured() -> None:
    cut = track(straight((-20, 300), (30, 300), 51), size_px=(80, 50))
    assert speed(cut) is None
    seen = track(straight((200, 300), (700, 300), 51))
    assert speed(seen, FlatGround(0.1, sky_px=400.0)) is None
    assert speed(track(straight((200, 300), (300, 300), 3))) is None


def test_bias_stays_and_spread_shrinks_with_the_way() -> None:
    rng = np.random.default_rng(4)
    long = straight((100, 300), (900, 300), 201) + rng.normal(0, 1.0, (201, 2))
    camera = scene().camera
    short_speed = speed_of(path_of([track(long[:20])], camera), FlatGround(0.1))
    long_speed = speed_of(path_of([track(long)], camera), FlatGround(0.1))
    biased = speed_of(path_of([track(long)], camera), FlatGround(0.1, bias=0.05))
    assert short_speed is not None
    assert long_speed is not None
    assert biased is not None
    assert long_speed.high_kmh - long_speed.low_kmh < short_speed.high_kmh - short_speed.low_kmh
    assert biased.high_kmh - biased.kmh >= 0.05 * biased.kmh


def test_rows_for_the_track_its_lines_and_zones() -> None:
    path = np.concatenate(
        [straight((500, 450), (500, 260), 39), straight((500, 250), (500, 50), 21)]
    )
    found = measure(
        [track(path)],
        scene(
            [line((100, 350), (900, 350)), line((100, 150), (900, 150), name="east")],
            [zone((400, 300), (600, 300), (600, 420), (400, 420))],
        ),
        looked(),
        MeasureContext(ground=ROAD),
    )
    rows = {(one.place, one.place_kind): one.speed for one in found.speeds}
    assert set(rows) == {("", "track"), ("north", "line"), ("east", "line"), ("square", "zone")}
    slow, fast, inside = rows["north", "line"], rows["east", "line"], rows["square", "zone"]
    assert slow is not None
    assert fast is not None
    assert inside is not None
    assert slow.kmh == pytest.approx(45.0, abs=0.5)
    assert fast.kmh == pytest.approx(90.0, abs=0.5)
    assert inside.kmh == pytest.approx(45.0, abs=0.5)
    assert found.crossings[0].speed == slow


def test_without_a_ground_speeds_are_empty_but_every_track_has_its_row() -> None:
    found = measure(
        [track(straight((500, 450), (500, 50), 40), number=7)],
        scene(),
        looked(),
        MeasureContext(),
    )
    assert [(one.track, one.place_kind, one.speed) for one in found.speeds] == [(7, "track", None)]


class KnowingGround(FlatGround):
    """A ground that finds ways itself; keeps what it was asked with."""

    def __init__(self) -> None:
        super().__init__(0.1)
        self.asked: list[tuple[int, tuple[int, ...], int]] = []

    def way(self, at_us: Times, boxes_px: Floats, is_whole: Flags, kind: int, /) -> KnowingGround:
        self.asked.append((len(at_us), boxes_px.shape, int(is_whole.sum())))
        return self

    def speed(self, is_wanted: Flags | None = None, /) -> Speed | None:
        return Speed(kmh=12.0, low_kmh=11.0, high_kmh=13.0)


def test_a_ground_that_finds_ways_itself_is_asked_for_speeds() -> None:
    ground = KnowingGround()
    assert speed(track(straight((-20, 300), (700, 300), 51)), ground) == 12.0
    ((n, shape, whole),) = ground.asked
    assert shape == (n, 4)
    assert 0 < whole < n


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    metres_a_second=st.floats(1.0, 30.0),
    fps=st.sampled_from([5.0, 10.0, 25.0]),
    jitter_px=st.floats(0.0, 2.0),
)
def test_jitter_neither_adds_to_speed_nor_hides_it(
    seed: int, metres_a_second: float, fps: float, jitter_px: float
) -> None:
    seconds = min(10.0, 70.0 / metres_a_second)
    n = max(6, int(seconds * fps))
    xs = 120 + 10 * metres_a_second * np.arange(n) / fps
    path = np.column_stack([xs, np.full(n, 300.0)])
    noise = np.random.default_rng(seed).normal(0, jitter_px, path.shape)
    camera = scene().camera
    found = speed_of(path_of([track(path + noise, fps=fps)], camera), FlatGround(0.1))
    assert found is not None
    within = 4 * max(0.3, (found.high_kmh - found.low_kmh) / 4)
    assert found.kmh == pytest.approx(metres_a_second * 3.6, abs=within)
