"""A second verifier of the ledger, from the pages alone: a check on page and code alike.

Written from docs/reference/ledger-format.md, C2SP tlog-tiles, tlog-checkpoint, signed-note and
tlog-proof and RFC 6962, section 2.1, without a look at the ledger in use.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NOTE_BYTES_MAX = 128 * 1024
SIGNATURES_MAX = 32
PROOF_BYTES_MAX = 256 * 1024
PROOF_HASHES_MAX = 64
TILE_WIDTH = 256
ED25519 = b"\x01"

_NUMBER = re.compile(r"(0|[1-9][0-9]*)\Z", re.ASCII)
_TILE = re.compile(
    r"tile/(?P<level>[0-7]|entries)/(?P<index>(x[0-9]{3}/)*[0-9]{3})"
    r"(\.p/(?P<width>[1-9][0-9]{0,2}))?\Z",
    re.ASCII,
)


class Refused(Exception):
    """The ledger or proof is not what it says. The message names the part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteKey:
    """The key a reader trusts; its name is the ledger's origin."""

    name: str
    id: bytes
    public: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree head whose signature was checked."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A whole ledger that was checked: every entry up to its checkpoint, and their leaf hashes."""

    checkpoint: Checkpoint
    entries: tuple[bytes, ...]
    leaves: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What a proof file showed: this entry stands at this place under this checkpoint."""

    index: int
    checkpoint: Checkpoint


def read_note_key(text: str) -> NoteKey:
    """A key as handed out: `<origin>+<key id>+<base64>`.

    Errors:  Refused when the id is not this key's.
    """
    parts = text.split("+", 2)
    if len(parts) != 3 or not _is_key_name(parts[0]):
        raise Refused("a key is written name+id+base64")
    key = _base64(parts[2])
    if len(key) != 33 or key[:1] != ED25519:
        raise Refused("only Ed25519 keys are known")
    key_id = hashlib.sha256(parts[0].encode() + b"\n" + key).digest()[:4]
    if parts[1] != key_id.hex():
        raise Refused("the key's id is not its own")
    return NoteKey(name=parts[0], id=key_id, public=key[1:])


def open_checkpoint(note: bytes, key: NoteKey) -> Checkpoint:
    """The tree head in a signed note.

    Errors:  Refused when it is not signed by the key, or not written the one way there is.
    """
    text = _open_note(note, key)
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or lines[0] != key.name:
        raise Refused("a checkpoint is origin, size and root of the ledger that is asked for")
    root = _base64(lines[2])
    if len(root) != 32:
        raise Refused("a root is 32 bytes")
    return Checkpoint(origin=lines[0], size=_number(lines[1]), root=root)


def verify_log(folder: Path, key: NoteKey) -> Log:
    """Reads a ledger's folder as it is served, from the checkpoint down to every entry.

    Files past the checkpoint are of an append that nobody was told about, and are not looked at.

    Errors:  Refused when anything is missing or differs from the signed root.
    """
    checkpoint = open_checkpoint(_read(folder / "checkpoint"), key)
    entries = tuple(_entries(folder, checkpoint.size))
    leaves = tuple(leaf_hash(entry) for entry in entries)
    if tree_hash(leaves) != checkpoint.root:
        raise Refused("the entries do not make the signed root")
    levels = [leaves]
    while levels[-1]:
        below = levels[-1]
        full = range(0, len(below) - TILE_WIDTH + 1, TILE_WIDTH)
        levels.append(tuple(tree_hash(below[at : at + TILE_WIDTH]) for at in full))
    for level, hashes in enumerate(levels):
        for at in range(0, len(hashes), TILE_WIDTH):
            wanted = hashes[at : at + TILE_WIDTH]
            tile = _newest(folder / "tile" / str(level), at // TILE_WIDTH, len(wanted))
            if tile[: 32 * len(wanted)] != b"".join(wanted):
                raise Refused(f"tile {at // TILE_WIDTH} of level {level} differs")
    for path in sorted((folder / "tile").rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and _is_stray(path, name, levels, entries):
            raise Refused(f"{name} is not the beginning of what stands there now")
    return Log(checkpoint=checkpoint, entries=entries, leaves=leaves)


def verify_proof(proof: bytes, entry: bytes, key: NoteKey) -> Proven:
    """A `.tlog-proof` file: the entry stands in the ledger of this key.

    Errors:  Refused when it does not, or the file is not written the one way there is.
    """
    if len(proof) > PROOF_BYTES_MAX:
        raise Refused("a proof has at most 256 KiB")
    top, separator, note = proof.partition(b"\n\n")
    if not separator:
        raise Refused("a proof ends with a checkpoint")
    lines = _utf8(top).split("\n")
    if lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Refused("this is no proof of version 1")
    if lines and lines[0].startswith("extra "):
        _base64(lines.pop(0).removeprefix("extra "))
    if not lines or not lines[0].startswith("index "):
        raise Refused("a proof names the entry's index")
    index = _number(lines.pop(0).removeprefix("index "))
    if len(lines) > PROOF_HASHES_MAX:
        raise Refused("a proof has at most 64 hashes")
    path = [_base64(line) for line in lines]
    checkpoint = open_checkpoint(note, key)
    verify_inclusion(checkpoint, index, leaf_hash(entry), path)
    return Proven(index=index, checkpoint=checkpoint)


def verify_inclusion(
    checkpoint: Checkpoint, index: int, leaf: bytes, path: Sequence[bytes]
) -> None:
    """RFC 6962, section 2.1.1, read backwards.

    Errors:  Refused when the path does not lead from the leaf to the root.
    """
    if not 0 <= index < checkpoint.size:
        raise Refused(f"entry {index} is not among {checkpoint.size}")
    _hashes_only(path)
    if _climb(index, checkpoint.size, leaf, path) != checkpoint.root:
        raise Refused("the inclusion proof does not lead to the root")


def verify_consistency(old: Checkpoint, new: Checkpoint, path: Sequence[bytes]) -> None:
    """RFC 6962, section 2.1.2: the newer tree begins with the older one.

    Errors:  Refused when it does not, which is a fork, or the ledgers are different ones.
    """
    if old.origin != new.origin:
        raise Refused("these are two ledgers")
    if old.size > new.size:
        raise Refused("the newer checkpoint is shorter")
    _hashes_only(path)
    if old.size == 0:
        if path or old.root != tree_hash(()):
            raise Refused("an empty tree has one root and needs no proof")
        if new.size == 0 and new.root != old.root:
            raise Refused("fork: two roots of an empty tree")
        return
    if _regrow(old.size, new.size, old.root, path, is_whole=True) != (old.root, new.root):
        raise Refused(f"fork: size {old.size} is not the beginning of size {new.size}")


def verify_extends(log: Log, saved: Checkpoint) -> None:
    """That a ledger still begins with what a checkpoint saved earlier has signed.

    Errors:  Refused when it was forked or cut since.
    """
    if saved.origin != log.checkpoint.origin:
        raise Refused("these are two ledgers")
    if saved.size > log.checkpoint.size:
        raise Refused("the ledger is shorter than it was")
    if tree_hash(log.leaves[: saved.size]) != saved.root:
        raise Refused(f"fork: the first {saved.size} entries are not what was signed")


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(tree_hash(leaves[:split]), tree_hash(leaves[split:]))


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """RFC 6962, section 2.1.1, as written."""
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_path(leaves[:split], index), tree_hash(leaves[split:])]
    return [*inclusion_path(leaves[split:], index - split), tree_hash(leaves[:split])]


def consistency_path(leaves: Sequence[bytes], old: int, *, is_whole: bool = True) -> list[bytes]:
    """RFC 6962, section 2.1.2, as written, for 0 < old <= len(leaves)."""
    if old == len(leaves):
        return [] if is_whole else [tree_hash(leaves)]
    split = _split(len(leaves))
    if old <= split:
        left = consistency_path(leaves[:split], old, is_whole=is_whole)
        return [*left, tree_hash(leaves[split:])]
    right = consistency_path(leaves[split:], old - split, is_whole=False)
    return [*right, tree_hash(leaves[:split])]


def _split(size: int) -> int:
    """The largest power of two below size."""
    return 1 << ((size - 1).bit_length() - 1)


def _climb(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    if size == 1:
        if path:
            raise Refused("the inclusion proof is too long")
        return leaf
    if not path:
        raise Refused("the inclusion proof is too short")
    split = _split(size)
    if index < split:
        return node_hash(_climb(index, split, leaf, path[:-1]), path[-1])
    return node_hash(path[-1], _climb(index - split, size - split, leaf, path[:-1]))


def _regrow(
    old: int, new: int, old_root: bytes, path: Sequence[bytes], *, is_whole: bool
) -> tuple[bytes, bytes]:
    """Both roots over this part of the tree. is_whole: the older tree is just this part."""
    if old == new:
        if len(path) != (0 if is_whole else 1):
            raise Refused("the consistency proof has the wrong length")
        return (old_root, old_root) if is_whole else (path[0], path[0])
    if not path:
        raise Refused("the consistency proof is too short")
    split = _split(new)
    if old <= split:
        before, after = _regrow(old, split, old_root, path[:-1], is_whole=is_whole)
        return before, node_hash(after, path[-1])
    before, after = _regrow(old - split, new - split, old_root, path[:-1], is_whole=False)
    return node_hash(path[-1], before), node_hash(path[-1], after)


def _hashes_only(path: Sequence[bytes]) -> None:
    if len(path) > PROOF_HASHES_MAX or any(len(one) != 32 for one in path):
        raise Refused("a proof is at most 64 hashes of 32 bytes")


def _open_note(note: bytes, key: NoteKey) -> str:
    """The text of a note that the key signed, with its last newline."""
    if len(note) > NOTE_BYTES_MAX:
        raise Refused("a note has at most 128 KiB")
    whole = _utf8(note)
    if any(character < " " and character != "\n" for character in whole):
        raise Refused("a note has no control characters")
    text, separator, tail = whole.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise Refused("a note is text, an empty line and signatures, each ended by a newline")
    text += "\n"
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise Refused("a note has at most 32 signatures")
    signatures = [_signature(line) for line in lines]
    known = [blob[4:] for name, blob in signatures if name == key.name and blob[:4] == key.id]
    if not known:
        raise Refused("the note is not signed by the key that is asked for")
    for signature in known:
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError) as error:
            raise Refused("the note's signature is wrong") from error
    return text


def _signature(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014" or not _is_key_name(parts[1]):
        raise Refused("a signature line is dash, name and base64")
    blob = _base64(parts[2])
    if len(blob) < 5:
        raise Refused("a signature has a key id and more")
    return parts[1], blob


def _is_key_name(name: str) -> bool:
    return bool(name) and not any(one.isspace() or one == "+" or one < " " for one in name)


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("this is not UTF-8") from error


def _number(text: str) -> int:
    if not _NUMBER.match(text) or len(text) > 19 or int(text) >= 1 << 63:
        raise Refused(f"{text[:32]!r} is not a number as we write them")
    return int(text)


def _base64(text: str) -> bytes:
    """Base64 in its one spelling: padded, and no stray bits at the end."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Refused("this is not base64") from error
    if not data or base64.b64encode(data).decode() != text:
        raise Refused("base64 has one spelling only")
    return data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path.name} cannot be read") from error


