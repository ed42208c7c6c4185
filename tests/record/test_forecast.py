from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairview.core.ids import CameraId
from fairview.core.limits_disks import FORECAST_RATE_US_MIN
from fairview.core.time import US_PER_DAY, US_PER_HOUR
from fairview.record.forecast import CameraGrowth, Forecast, forecast

GB = 1_000_000_000


def camera(
    *,
    per_day: int = 40 * GB,
    held_days: float = 1,
    retention_days: float = 30,
    keep_bytes_max: int | None = None,
    looked_us: int = US_PER_DAY,
) -> CameraGrowth:
    return CameraGrowth(
        camera=CameraId("a"),
        size_bytes=round(per_day * held_days),
        held_us=round(held_days * US_PER_DAY),
        retention_us=round(retention_days * US_PER_DAY),
        came_bytes=per_day * looked_us // US_PER_DAY,
        looked_us=looked_us,
        keep_bytes_max=keep_bytes_max,
    )


def test_a_disk_fills_at_the_rate_of_the_day() -> None:
    found = forecast([camera()] * 3, 9 * 3 * 40 * GB)
    assert found.outlook == "filling"
    assert found.full_in_us == 9 * US_PER_DAY
    assert found.in_words() == "full in 9 days at this rate"
    assert found.bytes_per_day == 120 * GB


def test_retention_reached_before_it_is_full_is_steady() -> None:
    found = forecast([camera(retention_days=3)], 100 * GB)
    assert found.outlook == "steady"
    assert found.full_in_us is None
    assert found.steady_in_us == 2 * US_PER_DAY + US_PER_HOUR
    assert found.most_bytes == round(3 * 40 * GB + 40 * GB / 24)
    assert found.in_words() == "steady: retention is reached before it is full"


def test_a_camera_at_its_size_or_age_grows_no_more() -> None:
    assert forecast([camera(keep_bytes_max=40 * GB)], GB).outlook == "steady"
    assert forecast([camera(held_days=31)], GB).outlook == "steady"
    assert forecast([camera(keep_bytes_max=80 * GB)], 30 * GB).full_in_us == 3 * US_PER_DAY // 4


def test_cameras_that_stop_growing_leave_their_rate_out() -> None:
    """The first stops after a day with 40 GB; the other goes on alone."""
    short = camera(held_days=1, retention_days=2 - 1 / 24)
    found = forecast([short, camera()], 120 * GB)
    assert found.outlook == "filling"
    assert found.full_in_us == 2 * US_PER_DAY


def test_no_room_is_full_and_a_short_look_says_nothing() -> None:
    assert forecast([camera()], 0).outlook == "full"
    assert forecast([camera()], -GB).full_in_us == 0
    early = forecast([camera(looked_us=FORECAST_RATE_US_MIN - 1)], GB)
    assert (early.outlook, early.full_in_us, early.steady_in_us) == ("unknown", None, None)
    assert forecast([], GB).outlook == "unknown"


def test_words_tell_hours_when_days_are_few() -> None:
    def words(room: int) -> str:
        return forecast([camera(per_day=24 * GB)], room).in_words()

    assert words(47 * GB) == "full in 47 hours at this rate"
    assert words(GB) == "full in an hour at this rate"
    assert words(49 * GB) == "full in 2 days at this rate"


@given(
    st.lists(
        st.tuples(st.integers(0, 100 * GB), st.floats(0, 40), st.floats(0.1, 60)),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 2_000 * GB),
)
def test_stepping_through_time_comes_to_the_same(
    rows: list[tuple[int, float, float]], room: int
) -> None:
    cameras = [camera(per_day=a, held_days=b, retention_days=c) for a, b, c in rows]
    found = forecast(cameras, room)
    step_us, grown, at_us = US_PER_HOUR, 0.0, 0
    while at_us < 70 * US_PER_DAY and grown < room:
        for one in cameras:
            grown += one.bytes_per_us * max(0, min(step_us, one.grows_us - at_us))
        at_us += step_us
    assert_alike(found, at_us if grown >= room else None, room - grown)


def assert_alike(found: Forecast, stepped_us: int | None, spare: float) -> None:
    if stepped_us is None:
        assert found.outlook == "steady" or abs(spare) < 1_000
    elif abs(spare) > 1_000:
        assert found.full_in_us is not None
        assert abs(found.full_in_us - stepped_us) <= US_PER_HOUR + 1_000
