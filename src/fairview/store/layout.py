"""Where everything lies in a data folder, with which rights, and which version wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from fairview import __version__
from fairview.core.errors import BadInput, Conflict, Corrupt, NotFound
from fairview.core.ids import CameraId, SegmentId
from fairview.core.time import Instant, instant
from fairview.store.durable import DISK, Disk, FolderLock, make_folders, replace_file

FORMAT = 2
"""The version of this layout. A newer one is refused; an older one is brought up by
`fairview upgrade` (run/care/upgrade.py). 1: the first release. 2: says which Fairview wrote it."""

BLOB_SUFFIX = ".fvs"


class FolderFormat(msgspec.Struct, kw_only=True):
    """What format.json says. written_by: the Fairview that made the folder or upgraded it last;
    the first release said nothing."""

    format: int
    written_by: str = "the first release"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFolder:
    """Paths only; nothing here touches the disk. Made by `open_data_folder`.

    Files are 0600 and folders 0700, except the public ones: `ledger`, `keys/*.json`,
    `keys/door.pub`.
    """

    root: Path

    @property
    def format_file(self) -> Path:
        return self.root / "format.json"

    @property
    def lock(self) -> FolderLock:
        """Held by whoever owns the folder: the node, or a command that runs alone."""
        return FolderLock(self.root / "lock")

    @property
    def catalogue(self) -> Path:
        """Written by the catalogue process only."""
        return self.root / "catalogue.sqlite"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    def key_file(self, camera: CameraId) -> Path:
        """A camera's public halves, issued ahead and signed by the door."""
        return self.keys / f"{camera}.json"

    @property
    def door_public(self) -> Path:
        """The door's Ed25519 public key for key files: 32 raw bytes."""
        return self.keys / "door.pub"

    @property
    def recorder(self) -> Path:
        return self.root / "recorder"

    def recorder_key(self, group: str) -> Path:
        """A recorder's Ed25519 seed: 32 raw bytes."""
        return self.recorder / f"{group}.key"

    @property
    def secrets_key(self) -> Path:
        """32 raw bytes for camera logins; the door and the recorders read it."""
        return self.root / "secrets.key"

    @property
    def door(self) -> Path:
        return self.root / "door"

    @property
    def door_database(self) -> Path:
        return self.door / "door.sqlite"

    @property
    def site_key(self) -> Path:
        return self.door / "site.key"

    @property
    def ledger_key(self) -> Path:
        return self.door / "ledger.key"

    @property
    def key_issue_key(self) -> Path:
        return self.door / "key_issue.key"

    @property
    def ledger(self) -> Path:
        """Public: checkpoint and tiles."""
        return self.root / "ledger"


def open_data_folder(
    root: Path, *, create: bool = False, older: bool = False, disk: Disk = DISK
) -> DataFolder:
    """The data folder at `root`, with all of its folders in place.

    older: also one that is still to be upgraded.
    Errors:  NotFound when there is none and create is False; BadInput when the folder holds
    other things or a newer Fairview wrote it; Conflict for an older one; Corrupt when format.json
    is unreadable.
    """
    if root.is_file():
        raise BadInput(f"{root} is a file; name a folder with --data")
    folder = DataFolder(root=root.absolute())
    if folder.format_file.exists():
        _refuse_other_format(folder, older=older)
    elif not create:
        raise NotFound(f"{root} is not a Fairview data folder: name the right one with --data")
    elif root.exists() and any(path.name != "lock" for path in root.iterdir()):
        raise BadInput(f"{root} holds other things; use an empty folder for --data")
    for path in (folder.root, folder.blobs, folder.recorder, folder.door):
        make_folders(path, disk=disk)
    for path in (folder.keys, folder.ledger):
        make_folders(path, mode=0o755, disk=disk)
    if not folder.format_file.exists():
        replace_file(folder.format_file, format_text(), mode=0o644, disk=disk)
    return folder


def format_text() -> bytes:
    """format.json of a folder that this Fairview wrote."""
    return msgspec.json.encode(FolderFormat(format=FORMAT, written_by=__version__)) + b"\n"


def read_format(path: Path, data: bytes | None = None) -> FolderFormat:
    """What a format.json says (`data`: its bytes, when they were read already).

    Errors:  BadInput for a newer one; Corrupt.
    """
    try:
        found = msgspec.json.decode(path.read_bytes() if data is None else data, type=FolderFormat)
    except (msgspec.DecodeError, OSError) as error:
        raise Corrupt(f"{path} can't be read; keep the folder and restore this file") from error
    if found.format > FORMAT:
        raise BadInput(
            f"{path.parent} was written by a newer Fairview ({found.written_by}, format "
            f"{found.format}; this is {__version__}, which knows up to format {FORMAT}): install "
            "that version, or a newer one, and start again; nothing was changed"
        )
    if found.format < 1:
        raise Corrupt(f"{path} names format {found.format}, which never existed")
    return found


def _refuse_other_format(folder: DataFolder, *, older: bool) -> None:
    found = read_format(folder.format_file)
    if found.format < FORMAT and not older:
        raise Conflict(
            f"{folder.root} was written by an older Fairview ({found.written_by}, format "
            f"{found.format}; this is {__version__}): see what is to be done with "
            f"`fairview upgrade --data {folder.root}`, and do it with --yes"
        )


def blob_name(camera: CameraId, start: Instant, segment: SegmentId) -> str:
    """A segment's blob: `<camera>/<YYYY-MM-DD>/<HH>/<segment id>.fvs`, by the UTC hour it
    starts in, which is its key pair's hour."""
    moment = start.datetime_utc()
    return f"{camera}/{moment:%Y-%m-%d}/{moment:%H}/{segment}{BLOB_SUFFIX}"


def segment_of_blob(name: str) -> SegmentId:
    """The segment id in a blob's name; whatever the last part says, for foreign files."""
    return SegmentId(name.rsplit("/", 1)[-1].removesuffix(BLOB_SUFFIX))


def hour_of(name: str) -> Instant | None:
    """The UTC hour a blob's name says its segment starts in; None for a foreign name."""
    try:
        _, day, hour, _ = name.split("/")
        return instant(f"{day}T{hour}:00:00Z")
    except (ValueError, BadInput):
        return None
