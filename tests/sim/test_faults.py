"""Scripted trouble happens when it should, and the same every time."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput, Unavailable
from fairview.core.ids import CameraId
from fairview.core.media import Packet
from fairview.core.time import US_PER_SECOND, ManualClock
from fairview.sim.faults import Fault, FaultPlan, FaultySource, fault_script
from fairview.sim.junction import FPS
from fairview.sim.source import SimSource
from tests.builders import NOON
from tests.sim.loops import blank_loop, number_in


def _run(script: str, count: int, clock: ManualClock | None = None) -> list[Packet]:
    clock = clock or ManualClock(NOON)
    return list(islice(_faulty(FaultPlan(fault_script(script), clock=clock), clock), count))


def _faulty(plan: FaultPlan, clock: ManualClock) -> islice[Packet]:
    source = SimSource(blank_loop(), camera=CameraId("junction-1"), stream="main", clock=clock)
    return islice(FaultySource(source, plan).packets(), 10_000)


def test_a_script_is_read_and_sorted() -> None:
    text = "at 10 s: drop 4; at 3 s: stall 5 s\nat 20.5 s: disconnect 2 s; "
    assert fault_script(text) == (
        Fault(after_us=3_000_000, kind="stall", for_us=5_000_000),
        Fault(after_us=10_000_000, kind="drop", packets=4),
        Fault(after_us=20_500_000, kind="disconnect", for_us=2_000_000),
    )
    assert fault_script("") == ()


@pytest.mark.parametrize(
    "text", ["stall 5 s", "at 3 s: stall 5", "at 3 s: drop 2 s", "at 3: drop 2", "at 1 s: dance 3"]
)
def test_an_unreadable_part_is_named(text: str) -> None:
    with pytest.raises(BadInput, match="is not a fault"):
        fault_script(text)


@given(st.text(max_size=40))
def test_any_text_is_a_script_or_bad_input(text: str) -> None:
    try:
        fault_script(text)
    except BadInput:
        return


def test_a_fault_needs_what_its_kind_needs() -> None:
    with pytest.raises(BadInput):
        Fault(after_us=0, kind="drop", for_us=5)
    with pytest.raises(BadInput):
        Fault(after_us=0, kind="stall", packets=5)


def test_a_stall_is_silent_then_everything_comes_late() -> None:
    clock = ManualClock(NOON)
    packets = _run("at 3 s: stall 5 s", 10 * FPS, clock)
    assert [number_in(one.data) for one in packets] == list(range(10 * FPS))
    late = packets[3 * FPS]
    assert late.at == NOON.plus(3 * US_PER_SECOND)
    assert late.arrived_at == NOON.plus(8 * US_PER_SECOND)
    assert packets[3 * FPS + 1].arrived_at == NOON.plus(8 * US_PER_SECOND)
    assert packets[9 * FPS].arrived_at == packets[9 * FPS].at


def test_dropped_packets_are_gone_and_repeated_ones_come_twice() -> None:
    numbers = [number_in(one.data) for one in _run("at 1 s: drop 4; at 2 s: repeat 2", 40)]
    assert numbers[:14] == [*range(12), 16, 17]
    assert [n for n in numbers if numbers.count(n) == 2] == [24, 24, 25, 25]


def test_corrupt_packets_keep_their_length_and_are_the_same_each_time() -> None:
    first, second = (_run("at 1 s: corrupt 3", 40) for _ in range(2))
    assert first == second
    clean = _run("", 40)
    changed = [n for n, (a, b) in enumerate(zip(first, clean, strict=True)) if a.data != b.data]
    assert changed == [12, 13, 14]
    assert all(len(a.data) == len(b.data) for a, b in zip(first, clean, strict=True))


def test_a_disconnect_breaks_off_refuses_and_lets_back_in() -> None:
    clock = ManualClock(NOON)
    plan = FaultPlan(fault_script("at 2 s: disconnect 3 s"), clock=clock)
    seen: list[Packet] = []
    with pytest.raises(Unavailable, match="broke off"):
        seen.extend(_faulty(plan, clock))
    with pytest.raises(Unavailable, match="away"):
        next(_faulty(plan, clock))
    clock.advance(3 * US_PER_SECOND)
    back = next(_faulty(plan, clock))
    assert back.at >= NOON.plus(5 * US_PER_SECOND)
    assert len(list(islice(_faulty(plan, clock), 100))) == 100


def test_closing_reaches_the_source() -> None:
    clock = ManualClock(NOON)
    source = SimSource(blank_loop(), camera=CameraId("junction-1"), stream="main", clock=clock)
    faulty = FaultySource(source, FaultPlan((), clock=clock))
    packets = faulty.packets()
    next(packets)
    faulty.close()
    assert list(packets) == []
