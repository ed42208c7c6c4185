from __future__ import annotations

import pytest

from fairview.access.time_floor import HEAD_NAME, TimeFloor
from fairview.core.errors import Corrupt
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, ManualClock
from fairview.store.heads import MemoryHeads
from tests.builders import NOON


def test_time_never_counts_as_earlier_than_the_floor() -> None:
    heads, clock = MemoryHeads(), ManualClock(NOON)
    assert TimeFloor(heads, clock).check().now == NOON
    clock.step(-3 * US_PER_DAY)
    state = TimeFloor(heads, clock).check()
    assert state.now == NOON
    assert state.may_shred


def test_a_steady_clock_is_vouched_for() -> None:
    heads, clock = MemoryHeads(), ManualClock(NOON)
    floor = TimeFloor(heads, clock)
    for _ in range(5):
        clock.advance(30 * US_PER_HOUR)
        assert floor.check().may_shred
    assert floor.check().now == clock.now()


def test_a_clock_that_jumps_ahead_pauses_shredding_until_it_is_back() -> None:
    heads, clock = MemoryHeads(), ManualClock(NOON)
    floor = TimeFloor(heads, clock)
    floor.check()
    clock.step(25 * US_PER_HOUR)
    state = floor.check()
    assert not state.may_shred
    assert state.because
    assert not state.viewing_stopped
    clock.step(-25 * US_PER_HOUR)
    assert floor.check().may_shred


def test_a_step_ahead_of_less_than_a_day_moves_nothing_until_it_kept_steady_for_one() -> None:
    clock = ManualClock(NOON)
    floor = TimeFloor(MemoryHeads(), clock)
    floor.check()
    clock.step(20 * US_PER_HOUR)
    state = floor.check()
    assert state.may_shred
    assert state.now == NOON
    clock.advance(US_PER_DAY - 1)
    assert floor.check().now == NOON.plus(US_PER_DAY - 1)
    clock.advance(1)
    assert floor.check().now == clock.now()


def test_a_clock_that_runs_fast_never_makes_time_run_fast() -> None:
    clock = ManualClock(NOON)
    floor = TimeFloor(MemoryHeads(), clock)
    for hour in range(400):
        assert floor.check().now == NOON.plus(hour * US_PER_HOUR)
        clock.advance(US_PER_HOUR)
        clock.step(US_PER_HOUR // 20)


def test_a_persons_word_also_takes_back_a_time_that_was_wrongly_believed() -> None:
    heads, clock = MemoryHeads(), ManualClock(NOON)
    TimeFloor(heads, clock).check()
    clock.step(3_650 * US_PER_DAY)
    floor = TimeFloor(heads, clock)
    floor.check()
    clock.advance(US_PER_DAY)
    assert floor.check().now == clock.now()
    clock.step(-3_650 * US_PER_DAY)
    assert floor.check().now > clock.now()
    assert floor.confirm().now == clock.now()
    assert TimeFloor(heads, clock).check().now == clock.now()


def test_small_steps_ahead_add_up() -> None:
    clock = ManualClock(NOON)
    floor = TimeFloor(MemoryHeads(), clock)
    answers = []
    for _ in range(3):
        floor.check()
        clock.advance(US_PER_MINUTE)
        clock.step(10 * US_PER_HOUR)
        answers.append(floor.check().may_shred)
    assert answers == [True, True, False]


def test_after_a_day_of_pause_viewing_stops_and_a_person_can_end_it() -> None:
    clock = ManualClock(NOON)
    floor = TimeFloor(MemoryHeads(), clock)
    floor.check()
    clock.step(400 * US_PER_DAY)
    assert not floor.check().viewing_stopped
    clock.advance(US_PER_DAY + 1)
    assert floor.check().viewing_stopped
    assert floor.confirm().may_shred
    assert not floor.check().viewing_stopped


def test_at_a_start_a_clock_far_ahead_is_believed_after_a_steady_day() -> None:
    heads, clock = MemoryHeads(), ManualClock(NOON)
    TimeFloor(heads, clock).check()
    clock.step(10 * US_PER_DAY)
    floor = TimeFloor(heads, clock)
    assert not floor.check().may_shred
    clock.advance(US_PER_DAY - 1)
    assert not floor.check().may_shred
    clock.advance(1)
    state = floor.check()
    assert state.may_shred
    assert not state.viewing_stopped


def test_a_clock_that_is_not_steady_after_a_start_is_not_believed() -> None:
    heads, clock = MemoryHeads(), ManualClock(NOON)
    TimeFloor(heads, clock).check()
    clock.step(10 * US_PER_DAY)
    floor = TimeFloor(heads, clock)
    floor.check()
    clock.advance(US_PER_DAY - 1)
    clock.step(US_PER_HOUR)
    clock.advance(1)
    assert not floor.check().may_shred


def test_a_floor_that_cant_be_read_is_corrupt() -> None:
    heads = MemoryHeads()
    heads.swap(HEAD_NAME, None, b"yesterday")
    with pytest.raises(Corrupt):
        TimeFloor(heads, ManualClock(NOON))
