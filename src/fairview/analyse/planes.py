"""Pictures as brightness and colour planes, which is how video carries them.

Pure. Working on planes spares a conversion of every pixel: finding and painting the cover
touches each plane once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from fairview.core.errors import BadInput

if TYPE_CHECKING:
    import numpy.typing as npt

    Plane = npt.NDArray[np.uint8]

_LEVELS = np.arange(256)
_LIMITED_LUMA = np.rint(16 + _LEVELS * 219 / 255).astype(np.uint8)
_LIMITED_COLOUR = np.rint(128 + (_LEVELS - 128) * 224 / 255).astype(np.uint8)

Matrix = Literal["bt601", "bt709"]
"""Which weights turn RGB into brightness and colour (ITU-R BT.601-7 and BT.709-6)."""

_LUMA_WEIGHTS: dict[Matrix, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planes:
    """One picture, 4:2:0, in limited range (16 to 235, colour 16 to 240).

    Shapes:  luma (height, width); blue and red ((height + 1) // 2, (width + 1) // 2); uint8.
    """

    luma: Plane
    blue: Plane
    red: Plane
    matrix: Matrix = "bt601"

    def __post_init__(self) -> None:
        height, width = self.luma.shape
        half = ((height + 1) // 2, (width + 1) // 2)
        if self.blue.shape != half or self.red.shape != half:
            raise BadInput(f"colour planes of a {width}x{height} picture must be {half}")

    @property
    def height_px(self) -> int:
        return int(self.luma.shape[0])

    @property
    def width_px(self) -> int:
        return int(self.luma.shape[1])

    def copy(self) -> Planes:
        """The same picture in memory of its own."""
        return Planes(
            luma=self.luma.copy(), blue=self.blue.copy(), red=self.red.copy(), matrix=self.matrix
        )


def matrix_for(height_px: int) -> Matrix:
    """What a stream that does not say is taken for: players switch at 720 lines."""
    return "bt709" if height_px >= 720 else "bt601"


def colour_of(rgb: tuple[int, int, int], matrix: Matrix) -> tuple[int, int, int]:
    """An RGB colour as brightness, blue and red."""
    pixel = np.array([[rgb]], dtype=np.uint8)
    luma, blue, red = _transformed(pixel, _to_planes(matrix))[0, 0]
    return int(luma), int(blue), int(red)


def planes_of_rgb(pixels: npt.NDArray[np.uint8], matrix: Matrix) -> Planes:
    """RGB (height, width, 3) uint8 as planes; colour is the mean of each 2x2 pixels."""
    height, width = pixels.shape[:2]
    if pixels.dtype != np.uint8 or pixels.shape != (height, width, 3):
        raise BadInput("a picture is (height, width, 3) uint8")
    full = _transformed(pixels, _to_planes(matrix))
    half = ((width + 1) // 2, (height + 1) // 2)
    return Planes(
        luma=np.ascontiguousarray(full[:, :, 0]),
        blue=_resized(np.ascontiguousarray(full[:, :, 1]), half),
        red=_resized(np.ascontiguousarray(full[:, :, 2]), half),
        matrix=matrix,
    )


def rgb_of(planes: Planes) -> npt.NDArray[np.uint8]:
    """Planes as RGB (height, width, 3) uint8."""
    size = (planes.width_px, planes.height_px)
    full = np.dstack(
        [
            planes.luma,
            cv2.resize(planes.blue, size, interpolation=cv2.INTER_LINEAR),
            cv2.resize(planes.red, size, interpolation=cv2.INTER_LINEAR),
        ]
    )
    back = np.linalg.inv(_square(_to_planes(planes.matrix)))[:3].astype(np.float64)
    return _transformed(full, back)


def resized(planes: Planes, width_px: int, height_px: int) -> Planes:
    """The picture at another size; the same object when nothing changes."""
    if (planes.width_px, planes.height_px) == (width_px, height_px):
        return planes
    half = ((width_px + 1) // 2, (height_px + 1) // 2)
    return Planes(
        luma=_resized(planes.luma, (width_px, height_px)),
        blue=_resized(planes.blue, half),
        red=_resized(planes.red, half),
        matrix=planes.matrix,
    )


def shrunk(planes: Planes, size: tuple[int, int]) -> Planes:
    """The picture at another size (width, height), for finding rather than showing.

    Halved by means as long as that fits, then linear: as free of false edges as means over
    odd areas, and several times cheaper. The same object when nothing changes.

    Cost:    1920x1080 to 640x360, one thread: 0.4 ms.
    """
    if (planes.width_px, planes.height_px) == size:
        return planes
    half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    return Planes(
        luma=_shrunk(planes.luma, size),
        blue=_shrunk(planes.blue, half),
        red=_shrunk(planes.red, half),
        matrix=planes.matrix,
    )


def limited(planes: Planes) -> Planes:
    """Planes whose values span 0 to 255, as JPEG's do, brought to limited range."""
    luma = np.asarray(cv2.LUT(planes.luma, _LIMITED_LUMA), dtype=np.uint8)
    blue = np.asarray(cv2.LUT(planes.blue, _LIMITED_COLOUR), dtype=np.uint8)
    red = np.asarray(cv2.LUT(planes.red, _LIMITED_COLOUR), dtype=np.uint8)
    return Planes(luma=luma, blue=blue, red=red, matrix=planes.matrix)


def rgb_small(planes: Planes, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The picture as RGB at a detector's size (width, height), each plane scaled only once.

    Nothing is converted at full size, which is where a conversion's cost lies.

    Shapes:  (height, width, 3) uint8.
    Cost:    1920x1080 to 640x360, one thread: 0.7 ms; bench/decode.py.
    """
    full = cv2.merge([_shrunk(plane, size) for plane in (planes.luma, planes.blue, planes.red)])
    back = np.linalg.inv(_square(_to_planes(planes.matrix)))[:3].astype(np.float64)
    return _transformed(np.asarray(full, dtype=np.uint8), back)


def fitted(width_px: int, height_px: int, width_px_max: int) -> tuple[int, int]:
    """A picture's size at most width_px_max wide, with the same shape and even numbers."""
    width = min(width_px, width_px_max)
    height = round(height_px * width / width_px)
    return max(width - width % 2, 2), max(height - height % 2, 2)


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    shrinks = size[0] <= plane.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=how), dtype=np.uint8)


def _shrunk(plane: Plane, size: tuple[int, int]) -> Plane:
    """Halved by means (exact and vectorised) down to below twice the size, then linear."""
    while plane.shape[1] >= 2 * size[0] and plane.shape[0] >= 2 * size[1]:
        even = plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2]
        half = (even.shape[1] // 2, even.shape[0] // 2)
        plane = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if (plane.shape[1], plane.shape[0]) == size:
        return plane
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _to_planes(matrix: Matrix) -> npt.NDArray[np.float64]:
    """The 3x4 matrix from full-range RGB to limited-range planes."""
    red, blue = _LUMA_WEIGHTS[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    blue_difference = (np.array([0, 0, 1]) - luma) / (2 * (1 - blue))
    red_difference = (np.array([1, 0, 0]) - luma) / (2 * (1 - red))
    scaled = np.vstack([luma * 219, blue_difference * 224, red_difference * 224]) / 255
    return np.hstack([scaled, np.array([[16.0], [128.0], [128.0]])])


def _square(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.vstack([matrix, np.array([[0.0, 0.0, 0.0, 1.0]])])


def _transformed(pixels: Plane, matrix: npt.NDArray[np.float64]) -> Plane:
    return np.asarray(cv2.transform(pixels, matrix), dtype=np.uint8)
