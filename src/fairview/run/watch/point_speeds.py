"""Where a track's points lie on the ground and how fast it was at each of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.ground.ground import Ground
from fairview.analyse.measure.paths import path_of
from fairview.analyse.measure.speeds import KMH_MAX
from fairview.core.scene import Scene
from fairview.core.sight import Track

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointSpeeds:
    """Shapes:  metres (n, 2) east and north, kmh (n,); nan where not measurable."""

    metres: Floats
    kmh: Floats


def point_speeds(track: Track, scene: Scene, ground: Ground | None) -> PointSpeeds:
    """The middle of its footprint at each point, and its speed there, as the ground's way has it.

    Points that the way leaves out (cut boxes, filled-in points) are placed by their box's lower
    edge and have no speed.
    """
    n = len(track)
    if ground is None:
        return PointSpeeds(metres=np.full((n, 2), np.nan), kmh=np.full(n, np.nan))
    path = path_of((track,), scene.camera)
    size = np.array([scene.camera.width_px, scene.camera.height_px] * 2, dtype=np.float64)
    metres, kmh = ground.metres(path.px), np.full(n, np.nan)
    way = ground.way(track.at_us, track.boxes_unit * size, path.is_whole & path.is_seen, track.kind)
    if way is not None:
        is_placed = np.isfinite(way.metres).all(axis=1)
        metres[is_placed] = way.metres[is_placed]
        kmh = way.kmh_at()
    return PointSpeeds(metres=metres, kmh=np.where(kmh <= KMH_MAX, kmh, np.nan))
