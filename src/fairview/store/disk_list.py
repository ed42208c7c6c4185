"""Which disks a data folder keeps footage on, and how each is known to be itself.

    DATA/disks.json               the list: names, paths, identities, bounds, and how one is chosen
    DISK/fairview-disk.json       on each disk but the folder's own: its identity
    DISK/blobs/…                  its footage, laid out as in DATA/blobs

A folder without disks.json keeps everything in its own blobs. The identity is what tells a disk
from another one mounted in its place, and from the empty folder left when it is not mounted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from fairview.core.errors import BadInput, Conflict, Corrupt, NotFound, Unavailable
from fairview.core.ids import is_hex_id, new_hex_id
from fairview.core.limits_disks import DISKS_MAX
from fairview.store.durable import DISK, Disk, make_folders, remove_file, replace_file
from fairview.store.layout import DataFolder

OWN_DISK = "data"
"""The name of the data folder's own disk."""

LABEL_FILE = "fairview-disk.json"
BLOBS_FOLDER = "blobs"
FORMAT = 1

DiskRole = Literal["record", "keep"]
"""record: new footage goes there. keep: what lies there stays until its time, nothing is added."""

DiskPolicy = Literal["most_free", "fill_in_order"]
"""most_free: each camera-hour goes to one disk, to each as much as it has room. fill_in_order: to
the first in the list that has room."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,29}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskEntry:
    """One disk of the list. path: where it is mounted (the data folder itself for its own).

    free_bytes_min: room left free on it, None: as the settings say. bytes_max: what footage may
    take on it, None: all but that room.
    """

    name: str
    path: Path
    id: str
    free_bytes_min: int | None = None
    bytes_max: int | None = None
    role: DiskRole = "record"

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise BadInput(f"{self.name!r} is not a disk's name: use a to z, 0 to 9 and -")
        if (self.free_bytes_min or 0) < 0 or (self.bytes_max is not None and self.bytes_max < 0):
            raise BadInput(f"the disk {self.name}: room is counted in bytes from 0")

    @property
    def is_own(self) -> bool:
        return self.name == OWN_DISK

    @property
    def blobs(self) -> Path:
        return self.path / BLOBS_FOLDER

    @property
    def label_file(self) -> Path:
        return self.path / LABEL_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskList:
    """All disks of a data folder, its own among them. folder_id: the folder's identity."""

    folder_id: str
    disks: tuple[DiskEntry, ...]
    policy: DiskPolicy = "most_free"

    def named(self, name: str) -> DiskEntry:
        """Errors:  NotFound."""
        for one in self.disks:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.disks)
        raise NotFound(f"there is no disk {name}; known: {known}")

    def with_disk(self, entry: DiskEntry) -> DiskList:
        """With an entry new or changed. Errors: Conflict when it is one too many."""
        if any(one.name == entry.name for one in self.disks):
            disks = tuple(entry if one.name == entry.name else one for one in self.disks)
        else:
            disks = (*self.disks, entry)
        if len(disks) > DISKS_MAX:
            raise Conflict(f"a data folder has at most {DISKS_MAX} disks")
        return replace(self, disks=disks)

    def without(self, name: str) -> DiskList:
        return replace(self, disks=tuple(one for one in self.disks if one.name != name))


class _Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    name: str
    path: str
    id: str
    free_bytes_min: int | None = None
    bytes_max: int | None = None
    role: DiskRole = "record"


class _List(msgspec.Struct, kw_only=True):
    format: int = FORMAT
    folder_id: str
    policy: DiskPolicy
    disks: list[_Entry]


class DiskLabel(msgspec.Struct, kw_only=True):
    """What a disk says of itself. folder_id: the data folder it belongs to."""

    kind: str = "fairview disk"
    format: int = FORMAT
    id: str
    name: str
    folder_id: str


def list_file(folder: DataFolder) -> Path:
    return folder.root / "disks.json"


def read_disks(folder: DataFolder) -> DiskList:
    """The list, or the folder's own disk alone.

    Errors:  BadInput for a newer Fairview's; Corrupt; Unavailable.
    """
    path = list_file(folder)
    own = DiskEntry(name=OWN_DISK, path=folder.root, id="")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return DiskList(folder_id="", disks=(own,))
    except OSError as error:
        raise Unavailable(f"{path} can't be read: {error.strerror}") from error
    try:
        told = msgspec.json.decode(data, type=_List)
    except msgspec.DecodeError as error:
        raise Corrupt(f"{path} can't be read; correct it, or restore it") from error
    if told.format > FORMAT:
        raise BadInput(f"{path} was written by a newer Fairview; use that version")
    disks = tuple(
        DiskEntry(
            name=one.name,
            path=folder.root if one.name == OWN_DISK else Path(one.path),
            id=one.id,
            free_bytes_min=one.free_bytes_min,
            bytes_max=one.bytes_max,
            role=one.role,
        )
        for one in told.disks
    )
    names = [one.name for one in disks]
    if OWN_DISK not in names or len(set(names)) != len(names):
        raise Corrupt(f"{path} names a disk twice, or not the folder's own; correct it")
    return DiskList(folder_id=told.folder_id, policy=told.policy, disks=disks)


