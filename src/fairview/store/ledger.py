"""The public ledger: an RFC 6962 tree in C2SP tlog-tiles files, with signed checkpoints.

An append is durable in this order: entry bundles, tiles, the head (compare-and-swap: from here
on the entries count), the `checkpoint` file. A crash between any two leaves files that the next
opening removes, or a head whose checkpoint file is written again there.
Source:  decision 12; C2SP tlog-tiles, tlog-checkpoint; docs/reference/ledger-format.md.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.errors import BadInput, Conflict, Corrupt, FairviewError, NotFound, Unavailable
from fairview.core.limits import (
    LEDGER_BATCH_ENTRIES_MAX,
    LEDGER_BUNDLES_KEPT_MAX,
    LEDGER_WAITING_ENTRIES_MAX,
)
from fairview.core.time import Clock, Instant
from fairview.store.contracts import Heads
from fairview.store.ledger_batches import Batches
from fairview.store.ledger_files import LedgerFiles
from fairview.store.ledger_strays import clear_strays
from fairview.store.ledger_tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Edge,
    Tile,
    check_entry,
    edge_root,
    edge_tiles,
    grow,
    read_bundle,
    read_hashes,
    read_tile_path,
    subtree_root,
    tile_width,
    tiles_before_edge,
)
from fairview.store.merkle import (
    HASH_BYTES,
    ConsistencyProof,
    InclusionProof,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    tree_root,
    verify_inclusion,
)
from fairview.store.notes import (
    Checkpoint,
    NoteKey,
    note_key,
    open_checkpoint,
    sign_checkpoint,
)
from fairview.store.proof import LogProof, write_proof

CHECKPOINT_FILE: Final = "checkpoint"
HEAD_NAME: Final = "ledger"
"""Under this name `Heads` holds the newest checkpoint, with the time it was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    number: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """One durable tree. head: exactly what `Heads` holds for it."""

    edge: Edge
    root: bytes
    note: bytes
    at: Instant
    head: bytes


