"""Moving things found without any weights: the difference from each camera's empty scene.

It can't tell what moves, so its boxes are of kind `moving`. It needs no download, costs a
fraction of a network, and finds what a network was never taught.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from fairview.analyse.detectors.contract import Picture
from fairview.analyse.detectors.empty_scene import EmptyScene
from fairview.analyse.detectors.motion_shapes import Shapes
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import MOTION_CAMERAS_MAX
from fairview.core.sight import MOVING, Detections


class MotionDetector:
    """A Detector. Used by one thread; keeps each camera's empty scene (about 1.5 MB).

    Cost:    2 ms a picture at 640x360 when little moves, 3 on a busy junction (one thread of a
             busy machine): 1.7 times OpenCV's MOG2 at the size that both look at.
    """

    def __init__(self, score_min: float = 0.0) -> None:
        self._score_min = score_min
        self._scenes: OrderedDict[CameraId, tuple[EmptyScene, Shapes]] = OrderedDict()

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
        scene, shapes = self._scenes.get(picture.camera, (None, None))
        if scene is None or shapes is None or not scene.fits(picture.planes, picture.at):
            self._scenes[picture.camera] = EmptyScene(picture.planes, picture.at), Shapes()
            self._scenes.move_to_end(picture.camera)
            while len(self._scenes) > MOTION_CAMERAS_MAX:
                self._scenes.popitem(last=False)
            boxes, scores = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        else:
            self._scenes.move_to_end(picture.camera)
            moving = scene.look(picture.planes, picture.at)
            boxes, scores = shapes.boxes(moving, picture.at)
            boxes /= np.array([*scene.size, *scene.size], dtype=np.float32)
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