def _index_path(index: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return "/".join(groups)


def _newest(level: Path, index: int, width: int) -> bytes:
    """A tile or bundle as wide as wanted; the full one when the partial one is gone."""
    full = level / _index_path(index)
    partial = full.with_name(f"{full.name}.p") / str(width)
    if width < TILE_WIDTH and partial.exists():
        data = _read(partial)
        if level.name != "entries" and len(data) != 32 * width:
            raise Refused(f"tile {index} is not {width} wide")
        return data
    data = _read(full)
    if level.name != "entries" and len(data) != 32 * TILE_WIDTH:
        raise Refused(f"tile {index} is not full")
    return data


def _entries(folder: Path, size: int) -> Iterator[bytes]:
    if size > sum(1 for _ in (folder / "tile").rglob("*")) * TILE_WIDTH:
        raise Refused("the checkpoint claims more entries than there are files for")
    for at in range(0, size, TILE_WIDTH):
        width = min(TILE_WIDTH, size - at)
        found = _bundle(_newest(folder / "tile" / "entries", at // TILE_WIDTH, width))
        if len(found) not in (width, TILE_WIDTH):
            raise Refused(f"bundle {at // TILE_WIDTH} has {len(found)} entries")
        yield from found[:width]


def _bundle(data: bytes) -> list[bytes]:
    """Entries with their two-byte lengths before them."""
    entries, position = [], 0
    while position < len(data):
        if position + 2 > len(data):
            raise Refused("a bundle is cut short")
        (length,) = struct.unpack_from(">H", data, position)
        entry = data[position + 2 : position + 2 + length]
        if len(entry) != length:
            raise Refused("a bundle is cut short")
        entries.append(entry)
        position += 2 + length
    return entries


def _is_stray(
    path: Path, name: str, levels: Sequence[Sequence[bytes]], entries: Sequence[bytes]
) -> bool:
    """Whether a partial tile or bundle under the checkpoint holds something else than the tree."""
    match = _TILE.match(name)
    if match is None or match["width"] is None:
        return False
    index, width = int(re.sub(r"\D", "", match["index"])), int(match["width"])
    at = slice(index * TILE_WIDTH, index * TILE_WIDTH + width)
    if match["level"] == "entries":
        wanted = b"".join(struct.pack(">H", len(one)) + one for one in entries[at])
        return len(entries[at]) == width and path.read_bytes() != wanted
    level = int(match["level"])
    hashes = levels[level][at] if level < len(levels) else ()
    return len(hashes) == width and path.read_bytes() != b"".join(hashes)
