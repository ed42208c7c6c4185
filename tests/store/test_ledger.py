"""The ledger: durable before it answers, never forked, provable from its files alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from fairview.core.errors import BadInput, Corrupt, NotFound, Overloaded, Unavailable
from fairview.core.limits import LEDGER_BATCH_ENTRIES_MAX
from fairview.store.ledger import HEAD_NAME, Ledger
from fairview.store.ledger_batches import Batches
from fairview.store.ledger_check import verify_ledger
from fairview.store.ledger_tiles import (
    Tile,
    edge_tiles,
    read_bundle,
    read_tile_path,
    write_bundle,
)
from fairview.store.merkle import leaf_hash, root_over, verify_consistency, verify_inclusion
from fairview.store.notes import open_checkpoint
from fairview.store.proof import read_proof, verify_proof
from tests.store.ledger_faults import KEY, ORIGIN, SIGNER, Faults, World


def numbered(start: int, count: int) -> list[bytes]:
    return [b'{"n":%d}' % number for number in range(start, start + count)]


def filled(size: int) -> tuple[World, Ledger]:
    world = World()
    ledger = world.open()
    for start in range(0, size, LEDGER_BATCH_ENTRIES_MAX):
        ledger.append(numbered(start, min(size - start, LEDGER_BATCH_ENTRIES_MAX)))
    return world, ledger


def test_a_new_ledger_publishes_an_empty_tree_at_once() -> None:
    world, ledger = filled(0)
    assert (ledger.size, world.entries()) == (0, [])
    assert open_checkpoint(ledger.checkpoint(), KEY).root == root_over([])
    assert list(world.files.files) == ["checkpoint"]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, 1500])
def test_any_size_reads_back_proves_and_reopens(size: int) -> None:
    world, ledger = filled(size)
    entries = numbered(0, size)
    assert world.entries() == entries
    assert ledger.root == root_over(entries)
    again = world.open()
    for number in {0, size // 2, max(size - 2, 0), size - 1}:
        assert again.entry(number) == entries[number]
        verify_inclusion(leaf_hash(entries[number]), again.inclusion(number), again.root)
        proved = verify_proof(again.proof(number, extra=b"x"), entries[number], ledger.key)
        assert (proved.index, proved.checkpoint.size) == (number, size)
    assert [line.data for line in again.tail(3)] == entries[-3:]
    assert [line.number for line in again.tail(3)] == list(range(size))[-3:]
    assert again.append([b"next"]) == (size,)


def test_proofs_between_any_two_sizes_verify() -> None:
    _, ledger = filled(600)
    sizes = [0, 1, 2, 3, 255, 256, 257, 300, 511, 512, 599, 600]
    for old in sizes:
        for new in [size for size in sizes if size >= old]:
            proof = ledger.consistency(old, new)
            verify_consistency(proof, ledger.root_at(old), ledger.root_at(new))
    entry = leaf_hash(numbered(0, 600)[77])
    verify_inclusion(entry, ledger.inclusion(77, 300), ledger.root_at(300))


def test_a_tree_of_seventy_thousand_has_the_tiles_the_page_names() -> None:
    # tlog-tiles: 273 full level-0 tiles and one of 112; one full level 1 and one of 17; one of 1.
    assert edge_tiles(70_000) == (
        Tile(level=0, index=273, width=112),
        Tile(level=1, index=1, width=17),
        Tile(level=2, index=0, width=1),
    )
    assert edge_tiles(256) == (Tile(level=1, index=0, width=1),)


def test_three_levels_prove_and_reopen() -> None:
    size = 65_536 + 300
    world, ledger = filled(size)
    entries = numbered(0, size)
    assert ledger.root == root_over(entries)
    assert {"tile/1/000", "tile/2/000.p/1", "tile/1/001.p/1"} <= world.files.files.keys()
    again = world.open()
    for number in (0, 65_535, 65_536, size - 1):
        verify_proof(again.proof(number), entries[number], KEY)
    verify_consistency(again.consistency(65_537), root_over(entries[:65_537]), root_over(entries))


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(level=0, index=0, width=256), "tile/0/000"),
        (Tile(level=None, index=0, width=7), "tile/entries/000.p/7"),
        (Tile(level=3, index=1_234_067, width=256), "tile/3/x001/x234/067"),
        (Tile(level=None, index=1_000, width=255), "tile/entries/x001/000.p/255"),
    ],
)
def test_tile_paths_are_those_of_the_page(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert read_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoints",
        "tile/0/0",
        "tile/0/1000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/07",
        "tile/0/000.p/5.new",
        "tile/0/x000/000",
        "tile/8/000",
        "tile/00/000",
        "tile/entries/../0/000",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/٠٠٠",
        "../door/ledger.key",
    ],
)
def test_no_other_path_is_a_public_file(path: str) -> None:
    _, ledger = filled(300)
    assert read_tile_path(path) is None
    with pytest.raises(NotFound):
        ledger.file(path)


def test_public_files_are_served_up_to_the_size_and_no_further() -> None:
    world, ledger = filled(300)
    assert ledger.file("checkpoint") == world.files.files["checkpoint"]
    for path in ("tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"):
        assert ledger.file(path) == world.files.files[path]
    assert ledger.file("tile/0/000.p/3") == world.files.files["tile/0/000"][:96]
    bundle = ledger.file("tile/entries/001.p/2")
    assert read_bundle(bundle, 2) == tuple(numbered(256, 2))
    for path in ("tile/0/001", "tile/0/001.p/45", "tile/entries/002.p/1", "tile/1/000.p/2"):
        with pytest.raises(NotFound):
            ledger.file(path)


def test_what_a_crashed_append_left_behind_is_never_handed_out() -> None:
    world, ledger = filled(5)
    world.faults.plan(*range(2, 9))
    with pytest.raises(Unavailable):
        ledger.append([b"lost"] * 3)
    assert "tile/entries/000.p/8" in world.files.files
    assert ledger.file("checkpoint") == world.files.files["checkpoint"]
    with pytest.raises(NotFound):
        ledger.file("tile/entries/000.p/8")
    world.faults.plan()
    ledger.append([b"kept"] * 5)
    assert read_bundle(ledger.file("tile/entries/000.p/8"), 8)[5:] == (b"kept",) * 3


def test_partial_tiles_stay_until_their_full_tile_is_published() -> None:
    world = World()
    ledger = world.open()
    for number in range(255):
        ledger.append([b"%d" % number])
    partial = [name for name in world.files.files if ".p/" in name]
    # One bundle and one tile for every published size.
    assert len(partial) == 2 * 255
    ledger.append([b"255"])
    assert [name for name in world.files.files if ".p/" in name] == ["tile/1/000.p/1"]


def test_a_small_batch_costs_three_files_and_one_head() -> None:
    # A bundle and a level-0 tile, since both grew; the head, which makes them count; and the
    # checkpoint, since strangers read that. Nothing else may be written for a look's line.
    world, ledger = filled(40)
    world.faults.plan()
    ledger.append(numbered(40, 25))
    assert world.faults.done == [
        "tile/entries/000.p/65",
        "tile/0/000.p/65",
        "head",
        "checkpoint",
    ]


def test_finishing_a_tile_costs_one_more_tile_and_two_clearings() -> None:
    world, ledger = filled(255)
    world.faults.plan()
    ledger.append([b"last of the tile"])
    assert world.faults.done == [
        "tile/entries/000",
        "tile/0/000",
        "tile/1/000.p/1",
        "head",
        "checkpoint",
        "forget tile/entries/000.p",
        "forget tile/0/000.p",
    ]


def test_entries_have_bounds() -> None:
    _, ledger = filled(0)
    assert ledger.append([bytes(65_535), b""]) == (0, 1)
    assert (ledger.entry(0), ledger.entry(1)) == (bytes(65_535), b"")
    for wrong in ([bytes(65_536)], [], [b""] * (LEDGER_BATCH_ENTRIES_MAX + 1)):
        with pytest.raises(BadInput):
            ledger.append(wrong)
    assert ledger.size == 2


def test_what_is_not_there_is_not_found() -> None:
    _, ledger = filled(3)
    for number in (-1, 3):
        with pytest.raises(NotFound):
            ledger.entry(number)
        with pytest.raises(NotFound):
            ledger.inclusion(number)
        with pytest.raises(NotFound):
            ledger.proof(number)
    for size in (-1, 4):
        with pytest.raises(NotFound):
            ledger.root_at(size)
        with pytest.raises(NotFound):
            ledger.consistency(size)


def test_a_changed_file_is_told_and_nothing_is_written() -> None:
    for path in ("tile/0/001.p/44", "tile/entries/001.p/44", "tile/1/000.p/1"):
        world, _ = filled(300)
        data = bytearray(world.files.files[path])
        data[-1] ^= 1
        world.files.files[path] = bytes(data)
        before = dict(world.files.files)
        with pytest.raises(Corrupt):
            world.open()
        with pytest.raises(Corrupt):
            world.entries()
        del world.files.files[path]
        with pytest.raises(Corrupt, match="missing"):
            world.open()
        del before[path]
        assert world.files.files == before


def test_a_changed_entry_is_never_handed_out() -> None:
    world, _ = filled(300)
    entries = [*read_bundle(world.files.files["tile/entries/000"], 256)]
    entries[9] = b"another"
    world.files.files["tile/entries/000"] = write_bundle(entries)
    again = world.open()
    with pytest.raises(Corrupt):
        again.entry(9)
    with pytest.raises(Corrupt):
        again.proof(9)
    with pytest.raises(Corrupt):
        verify_ledger(world.files.read, KEY, on_entry=lambda *_: None)


def test_an_old_head_put_back_is_a_fork_and_refused() -> None:
    world, ledger = filled(10)
    old = world.heads.values[HEAD_NAME]
    ledger.append([b"more"])
    world.heads.values[HEAD_NAME] = old
    with pytest.raises(Corrupt, match="fork"):
        world.open()


def test_a_lost_head_is_told_and_not_begun_anew() -> None:
    world, _ = filled(10)
    world.heads.values.clear()
    with pytest.raises(Corrupt, match="head is gone"):
        world.open()


def test_an_old_checkpoint_file_is_brought_forward() -> None:
    world, ledger = filled(10)
    old = world.files.files["checkpoint"]
    ledger.append([b"more"])
    for stale in (old, None):
        if stale is None:
            del world.files.files["checkpoint"]
        else:
            world.files.files["checkpoint"] = stale
        assert world.open().size == 11
        assert len(world.entries()) == 11


def test_another_key_or_origin_does_not_open_the_ledger() -> None:
    world, _ = filled(3)
    with pytest.raises(Corrupt):
        Ledger(world.files, world.heads, SIGNER, ORIGIN + "2", world.clock)


def test_a_second_writer_is_caught_before_it_writes_over_tiles() -> None:
    world, ledger = filled(3)
    world.open().append([b"from elsewhere"])
    with pytest.raises(Unavailable, match="another writer"):
        ledger.append([b"mine"])
    assert world.entries()[3:] == [b"from elsewhere"]
    assert ledger.append([b"mine"]) == (4,)
    world.assert_no_fork()


def test_a_second_writer_in_the_middle_of_an_append_does_not_fork() -> None:
    world, ledger = filled(3)
    swap = world.heads.swap

    def late(name: str, old: bytes | None, new: bytes) -> None:
        world.heads.swap = swap  # type: ignore[method-assign]  # only the first swap is late
        world.open().append([b"from elsewhere"] * 2)
        swap(name, old, new)

    world.heads.swap = late  # type: ignore[method-assign]  # the other writer comes in between
    with pytest.raises(Unavailable, match="another writer"):
        ledger.append([b"mine"])
    assert ledger.append([b"mine"]) == (5,)
    world.assert_no_fork()


def test_checkpoint_time_survives_reopening() -> None:
    world, ledger = filled(3)
    world.clock.advance(5_000_000)
    ledger.append([b"later"])
    at = world.clock.now()
    world.clock.advance(5_000_000)
    assert ledger.checkpoint_at == world.open().checkpoint_at == at


def test_proof_file_carries_the_newest_checkpoint() -> None:
    _, ledger = filled(3)
    old = ledger.proof(1)
    ledger.append([b"more"])
    assert read_proof(ledger.proof(1)).checkpoint == ledger.checkpoint()
    verify_proof(old, numbered(1, 1)[0], KEY)
    with pytest.raises(Corrupt):
        verify_proof(old, numbered(1, 1)[0], replace(KEY, name="another.example"))


# Many callers.


class _Gate:
    """A commit that waits until it is let through, and counts."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.let = threading.Semaphore(0)
        self.batches: list[list[bytes]] = []

    def commit(self, entries: Sequence[bytes]) -> int:
        first = sum(map(len, self.batches))
        self.entered.release()
        assert self.let.acquire(timeout=20)
        self.batches.append([*entries])
        return first


