"""When pictures without a clock of their own were taken: the camera's stamps, else their arrival.

Some cameras write a time beside each picture (X-Timestamp, in seconds). It is better than the
arrival, which the network jitters, as long as it runs. Once it stands, goes back, is missing or
parts from the arrivals, arrivals count for the rest of the connection, without a step. Pure.
"""

from __future__ import annotations

import re

from fairview.core.limits_http import HTTP_STAMPS_APART_US_MAX
from fairview.core.time import US_PER_SECOND

_WALL_US_MIN = 946_684_800 * US_PER_SECOND
"""2000-01-01: a smaller stamp counts from the camera's start and says no time of day."""

_SECONDS = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?\Z", re.ASCII)


class Stamps:
    """Times of pictures on one line, in microseconds since some moment."""

    def __init__(self) -> None:
        self._is_stamped = True
        self._first: tuple[int, int] | None = None
        self._last: tuple[int, int] = (0, 0)
        self._time_us = 0

    def time_us(self, stamp: str | None, arrived_us: int) -> int:
        """A picture's time. arrived_us: on a clock that never steps back."""
        stamp_us = _microseconds(stamp) if self._is_stamped else None
        if self._first is None:
            self._is_stamped = stamp_us is not None
            self._first = self._last = (stamp_us or 0, arrived_us)
            return self._time_us
        if self._is_stamped and not self._runs(stamp_us, arrived_us):
            self._is_stamped = False
        if self._is_stamped and stamp_us is not None:
            self._time_us += stamp_us - self._last[0]
        else:
            self._time_us += max(0, arrived_us - self._last[1])
        self._last = (stamp_us or 0, arrived_us)
        return self._time_us

    @property
    def wall_us(self) -> int | None:
        """What the camera's clock showed at the last picture; None while its stamps don't count,
        or count from some other moment than 1970."""
        if not self._is_stamped or self._first is None or self._last[0] < _WALL_US_MIN:
            return None
        return self._last[0]

    def _runs(self, stamp_us: int | None, arrived_us: int) -> bool:
        assert self._first is not None, "the first picture is the zero of both clocks"
        if stamp_us is None or stamp_us <= self._last[0]:
            return False
        apart = (stamp_us - self._first[0]) - (arrived_us - self._first[1])
        return abs(apart) <= HTTP_STAMPS_APART_US_MAX


def _microseconds(text: str | None) -> int | None:
    found = _SECONDS.match(text) if text else None
    if found is None:
        return None
    fraction = (found.group(2) or "")[:6].ljust(6, "0")
    return int(found.group(1)) * US_PER_SECOND + int(fraction)
