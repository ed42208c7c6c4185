from __future__ import annotations

import threading
from collections.abc import Iterator

import anyio
import pytest

from fairview.core.errors import Overloaded
from fairview.serve.door_calls import DoorCalls

pytestmark = pytest.mark.anyio


class Blocking:
    """An iterator that waits in `next` until somebody closes it, as the door's do."""

    def __init__(self) -> None:
        self.waits = threading.Event()
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.waits.set()
        assert self.closed.wait(10)
        raise StopIteration

    def close(self) -> None:
        self.closed.set()


async def test_too_many_waiting_calls_push_back() -> None:
    calls = DoorCalls(calls_max=1, waiting_max=1)
    go_on = threading.Event()
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(calls.run, lambda: go_on.wait(10))
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(Overloaded):
            await calls.run(lambda: None)
        go_on.set()


async def test_too_many_streams_push_back_until_one_is_closed() -> None:
    calls = DoorCalls(streams_max=1)
    first = calls.stream(lambda: iter([b"1"]))
    with pytest.raises(Overloaded):
        calls.stream(lambda: iter([b"2"]))
    await first.close()
    await first.close()
    second = calls.stream(lambda: iter([b"2"]))
    assert await second.next() == b"2"
    assert await second.next() is None
    await second.close()
    assert calls.streams_open == 0


async def test_closing_wakes_a_pull_that_waits() -> None:
    calls = DoorCalls()
    items = Blocking()
    stream = calls.stream(lambda: items)
    async with anyio.create_task_group() as group:
        group.start_soon(stream.next)
        await anyio.to_thread.run_sync(items.waits.wait, 10)
        await stream.close()
    assert items.closed.is_set()


async def test_a_running_generator_is_closed_by_its_puller() -> None:
    inside, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def generator() -> Iterator[bytes]:
        try:
            inside.set()
            go_on.wait(10)
            yield b"late"
        finally:
            closed.set()

    stream = DoorCalls().stream(generator)
    async with anyio.create_task_group() as group:
        group.start_soon(stream.next)
        await anyio.to_thread.run_sync(inside.wait, 10)
        await stream.close()
        assert not closed.is_set()
        go_on.set()
    assert closed.is_set()


async def test_an_error_of_the_door_crosses_unchanged() -> None:
    def refuses() -> Iterator[bytes]:
        raise Overloaded("by the door")

    calls = DoorCalls()
    stream = calls.stream(refuses)
    with pytest.raises(Overloaded, match="by the door"):
        await stream.next()
    await stream.close()
