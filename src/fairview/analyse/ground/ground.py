"""A calibrated ground: metres for pixels, and how sure, and where it does not know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairview.analyse.ground.evidence import placed, unplaced
from fairview.analyse.ground.lens import Lens
from fairview.analyse.ground.way import Way, way

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

COLUMNS, ROWS = 64, 36
"""The map of what is known: a cell is 20 px of a picture 1280 wide."""
EDGE_FRAC = 0.1
"""How far beyond the picture's edge the map reaches."""
SCALE_SD_MAX = 0.2
"""Where the local scale is less sure than this (one sigma, its worst direction) nothing is said."""
RANGE_TIMES_MAX = 1.5
"""How many times as far from the camera as the farthest evidence anything is said: the scale along
the view grows with the square of the range, and so do its errors."""
COMMON_TAPE_HALF_FRAC = 0.01
"""What all lengths may be wrong by together, 95 %: one tape, one habit of laying it."""
_STEP_SD = 0.3
"""Slopes are taken over this many standard deviations, so that bends between show a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemError:
    """One length or known point: what the fit leaves of it, and how wrong a fit without it is.

    left_out_m None: without it the ground could not be fitted at all.
    """

    name: str
    metres: float
    residual_m: float
    left_out_m: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundReport:
    """What was found and how well, for report.json.

    directions: "used" when the lengths show that they lie along and across one road.
    distortion: "fitted" when the evidence shows it, "assumed" when a usual lens's is kept with its
    whole uncertainty. residual_m, leave_one_out_m: root mean squares over the items.

    Units:   metres, pixels, degrees; distortion_k1 in focal lengths, as usual (negative: barrel).
    """

    items: tuple[ItemError, ...]
    residual_m: float
    leave_one_out_m: float | None
    focal_px: float
    height_m: float
    tilt_degrees: float
    roll_degrees: float
    horizon_px: float
    directions: Literal["used", "not used"]
    distortion: Literal["fitted", "assumed"]
    distortion_k1: float
    distortion_because: str
    scale_half_frac: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """The road under one camera.

    values, covariance: the lens's five, then turn, east and north; the origin of a ground from
    lengths alone is at the first length's beginning, where its own error is nil.

    Shapes:  values (8,), covariance (8, 8), scale_sd (ROWS, COLUMNS).
    """

    width_px: int
    height_px: int
    lens: Lens
    values: Floats
    covariance: Floats
    origin_px: tuple[float, float] | None
    scale_sd: Floats
    report: GroundReport

    @property
    def leave_one_out_m(self) -> float | None:
        """Root mean square over the items of how wrong a fit without each of them is, metres."""
        return self.report.leave_one_out_m

    def metres(self, points_px: Floats) -> Floats:
        """Where points of the picture lie on the road, east and north.

        Shapes:  (n, 2) pixels of the scene's picture, gives (n, 2) float64.
        Bounds:  nan at and above the horizon and where the ground does not know.
        """
        points = np.asarray(points_px, dtype=np.float64).reshape(-1, 2)
        metres = self._placed(self.values, points)
        metres[~self.knows(points)] = np.nan
        return metres

    def everywhere(self, points_px: Floats) -> Floats:
        """As metres, also where the ground does not know; for reckoning, never for telling."""
        return self._placed(self.values, np.asarray(points_px, dtype=np.float64))

    def way(
        self,
        at_us: npt.NDArray[np.int64],
        boxes_px: Floats,
        is_whole: npt.NDArray[np.bool_],
        kind: int,
    ) -> Way | None:
        """One road user's way over this ground; see way.way."""
        return way(self, at_us, boxes_px, is_whole, kind)

    def knows(self, points_px: Floats) -> npt.NDArray[np.bool_]:
        """(n,): whether the ground says anything of these points."""
        return np.isfinite(self._scale_sd_at(points_px))

    def pixels(self, metres: Floats, up_m: Floats | float = 0.0) -> Floats:
        """Where places (n, 2) east and north, `up_m` above the road, show in the picture."""
        values = self.values.copy()
        values[6:8] += self._shift(values)
        return self.lens.pixels(unplaced(values, metres), up_m)

    def metres_per_px(self, points_px: Floats) -> Floats:
        """(n, 2, 2): metres east and north (rows) for a pixel right and down (columns)."""
        step = 0.25
        points = np.asarray(points_px, dtype=np.float64)
        sides = [
            (self._placed(self.values, points + move) - self._placed(self.values, points - move))
            / (2 * step)
            for move in (np.array([step, 0.0]), np.array([0.0, step]))
        ]
        return np.stack(sides, axis=2)

    def sigma_m(self, points_px: Floats) -> Floats:
        """How far off the places of points may be, one sigma, both axes together.

        The calibration's part only: against the origin (lengths) or the world (known points). The
        box's own noise comes on top.

        Shapes:  (n, 2) gives (n,); nan where the ground does not know.
        """
        points = np.asarray(points_px, dtype=np.float64).reshape(-1, 2)
        square = sum(
            np.sum(move**2, axis=1) for move in self._moves(lambda v: self._placed(v, points))
        )
        sigma = np.sqrt(np.asarray(square, dtype=np.float64))
        sigma[~self.knows(points)] = np.nan
        return sigma

    def relative_bias(self, points_px: Floats) -> Floats:
        """How wrong the local scale may be in the worst direction, 95 % half width, relative.

        The evidence's own error is inside. All points of one track share it: more points don't
        make it smaller. `path_bias` is narrower where the direction is known.

        Shapes:  (n, 2) gives (n,); nan where the ground does not know.
        """
        sd = self._scale_sd_at(points_px)
        half: Floats = np.hypot(1.96 * sd, COMMON_TAPE_HALF_FRAC)
        return half

    def path_bias(self, points_px: Floats, weights: Floats | None = None) -> float:
        """How wrong the length of a path may be, 95 % half width, relative.

        weights: how much each step between points counts; None: by its length.

        Shapes:  points (n, 2) in order, n >= 2, all of them known; weights (n - 1,).
        """
        points = np.asarray(points_px, dtype=np.float64).reshape(-1, 2)

        def length(values: Floats) -> Floats:
            gaps = np.diff(self._placed(values, points), axis=0)
            steps = np.maximum(np.hypot(gaps[:, 0], gaps[:, 1]), 1e-9)
            if weights is None:
                return np.array([np.log(np.sum(steps))])
            return np.array([np.average(np.log(steps), weights=weights)])

        square = sum(float(move[0]) ** 2 for move in self._moves(length))
        return float(np.hypot(1.96 * np.sqrt(square), COMMON_TAPE_HALF_FRAC))

    def _placed(self, values: Floats, points_px: Floats) -> Floats:
        places = placed(values, self.lens.moved(values).metres(points_px))
        whole: Floats = places + self._shift(values)
        return whole

    def _shift(self, values: Floats) -> Floats:
        if self.origin_px is None:
            return np.zeros(2)
        lens = self.lens.moved(values)
        shift: Floats = -placed(values, lens.metres(np.array([self.origin_px])))[0]
        return shift

    def _moves(self, of: Callable[[Floats], Floats]) -> list[Floats]:
        return moves(of, self.values, self.covariance)

    def _scale_sd_at(self, points_px: Floats) -> Floats:
        """The map at points, between cells; nan where any neighbour is unknown."""
        points = np.asarray(points_px, dtype=np.float64).reshape(-1, 2)
        columns, rows = grid(self.width_px, self.height_px)
        across = (points[:, 0] - columns[0]) / (columns[1] - columns[0])
        down = (points[:, 1] - rows[0]) / (rows[1] - rows[0])
        inside = (across >= 0) & (across <= COLUMNS - 1) & (down >= 0) & (down <= ROWS - 1)
        x, y = np.where(inside, across, 0.0), np.where(inside, down, 0.0)
        left = np.minimum(x.astype(np.int64), COLUMNS - 2)
        top = np.minimum(y.astype(np.int64), ROWS - 2)
        x, y = x - left, y - top
        upper = self.scale_sd[top, left] * (1 - x) + self.scale_sd[top, left + 1] * x
        lower = self.scale_sd[top + 1, left] * (1 - x) + self.scale_sd[top + 1, left + 1] * x
        sd: Floats = np.where(inside, upper * (1 - y) + lower * y, np.nan)
        return sd


