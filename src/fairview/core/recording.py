"""When a camera is kept: always (the default), around events, or by the week's hours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fairview.core.errors import BadInput
from fairview.core.time import US_PER_SECOND

RecordingMode = Literal["continuous", "events", "schedule"]
Trigger = Literal["motion", "rule"]
"""What begins an event: movement in the picture, or a rule of the camera's scene."""

DAY_MINUTES = 1_440
ROLL_US_MAX = 60 * US_PER_SECOND
"""Pre-roll lives in memory: a minute of 4 Mbit/s is 30 MB a camera."""

_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,30}(/[A-Za-z0-9_+-]{1,30}){0,2}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekHours:
    """A stretch of certain weekdays. days: 0 is Monday. Minutes of the local day; a stretch whose
    end is not after its start reaches into the next day."""

    days: tuple[int, ...]
    from_min: int
    to_min: int

    def __post_init__(self) -> None:
        if not self.days or any(not 0 <= day <= 6 for day in self.days):
            raise BadInput("a stretch of hours names its days: 0 (Monday) to 6 (Sunday)")
        if not (0 <= self.from_min < DAY_MINUTES and 0 < self.to_min <= DAY_MINUTES):
            raise BadInput("hours lie between 00:00 and 24:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPlan:
    """When a camera's streams are kept; what is not kept becomes a gap that says so.

    continuous: always. events: from pre_roll_us before a trigger to post_roll_us after its end.
    schedule: within `hours`, on the clocks of the time zone `zone` (an IANA name).

    Bounds:  rolls 0 to ROLL_US_MAX; at most 50 stretches of hours.
    """

    mode: RecordingMode = "continuous"
    triggers: tuple[Trigger, ...] = ("motion",)
    pre_roll_us: int = 5 * US_PER_SECOND
    post_roll_us: int = 10 * US_PER_SECOND
    hours: tuple[WeekHours, ...] = ()
    zone: str = "UTC"

    def __post_init__(self) -> None:
        for roll_us in (self.pre_roll_us, self.post_roll_us):
            if not 0 <= roll_us <= ROLL_US_MAX:
                raise BadInput("pre-roll and post-roll last 0 to 60 seconds")
        if self.mode == "events" and not self.triggers:
            raise BadInput("recording on events needs a trigger: motion or rule")
        if self.mode == "schedule" and not self.hours:
            raise BadInput("recording by schedule needs its hours, such as mon-fri 08:00-18:00")
        if len(self.hours) > 50:
            raise BadInput("a schedule has at most 50 stretches of hours")
        if not _ZONE.match(self.zone):
            raise BadInput(f"{self.zone!r} is not a time zone: use a name such as Europe/Berlin")


CONTINUOUS = RecordingPlan()
"""What a camera does unless somebody says otherwise."""
