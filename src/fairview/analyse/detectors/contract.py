"""What a detector is: pictures in, boxes of known classes out, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fairview.analyse.planes import Planes
from fairview.core.ids import CameraId
from fairview.core.sight import Detections
from fairview.core.time import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One camera's decoded picture, at whatever size it was decoded to. frame counts from 1."""

    camera: CameraId
    frame: int
    at: Instant
    planes: Planes


class Detector(Protocol):
    """Finds road users. Used by one thread.

    A detector may keep state per camera (motion does) and sees each camera's pictures in order;
    one call may hold pictures of many cameras.
    """

    @property
    def name(self) -> str:
        """As written into outputs: `motion`, or the model's name."""

    @property
    def input_px(self) -> tuple[int, int] | None:
        """Width and height pictures are best decoded to; None: any size."""

    def detect(self, pictures: Sequence[Picture]) -> tuple[Detections, ...]:
        """One answer per picture, in order."""

    def forget(self, camera: CameraId) -> None:
        """The camera's pictures no longer continue: drop what is kept about it."""
