"""`fairview upgrade`: a data folder of an older Fairview becomes one that this Fairview would make.

Only this changes a folder's format; every other command refuses an older one and points here. The
steps, each of which a crash leaves either undone or done:

1. what an older Fairview needs to go on is kept: `before-upgrade/<format>-<catalogue>/`
2. the catalogue's tables, in one transaction, compared with fresh ones before it is committed
3. the door's rows (with the heads in them)
4. format.json, last: from then on the folder is one of this Fairview

Begun again after a crash, it goes on where it stopped: until step 4 the folder counts as an older
one. Footage, keys and the ledger are never rewritten.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fairview import __version__
from fairview.access.door_rows import DOOR_ROWS_VERSION, DoorRows
from fairview.access.leaves import LEAF_VERSION
from fairview.core.errors import BadInput, Corrupt, FairviewError
from fairview.store.catalogue_copy import copy_catalogue
from fairview.store.durable import DISK, Disk, make_folders, replace_file
from fairview.store.formats import Part, formats_of, part
from fairview.store.layout import (
    DataFolder,
    FolderFormat,
    format_text,
    open_data_folder,
    read_format,
)
from fairview.store.ledger import CHECKPOINT_FILE
from fairview.store.ledger_files import FolderLedgerFiles, read_tile
from fairview.store.ledger_tiles import TILE_WIDTH, Tile, read_bundle, tile_width
from fairview.store.schema.upgrade import upgrade
from fairview.store.sqlite import open_engine, truncate_log, writing
from fairview.store.sqlite_copy import opened

KEPT_FOLDER = "before-upgrade"
"""Under the data folder: what an older Fairview needs to go on, without logins."""

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a folder is made of. written_by: the Fairview that made or upgraded it last."""

    data: Path
    written_by: str
    parts: tuple[Part, ...]

    @property
    def is_newest(self) -> bool:
        return all(one.state == "newest" for one in self.parts)

    @property
    def older(self) -> tuple[Part, ...]:
        return tuple(one for one in self.parts if one.state == "older")

    def refuse_newer(self) -> None:
        """Errors:  BadInput when a newer Fairview wrote any of it; Corrupt for what can't be
        read."""
        newer = [one.in_words() for one in self.parts if one.state == "newer"]
        if newer:
            raise BadInput(
                f"{self.data} holds what a newer Fairview wrote (the folder names "
                f"{self.written_by}; this is {__version__}): {'; '.join(newer)}. Install that "
                "version or a newer one; nothing was changed"
            )
        damaged = [one.name for one in self.parts if one.state == "unknown"]
        if damaged:
            raise Corrupt(
                f"{self.data}: {', '.join(damaged)} can't be read. A damaged catalogue is made "
                "anew from the footage with `fairview check --rebuild`; for the rest, restore a "
                "backup. Nothing was changed"
            )

    def as_json(self) -> dict[str, object]:
        return {
            "data": str(self.data),
            "written_by": self.written_by,
            "this": __version__,
            "is_newest": self.is_newest,
            "parts": [
                {
                    "name": one.name,
                    "found": dict(one.found),
                    "newest": one.newest,
                    "state": one.state,
                }
                for one in self.parts
            ],
        }


def survey(data: Path) -> Survey:
    """Look at a folder, changing nothing.

    Errors:  NotFound without one; Corrupt when format.json says nothing.
    Cost:    eight bytes of every blob, and the ledger's newest line.
    """
    folder = _older_or_newer(data)
    text = folder.format_file.read_bytes()
    with contextlib.suppress(BadInput):
        read_format(folder.format_file, text)  # Corrupt passes
    parts = (
        *formats_of(folder),
        _door(folder.door_database),
        _ledger(folder),
    )
    return Survey(data=folder.root, written_by=_written_by(text), parts=parts)


