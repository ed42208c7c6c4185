"""A folder of results that appears whole or not at all.

Everything is written into a folder beside the wanted one; only when the run is through does it
take its place. An aborted run leaves the wanted folder as it was; what a killed one left beside it
goes with the next run.
"""

from __future__ import annotations

import glob
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairview.core.errors import BadInput, Conflict, NotFound, Unavailable
from fairview.store.durable import FolderLock, told_as_ours

_LOCK = ".fairview"
"""Held as long as a run goes on; tells a folder of ours from anybody else's."""


@contextmanager
def out_folder(out: Path, names: frozenset[str], *, is_forced: bool) -> Iterator[Path]:
    """A fresh folder to write into, which becomes `out` when the block ends well.

    names: every file name this command may write. With is_forced an earlier run's files of these
    names are replaced or go; files of other names in the folder stay.
    Errors:  NotFound when the folder above is not there; Conflict for a folder that is not empty
    (without is_forced) or a file in its place; Unavailable when the disk fails.
    """
    _refuse(out, names, is_forced=is_forced)
    _clear(out, names)
    with told_as_ours(out, "making a folder beside"):
        whole = Path(tempfile.mkdtemp(prefix=_prefix(out), dir=out.absolute().parent))
    lock = FolderLock(whole / _LOCK)
    try:
        lock.take()
        # mkdtemp makes folders only their owner can enter; results are as readable as anything new.
        making = whole / out.name
        with told_as_ours(making, "making"):
            making.mkdir()
        yield making
        unknown = {path.name for path in making.iterdir()} - names
        assert not unknown, f"not announced: {unknown}"
        with told_as_ours(out, "putting the results into"):
            _put(making, out, names)
    finally:
        lock.release()
        shutil.rmtree(whole, ignore_errors=True)


def _prefix(out: Path) -> str:
    return f".{out.name}-"


def _clear(out: Path, names: frozenset[str]) -> None:
    """Remove what killed runs left beside `out`: folders of our own making that nobody holds."""
    for whole in sorted(out.absolute().parent.glob(f"{glob.escape(_prefix(out))}????????")):
        if not _is_ours(whole, out.name, names):
            continue
        lock = FolderLock(whole / _LOCK)
        try:
            lock.take()
        except (Conflict, Unavailable, NotFound):
            continue
        shutil.rmtree(whole, ignore_errors=True)
        lock.release()


def _is_ours(whole: Path, name: str, names: frozenset[str]) -> bool:
    """Whether a folder holds our lock, and nothing but what such a run writes."""
    try:
        inside = {path.name for path in whole.iterdir()}
        made = {path.name for path in (whole / name).iterdir()} if name in inside else set()
    except OSError:
        return False
    return _LOCK in inside and inside <= {_LOCK, name} and made <= names


def _refuse(out: Path, names: frozenset[str], *, is_forced: bool) -> None:
    if out.name in ("", ".."):
        raise BadInput(f"{out} is no name for a folder: name a new one with --out")
    if not out.absolute().parent.is_dir():
        raise NotFound(f"the folder {out.parent} is not there: make it first, or name another")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise Conflict(f"{out} is not a folder: name another with --out")
    if out.is_dir() and any(out.iterdir()) and not is_forced:
        raise Conflict(f"{out} is not empty: name another folder, or replace results with --force")
    for name in sorted(names):
        if (out / name).is_dir() and not (out / name).is_symlink():
            raise Conflict(f"{out / name} is a folder where a result goes: name another with --out")


def _put(making: Path, out: Path, names: frozenset[str]) -> None:
    made = {path.name for path in making.iterdir()}
    if not out.exists():
        making.rename(out)
        return
    for name in made:
        (making / name).replace(out / name)
    for name in names - made:
        (out / name).unlink(missing_ok=True)
