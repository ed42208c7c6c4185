"""Time: whole microseconds, UTC, through text and back."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput
from fairview.core.time import Instant, ManualClock, Span, SystemClock, instant
from tests.builders import NOON
from tests.strategies import instants, spans


@given(instants())
def test_iso_text_reads_back_to_the_same_microsecond(moment: Instant) -> None:
    assert instant(moment.iso()) == moment
    assert moment.datetime_utc().utcoffset() == timedelta(0)


@given(instants())
def test_an_hour_begins_before_and_ends_after_the_moment(moment: Instant) -> None:
    assert moment.hour() <= moment < moment.hour().plus(3_600_000_000)
    assert moment.hour().us % 3_600_000_000 == 0


@given(spans(), spans())
def test_clipping_is_the_overlap(one: Span, other: Span) -> None:
    clipped = one.clipped(other)
    assert (clipped is not None) == one.overlaps(other)
    assert clipped == other.clipped(one)
    if clipped is not None:
        assert one.holds(clipped.start)
        assert clipped.duration_us <= min(one.duration_us, other.duration_us)


@pytest.mark.parametrize("text", ["2026-05-01T08:00:00", "yesterday", "", "2026-13-01T00:00:00Z"])
def test_a_time_without_a_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        instant(text)


def test_offsets_are_turned_into_utc() -> None:
    assert instant("2026-05-01T14:00:00+02:00") == NOON


@pytest.mark.parametrize("us", [-1, 253_402_300_800_000_000])
def test_moments_outside_1970_to_9999_are_refused(us: int) -> None:
    with pytest.raises(BadInput):
        Instant(us)


def test_a_span_is_never_empty() -> None:
    with pytest.raises(BadInput):
        Span(start=NOON, end=NOON)


@given(st.integers(0, 10**9), st.integers(-(10**9), 10**9))
def test_a_step_moves_the_wall_clock_alone(pass_us: int, step_us: int) -> None:
    clock = ManualClock(NOON)
    clock.advance(pass_us)
    clock.step(step_us)
    assert clock.monotonic_us() == pass_us
    assert clock.now() == NOON.plus(pass_us + step_us)


def test_waiting_on_a_manual_clock_passes_time_until_the_event_is_set() -> None:
    clock, event = ManualClock(NOON), threading.Event()
    assert not clock.wait(event, 5)
    event.set()
    assert clock.wait(event, 5)
    assert clock.monotonic_us() == 5


def test_the_system_clock_never_steps_back() -> None:
    clock = SystemClock()
    assert clock.monotonic_us() <= clock.monotonic_us()
    assert clock.now().us > 1_700_000_000_000_000
