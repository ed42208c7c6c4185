"""`fairview sample`: a minute of the simulated junction as a film, with its scene and its truth.

For whoever wants to try `watch` before there is a camera: everything in it is drawn, so the truth
is exact, and it may be shown to anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairview.config.scene_text import scene_text
from fairview.core.errors import Conflict
from fairview.core.ids import CameraId
from fairview.core.scene import Flow, KnownPoint, Line, Point, Rule, Scene, SceneCamera, Zone
from fairview.core.time import instant
from fairview.run.cache import sim_cache
from fairview.run.watch.out_folder import out_folder
from fairview.sim.junction import FPS, MAIN_KERB_M, SIDE_KERB_M, VIEW
from fairview.sim.loop import SEED_DEFAULT, make_loop
from fairview.sim.view import HEIGHT_PX, WIDTH_PX
from fairview.store.durable import told_as_ours

FILES = frozenset({"junction.mp4", "scene.toml", "truth.jsonl"})
START = "2026-05-01T08:00:00Z"

_ARM_M = 18.0
"""How far from the middle each arm's line lies: beyond the crossings, within the picture."""

_ENDS_M: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "west": ((-_ARM_M, MAIN_KERB_M), (-_ARM_M, -MAIN_KERB_M)),
    "east": ((_ARM_M, -MAIN_KERB_M), (_ARM_M, MAIN_KERB_M)),
    "south": ((-SIDE_KERB_M, -_ARM_M), (SIDE_KERB_M, -_ARM_M)),
    "north": ((SIDE_KERB_M, _ARM_M), (-SIDE_KERB_M, _ARM_M)),
}
"""Drawn so that forward goes into the junction on every arm."""

_POINTS_M = ((-8.0, -8.0), (8.0, -8.0), (8.0, 8.0), (-8.0, 8.0), (-18.0, 0.0), (18.0, 0.0))
_BOX_M = ((-7.0, -7.0), (7.0, -7.0), (7.0, 7.0), (-7.0, 7.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Where the three files are."""

    film: Path
    scene: Path
    truth: Path


def write_sample(
    out: Path, progress: Callable[[float, str], None], *, is_forced: bool = False
) -> Sample:
    """Write the film, its scene and its truth into a new folder.

    Errors:  Conflict for a folder with something in it; Unavailable when it can't be drawn.
    Cost:    as sim.loop.make_loop; the drawn minute is kept for the next time.
    """
    if out.is_dir() and any(out.iterdir()) and not is_forced:
        raise Conflict(f"{out} is not empty: name another folder, or replace with --force")
    drawn = make_loop(
        sim_cache(),
        seed=SEED_DEFAULT,
        progress=lambda done, all_: progress(done / max(all_, 1), "drawing the junction"),
    )
    with out_folder(out, FILES, is_forced=is_forced) as making:
        for name, source in (("junction.mp4", "main.mp4"), ("truth.jsonl", "truth.jsonl")):
            with told_as_ours(making / name, "copying to"):
                _copy(drawn.folder / source, making / name)
        scene = making / "scene.toml"
        with told_as_ours(scene, "writing"), scene.open("w", encoding="utf-8") as file:
            file.write(scene_text(sample_scene()))
    return Sample(film=out / "junction.mp4", scene=out / "scene.toml", truth=out / "truth.jsonl")


def sample_scene() -> Scene:
    """The junction's scene: a line across each arm, the middle as a zone, a ground that is known
    to the centimetre.
    """
    return Scene(
        camera=SceneCamera(
            id=CameraId("junction"),
            width_px=WIDTH_PX,
            height_px=HEIGHT_PX,
            fps=float(FPS),
            start=instant(START),
        ),
        digest="",
        points=tuple(
            KnownPoint(px=_seen(place), east_m=place[0], north_m=place[1]) for place in _POINTS_M
        ),
        lines=tuple(
            Line(name=arm, points_px=tuple(_seen(end) for end in ends))
            for arm, ends in _ENDS_M.items()
        ),
        zones=(
            Zone(name="middle", polygon_px=tuple(_seen(one) for one in _BOX_M), kind="junction"),
        ),
        flows=(
            Flow(name="west-east", from_line="west", to_line="east"),
            Flow(name="east-west", from_line="east", to_line="west"),
        ),
        rules=(
            Rule(
                name="stands-in-the-middle",
                kind="stopped",
                zone="middle",
                line=None,
                settings=(("after_s", 5.0),),
            ),
        ),
    )


def _seen(place_m: tuple[float, float]) -> Point:
    """Where a point of the road is seen, to a tenth of a pixel, as somebody would read it off."""
    (found,) = VIEW.project(np.array([[*place_m, 0.0]]))
    return (round(float(found[0]), 1), round(float(found[1]), 1))


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as old, target.open("wb") as new:
        while piece := old.read(1 << 20):
            new.write(piece)
