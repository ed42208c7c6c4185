"""Time: whole microseconds, UTC. The one module that reads the real clock."""

from __future__ import annotations

import threading
import time as _time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from fairview.core.errors import BadInput

US_PER_SECOND = 1_000_000
US_PER_MINUTE = 60 * US_PER_SECOND
US_PER_HOUR = 3_600 * US_PER_SECOND
US_PER_DAY = 24 * US_PER_HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US_MAX = 253_402_300_799_999_999
"""The last microsecond of the year 9999, as far as ISO 8601 text goes."""


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A moment: whole microseconds since 1970, UTC.

    Bounds:  1970 to 9999, so that it can always be written as ISO 8601.
    """

    us: int

    def __post_init__(self) -> None:
        if not 0 <= self.us <= _US_MAX:
            raise BadInput(f"{self.us!r} is not a moment between 1970 and 9999 in microseconds")

    def plus(self, us: int) -> Instant:
        """This moment moved by a duration (us, may be negative)."""
        return Instant(self.us + us)

    def since(self, earlier: Instant) -> int:
        """Microseconds from `earlier` to here; negative when `earlier` is later."""
        return self.us - earlier.us

    def hour(self) -> Instant:
        """The beginning of the UTC hour that holds this moment."""
        return Instant(self.us - self.us % US_PER_HOUR)

    def iso(self) -> str:
        """ISO 8601 with microseconds and Z: 2026-05-01T08:00:00.000000Z."""
        return (_EPOCH + timedelta(microseconds=self.us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def datetime_utc(self) -> datetime:
        """The same moment for the edges that need a datetime."""
        return _EPOCH + timedelta(microseconds=self.us)


def instant(text: str) -> Instant:
    """A moment from ISO 8601 text with a zone.

    Errors:  BadInput for unreadable text, or a time without a zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is not a time: write it like 2026-05-01T08:00:00Z") from error
    if moment.tzinfo is None:
        raise BadInput(f"{text!r} has no time zone: add Z for UTC, or an offset like +02:00")
    return Instant((moment - _EPOCH) // timedelta(microseconds=1))


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Span:
    """A stretch of time, half-open: start is in it, end is not."""

    start: Instant
    end: Instant

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise BadInput(f"a span must end after it starts, not at {self.end.iso()}")

    @property
    def duration_us(self) -> int:
        return self.end.us - self.start.us

    def holds(self, moment: Instant) -> bool:
        return self.start <= moment < self.end

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end

    def clipped(self, bounds: Span) -> Span | None:
        """The part of this span inside `bounds`; None when there is none."""
        start, end = max(self.start, bounds.start), min(self.end, bounds.end)
        return Span(start=start, end=end) if start < end else None


class Clock(Protocol):
    """Where a process gets its time from."""

    def now(self) -> Instant:
        """Wall-clock time; may step."""
        ...

    def monotonic_us(self) -> int:
        """Microseconds since some fixed moment; never steps back."""
        ...

    def wait(self, event: threading.Event, us: int) -> bool:
        """Wait until the event is set or the time is over; whether it was set."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> Instant:
        return Instant(_time.time_ns() // 1_000)

    def monotonic_us(self) -> int:
        return _time.monotonic_ns() // 1_000

    def wait(self, event: threading.Event, us: int) -> bool:
        return event.wait(max(us, 0) / US_PER_SECOND)


def cpu_us() -> int:
    """CPU time that this process has used so far, all its threads together, in microseconds."""
    return _time.process_time_ns() // 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelClock:
    """What the kernel was told by whoever keeps its time (NTP, PTP, GPS).

    error_us: the bound it gives for its error; None while it is not synchronised.
    """

    is_synchronised: bool
    error_us: int | None


_TIMEX_BYTES = 256
"""More than struct timex has on any machine (208 on 64 bits)."""
_TIMEX_MAXERROR = 3
_TIMEX_STATUS = 5
_STA_UNSYNC = 0x40


def kernel_clock() -> KernelClock | None:
    """Whether the machine's clock is kept right; None where the kernel can't be asked.

    Reads only (modes is 0), which anyone may.

    Source:  adjtimex(2): modes, offset, freq, maxerror, esterror, status, ... as native longs.
    """
    import ctypes

    if ctypes.sizeof(ctypes.c_long) != 8:
        return None
    fields = (ctypes.c_long * (_TIMEX_BYTES // 8))()
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(fields))
    except (AttributeError, OSError):
        return None
    if answer < 0:
        return None
    status = int(fields[_TIMEX_STATUS]) & 0xFFFF_FFFF
    is_synchronised = not status & _STA_UNSYNC
    error_us = int(fields[_TIMEX_MAXERROR]) if is_synchronised else None
    return KernelClock(is_synchronised=is_synchronised, error_us=error_us)


class ManualClock:
    """A clock that tests and simulations move by hand."""

    def __init__(self, start: Instant) -> None:
        self._now = start
        self._monotonic_us = 0
        self._lock = threading.Lock()

    def now(self) -> Instant:
        with self._lock:
            return self._now

    def monotonic_us(self) -> int:
        with self._lock:
            return self._monotonic_us

    def wait(self, event: threading.Event, us: int) -> bool:
        """Advances by the wait instead of sleeping."""
        if not event.is_set():
            self.advance(max(us, 0))
        return event.is_set()

    def advance(self, us: int) -> None:
        """Let time pass (us >= 0)."""
        with self._lock:
            self._now = self._now.plus(us)
            self._monotonic_us += us

    def step(self, us: int) -> None:
        """Set the wall clock forward or back without time passing."""
        with self._lock:
            self._now = self._now.plus(us)
