"""`cover`: a covered copy of a film."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fairview.cli.voice import bar, note, say
from fairview.cli.words import counted
from fairview.run.watch.cover_file import CoverWish, cover_film, write_report

_NO_MODEL = "none"


def cover(  # noqa: PLR0913  # a command has as many parameters as it has words
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A film, or a folder of numbered pictures.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The covered copy, FILE.mp4.")],
    report: Annotated[
        Path | None, typer.Option(help="Also write what was done, as JSON.", dir_okay=False)
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="Which model finds people (fairview models list); none: only shapes on the "
            "empty scene are shown."
        ),
    ] = "picodet-s-416",
    looks: Annotated[
        float, typer.Option(help="Whole looks of the model a second of film, 1 to 60.")
    ] = 8.0,
    fps: Annotated[
        float | None, typer.Option(help="Pictures a second, for inputs without times.")
    ] = None,
    approve_scene: Annotated[
        bool,
        typer.Option(
            "--approve-scene",
            help="Without a model: show shapes on the film's own empty scene, in which you know "
            "that nobody stays; else whole frames are covered.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Make a covered copy of a film: people, plates and what moves under solid fill, no sound."""
    wish = CoverWish(
        source=source,
        out=out,
        report=report,
        model=None if model == _NO_MODEL else model,
        environment=os.environ,
        looks_fps=looks,
        fps=fps,
        may_replace=force,
        is_approved=approve_scene,
    )
    with bar(f"covering {source.name}") as move:
        done = cover_film(wish, move)
    for warning in done.warnings:
        note(f"note: {warning}")
    if report is not None:
        write_report(done, report)
    say(
        f"{out}: {counted(done.frames, 'picture')}, {done.frames_whole} covered whole, "
        f"{done.hidden_frac:.0%} of the picture hidden on average"
    )
