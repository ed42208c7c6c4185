"""How the levels of a camera's picture follow from those of its empty scene.

A camera that changes its exposure, its white balance or both changes every level in one way. That
way is found by what most of the picture does, so that road users don't matter; the scene itself is
kept as it was learned, so that a change back loses nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Field = npt.NDArray[np.float32]
    Bytes = npt.NDArray[np.uint8]
    Three = tuple[Bytes, Bytes, Bytes]

BLACK, WHITE, GREY = 16, 235, 128
"""Limited range: what brightness begins and ends with, and what has no colour."""

_STEP = 5
"""Every so many pixels are looked at, in both directions: some 2300 of a scene."""

_ENOUGH = 100
_OFF_LEVELS = 1.0
_BIN_LEVELS, _BIN_ENOUGH = 12, 20
_BIN_AWAY_LEVELS, _BIN_AWAY_SHARE = 4.0, 0.15
_GAIN_MIN, _GAIN_MAX = 0.1, 10.0
_COLOURED = 6.0


class Exposure:
    """One camera's. Brightness is a gain above black and a gentle curve; colour a gain and an
    offset for each plane. `gain` is how much brighter than the scene the picture is.
    """

    def __init__(self) -> None:
        self.gain = 1.0
        self._curve: Bytes | None = None
        self._colours = [(1.0, 0.0), (1.0, 0.0)]

    def follow(self, seen: Three, mapped: Three, known: tuple[Field, Field, Field]) -> float:
        """Learns from a picture, and tells by how much (natural logarithm) the gain changed.

        mapped: the scene as it was expected to look. 0 and nothing else when it did look so.
        Cost:    0.1 ms; 0.8 when something changed.
        """
        spots = (slice(2, None, _STEP), slice(2, None, _STEP))
        now = seen[0][spots].astype(np.int16)
        expected = mapped[0][spots].astype(np.int16)
        if _is_as_expected(now, expected) and all(
            abs(float(np.mean(np.sign(a[spots].astype(np.int16) - b[spots])))) < 0.5
            for a, b in zip(seen[1:], mapped[1:], strict=True)
        ):
            return 0.0
        before = self.gain
        self._learn_brightness(now.astype(np.float32), known[0][spots])
        for number in (0, 1):
            self._colours[number] = _line(
                seen[number + 1][spots].astype(np.float32) - GREY,
                known[number + 1][spots] - GREY,
                self._colours[number],
            )
        return abs(math.log(self.gain / before))

    def brightness(self, known: Field) -> Bytes:
        """The scene's brightness as the picture should show it."""
        made = cv2.convertScaleAbs(known, alpha=self.gain, beta=BLACK * (1 - self.gain))
        if self._curve is not None:
            made = cv2.LUT(made, self._curve)
        return np.asarray(np.minimum(made, WHITE), dtype=np.uint8)

    def colour(self, known: Field, plane: int) -> Bytes:
        """Blue (0) or red (1) as the picture should show it."""
        gain, offset = self._colours[plane]
        made = cv2.convertScaleAbs(known, alpha=gain, beta=GREY * (1 - gain) + offset)
        return np.asarray(made, dtype=np.uint8)

    def colour_gain(self, plane: int) -> float:
        return max(self._colours[plane][0], _GAIN_MIN)

    def _learn_brightness(self, now: Field, known: Field) -> None:
        usable = (known > 2 * BLACK) & (now > BLACK + 4) & (now < WHITE - 3)
        if np.count_nonzero(usable) < _ENOUGH:
            return
        now, known = now[usable], known[usable]
        ratios = (now - BLACK) / (known - BLACK)
        gain = float(np.median(ratios))
        near = ratios[np.abs(ratios - gain) < 0.1 * gain]
        gain = float(near.mean()) if len(near) >= _ENOUGH // 2 else gain
        self.gain = min(max(gain, _GAIN_MIN), _GAIN_MAX)
        self._curve = _curve(now, BLACK + (known - BLACK) * self.gain)


def _is_as_expected(now: npt.NDArray[np.int16], expected: npt.NDArray[np.int16]) -> bool:
    """Whether dark and bright parts alike lie about where they should."""
    usable = (now > BLACK + 4) & (now < WHITE - 3) & (expected > BLACK) & (expected < WHITE - 3)
    away, level = (now - expected)[usable], expected[usable]
    if len(away) < _ENOUGH:
        return True
    bright = level > level.mean()
    return all(
        len(part) < _ENOUGH // 4 or abs(_middle(part)) < _OFF_LEVELS
        for part in (away[bright], away[~bright])
    )


def _middle(away: npt.NDArray[np.int16]) -> float:
    """The median, finer than whole levels: between the shares below and above."""
    middle = int(np.partition(away, len(away) // 2)[len(away) // 2])
    at = max(int(np.count_nonzero(away == middle)), 1)
    below = int(np.count_nonzero(away < middle))
    return middle - 0.5 + (len(away) / 2 - below) / at


def _curve(now: Field, expected: Field) -> Bytes | None:
    """What is left after the gain, by stretches of brightness: a camera's own tone curve.

    A stretch that is mostly hidden by a bus says something else than the rest, and is not believed.
    """
    levels, shifts = [float(BLACK)], [0.0]
    stretch = (expected / _BIN_LEVELS).astype(np.intp)
    for one in range(BLACK // _BIN_LEVELS, WHITE // _BIN_LEVELS + 1):
        there = stretch == one
        if np.count_nonzero(there) < _BIN_ENOUGH:
            continue
        middle = float(np.median(expected[there]))
        shift = float(np.median(now[there] - expected[there]))
        if abs(shift) <= _BIN_AWAY_LEVELS + _BIN_AWAY_SHARE * (middle - BLACK):
            levels.append(middle)
            shifts.append(shift)
    if max(abs(one) for one in shifts) < _OFF_LEVELS:
        return None
    every = np.arange(256)
    made = np.maximum.accumulate(every + np.interp(every, levels, shifts))
    return np.clip(np.rint(made), 0, 255).astype(np.uint8)


def _line(now: Field, known: Field, before: tuple[float, float]) -> tuple[float, float]:
    """Gain and offset of a colour: the offset of what is grey, the gain of what is coloured."""
    away = now - known * before[0]
    offset = float(np.median(away))
    coloured = (np.abs(known) > _COLOURED) & (np.abs(away - offset) < 0.5 * np.abs(known) + 4)
    if np.count_nonzero(coloured) < _ENOUGH:
        return before[0], offset
    gain = float(np.median((now - offset)[coloured] / known[coloured]))
    gain = min(max(gain, 0.2), 5.0)
    return gain, float(np.median(now - known * gain))
