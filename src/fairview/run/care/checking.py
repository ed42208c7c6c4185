"""Looking after a data folder: check it, rebuild its catalogue, verify what it gave out."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fairview.access.proof import Verified, verify
from fairview.config.settings import Settings
from fairview.core.errors import Conflict, Corrupt
from fairview.core.time import Clock
from fairview.run.care.mend import mend_folder
from fairview.run.disks.open_disks import open_disks
from fairview.run.signing import known_signers
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.check import CheckReport, check
from fairview.store.layout import DataFolder, open_data_folder
from fairview.store.recovery import rebuild


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderReport:
    """A check of footage and ledger. ledger: in words; ledger_fault: empty when it holds."""

    footage: CheckReport
    ledger: tuple[str, ...]
    ledger_fault: str

    @property
    def is_clean(self) -> bool:
        return self.footage.is_clean and not self.ledger_fault

    def as_json(self) -> dict[str, object]:
        ledger = {"lines": list(self.ledger), "fault": self.ledger_fault or None}
        return {**self.footage.as_json(), "is_clean": self.is_clean, "ledger": ledger}

    def in_words(self) -> str:
        ledger = [f"ledger: {self.ledger_fault}"] if self.ledger_fault else list(self.ledger)
        return "\n".join([self.footage.in_words(), *ledger])


def check_folder(settings: Settings, clock: Clock) -> FolderReport:
    """Compare rows, blobs and ledger. Alone on the folder, what a crash left is mended first;
    beside a running node it only looks.

    Errors:  NotFound when there is no folder.
    """
    folder = open_data_folder(settings.data)
    lock = folder.lock
    try:
        lock.take()
    except Conflict:
        return _looked_at(folder, clock)
    try:
        mend_folder(folder, clock)
        return _looked_at(folder, clock)
    finally:
        lock.release()


def rebuild_folder(settings: Settings, clock: Clock) -> str:
    """Make the catalogue anew from the blobs alone; the old file is kept beside it.

    Errors:  Conflict while a node runs; NotFound; Unavailable while a disk is away.
    """
    # Also in an older folder: its upgrade needs a catalogue that can be read.
    folder = open_data_folder(settings.data, older=True)
    with folder.lock:
        disks = open_disks(folder, clock)
        disks.settle()
        disks.refuse_away()
        aside = _set_aside(folder, clock)
        with closing(SqliteCatalogue(folder.catalogue)) as catalogue:
            made = rebuild(disks, catalogue, known_signers(folder))
    lines = [
        f"rebuilt: {len(made.cameras)} cameras, {made.segments} segments, {made.gaps} gaps",
        "cameras are inactive until their register entries are reviewed and saved again",
        "lost, because no blob tells them: register entries and addresses, camera logins, scenes, "
        "counts and speeds, events, clean pictures, gaps before a camera's first and after its "
        "last footage; a gap in between says only how the footage before it ended",
        "not lost: footage and its keys (what could be looked at can be looked at), accounts, the "
        "ledger",
        *(f"left out: {name}: {because}" for name, because in made.left),
        *([f"the old catalogue is kept as {aside.name}"] if aside else []),
    ]
    return "\n".join(lines)


def verify_path(path: Path, ledger_key: str | None = None) -> Verified:
    """Errors:  Corrupt with the first fault; BadInput for what is no evidence."""
    return verify(path, ledger_key)


def _looked_at(folder: DataFolder, clock: Clock) -> FolderReport:
    with closing(SqliteCatalogue(folder.catalogue)) as catalogue:
        footage = check(open_disks(folder, clock), catalogue)
    lines: tuple[str, ...] = ()
    fault = ""
    try:
        if (folder.ledger / "checkpoint").exists():
            lines = verify(folder.ledger).lines
    except Corrupt as error:
        fault = str(error)
    return FolderReport(footage=footage, ledger=lines, ledger_fault=fault)


def _set_aside(folder: DataFolder, clock: Clock) -> Path | None:
    if not folder.catalogue.exists():
        return None
    aside = folder.catalogue.with_name(f"catalogue-{clock.now().us}.sqlite")
    for suffix in ("", "-wal", "-shm"):
        old = folder.catalogue.with_name(folder.catalogue.name + suffix)
        if old.exists():
            old.rename(aside.with_name(aside.name + suffix))
    return aside
