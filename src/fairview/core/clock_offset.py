"""How a camera's clock stood against ours, and how we know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from fairview.core.limits_sources import CLOCK_TOLD_EVERY_US, CLOCK_TOLD_STEP_US
from fairview.core.time import US_PER_SECOND, Instant

OffsetMethod = Literal["rtcp", "stamps", "arrival"]
"""rtcp: the camera said what time its clock showed, in a sender report. stamps: it wrote the time
beside each picture (HTTP). arrival: it says nothing we can use; what is known is how far its
pictures' times have moved against their arrival."""

_TEXT = re.compile(
    r"(?:.*: )?offset ([+-][0-9]{1,15})\.([0-9]{3}) s by (rtcp|stamps|arrival), "
    r"drift (?:unknown|([+-][0-9]{1,9}\.[0-9]) ppm) in ([0-9]{1,12}) s\Z",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOffset:
    """One stream's measure.

    offset_us: by rtcp and by stamps the camera's clock minus ours (positive: it is ahead), with
    the way of a report or picture in it, which is some milliseconds; by arrival what camera time
    has been moved by since the run began. drift_ppm: how fast the clock that stamps its pictures
    runs against ours (positive: fast), from the least delays of windows of 30 s; None while too
    little is known. over_us: how long that was measured.
    """

    method: OffsetMethod
    at: Instant
    offset_us: int
    drift_ppm: float | None
    over_us: int

    def is_news(self, told: ClockOffset) -> bool:
        """Whether to tell this after that: enough time has passed, or the clock moved."""
        return (
            self.method != told.method
            or abs(self.at.since(told.at)) >= CLOCK_TOLD_EVERY_US
            or abs(self.offset_us - told.offset_us) >= CLOCK_TOLD_STEP_US
        )

    @property
    def text(self) -> str:
        """One line, as it is kept in the event `camera_clock`."""
        drift = "drift unknown" if self.drift_ppm is None else f"drift {self.drift_ppm:+.1f} ppm"
        offset_s, over_s = self.offset_us / US_PER_SECOND, self.over_us // US_PER_SECOND
        return f"offset {offset_s:+.3f} s by {self.method}, {drift} in {over_s} s"


def offset_in(text: str, at: Instant) -> ClockOffset | None:
    """What an event `camera_clock` says, to the millisecond; None for a line that is none."""
    found = _TEXT.match(text)
    if found is None:
        return None
    whole, thousandths, method, drift, over_s = found.groups()
    sign = -1 if whole.startswith("-") else 1
    offset_ms = sign * (abs(int(whole)) * 1_000 + int(thousandths))
    return ClockOffset(
        method=cast(OffsetMethod, method),
        at=at,
        offset_us=offset_ms * (US_PER_SECOND // 1_000),
        drift_ppm=None if drift is None else float(drift),
        over_us=int(over_s) * US_PER_SECOND,
    )
