"""What contracts.Blobs promises, on every implementation of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairview.core.errors import BadInput, Conflict, NotFound, Unavailable
from fairview.store.blobs import FileBlobs, MemoryBlobs
from fairview.store.contracts import Blobs
from tests.store.disks import two_disks

NAME = "junction-1/2026-05-01/12/" + "ab" * 16 + ".fvs"


@pytest.fixture(params=["memory", "file", "disks"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Blobs]:
    """Makes a fresh, empty store."""
    count = iter(range(1_000_000))
    if request.param == "memory":
        return MemoryBlobs
    if request.param == "disks":
        return lambda: two_disks(tmp_path / str(next(count)))
    return lambda: FileBlobs(tmp_path / str(next(count)))


@pytest.fixture
def blobs(make: Callable[[], Blobs], tmp_path: Path) -> Blobs:
    return make()


def _put(blobs: Blobs, name: str, data: bytes) -> None:
    writer = blobs.create(name)
    writer.append(data)
    writer.sync()
    writer.close()


def test_bytes_come_back_as_they_were_appended(blobs: Blobs) -> None:
    writer = blobs.create(NAME)
    assert blobs.read(NAME) == b""
    writer.append(b"header")
    writer.append(b"")
    writer.append(b"media")
    assert writer.size_bytes == 11
    writer.sync()
    assert blobs.read(NAME) == b"headermedia"
    assert blobs.read(NAME, 6) == b"media"
    assert blobs.read(NAME, 4, 4) == b"erme"
    assert blobs.read(NAME, 9, 100) == b"ia"
    assert blobs.read(NAME, 50, 1) == b""
    assert blobs.size_bytes(NAME) == 11
    writer.close()
    writer.close()


def test_a_closed_writer_takes_nothing_more(blobs: Blobs) -> None:
    writer = blobs.create(NAME)
    writer.close()
    with pytest.raises(Unavailable):
        writer.append(b"x")
    with pytest.raises(Unavailable):
        writer.sync()


def test_a_name_is_taken_once(blobs: Blobs) -> None:
    _put(blobs, NAME, b"first")
    with pytest.raises(Conflict):
        blobs.create(NAME)
    assert blobs.read(NAME) == b"first"


def test_a_blob_and_a_folder_do_not_share_a_name(blobs: Blobs) -> None:
    _put(blobs, "a/b", b"")
    with pytest.raises(Conflict):
        blobs.create("a")
    with pytest.raises(Conflict):
        blobs.create("a/b/c")
    for asked in ("a", "a/b/c"):
        blobs.remove(asked)
        with pytest.raises(NotFound):
            blobs.read(asked)
        with pytest.raises(NotFound):
            blobs.size_bytes(asked)
    assert list(blobs.names()) == ["a/b"]


def test_what_is_not_there_is_not_found(blobs: Blobs) -> None:
    with pytest.raises(NotFound):
        blobs.read(NAME)
    with pytest.raises(NotFound):
        blobs.size_bytes(NAME)
    with pytest.raises(NotFound):
        blobs.cut(NAME, 0)
    with pytest.raises(NotFound):
        blobs.reopen(NAME)
    blobs.remove(NAME)


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "A", "a b", "a\n", "é", "a" * 401]
)
def test_a_name_that_could_lead_outside_is_refused(blobs: Blobs, name: str) -> None:
    for ask in (blobs.create, blobs.read, blobs.size_bytes, blobs.remove, blobs.reopen):
        with pytest.raises(BadInput):
            ask(name)
    with pytest.raises(BadInput):
        blobs.cut(name, 0)


def test_cut_drops_the_end_and_never_grows(blobs: Blobs) -> None:
    _put(blobs, NAME, b"0123456789")
    blobs.cut(NAME, 4)
    assert blobs.read(NAME) == b"0123"
    blobs.cut(NAME, 9)
    assert blobs.read(NAME) == b"0123"


def test_reopen_goes_on_at_the_end(blobs: Blobs) -> None:
    _put(blobs, NAME, b"0123")
    writer = blobs.reopen(NAME)
    assert writer.size_bytes == 4
    writer.append(b"45")
    writer.sync()
    writer.close()
    assert blobs.read(NAME) == b"012345"


def test_removed_is_gone_and_can_be_removed_again(blobs: Blobs) -> None:
    _put(blobs, NAME, b"x")
    blobs.remove(NAME)
    blobs.remove(NAME)
    assert list(blobs.names()) == []
    _put(blobs, NAME, b"y")
    assert blobs.read(NAME) == b"y"


def test_names_are_sorted_and_filtered_by_prefix(blobs: Blobs) -> None:
    wanted = ["a-b/1", "a.b/1", "a/1", "a/10", "a/2/x", "a0", "b/1"]
    for name in reversed(wanted):
        _put(blobs, name, b"")
    assert list(blobs.names()) == wanted
    assert list(blobs.names("a/")) == ["a/1", "a/10", "a/2/x"]
    assert list(blobs.names("a/1")) == ["a/1", "a/10"]
    assert list(blobs.names("a/2/")) == ["a/2/x"]
    assert list(blobs.names("nothing/")) == []


def test_free_room_is_told(blobs: Blobs) -> None:
    _put(blobs, NAME, b"")
    assert blobs.free_bytes() > 0


_PART = st.text("abc-.019", min_size=1, max_size=3).filter(lambda part: part not in (".", ".."))
_NAMES = st.lists(_PART, min_size=1, max_size=3).map("/".join)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["put", "remove", "cut"]), _NAMES, st.binary(max_size=5)),
        max_size=12,
    ),
    prefix=_NAMES,
)
def test_any_steps_leave_what_memory_would_hold(
    make: Callable[[], Blobs], steps: list[tuple[str, str, bytes]], prefix: str
) -> None:
    blobs, model = make(), MemoryBlobs()
    for step, name, data in steps:
        outcomes = []
        for store in (blobs, model):
            try:
                if step == "put":
                    _put(store, name, data)
                elif step == "cut":
                    store.cut(name, len(data))
                else:
                    store.remove(name)
                outcomes.append("done")
            except (Conflict, NotFound) as error:
                outcomes.append(type(error).__name__)
        assert outcomes[0] == outcomes[1]
    assert list(blobs.names()) == list(model.names())
    assert list(blobs.names(prefix)) == list(model.names(prefix))
    assert [blobs.read(name) for name in blobs.names()] == [
        model.read(name) for name in model.names()
    ]


def test_a_full_memory_store_keeps_a_part_and_takes_nothing_more() -> None:
    blobs = MemoryBlobs(capacity_bytes=6)
    writer = blobs.create("a")
    writer.append(b"1234")
    with pytest.raises(Unavailable, match="full"):
        writer.append(b"5678")
    with pytest.raises(Unavailable):
        writer.sync()
    assert blobs.read("a") == b"123456"


def test_memory_forgets_what_was_not_synced_in_a_crash() -> None:
    blobs = MemoryBlobs()
    writer = blobs.create("a")
    writer.append(b"12")
    writer.sync()
    writer.append(b"3456")
    blobs.crash(keep_unsynced_bytes=1)
    assert blobs.read("a") == b"123"
