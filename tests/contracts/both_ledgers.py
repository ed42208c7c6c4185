"""One ledger, two verifiers: what the tests of both hold up to them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.errors import FairviewError
from fairview.core.time import SystemClock
from fairview.store.heads import MemoryHeads
from fairview.store.ledger import Ledger
from fairview.store.ledger_check import verify_ledger
from fairview.store.ledger_files import FolderLedgerFiles
from fairview.store.notes import open_checkpoint as fairview_checkpoint
from fairview.store.notes import read_note_key as fairview_key
from fairview.store.proof import verify_proof as fairview_proof
from tests.contracts.second_ledger import (
    Refused,
    open_checkpoint,
    read_note_key,
    verify_log,
    verify_proof,
)

ORIGIN = "fairview.local/test"

SIGNER = Ed25519PrivateKey.from_private_bytes(b"\x44" * 32)

STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x45" * 32)

STEPS = (1, 2, 5, 247, 1, 1, 300)
"""Batches that end before, on and behind a tile's edge."""


class UnsyncedFiles(FolderLedgerFiles):
    """The same files without a wait for the disk: nothing here survives a power cut anyway."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._folder = root

    def replace(self, name: str, data: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def begin(folder: Path, signer: Ed25519PrivateKey = SIGNER, origin: str = ORIGIN) -> Ledger:
    return Ledger(UnsyncedFiles(folder), MemoryHeads(), signer, origin, SystemClock())


def entries(first: int, count: int, history: str = "a") -> list[bytes]:
    return [f"{history}: entry {number}".encode() for number in range(first, first + count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A ledger and what an outsider saved of it: its key and every checkpoint, by size."""

    folder: Path
    ledger: Ledger
    key_text: str
    saved: dict[int, bytes]


def keep(folder: Path) -> Kept:
    """A ledger written batch by batch, each checkpoint kept."""
    ledger = Ledger(FolderLedgerFiles(folder), MemoryHeads(), SIGNER, ORIGIN, SystemClock())
    saved = {0: ledger.checkpoint()}
    for count in STEPS:
        ledger.append(entries(ledger.size, count))
        saved[ledger.size] = ledger.checkpoint()
    return Kept(folder=folder, ledger=ledger, key_text=ledger.key.text, saved=saved)


def checked_by_fairview(folder: Path, key_text: str) -> int:
    files = FolderLedgerFiles(folder)
    return verify_ledger(
        files.read,
        fairview_key(key_text),
        on_entry=lambda _number, _entry: None,
        names=files.names,
    ).size


def assert_folder_refused(folder: Path, key_text: str) -> None:
    with pytest.raises(Refused):
        verify_log(folder, read_note_key(key_text))
    with pytest.raises(FairviewError):
        checked_by_fairview(folder, key_text)


def assert_note_refused(note: bytes, key_text: str) -> None:
    with pytest.raises(Refused):
        open_checkpoint(note, read_note_key(key_text))
    with pytest.raises(FairviewError):
        fairview_checkpoint(note, fairview_key(key_text))


def assert_proof_refused(proof: bytes, entry: bytes, key_text: str) -> None:
    with pytest.raises(Refused):
        verify_proof(proof, entry, read_note_key(key_text))
    with pytest.raises(FairviewError):
        fairview_proof(proof, entry, fairview_key(key_text))


def base(data: bytes) -> str:
    return base64.b64encode(data).decode()
