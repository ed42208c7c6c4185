"""Looking closely where something moves instead of at everything.

A network sees a whole picture at its own input's size, so far things are small. Here motion says
where to look: the parts of the picture in which something moves, cut out of the larger picture and
fitted into the input, are what the network sees; things appear larger and are found further away.
Where nothing moves the network is not run. At least once a second the whole picture is looked at,
for whatever stands still, and always when motion is all over the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.detectors.contract import Picture
from fairview.analyse.detectors.motion import MotionDetector
from fairview.analyse.detectors.onnx import FoundBoxes, OnnxDetector
from fairview.analyse.detectors.overlaps import kept
from fairview.analyse.planes import Planes
from fairview.core.ids import CameraId
from fairview.core.sight import Detections
from fairview.core.time import US_PER_SECOND, Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Boxes = npt.NDArray[np.float32]

WHOLE_EVERY_US = US_PER_SECOND
"""The longest that anything of a picture is not looked at."""

MARGIN_FRAC = 0.25
"""Added on each side of what moves, in its own size: a network needs some ground around."""

CROP_FRAC_MAX = 0.6
"""A cut this large in both directions shows hardly more than the whole picture does."""

_OVERLAP_MAX = 0.55


@dataclass(slots=True)
class _Seen:
    whole_at: Instant | None = None


class CropDetector:
    """A Detector: the network on one cut around all that moves. Used by one thread.

    Cost:    motion's, and at most one run of the network a picture; none while nothing moves.
    """

    def __init__(self, network: OnnxDetector, motion: MotionDetector | None = None) -> None:
        self._network = network
        self._motion = motion or MotionDetector()
        self._seen: dict[CameraId, _Seen] = {}
        self.runs_whole = 0
        self.runs_cut = 0
        self.runs_spared = 0

    @property
    def name(self) -> str:
        return self._network.name

    @property
    def input_px(self) -> tuple[int, int] | None:
        """Twice the network's input: cuts are made of what the whole picture would lose."""
        wanted = self._network.input_px
        return None if wanted is None else (2 * wanted[0], 2 * wanted[1])

    def detect(self, pictures: Sequence[Picture]) -> tuple[Detections, ...]:
        """One answer per picture, in order."""
        moving = self._motion.detect(pictures)
        return tuple(self._one(one, found) for one, found in zip(pictures, moving, strict=True))

    def forget(self, camera: CameraId) -> None:
        """The next picture is looked at as a whole."""
        self._seen.pop(camera, None)
        self._motion.forget(camera)

    def _one(self, picture: Picture, moving: Detections) -> Detections:
        seen = self._seen.setdefault(picture.camera, _Seen())
        cut = None
        if not self._is_due(seen, picture.at):
            if not len(moving):
                self.runs_spared += 1
                return _told(picture, self.name, _nothing())
            cut = cut_around(moving.boxes_unit, picture.planes)
        if cut is None:
            seen.whole_at = picture.at
            self.runs_whole += 1
            return _told(picture, self.name, self._network.find([picture.planes])[0])
        self.runs_cut += 1
        (found,) = self._network.find([cut.planes])
        return _told(picture, self.name, cut.back(found))

    def _is_due(self, seen: _Seen, at: Instant) -> bool:
        return seen.whole_at is None or not 0 <= at.since(seen.whole_at) < WHOLE_EVERY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A part of a picture. left … bottom: where it lies, in 0..1 of the picture."""

    planes: Planes
    left: float
    top: float
    right: float
    bottom: float

    def back(self, found: FoundBoxes) -> FoundBoxes:
        """Boxes found in the part, in units of the whole. One that touches an edge of the part
        which is not the picture's own is cut off there, and is left out: half a road user has
        another place and size than the whole."""
        touches = np.zeros(len(found.boxes_unit), dtype=bool)
        edges = (self.left > 0, self.top > 0, self.right < 1, self.bottom < 1)
        for side, is_inner in enumerate(edges):
            if is_inner:
                place = found.boxes_unit[:, side]
                touches |= place <= 0.004 if side < 2 else place >= 0.996
        size = np.array([self.right - self.left, self.bottom - self.top] * 2, dtype=np.float32)
        start = np.array([self.left, self.top] * 2, dtype=np.float32)
        boxes = np.clip(found.boxes_unit[~touches] * size + start, 0, 1).astype(np.float32)
        scores, kinds = found.scores[~touches], found.kinds[~touches]
        stays = kept(boxes, scores, kinds, _OVERLAP_MAX)
        return FoundBoxes(boxes_unit=boxes[stays], scores=scores[stays], kinds=kinds[stays])


def cut_around(boxes_unit: Boxes, planes: Planes) -> Cut | None:
    """The part that holds all boxes with their margins, in the picture's own shape; None when
    that is nearly the whole.

    Bounds:  even pixels, so that colour planes fit.
    """
    sizes = boxes_unit[:, 2:] - boxes_unit[:, :2]
    margin = np.maximum(sizes.max(axis=1, keepdims=True) * MARGIN_FRAC, 0.02)
    low = np.clip((boxes_unit[:, :2] - margin).min(axis=0), 0, 1)
    high = np.clip((boxes_unit[:, 2:] + margin).max(axis=0), 0, 1)
    # The same share of width and height keeps the picture's shape.
    share = float((high - low).max())
    if share > CROP_FRAC_MAX:
        return None
    middle = (low + high) / 2
    low = np.clip(middle - share / 2, 0, 1 - share)
    left, top = (int(low[0] * planes.width_px) // 2 * 2, int(low[1] * planes.height_px) // 2 * 2)
    width = min(int(np.ceil(share * planes.width_px / 2)) * 2, planes.width_px - left)
    height = min(int(np.ceil(share * planes.height_px / 2)) * 2, planes.height_px - top)
    halves = (
        slice(top // 2, top // 2 + (height + 1) // 2),
        slice(left // 2, left // 2 + (width + 1) // 2),
    )
    part = Planes(
        luma=planes.luma[top : top + height, left : left + width],
        blue=planes.blue[halves],
        red=planes.red[halves],
        matrix=planes.matrix,
    )
    return Cut(
        planes=part,
        left=left / planes.width_px,
        top=top / planes.height_px,
        right=(left + width) / planes.width_px,
        bottom=(top + height) / planes.height_px,
    )


def _nothing() -> FoundBoxes:
    return FoundBoxes(
        boxes_unit=np.zeros((0, 4), dtype=np.float32),
        scores=np.zeros(0, dtype=np.float32),
        kinds=np.zeros(0, dtype=np.uint8),
    )


def _told(picture: Picture, name: str, found: FoundBoxes) -> Detections:
    return Detections(
        camera=picture.camera,
        frame=picture.frame,
        at=picture.at,
        boxes_unit=found.boxes_unit,
        scores=found.scores,
        kinds=found.kinds,
        model=name,
    )
