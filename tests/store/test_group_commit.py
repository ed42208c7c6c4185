"""Writers share a commit when there is company, and wait for nothing when there is none."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from fairview.core.errors import Corrupt, Unavailable
from fairview.core.event import HealthEvent
from fairview.core.limits import CATALOGUE_BATCH_MAX
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.catalogue_server import GroupCommit
from fairview.store.contracts import Change, EventSaved
from tests.builders import NOON


def change(number: int) -> EventSaved:
    return EventSaved(
        event=HealthEvent(kind="test", camera=None, at=NOON.plus(number), because="because")
    )


class Gated(MemoryCatalogue):
    """Writes wait at a gate; what was committed together is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.groups: list[int] = []
        self.error: Exception | None = None

    def write(self, changes: Sequence[Change]) -> None:
        self.entered.set()
        assert self.gate.wait(10)
        self.groups.append(len(changes))
        if self.error is not None and len(self.groups) > 1:
            raise self.error
        super().write(changes)


def _write_behind_a_gate(
    catalogue: Gated, writers: Sequence[Sequence[Change]]
) -> list[Exception | None]:
    """One writer enters, the others queue behind it; then the gate opens."""
    group = GroupCommit(catalogue)
    outcomes: list[Exception | None] = []

    def write(changes: Sequence[Change]) -> None:
        try:
            group.write(changes)
            outcomes.append(None)
        except (Unavailable, Corrupt) as error:
            outcomes.append(error)

    threads = [threading.Thread(target=write, args=(changes,)) for changes in writers]
    threads[0].start()
    assert catalogue.entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(group._queue) < len(writers) - 1:
        pass
    catalogue.gate.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    return outcomes


def test_a_lone_writer_commits_at_once() -> None:
    catalogue = Gated()
    catalogue.gate.set()
    GroupCommit(catalogue).write([change(1)])
    assert catalogue.groups == [1]


def test_those_who_come_during_a_commit_share_the_next_one() -> None:
    catalogue = Gated()
    assert _write_behind_a_gate(catalogue, [[change(n)] for n in range(21)]) == [None] * 21
    assert catalogue.groups == [1, 20]
    assert len(catalogue.events(NOON, 100)) == 21


def test_a_group_is_bounded_and_nobodys_changes_are_split() -> None:
    catalogue = Gated()
    size = CATALOGUE_BATCH_MAX // 2 - 1
    writers = [[change(n * 1_000 + k) for k in range(size)] for n in range(6)]
    assert _write_behind_a_gate(catalogue, writers) == [None] * 6
    assert catalogue.groups == [size, 2 * size, 2 * size, size]


def test_one_writer_may_bring_more_than_a_group_holds() -> None:
    catalogue = Gated()
    many = [change(n) for n in range(CATALOGUE_BATCH_MAX + 1)]
    assert _write_behind_a_gate(catalogue, [many, many]) == [None, None]


def test_a_group_that_failed_fails_for_all_of_it_and_the_next_goes_on() -> None:
    catalogue = Gated()
    catalogue.error = Unavailable("the disk is full")
    outcomes = _write_behind_a_gate(catalogue, [[change(n)] for n in range(4)])
    assert sorted(map(str, outcomes)) == ["None", *["the disk is full"] * 3]
    catalogue.error = None
    GroupCommit(catalogue).write([change(9)])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_our_own_mistake_leaves_nobody_waiting() -> None:
    catalogue = Gated()
    catalogue.error = AssertionError("a mistake of ours")
    outcomes = _write_behind_a_gate(catalogue, [[change(n)] for n in range(4)])
    assert sorted(map(str, outcomes)) == [
        "None", *["the catalogue stopped while it was writing"] * 2,
    ]  # fmt: skip
