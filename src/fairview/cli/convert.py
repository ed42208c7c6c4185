"""`convert`: tracks, detections and scenes for other tools, and theirs for us."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairview.cli.voice import note, say
from fairview.run.watch.convert_tracks import ConvertWish, camera_of, origin_of
from fairview.run.watch.convert_tracks import convert as convert_file


def convert(  # noqa: PLR0913  # a command has as many parameters as it has words
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="Tracks or detections (MOTChallenge text, .ottrk, .otdet, .parquet), a scene.toml "
            "or an .otflow.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT",
            help="A new file: .txt (MOTChallenge), .ottrk, .otdet, .parquet, .geojson; .otflow or "
            ".toml of a scene.",
        ),
    ],
    scene: Annotated[
        Path | None,
        typer.Option(help="The scene the boxes were seen in (scene.toml).", dir_okay=False),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(help="GeoJSON on a map: LATITUDE,LONGITUDE of the scene's local 0, 0."),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Of the picture of an .otflow, such as 1280x720.")
    ] = None,
    camera: Annotated[str, typer.Option(help="The camera's name in a new scene.")] = "camera",
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier OUTPUT.")] = False,
) -> None:
    """Write tracks, detections or a scene in another tool's form."""
    wish = ConvertWish(
        source=source,
        out=out,
        scene=scene,
        camera=camera_of(camera, size) if size is not None else None,
        origin=origin_of(origin) if origin is not None else None,
        is_forced=force,
    )
    converted = convert_file(wish)
    say(f"{out}: {converted.what}")
    for line in dict.fromkeys(converted.warnings):
        note(line)
