"""The time floor: no clock makes footage die early, or live on unseen (decision 7).

Footage dies by *sure* time: the latest time this node vouched for, going on with the monotonic
clock while the process runs, and kept across restarts. A clock that is behind neither stops nor
delays it. A clock that is ahead of it (it was set, the machine slept, the node was off) moves it
only after it kept steady for 24 h, or when a person says that it is right. So a wrong clock that
is mended within a day costs no footage, and what a right clock's jump delays is at most a day late.

A clock more than 24 h ahead of what has really passed pauses shredding; if that happened while
the process ran, it is never believed by itself, and after the pause viewing stops. At a start
nobody knows what has passed, so there it is believed once it kept steady.

HOLE: without a witness, a clock that is up to 24 h ahead (at a start: however far) and stays so
for a day is believed then, and footage dies that much early. Nothing on the machine can tell it
from a machine that slept. Witnesses' times close this.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import structlog

from fairview.core.errors import BadInput, Conflict, Corrupt
from fairview.core.limits import CLOCK_AHEAD_US_MAX, SHRED_PAUSE_US_MAX
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND, Clock, Instant, instant
from fairview.store.contracts import Heads

HEAD_NAME = "time-floor"
_STEADY_US = US_PER_MINUTE
_AHEAD_US = US_PER_SECOND
"""A clock this little ahead of what has passed is not ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeState:
    """now: what counts as now, for what may be kept no longer. may_shred: whether keys may die by
    it. believed: the same, never later than it is as far as can be told.

    because: why nothing is shredded, else empty. viewing_stopped: why nothing may be looked at,
    else empty. steady_us: how long a clock that is ahead has kept steady, None for one that is
    not ahead.
    """

    now: Instant
    believed: Instant
    may_shred: bool
    because: str
    viewing_stopped: str
    steady_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    wall: Instant
    monotonic_us: int

    def expects(self, monotonic_us: int) -> Instant:
        return self.wall.plus(monotonic_us - self.monotonic_us)


class TimeFloor:
    """Safe from several threads. Cost: one durable head a minute."""

    def __init__(self, heads: Heads, clock: Clock) -> None:
        self._heads = heads
        self._clock = clock
        self._lock = threading.Lock()
        self._stored = heads.get(HEAD_NAME)
        self._floor = _read(self._stored)
        # Sure time, going on with the monotonic clock. None before the first look ever.
        self._sure = (
            None
            if self._floor is None
            else _Mark(wall=self._floor, monotonic_us=clock.monotonic_us())
        )
        # Whether anything may have passed unseen since sure time was told: true from a start
        # until a clock was seen that fits.
        self._is_fresh = True
        self._steady: _Mark | None = None
        self._paused_since_us: int | None = None

    def check(self) -> TimeState:
        """Look at the clock; take it for sure when it may be.

        Errors:  Unavailable when the floor can't be kept.
        """
        with self._lock:
            mark = _Mark(wall=self._clock.now(), monotonic_us=self._clock.monotonic_us())
            if self._sure is None:
                self._sure = mark
            sure = self._sure.expects(mark.monotonic_us)
            ahead_us = mark.wall.since(sure)
            if ahead_us <= _AHEAD_US:
                self._steady, self._is_fresh = None, False
                return self._keep(mark, "")
            steady_us = self._steady_for(mark)
            is_far = ahead_us > CLOCK_AHEAD_US_MAX
            if steady_us >= SHRED_PAUSE_US_MAX and (self._is_fresh or not is_far):
                self._believe(mark)
                return self._keep(mark, "")
            because = "the clock is more than 24 h ahead of what has passed" if is_far else ""
            return self._keep(mark, because, steady_us)

    def confirm(self) -> TimeState:
        """A person says that the clock is right: it is sure from now on, also when it is behind."""
        with self._lock:
            mark = _Mark(wall=self._clock.now(), monotonic_us=self._clock.monotonic_us())
            self._believe(mark)
            return self._keep(mark, "")

    def _steady_for(self, mark: _Mark) -> int:
        """How long the clock has been ahead by the same time (us)."""
        steady = self._steady
        if steady is None or abs(mark.wall.since(steady.expects(mark.monotonic_us))) > _STEADY_US:
            self._steady = steady = mark
        return mark.monotonic_us - steady.monotonic_us

    def _believe(self, mark: _Mark) -> None:
        self._sure, self._steady, self._is_fresh = mark, None, False

    def _keep(self, mark: _Mark, because: str, steady_us: int | None = None) -> TimeState:
        assert self._sure is not None, "there is a sure time from the first look on"
        sure = self._sure.expects(mark.monotonic_us)
        self._store(sure)
        if not because and self._paused_since_us is not None:
            structlog.get_logger().info("shredding goes on: the clock is believable again")
            self._paused_since_us = None
        if because and self._paused_since_us is None:
            structlog.get_logger().error("shredding pauses", because=because)
            self._paused_since_us = mark.monotonic_us
        return TimeState(
            now=sure,
            believed=sure,
            may_shred=not because,
            because=because,
            viewing_stopped=self._viewing_stopped(mark, because),
            steady_us=steady_us,
        )

    def _viewing_stopped(self, mark: _Mark, because: str) -> str:
        """Only where a person is needed: a clock that is believed in the end stops nobody."""
        is_over = (
            self._paused_since_us is not None
            and mark.monotonic_us - self._paused_since_us > SHRED_PAUSE_US_MAX
        )
        if not because or not is_over or self._is_fresh:
            return ""
        return (
            f"{because} for a day, so nobody can say what should be gone: set the clock, or "
            "confirm it (fairview time confirm)"
        )

    def _store(self, sure: Instant) -> None:
        """The floor, once a minute of sure time; set back only by a person's word."""
        if self._floor is not None and 0 <= sure.since(self._floor) < US_PER_MINUTE:
            return
        new = sure.iso().encode()
        try:
            self._heads.swap(HEAD_NAME, self._stored, new)
        except Conflict:
            # A swap that failed, yet was stored: what stands there is ours.
            self._stored = self._heads.get(HEAD_NAME)
            self._heads.swap(HEAD_NAME, self._stored, new)
        self._stored, self._floor = new, sure


def _read(stored: bytes | None) -> Instant | None:
    if stored is None:
        return None
    try:
        return instant(stored.decode("ascii"))
    except (BadInput, UnicodeDecodeError) as error:
        raise Corrupt("the time floor can't be read: keep the folder, call a person") from error
