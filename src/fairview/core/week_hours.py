"""The hours of a week as people write them: `mon-fri 08:00-18:00, sat 10:00-14:00`."""

from __future__ import annotations

import re
from itertools import groupby

from fairview.core.errors import BadInput
from fairview.core.recording import DAY_MINUTES, WeekHours

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_STRETCH = re.compile(r"(?P<days>[a-z ,-]+?)\s+(?P<hours>\d{1,2}:\d\d\s*-\s*\d{1,2}:\d\d)\Z")
_TEXT_MAX = 2_000


def week_hours(text: str) -> tuple[WeekHours, ...]:
    """Stretches of hours from their text; `daily` is every day, 22:00-06:00 reaches into the next.

    Errors:  BadInput that names the part that can't be read.
    """
    if len(text) > _TEXT_MAX:
        raise BadInput(f"hours are written in at most {_TEXT_MAX} characters")
    made = []
    days = ""
    for part in (one.strip().lower() for one in text.split(",")):
        # A comma stands between stretches, and between days of one: "mon, wed 08:00-10:00".
        days = f"{days},{part}" if days else part
        if ":" in part:
            made.append(_stretch(days))
            days = ""
    if days or not made:
        raise BadInput(
            f"{days or text!r} has no hours: write them like mon-fri 08:00-18:00, sat 10:00-14:00"
        )
    return tuple(made)


def hours_text(hours: tuple[WeekHours, ...]) -> str:
    """The stretches as `week_hours` reads them."""
    return ", ".join(
        f"{_days_text(one.days)} {_clock(one.from_min)}-{_clock(one.to_min)}" for one in hours
    )


def _stretch(text: str) -> WeekHours:
    found = _STRETCH.match(text)
    if found is None:
        raise BadInput(f"{text!r} is no stretch of hours: write it like mon-fri 08:00-18:00")
    begin, _, end = found["hours"].partition("-")
    return WeekHours(days=_days(found["days"]), from_min=_minute(begin), to_min=_minute(end))


def _days(text: str) -> tuple[int, ...]:
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = (one.strip() for one in part.partition("-"))
        if first == "daily" and not dash:
            days |= set(range(7))
            continue
        begin = _day(first)
        end = _day(last) if dash else begin
        # sat-mon goes over the end of the week.
        days |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return tuple(sorted(days))


def _day(text: str) -> int:
    if text[:3] not in DAYS or not _is_day(text):
        raise BadInput(f"{text!r} is no day: use {', '.join(DAYS)}, or daily")
    return DAYS.index(text[:3])


def _is_day(text: str) -> bool:
    whole = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return text in DAYS or text in whole


def _minute(text: str) -> int:
    hour, _, minute = text.strip().partition(":")
    number = int(hour) * 60 + int(minute)
    if int(minute) > 59 or number > DAY_MINUTES:
        raise BadInput(f"{text.strip()} is no time of day: use 00:00 to 24:00")
    return number


def _days_text(days: tuple[int, ...]) -> str:
    if len(set(days)) == 7:
        return "daily"
    texts = []
    # Days in a row share their distance from a plain count.
    for _, run in groupby(enumerate(sorted(set(days))), key=lambda one: one[1] - one[0]):
        row = [day for _, day in run]
        texts.append(DAYS[row[0]] if len(row) == 1 else f"{DAYS[row[0]]}-{DAYS[row[-1]]}")
    return ",".join(texts)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
