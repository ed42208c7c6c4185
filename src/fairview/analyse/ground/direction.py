"""Whether taped lengths lie along and across one road, straight or evenly bent. Pure.

People tape along kerbs and markings and across from kerb to kerb. Where the lengths themselves
show that, their directions fix the tilt and the lens much better than their metres alone. Where
they don't, as on a square or between two streets, nothing is taken from their directions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from fairview.analyse.ground.lens import Lens

    Floats = npt.NDArray[np.float64]

LENGTHS_MIN = 4
"""Two directions and a bend fit any three lengths."""
DIRECTION_RAD = float(np.deg2rad(2.0))
"""How far a length laid along or across the road is off, one sigma."""
TURN_PER_M_SD = 1 / 60
"""How roads bend within one picture: a radius of 30 m and more for two sigma."""
TURN_PER_M_MAX = 0.1
_FIRST_RAD = float(np.deg2rad(8.0))
"""How wrong directions are before they are used: they come from a tilt that is not well known."""
_BENDS = np.linspace(-1 / 25, 1 / 25, 17)
_TURNS = np.deg2rad(np.arange(0.0, 90.0, 2.0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Directions:
    """Which lengths go along and which across, and where a fit may begin.

    quarters: by how many right angles a length turns from the road; turn, per_m: the road's own
    direction at `pivot_m` and its bend.

    Shapes:  quarters, sd (n,), pivot_m (2,).
    Units:   radians, metres of the lens's own ground.
    """

    quarters: Floats
    sd: Floats
    pivot_m: Floats
    turn: float
    per_m: float

    def without(self, number: int) -> Directions:
        keeps = np.arange(len(self.sd)) != number
        return replace(self, quarters=self.quarters[keeps], sd=self.sd[keeps])

    def off(self, turn: float, per_m: float, begins: Floats, ends: Floats) -> Floats:
        """(n,): how far each length is from along or across, in standard deviations."""
        off = _turns(begins, ends) - _road(turn, per_m, (begins + ends) / 2 - self.pivot_m)
        off = off - self.quarters * (np.pi / 2)
        scaled: Floats = np.arctan2(np.sin(off), np.cos(off)) / self.sd
        return scaled


def _turns(begins: Floats, ends: Floats) -> Floats:
    gaps = ends - begins
    return np.arctan2(gaps[:, 1], gaps[:, 0])


def _road(turn: float, per_m: float, places: Floats) -> Floats:
    """The road's direction at places: it goes round one centre, or straight on."""
    left = np.array([-np.sin(turn), np.cos(turn)]) - per_m * places
    return np.arctan2(-left[:, 0], left[:, 1])


def directions_of(lens: Lens, a_px: Floats, b_px: Floats, click_px: float) -> Directions | None:
    """The road that the lengths agree best with; None for too few lengths.

    Whether they agree well enough to believe in it is for the fits with and without to say.
    """
    begins, ends = lens.metres(a_px), lens.metres(b_px)
    if len(a_px) < LENGTHS_MIN or not np.isfinite(begins + ends).all():
        return None
    middles = (begins + ends) / 2
    pivot = middles.mean(axis=0)
    turns = _turns(begins, ends)
    best, least = (0.0, 0.0), np.inf
    for per_m in _BENDS:
        for turn in _TURNS:
            off = turns - _road(turn, per_m, middles - pivot)
            off = (off + np.pi / 4) % (np.pi / 2) - np.pi / 4
            misfit = float(np.sum(np.minimum((off / _FIRST_RAD) ** 2, 9.0)))
            misfit += (per_m / TURN_PER_M_SD) ** 2
            if misfit < least:
                best, least = (float(turn), float(per_m)), misfit
    quarters = np.round((turns - _road(*best, middles - pivot)) / (np.pi / 2))
    across = np.column_stack([-np.sin(turns), np.cos(turns)])
    noise = [
        click_px * np.linalg.norm(np.einsum("ni,nij->nj", across, lens.metres_per_px(px)), axis=1)
        for px in (a_px, b_px)
    ]
    metres = np.maximum(np.hypot(*(ends - begins).T), 0.1)
    sd = np.hypot(np.hypot(noise[0], noise[1]) / metres, DIRECTION_RAD)
    return Directions(quarters=quarters, sd=sd, pivot_m=pivot, turn=best[0], per_m=best[1])