def test_callers_that_come_while_one_writes_share_the_next_batch() -> None:
    gate = _Gate()
    batches = Batches(gate.commit, batch_max=100, waiting_max=100)
    results: dict[bytes, tuple[int, ...]] = {}

    def call(name: bytes) -> None:
        results[name] = batches.submit([name, name])

    threads = [threading.Thread(target=call, args=(b"%d" % number,)) for number in range(12)]
    threads[0].start()
    assert gate.entered.acquire(timeout=20)
    for thread in threads[1:]:
        thread.start()
    while batches.waiting < 22:
        threading.Event().wait(0.001)
    gate.let.release()
    gate.let.release()
    for thread in threads:
        thread.join(20)
    assert [len(batch) for batch in gate.batches] == [2, 22]
    written = [entry for batch in gate.batches for entry in batch]
    for name, numbers in results.items():
        assert [written[number] for number in numbers] == [name, name]


def test_too_many_waiting_callers_are_sent_away_and_the_rest_served() -> None:
    gate = _Gate()
    batches = Batches(gate.commit, batch_max=2, waiting_max=4)
    threads = [threading.Thread(target=batches.submit, args=([b"a", b"b"],)) for _ in range(3)]
    threads[0].start()
    assert gate.entered.acquire(timeout=20)
    for thread in threads[1:]:
        thread.start()
    while batches.waiting < 4:
        threading.Event().wait(0.001)
    with pytest.raises(Overloaded):
        batches.submit([b"one too many"])
    for _ in range(3):
        gate.let.release()
    for thread in threads:
        thread.join(20)
    assert [len(batch) for batch in gate.batches] == [2, 2, 2]


def test_a_mistake_in_the_writer_fails_every_caller_and_blocks_none() -> None:
    faults = Faults()
    faults.plan(0)

    def commit(entries: Sequence[bytes]) -> int:
        if faults.next_fails("commit"):
            raise AssertionError("our own mistake")
        return 7

    batches = Batches(commit, batch_max=10, waiting_max=10)
    with pytest.raises(AssertionError):
        batches.submit([b"a"])
    assert batches.submit([b"a", b"b"]) == (7, 8)


def test_many_threads_append_without_loss_or_fork() -> None:
    world, ledger = filled(240)
    found: dict[int, bytes] = {}

    def call(thread: int) -> None:
        for number in range(20):
            entry = b"%d/%d" % (thread, number)
            (at,) = ledger.append([entry])
            assert ledger.entry(at) == entry
            verify_proof(ledger.proof(at), entry, KEY)
            found[at] = entry

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == list(range(240, 400))
    assert world.entries()[240:] == [found[number] for number in range(240, 400)]
    world.assert_no_fork()
