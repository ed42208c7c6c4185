"""Pure: bad weather, bad light and bad cameras, drawn onto pictures. The same for one seed.

Each is made of what a real sensor or lens does: night takes the light away before the grain is
added, rain draws streaks and drops, fog mixes towards grey with distance, a shaking mast moves the
picture under its truth (which `Shown.moved` tells).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from fairview.core.errors import BadInput
from fairview.sim.view import Floats, Picture

Condition = Literal[
    "clear",
    "night",
    "rain",
    "exposure",
    "shake",
    "fog",
    "dirty",
    "frozen",
    "moved",
    "covered",
    "blurred",
]
CONDITIONS: tuple[Condition, ...] = (
    "clear",
    "night",
    "rain",
    "exposure",
    "shake",
    "fog",
    "dirty",
    "frozen",
    "moved",
    "covered",
    "blurred",
)

FAULT_FROM_FRAC = 1 / 3
"""Frozen, moved, covered and blurred begin after this share of the clip; before it all is well."""

_GRAIN_LEVELS = 1.5
_EXPOSURE_EVERY_S = 4.0
_EXPOSURE_RAMP_S = 0.25
_STREAKS = 220
_DROPS = 14
_DROP_LIVES_S = 6.0
_FOG_GREY = (196.0, 200.0, 204.0)

Fields = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """A head lamp in a picture: where, and how wide its glare is."""

    x_px: float
    y_px: float
    reach_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture in its condition.

    Shapes:  pixels (height, width, 3) RGB; moved (2, 3) takes points of the untouched picture to
             where they are shown.
    contrast_frac: what is left of differences in brightness; grain_levels: the noise's standard
    deviation. Together they say what could be seen at best.
    """

    pixels: Picture
    moved: Floats
    contrast_frac: float
    grain_levels: float


