"""How commands speak: answers on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

Bar = Callable[[float, str], None]
"""Something long under way: how far (0..1) and what now, in words (empty: as before)."""


def say(text: str) -> None:
    """An answer."""
    typer.echo(text)


def note(text: str) -> None:
    """Something worth knowing that is not the answer."""
    typer.echo(text, err=True)


def complain(text: str) -> None:
    """Why it did not work and what to do."""
    typer.echo(f"fairview: {text}", err=True)


def say_json(value: Mapping[str, object] | Sequence[object]) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def say_rows(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on a terminal, tab-separated lines when piped."""
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(row))
        return
    table = Table(*titles, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


@contextmanager
def bar(words: str) -> Iterator[Bar]:
    """A progress bar on a terminal; when piped, a line at the start and the end."""
    if not sys.stderr.isatty():
        note(f"{words} …")
        yield lambda done_frac, now: None
        note(f"{words}: done")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(words, total=1.0)

        def move(done_frac: float, now: str) -> None:
            progress.update(task, completed=done_frac, description=now or words)

        yield move
