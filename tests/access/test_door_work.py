from __future__ import annotations

import pytest

from fairview.access.door_work import Chore, DoorWork
from fairview.core.errors import Unavailable
from fairview.core.time import US_PER_MINUTE, ManualClock
from tests.builders import NOON


def test_chores_run_when_they_are_due_and_a_failing_one_stops_no_other() -> None:
    clock = ManualClock(NOON)
    done: list[str] = []

    def fails() -> None:
        done.append("fails")
        raise Unavailable("the disk is away")

    work = DoorWork(
        "test",
        [
            Chore(name="fails", every_us=US_PER_MINUTE, run=fails),
            Chore(name="works", every_us=2 * US_PER_MINUTE, run=lambda: done.append("works")),
        ],
        clock,
    )
    work.turn()
    work.turn()
    assert done == ["fails", "works"]
    clock.advance(US_PER_MINUTE)
    work.turn()
    assert done == ["fails", "works", "fails"]
    clock.advance(US_PER_MINUTE)
    work.turn()
    assert done[3:] == ["fails", "works"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_of_ours_ends_the_thread_and_shows() -> None:
    def wrong() -> None:
        raise AssertionError("cannot be")

    work = DoorWork("test", [Chore(name="wrong", every_us=1, run=wrong)], ManualClock(NOON))
    seen = [work.is_alive]
    work.start()
    assert work._thread is not None
    work._thread.join(5)
    seen.append(work.is_alive)
    work.close()
    assert seen == [True, False]
