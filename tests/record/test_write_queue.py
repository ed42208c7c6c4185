from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.limits_disks import (
    WRITE_PROCESS_BYTES_MAX,
    WRITE_STREAM_BYTES_MAX,
    WRITERS_PER_DISK_MAX,
)
from fairview.core.media import EndedBecause, Fragment, GapBecause
from fairview.core.time import US_PER_SECOND
from fairview.record.write_queue import (
    AtOnce,
    Begins,
    DiskWriters,
    Ends,
    Item,
    Lane,
    Lanes,
    Overloaded,
    Take,
)
from fairview.store.check import check
from tests.builders import NOON, fragment, packet
from tests.record.desk import Desk, second, ticks_of
from tests.record.slow_disk import LONG_S, GatedBlobs

STALL_S = 30
LONG_US = round(LONG_S * US_PER_SECOND)


@dataclass(frozen=True, slots=True)
class OfDisk:
    """Lanes that begin at one disk."""

    writers: DiskWriters
    disk: str

    def lane(self, take: Take) -> Lane:
        return self.writers.lane(take, self.disk)


class Recording:
    """A recorder whose disk has threads of its own, and a gate."""

    def __init__(self, folder: Path, writers: DiskWriters | None = None, disk: str = "") -> None:
        self.blobs = GatedBlobs()
        self.writers = writers or DiskWriters()
        folder.mkdir(exist_ok=True)
        self.desk = Desk(folder, blobs=self.blobs, lanes=OfDisk(self.writers, disk))

    def settle(self) -> None:
        assert self.desk.settle()

    def stall(self, first_s: int, seconds: int) -> None:
        """Footage comes while the disk stands still."""
        self.settle()
        self.blobs.waits.clear()
        self.blobs.open.clear()
        packets = second(first_s, seconds)
        self.desk.feed(packets[:1])
        assert self.blobs.waits.wait(LONG_S)
        self.desk.feed(packets[1:])

    def close(self) -> None:
        self.blobs.open.set()
        self.desk.close()
        self.writers.close()


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    made = Recording(tmp_path)
    yield made
    made.close()


def test_a_disk_that_stands_still_for_half_a_minute_loses_nothing(recording: Recording) -> None:
    desk = recording.desk
    desk.feed(second(0, 5))
    recording.stall(5, STALL_S)
    recording.blobs.open.set()
    desk.feed(second(5 + STALL_S, 5))
    recording.close()
    assert [one.ticks for one in desk.samples()] == ticks_of(second(0, 10 + STALL_S))
    assert [gap.because for gap in desk.gaps()] == [GapBecause.STOPPED]
    assert desk.events() == ()
    assert check(desk.blobs, desk.catalogue).is_clean


def test_nothing_counts_as_stored_before_its_sync(recording: Recording) -> None:
    desk = recording.desk
    desk.feed(second(0, 5))
    recording.settle()
    stored = desk.recorder.figures.stored_until
    assert stored == NOON.plus(4_000_000)
    recording.stall(5, 5)
    assert desk.recorder.figures.stored_until == stored
    recording.blobs.open.set()
    recording.settle()
    assert desk.recorder.figures.stored_until == NOON.plus(9_000_000)


def test_past_the_bound_the_oldest_whole_groups_go_and_are_a_gap(tmp_path: Path) -> None:
    recording = Recording(tmp_path, DiskWriters(stream_bytes_max=8 * _second_bytes()))
    desk = recording.desk
    desk.feed(second(0, 5))
    recording.stall(5, 20)
    assert recording.writers.waiting_bytes <= 8 * _second_bytes()
    recording.blobs.open.set()
    recording.settle()
    desk.feed(second(25, 5))
    recording.close()
    kept = [one.ticks for one in desk.samples()]
    assert kept == ticks_of(second(0, 5) + second(16, 14))
    first, other = desk.segments()
    assert first.ended_because is EndedBecause.OVERLOADED
    assert desk.gaps()[0].because is GapBecause.OVERLOADED
    assert desk.gaps()[0].span.start == first.span.end
    assert desk.gaps()[0].span.end == other.span.start
    assert all(one.is_key for row in desk.segments() for one in desk.fragments(row)[:1])
    figures = desk.recorder.figures
    assert (figures.packets, figures.packets_skipped) == (30 * 25, 11 * 25)
    assert check(desk.blobs, desk.catalogue).is_clean


