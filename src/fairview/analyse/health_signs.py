"""What one picture tells about the camera that took it. Pure: brightness in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fairview.analyse.planes import Planes

if TYPE_CHECKING:
    import numpy.typing as npt

    Field = npt.NDArray[np.float32]
    Plane = npt.NDArray[np.uint8]

SMALL_PX = (160, 90)
MIDDLE_PX = (640, 360)
CELLS = (16, 9)

_SECOND_DIFFERENCE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_MEDIAN_TO_SIGMA = 0.6745
_STREAK_ROWS = 5
_STREAK_CELL_FRAC = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """One look at one picture.

    Shapes:  small (90, 160) brightness; edges (2, 90, 160) its slopes across and down; thin
             (360, 640) bright upright lines; all float32 or uint8 grey levels.
    Units:   levels in limited range (16 black, 235 white). noise_levels: standard deviation.
             p05 to p95: levels that so many percent of the picture lie below. detail_frac: fine
             structure against coarse; what a lens out of focus loses.
    Source:  noise from the second difference (Immerkær: Comput. Vis. Image Underst. 64, 300),
             by its median so that structure does not count.
    """

    small: Field
    edges: Field
    thin: Plane
    noise_levels: float
    p05: float
    p25: float
    p50: float
    p75: float
    p95: float
    texture: float
    detail_frac: float


def signs_of(planes: Planes) -> Signs:
    """Look at one picture. Cost: 3 ms at 640x360 and above, one thread."""
    middle = _scaled(planes.luma, MIDDLE_PX)
    small = _scaled(middle, SMALL_PX).astype(np.float32)
    levels = [float(part) for part in np.percentile(small, [5, 25, 50, 75, 95])]
    across = np.asarray(cv2.Sobel(small, cv2.CV_32F, 1, 0), dtype=np.float32)
    down = np.asarray(cv2.Sobel(small, cv2.CV_32F, 0, 1), dtype=np.float32)
    thin = cv2.morphologyEx(middle, cv2.MORPH_TOPHAT, np.ones((1, _STREAK_ROWS), np.uint8))
    return Signs(
        small=small,
        edges=np.stack([across, down]),
        thin=np.asarray(thin, dtype=np.uint8),
        noise_levels=_noise(planes.luma),
        p05=levels[0],
        p25=levels[1],
        p50=levels[2],
        p75=levels[3],
        p95=levels[4],
        texture=float(np.mean(np.abs(across) + np.abs(down))) / 8,
        detail_frac=_detail(middle),
    )


def difference(now: Signs, before: Signs) -> float:
    """Mean difference of two looks in levels; some tenths at least where a sensor has noise."""
    return float(np.mean(np.abs(now.small - before.small)))


def streaks(now: Signs, before: Signs) -> float | None:
    """Share of the picture's resting cells with new bright upright streaks, as rain draws them.

    A streak is new when the look before had no thin line near it (posts and poles stay), at
    least five pixels tall, and well above the noise. Cells in which something large changes are
    left out: people and vehicles have upright edges too. None: nearly everything changes.
    """
    changed = _cells(np.abs(now.small - before.small))
    rests = changed < 3.0 + 0.5 * now.noise_levels
    if float(np.mean(rests)) < 0.2:
        return None
    known = cv2.dilate(before.thin, np.ones((5, 5), np.uint8))
    least = 6.0 + 2.0 * now.noise_levels
    new = (cv2.subtract(now.thin, known) > least).astype(np.uint8)
    tall = cv2.morphologyEx(new, cv2.MORPH_OPEN, np.ones((_STREAK_ROWS, 1), np.uint8))
    return float(np.mean(_cells(tall.astype(np.float32))[rests] > _STREAK_CELL_FRAC))


def energy(edges: Field) -> Field:
    """How much structure each cell holds. Shapes: (2, 90, 160) to (9, 16)."""
    return _cells(np.sum(edges * edges, axis=0))


def agreement(edges: Field, usual: Field) -> Field:
    """How far each cell's slopes follow the usual ones, -1 to 1, whatever the exposure.

    Shapes:  both (2, 90, 160); the answer (9, 16).
    """
    both = _cells(np.sum(edges * usual, axis=0))
    return np.asarray(both / np.sqrt(energy(edges) * energy(usual) + 1.0), dtype=np.float32)


def _cells(field: Field) -> Field:
    return np.asarray(cv2.resize(field, CELLS, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _scaled(plane: Plane, size: tuple[int, int]) -> Plane:
    while plane.shape[1] >= 2 * size[0] and plane.shape[0] >= 2 * size[1]:
        even = plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2]
        half = (even.shape[1] // 2, even.shape[0] // 2)
        plane = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if (plane.shape[1], plane.shape[0]) == size:
        return plane
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _noise(luma: Plane) -> float:
    """Over the picture's middle, unscaled: scaling would take the noise away."""
    height, width = luma.shape
    top, left = max(0, height // 2 - 180), max(0, width // 2 - 320)
    middle = luma[top : top + 360, left : left + 640].astype(np.float32)
    apart = np.abs(cv2.filter2D(middle, -1, _SECOND_DIFFERENCE))
    return float(np.median(apart)) / 6 / _MEDIAN_TO_SIGMA


def _detail(middle: Plane) -> float:
    """Structure of one to two pixels against that of four to eight, of 640 across."""

    def soft(wide: float) -> Field:
        return np.asarray(
            cv2.GaussianBlur(middle.astype(np.float32), (0, 0), wide), dtype=np.float32
        )

    fine = float(np.mean(np.abs(soft(0.8) - soft(1.6))))
    coarse = float(np.mean(np.abs(soft(3.2) - soft(6.4))))
    return fine / max(coarse, 0.1)
