"""`watch`, `measure`, `sample`: pictures, or others' tracks, into counts and speeds."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from fairview.cli.node import stop_on_signals
from fairview.cli.voice import bar, note, say
from fairview.cli.words import counted, duration_us
from fairview.core.time import SystemClock
from fairview.run.watch.sample import write_sample
from fairview.run.watch.watch_input import is_stream
from fairview.run.watch.watch_outputs import Written
from fairview.run.watch.watching import DetectorChange, WatchWish
from fairview.run.watch.watching import measure as measure_tracks
from fairview.run.watch.watching import watch as watch_pictures

SceneFile = Annotated[
    Path, typer.Option("--scene", help="What the camera looks at (scene.toml).", dir_okay=False)
]
OutDir = Annotated[Path, typer.Option("--out", help="A folder for the results, new or empty.")]
Bin = Annotated[str, typer.Option("--bin", help="Length of one count: 5m, 15m, 1h.")]
Force = Annotated[bool, typer.Option("--force", help="Replace earlier results in --out.")]
Covered = Annotated[
    bool, typer.Option("--covered", help="Also covered.mp4, with everything drawn over it.")
]


def watch(  # noqa: PLR0913  # a command has as many parameters as it has words
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="A video file, a folder of pictures, or rtsp://…")
    ],
    scene: SceneFile,
    out: OutDir,
    bin_: Bin = "15m",
    covered: Covered = False,
    approve_scene: Annotated[
        bool,
        typer.Option(
            "--approve-scene",
            help="With --covered and no model: show shapes on the film's own empty scene, in which "
            "you know that nobody stays.",
        ),
    ] = False,
    detector: Annotated[
        str | None, typer.Option(help="motion or onnx, whatever the scene says.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A model's name (fairview models list), or an .onnx file.")
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(min=0.01, max=0.99, help="Least score of a box.")
    ] = None,
    at_fps: Annotated[
        float | None, typer.Option(help="Pictures a second looked at (else all; a camera's 5).")
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", help="How long a camera is watched (else until Ctrl-C).")
    ] = None,
    force: Force = False,
) -> None:
    """Count and measure what passes, in pictures; no picture is kept."""
    wish = WatchWish(
        source=source,
        scene=scene,
        out=out,
        bin_us=duration_us(bin_),
        is_covered=covered,
        is_approved=approve_scene,
        is_forced=force,
        detector=DetectorChange(kind=detector, model=model, confidence=confidence),
        at_fps=at_fps,
        for_us=duration_us(for_) if for_ else None,
    )
    # Ctrl-C ends a camera's watching, with its results; a file's is given up, without any.
    stop = stop_on_signals() if is_stream(source) else threading.Event()
    with bar("looking") as move:
        written = watch_pictures(wish, SystemClock(), stop, move)
    _tell(out, written)


def measure(  # a command has as many parameters as it has words
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help="MOTChallenge text, .ottrk, .otdet, or tracks.parquet."
        ),
    ],
    scene: SceneFile,
    out: OutDir,
    bin_: Bin = "15m",
    covered: Annotated[bool, typer.Option("--covered", hidden=True)] = False,
    force: Force = False,
) -> None:
    """Count and measure from tracks that another tool made; detections are tracked first."""
    wish = WatchWish(
        source=str(source),
        scene=scene,
        out=out,
        bin_us=duration_us(bin_),
        is_covered=covered,
        is_forced=force,
    )
    with bar("measuring") as move:
        written = measure_tracks(wish, move)
    _tell(out, written)


def sample(
    out: Annotated[Path, typer.Option("--out", help="A folder for it, new or empty.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier one in --out.")
    ] = False,
) -> None:
    """Write a minute of the simulated junction, with its scene and its truth, to try watch on."""
    with bar("drawing the junction") as move:
        made = write_sample(out, move, is_forced=force)
    say(f"{made.film}, {made.scene}, {made.truth}")
    note(
        f"now: fairview watch {made.film} --scene {made.scene} --out results --covered "
        "--approve-scene"
    )


def _tell(out: Path, written: Written) -> None:
    measures = written.measures
    say(
        f"{out}: {counted(len(written.seen.tracks), 'track')}, "
        f"{counted(len(measures.crossings), 'crossing')}, "
        f"{counted(len(measures.stays), 'stay')}, {counted(len(written.events), 'event')}; "
        f"{written.observed_frac:.0%} of the time could be measured"
    )
    for line in dict.fromkeys(written.warnings):
        note(line)
