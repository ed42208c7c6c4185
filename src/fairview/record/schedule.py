"""Whether a moment lies within a week's hours on the clocks of a named place. Pure but for the
machine's tables of time zones; the machine's own zone is never asked.

What counts is what the clocks there show. In the hour that is skipped in spring nothing can lie;
the hour that comes twice in autumn is kept twice.

Source:  IANA time zone database, through `zoneinfo`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from fairview.core.errors import BadInput
from fairview.core.recording import WeekHours
from fairview.core.time import US_PER_MINUTE, Instant


def zone_named(name: str) -> ZoneInfo:
    """Errors:  BadInput for a zone that this machine's tables don't have."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        # A missing table is a KeyError; a folder of tables ("Europe") an OSError.
        raise BadInput(
            f"there is no time zone {name!r} here: use a name such as Europe/Berlin, and look "
            "whether the machine has its tables (on Debian the package tzdata)"
        ) from error


class WeekSchedule:
    """Used by one thread.

    Cost:    3 us for the first moment of a minute, 0.1 for further ones of it.
    """

    def __init__(self, hours: tuple[WeekHours, ...], zone: str) -> None:
        """Errors:  BadInput for an unknown zone."""
        self._hours = hours
        self._zone = zone_named(zone)
        self._minute = -1
        self._is_on = False

    def is_on(self, at: Instant) -> bool:
        """Zones stand whole minutes off UTC, so that nothing changes within a minute of it."""
        minute = at.us // US_PER_MINUTE
        if minute != self._minute:
            self._minute, self._is_on = minute, self._look(minute)
        return self._is_on

    def _look(self, minute: int) -> bool:
        utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
        there = utc.astimezone(self._zone)
        day, now = there.weekday(), 60 * there.hour + there.minute
        return any(_holds(one, day, now) for one in self._hours)


def _holds(hours: WeekHours, day: int, minute: int) -> bool:
    if hours.from_min < hours.to_min:
        return day in hours.days and hours.from_min <= minute < hours.to_min
    if day in hours.days and minute >= hours.from_min:
        return True
    return (day - 1) % 7 in hours.days and minute < hours.to_min
