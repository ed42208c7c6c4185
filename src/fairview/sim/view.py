"""Pure: a pinhole camera on a mast, and where the ground lies in its picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]

WIDTH_PX = 640
HEIGHT_PX = 360


def vector(*parts: float) -> Floats:
    """A point or direction from its coordinates."""
    return np.array(parts, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A camera over the ground: x east, y north, z up, metres; pictures of 640 by 360.

    eye_m: where the camera hangs. target_m: the ground point in the picture's middle.
    focal_px: focal length in pixels of the 640-wide picture.
    """

    eye_m: tuple[float, float, float]
    target_m: tuple[float, float]
    focal_px: float

    def axes(self) -> Floats:
        """Rows: right, down and forward in ground coordinates. Shapes: (3, 3)."""
        return _axes(self)

    def matrix(self) -> Floats:
        """Ground coordinates (x, y, z, 1) to homogeneous pixels. Shapes: (3, 4)."""
        return _matrix(self)

    def homography(self) -> Floats:
        """Ground metres (x, y, 1) to homogeneous pixels. Shapes: (3, 3)."""
        return self.matrix()[:, [0, 1, 3]]

    def project(self, points_m: Floats) -> Floats:
        """Where points in space are seen. Shapes: (n, 3) to (n, 2); points before the camera."""
        matrix = self.matrix()
        flat = points_m @ matrix[:, :3].T + matrix[:, 3]
        return np.asarray(flat[:, :2] / flat[:, 2:3], dtype=np.float64)

    def depth_m(self, x_m: float, y_m: float, z_m: float = 0.0) -> float:
        """How far a point lies along the camera's axis."""
        fx, fy, fz = (float(part) for part in _axes(self)[2])
        ex, ey, ez = self.eye_m
        return fx * (x_m - ex) + fy * (y_m - ey) + fz * (z_m - ez)

    def ground(self, points_px: Floats) -> Floats:
        """The ground points seen at pixels. Shapes: (n, 2) to (n, 2)."""
        inverse = np.linalg.inv(self.homography())
        flat = np.column_stack([points_px, np.ones(len(points_px))]) @ inverse.T
        return np.asarray(flat[:, :2] / flat[:, 2:3], dtype=np.float64)


@lru_cache(maxsize=8)
def _axes(view: View) -> Floats:
    eye = np.array(view.eye_m)
    forward = np.array([*view.target_m, 0.0]) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])


@lru_cache(maxsize=8)
def _matrix(view: View) -> Floats:
    lens = np.array(
        [
            [view.focal_px, 0.0, WIDTH_PX / 2],
            [0.0, view.focal_px, HEIGHT_PX / 2],
            [0.0, 0.0, 1.0],
        ]
    )
    axes = _axes(view)
    return np.asarray(
        lens @ np.column_stack([axes, -axes @ np.array(view.eye_m)]), dtype=np.float64
    )


SUN = np.array([-0.66, -0.30, 0.69]) / math.sqrt(0.66**2 + 0.30**2 + 0.69**2)
"""Unit vector to the sun: warm, from the left and a little behind the camera."""


def shadow_of(points_m: Floats) -> Floats:
    """Where the sun throws points onto the ground. Shapes: (n, 3) to (n, 3), z = 0."""
    fallen = points_m - points_m[:, 2:3] / SUN[2] * SUN
    fallen[:, 2] = 0.0
    return np.asarray(fallen, dtype=np.float64)
