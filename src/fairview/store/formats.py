"""Which format every file of a data folder is in, told without changing any of it.

| what | where its version stands | who refuses a newer one |
| --- | --- | --- |
| the folder, keys of 32 raw bytes in it, heads | `format` in format.json | `open_data_folder` |
| the catalogue | table `alembic_version` | `SqliteCatalogue` |
| disks | `format` in disks.json and on each disk | `read_disks`, `read_label` |
| footage | byte 8 of every blob | `read_header`; `check` leaves it alone |
| key files | `format` inside the signed text | `read_key_file` |
| camera logins | first byte of the sealed login | `SecretBox.open` |
| lines of the ledger | `v` in every leaf | `read_leaf` |

The door's rows, also the heads' (`PRAGMA user_version`), are told in run/care/upgrade.py.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from fairview.core.errors import FairviewError, NotFound
from fairview.store.blobs import FileBlobs
from fairview.store.disk_list import FORMAT as DISKS_FORMAT
from fairview.store.disk_list import LABEL_FILE, list_file, read_disks
from fairview.store.keyfile import KEY_FILE_FORMAT
from fairview.store.layout import FORMAT, DataFolder, FolderFormat
from fairview.store.schema.upgrade import NEWEST, known_versions
from fairview.store.secrets import SEALED_VERSION
from fairview.store.segment_format import MAGIC, VERSION
from fairview.store.sqlite_copy import opened

State = Literal["newest", "older", "newer", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One kind of file. found: its versions with how many of each; unknown: nothing of ours."""

    name: str
    found: tuple[tuple[str, int], ...]
    newest: str
    state: State

    def in_words(self) -> str:
        many = ", ".join(
            f"{version} ({count})" if count > 1 else version for version, count in self.found
        )
        return f"{self.name}: {many or 'none'}; this Fairview writes {self.newest}"


def part(name: str, found: Counter[str], known: tuple[str, ...]) -> Part:
    """A part, judged by the versions there were, oldest first."""
    versions = set(found)
    state: State = "newest"
    if versions & {"unreadable"}:
        state = "unknown"
    elif versions - set(known):
        state = "newer"
    elif versions - {known[-1]}:
        state = "older"
    return Part(name=name, found=tuple(sorted(found.items())), newest=known[-1], state=state)


def formats_of(folder: DataFolder) -> Iterator[Part]:
    """Every part in this package's care; footage of the disks that are there.

    Errors:  Unavailable; what can't be read is a part of state `unknown`.
    Cost:    reads eight bytes of every blob.
    """
    yield part("data folder", Counter([str(_folder(folder))]), _up_to(FORMAT))
    yield part("catalogue", _catalogue(folder.catalogue), known_versions())
    yield part("disks", _disk_files(folder), _up_to(DISKS_FORMAT))
    yield part("footage", _blobs(_blob_folders(folder)), _up_to(VERSION))
    yield part("key files", _key_files(folder.keys), _up_to(KEY_FILE_FORMAT))
    yield part("camera logins", _logins(folder.catalogue), _up_to(SEALED_VERSION[0]))


def _up_to(newest: int) -> tuple[str, ...]:
    return tuple(str(one) for one in range(1, newest + 1))


def _folder(folder: DataFolder) -> int | str:
    try:
        return msgspec.json.decode(folder.format_file.read_bytes(), type=FolderFormat).format
    except (msgspec.DecodeError, OSError):
        return "unreadable"


def _catalogue(path: Path) -> Counter[str]:
    try:
        rows = _asked(path, "SELECT version_num FROM alembic_version")
    except sqlite3.DatabaseError:
        return Counter(["unreadable"])
    return Counter(str(row[0]) for row in rows) if path.exists() else Counter([NEWEST])


def _logins(path: Path) -> Counter[str]:
    try:
        rows = _asked(
            path, "SELECT hex(substr(sealed_login, 1, 1)) FROM cameras WHERE sealed_login NOTNULL"
        )
    except sqlite3.DatabaseError:
        return Counter()  # told by the catalogue's own part
    return Counter(str(int(str(row[0]), 16)) for row in rows if row[0])


def _asked(path: Path, query: str) -> list[tuple[object, ...]]:
    """Rows; none where there is no file."""
    if not path.exists():
        return []
    with contextlib.closing(opened(path)) as rows:
        return rows.execute(query).fetchall()


def _disk_files(folder: DataFolder) -> Counter[str]:
    """The list of disks, where there is one, and what each disk says of itself."""
    found: Counter[str] = Counter()
    own = (list_file(folder), *(path.parent / LABEL_FILE for path in _blob_folders(folder)))
    for path in own:
        if path.exists():
            try:
                found[str(msgspec.json.decode(path.read_bytes(), type=_Text).format)] += 1
            except (msgspec.DecodeError, OSError):
                found["unreadable"] += 1
    return found


def _blob_folders(folder: DataFolder) -> tuple[Path, ...]:
    """Of every disk that is there; the folder's own alone while the list can't be read."""
    try:
        disks = read_disks(folder).disks
    except FairviewError:
        return (folder.blobs,)  # told by the part of the disks
    return tuple(one.blobs for one in disks if one.blobs.is_dir())


def _blobs(folders: tuple[Path, ...]) -> Counter[str]:
    found: Counter[str] = Counter()
    for blobs, name in ((one, name) for one in map(FileBlobs, folders) for name in one.names()):
        with contextlib.suppress(NotFound):  # shredded meanwhile
            start = blobs.read(name, 0, len(MAGIC) + 1)
            if start[: len(MAGIC)] == MAGIC and len(start) > len(MAGIC) and start[-1]:
                found[str(start[-1])] += 1  # others are torn or foreign: `check` tells
    return found


class _Signed(msgspec.Struct):
    signed: str


class _Text(msgspec.Struct):
    format: int


def _key_files(folder: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for path in sorted(folder.glob("*.json")):
        try:
            signed = msgspec.json.decode(path.read_bytes(), type=_Signed).signed
            found[str(msgspec.json.decode(signed, type=_Text).format)] += 1
        except (msgspec.DecodeError, OSError):
            found["unreadable"] += 1
    return found


__all__ = ["Part", "State", "formats_of", "part"]
