"""`fairview disk …`: adopt, list, empty and retire the disks of a data folder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fairview.config.settings import Settings
from fairview.core.errors import BadInput, Conflict, Unavailable
from fairview.core.limits_disks import DISK_DRAIN_TURN_US
from fairview.core.time import Clock
from fairview.record.forecast import Forecast
from fairview.run.disks.open_disks import open_disks
from fairview.run.disks.outlook import (
    DiskOutlook,
    forecast_json,
    outlook_by_disk,
    outlook_in_all,
)
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.disk_list import (
    DiskEntry,
    DiskRole,
    adopt,
    in_role,
    read_disks,
    retire,
    write_disks,
)
from fairview.store.disks import Disks
from fairview.store.durable import FolderLock
from fairview.store.layout import DataFolder, open_data_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class DisksTold:
    """All disks and what becomes of them. waiting: disks the settings name that nobody adopted."""

    disks: tuple[DiskOutlook, ...]
    in_all: Forecast
    policy: str
    waiting: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        return {
            "policy": self.policy,
            "in_all": forecast_json(self.in_all),
            "disks": [one.as_json() for one in self.disks],
            "waiting": list(self.waiting),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskWish:
    """A disk to adopt. path None: as the settings say."""

    name: str
    path: Path | None
    free_bytes_min: int | None
    bytes_max: int | None
    role: DiskRole
    take_over: bool


def disks_told(settings: Settings, clock: Clock) -> DisksTold:
    """How the disks are; also beside a running node. Errors: NotFound without a folder."""
    folder = open_data_folder(settings.data)
    disks = open_disks(folder, clock, settings)
    with closing(SqliteCatalogue(folder.catalogue)) as catalogue:
        known = {one.name for one in disks.list.disks}
        return DisksTold(
            disks=outlook_by_disk(catalogue, disks, clock),
            in_all=outlook_in_all(catalogue, disks, clock),
            policy=disks.list.policy,
            waiting=tuple(one.name for one in settings.disks if one.name not in known),
        )


def add_disk(settings: Settings, wish: DiskWish) -> DiskEntry:
    """Adopt a disk; a running node uses it within seconds.

    Errors:  as disk_list.adopt; BadInput when nobody said where it is mounted.
    """
    folder = open_data_folder(settings.data)
    path = wish.path
    if path is None:
        said = {one.name: one.path for one in settings.disks}
        path = said.get(wish.name)
    if path is None:
        raise BadInput(f"say where {wish.name} is mounted: fairview disk add {wish.name} /mnt/…")
    entry = DiskEntry(
        name=wish.name,
        path=path,
        id="",
        free_bytes_min=wish.free_bytes_min,
        bytes_max=wish.bytes_max,
        role=wish.role,
    )
    with _changing(folder):
        disks = adopt(read_disks(folder), entry, take_over=wish.take_over)
        write_disks(folder, disks)
    return disks.named(wish.name)


def set_role(settings: Settings, name: str, role: DiskRole) -> None:
    """Whether new footage goes to a disk. Errors: NotFound; Conflict for the last one."""
    folder = open_data_folder(settings.data)
    with _changing(folder):
        write_disks(folder, in_role(read_disks(folder), name, role))


def drain_disk(
    settings: Settings,
    name: str,
    clock: Clock,
    stop: threading.Event,
    progress: Callable[[float, str], None],
) -> int:
    """Nothing new goes to a disk from now on, and what lies there moves to the others; how many
    segments moved. Beside a running node, or alone; broken off, it goes on when begun again.

    A segment that is being written ends within two minutes, and then moves too.

    Errors:  Conflict when it is the last disk; Unavailable when a disk fails or is full.
    Cost:    reads and writes each segment once, with one sync each.
    """
    set_role(settings, name, "keep")
    folder = open_data_folder(settings.data)
    disks = open_disks(folder, clock, settings)
    moved = 0
    while True:
        left = list(disks.names_on(name))
        if not left:
            return moved
        for number, blob in enumerate(left):
            if stop.is_set():
                raise Unavailable(f"broken off: {len(left) - number} segments lie on {name} still")
            moved += disks.move(blob, name)
            progress(number / len(left), f"{moved} segments moved from {name}")
        disks.look()
        clock.wait(stop, DISK_DRAIN_TURN_US)


def remove_disk(settings: Settings, name: str, clock: Clock, *, lost: bool = False) -> None:
    """Retire a disk: it is no longer one of the folder's. lost: it will not come back, and what
    lay on it is gone.

    Errors:  BadInput for the folder's own; Conflict while footage lies on it; Unavailable while it
    is away and not lost.
    """
    folder = open_data_folder(settings.data)
    disks = open_disks(folder, clock, settings)
    entry = disks.list.named(name)
    if entry.is_own:
        raise BadInput(f"{name} is the data folder's own disk; `fairview disk keep` spares it")
    here = next(one for one in disks.all() if one.entry.name == name)
    if here.is_there():
        count = sum(1 for _ in disks.names_on(name))
        if count:
            raise Conflict(
                f"{count} segments lie on {name}: move them first with `fairview disk drain {name}`"
            )
    elif not lost:
        raise Unavailable(
            f"{name} is away ({here.known().because}): mount it, or say --lost when it will not "
            "come back"
        )
    with _changing(folder):
        known = read_disks(folder)
        others = in_role(known, entry.name, "keep") if entry.role == "record" else known
        if here.is_there():
            write_disks(folder, retire(others, name))
        else:
            write_disks(folder, others.without(name))


@contextmanager
def _changing(folder: DataFolder) -> Iterator[None]:
    """Two commands don't change the list at once; a node only reads it."""
    with FolderLock(folder.root / "disks.lock"):
        yield


__all__ = [
    "DiskWish",
    "Disks",
    "DisksTold",
    "add_disk",
    "disks_told",
    "drain_disk",
    "remove_disk",
    "set_role",
]
