"""What a bundle says of the camera's clock: its offset from ours, and how that is known."""

from __future__ import annotations

from collections.abc import Sequence

from fairview.core.clock_offset import ClockOffset, offset_in
from fairview.core.event import HealthEvent
from fairview.core.ids import StreamName
from fairview.core.limits_sources import CLOCK_LOOK_US, CLOCK_TOLD_EVERY_US
from fairview.core.time import Span

KIND = "camera_clock"

_MEANING = {
    "rtcp": "offset_us: the camera's clock, as its RTCP sender reports tell it, minus the "
    "recording machine's (positive: it is ahead)",
    "stamps": "offset_us: the camera's clock, as it writes it beside each picture, minus the "
    "recording machine's (positive: it is ahead)",
    "arrival": "the camera says no time, so its offset is not known: its pictures are timed by "
    "their arrival, and moved_us is what that time has been moved by since the connection began",
    "not measured": "nothing was told of the camera's clock around this span",
}
_OURS = "; times here are the recording machine's, whose own offset from true time was not measured"


def clock_span(span: Span) -> Span:
    """Where to look for what was told of a clock: it is told hourly, so from an hour before."""
    return Span(start=span.start.plus(-CLOCK_TOLD_EVERY_US - 2 * CLOCK_LOOK_US), end=span.end)


def clock_plain(events: Sequence[HealthEvent], stream: StreamName, span: Span) -> dict[str, object]:
    """For the manifest. events: those of kind KIND in `clock_span`, sorted by time.

    The measure that stands is the last one before the span, else the first one in it; `during`
    has those in the span, by which a step is seen.
    """
    known = [
        found
        for one in events
        if one.because.startswith(f"{stream}: ")
        and (found := offset_in(one.because, one.at)) is not None
    ]
    before = [one for one in known if one.at <= span.start]
    during = [one for one in known if one.at > span.start]
    standing = before[-1:] or during[:1]
    if not standing:
        method = "not measured"
        plain: dict[str, object] = {"offset_us": None, "method": method}
    else:
        method = standing[0].method
        plain = _plain(standing[0])
    plain["meaning"] = _MEANING[method] + _OURS
    plain["during"] = [_plain(one) for one in during]
    return plain


def _plain(one: ClockOffset) -> dict[str, object]:
    is_told = one.method != "arrival"
    drift_ppb = None if one.drift_ppm is None else round(one.drift_ppm * 1_000)
    return {
        "offset_us": one.offset_us if is_told else None,
        "moved_us": None if is_told else one.offset_us,
        "method": one.method,
        "measured_at": one.at.iso(),
        "drift_ppb": drift_ppb,
        "drift_over_us": one.over_us,
    }
