from __future__ import annotations

import threading

import pytest

from fairview.core.errors import Unavailable
from fairview.core.time import US_PER_HOUR, US_PER_SECOND
from fairview.sim.sim_disk import SimDisk
from fairview.sim.turns import SimProcess, Turns, TurnTaking
from tests.builders import NOON


def test_waits_end_in_the_order_of_simulated_time_and_cost_none() -> None:
    turns, done, never = Turns(NOON, 1), list[tuple[str, int]](), threading.Event()
    process = SimProcess("one")

    def work(name: str, us: int) -> None:
        for _ in range(2):
            turns.wait(never, us)
            done.append((name, turns.monotonic_us()))

    turns.spawn(process, "slow", lambda: work("slow", 5 * US_PER_HOUR))
    turns.spawn(process, "quick", lambda: work("quick", US_PER_SECOND))
    turns.run(24 * US_PER_HOUR)
    assert done == [
        ("quick", US_PER_SECOND),
        ("quick", 2 * US_PER_SECOND),
        ("slow", 5 * US_PER_HOUR),
        ("slow", 10 * US_PER_HOUR),
    ]
    assert turns.now() == NOON.plus(24 * US_PER_HOUR)


def test_a_killed_process_changes_nothing_more_and_what_others_raise_comes_out() -> None:
    turns, never = Turns(NOON, 1), threading.Event()
    dying, other = SimProcess("dying"), SimProcess("other")
    disk = SimDisk(turns, 1)

    def write() -> None:
        writer = disk.view(dying).create("a/b")
        writer.append(b"kept")
        writer.sync()
        writer.append(b"lost")
        turns.wait(never, US_PER_SECOND)
        writer.append(b"never")

    def fail() -> None:
        turns.wait(never, 2 * US_PER_SECOND)
        raise Unavailable("as the test wants it")

    turns.spawn(dying, "writes", write)
    turns.spawn(other, "fails", fail)
    turns.run(US_PER_SECOND // 2)
    turns.kill(dying)
    assert bytes(disk.blobs["a/b"].data) == b"keptlost"
    disk.cut_power()
    assert bytes(disk.blobs["a/b"].data).startswith(b"kept")
    with pytest.raises(Unavailable, match="as the test wants it"):
        turns.run(US_PER_HOUR)


def test_threads_events_and_queues_of_code_under_simulation_take_turns() -> None:
    taking = TurnTaking()
    turns = taking.turns = Turns(NOON, 1)
    heard: list[object] = []

    def work() -> None:
        queue, ready = taking.SimpleQueue(), taking.Event()

        def listen() -> None:
            ready.set()
            heard.append(queue.get())

        thread = taking.Thread(target=listen, name="listens")
        thread.start()
        assert ready.wait(5)
        queue.put("word")
        thread.join(timeout=5)
        assert not thread.is_alive()

    turns.spawn(SimProcess("one"), "works", work)
    turns.run(US_PER_SECOND)
    assert heard == ["word"]


def test_the_wall_clock_steps_and_drifts_and_the_other_does_not() -> None:
    turns = Turns(NOON, 1)
    turns.drift(1_000)
    turns.run(10 * US_PER_SECOND)
    turns.step(-US_PER_HOUR)
    assert turns.monotonic_us() == 10 * US_PER_SECOND
    assert turns.now() == NOON.plus(10 * US_PER_SECOND + 10_000 - US_PER_HOUR)
