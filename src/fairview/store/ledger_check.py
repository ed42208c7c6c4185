"""Read a whole ledger again and see that every file says the same. Needs its public key only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from fairview.core.errors import Corrupt, NotFound
from fairview.store.ledger_files import read_tile
from fairview.store.ledger_tiles import (
    TILE_WIDTH,
    Edge,
    Tile,
    TileFile,
    edge_root,
    edge_tiles,
    grow,
    read_bundle,
    read_tile_path,
    tile_width,
    write_bundle,
)
from fairview.store.merkle import HASH_BYTES
from fairview.store.notes import Checkpoint, NoteKey, open_checkpoint


def verify_ledger(
    read: Callable[[str], bytes],
    key: NoteKey,
    *,
    on_entry: Callable[[int, bytes], None],
    names: Callable[[str], Collection[str]] | None = None,
) -> Checkpoint:
    """The checkpoint, once all entries, tiles and the root were found to match it.

    read gives a file by its public name (NotFound otherwise); a partial tile that is not there is
    cut from the full one. on_entry hears every entry in order, before the whole is known to be
    right. names lists a folder: then every narrower tile of earlier sizes that still lies there
    is compared too. Without it (over HTTP) they are not looked for; this checkpoint needs none.
    Files past the checkpoint are not looked at.

    Errors:  Corrupt, naming the first file that is missing, damaged or does not match.
    Cost:    every bundle and tile is read once; memory for one bundle.
    """
    checkpoint = open_checkpoint(_read(read, "checkpoint"), key)
    checking = _Checking(read, names, checkpoint.size)
    edge = Edge()
    while edge.size < checkpoint.size:
        index = edge.size // TILE_WIDTH
        width = tile_width(0, index, checkpoint.size)
        bundle = Tile(level=None, index=index, width=width)
        entries = read_bundle(checking.tile(bundle), width)
        for at, entry in enumerate(entries):
            on_entry(edge.size + at, entry)
        checking.narrower(bundle, partial(_first, entries))
        growth = grow(edge, entries)
        edge = growth.edge
        for file in growth.files:
            if file.tile.level is not None and file.tile.width == TILE_WIDTH:
                checking.compare(file)
    for tile in edge_tiles(checkpoint.size):
        assert tile.level is not None
        checking.compare(TileFile(tile=tile, data=b"".join(edge.levels[tile.level])))
    if edge_root(edge) != checkpoint.root:
        raise Corrupt("the ledger's entries do not make the root of its checkpoint")
    return checkpoint


class _Checking:
    """Files against what they must hold, under a checkpoint of so many entries."""

    def __init__(
        self,
        read: Callable[[str], bytes],
        names: Callable[[str], Collection[str]] | None,
        size: int,
    ) -> None:
        self._read = read
        self._names = names
        self._size = size

    def tile(self, tile: Tile) -> bytes:
        return _read(lambda _: read_tile(self._read, tile), tile.path)

    def compare(self, file: TileFile) -> None:
        """A tile of hashes, and the narrower ones beside it."""
        if self.tile(file.tile) != file.data:
            raise _mismatch(file.tile)
        self.narrower(file.tile, lambda width: file.data[: width * HASH_BYTES])

    def narrower(self, whole: Tile, data: Callable[[int], bytes]) -> None:
        """data gives what a narrower version of this width holds."""
        if self._names is None:
            return
        for name in sorted(self._names(whole.partial_folder)):
            tile = read_tile_path(f"{whole.partial_folder}/{name}")
            if tile is None or tile.end > self._size:
                continue
            if _read(self._read, tile.path) != data(tile.width):
                raise _mismatch(tile)


def _first(entries: Sequence[bytes], width: int) -> bytes:
    return write_bundle(entries[:width])


def _mismatch(tile: Tile) -> Corrupt:
    return Corrupt(f"the ledger's file {tile.path} does not match its entries")


def _read(read: Callable[[str], bytes], name: str) -> bytes:
    try:
        return read(name)
    except NotFound as error:
        raise Corrupt(f"the ledger's file {name} is missing") from error
