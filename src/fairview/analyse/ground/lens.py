"""A camera over a flat road: from pixels to metres and back. Pure.

Ground coordinates seen from the camera: x to its right, y ahead, z up, origin on the road straight
below the lens. Square pixels; radial distortion with one free number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_DROP_MIN = 1e-6
"""A ray that falls less than this per metre never meets the road."""
_SHAPE = 1.25
"""How the second term follows the first. Of published calibrations: a polynomial of k1 alone is 2,
with the k2 that wide lenses usually have 0.5 to 1.3, a fisheye of equal angles 0.2."""
_STRETCH_MIN = 0.05
_ROUNDS = 4
"""Newton's steps from the one-term solution; below 1e-6 px for every lens that a fit allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """One camera's view of the road.

    tilt: how far it looks below the horizontal; roll: how far it leans, positive clockwise.
    bend: radial distortion by the division model with its second term tied to the first,
    r_straight = r / (1 + bend r^2 - 1.25 bend^2 r^4), r in focal lengths; negative is barrel, as
    most wide lenses have it.

    Units:   pixels, radians, metres.
    Source:  Fitzgibbon, Simultaneous linear estimation of multiple view geometry and lens
             distortion, CVPR 2001 (division model).
    """

    focal_px: float
    tilt: float
    roll: float
    height_m: float
    bend: float
    centre_px: tuple[float, float]

    def drops(self, px: Floats) -> tuple[Floats, Floats]:
        """Directions over ground (n, 2) and how far each ray falls (n,); above 0 it meets it."""
        at = (px - np.asarray(self.centre_px)) / self.focal_px
        at = at / np.maximum(self._shrinks(np.sum(at**2, axis=1)), _STRETCH_MIN)[:, None]
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        right = at[:, 0] * cos + at[:, 1] * sin
        down = at[:, 1] * cos - at[:, 0] * sin
        ahead = np.cos(self.tilt) - down * np.sin(self.tilt)
        falls = np.sin(self.tilt) + down * np.cos(self.tilt)
        return np.column_stack([right, ahead]), falls

    def metres(self, px: Floats) -> Floats:
        """Where rays through pixels (n, 2) meet the road (n, 2); nan at and above the horizon."""
        ways, falls = self.drops(px)
        falls = np.where(falls > _DROP_MIN, falls, np.nan)
        metres: Floats = ways * (self.height_m / falls)[:, None]
        return metres

    def pixels(self, metres: Floats, up_m: Floats | float = 0.0) -> Floats:
        """Where points over the road (n, 2), `up_m` above it, show; nan behind the camera."""
        high = np.asarray(up_m, dtype=np.float64) - self.height_m
        sin, cos = np.sin(self.tilt), np.cos(self.tilt)
        depth = cos * metres[:, 1] - sin * high
        depth = np.where(depth > _DROP_MIN, depth, np.nan)
        right = metres[:, 0] / depth
        down = (-sin * metres[:, 1] - cos * high) / depth
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        straight = np.column_stack([right * cos - down * sin, down * cos + right * sin])
        bent = straight * self._bent(np.sum(straight**2, axis=1))[:, None]
        px: Floats = bent * self.focal_px + np.asarray(self.centre_px)
        return px

    def _shrinks(self, square: Floats) -> Floats:
        """By how much a straight picture's radius is larger than the seen one, inverted."""
        turn = self.bend * square
        shrinks: Floats = 1 + turn - _SHAPE * turn**2
        return shrinks

    def _bent(self, square: Floats) -> Floats:
        """Seen radius over straight radius, for squares of straight radii."""
        times: Floats = 2 / (1 + np.sqrt(np.maximum(1 - 4 * self.bend * square, 0)))
        for _ in range(_ROUNDS):
            turn = self.bend * square * times**2
            slope = 2 * turn / times - 4 * _SHAPE * turn**2 / times - 1
            times = times - (1 + turn - _SHAPE * turn**2 - times) / np.minimum(slope, -0.2)
        return times

    def metres_per_px(self, px: Floats) -> Floats:
        """(n, 2, 2): how the place on the road moves with the pixel, columns for x and y."""
        step = 0.25
        sides = [
            (self.metres(px + move) - self.metres(px - move)) / (2 * step)
            for move in (np.array([step, 0.0]), np.array([0.0, step]))
        ]
        return np.stack(sides, axis=2)

    def horizon_px(self, column: float) -> float:
        """The row at which the road's plane vanishes in a straight picture's column."""
        across = (column - self.centre_px[0]) / self.focal_px
        row = across * np.tan(self.roll) - np.tan(self.tilt) / np.cos(self.roll)
        return float(self.centre_px[1] + self.focal_px * row)

    def values(self) -> Floats:
        """As the fit moves it: logarithms where only ratios mean something."""
        return np.array(
            [np.log(self.focal_px), self.tilt, self.roll, np.log(self.height_m), self.bend]
        )

    def moved(self, values: Floats) -> Lens:
        """The lens with other values, as `values` gives them."""
        return replace(
            self,
            focal_px=float(np.exp(values[0])),
            tilt=float(values[1]),
            roll=float(values[2]),
            height_m=float(np.exp(values[3])),
            bend=float(values[4]),
        )
