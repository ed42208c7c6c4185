"""A copy of a ledger's files as they are for one size, also while the ledger grows."""

from __future__ import annotations

from collections.abc import Iterator

from fairview.store.ledger import CHECKPOINT_FILE
from fairview.store.ledger_files import LedgerFiles, read_tile
from fairview.store.ledger_tiles import LEVELS_MAX, Tile, tile_width
from fairview.store.notes import NoteKey, open_checkpoint


def copy_ledger(old: LedgerFiles, new: LedgerFiles, head: bytes, key: NoteKey) -> int:
    """Write the files of the tree that a head names; how many entries it has.

    Tiles that have grown since are cut to the head's width, so the copy is exactly the ledger of
    that moment. head: as `Heads` holds it, time and checkpoint.

    Errors:  Corrupt when the head is not the key's, or a file is missing or damaged; NotFound for
    a tile that is not there.
    Cost:    one sync for each 256 entries, twice.
    """
    note = head.partition(b"\n")[2]
    size = open_checkpoint(note, key).size
    for tile in tiles_of(size):
        new.replace(tile.path, read_tile(old.read, tile))
    new.replace(CHECKPOINT_FILE, note)
    return size


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile and bundle of a tree of that size."""
    for level in (None, *range(LEVELS_MAX)):
        index = 0
        while width := tile_width(level or 0, index, size):
            yield Tile(level=level, index=index, width=width)
            index += 1
