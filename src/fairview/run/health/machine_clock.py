"""The machine's own clock: whether something keeps it right, and whether it was set."""

from __future__ import annotations

from fairview.core.health import MachineClock
from fairview.core.limits_health import CLOCK_STEP_SHOWN_US, CLOCK_STEP_US
from fairview.core.time import Clock, Instant, kernel_clock


class ClockWatch:
    """Compares wall time with counted time at each look. Used by one thread.

    A machine that slept counts as a step ahead: nothing ran meanwhile, so that time is missing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apart_us = self._apart()
        self._stepped: tuple[int, Instant, int] | None = None

    def look(self) -> MachineClock:
        apart_us, now_us = self._apart(), self._clock.monotonic_us()
        by_us = apart_us - self._apart_us
        self._apart_us = apart_us
        if abs(by_us) > CLOCK_STEP_US:
            before_us = self._stepped[0] if self._stepped and self._is_shown(now_us) else 0
            # A step there and back again is none that lasts, yet both were.
            both_us = before_us + by_us
            self._stepped = (by_us if both_us == 0 else both_us, self._clock.now(), now_us)
        kernel = kernel_clock()
        shown = self._stepped if self._is_shown(now_us) else None
        return MachineClock(
            is_synchronised=None if kernel is None else kernel.is_synchronised,
            error_us=None if kernel is None else kernel.error_us,
            stepped_us=None if shown is None else shown[0],
            stepped_at=None if shown is None else shown[1],
        )

    def _is_shown(self, now_us: int) -> bool:
        return self._stepped is not None and now_us - self._stepped[2] <= CLOCK_STEP_SHOWN_US

    def _apart(self) -> int:
        return self._clock.now().us - self._clock.monotonic_us()
