"""What reading another tool's file gives: tracks, or detections that are still to be tracked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import FILE_FRAMES_MAX
from fairview.core.sight import COORDINATE_MAX, COORDINATE_MIN, Detections, Track
from fairview.core.time import US_PER_SECOND, Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]


_SIDE_PX_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What a file may not say itself: whose picture, how large, how fast, since when.

    A file that says more than this wins, except for the camera's name.
    """

    camera: CameraId
    width_px: int
    height_px: int
    fps: float
    start: Instant

    def __post_init__(self) -> None:
        if not all(1 <= side <= _SIDE_PX_MAX for side in (self.width_px, self.height_px)):
            raise BadInput(
                f"a picture is 1 to {_SIDE_PX_MAX} pixels wide and high; set camera.size_px"
            )
        if not (np.isfinite(self.fps) and 0.001 <= self.fps <= 1_000):
            raise BadInput("frames a second lie between 0.001 and 1000; set camera.fps")

    def at_us(self, frames: Ints) -> Ints:
        """When frames (n,) were: frame 1 at start, the others 1/fps apart."""
        away = np.rint((frames - 1) * (US_PER_SECOND / self.fps)).astype(np.int64)
        return np.asarray(self.start.us + away)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTracks:
    """A file's tracks, with the file's own ids, by id. frames: the number of its last frame.

    fps, start: as the file says, or as it was told. warnings: whole sentences, each said once.
    """

    tracks: tuple[Track, ...]
    camera: CameraId
    width_px: int
    height_px: int
    fps: float
    start: Instant
    frames: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDetections:
    """A file's detections, picture by picture, frames without any included.

    Shapes:  at_us (frames,): when frame 1, 2, … were; ends (frames,): how many boxes lie in the
             frames up to and with each; boxes_unit (n, 4), scores, kinds (n,) by frame.
    """

    camera: CameraId
    width_px: int
    height_px: int
    fps: float
    start: Instant
    warnings: tuple[str, ...]
    model: str
    at_us: Ints
    ends: Ints
    boxes_unit: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.uint8]

    @property
    def frames(self) -> int:
        return len(self.at_us)

    def pictures(self) -> Iterator[Detections]:
        """Each frame's detections, in order of time."""
        begin = 0
        for index, end in enumerate(self.ends):
            here = slice(begin, int(end))
            begin = int(end)
            yield Detections(
                camera=self.camera,
                frame=index + 1,
                at=Instant(int(self.at_us[index])),
                boxes_unit=self.boxes_unit[here],
                scores=self.scores[here],
                kinds=self.kinds[here],
                model=self.model,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxRows:
    """Boxes as rows of a file, in its order; everything (n, …). places: what to call a row in an
    error. ids: of tracks, -1 in all rows for detections.
    """

    frames: Ints
    ids: Ints
    boxes_px: Floats
    scores: Floats
    kinds: Ints
    places: Ints
    place_word: str = "line"


def as_tracks(
    rows: BoxRows, facts: FileFacts, warnings: tuple[str, ...], at_us: Ints | None = None
) -> ReadTracks:
    """Rows with ids as tracks. at_us (n,): each row's time; None: by its frame.

    Errors:  as tracks_of.
    """
    return ReadTracks(
        tracks=tracks_of(rows, facts, at_us),
        camera=facts.camera,
        width_px=facts.width_px,
        height_px=facts.height_px,
        fps=facts.fps,
        start=facts.start,
        frames=int(rows.frames.max(initial=0)),
        warnings=warnings,
    )


def tracks_of(rows: BoxRows, facts: FileFacts, at_us: Ints | None = None) -> tuple[Track, ...]:
    """Rows with ids as tracks, by id; the class with the greatest sum of scores each.

    A row with score 0 was not seen (another tool, or we ourselves, filled it in). at_us (n,):
    each row's time; None: by its frame.

    Errors:  BadInput for an id twice in one frame, boxes far outside the picture.
    """
    if not len(rows.frames):
        return ()
    order = np.lexsort((rows.frames, rows.ids))
    ids, frames = rows.ids[order], rows.frames[order]
    same = np.flatnonzero((np.diff(ids) == 0) & (np.diff(frames) == 0))
    if len(same):
        first = same[np.argmin(rows.places[order][same + 1])]
        raise BadInput(
            f"{rows.place_word} {rows.places[order][first + 1]}: track {ids[first]} is in frame "
            f"{frames[first]} twice; a track has one box in a frame"
        )
    boxes = unit_boxes(rows, facts)[order]
    times = facts.at_us(frames) if at_us is None else at_us[order]
    if frames.max() > np.iinfo(np.int32).max:
        raise BadInput(f"frame {frames.max()} is too large a number; frames count from 1")
    cuts = np.flatnonzero(np.diff(ids)) + 1
    starts, ends = np.concatenate(([0], cuts)), np.concatenate((cuts, [len(ids)]))
    scores, kinds = rows.scores[order], rows.kinds[order]
    return tuple(
        _track(
            facts.camera,
            int(ids[a]),
            frames[a:b].astype(np.int32),
            (times[a:b], boxes[a:b], scores[a:b], kinds[a:b]),
        )
        for a, b in zip(starts, ends, strict=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionsFrom:
    """Where detections come from: the detector's name; at_us (frames,): when each frame was, also
    those without rows (None: by number, up to the last one with a row).
    """

    model: str
    at_us: Ints | None = None


def as_detections(
    rows: BoxRows, facts: FileFacts, warnings: tuple[str, ...], origin: DetectionsFrom
) -> ReadDetections:
    """Rows as detections, frame by frame.

    Bounds:  FILE_FRAMES_MAX frames.
    Errors:  BadInput beyond that, for boxes far outside the picture.
    """
    last = int(rows.frames.max(initial=0)) if origin.at_us is None else len(origin.at_us)
    if last > FILE_FRAMES_MAX:
        raise BadInput(
            f"{rows.place_word} {rows.places[rows.frames.argmax()]} is about frame {last}; at most "
            f"{FILE_FRAMES_MAX} frames can be read from one file, so cut it into parts"
        )
    order = np.argsort(rows.frames, kind="stable")
    numbers = np.arange(1, last + 1)
    ends = np.searchsorted(rows.frames[order], numbers, side="right").astype(np.int64)
    return ReadDetections(
        camera=facts.camera,
        width_px=facts.width_px,
        height_px=facts.height_px,
        fps=facts.fps,
        start=facts.start,
        warnings=warnings,
        model=origin.model,
        at_us=facts.at_us(numbers) if origin.at_us is None else origin.at_us,
        ends=ends,
        boxes_unit=unit_boxes(rows, facts)[order],
        scores=rows.scores[order].astype(np.float32),
        kinds=rows.kinds[order].astype(np.uint8),
    )


def unit_boxes(rows: BoxRows, facts: FileFacts) -> npt.NDArray[np.float32]:
    """(n, 4) float32, picture fractions.

    Errors:  BadInput naming the first row that lies far outside or is inside out.
    """
    size = np.array([facts.width_px, facts.height_px] * 2, dtype=np.float64)
    boxes = (rows.boxes_px / size).astype(np.float32)
    with np.errstate(invalid="ignore"):
        wrong = ~np.all((boxes >= COORDINATE_MIN) & (boxes <= COORDINATE_MAX), axis=1)
        inside_out = ~np.all(boxes[:, 2:] >= boxes[:, :2], axis=1)
    for bad, words in (
        (
            wrong,
            f"a box far outside a picture of {facts.width_px}x{facts.height_px} px; is this "
            "file about pictures of another size? Set camera.size_px of the scene",
        ),
        (inside_out, "a box with a width or height below 0"),
    ):
        if bad.any():
            raise BadInput(f"{rows.place_word} {rows.places[bad].min()}: {words}")
    return boxes


def _track(
    camera: CameraId,
    number: int,
    frames: npt.NDArray[np.int32],
    points: tuple[Ints, npt.NDArray[np.float32], Floats, Ints],
) -> Track:
    times, boxes, scores, kinds = points
    is_seen = scores > 0
    votes = np.bincount(kinds, weights=np.maximum(scores, 1e-9))
    kind = int(votes.argmax())
    return Track(
        camera=camera,
        id=number,
        kind=kind,
        kind_share=min(float(votes[kind] / votes.sum()), 1.0),
        frames=frames,
        at_us=times,
        boxes_unit=boxes,
        scores=scores.astype(np.float32),
        is_seen=is_seen,
    )