def test_what_cannot_be_decoded_without_the_dropped_goes_with_it(tmp_path: Path) -> None:
    """A key frame every ten seconds: the fragments between are of no use without it."""
    recording = Recording(tmp_path, DiskWriters(stream_bytes_max=8 * _second_bytes()))
    desk = recording.desk
    recording.blobs.open.clear()
    desk.feed(packet(number, is_key=number % 250 == 0) for number in range(25 * 25))
    recording.blobs.open.set()
    recording.settle()
    desk.feed([packet(25 * 25, is_key=True)])
    recording.close()
    kept = [one.ticks for one in desk.samples()]
    assert kept[-1] == packet(25 * 25).ticks
    for row in desk.segments():
        assert desk.fragments(row)[0].is_key
    gaps = [one for one in desk.gaps() if one.because is GapBecause.OVERLOADED]
    assert gaps
    for gap in gaps:
        assert not [one for one in desk.segments() if one.span.overlaps(gap.span)]


def test_a_slow_disk_costs_another_disks_streams_nothing(tmp_path: Path) -> None:
    writers = DiskWriters(bytes_max=12 * _second_bytes())
    slow = Recording(tmp_path / "slow", writers, "slow")
    well = Recording(tmp_path / "well", writers, "well")
    slow.blobs.open.clear()
    for number in range(30):
        slow.desk.feed(second(number))
        well.desk.feed(second(number))
        well.settle()
        assert writers.waiting_bytes <= 12 * _second_bytes()
        assert writers.waiting()["well"] == 0
    slow.blobs.open.set()
    for one in (slow, well):
        one.desk.close()
    writers.close()
    assert [one.ticks for one in well.desk.samples()] == ticks_of(second(0, 30))
    assert [gap.because for gap in well.desk.gaps()] == [GapBecause.STOPPED]
    assert GapBecause.OVERLOADED in [gap.because for gap in slow.desk.gaps()]
    assert writers.waiting_bytes == 0


def test_one_thread_writes_while_nothing_waits_and_few_when_all_do(tmp_path: Path) -> None:
    started = threading.Semaphore(0)
    gate = threading.Event()
    writers = DiskWriters()

    def hold(_: Item) -> None:
        started.release()
        assert gate.wait(LONG_S)

    quick = writers.lane(lambda _: None, "few")
    for _ in range(50):
        quick.put(fragment())
        assert quick.wait(LONG_US)
    assert len(_threads("few")) == 1
    lanes = [writers.lane(hold, "few") for _ in range(3 * WRITERS_PER_DISK_MAX)]
    for lane in lanes:
        lane.put(fragment())
    for _ in range(WRITERS_PER_DISK_MAX):
        assert started.acquire(timeout=LONG_S)
    assert len(_threads("few")) == WRITERS_PER_DISK_MAX
    gate.set()
    assert all(lane.wait(LONG_US) for lane in lanes)
    writers.close()
    assert _threads("few") == []


def test_a_mistake_in_writing_one_stream_stops_neither_it_nor_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[Item] = []
    told = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: told.set())
    writers = DiskWriters()

    def fail_once(item: Item) -> None:
        taken.append(item)
        if len(taken) == 1:
            raise ZeroDivisionError

    lane, other = writers.lane(fail_once), writers.lane(taken.append)
    for each in (lane, other, lane):
        each.put(fragment())
    assert lane.wait(LONG_US)
    assert other.wait(LONG_US)
    assert told.wait(LONG_S)
    assert len(taken) == 3
    writers.close()


