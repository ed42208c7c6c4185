"""What people type, turned into values: durations and times."""

from __future__ import annotations

import re

from fairview.core.errors import BadInput
from fairview.core.time import (
    US_PER_DAY,
    US_PER_HOUR,
    US_PER_MINUTE,
    US_PER_SECOND,
    Instant,
    Span,
    instant,
)

TRANSPORT = "How RTSP pictures travel: auto (TCP, else UDP), tcp, udp or multicast."
_UNITS = {"s": US_PER_SECOND, "m": US_PER_MINUTE, "h": US_PER_HOUR, "d": US_PER_DAY}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])\Z")


def duration_us(text: str) -> int:
    """`20s`, `15m`, `1.5h` or `3d` as microseconds. Errors: BadInput."""
    found = _DURATION.match(text.strip())
    if found is None or float(found[1]) <= 0:
        raise BadInput(f"{text!r} is not a duration: write it like 20s, 15m, 1h or 3d")
    return round(float(found[1]) * _UNITS[found[2]])


def span_of(begin: str | None, end: str | None, newest: Span) -> Span:
    """The asked span; what is left out comes from `newest`, the footage there is.

    Errors:  BadInput for unreadable times, or an end before the start.
    """
    start = instant(begin) if begin else newest.start
    stop = instant(end) if end else newest.end
    if not start < stop:
        raise BadInput(f"--to ({stop.iso()}) must come after --from ({start.iso()})")
    return Span(start=start, end=stop)


def counted(number: int, word: str) -> str:
    """`1 gap`, `2 gaps`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def ago(moment: Instant, now: Instant) -> str:
    """How long ago, in one unit: `12 s`, `5 min`, `3 h`, `2 d`."""
    us = max(now.since(moment), 0)
    for unit, size in (("d", US_PER_DAY), ("h", US_PER_HOUR), ("min", US_PER_MINUTE)):
        if us >= 2 * size:
            return f"{us // size} {unit}"
    return f"{us // US_PER_SECOND} s"