class Conditions:
    """Draws one condition onto the pictures of one clip, in order.

    strength: 1 is a bad day; 2 is beyond use. frames: of the whole clip, for what begins in the
    middle. Used by one thread. Cost: 1 to 6 ms at 640x360.
    """

    def __init__(
        self,
        condition: Condition,
        *,
        seed: int,
        fps: float,
        frames: int,
        strength: float = 1.0,
    ) -> None:
        if condition not in CONDITIONS:
            raise BadInput(f"{condition!r} is no condition: take {', '.join(CONDITIONS)}")
        if not 0 < strength <= 4 or frames < 1 or not 0 < fps <= 120:
            raise BadInput("a condition has a strength of at most 4, pictures and a rate")
        self.condition: Condition = condition
        self._seed = seed
        self._fps = fps
        self._strength = strength
        self._fault_from = round(frames * FAULT_FROM_FRAC)
        self._grain: Fields | None = None
        self._still: dict[str, Fields] = {}
        self._last: Shown | None = None

    def draw(self, pixels: Picture, frame: int, lights: Sequence[Light] = ()) -> Shown:
        """The frame-th picture (from 0) in this condition. Shapes: (height, width, 3) RGB."""
        if self.condition == "frozen" and self._last is not None and frame >= self._fault_from:
            return self._last
        how: dict[Condition, Callable[[Fields, int, Sequence[Light]], Shown]] = {
            "night": self._night,
            "rain": self._rain,
            "exposure": self._exposure,
            "shake": self._shake,
            "fog": self._fog,
            "dirty": self._dirty,
            "moved": self._moved,
            "covered": self._covered,
            "blurred": self._blurred,
        }
        drawing = how.get(self.condition, self._clear)
        self._last = drawing(pixels.astype(np.float32), frame, lights)
        return self._last

    def _clear(self, pixels: Fields, frame: int, lights: Sequence[Light]) -> Shown:
        return self._shown(pixels, frame)

    def _night(self, pixels: Fields, frame: int, lights: Sequence[Light]) -> Shown:
        """Little light, pools of street lamps, glaring head lamps, a sensor at full gain."""
        height, width = pixels.shape[:2]
        left = 0.42 / self._strength**2
        pools = self._kept("pools", lambda: _pools(self._rng("pools"), width, height))
        lit = pixels * (left * (0.35 + pools))[:, :, None] * np.array((0.95, 0.98, 1.1), "f4")
        for light in lights:
            _add_glare(lit, light, 200.0)
        return self._shown(lit + 4.0, frame, contrast=left * 0.7, grain=4.0 + 3.0 * self._strength)

    def _rain(self, pixels: Fields, frame: int, lights: Sequence[Light]) -> Shown:
        height, width = pixels.shape[:2]
        contrast = max(0.1, 1 - 0.22 * self._strength)
        wet = pixels * contrast + (1 - contrast) * 150.0
        streaks = np.zeros((height, width), np.uint8)
        rng = self._rng("streaks", frame)
        slant = 0.12 + 0.1 * math.sin(frame / self._fps / 3)
        for _ in range(round(_STREAKS * self._strength)):
            x, y = float(rng.uniform(0, width)), float(rng.uniform(-20, height))
            long = float(rng.uniform(8, 26)) * height / 360
            to = (round(x + slant * long), round(y + long))
            cv2.line(streaks, (round(x), round(y)), to, int(rng.integers(40, 120)), 1, cv2.LINE_AA)
        wet += streaks[:, :, None].astype(np.float32)
        self._add_drops(wet, frame)
        return self._shown(wet, frame, contrast=contrast, grain=2.0 + 4.0 * self._strength)

    def _add_drops(self, pixels: Fields, frame: int) -> None:
        """Drops on the glass: each a blurred, brighter disc that stays for some seconds."""
        height, width = pixels.shape[:2]
        soft: Fields | None = None
        for number in range(round(_DROPS * self._strength)):
            phase = self._rng("drop", number).uniform(0, _DROP_LIVES_S)
            life = int((frame / self._fps + phase) // _DROP_LIVES_S)
            rng = self._rng("drop place", number, life)
            radius = round(float(rng.uniform(4, 13)) * height / 360)
            x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
            if soft is None:
                soft = np.asarray(cv2.blur(pixels, (31, 31)), dtype=np.float32)
            disc = np.zeros((height, width), np.uint8)
            cv2.circle(disc, (x, y), max(radius, 2), 1, cv2.FILLED)
            pixels[disc > 0] = soft[disc > 0] * 0.9 + 34.0

    def _exposure(self, pixels: Fields, frame: int, lights: Sequence[Light]) -> Shown:
        """A new exposure every few seconds, reached within a quarter of a second."""
        second = frame / self._fps
        step = int(second // _EXPOSURE_EVERY_S)
        part = min((second - step * _EXPOSURE_EVERY_S) / _EXPOSURE_RAMP_S, 1.0)
        gain = self._gain(step - 1) ** (1 - part) * self._gain(step) ** part
        return self._shown(pixels * np.float32(gain), frame, contrast=min(gain, 1.0))

    def _gain(self, step: int) -> float:
        if step < 0:
            return 1.0
        wide = 0.75 * self._strength
        return float(2 ** self._rng("gain", step).uniform(-wide, wide * 0.8))

    def _shake(self, pixels: Fields, frame: int, lights: Sequence[Light]) -> Shown:
        """A mast in the wind: two slow swings and a tremble, in pixels of the picture."""
        second = frame / self._fps
        rng = self._rng("tremble", frame)
        reach = 2.2 * self._strength * pixels.shape[1] / 640
        x = reach * (math.sin(second * 7.1) + 0.6 * math.sin(second * 17.3 + 1)) + rng.normal(
            0, 0.4
        )
        y = 0.6 * reach * math.sin(second * 8.9 + 2) + rng.normal(0, 0.3)
        moved = np.array([(1.0, 0.0, x), (0.0, 1.0, y)])
        return self._shown(_warped(pixels, moved), frame, moved=moved)

    def _fog(self, pixels: Fields, frame: int, lights: Sequence[Light]) -> Shown:
        """Thicker towards the top, where things are farther away."""
        height = pixels.shape[0]
        rows = np.linspace(1.7, 0.7, height, dtype=np.float32)[:, None, None]
        left = np.exp(-1.1 * self._strength * rows)
        fogged = pixels * left + np.array(_FOG_GREY, np.float32) * (1 - left)
        return self._shown(fogged, frame, contrast=math.exp(-1.1 * self._strength))

    def _dirty(self, pixels: Fields, frame: int, lights: Sequence[Light]) -> Shown:
        height, width = pixels.shape[:2]
        dirt = self._kept("dirt", lambda: _blotches(self._rng("dirt"), width, height))
        share = np.clip(dirt * self._strength, 0, 0.97)[:, :, None]
        soft = np.asarray(cv2.blur(pixels, (25, 25)), dtype=np.float32)
        return self._shown(pixels * (1 - share) + (soft * 0.6 + 50.0) * share, frame)

    def _moved(self, pixels: Fields, frame: int, lights: Sequence[Light]) -> Shown:
        """Knocked: turned and shifted from the middle of the clip on."""
        if frame < self._fault_from:
            return self._shown(pixels, frame)
        height, width = pixels.shape[:2]
        rng = self._rng("moved")
        turn = float(rng.choice((-1, 1))) * 4.0 * self._strength
        moved = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1.0), "f8")
        moved[0, 2] += float(rng.choice((-1, 1))) * width * 0.11 * self._strength
        moved[1, 2] += float(rng.choice((-1, 1))) * height * 0.08 * self._strength
        return self._shown(_warped(pixels, moved), frame, moved=moved)

    def _covered(self, pixels: Fields, frame: int, lights: Sequence[Light]) -> Shown:
        """Something dark and soft before the lens, over most of the picture."""
        if frame < self._fault_from:
            return self._shown(pixels, frame)
        height, width = pixels.shape[:2]
        mask = self._kept("cloth", lambda: _cloth(self._rng("cloth"), width, height))
        share = np.clip(mask * self._strength, 0, 1)[:, :, None]
        left = float(1 - share.mean())
        return self._shown(pixels * (1 - share) + 38.0 * share, frame, contrast=left)

    def _blurred(self, pixels: Fields, frame: int, lights: Sequence[Light]) -> Shown:
        if frame < self._fault_from:
            return self._shown(pixels, frame)
        wide = 3.2 * self._strength * pixels.shape[1] / 640
        return self._shown(np.asarray(cv2.GaussianBlur(pixels, (0, 0), wide), np.float32), frame)

    def _shown(
        self,
        pixels: Fields,
        frame: int,
        *,
        contrast: float = 1.0,
        grain: float = _GRAIN_LEVELS,
        moved: Floats | None = None,
    ) -> Shown:
        """The sensor's grain on top, brightness mostly, then eight bits."""
        height, width = pixels.shape[:2]
        if self._grain is None:
            noise = self._rng("grain").normal(0, 1, (height + 64, width + 64))
            self._grain = noise.astype(np.float32)
        rng = self._rng("grain place", frame)
        top, left = (int(part) for part in rng.integers(0, 64, 2))
        field = self._grain[top : top + height, left : left + width]
        if rng.integers(0, 2):
            field = field[::-1]
        noisy = pixels + np.float32(grain) * field[:, :, None]
        return Shown(
            pixels=np.clip(noisy + 0.5, 0, 255).astype(np.uint8),
            moved=np.eye(2, 3) if moved is None else moved,
            contrast_frac=contrast,
            grain_levels=grain,
        )

    def _rng(self, name: str, *numbers: int) -> np.random.Generator:
        """Chance of its own for each purpose and number."""
        return np.random.default_rng([self._seed, *name.encode(), *numbers])

    def _kept(self, name: str, make: Callable[[], Fields]) -> Fields:
        if name not in self._still:
            self._still[name] = make()
        return self._still[name]


