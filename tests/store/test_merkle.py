"""The hash tree against RFC 6962's own recursive definitions, written down again here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput, Corrupt
from fairview.store.merkle import (
    EMPTY_ROOT,
    ConsistencyProof,
    InclusionProof,
    Node,
    leaf_hash,
    prove_consistency,
    prove_head,
    prove_inclusion,
    root_over,
    tree_root,
    verify_consistency,
    verify_head,
    verify_inclusion,
)

SIZES = range(40)
# The inputs of Certificate Transparency's own tests, with the root of all eight.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def mth(entries: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = half(len(entries))
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def half(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def rfc_path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1."""
    if len(entries) == 1:
        return []
    k = half(len(entries))
    if m < k:
        return [*rfc_path(m, entries[:k]), mth(entries[k:])]
    return [*rfc_path(m - k, entries[k:]), mth(entries[:k])]


def rfc_subproof(m: int, entries: Sequence[bytes], known: bool) -> list[bytes]:
    """RFC 6962 section 2.1.2."""
    if m == len(entries):
        return [] if known else [mth(entries)]
    k = half(len(entries))
    if m <= k:
        return [*rfc_subproof(m, entries[:k], known), mth(entries[k:])]
    return [*rfc_subproof(m - k, entries[k:], False), mth(entries[:k])]


def entries_of(size: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(size)]


def nodes_of(entries: Sequence[bytes]) -> Node:
    return lambda height, index: mth(entries[index << height : (index + 1) << height])


def test_published_vectors_hold() -> None:
    assert root_over(CT_LEAVES).hex() == CT_ROOT
    assert root_over([]) == EMPTY_ROOT == mth([])


def test_roots_and_proofs_are_those_of_the_rfc() -> None:
    for size in SIZES:
        entries = entries_of(size)
        node = nodes_of(entries)
        assert tree_root(size, node) == root_over(entries) == mth(entries)
        for index in range(size):
            assert list(prove_inclusion(index, size, node).path) == rfc_path(index, entries)
        for old in range(1, size + 1):
            found = prove_consistency(old, size, node)
            assert list(found.path) == rfc_subproof(old, entries, True)


def test_every_proof_verifies_and_only_in_its_place() -> None:
    for size in SIZES:
        entries = entries_of(size)
        root = mth(entries)
        for index, entry in enumerate(entries):
            proof = prove_head(entries, index)
            verify_head(entry, proof, root)
            for elsewhere in range(size):
                if elsewhere != index:
                    with pytest.raises(Corrupt):
                        verify_head(entry, replace(proof, index=elsewhere), root)
        for old in range(size + 1):
            consistency = prove_consistency(old, size, nodes_of(entries))
            verify_consistency(consistency, mth(entries[:old]), root)


@given(st.integers(1, 300), st.data())
def test_a_changed_inclusion_proof_is_refused(size: int, data: st.DataObject) -> None:
    entries = entries_of(size)
    index = data.draw(st.integers(0, size - 1))
    proof = prove_head(entries, index)
    root = root_over(entries)
    for changed in _changed_paths(proof.path, data):
        with pytest.raises(Corrupt):
            verify_head(entries[index], replace(proof, path=changed), root)
    with pytest.raises(Corrupt):
        verify_head(entries[index] + b"x", proof, root)


@given(st.integers(1, 300), st.data())
def test_a_fork_or_a_changed_consistency_proof_is_refused(size: int, data: st.DataObject) -> None:
    entries = entries_of(size)
    old = data.draw(st.integers(1, size))
    proof = prove_consistency(old, size, nodes_of(entries))
    roots = mth(entries[:old]), mth(entries)
    verify_consistency(proof, *roots)
    for changed in _changed_paths(proof.path, data):
        with pytest.raises(Corrupt):
            verify_consistency(replace(proof, path=changed), *roots)
    forked = [*entries]
    forked[data.draw(st.integers(0, old - 1))] = b"another"
    with pytest.raises(Corrupt):
        verify_consistency(prove_consistency(old, size, nodes_of(forked)), roots[0], mth(forked))


def _changed_paths(path: tuple[bytes, ...], data: st.DataObject) -> list[tuple[bytes, ...]]:
    longer = (*path, bytes(32))
    if not path:
        return [longer]
    at = data.draw(st.integers(0, len(path) - 1))
    flipped = bytes([path[at][0] ^ 1]) + path[at][1:]
    changed = [longer, path[:at] + path[at + 1 :], (*path[:at], flipped, *path[at + 1 :])]
    reordered = path[::-1]
    return changed if reordered == path else [*changed, reordered]


def test_impossible_questions_are_refused() -> None:
    node = nodes_of(entries_of(3))
    for index in (-1, 3):
        with pytest.raises(BadInput):
            prove_inclusion(index, 3, node)
    for old in (-1, 4):
        with pytest.raises(BadInput):
            prove_consistency(old, 3, node)
    with pytest.raises(Corrupt):
        verify_inclusion(leaf_hash(b""), InclusionProof(index=0, size=0, path=()), EMPTY_ROOT)
    with pytest.raises(Corrupt):
        verify_consistency(ConsistencyProof(old=2, new=1, path=()), EMPTY_ROOT, EMPTY_ROOT)
    with pytest.raises(Corrupt):
        verify_consistency(ConsistencyProof(old=1, new=2, path=()), EMPTY_ROOT, EMPTY_ROOT)


def test_from_nothing_everything_follows() -> None:
    nothing = ConsistencyProof(old=0, new=5, path=())
    verify_consistency(nothing, EMPTY_ROOT, root_over(entries_of(5)))
    with pytest.raises(Corrupt):
        verify_consistency(nothing, bytes(32), root_over(entries_of(5)))
