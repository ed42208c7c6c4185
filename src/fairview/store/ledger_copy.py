"""A copy of a ledger's files as they are for one size, also while the ledger grows."""

from __future__ import annotations

from collections.abc import Iterator

from fairview.core.errors import NotFound
from fairview.store.ledger import CHECKPOINT_FILE
from fairview.store.ledger_files import LedgerFiles
from fairview.store.ledger_tiles import (
    LEVELS_MAX,
    TILE_WIDTH,
    Tile,
    read_bundle,
    tile_width,
    write_bundle,
)
from fairview.store.merkle import HASH_BYTES
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
        new.replace(tile.path, _read(old, tile))
    new.replace(CHECKPOINT_FILE, note)
    return size


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile and bundle of a tree of that size."""
    for level in (None, *range(LEVELS_MAX)):
        index = 0
        while width := tile_width(level or 0, index, size):
            yield Tile(level=level, index=index, width=width)
            index += 1


def _read(files: LedgerFiles, tile: Tile) -> bytes:
    try:
        return files.read(tile.path)
    except NotFound:
        if tile.width == TILE_WIDTH:
            raise
    # The tile was finished meanwhile, and its narrower files are gone.
    whole = files.read(Tile(level=tile.level, index=tile.index, width=TILE_WIDTH).path)
    if tile.level is not None:
        return whole[: tile.width * HASH_BYTES]
    return write_bundle(read_bundle(whole, TILE_WIDTH)[: tile.width])
