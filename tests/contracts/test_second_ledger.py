"""The ledger by two hands: what Fairview writes both take, what was tampered with both refuse."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.core.errors import Corrupt, FairviewError, Unavailable
from fairview.core.time import SystemClock
from fairview.store.heads import MemoryHeads
from fairview.store.ledger import Ledger
from fairview.store.ledger_files import FolderLedgerFiles
from fairview.store.merkle import ConsistencyProof, InclusionProof, prove_head, root_over
from fairview.store.merkle import verify_consistency as fairview_consistency
from fairview.store.merkle import verify_inclusion as fairview_inclusion
from tests.contracts.both_ledgers import (
    ORIGIN,
    SIGNER,
    STEPS,
    STRANGER,
    Kept,
    UnsyncedFiles,
    assert_folder_refused,
    assert_proof_refused,
    begin,
    checked_by_fairview,
    entries,
    keep,
)
from tests.contracts.second_ledger import (
    Checkpoint,
    Refused,
    consistency_path,
    inclusion_path,
    leaf_hash,
    open_checkpoint,
    read_note_key,
    tree_hash,
    verify_consistency,
    verify_extends,
    verify_inclusion,
    verify_log,
    verify_proof,
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return keep(tmp_path_factory.mktemp("ledger"))


@pytest.fixture
def copied(kept: Kept, tmp_path: Path) -> Path:
    """The same folder to spoil."""
    return shutil.copytree(kept.folder, tmp_path / "copied")


def files_of(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_an_empty_ledger_has_a_checkpoint_of_nothing(kept: Kept, tmp_path: Path) -> None:
    begin(tmp_path)
    log = verify_log(tmp_path, read_note_key(kept.key_text))
    assert (log.checkpoint.size, log.checkpoint.root) == (0, tree_hash(()))
    assert checked_by_fairview(tmp_path, kept.key_text) == 0


def test_a_ledger_is_read_the_same_by_both(kept: Kept) -> None:
    log = verify_log(kept.folder, read_note_key(kept.key_text))
    size = sum(STEPS)
    assert checked_by_fairview(kept.folder, kept.key_text) == log.checkpoint.size == size
    assert log.checkpoint.root == kept.ledger.root
    assert list(log.entries) == entries(0, size)
    for number in range(size):
        assert kept.ledger.entry(number) == log.entries[number]
        assert list(kept.ledger.inclusion(number).path) == inclusion_path(log.leaves, number)
    for old in range(1, size + 1):
        assert kept.ledger.root_at(old) == tree_hash(log.leaves[:old])
        assert list(kept.ledger.consistency(old).path) == consistency_path(log.leaves, old)


def test_the_files_of_seventy_thousand_entries_are_those_of_the_standards_example(
    tmp_path: Path,
) -> None:
    """C2SP tlog-tiles: 273 full tiles and one of 112, one full and one of 17, one of 1."""
    ledger = begin(tmp_path)
    while ledger.size < 70_000:
        ledger.append([b"%d" % n for n in range(ledger.size, min(ledger.size + 1024, 70_000))])
    log = verify_log(tmp_path, read_note_key(ledger.key.text))
    assert (log.checkpoint.size, log.checkpoint.root) == (70_000, ledger.root)
    names = files_of(tmp_path)
    full = [f"tile/0/{number:03}" for number in range(273)]
    assert [name for name in names if name.startswith("tile/0/") and ".p" not in name] == full
    assert {"tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"} <= set(names)
    assert "tile/entries/273.p/112" in names
    verify_proof(ledger.proof(66_000), b"66000", read_note_key(ledger.key.text))


def needed(size: int) -> list[str]:
    """The files that a checkpoint of a two-level tree needs, by the standard."""
    names = ["checkpoint"]
    for level in ("entries", "0"):
        names += [f"tile/{level}/{number:03}" for number in range(size // 256)]
        names.append(f"tile/{level}/{size // 256:03}.p/{size % 256}")
    return [*names, f"tile/1/000.p/{size // 256}"]


def test_every_file_that_the_checkpoint_needs_is_there(kept: Kept) -> None:
    assert set(needed(sum(STEPS))) <= set(files_of(kept.folder))


@pytest.mark.parametrize("name", needed(sum(STEPS)))
def test_a_flipped_bit_in_any_file_is_refused_by_both(kept: Kept, copied: Path, name: str) -> None:
    path = copied / name
    good = path.read_bytes()
    for place in sorted({*range(0, len(good), max(1, len(good) // 20)), len(good) - 1}):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1 << place % 8]) + good[place + 1 :])
        assert_folder_refused(copied, kept.key_text)
    path.write_bytes(good)
    verify_log(copied, read_note_key(kept.key_text))


@pytest.mark.parametrize("name", needed(sum(STEPS)))
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(None, id="missing"),
        pytest.param(lambda _good: b"", id="empty"),
        pytest.param(lambda good: good[:-1], id="a byte short"),
        pytest.param(lambda good: good[: len(good) // 2], id="half"),
        pytest.param(lambda good: good[:-32], id="a hash short"),
        pytest.param(lambda good: good + b"\x00", id="a byte long"),
        pytest.param(lambda good: good + b"\x00" * 32, id="a hash long"),
        pytest.param(lambda good: good[32:64] + good[:32] + good[64:], id="swapped"),
    ],
)
def test_a_file_that_is_missing_cut_or_extended_is_refused_by_both(
    kept: Kept, copied: Path, name: str, change: Callable[[bytes], bytes] | None
) -> None:
    path = copied / name
    good = path.read_bytes()
    if change is None:
        path.unlink()
    elif change(good) == good:
        pytest.skip("a single hash has nothing to be swapped with")
    else:
        path.write_bytes(change(good))
    assert_folder_refused(copied, kept.key_text)


def test_entries_cannot_change_places_between_tiles(kept: Kept, copied: Path) -> None:
    one, two = copied / "tile/entries/000", copied / "tile/entries/001"
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    assert_folder_refused(copied, kept.key_text)


def test_another_key_is_refused_by_both(kept: Kept, tmp_path: Path) -> None:
    stranger = begin(tmp_path / "stranger", STRANGER)
    elsewhere = begin(tmp_path / "elsewhere", SIGNER, "fairview.local/elsewhere")
    for key_text in (stranger.key.text, elsewhere.key.text):
        assert_folder_refused(kept.folder, key_text)
        assert_proof_refused(kept.ledger.proof(3), entries(3, 1)[0], key_text)


def test_saved_checkpoints_are_consistent_for_both(kept: Kept) -> None:
    key = read_note_key(kept.key_text)
    log = verify_log(kept.folder, key)
    saved = {size: open_checkpoint(note, key) for size, note in kept.saved.items()}
    for old, before in saved.items():
        verify_extends(log, before)
        for new, after in saved.items():
            if old > new:
                with pytest.raises(Refused):
                    verify_consistency(before, after, ())
                continue
            proof = kept.ledger.consistency(old, new)
            verify_consistency(before, after, proof.path)
            fairview_consistency(proof, before.root, after.root)


def test_from_nothing_to_anything_both_want_an_empty_path_and_the_root_of_nothing() -> None:
    empty, some, other = tree_hash(()), leaf_hash(b"a"), leaf_hash(b"b")
    for root, path, new, is_taken in (
        (empty, (), Checkpoint(origin=ORIGIN, size=5, root=some), True),
        (empty, (), Checkpoint(origin=ORIGIN, size=0, root=empty), True),
        (empty, (), Checkpoint(origin=ORIGIN, size=0, root=some), False),
        (some, (), Checkpoint(origin=ORIGIN, size=5, root=other), False),
        (empty, (some,), Checkpoint(origin=ORIGIN, size=5, root=some), False),
    ):
        old = Checkpoint(origin=ORIGIN, size=0, root=root)
        proof = ConsistencyProof(old=0, new=new.size, path=path)
        assert says_no(partial(verify_consistency, old, new, path)) is not is_taken
        assert says_no(partial(fairview_consistency, proof, root, new.root)) is not is_taken


def assert_fork_is_seen(before: Checkpoint, after: Checkpoint, proof: ConsistencyProof) -> None:
    with pytest.raises(Refused):
        verify_consistency(before, after, proof.path)
    with pytest.raises(FairviewError):
        fairview_consistency(proof, before.root, after.root)


@pytest.mark.parametrize("shared", [0, 1, 100, 255, 256, 299])
@pytest.mark.parametrize("size", [300, 301, 512, 700])
def test_a_forked_ledger_is_seen_by_both(tmp_path: Path, shared: int, size: int) -> None:
    """Two histories under one key that part after some entries: at the same size, or longer."""
    first, second = begin(tmp_path / "first"), begin(tmp_path / "second")
    first.append(entries(0, 300))
    second.append([*entries(0, shared), *entries(shared, size - shared, "b")])
    key = read_note_key(first.key.text)
    before = open_checkpoint(first.checkpoint(), key)
    forked = verify_log(tmp_path / "second", key)
    assert checked_by_fairview(tmp_path / "second", first.key.text) == size
    assert_fork_is_seen(before, forked.checkpoint, second.consistency(300))
    with pytest.raises(Refused):
        verify_extends(forked, before)
    assert second.root_at(300) != before.root
    if shared:
        common = begin(tmp_path / "common")
        common.append(entries(0, shared))
        verify_extends(forked, open_checkpoint(common.checkpoint(), key))


def test_a_shorter_checkpoint_that_is_no_prefix_is_seen_by_both(kept: Kept, tmp_path: Path) -> None:
    key = read_note_key(kept.key_text)
    log = verify_log(kept.folder, key)
    for size in (1, 2, 8, 255, 256, 257):
        fork = begin(tmp_path / str(size))
        fork.append([*entries(0, size - 1), *entries(size - 1, 1, "b")])
        before = open_checkpoint(fork.checkpoint(), key)
        assert_fork_is_seen(before, log.checkpoint, kept.ledger.consistency(size))
        with pytest.raises(Refused):
            verify_extends(log, before)


def test_a_ledger_that_was_cut_back_is_seen_by_both(kept: Kept, tmp_path: Path) -> None:
    heads, files = MemoryHeads(), UnsyncedFiles(tmp_path / "one")
    ledger = Ledger(files, heads, SIGNER, ORIGIN, SystemClock())
    ledger.append(entries(0, 10))
    old = shutil.copytree(tmp_path / "one", tmp_path / "old")
    ledger.append(entries(10, 10))
    key = read_note_key(kept.key_text)
    with pytest.raises(Refused):
        verify_extends(verify_log(old, key), open_checkpoint(ledger.checkpoint(), key))
    with pytest.raises(Corrupt):
        Ledger(FolderLedgerFiles(old), heads, SIGNER, ORIGIN, SystemClock())


def test_another_history_under_the_same_checkpoint_is_refused_by_both(
    kept: Kept, copied: Path, tmp_path: Path
) -> None:
    begin(tmp_path / "fork").append(entries(0, sum(STEPS), "b"))
    for part in ("tile/entries", "tile/0", "tile/1"):
        shutil.copytree(tmp_path / "fork" / part, copied / part, dirs_exist_ok=True)
        assert_folder_refused(copied, kept.key_text)


class FailingHeads(MemoryHeads):
    """Heads whose next swap fails, so that an append leaves its files and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False

    def swap(self, name: str, expected: bytes | None, value: bytes) -> None:
        if self.fails:
            self.fails = False
            raise Unavailable("the head's disk is full")
        super().swap(name, expected, value)


