"""Files near a ledger's edge that are not its tree's: what an append that failed left behind.

Every append begins at the newest durable size and adds at most LEDGER_BATCH_ENTRIES_MAX entries,
so that what it left lies within a few tiles of the edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fairview.core.errors import NotFound
from fairview.core.limits import LEDGER_BATCH_ENTRIES_MAX
from fairview.store.ledger_files import LedgerFiles
from fairview.store.ledger_tiles import (
    LEVELS_MAX,
    TILE_HEIGHT,
    TILE_WIDTH,
    Edge,
    Tile,
    read_tile_path,
    write_bundle,
)

_TILES_AHEAD: Final = -(-LEDGER_BATCH_ENTRIES_MAX // TILE_WIDTH)
"""How many tiles of a level an append reaches past the unfinished one, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A file that should not be as it is. data: what its name must hold; None: it must go."""

    name: str
    data: bytes | None


def strays(files: LedgerFiles, edge: Edge) -> tuple[Stray, ...]:
    """Every file that is past the edge, or under it and not the beginning of what stands there.

    Errors:  Unavailable.
    Cost:    lists some ten folders a level; reads what each unfinished tile has of its 255 widths.
    """
    return tuple(
        stray
        for level in (None, *range(LEVELS_MAX))
        for stray in (*_past(files, edge, level), *_narrower(files, edge, level))
    )


def clear_strays(files: LedgerFiles, edge: Edge) -> tuple[str, ...]:
    """Put every stray right, durably; their names. Errors: Unavailable."""
    found = strays(files, edge)
    for stray in found:
        if stray.data is None:
            files.remove(stray.name)
        else:
            files.replace(stray.name, stray.data)
    return tuple(stray.name for stray in found)


def _unfinished(edge: Edge, level: int | None) -> int:
    """The index of a level's unfinished tile."""
    return (edge.size >> (TILE_HEIGHT * (level or 0))) // TILE_WIDTH


def _past(files: LedgerFiles, edge: Edge, level: int | None) -> Iterator[Stray]:
    """Full tiles from the unfinished one on, and partial ones behind it."""
    first = _unfinished(edge, level)
    for index in range(first, first + _TILES_AHEAD + 1):
        tile = Tile(level=level, index=index, width=TILE_WIDTH)
        folder, _, last = tile.path.rpartition("/")
        if last in files.names(folder):
            yield Stray(name=tile.path, data=None)
        if index > first:
            for name in files.names(tile.partial_folder):
                yield Stray(name=f"{tile.partial_folder}/{name}", data=None)


def _narrower(files: LedgerFiles, edge: Edge, level: int | None) -> Iterator[Stray]:
    """Every width that the unfinished tile has, its own included."""
    folder = Tile(level=level, index=_unfinished(edge, level), width=TILE_WIDTH).partial_folder
    for name in files.names(folder):
        path = f"{folder}/{name}"
        tile = read_tile_path(path)
        if tile is None or tile.end > edge.size:
            yield Stray(name=path, data=None)
            continue
        data = edge_file(edge, tile)
        try:
            is_stray = files.read(path) != data
        except NotFound:
            continue
        if is_stray:
            yield Stray(name=path, data=data)


def edge_file(edge: Edge, tile: Tile) -> bytes:
    """What an unfinished tile, or a narrower version of it, holds."""
    if tile.level is None:
        return write_bundle(edge.entries[: tile.width])
    return b"".join(edge.levels[tile.level][: tile.width])