class Ledger:
    """Append and prove. Safe from several threads of one process.

    One writer at a time owns the files; the data folder's lock sees to that, and a second one is
    caught by the head's compare-and-swap. Answers always come from a tree whose checkpoint is
    durable in the head.
    """

    def __init__(
        self,
        files: LedgerFiles,
        heads: Heads,
        signer: Ed25519PrivateKey,
        origin: str,
        clock: Clock,
    ) -> None:
        """Opens the ledger, or begins it; finishes what a crash left half done.

        Errors:  Corrupt when files, head and key do not belong together: nothing is written
        then. Unavailable when the disk fails; try again.
        """
        self._files = files
        self._heads = heads
        self._signer = signer
        self._key = note_key(origin, signer)
        self._clock = clock
        self._batches = Batches(
            self._commit,
            batch_max=LEDGER_BATCH_ENTRIES_MAX,
            waiting_max=LEDGER_WAITING_ENTRIES_MAX,
        )
        self._bundles: OrderedDict[int, tuple[bytes, ...]] = OrderedDict()
        self._bundles_lock = threading.Lock()
        # Owned by whoever commits: whether the head, or the checkpoint file, may be elsewhere
        # than _state says, and whether files of an append that failed may lie about.
        self._is_head_unsure = False
        self._is_published = False
        self._is_untidy = True
        self._state = self._load() or self._begin()
        self._publish()
        self._tidy_if_possible()
        self._forget(tiles_before_edge(self.size))

    @property
    def key(self) -> NoteKey:
        """What verifies this ledger's checkpoints and proofs."""
        return self._key

    @property
    def size(self) -> int:
        """Entries so far."""
        return self._state.edge.size

    @property
    def root(self) -> bytes:
        return self._state.root

    @property
    def checkpoint_at(self) -> Instant:
        """When the newest checkpoint was made, by this machine's clock."""
        return self._state.at

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint, as in the file of that name."""
        return self._state.note

    def append(self, entries: Sequence[bytes]) -> tuple[int, ...]:
        """The entries' numbers; they and a checkpoint over them are durable on return.

        Bounds:  1 to LEDGER_BATCH_ENTRIES_MAX entries of at most 65,535 bytes.
        Errors:  BadInput; Overloaded; Unavailable when a write failed: the entries may stand all
        the same, and the ledger goes on with the next append. Corrupt when its files changed.
        Cost:    for a batch inside one tile three files and one head, however many callers.
        """
        if not 1 <= len(entries) <= LEDGER_BATCH_ENTRIES_MAX:
            raise BadInput(f"1 to {LEDGER_BATCH_ENTRIES_MAX} entries at once, not {len(entries)}")
        for entry in entries:
            check_entry(entry)
        return self._batches.submit(entries)

    def entry(self, number: int) -> bytes:
        """Errors:  NotFound; Corrupt when the bundle does not match its hashes."""
        state = self._state
        if not 0 <= number < state.edge.size:
            raise NotFound(f"the ledger has no entry {number}")
        return self._bundle(state, number // TILE_WIDTH)[number % TILE_WIDTH]

    def tail(self, count: int) -> tuple[LedgerEntry, ...]:
        """The newest entries, oldest of them first."""
        size = self.size
        return tuple(
            LedgerEntry(number=number, data=self.entry(number))
            for number in range(max(size - max(count, 0), 0), size)
        )

    def inclusion(self, number: int, size: int | None = None) -> InclusionProof:
        """That an entry stands in the tree of `size` entries (the newest when left out).

        Errors:  NotFound for an entry or size that the ledger does not have; Corrupt.
        """
        state = self._state
        size = self._known_size(state, size)
        if not 0 <= number < size:
            raise NotFound(f"the ledger of {size} entries has no entry {number}")
        return prove_inclusion(number, size, _Nodes(self, state).node)

    def consistency(self, old: int, new: int | None = None) -> ConsistencyProof:
        """That the tree of `new` entries begins with the tree of `old`. Errors: NotFound."""
        state = self._state
        new = self._known_size(state, new)
        if not 0 <= old <= new:
            raise NotFound(f"the ledger of {new} entries was never one of {old}")
        return prove_consistency(old, new, _Nodes(self, state).node)

    def root_at(self, size: int) -> bytes:
        """The root of the first `size` entries. Errors: NotFound."""
        state = self._state
        return tree_root(self._known_size(state, size), _Nodes(self, state).node)

    def proof(self, number: int, *, extra: bytes = b"") -> bytes:
        """A `.tlog-proof` file for an entry under the newest checkpoint.

        Errors:  NotFound; Corrupt when the tiles would prove nothing (checked before they go).
        """
        state = self._state
        if not 0 <= number < state.edge.size:
            raise NotFound(f"the ledger has no entry {number}")
        inclusion = prove_inclusion(number, state.edge.size, _Nodes(self, state).node)
        entry = self._bundle(state, number // TILE_WIDTH)[number % TILE_WIDTH]
        verify_inclusion(leaf_hash(entry), inclusion, state.root)
        proof = LogProof(index=number, path=inclusion.path, checkpoint=state.note, extra=extra)
        return write_proof(proof)

    def file(self, path: str) -> bytes:
        """A public static file: `checkpoint` or a tile's path.

        Partial tiles are cut from the newest ones, so what a crashed append left behind is never
        handed out. Errors: NotFound also for any other path.
        """
        state = self._state
        if path == CHECKPOINT_FILE:
            return state.note
        tile = read_tile_path(path)
        if tile is None or tile.end > state.edge.size:
            raise NotFound(f"{path!r} is no file of the ledger")
        data = self._read_tile(state, tile.level, tile.index)
        if tile.level is not None:
            return data[: tile.width * HASH_BYTES]
        at = 0
        for _ in range(tile.width):
            at += 2 + int.from_bytes(data[at : at + 2], "big")
        return data[:at]

    def _known_size(self, state: _State, size: int | None) -> int:
        size = state.edge.size if size is None else size
        if not 0 <= size <= state.edge.size:
            raise NotFound(f"the ledger has {state.edge.size} entries, not yet {size}")
        return size

    # Reading files.

    def _read_tile(self, state: _State, level: int | None, index: int) -> bytes:
        width = tile_width(level or 0, index, state.edge.size)
        tile = Tile(level=level, index=index, width=width)
        try:
            return self._files.read(tile.path)
        except NotFound:
            # An append may have finished the tile since `state`, and removed its narrower files.
            try:
                data = self._files.read(Tile(level=level, index=index, width=TILE_WIDTH).path)
            except NotFound as error:
                raise Corrupt(f"the ledger's file {tile.path} is missing") from error
            return data if level is None else data[: width * HASH_BYTES]

    def _hashes(self, state: _State, level: int, index: int) -> tuple[bytes, ...]:
        width = tile_width(level, index, state.edge.size)
        if width < TILE_WIDTH and level < len(state.edge.levels):
            return state.edge.levels[level]
        return read_hashes(self._read_tile(state, level, index), width)

    def _bundle(self, state: _State, index: int) -> tuple[bytes, ...]:
        """A bundle's entries, each of which has the hash that its level-0 tile says."""
        if index == state.edge.size // TILE_WIDTH:
            return state.edge.entries
        with self._bundles_lock:
            if index in self._bundles:
                self._bundles.move_to_end(index)
                return self._bundles[index]
        entries = read_bundle(self._read_tile(state, None, index), TILE_WIDTH)
        if tuple(map(leaf_hash, entries)) != self._hashes(state, 0, index):
            raise Corrupt(f"entries of the ledger's bundle {index} were changed")
        with self._bundles_lock:
            self._bundles[index] = entries
            while len(self._bundles) > LEDGER_BUNDLES_KEPT_MAX:
                self._bundles.popitem(last=False)
        return entries

    # Opening, and finding the truth again after a failure.

    def _begin(self) -> _State:
        if CHECKPOINT_FILE in self._files.names(""):
            raise Corrupt("the ledger has a checkpoint but its head is gone; restore the head")
        first = Tile(level=None, index=0, width=TILE_WIDTH)
        if self._files.names("tile/entries") or self._files.names(first.partial_folder):
            # No append writes before there is a head: these may be all that is left of a ledger.
            raise Corrupt("the ledger has entries but its head is gone; restore the head")
        state = self._signed(Edge())
        self._heads.swap(HEAD_NAME, None, state.head)
        return state

    def _load(self) -> _State | None:
        """The tree that the head names, with its edge read and checked against the root."""
        head = self._heads.get(HEAD_NAME)
        if head is None:
            return None
        at_us, _, note = head.partition(b"\n")
        checkpoint = open_checkpoint(note, self._key)
        try:
            at = Instant(int(at_us))
        except (ValueError, BadInput) as error:
            raise Corrupt("the ledger's head names no time") from error
        edge = self._read_edge(checkpoint.size)
        if edge_root(edge) != checkpoint.root:
            raise Corrupt("the ledger's tiles do not make the root that its head names")
        state = _State(edge=edge, root=checkpoint.root, note=note, at=at, head=head)
        self._check_published(state)
        return state

    def _read_edge(self, size: int) -> Edge:
        levels: list[tuple[bytes, ...]] = []
        while size >> (TILE_HEIGHT * len(levels)):
            levels.append(())
        for tile in edge_tiles(size):
            assert tile.level is not None
            levels[tile.level] = read_hashes(self._read_known(tile), tile.width)
        entries: tuple[bytes, ...] = ()
        if width := size % TILE_WIDTH:
            bundle = Tile(level=None, index=size // TILE_WIDTH, width=width)
            entries = read_bundle(self._read_known(bundle), width)
            if tuple(map(leaf_hash, entries)) != levels[0]:
                raise Corrupt("the ledger's newest entries do not have the hashes in its tile")
        return Edge(size=size, entries=entries, levels=tuple(levels))

    def _read_known(self, tile: Tile) -> bytes:
        try:
            return self._files.read(tile.path)
        except NotFound as error:
            raise Corrupt(f"the ledger's file {tile.path} is missing") from error

    def _check_published(self, state: _State) -> None:
        """Whether the checkpoint file is this tree's, or an earlier one of it (then it is behind).

        Anything else means that an old copy of the head was put back: going on would fork.
        """
        self._is_published = False
        try:
            note = self._files.read(CHECKPOINT_FILE)
        except NotFound:
            return
        if note == state.note:
            self._is_published = True
            return
        published = open_checkpoint(note, self._key)
        if published.size > state.edge.size or published.root != tree_root(
            published.size, _Nodes(self, state).node
        ):
            raise Corrupt("the published checkpoint is not one of the head's tree: a fork")

    # Writing; only ever in one thread at a time.

    def _commit(self, entries: Sequence[bytes]) -> int:
        if self._is_head_unsure:
            self._reload()
        self._publish()
        old = self._state
        self._refuse_moved_head(old)
        self._tidy()
        growth = grow(old.edge, entries)
        self._is_untidy = True
        try:
            for file in growth.files:
                self._files.replace(file.tile.path, file.data)
            self._swap(old, self._signed(growth.edge))
        except FairviewError:
            self._tidy_if_possible()
            raise
        self._is_untidy = False
        self._publish()
        self._forget(growth.finished)
        return old.edge.size

    def _signed(self, edge: Edge) -> _State:
        root = edge_root(edge)
        note = sign_checkpoint(
            Checkpoint(origin=self._key.name, size=edge.size, root=root), self._signer
        )
        at = self._clock.now()
        return _State(edge=edge, root=root, note=note, at=at, head=b"%d\n%s" % (at.us, note))

    def _refuse_moved_head(self, old: _State) -> None:
        # Before any file: a second writer must not write over the first one's tiles. What is left
        # is the time between here and the swap, which the data folder's lock closes.
        if self._heads.get(HEAD_NAME) != old.head:
            self._is_head_unsure = True
            raise Unavailable("another writer moved the ledger's head; try again")

    def _swap(self, old: _State, new: _State) -> None:
        self._is_head_unsure = True
        try:
            self._heads.swap(HEAD_NAME, old.head, new.head)
        except Conflict as error:
            raise Unavailable("another writer moved the ledger's head; try again") from error
        self._is_published = False
        self._state = new
        self._is_head_unsure = False

    def _reload(self) -> None:
        state = self._load()
        if state is None:
            raise Corrupt("the ledger's head is gone; restore it")
        self._state = state
        self._is_head_unsure = False

    def _publish(self) -> None:
        if not self._is_published:
            self._files.replace(CHECKPOINT_FILE, self._state.note)
            self._is_published = True

    def _tidy(self) -> None:
        """Remove what an append that failed left, before any checkpoint covers its names: a plain
        file server, and a reader who takes a full tile for a partial one, would see a fork."""
        if self._is_untidy:
            cleared = clear_strays(self._files, self._state.edge)
            self._is_untidy = False
            if cleared:
                structlog.get_logger().info("cleared up after a failed append", files=len(cleared))

    def _tidy_if_possible(self) -> None:
        """The same as soon as can be; what fails now is done before the next append."""
        try:
            if self._is_head_unsure:
                self._reload()
            self._tidy()
        except FairviewError as error:
            structlog.get_logger().warning(
                "files of a failed append stay in the ledger's folder for now", because=str(error)
            )

    def _forget(self, finished: Sequence[Tile]) -> None:
        for tile in finished:
            try:
                self._files.forget(tile.partial_folder)
            except FairviewError as error:
                # Only room is lost: the entries are durable, and the caller must hear that.
                structlog.get_logger().warning(
                    "partial tiles of the ledger stay behind",
                    folder=tile.partial_folder,
                    because=str(error),
                )


class _Nodes:
    """Hashes of whole subtrees out of tiles, each tile read once. For one proof."""

    def __init__(self, ledger: Ledger, state: _State) -> None:
        self._ledger = ledger
        self._state = state
        self._tiles: dict[tuple[int, int], tuple[bytes, ...]] = {}

    def node(self, height: int, index: int) -> bytes:
        level, inside = divmod(height, TILE_HEIGHT)
        first = index << inside
        tile = first // TILE_WIDTH
        if (level, tile) not in self._tiles:
            self._tiles[level, tile] = self._ledger._hashes(self._state, level, tile)
        at = first % TILE_WIDTH
        return subtree_root(self._tiles[level, tile][at : at + (1 << inside)])
