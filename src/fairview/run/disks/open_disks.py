"""The disks of a data folder, opened for whoever reads or writes footage."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from fairview.core.errors import NotFound
from fairview.core.time import Clock
from fairview.store.disk_list import DiskList, list_file, read_disks, write_disks
from fairview.store.disks import Disks
from fairview.store.layout import DataFolder

if TYPE_CHECKING:
    from fairview.config.settings import Settings


def open_disks(folder: DataFolder, clock: Clock, settings: Settings | None = None) -> Disks:
    """All disks of a folder, each looked at once. `start` watches them from then on.

    Errors:  BadInput, Corrupt for a list that can't be read.
    """
    floor = 0 if settings is None else settings.recording.free_bytes_min
    disks = Disks(folder, clock, free_bytes_min=floor)
    disks.look()
    return disks


def take_settings(folder: DataFolder, settings: Settings) -> DiskList:
    """Let what the settings say of disks count from now on: bounds, roles, paths, the policy.

    Called by whoever holds the folder's lock. A disk that the settings name and nobody has
    adopted is left out, and told by whoever lists disks.

    Errors:  Conflict when no disk would be left to record on.
    """
    known = read_disks(folder)
    told = replace(known, policy=settings.recording.disk_policy)
    for one in settings.disks:
        with suppress(NotFound):
            entry = told.named(one.name)
            path = entry.path if entry.is_own or one.path is None else one.path.absolute()
            told = told.with_disk(
                replace(
                    entry,
                    path=path,
                    free_bytes_min=one.free_bytes_min,
                    bytes_max=one.bytes_max,
                    role=one.role,
                )
            )
    if told != known and (list_file(folder).exists() or len(told.disks) > 1 or settings.disks):
        write_disks(folder, told)
    return told