@pytest.mark.parametrize(
    ("first", "lost"), [(0, 1), (2, 3), (2, 300), (250, 3), (250, 20), (0, 512), (300, 1024)]
)
def test_what_a_failed_append_left_is_gone_before_anyone_takes_it_for_the_ledgers(
    tmp_path: Path, first: int, lost: int
) -> None:
    """Not a narrower tile that a later checkpoint covers, nor a full one that shows a fork."""
    heads = FailingHeads()
    ledger = Ledger(UnsyncedFiles(tmp_path), heads, SIGNER, ORIGIN, SystemClock())
    key = read_note_key(ledger.key.text)
    if first:
        ledger.append(entries(0, first))
    before = files_of(tmp_path)
    heads.fails = True
    with pytest.raises(Unavailable):
        ledger.append(entries(first, lost, "lost"))
    assert files_of(tmp_path) == before
    log = verify_log(tmp_path, key)
    assert log.checkpoint.size == checked_by_fairview(tmp_path, ledger.key.text) == first
    ledger.append(entries(first, 20))
    log = verify_log(tmp_path, key)
    assert log.entries == tuple(entries(0, first + 20))
    assert checked_by_fairview(tmp_path, ledger.key.text) == first + 20


def test_a_narrower_tile_of_an_earlier_size_that_lies_there_must_hold_its_beginning(
    tmp_path: Path,
) -> None:
    ledger = begin(tmp_path)
    for count in (5, 7, 300):
        ledger.append(entries(ledger.size, count))
    for stray in ("tile/0/001.p/9", "tile/entries/001.p/9", "tile/0/000.p/9"):
        path = tmp_path / stray
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(ledger.file(stray))
        verify_log(tmp_path, read_note_key(ledger.key.text))
        assert checked_by_fairview(tmp_path, ledger.key.text) == 312
        path.write_bytes(ledger.file(stray)[::-1])
        assert_folder_refused(tmp_path, ledger.key.text)
        path.unlink()


