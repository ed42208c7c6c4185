"""`fairview watch` and `fairview measure`, in one process: the order of things on one page.

    input → pictures → (health, detector) → tracker → finished tracks
          → crossings, counts, flows, speeds, stays → rules → files, report, covered copy

`measure` begins at the tracks (or, with detections, at the tracker). Results appear whole or not
at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fairview.analyse.detectors.choose import detector_for
from fairview.analyse.detectors.models import here
from fairview.analyse.ground.calibrate import calibrate
from fairview.analyse.measure.measures import MeasureContext
from fairview.config.scene_file import read_scene
from fairview.core.errors import BadInput
from fairview.core.scene import DetectorWish, Scene
from fairview.core.time import Clock
from fairview.events.rules import check_rules
from fairview.run.watch.looking import Looking
from fairview.run.watch.out_folder import out_folder
from fairview.run.watch.read_tracks import read_seen
from fairview.run.watch.watch_film import Overlay, write_film
from fairview.run.watch.watch_input import is_stream, open_input
from fairview.run.watch.watch_outputs import FILES, Known, Written, write_results
from fairview.run.watch.watch_report import StageClock

Progress = Callable[[float, str], None]
LIVE_FPS = 5.0
"""Pictures a second of a camera that is watched, unless --at-fps says otherwise; as a node does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorChange:
    """What was typed over the scene's [detector]; None: as the scene says."""

    kind: str | None = None
    model: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchWish:
    """What is looked at, with which scene, and where the results go.

    is_approved: a person knows that nobody stays in the film's empty scene, so that covered.mp4
    may show it. at_fps None: every picture of a file, LIVE_FPS of a camera. for_us: for a camera.
    """

    source: str
    scene: Path
    out: Path
    bin_us: int
    is_covered: bool = False
    is_approved: bool = False
    is_forced: bool = False
    detector: DetectorChange = DetectorChange()
    at_fps: float | None = None
    for_us: int | None = None

    def __post_init__(self) -> None:
        if self.at_fps is not None and not 1 <= self.at_fps <= 1_000:
            raise BadInput("--at-fps lies between 1 and 1000: slower, and tracks break")
        # Refuses a bin that does not divide the day, before anything is looked at.
        MeasureContext(bin_us=self.bin_us)


def watch(wish: WatchWish, clock: Clock, stop: threading.Event, progress: Progress) -> Written:
    """Look at pictures, and write what was seen and measured. stop ends a camera's watching.

    Errors:  NotFound, BadInput, NotAllowed, Unavailable, Conflict, each saying what to do.
    """
    if wish.is_covered and is_stream(wish.source):
        raise BadInput(
            "--covered needs a film that can be gone through twice: for a camera use "
            "fairview record, then fairview export, which is covered"
        )
    scene = _with_detector(read_scene(wish.scene), wish.detector)
    check_rules(scene)
    stages = StageClock()
    ground = calibrate(scene) if scene.has_ground else None
    detector = detector_for(scene.detector, here())
    found = open_input(wish.source, scene, clock, stop, wish.for_us)
    at_fps = wish.at_fps or (LIVE_FPS if found.kind == "stream" else None)
    stages.done("other")
    with out_folder(wish.out, FILES, is_forced=wish.is_forced) as making:
        share = 0.6 if wish.is_covered else 1.0
        seen = Looking(scene, found, detector, stages).look(
            at_fps, lambda done, words: progress(done * share, words)
        )
        known = Known(command="watch", scene=scene, ground=ground, bin_us=wish.bin_us)
        written = write_results(making, known, seen, stages)
        if wish.is_covered:
            warnings = write_film(
                making / "covered.mp4",
                Path(wish.source).expanduser(),
                scene,
                Overlay(seen.tracks, written.measures.crossings),
                lambda done, words: progress(share + done * (1 - share), words),
                is_approved=wish.is_approved,
            )
            stages.done("cover")
            written = written.with_film(warnings)
        written.write_report(making, stages)
    return written


def measure(wish: WatchWish, progress: Progress) -> Written:
    """Measure others' tracks (or detections, which are tracked first), and write the figures.

    Errors:  as `watch`; BadInput for --covered, since there are no pictures.
    """
    if wish.is_covered:
        raise BadInput("--covered needs pictures: use fairview watch")
    scene = read_scene(wish.scene)
    check_rules(scene)
    stages = StageClock()
    ground = calibrate(scene) if scene.has_ground else None
    stages.done("other")
    seen = read_seen(Path(wish.source).expanduser(), scene, stages, progress)
    with out_folder(wish.out, FILES, is_forced=wish.is_forced) as making:
        known = Known(command="measure", scene=scene, ground=ground, bin_us=wish.bin_us)
        written = write_results(making, known, seen, stages)
        written.write_report(making, stages)
    return written


def _with_detector(scene: Scene, change: DetectorChange) -> Scene:
    wish = scene.detector
    if change.kind not in (None, "motion", "onnx"):
        raise BadInput(f"--detector is motion or onnx, not {change.kind!r}")
    if change.kind == "motion" and change.model is not None:
        raise BadInput("--model is for --detector onnx; motion runs no model")
    if change.model is not None:
        wish = replace(wish, kind="onnx", model=change.model)
    elif change.kind == "motion":
        wish = DetectorWish(kind="motion", confidence=wish.confidence)
    elif change.kind == "onnx":
        wish = replace(wish, kind="onnx")
    if change.confidence is not None:
        wish = replace(wish, confidence=change.confidence)
    return replace(scene, detector=wish)
