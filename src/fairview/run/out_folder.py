"""A folder of results that appears whole or not at all.

Everything is written into a folder beside the wanted one; only when the run is through does it
take its place. An aborted run leaves the wanted folder as it was.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairview.core.errors import BadInput, Conflict, NotFound
from fairview.store.durable import told_as_ours


@contextmanager
def out_folder(out: Path, names: frozenset[str], *, is_forced: bool) -> Iterator[Path]:
    """A fresh folder to write into, which becomes `out` when the block ends well.

    names: every file name this command may write. With is_forced an earlier run's files of these
    names are replaced or go; files of other names in the folder stay.
    Errors:  NotFound when the folder above is not there; Conflict for a folder that is not empty
    (without is_forced) or a file in its place; Unavailable when the disk fails.
    """
    _refuse(out, is_forced=is_forced)
    with told_as_ours(out, "making a folder beside"):
        whole = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.absolute().parent))
        # mkdtemp makes folders only their owner can enter; results are as readable as anything new.
        making = whole / out.name
        making.mkdir()
    try:
        yield making
        unknown = {path.name for path in making.iterdir()} - names
        assert not unknown, f"not announced: {unknown}"
        with told_as_ours(out, "putting the results into"):
            _put(making, out, names)
    finally:
        shutil.rmtree(whole, ignore_errors=True)


def _refuse(out: Path, *, is_forced: bool) -> None:
    if not out.name:
        raise BadInput(f"{out} is no name for a folder: name a new one with --out")
    if not out.absolute().parent.is_dir():
        raise NotFound(f"the folder {out.parent} is not there: make it first, or name another")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise Conflict(f"{out} is not a folder: name another with --out")
    if out.is_dir() and any(out.iterdir()) and not is_forced:
        raise Conflict(f"{out} is not empty: name another folder, or replace results with --force")


def _put(making: Path, out: Path, names: frozenset[str]) -> None:
    made = {path.name for path in making.iterdir()}
    if not out.exists():
        making.rename(out)
        return
    for name in made:
        (making / name).replace(out / name)
    for name in names - made:
        (out / name).unlink(missing_ok=True)
