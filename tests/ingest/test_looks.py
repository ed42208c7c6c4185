"""Many streams take turns in one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pytest

from fairview.core.errors import Unavailable
from fairview.core.ids import CameraId
from fairview.core.limits import LEAN_CALM_TURNS
from fairview.core.media import Packet
from fairview.core.time import Instant, ManualClock, SystemClock
from fairview.ingest.lean.looks import Looks
from fairview.ingest.session import CameraSession
from tests.builders import packet
from tests.ingest.scripted import ListSink


def step_of(done: list[int], name: int, count: int) -> Callable[[], bool]:
    def step() -> bool:
        done.append(name)
        return done.count(name) < count

    return step


def followed(looks: Looks, steps: Sequence[Callable[[], bool]]) -> list[threading.Thread]:
    threads = [threading.Thread(target=looks.follow, args=(one,), daemon=True) for one in steps]
    for thread in threads:
        thread.start()
    return threads


def test_streams_take_turns_in_one_thread_and_end_by_themselves() -> None:
    done: list[int] = []
    who: set[str] = set()

    def noted(step: Callable[[], bool]) -> Callable[[], bool]:
        def noting() -> bool:
            who.add(threading.current_thread().name)
            return step()

        return noting

    looks = Looks(SystemClock())
    threads = followed(looks, [noted(step_of(done, name, 3)) for name in range(5)])
    for thread in threads:
        thread.join(timeout=5)
        assert not thread.is_alive()
    assert sorted(done) == sorted(list(range(5)) * 3)
    assert len(who) <= 2


class _Steady:
    """A source that is steady from its first packet on, and gives one at every look."""

    is_steady = True
    is_patient = True

    def packets(self) -> Iterator[Packet]:
        return iter(())

    def look(self) -> list[Packet]:
        return [packet(0)]

    def close(self) -> None:
        self.is_steady = False


def test_what_the_sink_raises_ends_the_session_in_its_own_thread() -> None:
    session = CameraSession(
        camera=CameraId("a"),
        stream="main",
        connect=_Steady,
        sink=ListSink(fails_at=2, fault=Unavailable("the disk is away")),
        clock=SystemClock(),
        stop=threading.Event(),
        looks=Looks(SystemClock()),
    )
    with pytest.raises(Unavailable, match="disk"):
        session.run()


def test_a_step_that_raises_ends_no_other_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda told: raised.append(str(told.exc_value)))

    def raises() -> bool:
        raise RuntimeError("our own mistake")

    done: list[int] = []
    looks = Looks(SystemClock())
    threads = followed(looks, [step_of(done, 1, 5), raises, step_of(done, 2, 5)])
    for thread in threads:
        thread.join(timeout=5)
        assert not thread.is_alive()
    assert sorted(done) == [1] * 5 + [2] * 5
    assert raised == ["our own mistake"]


def test_calm_streams_are_looked_at_in_every_third_turn() -> None:
    done: list[int] = []
    looks = Looks(ManualClock(Instant(0)))
    is_watched = threading.Event()

    def calm() -> bool:
        if done.count(1) == 6:
            is_watched.set()
        done.append(1)
        return done.count(1) < 12

    def always() -> bool:
        done.append(2)
        return done.count(1) < 12

    other = threading.Thread(target=looks.follow, args=(always,), daemon=True)
    other.start()
    looks.follow(calm, lambda: not is_watched.is_set())
    other.join(timeout=5)
    places = [at for at, name in enumerate(done) if name == 1]
    assert len(places) == 12
    between = [later - earlier - 1 for earlier, later in pairwise(places)]
    assert between[:5] == [LEAN_CALM_TURNS] * 5
    assert between[-3:] == [1] * 3


def test_a_manual_clock_moves_turns_on() -> None:
    done: list[int] = []
    Looks(ManualClock(Instant(0))).follow(step_of(done, 1, 50))
    assert len(done) == 50
