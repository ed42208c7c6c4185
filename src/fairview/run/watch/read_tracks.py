"""What `measure` starts from: others' tracks, or detections that are tracked first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fairview.analyse.files.mot import read_mot
from fairview.analyse.files.opendatacam import read_opendatacam
from fairview.analyse.files.opentrafficcam import read_otdet, read_ottrk
from fairview.analyse.files.parquet import read_parquet
from fairview.analyse.files.read import FileFacts, ReadDetections, ReadTracks
from fairview.analyse.track.tracker import Tracker
from fairview.core.errors import BadInput, NotFound
from fairview.core.scene import Scene
from fairview.core.sight import Track
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.run.watch.looking import Seen
from fairview.run.watch.watch_input import check_shape
from fairview.run.watch.watch_report import DetectorFacts, InputFacts, StageClock
from fairview.store.durable import told_as_ours

Progress = Callable[[float, str], None]
READERS: dict[str, Callable[[Path, FileFacts], ReadTracks | ReadDetections]] = {
    ".ottrk": read_ottrk,
    ".otdet": read_otdet,
    ".parquet": read_parquet,
    ".json": read_opendatacam,
}
"""By a file's ending; anything else is JSON by its first letter, or MOTChallenge text."""

HAS_TIMES = frozenset({".ottrk", ".otdet", ".parquet"})
"""Files that say their own times; the others need camera.fps."""

FPS_UNSAID = 25.0
"""For numbering the frames of a Parquet file that says only times."""


def read_seen(path: Path, scene: Scene, stages: StageClock, progress: Progress) -> Seen:
    """A file's tracks as if they had been seen here.

    Everything from the file's first to its last frame counts as looked at.
    Errors:  as read_boxes, and BadInput for a file that holds nothing.
    """
    progress(0.1, f"reading {path.name}")
    read = read_boxes(path, scene)
    stages.done("decode")
    if isinstance(read, ReadTracks):
        return _of_tracks(path, read)
    progress(0.3, "tracking")
    return _of_detections(path, read, stages)


def read_boxes(path: Path, scene: Scene) -> ReadTracks | ReadDetections:
    """What a file of tracks or detections holds, in its own numbers.

    Errors:  NotFound, and BadInput naming the place in the file; BadInput without frames a second,
    and for a picture of another shape than the scene's.
    """
    if not path.exists():
        raise NotFound(
            f"{path} is not there: name a MOTChallenge text, an .ottrk or .otdet file, or a "
            "tracks.parquet"
        )
    if path.is_dir():
        raise BadInput(f"{path} is a folder: measure takes one file of tracks; watch, pictures")
    if not path.is_file():
        raise BadInput(f"{path} is no file on a disk (a pipe, a device): measure reads it twice")
    camera = scene.camera
    ending = path.suffix.lower()
    if camera.fps is None and ending not in HAS_TIMES:
        raise BadInput(
            f"{path.name} has no times of its own: set camera.fps in the scene to the pictures a "
            "second it was made from"
        )
    facts = FileFacts(
        camera=camera.id,
        width_px=camera.width_px,
        height_px=camera.height_px,
        fps=camera.fps or FPS_UNSAID,
        start=camera.start or Instant(0),
    )
    reader = READERS.get(ending) or (read_opendatacam if _is_json(path) else read_mot)
    read = reader(path, facts)
    check_shape(scene, read.width_px, read.height_px, path.name)
    if isinstance(read, ReadTracks) and ending in HAS_TIMES:
        return _begun(read)
    return read


def tracked(read: ReadDetections) -> tuple[Track, ...]:
    """Detections as tracks, numbered from 1."""
    tracker = Tracker(read.camera)
    tracks: list[Track] = []
    for found in read.pictures():
        tracker.advance(found)
        tracks += tracker.take_finished()
    return (*tracks, *tracker.close())


def _is_json(path: Path) -> bool:
    with told_as_ours(path, "reading"), path.open("rb") as file:
        return file.read(64).lstrip()[:1] in (b"{", b"[")


def _begun(read: ReadTracks) -> ReadTracks:
    """A file that says when its tracks were but not when looking began: with the first track, not
    in 1970."""
    if read.start.us or not read.tracks:
        return read
    return replace(read, start=min(track.start for track in read.tracks))


def _of_tracks(path: Path, read: ReadTracks) -> Seen:
    if not read.tracks:
        raise BadInput(f"{path.name} holds no track")
    return _seen(path, read, read.tracks, DetectorFacts(name=None, accuracy=None))


def _of_detections(path: Path, read: ReadDetections, stages: StageClock) -> Seen:
    if not read.frames:
        raise BadInput(f"{path.name} holds no detection")
    tracks = tracked(read)
    stages.done("track")
    return _seen(path, read, tracks, DetectorFacts(name=read.model, accuracy=None))


def _seen(
    path: Path,
    read: ReadTracks | ReadDetections,
    tracks: tuple[Track, ...],
    detector: DetectorFacts,
) -> Seen:
    return Seen(
        input=InputFacts(
            name=path.name,
            kind="tracks" if isinstance(read, ReadTracks) else "detections",
            size_px=(read.width_px, read.height_px),
            has_times=read.start.us != 0,
            frames_read=read.frames,
            frames_decoded=None,
            frames_detected=None,
            frames_damaged=None,
        ),
        detector=detector,
        tracks=tuple(sorted(tracks, key=lambda track: track.id)),
        size_px=(read.width_px, read.height_px),
        start=read.start,
        fps=read.fps,
        watched=(_watched(read, tracks),),
        unmeasurable=(),
        faults=(),
        warnings=read.warnings,
    )


def _watched(read: ReadTracks | ReadDetections, tracks: tuple[Track, ...]) -> Span:
    """From frame 1 to one step after the last frame, and no less than the tracks' own times."""
    step_us = round(US_PER_SECOND / read.fps)
    start, last = read.start, read.start.plus(step_us * max(read.frames - 1, 0))
    for track in tracks:
        start, last = min(start, track.start), max(last, track.end)
    return Span(start=start, end=last.plus(max(step_us, 1)))
