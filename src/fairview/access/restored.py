"""The ledger line of a restored node: readers see where the ledger goes on, and from which copy."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.access.door_rows import DoorRows
from fairview.access.journal import Journal
from fairview.access.leaves import NodeRestored
from fairview.core.errors import Corrupt
from fairview.core.time import Clock, Instant
from fairview.store.heads import SqliteHeads
from fairview.store.layout import DataFolder
from fairview.store.ledger import CHECKPOINT_FILE, Ledger
from fairview.store.ledger_files import FolderLedgerFiles
from fairview.store.notes import NoteKey, note_key, open_checkpoint
from fairview.store.secrets import read_key


def ledger_key(folder: DataFolder) -> NoteKey:
    """The public side of a folder's ledger key, under the origin its checkpoint names.

    Errors:  NotFound, Corrupt when key and checkpoint don't belong together.
    """
    signer = Ed25519PrivateKey.from_private_bytes(read_key(folder.ledger_key))
    note = FolderLedgerFiles(folder.ledger).read(CHECKPOINT_FILE)
    origin = note.partition(b"\n")[0].decode("utf-8", "replace")
    key = note_key(origin, signer)
    open_checkpoint(note, key)
    return key


def note_restored(folder: DataFolder, clock: Clock, backup_made_at: Instant, segments: int) -> int:
    """Go on with a restored ledger, its first new line being where it does; that line's number.

    Anyone who kept a later checkpoint of the lost node sees two ledgers from there on; this line
    says why. segments: how many were restored without their keys.
    Errors:  Corrupt when ledger, head and key don't belong together; Unavailable.
    """
    signer = Ed25519PrivateKey.from_private_bytes(read_key(folder.ledger_key))
    name = ledger_key(folder).name
    rows, heads = DoorRows(folder.door_database), SqliteHeads(folder.door_database)
    try:
        ledger = Ledger(FolderLedgerFiles(folder.ledger), heads, signer, name, clock)
        size = ledger.size
        if size == 0:
            raise Corrupt("the restored ledger is empty")
        leaf = NodeRestored(
            backup_made_at=backup_made_at, continues_from=size, segments_unreadable=segments
        )
        return Journal(ledger, rows, clock).append(leaf)
    finally:
        heads.close()
        rows.close()
