"""Tracks as GeoJSON, one feature per track: a line of where it met the ground.

GeoJSON knows only longitude and latitude. Where the scene has none, the numbers are metres or
pixels instead, and every feature and the file say so.

Source:  RFC 7946.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from fairview.core.errors import BadInput
from fairview.core.sight import KINDS, Track
from fairview.core.time import Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Coordinates = Literal["longitude_latitude", "local_metres", "pixels"]
_METRES_PER_DEGREE = 111_319.5
"""Of a great circle; within 0.6 % of any place's, which a camera's few hundred metres allow."""
_DIGITS: dict[Coordinates, int] = {"longitude_latitude": 7, "local_metres": 2, "pixels": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where local metres 0, 0 lie on Earth. Degrees."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (-89 <= self.latitude <= 89 and -180 <= self.longitude <= 180):
            raise BadInput("an origin has a latitude of -89 to 89 and a longitude of -180 to 180")

    def degrees(self, metres: Floats) -> Floats:
        """(n, 2) east, north in metres to longitude, latitude."""
        shrink = np.cos(np.radians(self.latitude))
        return np.asarray(
            np.array([self.longitude, self.latitude])
            + metres / (_METRES_PER_DEGREE * np.array([shrink, 1.0]))
        )


class GeoJsonTracks:
    """Writes a FeatureCollection as tracks finish; one feature per line of text.

    size_px: of the picture, for tracks without ground points.
    """

    def __init__(
        self, path: Path, *, size_px: tuple[int, int], origin: Origin | None = None
    ) -> None:
        self._size = np.array(size_px, dtype=np.float64)
        self._origin = origin
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._file.write('{"type": "FeatureCollection", "features": [')
        self._separator = "\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.write("\n]}\n")
        self._file.close()

    def add(self, track: Track, metres: Floats | None = None) -> None:
        """One track. metres (n, 2) east, north of its points, nan where not known; such points
        are left out. None: pixels.
        """
        coordinates: Coordinates = "pixels"
        points = track.ground_unit * self._size
        if metres is not None:
            coordinates, points = "local_metres", metres
            if self._origin is not None:
                coordinates, points = "longitude_latitude", self._origin.degrees(metres)
        known = np.all(np.isfinite(points), axis=1)
        there = np.round(points[known], _DIGITS[coordinates]).tolist()
        feature = {
            "type": "Feature",
            "geometry": _geometry(there),
            "properties": {
                "track": track.id,
                "class": KINDS[track.kind],
                "class_share": round(track.kind_share, 3),
                "start": track.start.iso(),
                "end": track.end.iso(),
                "coordinates": coordinates,
                "times": [Instant(int(us)).iso() for us in track.at_us[known]],
            },
        }
        self._file.write(self._separator + json.dumps(feature))
        self._separator = ",\n"


def _geometry(points: list[list[float]]) -> dict[str, object] | None:
    if not points:
        return None
    if len(points) == 1:
        return {"type": "Point", "coordinates": points[0]}
    return {"type": "LineString", "coordinates": points}
