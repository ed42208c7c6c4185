"""Camera ticks to wall-clock time. Pure: arrivals are handed in, no clock is read.

The start is anchored on the packet that came with the least delay; what came in a burst before
it (what a server or our own probing had queued) gets earlier times. After that camera time
runs on by itself, so network jitter never shows in the footage. The offset between the camera's
clock and ours is measured as the least delay in each window and made good slowly: by at most
limits.WALLCLOCK_SLEW_FRAC of the time that passed (1 ms a second), so time never goes back and a
fragment's times differ from its ticks by at most 2 ms in 2 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairview.core import limits
from fairview.core.time import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When a moment on the camera's clock reached us.

    media_us is its time of presentation: a picture is seen before it is sent, so that the least
    delayed one is right also among B-frames, which are sent later than they are seen.

    Units:  media_us microseconds of camera time since any fixed tick.
    """

    media_us: int
    arrived_at: Instant


class WallClock:
    """One run's mapping. offset_us is what has been made good so far."""

    def __init__(self, start: Sequence[Arrival]) -> None:
        """start: at least one arrival; the least delayed is the anchor."""
        assert start, "a clock needs something to be anchored on"
        self._zero_us = min(one.arrived_at.us - one.media_us for one in start)
        self._newest_us = max(one.media_us for one in start)
        self._offset_us = 0.0
        self._goal_us = 0
        self._window_from_us = self._newest_us
        self._least_us: int | None = None

    @property
    def offset_us(self) -> int:
        """How far camera time has been moved since the start (us, signed)."""
        return round(self._offset_us)

    def at(self, media_us: int) -> Instant:
        """The wall-clock time of a moment of camera time (later moments, later times)."""
        return Instant(max(0, self._zero_us + media_us + round(self._offset_us)))

    def observe(self, arrival: Arrival) -> int | None:
        """Learn from one more arrival, in decoding order.

        Returns the error (us) when the two clocks have parted by more than
        limits.WALLCLOCK_STEP_US_MAX: one of them was set, and the run must end. Else None.
        """
        delay = arrival.arrived_at.us - (self._zero_us + arrival.media_us)
        self._least_us = delay if self._least_us is None else min(self._least_us, delay)
        passed = arrival.media_us - self._newest_us
        if passed <= 0:
            return None
        self._newest_us = arrival.media_us
        room = passed * limits.WALLCLOCK_SLEW_FRAC
        self._offset_us += min(max(self._goal_us - self._offset_us, -room), room)
        if arrival.media_us - self._window_from_us < limits.WALLCLOCK_WINDOW_US:
            return None
        error = self._least_us - round(self._offset_us)
        self._goal_us, self._least_us = self._least_us, None
        self._window_from_us = arrival.media_us
        return error if abs(error) > limits.WALLCLOCK_STEP_US_MAX else None
