"""Checking what Fairview hands out, offline: a bundle, a ledger, a single proof.

Used by `fairview verify PATH`. Needs no server, no network and no key but public ones.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fairview.access import words
from fairview.access.evidence_verifier import Fault, entry_in, verify_bundle
from fairview.access.leaves import read_leaf
from fairview.core.errors import BadInput, Corrupt, NotFound, Unavailable
from fairview.core.limits import VERIFY_FILE_BYTES_MAX, VERIFY_FILES_MAX
from fairview.store.ledger_tiles import TILE_HEIGHT, TILE_WIDTH, Tile, read_bundle, read_hashes
from fairview.store.merkle import leaf_hash, node_hash, tree_root
from fairview.store.notes import open_checkpoint, read_note_key
from fairview.store.proof import verify_proof

LEDGER_KEY_FILE = "ledger.key.txt"
"""Beside a ledger's checkpoint: the key that signs it, as text. Public."""

_TRIES_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found to be true. lines: sentences for a person."""

    kind: Literal["bundle", "ledger", "proof"]
    lines: tuple[str, ...]


def verify(path: Path, ledger_key: str | None = None) -> Verified:
    """Check a bundle (folder or .zip), a ledger folder, or a .tlog-proof file.

    ledger_key: the log's key as text, when it is known from elsewhere; without it a bundle's or
    ledger's own is taken and shown.
    Errors:  Corrupt with the first fault; BadInput when the path is none of these; NotFound.
    """
    if not path.exists():
        raise NotFound(f"there is nothing at {path}")
    if path.is_dir() and (path / "checkpoint").is_file():
        return _ledger(path, ledger_key)
    if path.is_dir() and (path / "manifest.json").is_file():
        return _bundle(_folder_files(path), ledger_key)
    if path.is_file() and zipfile.is_zipfile(path):
        return _bundle(_zip_files(path), ledger_key)
    if path.suffix == ".tlog-proof":
        return _proof(path, ledger_key)
    raise BadInput(f"{path} is neither a bundle, nor a ledger's folder, nor a .tlog-proof file")


def _bundle(files: dict[str, bytes], ledger_key: str | None) -> Verified:
    try:
        return Verified(kind="bundle", lines=tuple(verify_bundle(files, ledger_key)))
    except Fault as fault:
        raise Corrupt(f"the bundle does not hold: {fault}") from fault


def _folder_files(path: Path) -> dict[str, bytes]:
    found = [one for one in path.rglob("*") if one.is_file()]
    if len(found) > VERIFY_FILES_MAX:
        raise BadInput(f"a bundle has at most {VERIFY_FILES_MAX} files")
    files = {}
    for one in found:
        if one.stat().st_size > VERIFY_FILE_BYTES_MAX:
            raise BadInput(f"{one.name} is larger than a bundle's files can be")
        files[one.relative_to(path).as_posix()] = one.read_bytes()
    return files


def _zip_files(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if len(infos) > VERIFY_FILES_MAX:
                raise BadInput(f"a bundle has at most {VERIFY_FILES_MAX} files")
            if len({info.filename for info in infos}) != len(infos):
                raise Corrupt("the bundle names a file twice")
            for info in infos:
                if info.file_size > VERIFY_FILE_BYTES_MAX:
                    raise BadInput(f"{info.filename} is larger than a bundle's files can be")
            return {info.filename: archive.read(info) for info in infos}
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise Corrupt(f"{path.name} is damaged: {error}") from error


def _proof(path: Path, ledger_key: str | None) -> Verified:
    if ledger_key is None:
        raise BadInput("a single proof needs the ledger's key: give it with --key")
    data = path.read_bytes()
    try:
        entry = entry_in(data)
    except Fault as fault:
        raise Corrupt(f"the proof does not hold: {fault}") from fault
    proved = verify_proof(data, entry, read_note_key(ledger_key.strip()))
    said = words.line(proved.index, read_leaf(entry)).text
    return Verified(
        kind="proof",
        lines=(
            f"entry {proved.index} stands in the ledger of {proved.checkpoint.size} entries",
            f"it says: {said}",
        ),
    )


def _ledger(folder: Path, ledger_key: str | None) -> Verified:
    for _ in range(_TRIES_MAX):
        note = (folder / "checkpoint").read_bytes()
        try:
            return _ledger_at(folder, note, ledger_key)
        except Corrupt:
            # A ledger that grew meanwhile has moved its unfinished tiles.
            if (folder / "checkpoint").read_bytes() == note:
                raise
    raise Unavailable("the ledger grows faster than it can be read: check a copy of it")


def _ledger_at(folder: Path, note: bytes, ledger_key: str | None) -> Verified:
    key = read_note_key((ledger_key or _own_key(folder)).strip())
    checkpoint = open_checkpoint(note, key)
    hashes = _leaf_hashes(folder, checkpoint.size)
    _check_levels(folder, hashes)
    root = tree_root(len(hashes), _Nodes(hashes).node)
    if root != checkpoint.root:
        raise Corrupt("the ledger's entries do not make the root that its checkpoint signs")
    lines = [
        f"{checkpoint.size} entries make the root that {checkpoint.origin} signed",
        f"root {root.hex()}",
    ]
    if ledger_key is None:
        lines.append(f"the key, to compare with the one the site publishes: {key.text}")
    return Verified(kind="ledger", lines=tuple(lines))


def _own_key(folder: Path) -> str:
    try:
        return (folder / LEDGER_KEY_FILE).read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("give the ledger's key: the folder does not hold it") from error


def _leaf_hashes(folder: Path, size: int) -> list[bytes]:
    """The hash of every entry, read from the bundles themselves. Errors: Corrupt."""
    hashes: list[bytes] = []
    for index in range(-(-size // TILE_WIDTH)):
        width = min(TILE_WIDTH, size - index * TILE_WIDTH)
        data = _tile(folder, Tile(level=None, index=index, width=width))
        for entry in read_bundle(data, width):
            read_leaf(entry)
            hashes.append(leaf_hash(entry))
    return hashes


def _check_levels(folder: Path, leaves: list[bytes]) -> None:
    """Every tile holds what follows from the entries. Errors: Corrupt."""
    level, hashes = 0, leaves
    while hashes:
        for index in range(-(-len(hashes) // TILE_WIDTH)):
            part = tuple(hashes[index * TILE_WIDTH : (index + 1) * TILE_WIDTH])
            tile = Tile(level=level, index=index, width=len(part))
            if read_hashes(_tile(folder, tile), len(part)) != part:
                raise Corrupt(f"the ledger's file {tile.path} does not follow from its entries")
        hashes = [
            _whole(hashes[at : at + TILE_WIDTH])
            for at in range(0, len(hashes) - TILE_WIDTH + 1, TILE_WIDTH)
        ]
        level += 1


def _whole(hashes: list[bytes]) -> bytes:
    for _ in range(TILE_HEIGHT):
        hashes = [
            node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)
        ]
    return hashes[0]


def _tile(folder: Path, tile: Tile) -> bytes:
    """A tile's bytes. Errors: Corrupt."""
    path = folder / tile.path
    if path.is_file():
        return path.read_bytes()
    raise Corrupt(f"the ledger's file {tile.path} is missing")


class _Nodes:
    """Hashes of whole subtrees over the leaves."""

    def __init__(self, leaves: list[bytes]) -> None:
        self._levels = [leaves]

    def node(self, height: int, index: int) -> bytes:
        while len(self._levels) <= height:
            below = self._levels[-1]
            self._levels.append(
                [
                    node_hash(left, right)
                    for left, right in zip(below[::2], below[1::2], strict=False)
                ]
            )
        return self._levels[height][index]