def test_the_bounds_hold_half_a_minute_of_25_cameras() -> None:
    camera_bytes = 4_000_000 // 8 * STALL_S
    assert camera_bytes <= WRITE_STREAM_BYTES_MAX
    assert 25 * camera_bytes * 1.25 <= WRITE_PROCESS_BYTES_MAX


@given(
    marks=st.lists(st.sampled_from(["key", "more", "ends", "begins"]), max_size=40),
    held=st.integers(0, 12),
)
def test_what_is_left_keeps_its_order_and_begins_with_key_frames(
    marks: list[str], held: int
) -> None:
    items = [_item(number, mark) for number, mark in enumerate(marks)]
    bounded = DiskWriters(stream_bytes_max=max(held, 1) * 30)
    taken, free = _through(items, bounded), _through(items, DiskWriters())
    assert free == items
    fragments = [one for one in taken if isinstance(one, Fragment)]
    assert fragments == [one for one in items if one in fragments]
    assert [one for one in taken if isinstance(one, Ends)] == [
        one for one in items if isinstance(one, Ends)
    ]
    lost = sum(one.fragments for one in taken if isinstance(one, Overloaded))
    assert lost + len(fragments) == sum(isinstance(one, Fragment) for one in items)
    for before, one in pairwise(taken):
        if isinstance(before, Overloaded) and isinstance(one, Fragment):
            assert one.is_key


def _item(number: int, mark: str) -> Item:
    if mark == "ends":
        return Ends(EndedBecause.ROTATED, None)
    if mark == "begins":
        return Begins(packet(number))
    whole = fragment(number, 1)
    (sample,) = whole.samples
    short = replace(sample, is_key=mark == "key", data=bytes(10))
    return replace(whole, samples=(short,))


def _through(items: list[Item], writers: DiskWriters) -> list[Item]:
    """What comes out when the disk takes nothing until all is there."""
    gate, taken = threading.Event(), list[Item]()

    begun = threading.Event()

    def take(item: Item) -> None:
        begun.set()
        assert gate.wait(LONG_S)
        taken.append(item)

    lane = writers.lane(take)
    lane.put(Ends(EndedBecause.STOPPED, None))
    assert begun.wait(LONG_S)
    for item in items:
        lane.put(item)
    gate.set()
    assert lane.wait(LONG_US)
    writers.close()
    return taken[1:]


def _second_bytes() -> int:
    return sum(len(one.data) for one in second(0))


def _threads(name: str) -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith(f"writes-{name}-")]


def test_a_stream_that_moves_to_another_disk_keeps_its_order() -> None:
    writers = DiskWriters()
    taken: list[tuple[str, Item]] = []
    moves = iter("ab" * 5)
    where = "a"

    def take(item: Item) -> str | None:
        nonlocal where
        if len(taken) % 10 == 9 and taken[-1][1] is not item:
            wanted = next(moves)
            if wanted != where:
                where = wanted
                taken.append(("moved", item))
                return where
        taken.append((threading.current_thread().name.split("-")[1], item))
        return None

    items: list[Item] = [_item(number, "key") for number in range(50)]
    lane = writers.lane(take, "a")
    for item in items:
        lane.put(item)
    assert lane.wait(LONG_US)
    assert [item for thread, item in taken if thread != "moved"] == items
    assert {thread for thread, _ in taken} == {"a", "b", "moved"}
    assert writers.waiting() == {"a": 0, "b": 0}
    writers.close()


def test_at_once_hands_on_what_goes_wrong() -> None:
    def fail(_: Item) -> None:
        raise ZeroDivisionError

    lanes: Lanes = AtOnce()
    lane: Lane = lanes.lane(fail)
    with pytest.raises(ZeroDivisionError):
        lane.put(fragment())
    assert lane.wait(0)
