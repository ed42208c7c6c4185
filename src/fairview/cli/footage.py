"""`record`, `play`, `export`: footage in and out, by one person on one machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated

import typer

from fairview.cli.node import ConfigFile, DataDir, settings_from, stop_on_signals
from fairview.cli.voice import bar, note, say
from fairview.cli.words import TRANSPORT, counted, duration_us, span_of
from fairview.core.camera import transport_named
from fairview.core.case import LOOK_SPAN_US_MAX, Rendition
from fairview.core.errors import BadInput
from fairview.core.ids import camera_id
from fairview.core.time import US_PER_SECOND, SystemClock
from fairview.run.looks_at_node import open_looks
from fairview.run.owner.local import RegisterWish
from fairview.run.owner.office import ExportWish
from fairview.run.owner.record_once import RecordWish, record_once

CameraName = Annotated[str, typer.Option("--camera", help="The camera's name.")]
From = Annotated[str | None, typer.Option("--from", help="Start, ISO 8601 with a zone.")]
To = Annotated[str | None, typer.Option("--to", help="End, ISO 8601 with a zone.")]
PLAYERS = (
    ("ffplay", ["-loglevel", "error", "-autoexit", "-"]),
    ("mpv", ["--really-quiet", "-"]),
    ("vlc", ["--play-and-exit", "-"]),
)


def record(  # noqa: PLR0913  # a command has as many parameters as it has words
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="rtsp://…, http://…, or a file.")
    ],
    camera: CameraName = "camera",
    for_: Annotated[
        str | None, typer.Option("--for", help="How long: 20s, 5m (else until Ctrl-C).")
    ] = None,
    data: DataDir = None,
    purpose: Annotated[str | None, typer.Option(help="What it is for (the register).")] = None,
    keep: Annotated[str | None, typer.Option(help="How long footage is kept (else 24h).")] = None,
    commissioning: Annotated[
        bool, typer.Option(help="Allow uncovered pictures for 24 hours (ledgered).")
    ] = False,
    transport: Annotated[str, typer.Option(help=TRANSPORT)] = "auto",
    config: ConfigFile = None,
) -> None:
    """Record one camera or file into a data folder, sealed, without a server."""
    wish = RecordWish(
        camera=camera_id(camera),
        address=address,
        for_us=duration_us(for_) if for_ else None,
        register=RegisterWish(purpose=purpose, retention_us=duration_us(keep) if keep else None),
        is_commissioning=commissioning,
        transport=transport_named(transport),
    )
    settings = settings_from(config, data)
    with bar(f"recording {wish.camera}") as move:
        kept = record_once(settings, wish, SystemClock(), stop_on_signals(), move)
    say(
        f"{wish.camera}: {counted(kept.packets, 'picture')}, {kept.received_bytes / 1e6:.1f} MB, "
        f"{counted(kept.segments, 'segment')}, {counted(kept.gaps, 'gap')}, in {settings.data}"
    )


def export(  # noqa: PLR0913  # a command has as many parameters as it has words
    out: Annotated[Path, typer.Option("--out", help="FILE.mp4, a folder, or FILE.zip (evidence).")],
    camera: CameraName,
    data: DataDir = None,
    begin: From = None,
    end: To = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Uncovered, where that is allowed without a case.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Write footage to a file: covered unless --raw; a look in the ledger either way."""
    _refuse_out(out)
    rendition: Rendition = "raw" if raw else "covered"
    with open_looks(settings_from(config, data), SystemClock()) as office:
        name = camera_id(camera)
        span = span_of(begin, end, office.footage(name))
        wish = ExportWish(camera=name, span=span, rendition=rendition, out=out)
        with bar(f"exporting {name}") as move:
            written = office.export(wish, move)
    lasts = f"{span.duration_us / US_PER_SECOND:.1f} s"
    say(f"{written.out}: {written.size_bytes / 1e6:.1f} MB, {rendition}, {lasts}")
    for line in written.notes:
        note(line)


def play(  # a command has as many parameters as it has words
    camera: CameraName,
    data: DataDir = None,
    begin: From = None,
    end: To = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Uncovered, where that is allowed without a case.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Play footage with the player of this machine, or write MP4 to a pipe. Nothing is kept."""
    with open_looks(settings_from(config, data), SystemClock()) as office:
        name = camera_id(camera)
        span = span_of(begin, end, office.footage(name))
        if span.duration_us > LOOK_SPAN_US_MAX:
            raise BadInput("one look covers at most 1 hour: say --from and --to")
        pieces = office.play(name, span, "raw" if raw else "covered")
        if not sys.stdout.isatty():
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            return
        player = next((found for found in PLAYERS if shutil.which(found[0])), None)
        if player is None:
            raise BadInput(
                "no player found (ffplay, mpv, vlc): pipe it: fairview play … | player -"
            )
        note(f"playing {span.duration_us / US_PER_SECOND:.0f} s of {name} with {player[0]}")
        with subprocess.Popen([player[0], *player[1]], stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            _pour(pieces, process.stdin)


def _refuse_out(out: Path) -> None:
    """Before anything is read, since a long export that can't be put anywhere helps nobody."""
    if out.exists() or out.is_symlink():
        raise BadInput(f"{out} exists already; name another file")
    if out.suffix not in ("", ".mp4", ".zip"):
        raise BadInput(
            f"{out} ends in {out.suffix}: name a .mp4 file, a .zip (evidence), or a folder "
            "without a dot (evidence)"
        )
    if not out.absolute().parent.is_dir():
        raise BadInput(f"the folder {out.parent} is not there: make it first, or name another")


def _pour(pieces: Iterator[bytes], sink: IO[bytes]) -> None:
    """Until the footage ends or the player is closed."""
    try:
        for piece in pieces:
            sink.write(piece)
        sink.close()
    except BrokenPipeError:
        note("the player was closed")
