"""`snapshot` and `timelapse`: single pictures, covered unless said otherwise and allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairview.access.door import TimeLapseWish
from fairview.cli.footage import CameraName, From, To
from fairview.cli.node import ConfigFile, DataDir, settings_from
from fairview.cli.voice import bar, say
from fairview.cli.words import counted, duration_us, span_of
from fairview.core.case import Rendition
from fairview.core.errors import BadInput
from fairview.core.ids import camera_id
from fairview.core.time import SystemClock, instant
from fairview.run.looks_at_node import open_looks
from fairview.run.owner.stills import SnapshotWish
from fairview.run.owner.stills import snapshot as take
from fairview.run.owner.stills import time_lapse as make

Raw = Annotated[bool, typer.Option("--raw", help="Uncovered, where that needs no case.")]
Width = Annotated[int, typer.Option("--width", help="Pixels across, at most.")]


def snapshot(  # noqa: PLR0913  # a command has as many parameters as it has words
    out: Annotated[Path, typer.Option("--out", help="FILE.jpg")],
    camera: CameraName,
    at: Annotated[str | None, typer.Option(help="ISO 8601 with a zone (else the newest).")] = None,
    width: Width = 1_920,
    raw: Raw = False,
    data: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Save one kept picture: covered unless --raw; a look in the ledger either way."""
    _refuse_out(out, (".jpg", ".jpeg"))
    rendition: Rendition = "raw" if raw else "covered"
    wish = SnapshotWish(
        camera=camera_id(camera),
        at=instant(at) if at else None,
        rendition=rendition,
        out=out,
        width_px=width,
    )
    with open_looks(settings_from(config, data), SystemClock()) as office:
        taken = take(office, wish)
    say(f"{taken.out}: {wish.camera} at {taken.at.iso()[:19]}Z, {rendition}")


def timelapse(  # noqa: PLR0913  # a command has as many parameters as it has words
    out: Annotated[Path, typer.Option("--out", help="FILE.mp4")],
    camera: CameraName,
    begin: From = None,
    end: To = None,
    every: Annotated[str, typer.Option(help="A picture every: 10s, 1m …")] = "10s",
    fps: Annotated[int, typer.Option(help="Pictures a second in the film.")] = 25,
    width: Width = 1_280,
    raw: Raw = False,
    data: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Make a film of a picture every so often: covered unless --raw; one look in the ledger for
    each hour. Gaps are shown with their cause, never bridged."""
    _refuse_out(out, (".mp4",))
    rendition: Rendition = "raw" if raw else "covered"
    name = camera_id(camera)
    with open_looks(settings_from(config, data), SystemClock()) as office:
        wish = TimeLapseWish(
            camera=name,
            span=span_of(begin, end, office.footage(name)),
            every_us=duration_us(every),
            fps=fps,
            width_px=width,
            rendition=rendition,
        )
        with bar(f"time-lapse of {name}") as move:
            size = make(office, wish, out, move)
    hours = -(-wish.span.duration_us // 3_600_000_000)
    say(f"{out}: {size / 1e6:.1f} MB, {rendition}, {counted(hours, 'hour')} of footage")


def _refuse_out(out: Path, endings: tuple[str, ...]) -> None:
    """Before anything is looked at. Errors: BadInput."""
    if out.suffix.lower() not in endings:
        raise BadInput(f"{out}: name a {endings[0]} file")
    if out.exists() or out.is_symlink():
        raise BadInput(f"{out} exists already; name another file")
    if not out.absolute().parent.is_dir():
        raise BadInput(f"the folder {out.parent} is not there: make it first, or name another")
