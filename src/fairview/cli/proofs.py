"""`check`, `verify`, `bench`: does it hold, is it true, what does it cost."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Annotated

import typer

from fairview.cli.node import ConfigFile, DataDir, settings_from
from fairview.cli.voice import bar, note, say, say_json
from fairview.core.errors import BadInput, Corrupt, NotFound
from fairview.core.time import SystemClock
from fairview.run.care.checking import check_folder, rebuild_folder, verify_path


def check(
    data: DataDir = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make the catalogue anew from the blobs alone.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do rebuild.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Compare the catalogue with the blobs, every digest and chain, and the ledger."""
    settings = settings_from(config, data)
    if rebuild and not yes:
        raise BadInput(
            "a rebuilt catalogue has lost register entries, logins, events and clean pictures, and "
            "its cameras rest until they are reviewed (the old file is kept): say --yes to do it"
        )
    if rebuild:
        with bar("rebuilding the catalogue"):
            say(rebuild_folder(settings, SystemClock()))
    with bar("checking"):
        report = check_folder(settings, SystemClock())
    if as_json:
        say_json(report.as_json())
    else:
        say(report.in_words())
    if not report.is_clean:
        raise Corrupt("the check found faults; the footage named is kept as it is")


def verify(
    path: Annotated[Path, typer.Argument(help="A bundle (folder or .zip), a proof, or a ledger.")],
    key: Annotated[
        str | None, typer.Option(help="The ledger's public key, known from elsewhere.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Verify evidence or a ledger offline, without a server. Ends with 8 at the first fault."""
    if not path.exists():
        raise NotFound(f"{path} is not there: check the path")
    verified = verify_path(path, key)
    if as_json:
        say_json({"kind": verified.kind, "holds": True, "lines": list(verified.lines)})
    else:
        say("\n".join(verified.lines))


def bench(
    name: Annotated[str, typer.Argument(help="record, play, …")],
) -> None:
    """Measure costs side by side with peers (in a source checkout)."""
    place = Path(__file__).resolve().parents[3] / "bench" / f"{name}.py"
    if not place.exists():
        known = sorted(one.stem for one in place.parent.glob("*.py") if one.stem != "__init__")
        raise BadInput(
            f"there is no bench {name}; known: {', '.join(known)}"
            if known
            else "benches run in a source checkout"
        )
    note(f"running bench/{name}.py; other work on this machine makes its figures worse")
    sys.path.insert(0, str(place.parent.parent))
    sys.argv = [str(place)]
    runpy.run_path(str(place), run_name="__main__")
