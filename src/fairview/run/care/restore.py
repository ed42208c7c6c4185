"""`fairview restore`: a data folder from a backup, for a node to go on with.

What a backup never holds is made anew: the site key, key pairs, the key for camera logins. So
cameras record again at once, and everything recorded before stays sealed for good.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fairview.access.restored import note_restored
from fairview.core.errors import BadInput, Corrupt, FairviewError
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId
from fairview.core.time import Clock, Span, instant
from fairview.run.care.backup import BackupIndex, Progress, read_index, read_sums
from fairview.run.care.upgrade import upgrade_rows
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.contracts import EventSaved
from fairview.store.durable import FolderLock, make_folders, replace_file
from fairview.store.layout import DataFolder, format_text, read_format

_PLACES = {
    "catalogue.sqlite": "catalogue.sqlite",
    "door.sqlite": "door/door.sqlite",
    "ledger.key": "door/ledger.key",
}
_LEDGER_FILE = re.compile(r"ledger/(checkpoint|ledger\.key\.txt|tile/[0-9a-z./]+)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A camera's footage that came back without its keys."""

    camera: CameraId
    segments: int
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """logins: cameras whose login must be entered again. line: the ledger's first new one."""

    data: Path
    made_at: str
    line: int
    unreadable: tuple[Unreadable, ...]
    logins: tuple[str, ...]

    def in_words(self) -> str:
        lines = [
            f"restored from a backup of {self.made_at}",
            f"the ledger goes on at line {self.line}; lines written after the backup are not in it",
        ]
        lines += [
            f"{one.camera}: {one.segments} segments from {one.span.start.iso()} to "
            f"{one.span.end.iso()} can't be read: their keys were only in the lost folder"
            for one in self.unreadable
        ]
        if self.logins:
            lines.append("enter the logins again of: " + ", ".join(self.logins))
        lines.append("everybody signs in again; clean pictures are made and approved again")
        return "\n".join(lines)


def restore(backup: Path, data: Path, clock: Clock, progress: Progress) -> Restored:
    """A data folder at `data`, complete or not there at all.

    Every byte is compared with the backup's digests on its way. What an older Fairview backed up
    comes out as this one keeps it. format.json comes last, so that
    a folder whose restoring was cut short is never taken for a data folder.

    Errors:  NotFound for a folder without a backup; BadInput for a folder that is not empty, or
    a newer format; Corrupt for any changed, missing or foreign byte; Unavailable.
    """
    index = read_index(backup)
    sums = read_sums(backup, index)
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise BadInput(f"{data} is not empty; restore into a folder of its own")
    _refuse_newer(backup, index, sums)
    folder = DataFolder(root=data.absolute())
    try:
        make_folders(folder.root)
        with FolderLock(folder.root / "lock"):
            _copy(backup, index, sums, folder, progress)
            upgrade_rows(folder)
            unreadable = _tell_unreadable(folder, index, clock)
            count = sum(one.segments for one in unreadable)
            line = note_restored(folder, clock, instant(index.made_at), count)
            replace_file(folder.format_file, format_text(), mode=0o644)
    except (FairviewError, KeyboardInterrupt):
        shutil.rmtree(folder.root, ignore_errors=True)
        raise
    return Restored(
        data=data,
        made_at=index.made_at,
        line=line,
        unreadable=unreadable,
        logins=tuple(index.cameras_without_login),
    )


def _refuse_newer(backup: Path, index: BackupIndex, sums: dict[str, str]) -> None:
    """Errors:  BadInput for a data folder of a newer Fairview, Corrupt."""
    name = f"{index.state}/format.json"
    read_format(backup / name, _read(backup, name, sums))


def _copy(
    backup: Path, index: BackupIndex, sums: dict[str, str], folder: DataFolder, progress: Progress
) -> None:
    blobs = FileBlobs(folder.blobs)
    for place in (folder.blobs, folder.recorder, folder.door):
        make_folders(place)
    for place in (folder.keys, folder.ledger):
        make_folders(place, mode=0o755)
    for number, path in enumerate(sums):
        if path == f"{index.state}/format.json":
            continue
        data = _read(backup, path, sums)
        progress(number / len(sums), path.partition("/")[0])
        if path.startswith("blobs/"):
            writer = blobs.create(path.removeprefix("blobs/"))
            try:
                writer.append(data)
                writer.sync()
            finally:
                writer.close()
            continue
        name, is_public = _place(path.removeprefix(f"{index.state}/"))
        make_folders((folder.root / name).parent, mode=0o755 if is_public else 0o700)
        replace_file(folder.root / name, data, mode=0o644 if is_public else 0o600)


def _place(name: str) -> tuple[str, bool]:
    """Where a file of the state goes, and whether it is public. Errors: Corrupt."""
    if name in _PLACES:
        return _PLACES[name], False
    if _LEDGER_FILE.match(name) and ".." not in PurePosixPath(name).parts:
        return name, True
    raise Corrupt(f"the backup names a file that none has: {name}")


def _read(backup: Path, path: str, sums: dict[str, str]) -> bytes:
    """Errors:  Corrupt when it is not what the digests say."""
    try:
        data = (backup / path).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise Corrupt(f"{path} is missing in {backup}; use another backup") from error
    if hashlib.sha256(data).hexdigest() != sums.get(path):
        raise Corrupt(f"{path} in {backup} was changed; keep it and use another backup")
    return data


def _tell_unreadable(
    folder: DataFolder, index: BackupIndex, clock: Clock
) -> tuple[Unreadable, ...]:
    """What came back without keys, camera by camera, also as events on the page."""
    with closing(SqliteCatalogue(folder.catalogue)) as catalogue:
        found = tuple(_unreadable(catalogue))
        catalogue.write(
            [
                EventSaved(
                    event=HealthEvent(
                        kind="footage_unreadable",
                        camera=one.camera,
                        at=clock.now(),
                        because=(
                            f"restored from a backup of {index.made_at}: {one.segments} segments "
                            f"until {one.span.end.iso()} came without their keys"
                        ),
                    )
                )
                for one in found
            ]
        )
    return found


def _unreadable(catalogue: SqliteCatalogue) -> Iterator[Unreadable]:
    for row in catalogue.cameras():
        segments = catalogue.segments(row.camera.id)
        if segments:
            span = Span(
                start=min(one.span.start for one in segments),
                end=max(one.span.end for one in segments),
            )
            yield Unreadable(camera=row.camera.id, segments=len(segments), span=span)
