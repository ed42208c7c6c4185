"""Where a track's points lie on the ground and how fast it was at each of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.ground.ground import Ground
from fairview.analyse.measure.paths import path_of
from fairview.analyse.measure.speeds import KMH_MAX, STEP_US
from fairview.core.scene import Scene
from fairview.core.sight import Track
from fairview.core.time import US_PER_SECOND

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

KMH_PER_MPS = 3.6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointSpeeds:
    """Shapes:  metres (n, 2) east and north, kmh (n,); nan where not measurable."""

    metres: Floats
    kmh: Floats


def point_speeds(track: Track, scene: Scene, ground: Ground | None) -> PointSpeeds:
    """Each point's place on the ground, and its speed over a step before and a step after it.

    Points of boxes that the picture's edge cuts are placed where the whole box would stand, and
    have no speed.
    """
    n = len(track)
    if ground is None:
        return PointSpeeds(metres=np.full((n, 2), np.nan), kmh=np.full(n, np.nan))
    path = path_of((track,), scene.camera)
    metres = ground.metres(path.px)
    at_us = track.at_us
    before = np.maximum(np.searchsorted(at_us, at_us - STEP_US, side="right") - 1, 0)
    after = np.minimum(np.searchsorted(at_us, at_us + STEP_US), n - 1)
    seconds = (at_us[after] - at_us[before]) / US_PER_SECOND
    away = metres[after] - metres[before]
    with np.errstate(divide="ignore", invalid="ignore"):
        kmh = np.hypot(away[:, 0], away[:, 1]) / seconds * KMH_PER_MPS
    is_known = path.is_whole & path.is_whole[before] & path.is_whole[after]
    is_known &= (seconds * US_PER_SECOND >= STEP_US) & (kmh <= KMH_MAX)
    return PointSpeeds(metres=metres, kmh=np.where(is_known, kmh, np.nan))
