"""covered.mp4: the film's covered copy, with what was measured drawn over it.

Made in its own go over the film, after everything was measured: the cover looks ahead, so that
somebody who is found late is hidden before that too, and counts go up at the moment of a
crossing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fairview.access.annotate import Annotator, LineTally
from fairview.access.cover_finders import cover_detectors
from fairview.analyse.cover_finds import Finders
from fairview.analyse.decode import open_video
from fairview.analyse.detectors.choose import MODEL_DEFAULT
from fairview.analyse.detectors.models import here
from fairview.analyse.planes import Planes
from fairview.core.errors import NotFound
from fairview.core.limits_seeing import TRAIL_POINTS_MAX
from fairview.core.scene import Scene
from fairview.core.sight import OpenTrack, Track
from fairview.core.time import Instant
from fairview.core.traffic import Crossing
from fairview.record.mp4 import write_mp4
from fairview.run.watch.film_cover import FilmCover, LooksAhead, backgrounds_of

Progress = Callable[[float, str], None]
LOOKS_FPS = 8.0
_SHARE_FIRST = 0.25


def write_film(
    out: Path,
    source: Path,
    scene: Scene,
    overlay: Overlay,
    progress: Progress,
    *,
    is_approved: bool = False,
) -> tuple[str, ...]:
    """Write the copy; what a person should know about it.

    With a model for road users, and those for faces and plates on this machine, current pixels
    are shown beside what is hidden; else whole frames are covered, or, with is_approved, solid
    shapes are shown on the film's own empty scene.
    Errors:  as `fairview cover`.
    """
    camera = scene.camera
    film, ahead = (open_video(source, fps=camera.fps, start=camera.start) for _ in range(2))
    finders, warnings = _finders(scene)
    backgrounds = backgrounds_of(
        film,
        is_painted=finders is None,
        move=lambda done, words: progress(done * _SHARE_FIRST, words),
    )
    cover = FilmCover(
        film=film,
        backgrounds=backgrounds,
        ahead=None if finders is None else LooksAhead(ahead, finders, LOOKS_FPS),
        move=lambda done, words: progress(_SHARE_FIRST + done * (1 - _SHARE_FIRST), words),
        draw=overlay.on(scene),
        is_approved=is_approved,
    )
    write_mp4(cover.fragments(), out, faststart=True)
    return (*warnings, *cover.warnings)


class Overlay:
    """What was measured, as it stood at any moment of the film; moments only go forward."""

    def __init__(self, tracks: Sequence[Track], crossings: Sequence[Crossing]) -> None:
        self._waiting = sorted(tracks, key=lambda track: track.start, reverse=True)
        self._open: list[Track] = []
        self._crossings = list(reversed(crossings))
        self._passed: Counter[tuple[str, str]] = Counter()

    def on(self, scene: Scene) -> Callable[[Planes, Instant], None]:
        """Draws this over a covered picture, in place."""
        annotators: dict[tuple[int, int], Annotator] = {}

        def draw(planes: Planes, at: Instant) -> None:
            size = (planes.width_px, planes.height_px)
            if size not in annotators:
                annotators.clear()
                annotators[size] = Annotator(scene, *size)
            annotators[size].draw(planes, self.tracks_at(at), self.tallies_at(scene, at))

        return draw

    def tracks_at(self, at: Instant) -> tuple[OpenTrack, ...]:
        """The road users under way, with their latest ground points."""
        while self._waiting and self._waiting[-1].start <= at:
            self._open.append(self._waiting.pop())
        self._open = [track for track in self._open if track.end >= at]
        return tuple(_open_track(track, at) for track in self._open)

    def tallies_at(self, scene: Scene, at: Instant) -> tuple[LineTally, ...]:
        """What passed each line until now."""
        while self._crossings and self._crossings[-1].at <= at:
            one = self._crossings.pop()
            self._passed[(one.line, one.direction)] += 1
        return tuple(
            LineTally(
                line=line.name,
                forward=self._passed[(line.name, "forward")],
                backward=self._passed[(line.name, "backward")],
            )
            for line in scene.lines
        )


def _open_track(track: Track, at: Instant) -> OpenTrack:
    """The track as it was at a moment within it: between two points, on the straight way."""
    after = int(np.searchsorted(track.at_us, at.us))
    before = max(after - 1, 0)
    step_us = int(track.at_us[after] - track.at_us[before])
    share = (at.us - int(track.at_us[before])) / step_us if step_us else 1.0
    box = track.boxes_unit[before] * (1 - share) + track.boxes_unit[after] * share
    here = np.array([[(box[0] + box[2]) / 2, box[3]]])
    trail = np.vstack([track.ground_unit[max(0, after - TRAIL_POINTS_MAX + 1) : after], here])
    return OpenTrack(
        id=track.id,
        at=at,
        kind=track.kind,
        box_unit=box.astype(np.float32),
        trail_unit=trail.astype(np.float32),
        is_seen=bool(track.is_seen[after]),
    )


def _finders(scene: Scene) -> tuple[Finders | None, tuple[str, ...]]:
    """The cover's detectors; None without a model in the scene, or with one missing here."""
    if scene.detector.kind != "onnx":
        return None, ()
    try:
        found = cover_detectors(here(), scene.detector.model or MODEL_DEFAULT)
    except NotFound as error:
        return None, (f"drawn as shapes on the empty scene, since a model is missing: {error}",)
    return found.finders, ()
