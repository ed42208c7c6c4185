"""When disks are full, from how fast footage really comes and how long it stays. Pure.

Footage of a camera grows until its oldest is as old as its retention (or it is as large as it may
be); from then on as much dies as comes. So a disk fills for a while, and then stays as it is, or
is full before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fairview.core.ids import CameraId
from fairview.core.limits_disks import FORECAST_RATE_US_MIN
from fairview.core.time import US_PER_DAY, US_PER_HOUR

Outlook = Literal["steady", "filling", "full", "unknown"]
"""steady: retention is reached before the disk is full. filling: the disk is full first, and then
the oldest hours die before their time. full: that is so now. unknown: too little was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraGrowth:
    """One camera's footage: how much there is, over what time, and how fast it comes.

    bytes_per_us: of the time looked at, gaps counted in. held_us: from its oldest footage to now.
    looked_us: how long the rate was looked at. keep_bytes_max: what it may take in all.
    """

    camera: CameraId
    size_bytes: int
    held_us: int
    retention_us: int
    came_bytes: int
    looked_us: int
    keep_bytes_max: int | None = None

    @property
    def bytes_per_us(self) -> float:
        return self.came_bytes / self.looked_us if self.looked_us > 0 else 0.0

    @property
    def grows_us(self) -> int:
        """How much longer its footage becomes more at this rate; 0 when no more."""
        rate = self.bytes_per_us
        if rate <= 0:
            return 0
        left_us = max(0, self.retention_us + US_PER_HOUR - self.held_us)
        if self.keep_bytes_max is not None:
            room = max(0, self.keep_bytes_max - self.size_bytes)
            left_us = min(left_us, round(room / rate))
        return left_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What becomes of a disk, or of all of them.

    full_in_us: until it is full at this rate, None when it never is, or that is not known.
    steady_in_us: until as much dies as comes. most_bytes: what footage then takes.
    bytes_per_day: how much comes now.
    """

    outlook: Outlook
    full_in_us: int | None
    steady_in_us: int | None
    most_bytes: int
    bytes_per_day: int

    def in_words(self) -> str:
        """One line for a person."""
        match self.outlook:
            case "unknown":
                return "too early to tell"
            case "full":
                return "full: the oldest hours die before their time"
            case "filling":
                assert self.full_in_us is not None
                return f"full in {_lasting(self.full_in_us)} at this rate"
            case "steady":
                return "steady: retention is reached before it is full"


def forecast(cameras: Sequence[CameraGrowth], room_bytes: int) -> Forecast:
    """What becomes of a place with `room_bytes` left above its floor, to which these come.

    A share of a camera (what of it goes to one of several disks) is a camera here. What other
    programs write is not foreseen; the next forecast sees it, as less room.

    Cost:  sorts the cameras.
    """
    growing = sorted((one for one in cameras if one.grows_us > 0), key=lambda one: one.grows_us)
    size_bytes = sum(one.size_bytes for one in cameras)
    per_day = round(sum(one.bytes_per_us for one in cameras) * US_PER_DAY)
    looked_us = max((one.looked_us for one in cameras), default=0)
    more_bytes = sum(one.bytes_per_us * one.grows_us for one in growing)
    most_bytes = round(size_bytes + more_bytes)
    outlook: Outlook
    full_in_us: int | None = None
    steady_in_us: int | None = growing[-1].grows_us if growing else 0
    if room_bytes <= 0:
        outlook, full_in_us, steady_in_us = "full", 0, None
    elif looked_us < FORECAST_RATE_US_MIN:
        outlook, steady_in_us = "unknown", None
    elif more_bytes <= room_bytes:
        outlook = "steady"
    else:
        outlook, steady_in_us = "filling", None
        full_in_us = _full_in_us(growing, room_bytes)
    return Forecast(
        outlook=outlook,
        full_in_us=full_in_us,
        steady_in_us=steady_in_us,
        most_bytes=most_bytes,
        bytes_per_day=per_day,
    )


def _full_in_us(growing: Sequence[CameraGrowth], room_bytes: float) -> int:
    """When what comes fills the room, as one camera after the other stops growing."""
    rate = sum(one.bytes_per_us for one in growing)
    at_us, left = 0, float(room_bytes)
    for one in growing:
        step_us = one.grows_us - at_us
        if rate * step_us >= left:
            break
        left -= rate * step_us
        at_us, rate = one.grows_us, rate - one.bytes_per_us
    return at_us + round(left / rate)


def _lasting(us: int) -> str:
    if us >= 2 * US_PER_DAY:
        return f"{us // US_PER_DAY} days"
    hours = max(1, us // US_PER_HOUR)
    return f"{hours} hours" if hours > 1 else "an hour"
