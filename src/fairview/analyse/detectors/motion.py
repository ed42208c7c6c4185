"""Moving things found without any weights: the difference from each camera's empty scene.

It can't tell what moves, so its boxes are of kind `moving`. It needs no download, costs a
fraction of a network, and finds what a network was never taught.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from fairview.analyse.detectors.contract import Picture
from fairview.analyse.detectors.empty_scene import EmptyScene, Moving
from fairview.core.ids import CameraId
from fairview.core.limits import MOTION_BOXES_MAX, MOTION_CAMERAS_MAX
from fairview.core.sight import MOVING, Detections

if TYPE_CHECKING:
    import numpy.typing as npt

    Boxes = npt.NDArray[np.float32]

AREA_PX_MIN = 14
"""Smallest thing, in pixels of the scene (320 wide): a person of 8 x 4 and less is not told
from noise."""

STRENGTH_MIN = 1.35
"""How far the middle of a thing must exceed the tolerance."""

OUTLINE_STRENGTH_MAX = 2.5
OUTLINE_SHADOWS = 1.2
"""A shape weaker than this with so much more shadow than itself in its box is no thing."""

MOVING_FRAC_MIN = 0.1
"""While a scene is young, only what has just moved is believed."""


class MotionDetector:
    """A Detector. Used by one thread; keeps each camera's empty scene (about 1.5 MB).

    Cost:    1.9 ms a picture at 640x360 when little moves, 3 on a busy junction (one thread).
    """

    def __init__(self, score_min: float = 0.0) -> None:
        self._score_min = score_min
        self._scenes: OrderedDict[CameraId, EmptyScene] = OrderedDict()

    @property
    def name(self) -> str:
        return "motion"

    @property
    def input_px(self) -> tuple[int, int] | None:
        return 640, 360

    def detect(self, pictures: Sequence[Picture]) -> tuple[Detections, ...]:
        """One answer per picture, in order. A camera's first picture has none."""
        return tuple(self._one(picture) for picture in pictures)

    def forget(self, camera: CameraId) -> None:
        """The next picture begins a new scene."""
        self._scenes.pop(camera, None)

    def _one(self, picture: Picture) -> Detections:
        scene = self._scenes.get(picture.camera)
        if scene is None or not scene.fits(picture.planes, picture.at):
            self._scenes[picture.camera] = EmptyScene(picture.planes, picture.at)
            self._scenes.move_to_end(picture.camera)
            while len(self._scenes) > MOTION_CAMERAS_MAX:
                self._scenes.popitem(last=False)
            boxes, scores = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        else:
            self._scenes.move_to_end(picture.camera)
            boxes, scores = _boxes_of(scene, scene.look(picture.planes, picture.at))
        keeps = scores >= self._score_min
        return Detections(
            camera=picture.camera,
            frame=picture.frame,
            at=picture.at,
            boxes_unit=boxes[keeps],
            scores=scores[keeps],
            kinds=np.full(int(keeps.sum()), MOVING, dtype=np.uint8),
            model=self.name,
        )


def _boxes_of(scene: EmptyScene, moving: Moving) -> tuple[Boxes, npt.NDArray[np.float32]]:
    """Shapes of one picture as boxes."""
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    if moving.is_other_scene or not moving.mask.any():
        return nothing
    joined = cv2.morphologyEx(moving.mask, cv2.MORPH_CLOSE, np.ones((5, 3), np.uint8))
    count, found, counted, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    labels, stats = np.asarray(found, dtype=np.int32), np.asarray(counted, dtype=np.int32)
    inside = moving.mask > 0
    own = labels[inside]
    area = np.bincount(own, minlength=count)
    strength = np.bincount(own, weights=moving.strength[inside], minlength=count)
    mean = strength / np.maximum(area, 1)
    good = (area >= AREA_PX_MIN) & (mean >= STRENGTH_MIN)
    if moving.is_starting:
        fresh = np.bincount(own, weights=moving.held_s[inside] < 0.15, minlength=count)
        good &= fresh >= MOVING_FRAC_MIN * area
    good[0] = False
    chosen = np.array(
        [one for one in np.flatnonzero(good) if not _is_outline(moving, stats[one], mean[one])],
        dtype=np.intp,
    )
    if len(chosen) > MOTION_BOXES_MAX:
        chosen = chosen[np.argsort(-area[chosen])[:MOTION_BOXES_MAX]]
    if not len(chosen):
        return nothing
    left, top = stats[chosen, cv2.CC_STAT_LEFT], stats[chosen, cv2.CC_STAT_TOP]
    boxes = np.column_stack(
        [
            left,
            top,
            left + stats[chosen, cv2.CC_STAT_WIDTH],
            top + stats[chosen, cv2.CC_STAT_HEIGHT],
        ]
    ).astype(np.float32)
    boxes, areas, means = _merged(boxes, area[chosen].astype(float), mean[chosen])
    size = np.array([*scene.size, *scene.size], dtype=np.float32)
    scores = (1 - 0.6 / means) * np.minimum(1, areas / (4 * AREA_PX_MIN)) ** 0.25
    return boxes / size, np.clip(scores, 0, 1).astype(np.float32)


def _is_outline(moving: Moving, stats: npt.NDArray[np.int32], strength: np.floating[Any]) -> bool:
    """Whether a shape is only the border of a shadow, where dark and light mix: weak, and around
    much more shadow than there is of itself."""
    if strength > OUTLINE_STRENGTH_MAX:
        return False
    left, top, width, height = (int(number) for number in stats[:4])
    around = (slice(top, top + height), slice(left, left + width))
    shape = np.count_nonzero(moving.mask[around])
    return bool(np.count_nonzero(moving.shadow[around]) > OUTLINE_SHADOWS * shape)


def _merged(
    boxes: Boxes, areas: npt.NDArray[np.float64], means: npt.NDArray[np.float64]
) -> tuple[Boxes, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Fragments of one thing put together: one above the other with little between, or within.

    Side by side is not joined: that would join neighbours in a queue.
    """
    order = np.argsort(-areas)
    boxes, areas, means = boxes[order], areas[order].copy(), means[order].copy()
    merged: list[int] = []
    for number in range(len(boxes)):
        into = _host(boxes, areas, merged, number)
        if into is None:
            merged.append(number)
            continue
        boxes[into, :2] = np.minimum(boxes[into, :2], boxes[number, :2])
        boxes[into, 2:] = np.maximum(boxes[into, 2:], boxes[number, 2:])
        total = areas[into] + areas[number]
        means[into] = (means[into] * areas[into] + means[number] * areas[number]) / total
        areas[into] = total
    return boxes[merged], areas[merged], means[merged]


def _host(
    boxes: Boxes, areas: npt.NDArray[np.float64], merged: list[int], number: int
) -> int | None:
    """The much larger shape that a fragment belongs to."""
    if not merged:
        return None
    hosts, one = boxes[merged], boxes[number]
    across = np.minimum(hosts[:, 2], one[2]) - np.maximum(hosts[:, 0], one[0])
    between = np.maximum(hosts[:, 1], one[1]) - np.minimum(hosts[:, 3], one[3])
    heights = hosts[:, 3] - hosts[:, 1]
    fits = (across >= 0.6 * (one[2] - one[0])) & (between <= 0.15 * heights)
    fits &= areas[number] <= 0.35 * areas[merged]
    within = np.clip(across, 0, None) * np.clip(-between, 0, None)
    fits |= within >= 0.6 * (one[2] - one[0]) * (one[3] - one[1])
    if not fits.any():
        return None
    return merged[int(np.argmax(np.where(fits, across, -1)))]