def test_the_full_tile_stands_in_for_a_partial_one_for_both(tmp_path: Path) -> None:
    """As a copy that was made while the ledger grew has it: tiles newer than the checkpoint."""
    ledger = begin(tmp_path)
    ledger.append(entries(0, 700))
    note = ledger.checkpoint()
    ledger.append(entries(700, 900))
    (tmp_path / "checkpoint").write_bytes(note)
    assert not (tmp_path / "tile/0/002.p").exists()
    assert not (tmp_path / "tile/entries/002.p").exists()
    assert verify_log(tmp_path, read_note_key(ledger.key.text)).entries == tuple(entries(0, 700))
    assert checked_by_fairview(tmp_path, ledger.key.text) == 700
    for name in ("tile/0/002", "tile/entries/002"):
        good = (tmp_path / name).read_bytes()
        for bad in (good[:-32], good[:32], good[32:] + good[:32]):
            (tmp_path / name).write_bytes(bad)
            assert_folder_refused(tmp_path, ledger.key.text)
        (tmp_path / name).write_bytes(good)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 100])
def test_a_root_over_chain_heads_is_the_same_tree(count: int) -> None:
    heads = [bytes([number]) * 32 for number in range(count)]
    leaves = [leaf_hash(head) for head in heads]
    assert root_over(heads) == tree_hash(leaves)
    for number in range(count):
        assert list(prove_head(heads, number).path) == inclusion_path(leaves, number)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_both_judge_any_inclusion_proof_alike(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 40))
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    number = data.draw(st.integers(0, size - 1))
    claimed = data.draw(st.integers(0, 41))
    of = data.draw(st.integers(1, 41))
    path = spoiled(inclusion_path(leaves, number), leaves, data)
    root = tree_hash(leaves)
    checkpoint = Checkpoint(origin=ORIGIN, size=of, root=root)
    ours = says_no(lambda: verify_inclusion(checkpoint, claimed, leaves[number], path))
    theirs = says_no(
        lambda: fairview_inclusion(
            leaves[number], InclusionProof(index=claimed, size=of, path=tuple(path)), root
        )
    )
    assert ours is theirs
    if (claimed, of, path) == (number, size, inclusion_path(leaves, number)):
        assert not ours


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_both_judge_any_consistency_proof_alike(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 40))
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    old = data.draw(st.integers(1, size))
    claimed, of = data.draw(st.integers(0, 41)), data.draw(st.integers(0, 41))
    if data.draw(st.booleans()):
        claimed, of = old, size
    path = spoiled(consistency_path(leaves, old), leaves, data)
    old_root, new_root = tree_hash(leaves[:old]), tree_hash(leaves)
    before = Checkpoint(origin=ORIGIN, size=claimed, root=old_root)
    after = Checkpoint(origin=ORIGIN, size=of, root=new_root)
    ours = says_no(lambda: verify_consistency(before, after, path))
    theirs = says_no(
        lambda: fairview_consistency(
            ConsistencyProof(old=claimed, new=of, path=tuple(path)), old_root, new_root
        )
    )
    assert ours is theirs
    if (claimed, of, path) == (old, size, consistency_path(leaves, old)):
        assert not ours


def spoiled(path: list[bytes], leaves: list[bytes], data: st.DataObject) -> list[bytes]:
    """The path as it is, or with one thing wrong."""
    at = data.draw(st.integers(0, len(path)))
    return data.draw(
        st.sampled_from(
            [
                path,
                path[:at] + path[at + 1 :],
                [*path[:at], leaves[0], *path[at:]],
                path[::-1],
                [*path[:at], *(bytes(32) for _ in path[at : at + 1]), *path[at + 1 :]],
                [*path[:at], *(one[:31] for one in path[at : at + 1]), *path[at + 1 :]],
            ]
        )
    )


def says_no(check: Callable[[], None]) -> bool:
    try:
        check()
    except (Refused, FairviewError):
        return True
    return False
