"""A ledger whose every write can fail, before or after it took effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.errors import Conflict, Unavailable
from fairview.core.time import ManualClock
from fairview.store.ledger import HEAD_NAME, Ledger
from fairview.store.ledger_check import verify_ledger
from fairview.store.ledger_files import MemoryLedgerFiles
from fairview.store.ledger_tiles import TILE_WIDTH, Edge, grow, read_tile_path, write_bundle
from fairview.store.merkle import HASH_BYTES, root_over
from fairview.store.notes import NoteKey, note_key, open_checkpoint
from tests.builders import NOON

ORIGIN = "fairview.example/ledger"
SIGNER = Ed25519PrivateKey.from_private_bytes(b"l" * 32)
KEY = note_key(ORIGIN, SIGNER)


@dataclass
class Faults:
    """Which writes fail: their numbers, counted from 0 since the last reset.

    is_stored: whether a failing write takes effect all the same.
    """

    failing: frozenset[int] = frozenset()
    is_stored: bool = False
    count: int = 0
    done: list[str] = field(default_factory=list)

    def plan(self, *failing: int, is_stored: bool = False) -> None:
        self.failing, self.is_stored, self.count, self.done = frozenset(failing), is_stored, 0, []

    def next_fails(self, what: str) -> bool:
        number = self.count
        self.count += 1
        self.done.append(what)
        return number in self.failing


class FaultyFiles(MemoryLedgerFiles):
    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults
        self.notes: list[bytes] = []

    def replace(self, name: str, data: bytes) -> None:
        fails = self._faults.next_fails(name)
        if not fails or self._faults.is_stored:
            super().replace(name, data)
            if name == "checkpoint":
                self.notes.append(data)
        if fails:
            raise Unavailable(f"writing {name} failed on purpose")

    def remove(self, name: str) -> None:
        fails = self._faults.next_fails(f"remove {name}")
        if not fails or self._faults.is_stored:
            super().remove(name)
        if fails:
            raise Unavailable(f"removing {name} failed on purpose")

    def forget(self, folder: str) -> None:
        fails = self._faults.next_fails(f"forget {folder}")
        if not fails or self._faults.is_stored:
            super().forget(folder)
        if fails:
            raise Unavailable(f"forgetting {folder} failed on purpose")


class FaultyHeads:
    """Memory heads that fail as told, and remember every value they ever held."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.values: dict[str, bytes] = {}
        self.notes: list[bytes] = []

    def get(self, name: str) -> bytes | None:
        return self.values.get(name)

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        fails = self._faults.next_fails("head")
        if fails and not self._faults.is_stored:
            raise Unavailable("swapping the head failed on purpose")
        if self.values.get(name) != old:
            raise Conflict("the head has moved on")
        self.values[name] = new
        self.notes.append(new.partition(b"\n")[2])
        if fails:
            raise Unavailable("swapping the head failed on purpose, yet it was stored")


def assert_tidy(files: Mapping[str, bytes], entries: Sequence[bytes]) -> None:
    """Every file is the checkpoint, or what stands at its place in the tree of these entries:
    none is past the size, and none holds other bytes, whatever appends failed before."""
    whole = {(file.tile.level, file.tile.index): file for file in grow(Edge(), entries).files}
    for name, data in files.items():
        tile = read_tile_path(name)
        if tile is None:
            assert name == "checkpoint", name
            continue
        assert tile.end <= len(entries), name
        if tile.level is None:
            first = tile.index * TILE_WIDTH
            assert data == write_bundle(entries[first : first + tile.width]), name
        else:
            found = whole[tile.level, tile.index].data
            assert data == found[: tile.width * HASH_BYTES], name


class World:
    """One ledger's files and head, which outlive any number of openings."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.files = FaultyFiles(self.faults)
        self.heads = FaultyHeads(self.faults)
        self.clock = ManualClock(NOON)

    def open(self) -> Ledger:
        return Ledger(self.files, self.heads, SIGNER, ORIGIN, self.clock)

    def entries(self) -> list[bytes]:
        """Every entry under the published checkpoint, after all files were compared."""
        found: list[bytes] = []
        checkpoint = verify_ledger(
            self.files.read,
            KEY,
            on_entry=lambda _, entry: found.append(entry),
            names=self.files.names,
        )
        assert checkpoint.root == root_over(found)
        head = self.heads.values[HEAD_NAME].partition(b"\n")[2]
        assert head == self.files.read("checkpoint")
        return found

    def assert_tidy(self) -> None:
        assert_tidy(self.files.files, self.entries())

    def assert_no_fork(self, key: NoteKey = KEY) -> None:
        """Every checkpoint that ever stood in the head or the file is a beginning of the last."""
        entries = self.entries()
        for note in (*self.heads.notes, *self.files.notes):
            checkpoint = open_checkpoint(note, key)
            assert checkpoint.root == root_over(entries[: checkpoint.size]), checkpoint.size
