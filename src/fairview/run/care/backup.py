"""`fairview backup`: what a new machine needs to go on, and nothing that opens footage.

A backup is a folder:

    backup.json              made last and replaced at once: names the state and its digest
    state-<moment>/          format.json, catalogue.sqlite, door.sqlite, ledger.key, ledger/…
    state-<moment>/SHA256SUMS  every file of the backup (`sha256sum -c` in the backup's folder)
    blobs/…                  sealed footage, as it lies in the data folder

**Never in it** (decision 6): private halves of camera-hours and clean pictures, wrapped or not,
the site key, `secrets.key` (and so no camera login), sessions. The footage in it is therefore
sealed for good once the data folder is lost: it shows what existed, by digests and the ledger's
roots, and not what was in the picture.

**Signing keys.** One is in it, the ledger's: without it the public ledger could not go on under
its name. Whoever holds a backup can sign a forked ledger, which shows against every checkpoint
that somebody kept, and sees nothing. The other keys can be made anew without loss, so they stay
out: recorders' (each segment's header names its own), the door's for key files and for exports
(lines in the ledger name the one used), the HTTPS certificate's.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fairview import __version__
from fairview.access.door_copy import copy_door_rows
from fairview.access.proof import LEDGER_KEY_FILE
from fairview.access.restored import ledger_key
from fairview.core.errors import BadInput, Conflict, Corrupt, NotFound
from fairview.core.ids import CameraId
from fairview.core.time import Clock
from fairview.run.disks.open_disks import open_disks
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_copy import BlobKept, copy_catalogue, drop_segments
from fairview.store.durable import FolderLock, make_folders, replace_file, told_as_ours
from fairview.store.layout import DataFolder, open_data_folder
from fairview.store.ledger_copy import copy_ledger
from fairview.store.ledger_files import FolderLedgerFiles
from fairview.store.secrets import read_key

BACKUP_FORMAT = 1
"""Of the backup's folder. A newer one is refused."""

INDEX_FILE = "backup.json"
SUMS_FILE = "SHA256SUMS"
STATE_PREFIX = "state-"

Progress = Callable[[float, str], None]


class BackupIndex(msgspec.Struct, kw_only=True):
    """What backup.json says. digest: SHA-256 of this same text with an empty digest."""

    kind: str = "fairview backup"
    format: int = BACKUP_FORMAT
    version: str
    made_at: str
    state: str
    sums_digest: str
    origin: str
    ledger_size: int
    segments: int
    cameras_without_login: list[str]
    digest: str = ""

    def to_json(self) -> bytes:
        whole = msgspec.structs.replace(self, digest="")
        digest = hashlib.sha256(msgspec.json.encode(whole)).hexdigest()
        return msgspec.json.encode(msgspec.structs.replace(self, digest=digest)) + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMade:
    """copied: blobs that were not in the folder yet. logins: cameras whose login was left out."""

    out: Path
    segments: int
    copied: int
    copied_bytes: int
    ledger_size: int
    logins: tuple[CameraId, ...]


def back_up(data: Path, out: Path, clock: Clock, progress: Progress) -> BackupMade:
    """Make or renew a backup. Beside a running node, or without one; it never holds one up.

    Into a folder with an earlier backup of the same node only new blobs are copied, and those
    that were shredded since go. A backup that breaks off leaves the earlier one whole.

    Errors:  NotFound without a data folder; BadInput for a folder that holds other things or lies
    inside the data; Conflict for another node's backup; Corrupt, Unavailable.
    Cost:    reads and writes each new blob once, with one sync each.
    """
    folder = open_data_folder(data, older=True)  # as it is, before an upgrade
    _refuse(folder, out)
    make_folders(out)
    with FolderLock(out / "lock"):
        work = _Backup(folder, out, clock)
        return work.run(progress)


