"""The time floor: no clock makes footage die early, or live on unseen (decision 7).

The floor is the latest time this node vouched for, kept across restarts. Time never counts as
earlier than it, and while the process runs it goes on from there with the monotonic clock: a
clock set back by years neither stops time nor, once it is mended, looks like a step ahead. A
clock that runs more than 24 h ahead of what has really passed pauses shredding: while the process
runs, what has passed is known; at a start it is not, so a clock far ahead of the floor is believed
after it kept steady for 24 h (or when a person confirms it).

HOLE: without a witness, a clock that is up to 24 h ahead is believed at once, so footage may die
up to 24 h early after such a step; and one that is years ahead from a start on and stays so for a
day looks like a node that was off that long, and is believed then. Witnesses' times close both.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import structlog

from fairview.core.errors import BadInput, Conflict, Corrupt
from fairview.core.limits import CLOCK_AHEAD_US_MAX, SHRED_PAUSE_US_MAX
from fairview.core.time import US_PER_MINUTE, Clock, Instant, instant
from fairview.store.contracts import Heads

HEAD_NAME = "time-floor"
_STEADY_US = US_PER_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeState:
    """now: what counts as now. may_shred: whether keys may die by it. believed: what time it is as
    far as can be told while the clock can't be trusted (never later than it is); else now.

    because: why not, else empty. viewing_stopped: why nothing may be looked at, else empty.
    """

    now: Instant
    believed: Instant
    may_shred: bool
    because: str
    viewing_stopped: str


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
        # The latest vouched time, going on with the monotonic clock. None before the first.
        self._counted = (
            None
            if self._floor is None
            else _Mark(wall=self._floor, monotonic_us=clock.monotonic_us())
        )
        self._base: _Mark | None = None
        self._steady: _Mark | None = None
        self._paused_since_us: int | None = None

    def check(self) -> TimeState:
        """Look at the clock; vouch for it when it is believable.

        Errors:  Unavailable when the floor can't be kept.
        """
        with self._lock:
            mark = _Mark(wall=self._clock.now(), monotonic_us=self._clock.monotonic_us())
            if self._is_believable(mark):
                self._vouch(mark)
                return self._state(mark, "")
            return self._state(mark, "the clock is more than 24 h ahead of what has passed")

    def confirm(self) -> TimeState:
        """A person says that the clock is right: vouch for it as it is."""
        with self._lock:
            mark = _Mark(wall=self._clock.now(), monotonic_us=self._clock.monotonic_us())
            self._base = mark
            self._vouch(mark)
            return self._state(mark, "")

    def _is_believable(self, mark: _Mark) -> bool:
        if self._base is not None:
            expected = self._base.expects(mark.monotonic_us)
            if 0 < expected.since(mark.wall) <= CLOCK_AHEAD_US_MAX:
                # A lower base is the stricter one: steps ahead add up against it. One that is
                # lower by more than a day is no time at all, and its mending no step ahead.
                self._base = mark
            return mark.wall.since(expected) <= CLOCK_AHEAD_US_MAX
        if self._floor is None or mark.wall.since(self._floor) <= CLOCK_AHEAD_US_MAX:
            is_behind = (
                self._floor is not None and self._floor.since(mark.wall) > CLOCK_AHEAD_US_MAX
            )
            self._base = self._counted if is_behind else mark
            return True
        return self._kept_steady(mark)

    def _kept_steady(self, mark: _Mark) -> bool:
        steady = self._steady
        if steady is None or abs(mark.wall.since(steady.expects(mark.monotonic_us))) > _STEADY_US:
            self._steady = mark
            return False
        if mark.monotonic_us - steady.monotonic_us < SHRED_PAUSE_US_MAX:
            return False
        self._base = mark
        return True

    def _vouch(self, mark: _Mark) -> None:
        if self._paused_since_us is not None:
            structlog.get_logger().info("shredding goes on: the clock is believable again")
        self._paused_since_us = None
        self._steady = None
        now = self._now(mark)
        self._counted = _Mark(wall=now, monotonic_us=mark.monotonic_us)
        if self._floor is not None and now.since(self._floor) < US_PER_MINUTE:
            return
        new = now.iso().encode()
        try:
            self._heads.swap(HEAD_NAME, self._stored, new)
        except Conflict:
            # A swap that failed, yet was stored: what stands there is ours.
            self._stored = self._heads.get(HEAD_NAME)
            self._heads.swap(HEAD_NAME, self._stored, new)
        self._stored, self._floor = new, now

    def _now(self, mark: _Mark) -> Instant:
        """The clock's time, or what is counted when that is later."""
        counted = self._counted
        return mark.wall if counted is None else max(mark.wall, counted.expects(mark.monotonic_us))

    def _state(self, mark: _Mark, because: str) -> TimeState:
        now = self._now(mark)
        if not because:
            return TimeState(now=now, believed=now, may_shred=True, because="", viewing_stopped="")
        if self._paused_since_us is None:
            self._paused_since_us = mark.monotonic_us
            structlog.get_logger().error("shredding pauses", because=because)
        is_over = (
            self._base is not None
            and mark.monotonic_us - self._paused_since_us > SHRED_PAUSE_US_MAX
        )
        known = self._base or self._counted
        believed = now if known is None else known.expects(mark.monotonic_us)
        return TimeState(
            now=now,
            believed=believed,
            may_shred=False,
            because=because,
            viewing_stopped=(
                f"{because} for a day, so nobody can say what should be gone: set the clock, or "
                "confirm it"
                if is_over
                else ""
            ),
        )


def _read(stored: bytes | None) -> Instant | None:
    if stored is None:
        return None
    try:
        return instant(stored.decode("ascii"))
    except (BadInput, UnicodeDecodeError) as error:
        raise Corrupt("the time floor can't be read: keep the folder, call a person") from error
