"""`fairview disk …`: where footage is kept, and how long there is room."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairview.cli.keeping import size_bytes
from fairview.cli.node import ConfigFile, DataDir, settings_from, stop_on_signals
from fairview.cli.voice import bar, note, say, say_json, say_rows
from fairview.cli.words import counted
from fairview.core.errors import BadInput
from fairview.core.time import SystemClock
from fairview.run.disks.desk import (
    DiskWish,
    add_disk,
    disks_told,
    drain_disk,
    remove_disk,
    set_role,
)
from fairview.run.disks.outlook import DiskOutlook

Name = Annotated[str, typer.Argument(help="The disk's name.")]


def app() -> typer.Typer:
    """The `disk` commands."""
    made = typer.Typer(
        help="Disks for footage: list, add, keep, record, drain, remove.", no_args_is_help=True
    )
    made.command("list")(list_)
    made.command("add")(add)
    made.command("keep")(keep)
    made.command("record")(record)
    made.command("drain")(drain)
    made.command("remove")(remove)
    return made


def list_(
    data: DataDir = None,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """How each disk is, what lies on it, and when it is full at this rate."""
    told = disks_told(settings_from(config, data), SystemClock())
    if as_json:
        say_json(told.as_json())
        return
    titles = ("disk", "state", "footage", "free", "left free", "outlook", "where")
    say_rows(titles, [_row(one) for one in told.disks])
    if len(told.disks) > 1:
        note(f"in all: {told.in_all.in_words()}; new footage goes by {told.policy}")
    if told.in_all.outlook != "unknown":
        note(f"{_size(told.in_all.bytes_per_day)} come in a day")
    for name in told.waiting:
        note(f"{name} stands in the settings and is not adopted yet: fairview disk add {name}")


def add(  # noqa: PLR0913  # a command has as many parameters as it has words
    name: Name,
    path: Annotated[Path | None, typer.Argument(help="Where it is mounted.")] = None,
    free: Annotated[str | None, typer.Option(help="Room left free on it, such as 20GB.")] = None,
    most: Annotated[
        str | None, typer.Option("--max", help="What footage may take on it, such as 4TB.")
    ] = None,
    keep_only: Annotated[
        bool, typer.Option("--keep-only", help="Add nothing to what lies on it.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Also one that belongs to another data folder.")
    ] = False,
    data: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Adopt a disk: it gets an identity, and new footage goes there too, within seconds."""
    wish = DiskWish(
        name=name,
        path=path,
        free_bytes_min=None if free is None else size_bytes(free),
        bytes_max=None if most is None else size_bytes(most),
        role="keep" if keep_only else "record",
        take_over=take_over,
    )
    entry = add_disk(settings_from(config, data), wish)
    say(f"{entry.name} at {entry.path} is one of the folder's disks")


def keep(name: Name, data: DataDir = None, config: ConfigFile = None) -> None:
    """Nothing new goes there; what lies there stays until its time."""
    set_role(settings_from(config, data), name, "keep")
    say(f"nothing new goes to {name}")


def record(name: Name, data: DataDir = None, config: ConfigFile = None) -> None:
    """New footage goes there (again)."""
    set_role(settings_from(config, data), name, "record")
    say(f"new footage goes to {name}")


def drain(name: Name, data: DataDir = None, config: ConfigFile = None) -> None:
    """Nothing new goes there, and what lies there moves to the other disks."""
    stop = stop_on_signals()
    with bar(f"moving what lies on {name}") as move:
        moved = drain_disk(settings_from(config, data), name, SystemClock(), stop, move)
    say(f"{name} is empty: {counted(moved, 'segment')} moved")


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    lost: Annotated[
        bool, typer.Option("--lost", help="Also one that is away and will not come back.")
    ] = False,
    data: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Retire a disk that nothing lies on any more, or that is lost."""
    if not yes:
        raise BadInput(f"{name} will no longer be one of the folder's disks: say --yes to do it")
    remove_disk(settings_from(config, data), name, SystemClock(), lost=lost)
    say(f"{name} is no longer one of the folder's disks")
    if lost:
        note("footage that lay on it is missing now: fairview check names it")


def _row(one: DiskOutlook) -> tuple[str, ...]:
    state = one.sign.state if one.entry.role == "record" else f"{one.sign.state}, keeps"
    if one.sign.because:
        state = f"{state}: {one.sign.because}"
    bound = "" if one.entry.bytes_max is None else f" of {_size(one.entry.bytes_max)}"
    return (
        one.entry.name,
        state,
        _size(one.used_bytes) + bound,
        f"{_size(one.sign.free_bytes)} of {_size(one.sign.total_bytes)}",
        _size(one.floor_bytes),
        one.in_words(),
        str(one.entry.path),
    )


def _size(count: int) -> str:
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1000:.0f} kB"
