"""Read a whole ledger again and see that every file says the same. Needs its public key only."""

from __future__ import annotations

from collections.abc import Callable

from fairview.core.errors import Corrupt, NotFound
from fairview.store.ledger_tiles import (
    TILE_WIDTH,
    Edge,
    Tile,
    TileFile,
    edge_root,
    edge_tiles,
    grow,
    read_bundle,
    tile_width,
)
from fairview.store.notes import Checkpoint, NoteKey, open_checkpoint


def verify_ledger(
    read: Callable[[str], bytes], key: NoteKey, *, on_entry: Callable[[int, bytes], None]
) -> Checkpoint:
    """The checkpoint, once all entries, tiles and the root were found to match it.

    read gives a file by its public name (NotFound otherwise); on_entry hears every entry in
    order, before the whole is known to be right.

    Errors:  Corrupt, naming the first file that is missing, damaged or does not match.
    Cost:    every bundle and tile is read once; memory for one bundle.
    """
    checkpoint = open_checkpoint(_read(read, "checkpoint"), key)
    edge = Edge()
    while edge.size < checkpoint.size:
        index = edge.size // TILE_WIDTH
        width = tile_width(0, index, checkpoint.size)
        bundle = Tile(level=None, index=index, width=width)
        entries = read_bundle(_read(read, bundle.path), width)
        for at, entry in enumerate(entries):
            on_entry(edge.size + at, entry)
        growth = grow(edge, entries)
        edge = growth.edge
        for file in growth.files:
            if file.tile.level is not None and file.tile.width == TILE_WIDTH:
                _compare(read, file)
    for tile in edge_tiles(checkpoint.size):
        assert tile.level is not None
        _compare(read, TileFile(tile=tile, data=b"".join(edge.levels[tile.level])))
    if edge_root(edge) != checkpoint.root:
        raise Corrupt("the ledger's entries do not make the root of its checkpoint")
    return checkpoint


def _compare(read: Callable[[str], bytes], file: TileFile) -> None:
    if _read(read, file.tile.path) != file.data:
        raise Corrupt(f"the ledger's file {file.tile.path} does not match its entries")


def _read(read: Callable[[str], bytes], name: str) -> bytes:
    try:
        return read(name)
    except NotFound as error:
        raise Corrupt(f"the ledger's file {name} is missing") from error