class _Backup:
    """One backup under way."""

    def __init__(self, folder: DataFolder, out: Path, clock: Clock) -> None:
        self._folder = folder
        self._out = out
        self._clock = clock
        self._made_at = clock.now()
        self._key = ledger_key(folder)
        self._state = out / f"{STATE_PREFIX}{self._made_at.us}"
        self._before: dict[str, str] = {}

    def run(self, progress: Progress) -> BackupMade:
        earlier = self._earlier()
        if self._state.exists():
            if earlier is not None and earlier.state == self._state.name:
                raise Conflict(f"{self._out} holds a backup of this very moment")
            shutil.rmtree(self._state)
        make_folders(self._state)
        progress(0.0, "rows")
        # The catalogue first: its rows name ledger leaves, which the door's newer head holds.
        copied = copy_catalogue(self._folder.catalogue, self._state / "catalogue.sqlite")
        head = copy_door_rows(self._folder.door_database, self._state / "door.sqlite")
        size = self._ledger(head)
        sums, fresh, fresh_bytes = self._blobs(copied.blobs, progress)
        lost = [one.segment for one in copied.blobs if f"blobs/{one.blob}" not in sums]
        drop_segments(self._state / "catalogue.sqlite", lost)
        self._finish(sums, size, copied.logins)
        self._tidy(sums)
        return BackupMade(
            out=self._out,
            segments=len(sums),
            copied=fresh,
            copied_bytes=fresh_bytes,
            ledger_size=size,
            logins=copied.logins,
        )

    def _earlier(self) -> BackupIndex | None:
        """The backup that stands here, and the digests of its blobs."""
        if not (self._out / INDEX_FILE).exists():
            return None
        index = read_index(self._out)
        if index.origin != self._key.name:
            raise Conflict(f"{self._out} holds a backup of {index.origin}; use another folder")
        self._before = {
            path: digest
            for path, digest in read_sums(self._out, index).items()
            if path.startswith("blobs/")
        }
        return index

    def _ledger(self, head: bytes) -> int:
        files = FolderLedgerFiles(self._state / "ledger")
        size = copy_ledger(FolderLedgerFiles(self._folder.ledger), files, head, self._key)
        files.replace(LEDGER_KEY_FILE, f"{self._key.text}\n".encode())
        replace_file(self._state / "ledger.key", read_key(self._folder.ledger_key))
        replace_file(self._state / "format.json", self._folder.format_file.read_bytes())
        return size

    def _blobs(
        self, wanted: tuple[BlobKept, ...], progress: Progress
    ) -> tuple[dict[str, str], int, int]:
        """Digests by path, and how many blobs and bytes were copied just now.

        HOLE: a blob that is there in the right size is not read again; what rotted in the
        backup's folder shows when it is restored, or by `sha256sum -c`.
        """
        old, new = open_disks(self._folder, self._clock), FileBlobs(self._out / "blobs")
        sums: dict[str, str] = {}
        fresh = fresh_bytes = 0
        for number, one in enumerate(wanted):
            path = f"blobs/{one.blob}"
            try:
                known = self._before.get(path)
                if known and new.size_bytes(one.blob) == old.size_bytes(one.blob):
                    sums[path] = known
                    continue
                data = old.read(one.blob)
            except NotFound:
                continue  # shredded meanwhile; its row goes too
            new.remove(one.blob)
            writer = new.create(one.blob)
            try:
                writer.append(data)
                writer.sync()
            finally:
                writer.close()
            sums[path] = hashlib.sha256(data).hexdigest()
            fresh, fresh_bytes = fresh + 1, fresh_bytes + len(data)
            progress(number / len(wanted), f"footage of {one.camera}")
        return sums, fresh, fresh_bytes

    def _finish(self, blobs: dict[str, str], size: int, logins: Iterable[CameraId]) -> None:
        """From the replaced index on this backup counts, and the one before no more."""
        state = {
            str(path.relative_to(self._out)): digest_of(path) for path in files_of(self._state)
        }
        sums = write_sums({**state, **blobs})
        replace_file(self._state / SUMS_FILE, sums)
        index = BackupIndex(
            version=__version__,
            made_at=self._made_at.iso(),
            state=self._state.name,
            sums_digest=hashlib.sha256(sums).hexdigest(),
            origin=self._key.name,
            ledger_size=size,
            segments=len(blobs),
            cameras_without_login=list(logins),
        )
        replace_file(self._out / INDEX_FILE, index.to_json())

    def _tidy(self, sums: dict[str, str]) -> None:
        """What only the backup before named goes: shredded footage, old states."""
        blobs = FileBlobs(self._out / "blobs")
        for name in list(blobs.names()):
            if f"blobs/{name}" not in sums:
                blobs.remove(name)
        for path in self._out.glob(f"{STATE_PREFIX}*"):
            if path != self._state:
                shutil.rmtree(path)


def read_index(backup: Path) -> BackupIndex:
    """What a backup says of itself.

    Errors:  NotFound for a folder without one; BadInput for a newer format; Corrupt.
    """
    path = backup / INDEX_FILE
    if not path.exists():
        raise NotFound(f"{backup} is not a Fairview backup")
    data = path.read_bytes()
    try:
        told = msgspec.json.decode(data)
        newer = isinstance(told, dict) and told.get("format", 0)
        if isinstance(newer, int) and newer > BACKUP_FORMAT:
            raise BadInput(
                f"{backup} was made by a newer Fairview (format {newer}, this one knows "
                f"{BACKUP_FORMAT}); use that version"
            )
        index = msgspec.json.decode(data, type=BackupIndex)
    except msgspec.DecodeError as error:
        raise Corrupt(f"{path} was changed; keep it and use another backup") from error
    if index.to_json() != data:
        raise Corrupt(f"{path} was changed; keep it and use another backup")
    return index


def read_sums(backup: Path, index: BackupIndex) -> dict[str, str]:
    """Digest by path of every file. Errors: Corrupt."""
    path = backup / index.state / SUMS_FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise Corrupt(f"{path} is missing; use another backup") from error
    if hashlib.sha256(data).hexdigest() != index.sums_digest:
        raise Corrupt(f"{path} was changed; keep it and use another backup")
    pairs = (line.split("  ", 1) for line in data.decode().splitlines())
    return {name: digest for digest, name in pairs}


def write_sums(sums: dict[str, str]) -> bytes:
    """As `sha256sum` writes them, by path."""
    return "".join(f"{sums[path]}  {path}\n" for path in sorted(sums)).encode()


def files_of(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def digest_of(path: Path) -> str:
    with told_as_ours(path, "reading"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse(folder: DataFolder, out: Path) -> None:
    whole, data = out.resolve(), folder.root.resolve()
    if whole == data or data in whole.parents or whole in data.parents:
        raise BadInput(f"a backup lies apart from the data: {out} and {data} hold each other")
    if not out.exists():
        return
    if not out.is_dir():
        raise BadInput(f"{out} is not a folder")
    ours = {"lock", INDEX_FILE, f"{INDEX_FILE}.new", "blobs"}
    names = {path.name for path in out.iterdir()} - ours
    if any(not name.startswith(STATE_PREFIX) for name in names):
        raise BadInput(f"{out} holds other things; use an empty folder, or an earlier backup")
