"""Batches of many cameras' pictures: bounded, fair, honest about what was dropped."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from fairview.analyse.batch import Batches
from fairview.core.ids import CameraId
from fairview.core.time import Instant, ManualClock, SystemClock

START = Instant(1_700_000_000_000_000)


@dataclass(frozen=True)
class Shot:
    camera: CameraId
    at: Instant


def shot(camera: str, number: int) -> Shot:
    return Shot(CameraId(camera), START.plus(number * 100_000))


def clock() -> ManualClock:
    return ManualClock(START)


def test_a_batch_takes_every_camera_in_turn_and_each_in_order() -> None:
    batches: Batches[Shot] = Batches(batch_max=4)
    for number in range(3):
        batches.put(shot("a", number))
    batches.put(shot("b", 0))
    assert batches.take(clock(), 0) == (shot("a", 0), shot("b", 0), shot("a", 1), shot("a", 2))
    assert batches.take(clock(), 0) == ()


def test_a_full_batch_starves_nobody() -> None:
    batches: Batches[Shot] = Batches(batch_max=2)
    for name in "abc":
        batches.put(shot(name, 0))
    assert {one.camera for one in batches.take(clock(), 0)} == {"a", "b"}
    for name in "ab":
        batches.put(shot(name, 1))
    assert batches.take(clock(), 0)[0].camera == "c"


def test_a_full_queue_drops_the_oldest_and_says_for_how_long() -> None:
    batches: Batches[Shot] = Batches(queue_max=2)
    for number in range(5):
        batches.put(shot("a", number))
    assert batches.take_dropped() == ()
    assert batches.take(clock(), 0) == (shot("a", 3), shot("a", 4))
    (told,) = batches.take_dropped()
    assert told.pictures == 3
    assert told.stretch.because == "overloaded"
    assert (told.stretch.span.start, told.stretch.span.end) == (START, START.plus(300_000))
    assert batches.take_dropped() == ()


def test_a_camera_that_left_tells_what_it_still_held() -> None:
    batches: Batches[Shot] = Batches()
    batches.put(shot("a", 0))
    batches.put(shot("a", 1))
    batches.forget(CameraId("a"))
    batches.forget(CameraId("a"))
    (told,) = batches.take_dropped()
    assert told.pictures == 2
    assert told.stretch.span.end == START.plus(100_001)
    assert batches.take(clock(), 0) == ()


def test_an_empty_queue_waits_no_longer_than_asked() -> None:
    moved = clock()
    batches: Batches[Shot] = Batches()
    assert batches.take(moved, 250_000) == ()
    assert moved.now() == START.plus(250_000)


def test_a_waiting_taker_wakes_when_a_picture_comes() -> None:
    batches: Batches[Shot] = Batches()
    got: list[tuple[Shot, ...]] = []
    taker = threading.Thread(target=lambda: got.append(batches.take(SystemClock(), 10_000_000)))
    taker.start()
    batches.put(shot("a", 0))
    taker.join(timeout=5)
    assert got == [(shot("a", 0),)]


@given(
    st.lists(st.one_of(st.sampled_from(["a", "b", "c"]), st.just("take")), min_size=1, max_size=80),
    st.integers(1, 4),
    st.integers(1, 5),
)
def test_every_picture_is_either_looked_at_or_told_as_dropped(
    steps: list[str], queue_max: int, batch_max: int
) -> None:
    batches: Batches[Shot] = Batches(queue_max=queue_max, batch_max=batch_max)
    put = 0
    taken: list[Shot] = []
    for number, step in enumerate(steps):
        if step == "take":
            batch = batches.take(clock(), 0)
            assert len(batch) <= batch_max
            taken.extend(batch)
        else:
            batches.put(shot(step, number))
            put += 1
    for name in "abc":
        batches.forget(CameraId(name))
    told = batches.take_dropped()
    assert len(taken) + sum(one.pictures for one in told) == put
    for name in "abc":
        ours = [one.at for one in taken if one.camera == name]
        assert ours == sorted(ours)
        for one in told:
            inside = [at for at in ours if one.camera == name and one.stretch.span.holds(at)]
            assert inside == []
