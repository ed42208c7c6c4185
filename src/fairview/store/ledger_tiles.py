"""A growing tree as tiles and entry bundles: what an append adds, and what each file holds. Pure.

Source:  C2SP tlog-tiles; docs/reference/ledger-format.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fairview.core.errors import BadInput, Corrupt
from fairview.core.limits import LEDGER_ENTRY_BYTES_MAX
from fairview.store.merkle import HASH_BYTES, leaf_hash, node_hash, root_of_parts

TILE_WIDTH: Final = 256
TILE_HEIGHT: Final = 8
LEVELS_MAX: Final = 8
"""A tree of 2^63 leaves reaches level 7."""

_PATH = re.compile(
    r"tile/(?P<level>entries|[0-7])/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One static file: hashes at a level, or (level None) the bundle of entries under level 0.

    width: 1 to 256; 256 is a full tile, whose name carries no width.
    """

    level: int | None
    index: int
    width: int

    @property
    def path(self) -> str:
        """`tile/<level>/<index>[.p/<width>]`, the index in groups of three digits."""
        if self.width == TILE_WIDTH:
            return self._stem
        return f"{self._stem}.p/{self.width}"

    @property
    def partial_folder(self) -> str:
        """Where this tile's narrower versions lie."""
        return f"{self._stem}.p"

    @property
    def end(self) -> int:
        """How many entries the tree must have for this tile to be part of it."""
        return (self.index * TILE_WIDTH + self.width) << (TILE_HEIGHT * (self.level or 0))

    @property
    def _stem(self) -> str:
        digits = str(self.index)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        parts = [f"x{group}" for group in groups[:-1]] + groups[-1:]
        level = "entries" if self.level is None else str(self.level)
        return "/".join(("tile", level, *parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """All that an append needs of a tree: its unfinished bundle and tiles.

    levels[l] holds the hashes of the unfinished tile at level l (fewer than 256).
    """

    size: int = 0
    entries: tuple[bytes, ...] = ()
    levels: tuple[tuple[bytes, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TileFile:
    tile: Tile
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """files: what must be durable before the new edge counts, bundles first. finished: full
    tiles among them, whose narrower versions may go once the new edge is published."""

    edge: Edge
    files: tuple[TileFile, ...]

    @property
    def finished(self) -> tuple[Tile, ...]:
        return tuple(file.tile for file in self.files if file.tile.width == TILE_WIDTH)


def read_tile_path(path: str) -> Tile | None:
    """The tile a public path names; None for any other text, also an unusual spelling."""
    match = _PATH.match(path)
    if match is None:
        return None
    index = int(match["index"].replace("x", "").replace("/", ""))
    level = None if match["level"] == "entries" else int(match["level"])
    tile = Tile(level=level, index=index, width=int(match["width"] or TILE_WIDTH))
    return tile if tile.path == path else None


def tile_width(level: int, index: int, size: int) -> int:
    """How wide a tile is in a tree of that size: 0 to 256. Bundles are as wide as level 0."""
    return min(max((size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH, 0), TILE_WIDTH)


def edge_tiles(size: int) -> tuple[Tile, ...]:
    """The partial tiles of a tree of that size, lowest level first."""
    tiles = []
    for level in range(LEVELS_MAX):
        hashes = size >> (TILE_HEIGHT * level)
        if hashes % TILE_WIDTH:
            tile = Tile(level=level, index=hashes // TILE_WIDTH, width=hashes % TILE_WIDTH)
            tiles.append(tile)
    return tuple(tiles)


def tiles_before_edge(size: int) -> tuple[Tile, ...]:
    """The last full tile of every level, and the last full bundle."""
    tiles = []
    for level in (None, *range(LEVELS_MAX)):
        index = (size >> (TILE_HEIGHT * (level or 0))) // TILE_WIDTH - 1
        if index >= 0:
            tiles.append(Tile(level=level, index=index, width=TILE_WIDTH))
    return tuple(tiles)


def edge_root(edge: Edge) -> bytes:
    """The tree's root hash. Cost: at most 255 hashes a level."""
    parts: list[bytes] = []
    for hashes in reversed(edge.levels):
        at = 0
        for bit in range(TILE_HEIGHT - 1, -1, -1):
            if len(hashes) >> bit & 1:
                parts.append(subtree_root(hashes[at : at + (1 << bit)]))
                at += 1 << bit
    return root_of_parts(parts)


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    row = list(hashes)
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=True)
        row = [node_hash(left, right) for left, right in pairs]
    return row[0]


def grow(edge: Edge, entries: Sequence[bytes]) -> Growth:
    """The tree with more entries, and every file that changes.

    Cost:    files for k entries that stay inside one tile: one bundle and one level-0 tile.
    """
    levels = [list(hashes) for hashes in edge.levels]
    bundle = list(edge.entries)
    bundles: list[TileFile] = []
    tiles: list[TileFile] = []
    changed: set[int] = set()
    size = edge.size
    for entry in entries:
        bundle.append(entry)
        size += 1
        if len(bundle) == TILE_WIDTH:
            bundles.append(_bundle_file(size, bundle))
            bundle = []
        tiles += _push(levels, changed, size, leaf_hash(entry))
    if bundle:
        bundles.append(_bundle_file(size, bundle))
    for level in sorted(changed):
        if levels[level]:
            index = (size >> (TILE_HEIGHT * level)) // TILE_WIDTH
            tile = Tile(level=level, index=index, width=len(levels[level]))
            tiles.append(TileFile(tile=tile, data=b"".join(levels[level])))
    new = Edge(
        size=size,
        entries=tuple(bundle),
        levels=tuple(tuple(hashes) for hashes in levels),
    )
    return Growth(edge=new, files=(*bundles, *tiles))


def write_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries with their lengths in two bytes before each."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def read_bundle(data: bytes, width: int) -> tuple[bytes, ...]:
    """Exactly `width` entries. Errors: Corrupt."""
    entries = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        entries.append(data[start:at])
    if at != len(data) or len(entries) != width:
        raise Corrupt("an entry bundle of the ledger is damaged")
    return tuple(entries)


def read_hashes(data: bytes, width: int) -> tuple[bytes, ...]:
    """Exactly `width` hashes. Errors: Corrupt."""
    if len(data) != width * HASH_BYTES:
        raise Corrupt("a tile of the ledger is damaged")
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def check_entry(entry: bytes) -> None:
    """Errors:  BadInput when an entry is too long for a bundle."""
    if len(entry) > LEDGER_ENTRY_BYTES_MAX:
        raise BadInput(f"a ledger entry of {len(entry)} bytes is over {LEDGER_ENTRY_BYTES_MAX}")


def _bundle_file(size: int, bundle: Sequence[bytes]) -> TileFile:
    tile = Tile(level=None, index=(size - 1) // TILE_WIDTH, width=len(bundle))
    return TileFile(tile=tile, data=write_bundle(bundle))


def _push(
    levels: list[list[bytes]], changed: set[int], size: int, new_hash: bytes
) -> list[TileFile]:
    """Put a leaf's hash in place, carrying full tiles up; the full tiles' files."""
    full = []
    carried: bytes | None = new_hash
    level = 0
    while carried is not None:
        if level == len(levels):
            levels.append([])
        hashes = levels[level]
        hashes.append(carried)
        changed.add(level)
        carried = None
        if len(hashes) == TILE_WIDTH:
            index = (size >> (TILE_HEIGHT * (level + 1))) - 1
            tile = Tile(level=level, index=index, width=TILE_WIDTH)
            full.append(TileFile(tile=tile, data=b"".join(hashes)))
            carried = subtree_root(hashes)
            levels[level] = []
            level += 1
    return full
