"""What was seen in pictures: boxes of anonymous road users, and their way through the picture.

How far along the data is shows in its type: `Detections` (one picture), `OpenTrack` (under way),
`Track` (finished). Only a finished track is counted, measured or kept. There is no field for who
somebody is, what they look like, or what is written on a plate; tests/tidy keeps it so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_SECOND, Instant, Span

if TYPE_CHECKING:
    # Loaded where arrays are made: recorders know the names of classes, and hold no array.
    import numpy as np
    import numpy.typing as npt

    Boxes = npt.NDArray[np.float32]

Kind = Literal[
    "person",
    "bicycle",
    "motorcycle",
    "car",
    "van",
    "bus",
    "truck",
    "animal",
    "other",
    "moving",
]
"""What a road user is: nine classes, and `moving` for a detector that can't tell."""

KINDS: tuple[Kind, ...] = (
    "person",
    "bicycle",
    "motorcycle",
    "car",
    "van",
    "bus",
    "truck",
    "animal",
    "other",
    "moving",
)
"""By number, as arrays hold them. The order never changes: files hold names, arrays numbers."""

PERSON, BICYCLE, MOTORCYCLE, CAR, VAN, BUS, TRUCK, ANIMAL, OTHER, MOVING = range(len(KINDS))
VEHICLES = frozenset({MOTORCYCLE, CAR, VAN, BUS, TRUCK})

COORDINATE_MIN, COORDINATE_MAX = -1.0, 2.0
"""How far boxes may reach beyond the picture (0 to 1): other tools write such boxes."""


def kind_number(name: str) -> int | None:
    """The number of a class by its name; None for a name that is not one of ours."""
    return KINDS.index(name) if name in KINDS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """The boxes of one picture.

    frame counts from 1 within a run. model: the detector's name.

    Shapes:  boxes_unit (n, 4) float32 as x1 y1 x2 y2, scores (n,) float32, kinds (n,) uint8.
    Units:   boxes in 0..1 of the picture's width and height, never rounded; scores 0..1; kinds
             index KINDS.
    Errors:  BadInput for arrays of different length, boxes inside out, scores out of range.
    """

    camera: CameraId
    frame: int
    at: Instant
    boxes_unit: Boxes
    scores: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.uint8]
    model: str

    def __post_init__(self) -> None:
        _check_boxes(self.boxes_unit)
        n = len(self.boxes_unit)
        if self.scores.shape != (n,) or self.kinds.shape != (n,):
            raise BadInput("every box has one score and one class")
        if n and not (float(self.scores.min()) >= 0 and float(self.scores.max()) <= 1):
            raise BadInput("a score lies between 0 and 1")
        if n and int(self.kinds.max()) >= len(KINDS):
            raise BadInput(f"a class is one of {', '.join(KINDS)}")

    def __len__(self) -> int:
        return len(self.boxes_unit)

    def only(self, keeps: npt.NDArray[np.bool_]) -> Detections:
        """The boxes that `keeps` (n,) says."""
        return Detections(
            camera=self.camera,
            frame=self.frame,
            at=self.at,
            boxes_unit=self.boxes_unit[keeps],
            scores=self.scores[keeps],
            kinds=self.kinds[keeps],
            model=self.model,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTrack:
    """Where a road user under way is now; for drawing, never for counting.

    id means nothing outside its camera and run. box_unit: (4,) float32. trail_unit: (m, 2)
    float32, its latest ground points, oldest first, at most TRAIL_POINTS_MAX.
    """

    id: int
    at: Instant
    kind: int
    box_unit: Boxes
    trail_unit: npt.NDArray[np.float32]
    is_seen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One road user's whole way through one camera's picture, finished.

    Where the tracker bridged a few pictures without a detection, the points are interpolated and
    is_seen is False. kind is voted over the track by score; kind_share is the share of the votes
    it got. Track ids mean nothing outside their camera and run.

    Shapes:  frames (n,) int32 and at_us (n,) int64, strictly increasing; boxes_unit (n, 4)
             float32; scores (n,) float32 (0 where not seen); is_seen (n,) bool; n >= 1.
    Units:   as in Detections; at_us in microseconds UTC.
    Errors:  BadInput for what can't be true.
    """

    camera: CameraId
    id: int
    kind: int
    kind_share: float
    frames: npt.NDArray[np.int32]
    at_us: npt.NDArray[np.int64]
    boxes_unit: Boxes
    scores: npt.NDArray[np.float32]
    is_seen: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        import numpy as np

        n = len(self.frames)
        if n < 1 or any(
            len(one) != n for one in (self.at_us, self.boxes_unit, self.scores, self.is_seen)
        ):
            raise BadInput("a track has at least one point, and one of everything for each")
        if n > 1 and not (np.all(np.diff(self.at_us) > 0) and np.all(np.diff(self.frames) > 0)):
            raise BadInput(f"the points of track {self.id} are not in order of time")
        _check_boxes(self.boxes_unit)
        if not 0 <= self.kind < len(KINDS) or not 0 <= self.kind_share <= 1:
            raise BadInput("a track has one of the known classes")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def start(self) -> Instant:
        return Instant(int(self.at_us[0]))

    @property
    def end(self) -> Instant:
        return Instant(int(self.at_us[-1]))

    @property
    def seconds(self) -> float:
        return float(self.at_us[-1] - self.at_us[0]) / US_PER_SECOND

    @property
    def ground_unit(self) -> npt.NDArray[np.float64]:
        """(n, 2): the middle of each box's lower edge, where the road user meets the ground."""
        import numpy as np

        boxes = self.boxes_unit.astype(np.float64)
        return np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]])


@dataclass(frozen=True, slots=True, kw_only=True)
class SightBox:
    """A road user now, for drawing over a picture. Coordinates in 0..1 of the picture, rounded to
    a thousandth. The id means nothing outside its camera and run.
    """

    id: int
    kind: Kind
    box_unit: tuple[float, float, float, float]
    trail_unit: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is seen in one live picture. It is never stored."""

    camera: CameraId
    at: Instant
    boxes: tuple[SightBox, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverRegions:
    """What a cover hides in one picture, by every reason together.

    is_whole: the cover could not be computed or is unsure: everything is hidden.

    Shapes:  mask (rows, columns) uint8, 0 or 255, coarse (at most 320 columns).
    """

    camera: CameraId
    at: Instant
    mask: npt.NDArray[np.uint8]
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverCode:
    """CoverRegions as the bytes that are kept of them, on their way to be sealed.

    columns, rows: of the mask. model: the name of the one that looked. code: see
    docs/reference/segment-format.md, "Regions".
    """

    camera: CameraId
    at: Instant
    columns: int
    rows: int
    model: str
    code: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasurable:
    """A stretch in which nothing could be measured, and why. Absence is data, never a zero."""

    span: Span
    because: Literal[
        "not_looked", "overloaded", "dark", "blind", "wet", "frozen", "flat", "moved", "covered"
    ]


def _check_boxes(boxes: Boxes) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise BadInput("boxes are (n, 4): x1 y1 x2 y2")
    if not len(boxes):
        return
    import numpy as np

    if not np.all(np.isfinite(boxes)):
        raise BadInput("a box has four finite numbers")
    if float(boxes.min()) < COORDINATE_MIN or float(boxes.max()) > COORDINATE_MAX:
        raise BadInput("a box lies far outside the picture; are these pixels of another size?")
    if np.any(boxes[:, 2] < boxes[:, 0]) or np.any(boxes[:, 3] < boxes[:, 1]):
        raise BadInput("a box's right lower corner lies right of and below its left upper one")
