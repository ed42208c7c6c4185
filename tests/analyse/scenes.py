"""A drawn street for cover tests: an empty one, and the same with somebody in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fairview.analyse.planes import Planes, planes_of_rgb

WIDTH_PX, HEIGHT_PX = 320, 180

Picture = npt.NDArray[np.uint8]


def street(width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX) -> Picture:
    """Sky, houses, a road with markings."""
    picture = np.empty((height_px, width_px, 3), dtype=np.uint8)
    picture[: height_px // 3] = (150, 170, 190)
    picture[height_px // 3 :] = (110, 112, 115)
    picture[height_px // 6 : height_px // 3, :: width_px // 8] = (90, 70, 60)
    picture[height_px * 2 // 3 : height_px * 2 // 3 + 3] = (220, 220, 215)
    return picture


def with_person(
    picture: Picture, left_px: int, colour: tuple[int, int, int] = (200, 40, 30)
) -> Picture:
    """A person of a fifth of the picture's height, in a colour of their own."""
    height = picture.shape[0]
    shown = picture.copy()
    shown[height // 2 : height // 2 + height // 5, left_px : left_px + height // 12] = colour
    return shown


def planes(picture: Picture) -> Planes:
    return planes_of_rgb(picture, "bt601")


def noisy(picture: Picture, seed: int, levels: float = 2.0) -> Picture:
    """The picture with a camera's grain."""
    grain = np.random.default_rng(seed).normal(0, levels, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)
