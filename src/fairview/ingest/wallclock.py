"""Camera ticks to wall-clock time. Pure: arrivals are handed in, no clock is read.

The start is anchored on the packet that came with the least delay; what came in a burst before
it (what a server or our own probing had queued) gets earlier times. After that camera time
runs on by itself, so network jitter never shows in the footage. The offset between the camera's
clock and ours is measured as the least delay in each window and made good slowly: by at most
limits.WALLCLOCK_SLEW_FRAC of the time that passed (1 ms a second), so time never goes back and a
fragment's times differ from its ticks by at most 2 ms in 2 s. How the least delays move from
window to window is the camera's drift.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from fairview.core import limits
from fairview.core.limits_sources import CLOCK_DRIFT_US_MIN, CLOCK_WINDOWS_MAX
from fairview.core.time import Instant


class Arrival(NamedTuple):
    """When a moment on the camera's clock reached us.

    media_us is its time of presentation: a picture is seen before it is sent, so that the least
    delayed one is right also among B-frames, which are sent later than they are seen.

    Units:  media_us microseconds of camera time since any fixed tick.
    """

    media_us: int
    arrived_at: Instant


class WallClock:
    """One run's mapping. offset_us is what has been made good so far."""

    def __init__(self, start: Sequence[Arrival], not_before: Instant | None = None) -> None:
        """start: at least one arrival; the least delayed is the anchor.

        not_before: where earlier footage of the same connection ends. What comes a little before
        that is moved there; what comes more than CLOCK_JUMP_US_MIN before it comes after our own
        clock was set back.
        """
        assert start, "a clock needs something to be anchored on"
        self._zero_us = min(one.arrived_at.us - one.media_us for one in start)
        if not_before is not None:
            first_us = min(one.media_us for one in start)
            early_us = not_before.us - first_us - self._zero_us
            if 0 < early_us < limits.CLOCK_JUMP_US_MIN:
                self._zero_us += early_us
        self._newest_us = max(one.media_us for one in start)
        self._offset_us = 0.0
        self._goal_us = 0
        self._window_from_us = self._newest_us
        self._least_us: int | None = None
        self._windows: deque[tuple[int, int]] = deque(maxlen=CLOCK_WINDOWS_MAX)

    @property
    def offset_us(self) -> int:
        """How far camera time has been moved since the start (us, signed)."""
        return round(self._offset_us)

    @property
    def measured_us(self) -> int:
        """Over how much camera time the drift is known."""
        return self._windows[-1][0] - self._windows[0][0] if self._windows else 0

    @property
    def drift_ppm(self) -> float | None:
        """How fast the camera's clock runs against ours (positive: fast); None while unknown.

        The slope of a straight line through the windows' least delays.
        """
        if self.measured_us < CLOCK_DRIFT_US_MIN:
            return None
        count = len(self._windows)
        mid_us = sum(at for at, _ in self._windows) / count
        mid_delay = sum(delay for _, delay in self._windows) / count
        above = sum((at - mid_us) * (delay - mid_delay) for at, delay in self._windows)
        below = sum((at - mid_us) ** 2 for at, _ in self._windows)
        return -1e6 * above / below

    def at(self, media_us: int) -> Instant:
        """The wall-clock time of a moment of camera time (later moments, later times)."""
        return Instant(max(0, self._zero_us + media_us + round(self._offset_us)))

    def delay_us(self, media_us: int, arrived_at: Instant) -> int:
        """How much later than the anchor's delay something comes (negative: sooner)."""
        return arrived_at.us - self._zero_us - media_us - round(self._offset_us)

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
        self._windows.append((arrival.media_us, self._least_us))
        error = self._least_us - round(self._offset_us)
        self._goal_us, self._least_us = self._least_us, None
        self._window_from_us = arrival.media_us
        return error if abs(error) > limits.WALLCLOCK_STEP_US_MAX else None
