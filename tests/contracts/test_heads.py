"""What contracts.Heads promises, on every implementation of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fairview.core.errors import Conflict
from fairview.store.contracts import Heads
from fairview.store.heads import MemoryHeads, SqliteHeads


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Heads]:
    """The same heads again, as after a restart."""
    if request.param == "memory":
        memory = MemoryHeads()
        return lambda: memory

    def sqlite() -> Heads:
        heads = SqliteHeads(tmp_path / "heads.sqlite")
        request.addfinalizer(heads.close)
        return heads

    return sqlite


def test_a_head_starts_as_nothing_and_moves_by_swap(reopen: Callable[[], Heads]) -> None:
    heads = reopen()
    assert heads.get("ledger") is None
    heads.swap("ledger", None, b"\x00one")
    heads.swap("ledger", b"\x00one", b"")
    heads.swap("other", None, b"x")
    assert heads.get("ledger") == b""
    assert reopen().get("ledger") == b""


@pytest.mark.parametrize("old", [None, b"two", b""])
def test_a_swap_from_another_value_is_a_conflict(
    reopen: Callable[[], Heads], old: bytes | None
) -> None:
    heads = reopen()
    heads.swap("ledger", None, b"one")
    with pytest.raises(Conflict):
        heads.swap("ledger", old, b"three")
    assert heads.get("ledger") == b"one"
    with pytest.raises(Conflict):
        heads.swap("nothing", b"one", b"two")


def test_of_many_swaps_from_one_value_one_wins(reopen: Callable[[], Heads]) -> None:
    first, second = reopen(), reopen()
    won: list[int] = []

    def swap(number: int) -> None:
        try:
            (first, second)[number % 2].swap("ledger", None, str(number).encode())
            won.append(number)
        except Conflict:
            pass

    threads = [threading.Thread(target=swap, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert first.get("ledger") == str(won[0]).encode()
