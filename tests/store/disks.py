"""Data folders with several disks, and disks whose room is made up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fairview.core.time import Clock, ManualClock
from fairview.store.disk_list import DiskEntry, adopt, read_disks, write_disks
from fairview.store.disks import Disks
from fairview.store.layout import DataFolder, open_data_folder
from tests.builders import NOON

ROOM_BYTES = 1_000_000_000_000


@dataclass(slots=True)
class Rooms:
    """Free bytes by path, all of ROOM_BYTES unless said; and which paths are read-only."""

    free_bytes: dict[Path, int] = field(default_factory=dict)
    read_only: set[Path] = field(default_factory=set)

    def __call__(self, path: Path) -> tuple[int, int, bool]:
        return self.free_bytes.get(path, ROOM_BYTES), ROOM_BYTES, path in self.read_only


def folder_with(root: Path, *names: str) -> DataFolder:
    """A data folder with its own disk and these."""
    folder = open_data_folder(root / "data", create=True)
    disks = read_disks(folder)
    for name in names:
        (root / name).mkdir(exist_ok=True)
        disks = adopt(disks, DiskEntry(name=name, path=root / name, id=""))
    write_disks(folder, disks)
    return folder


def two_disks(root: Path, clock: Clock | None = None, rooms: Rooms | None = None) -> Disks:
    """Its own disk and another."""
    root.mkdir(parents=True, exist_ok=True)
    folder = folder_with(root, "tank")
    disks = Disks(folder, clock or ManualClock(NOON), room=rooms or Rooms())
    disks.look()
    return disks
