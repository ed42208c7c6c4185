"""The RFC 6962 hash tree: roots, inclusion and consistency, proved and verified. Pure.

Source:  RFC 6962 section 2.1 for the tree and its proofs, RFC 9162 sections 2.1.3.2 and 2.1.4.2
for verifying them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fairview.core.errors import BadInput, Corrupt

HASH_BYTES: Final = 32
PATH_HASHES_MAX: Final = 64
"""No proof over at most 2^63 leaves is longer."""

EMPTY_ROOT: Final = hashlib.sha256().digest()

Node = Callable[[int, int], bytes]
"""node(height, index): the hash over leaves [index * 2^height, (index + 1) * 2^height)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """That a leaf stands at `index` in the tree of `size` leaves. path: leaf's sibling first."""

    index: int
    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyProof:
    """That the tree of `old` leaves is the beginning of the tree of `new` leaves."""

    old: int
    new: int
    path: tuple[bytes, ...]


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of_parts(parts: Sequence[bytes]) -> bytes:
    """The root over whole subtrees, largest first, as a size's binary digits name them."""
    if not parts:
        return EMPTY_ROOT
    root = parts[-1]
    for part in reversed(parts[:-1]):
        root = node_hash(part, root)
    return root


def tree_root(size: int, node: Node) -> bytes:
    """The root of the first `size` leaves."""
    return _range_root(0, size, node)


def prove_inclusion(index: int, size: int, node: Node) -> InclusionProof:
    """Errors:  BadInput when the tree of that size has no such leaf."""
    if not 0 <= index < size:
        raise BadInput(f"a tree of {size} leaves has no leaf {index}")
    path = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, node))
            high = middle
        else:
            path.append(_range_root(low, middle, node))
            low = middle
    return InclusionProof(index=index, size=size, path=tuple(reversed(path)))


def prove_consistency(old: int, new: int, node: Node) -> ConsistencyProof:
    """Errors:  BadInput unless 0 <= old <= new. From nothing to anything the path is empty."""
    if not 0 <= old <= new:
        raise BadInput(f"a tree of {old} leaves is no beginning of one of {new}")
    path: list[bytes] = []
    low, high = 0, new
    is_known = True  # Whether the verifier holds the hash over [low, old) already.
    while old and old < high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_root(middle, high, node))
            high = middle
        else:
            path.append(_range_root(low, middle, node))
            low = middle
            is_known = False
    if not is_known:
        path.append(_range_root(low, high, node))
    return ConsistencyProof(old=old, new=new, path=tuple(reversed(path)))


def root_from_inclusion(leaf: bytes, proof: InclusionProof) -> bytes:
    """The root that the proof makes of a leaf's hash. Errors: Corrupt for an impossible proof."""
    if not 0 <= proof.index < proof.size or len(proof.path) > PATH_HASHES_MAX:
        raise Corrupt("an inclusion proof names a leaf that its tree does not have")
    first, second = proof.index, proof.size - 1
    root = leaf
    for part in proof.path:
        if second == 0:
            raise Corrupt("an inclusion proof is longer than its tree is high")
        if first & 1 or first == second:
            root = node_hash(part, root)
            while not first & 1 and first:
                first, second = first >> 1, second >> 1
        else:
            root = node_hash(root, part)
        first, second = first >> 1, second >> 1
    if second:
        raise Corrupt("an inclusion proof is shorter than its tree is high")
    return root


def verify_inclusion(leaf: bytes, proof: InclusionProof, root: bytes) -> None:
    """Errors:  Corrupt unless the leaf's hash stands where the proof says under this root."""
    if root_from_inclusion(leaf, proof) != root:
        raise Corrupt(f"entry {proof.index} is not in this tree of {proof.size}")


def verify_consistency(proof: ConsistencyProof, old_root: bytes, new_root: bytes) -> None:
    """Errors:  Corrupt unless the new tree begins with the old one: a fork, or a changed proof."""
    fork = Corrupt(f"the tree of {proof.new} does not begin with the tree of {proof.old}: a fork")
    if not 0 <= proof.old <= proof.new or len(proof.path) > PATH_HASHES_MAX:
        raise fork
    if proof.old in (0, proof.new):
        is_same = old_root == (EMPTY_ROOT if proof.old == 0 else new_root)
        if proof.path or not is_same or (proof.new == 0 and new_root != EMPTY_ROOT):
            raise fork
        return
    path = list(proof.path)
    if proof.old & (proof.old - 1) == 0:
        path.insert(0, old_root)
    first, second = proof.old - 1, proof.new - 1
    while first & 1:
        first, second = first >> 1, second >> 1
    if not path:
        raise fork
    old = new = path[0]
    for part in path[1:]:
        if second == 0:
            raise fork
        if first & 1 or first == second:
            old, new = node_hash(part, old), node_hash(part, new)
            while not first & 1 and first:
                first, second = first >> 1, second >> 1
        else:
            new = node_hash(new, part)
        first, second = first >> 1, second >> 1
    if second or old != old_root or new != new_root:
        raise fork


def root_over(heads: Sequence[bytes]) -> bytes:
    """The root over segment heads in leaf order; each head is a leaf's content."""
    return tree_root(len(heads), _over_entries(heads))


def prove_head(heads: Sequence[bytes], index: int) -> InclusionProof:
    """That one head stands under `root_over(heads)`; verify with `verify_head`."""
    return prove_inclusion(index, len(heads), _over_entries(heads))


def verify_head(head: bytes, proof: InclusionProof, root: bytes) -> None:
    """Errors:  Corrupt unless the head stands under the root."""
    verify_inclusion(leaf_hash(head), proof, root)


def _over_entries(entries: Sequence[bytes]) -> Node:
    levels = [[leaf_hash(entry) for entry in entries]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = zip(below[::2], below[1::2], strict=False)
        levels.append([node_hash(left, right) for left, right in pairs])
    return lambda height, index: levels[height][index]


def _split(size: int) -> int:
    """The largest power of two below size (size > 1)."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_root(low: int, high: int, node: Node) -> bytes:
    """The root over [low, high), where low is a multiple of its largest whole subtree."""
    parts = []
    while low < high:
        height = (high - low).bit_length() - 1
        parts.append(node(height, low >> height))
        low += 1 << height
    return root_of_parts(parts)