def upgrade_folder(data: Path, told: Told, disk: Disk = DISK) -> Survey:
    """Bring a folder up to this Fairview; what it was like before. Safe to repeat.

    told: hears each step in words as it is done.
    Errors:  NotFound; BadInput when a newer Fairview wrote it; Corrupt; Conflict while a node (of
    whichever version) has it; Unavailable when the disk fails, and then begun again it goes on.
    Cost:    writes the catalogue twice; needs room for two more of it.
    """
    folder = _older_or_newer(data)
    with folder.lock:
        before = survey(data)
        before.refuse_newer()
        if before.is_newest:
            return before
        told(f"kept for going back: {_keep(folder, before, disk)}")
        upgrade_rows(folder)
        told("rows of catalogue and door: brought up, and compared with fresh ones")
        open_data_folder(data, older=True, disk=disk)  # folders that a newer layout adds
        replace_file(folder.format_file, format_text(), mode=0o644, disk=disk)
        told(f"format.json: written by {__version__}")
    return before


def upgrade_rows(folder: DataFolder) -> None:
    """The databases of a folder that nobody uses: each in one transaction. Safe to repeat.

    Errors:  BadInput for newer ones; Corrupt; Unavailable.
    """
    if folder.catalogue.exists():
        engine = open_engine(folder.catalogue)
        try:
            with writing(engine, folder.catalogue) as connection:
                upgrade(connection)
            truncate_log(engine, folder.catalogue)
        finally:
            engine.dispose()
    # There was one version of the door's rows so far; opening them refuses any other.
    if folder.door_database.exists():
        DoorRows(folder.door_database).close()


def _older_or_newer(data: Path) -> DataFolder:
    """Paths of a folder of any version. Errors: NotFound."""
    folder = DataFolder(root=data.absolute())
    if not folder.format_file.exists():
        open_data_folder(data)  # refuses, in its words
    return folder


def _keep(folder: DataFolder, before: Survey, disk: Disk) -> Path:
    """A copy of the old catalogue and format.json, whole or (until format.json is there) none.

    Logins, clean pictures and open segments are not in it: what is deleted later shall not live
    on in a copy; the older Fairview finds the open segments again by their blobs.
    """
    versions = {one.name: one.found for one in before.parts}
    names = [versions[name][0][0] for name in ("data folder", "catalogue")]
    kept = folder.root / KEPT_FOLDER / "-".join(names)
    if (kept / "format.json").exists():
        return kept
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(kept)
    make_folders(kept, disk=disk)
    if folder.catalogue.exists():
        copy_catalogue(folder.catalogue, kept / "catalogue.sqlite")
    text = folder.format_file.read_bytes()
    replace_file(kept / "format.json", text, disk=disk)
    return kept


def _door(path: Path) -> Part:
    found = Counter([str(DOOR_ROWS_VERSION)])
    if path.exists():
        try:
            with contextlib.closing(opened(path)) as rows:
                found = Counter([str(rows.execute("PRAGMA user_version").fetchone()[0])])
        except sqlite3.DatabaseError:
            found = Counter(["unreadable"])
    known = tuple(str(one) for one in range(1, DOOR_ROWS_VERSION + 1))
    return part("door's rows and heads", found, known)


def _ledger(folder: DataFolder) -> Part:
    """Judged by its newest line: an older reader can't check it either way."""
    files = FolderLedgerFiles(folder.ledger)
    known = tuple(str(one) for one in range(1, LEAF_VERSION + 1))
    found: Counter[str] = Counter()
    if (folder.ledger / CHECKPOINT_FILE).exists():
        found = Counter([_newest_leaf(files)])
    return part("lines of the ledger", found, known)


class _Leaf(msgspec.Struct):
    v: int


def _newest_leaf(files: FolderLedgerFiles) -> str:
    """The version of the ledger's newest line; `unreadable` when it isn't there."""
    try:
        size = int(files.read(CHECKPOINT_FILE).split(b"\n")[1])
        if size == 0:
            return str(LEAF_VERSION)
        index = (size - 1) // TILE_WIDTH
        bundle = Tile(level=None, index=index, width=tile_width(0, index, size))
        entries = read_bundle(read_tile(files.read, bundle), bundle.width)
        return str(msgspec.json.decode(entries[-1], type=_Leaf).v)
    except (FairviewError, ValueError, IndexError):
        return "unreadable"


def _written_by(text: bytes) -> str:
    return msgspec.json.decode(text, type=FolderFormat).written_by
