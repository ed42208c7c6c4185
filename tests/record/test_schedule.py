"""A week's hours on the clocks of a named place, summer time and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.core.errors import BadInput
from fairview.core.recording import WeekHours
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, Instant, instant
from fairview.core.week_hours import hours_text, week_hours
from fairview.record.schedule import WeekSchedule

BERLIN = "Europe/Berlin"
ZONES = ("UTC", BERLIN, "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")


def kept_h(text: str, zone: str, first: str, last: str) -> float:
    """Hours kept between two moments, minute by minute."""
    schedule = WeekSchedule(week_hours(text), zone)
    start, end = instant(first), instant(last)
    moments = range(start.us, end.us, US_PER_MINUTE)
    return sum(schedule.is_on(Instant(us)) for us in moments) / 60


@pytest.mark.parametrize(
    ("moment", "is_on"),
    [
        ("2026-05-04T05:59:59.999999Z", False),  # Monday, 07:59 in Berlin
        ("2026-05-04T06:00:00Z", True),
        ("2026-05-04T15:59:59.999999Z", True),
        ("2026-05-04T16:00:00Z", False),
        ("2026-11-02T06:30:00Z", False),  # winter: 07:30 there
        ("2026-11-02T07:00:00Z", True),
        ("2026-05-09T06:30:00Z", False),  # Saturday begins at 10
        ("2026-05-09T08:00:00Z", True),
        ("2026-05-10T10:00:00Z", False),  # Sunday
    ],
)
def test_hours_are_those_of_the_clocks_there(moment: str, is_on: bool) -> None:
    schedule = WeekSchedule(week_hours("mon-fri 08:00-18:00, sat 10:00-14:00"), BERLIN)
    assert schedule.is_on(instant(moment)) is is_on


def test_the_hour_that_spring_skips_is_not_there_to_be_kept() -> None:
    night = ("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z")
    assert kept_h("daily 01:00-04:00", BERLIN, *night) == 2
    assert kept_h("daily 02:00-03:00", BERLIN, *night) == 0


def test_the_hour_that_comes_twice_in_autumn_is_kept_twice() -> None:
    night = ("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z")
    assert kept_h("daily 01:00-04:00", BERLIN, *night) == 4
    assert kept_h("daily 02:00-03:00", BERLIN, *night) == 2


def test_a_night_reaches_into_the_next_day() -> None:
    schedule = WeekSchedule(week_hours("fri 22:00-06:00"), "UTC")
    assert schedule.is_on(instant("2026-05-01T22:00:00Z"))
    assert schedule.is_on(instant("2026-05-02T05:59:00Z"))
    assert not schedule.is_on(instant("2026-05-02T06:00:00Z"))
    assert not schedule.is_on(instant("2026-05-01T05:00:00Z"))
    assert kept_h("sun 22:00-06:00", "UTC", "2026-05-03T00:00:00Z", "2026-05-05T00:00:00Z") == 8


def test_a_whole_day_has_no_seam() -> None:
    week = ("2026-03-26T00:00:00+01:00", "2026-04-02T00:00:00+02:00")
    assert kept_h("daily 00:00-24:00", BERLIN, *week) == 7 * 24 - 1


def test_the_machines_own_zone_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    schedule = WeekSchedule(week_hours("mon 08:00-09:00"), BERLIN)
    assert schedule.is_on(instant("2026-05-04T06:30:00Z"))


@pytest.mark.parametrize("name", ["Europe/Nowhere", "Europe", "../../etc/passwd", "", "Mars/Base"])
def test_a_zone_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="time zone"):
        WeekSchedule(week_hours("daily 08:00-09:00"), name)


days = st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True).map(
    lambda found: tuple(sorted(found))
)
stretches = st.builds(
    WeekHours, days=days, from_min=st.integers(0, 1_439), to_min=st.integers(1, 1_440)
)


@given(hours=st.lists(stretches, min_size=1, max_size=6).map(tuple))
@settings(max_examples=60, deadline=None)
def test_hours_are_read_as_they_are_written(hours: tuple[WeekHours, ...]) -> None:
    assert week_hours(hours_text(hours)) == hours


@given(
    stretch=stretches,
    zone=st.sampled_from(ZONES),
    us=st.integers(946_684_800_000_000, 2_500_000_000_000_000),
)
@settings(max_examples=150, deadline=None)
def test_every_moment_of_any_zone_is_as_its_clocks_show(
    stretch: WeekHours, zone: str, us: int
) -> None:
    """Against the plain way: list the stretches of the days around, as spans of local time."""
    there = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(
        ZoneInfo(zone)
    )
    shown = there.replace(tzinfo=None)
    expected = False
    for back in (0, 1):
        midnight = shown.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back)
        if midnight.weekday() not in stretch.days:
            continue
        begin = midnight + timedelta(minutes=stretch.from_min)
        end = midnight + timedelta(minutes=stretch.to_min)
        if stretch.to_min <= stretch.from_min:
            end += timedelta(days=1)
        expected = expected or begin <= shown < end
    assert WeekSchedule((stretch,), zone).is_on(Instant(us)) is expected


@given(zone=st.sampled_from(ZONES), day=st.integers(10_957, 25_000), step=st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_what_is_asked_in_any_order_is_answered_the_same(zone: str, day: int, step: int) -> None:
    hours = week_hours("daily 07:30-17:45")
    schedule = WeekSchedule(hours, zone)
    base = day * 24 * US_PER_HOUR
    asked = [Instant(base + (7 * step * n) % 1_440 * US_PER_MINUTE) for n in range(40)]
    assert [schedule.is_on(at) for at in asked] == [
        WeekSchedule(hours, zone).is_on(at) for at in asked
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mon-fri 08:00-18:00, sat 10:00-14:00", "mon-fri 08:00-18:00, sat 10:00-14:00"),
        ("Monday, Wed 8:00 - 9:30", "mon,wed 08:00-09:30"),
        ("daily 00:00-24:00", "daily 00:00-24:00"),
        ("sat-mon 22:00-06:00", "mon,sat-sun 22:00-06:00"),
        ("mon-sun 06:00-07:00", "daily 06:00-07:00"),
    ],
)
def test_hours_as_people_write_them(text: str, said: str) -> None:
    assert hours_text(week_hours(text)) == said


@pytest.mark.parametrize(
    "text",
    ["", "mon", "08:00-09:00", "mon 8-9", "mon 25:00-26:00", "mon 08:60-09:00", "moo 08:00-09:00",
     "mon 08:00-09:00, tue", "mon 08:00-09:00; tue 08:00-09:00", "mon 08:00", "x" * 3_000,
     "mon 00:00-00:00", "daily-fri 08:00-09:00", "monkey 08:00-09:00", "mon 24:00-25:00"],
)  # fmt: skip
def test_hours_that_can_not_be_read_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        week_hours(text)
