"""Children are restarted with growing waits, and none outlives the node."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from fairview.core.limits import RESTART_US_FIRST
from fairview.core.time import ManualClock
from fairview.run.supervise import ChildPlan, Supervisor
from tests.builders import NOON

CHILD = """
import json, os, sys
place = json.loads(sys.stdin.readline())["place"]
with open(place, "a") as out:
    out.write(f"{os.getpid()}\\n")
for line in sys.stdin:
    with open(place, "a") as out:
        out.write(line)
with open(place, "a") as out:
    out.write("ended\\n")
"""


def until(happens: Callable[[], bool], timeout_s: float = 10) -> None:
    ends = time.monotonic() + timeout_s
    while not happens():
        assert time.monotonic() < ends
        time.sleep(0.01)


def lines(place: Path) -> list[str]:
    return place.read_text().splitlines() if place.exists() else []


class Bench:
    """A supervisor over one child whose module lies in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        (folder / "fairview_child.py").write_text(CHILD)
        os.environ["PYTHONPATH"] = str(folder)
        self.place = folder / "told.txt"
        self.clock = ManualClock(NOON)
        self.ended: list[tuple[str, int]] = []
        self.supervisor = Supervisor(
            self.clock, lambda name, status: self.ended.append((name, status))
        )
        self.supervisor.start(
            ChildPlan(name="child", module="fairview_child", orders={"place": str(self.place)})
        )
        until(lambda: len(lines(self.place)) == 1)

    def kill(self) -> None:
        pid = self.supervisor.pid("child")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.supervisor.pid("child") is None)


def test_a_killed_child_comes_back_after_the_wait_and_is_reported_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.kill()
    assert bench.supervisor.look_after() == ()
    assert bench.supervisor.look_after() == ()
    assert bench.ended == [("child", -signal.SIGKILL)]
    bench.clock.advance(RESTART_US_FIRST)
    assert bench.supervisor.look_after() == ("child",)
    until(lambda: len(lines(bench.place)) == 2)
    bench.supervisor.stop()


def test_waits_grow_while_a_child_keeps_ending(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for doubled in (1, 2, 4):
        bench.kill()
        bench.supervisor.look_after()
        bench.clock.advance(RESTART_US_FIRST * doubled - 1)
        assert bench.supervisor.look_after() == ()
        bench.clock.advance(1)
        assert bench.supervisor.look_after() == ("child",)
    bench.supervisor.stop()


def test_orders_reach_the_child_and_their_end_ends_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.supervisor.tell("child", {"cameras": ["a"]})
    assert not bench.supervisor.tell("nobody", {})
    until(lambda: len(lines(bench.place)) == 2)
    bench.supervisor.stop()
    assert lines(bench.place)[1:] == ['{"cameras": ["a"]}', "ended"]


def test_a_small_child_has_our_environment_and_one_arena(tmp_path: Path) -> None:
    (tmp_path / "fairview_told.py").write_text(
        "import json, os, sys\n"
        "def main():\n"
        '    place = json.loads(sys.stdin.readline())["place"]\n'
        "    told = f\"{os.environ.get('MALLOC_ARENA_MAX')} {len(os.environ) > 1}\\n\"\n"
        '    open(place, "w").write(told)\n'
        "    sys.stdin.read()\n"
    )
    os.environ["PYTHONPATH"] = str(tmp_path)
    place = tmp_path / "environment.txt"
    supervisor = Supervisor(ManualClock(NOON), lambda _name, _status: None)
    supervisor.start(
        ChildPlan(
            name="child",
            module="fairview_told",
            orders={"place": str(place)},
            is_small=True,
        )
    )
    until(lambda: lines(place) == ["1 True"])
    supervisor.stop()
