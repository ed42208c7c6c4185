"""Camera ticks to wall-clock time: anchored well, corrected slowly, never backwards."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairview.core.time import US_PER_SECOND
from fairview.ingest.wallclock import Arrival, WallClock
from tests.builders import NOON


def arrival(media_us: int, delay_us: int = 0) -> Arrival:
    return Arrival(media_us=media_us, arrived_at=NOON.plus(media_us + delay_us))


def test_first_arrival_is_the_anchor() -> None:
    clock = WallClock([arrival(0, 30_000)])
    assert clock.at(40_000) == NOON.plus(70_000)


def test_what_came_in_a_burst_gets_earlier_times() -> None:
    # A second of queued pictures comes at once, then one at its own pace.
    queued = [arrival(at, 1_000_000 - at) for at in range(0, 1_000_001, 40_000)]
    assert WallClock(queued).at(0) == NOON


def test_jitter_does_not_show_in_the_footage() -> None:
    clock = WallClock([arrival(0)])
    for number in range(1, 1_500):
        media_us = number * 40_000
        assert (
            clock.observe(arrival(media_us, (number * 7_919) % 90_000 * (number % 25 > 0))) is None
        )
        assert clock.at(media_us) == NOON.plus(media_us)


def test_drift_of_a_bad_quartz_is_made_good() -> None:
    # The camera's clock is 200 ppm slow against ours: 0.72 s in an hour.
    clock = WallClock([arrival(0)])
    for number in range(1, 90_000):
        media_us = number * 40_000
        assert clock.observe(arrival(media_us, media_us // 5_000)) is None
    true = NOON.plus(media_us + media_us // 5_000)
    assert abs(clock.at(media_us).since(true)) < 20_000


@given(
    st.lists(st.tuples(st.integers(1, 2_000_000), st.integers(-4_000_000, 4_000_000)), max_size=200)
)
def test_time_never_goes_back_and_slews_by_a_thousandth_at_most(
    steps: list[tuple[int, int]],
) -> None:
    clock = WallClock([arrival(0)])
    media_us, before = 0, clock.at(0)
    for step_us, delay_us in steps:
        media_us += step_us
        clock.observe(arrival(media_us, delay_us))
        now = clock.at(media_us)
        assert abs(now.since(before) - step_us) <= step_us / 1_000 + 1
        assert now >= before
        before = now


def test_clock_that_was_set_is_told_apart_from_drift() -> None:
    clock = WallClock([arrival(0)])
    errors = [
        clock.observe(arrival(at, 3_600 * US_PER_SECOND * (at > 60 * US_PER_SECOND)))
        for at in range(40_000, 200 * US_PER_SECOND, 40_000)
    ]
    told = [error for error in errors if error is not None]
    assert told
    assert told[0] == 3_600 * US_PER_SECOND


def test_clock_set_back_is_told_too() -> None:
    clock = WallClock([arrival(0)])
    errors = [
        clock.observe(arrival(at, -60 * US_PER_SECOND * (at > 10 * US_PER_SECOND)))
        for at in range(40_000, 100 * US_PER_SECOND, 40_000)
    ]
    assert next(error for error in errors if error is not None) == -60 * US_PER_SECOND
