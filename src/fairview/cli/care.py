"""`backup`, `restore`, `upgrade`: what outlives the machine or a release, and what must not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairview.cli.node import ConfigFile, DataDir, settings_from
from fairview.cli.voice import bar, note, say, say_json
from fairview.core.time import SystemClock
from fairview.run.care.backup import back_up
from fairview.run.care.restore import restore as restore_folder
from fairview.run.care.upgrade import survey, upgrade_folder


def backup(
    out: Annotated[Path, typer.Option("--out", help="The backup's folder, new or an earlier one.")],
    data: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Copy a data folder, also of a running node, without anything that opens footage."""
    with bar("backing up") as move:
        made = back_up(settings_from(config, data).data, out, SystemClock(), move)
    say(
        f"{made.out}: {made.segments} segments ({made.copied} new, "
        f"{made.copied_bytes / 1e6:.1f} MB), {made.ledger_size} lines of the ledger"
    )
    note("its footage can be read only while this data folder lives; keep it as you keep the node")
    if made.logins:
        note("logins are not in it, to be entered again: " + ", ".join(made.logins))


def restore(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A backup.")],
    data: Annotated[Path | None, typer.Option("--data", help="An empty or new folder.")] = None,
    config: ConfigFile = None,
) -> None:
    """Make a data folder from a backup, every byte compared, for a node to go on with."""
    with bar("restoring") as move:
        done = restore_folder(folder, settings_from(config, data).data, SystemClock(), move)
    say(done.in_words())


def upgrade(
    data: DataDir = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, it is only told.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigFile = None,
) -> None:
    """Bring a data folder of an older Fairview up to this one; a newer one's is refused."""
    place = settings_from(config, data).data
    found = upgrade_folder(place, note) if yes else survey(place)
    if as_json:
        say_json(found.as_json())
    else:
        for part in found.parts:
            say(f"{part.in_words()}{'' if part.state == 'newest' else f': {part.state}'}")
    if yes:
        say(f"{place} was up to date" if found.is_newest else f"{place} is up to date now")
        return
    found.refuse_newer()
    if found.is_newest:
        note(f"{place} is up to date; nothing is to be done")
        return
    note(
        f"written by {found.written_by}. Say --yes to bring it up: the node must be stopped; the "
        "old catalogue (without logins) is kept in before-upgrade; footage, keys and the ledger "
        "are not touched. For a copy of all: fairview backup"
    )