def write_disks(folder: DataFolder, disks: DiskList, *, disk: Disk = DISK) -> None:
    """Replace the list, durably; running processes take it up within seconds."""
    told = _List(
        folder_id=disks.folder_id or new_hex_id(),
        policy=disks.policy,
        disks=[
            _Entry(
                name=one.name,
                path="" if one.is_own else str(one.path),
                id=one.id,
                free_bytes_min=one.free_bytes_min,
                bytes_max=one.bytes_max,
                role=one.role,
            )
            for one in disks.disks
        ],
    )
    text = msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"
    replace_file(list_file(folder), text, mode=0o644, disk=disk)


def read_label(path: Path) -> DiskLabel | None:
    """What stands in an identity file; None without one. Errors: Corrupt, Unavailable."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Unavailable(f"{path} can't be read: {error.strerror}") from error
    try:
        found = msgspec.json.decode(data, type=DiskLabel)
    except msgspec.DecodeError as error:
        raise Corrupt(f"{path} can't be read: the disk does not say which one it is") from error
    if not is_hex_id(found.id):
        raise Corrupt(f"{path} holds no disk's identity")
    return found


def adopt(
    disks: DiskList, entry: DiskEntry, *, take_over: bool = False, disk: Disk = DISK
) -> DiskList:
    """The list with a new disk, which gets an identity if it has none. Write it afterwards.

    take_over: also one that says it belongs to another data folder (a restored or a lost one).

    Errors:  NotFound without its folder; BadInput when that holds other things; Conflict for a
    name or a place in use, or another folder's disk.
    """
    if any(one.name == entry.name for one in disks.disks):
        raise Conflict(f"there is a disk {entry.name} already; take another name")
    path = entry.path.absolute()
    if not path.is_dir():
        raise NotFound(f"{path} is not a folder: mount the disk there first")
    if any(one.path.resolve() == path.resolve() for one in disks.disks):
        raise Conflict(f"{path} is a disk of this folder already")
    folder_id = disks.folder_id or new_hex_id()
    found = read_label(path / LABEL_FILE)
    if found is not None and found.folder_id != folder_id and not take_over:
        raise Conflict(
            f"{path} says that it is {found.name} of another data folder; to take it from there, "
            "say --take-over"
        )
    if found is None:
        _refuse_other_things(path)
    known = DiskLabel(id=found.id if found else new_hex_id(), name=entry.name, folder_id=folder_id)
    make_folders(path / BLOBS_FOLDER, disk=disk)
    replace_file(path / LABEL_FILE, msgspec.json.encode(known) + b"\n", disk=disk)
    fresh = replace(entry, path=path, id=known.id)
    return replace(disks, folder_id=folder_id).with_disk(fresh)


def retire(disks: DiskList, name: str, *, disk: Disk = DISK) -> DiskList:
    """The list without a disk, which forgets whose it was. Its footage must have gone before.

    Errors:  NotFound; BadInput for the folder's own.
    """
    entry = disks.named(name)
    if entry.is_own:
        raise BadInput("the data folder's own disk stays: set its role to keep instead")
    remove_file(entry.label_file, disk=disk)
    return disks.without(name)


def in_role(disks: DiskList, name: str, role: DiskRole) -> DiskList:
    """Errors:  NotFound; Conflict when no disk would be left to record on."""
    changed = disks.with_disk(replace(disks.named(name), role=role))
    if all(one.role == "keep" for one in changed.disks):
        raise Conflict(f"{name} is the last disk that footage goes to: add another one first")
    return changed


def _refuse_other_things(path: Path) -> None:
    ours = {"lost+found", BLOBS_FOLDER}
    others = [one.name for one in _listed(path) if one.name not in ours]
    if others or any(_listed(path / BLOBS_FOLDER)):
        raise BadInput(f"{path} holds other things; use an empty disk, or an empty folder on it")


def _listed(path: Path) -> Iterable[Path]:
    try:
        return tuple(path.iterdir())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise Unavailable(f"{path} can't be read: {error.strerror}") from error