def grid(width_px: int, height_px: int) -> tuple[Floats, Floats]:
    """The columns and rows, in pixels, of the map of what is known."""
    return (
        np.linspace(-EDGE_FRAC * width_px, (1 + EDGE_FRAC) * width_px, COLUMNS),
        np.linspace(-EDGE_FRAC * height_px, (1 + EDGE_FRAC) * height_px, ROWS),
    )


def moves(of: Callable[[Floats], Floats], values: Floats, covariance: Floats) -> list[Floats]:
    """How a reading moves by one standard deviation along each axis of the uncertainty.

    The sum of their squares is the reading's variance.
    """
    spread, axes = np.linalg.eigh(covariance)
    found = []
    for variance, axis in zip(spread, axes.T, strict=True):
        if variance > 1e-14:
            step = axis * np.sqrt(variance) * _STEP_SD
            found.append((of(values + step) - of(values - step)) / (2 * _STEP_SD))
    return found


def scale_sds(lens: Lens, values: Floats, covariance: Floats, points_px: Floats) -> Floats:
    """(n,): the local scale's standard deviation in the direction in which it is worst.

    A small step over the road that is really d reads as (1 + E) d for another lens; of E only the
    part along d changes its length.
    """
    here = lens.metres_per_px(points_px)
    area = here[:, 0, 0] * here[:, 1, 1] - here[:, 0, 1] * here[:, 1, 0]
    turned = np.stack(
        [
            np.stack([here[:, 1, 1], -here[:, 0, 1]], axis=1),
            np.stack([-here[:, 1, 0], here[:, 0, 0]], axis=1),
        ],
        axis=1,
    )
    back = turned / area[:, None, None]

    def strain(one: Floats) -> Floats:
        return lens.moved(one).metres_per_px(points_px) @ back

    changes = moves(strain, values[:5], covariance[:5, :5])
    worst = np.zeros(len(points_px))
    for turn in np.linspace(0, np.pi, 8, endpoint=False):
        way = np.array([np.cos(turn), np.sin(turn)])
        square = sum((way @ (change @ way).T) ** 2 for change in changes)
        worst = np.maximum(worst, np.sqrt(np.asarray(square)))
    return worst