def moved_box(
    box_px: tuple[float, float, float, float], moved: Floats, size_px: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    """Where a box of the untouched picture is shown; None when it left the picture."""
    left, top, right, bottom = box_px
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    shown = corners @ moved[:, :2].T + moved[:, 2]
    low = np.clip(shown.min(axis=0), 0, size_px)
    high = np.clip(shown.max(axis=0), 0, size_px)
    if high[0] - low[0] < 1 or high[1] - low[1] < 1:
        return None
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _warped(pixels: Fields, moved: Floats) -> Fields:
    size = (pixels.shape[1], pixels.shape[0])
    warped = cv2.warpAffine(
        pixels, moved, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(warped, dtype=np.float32)


def _add_glare(pixels: Fields, light: Light, level: float) -> None:
    """A lamp's core and its halo, in place."""
    height, width = pixels.shape[:2]
    reach = math.ceil(light.reach_px * 3)
    left, right = max(round(light.x_px) - reach, 0), min(round(light.x_px) + reach + 1, width)
    top, bottom = max(round(light.y_px) - reach, 0), min(round(light.y_px) + reach + 1, height)
    if left >= right or top >= bottom:
        return
    x = np.arange(left, right, dtype=np.float32) - light.x_px
    y = np.arange(top, bottom, dtype=np.float32)[:, None] - light.y_px
    away = (x**2 + y**2) / light.reach_px**2
    glow = level * (1.4 * np.exp(-away * 8) + 0.45 * np.exp(-away))
    pixels[top:bottom, left:right] += glow[:, :, None] * np.array((1.0, 0.97, 0.86), "f4")


def _pools(rng: np.random.Generator, width: int, height: int) -> Fields:
    """Light under street lamps, 0 to about 1. Shapes: (height, width)."""
    field = np.zeros((height, width), np.float32)
    x, y = np.arange(width)[None], np.arange(height)[:, None]
    for _ in range(6):
        middle = rng.uniform(0, width), rng.uniform(height * 0.2, height)
        wide = width * rng.uniform(0.06, 0.13)
        away = ((x - middle[0]) / wide) ** 2 + ((y - middle[1]) / (wide * 0.6)) ** 2
        field += np.exp(-away).astype(np.float32)
    return np.minimum(field, 1.2)


def _blotches(rng: np.random.Generator, width: int, height: int) -> Fields:
    """Dirt and dried drops: many soft spots. Shapes: (height, width), 0 to 0.85."""
    dirt = np.zeros((height, width), np.uint8)
    for _ in range(40):
        middle = int(rng.integers(0, width)), int(rng.integers(0, height))
        radius = max(round(width * rng.uniform(0.006, 0.05)), 2)
        cv2.circle(dirt, middle, radius, int(rng.integers(60, 220)), cv2.FILLED)
    soft = cv2.GaussianBlur(dirt, (0, 0), width / 110)
    return np.asarray(soft, dtype=np.float32) / np.float32(255)


def _cloth(rng: np.random.Generator, width: int, height: int) -> Fields:
    """What covers most of a picture with a soft edge. Shapes: (height, width), 0 to 1."""
    mask = np.zeros((height, width), np.uint8)
    edge = float(rng.uniform(0.68, 0.8))
    slope = float(rng.uniform(-0.12, 0.12))
    outline = np.array(
        [
            (0, 0),
            (width * (edge + slope), 0),
            (width * (edge - slope), height),
            (0, height),
        ]
    ).astype(np.int32)
    cv2.fillConvexPoly(mask, outline, 255)
    if rng.integers(0, 2):
        mask = np.ascontiguousarray(mask[:, ::-1])
    soft = cv2.GaussianBlur(mask, (0, 0), width / 60)
    return np.asarray(soft, dtype=np.float32) / np.float32(255)
