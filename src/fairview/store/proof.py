"""`.tlog-proof` files: that an entry stands in a ledger, checked without the ledger. Pure.

Source:  C2SP tlog-proof.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

from fairview.core.errors import Corrupt
from fairview.core.limits import LOG_PROOF_BYTES_MAX
from fairview.store.merkle import (
    HASH_BYTES,
    PATH_HASHES_MAX,
    InclusionProof,
    leaf_hash,
    verify_inclusion,
)
from fairview.store.notes import Checkpoint, NoteKey, open_checkpoint, read_number, unbase64

_FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProof:
    """What a `.tlog-proof` file says, before anything in it is verified.

    checkpoint: the signed note, verbatim. extra: for the application, never authenticated;
    empty when there is none.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """An entry's place in a ledger, verified."""

    index: int
    checkpoint: Checkpoint


def write_proof(proof: LogProof) -> bytes:
    """The file's bytes."""
    lines = [_FIRST_LINE]
    if proof.extra:
        lines.append(f"extra {_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines += [_base64(part) for part in proof.path]
    return "".join(f"{line}\n" for line in (*lines, "")).encode() + proof.checkpoint


def read_proof(data: bytes) -> LogProof:
    """The file taken apart; `write_proof` gives the same bytes back.

    Errors:  Corrupt for anything but the one spelling of the format, or over LOG_PROOF_BYTES_MAX.
    """
    if len(data) > LOG_PROOF_BYTES_MAX:
        raise Corrupt(f"a proof of {len(data)} bytes is over its bound")
    top, blank, checkpoint = data.partition(b"\n\n")
    try:
        lines = top.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Corrupt("a proof's own lines are plain ASCII") from error
    if not blank or lines.pop(0) != _FIRST_LINE or not lines:
        raise Corrupt("these bytes are not a proof of the known version")
    extra = b""
    if lines[0].startswith("extra "):
        extra = unbase64(lines.pop(0).removeprefix("extra "))
        if not extra:
            raise Corrupt("a proof's extra line is empty")
    if not lines or not lines[0].startswith("index "):
        raise Corrupt("a proof does not say which entry it is about")
    index = read_number(lines.pop(0).removeprefix("index "))
    path = tuple(unbase64(line) for line in lines)
    if len(path) > PATH_HASHES_MAX or any(len(part) != HASH_BYTES for part in path):
        raise Corrupt("a proof's hashes are too many or too short")
    return LogProof(index=index, path=path, checkpoint=checkpoint, extra=extra)


def verify_proof(data: bytes, entry: bytes, key: NoteKey) -> Proved:
    """That the ledger of this key holds exactly this entry, where the file says.

    Errors:  Corrupt when anything differs: the entry, the proof, the checkpoint, its signature.
    """
    proof = read_proof(data)
    checkpoint = open_checkpoint(proof.checkpoint, key)
    inclusion = InclusionProof(index=proof.index, size=checkpoint.size, path=proof.path)
    verify_inclusion(leaf_hash(entry), inclusion, checkpoint.root)
    return Proved(index=proof.index, checkpoint=checkpoint)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
