"""Which darker pixels are shadow: ground with only the sky's light left.

All shadows that the sun casts at one time take away about the same share of the light, and of the
same colour: what is left is bluer. Both are learned from what was found, within what daylight and
lamps can do, so that dark cars and dark clothes are less often taken for shadow.

Source:  Cucchiara et al., "Detecting Moving Objects, Ghosts, and Shadows in Video Streams", IEEE
PAMI 25(10), 2003, for the factor; Finlayson et al., "On the Removal of Shadows from Images", IEEE
PAMI 28(1), 2006, for why the sky's light is bluer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fairview.analyse.detectors.exposure import BLACK, GREY

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Field = npt.NDArray[np.float32]
    Three = tuple[Bytes, Bytes, Bytes]
    Band = tuple[float, float]

_FACTOR: Band = (0.3, 0.97)
_WEAK = 0.8
"""Weaker shadows than this (open sky, under cars) have no one factor."""

_BLUER: Band = (-0.06, 0.28)
_REDDER: Band = (-0.16, 0.06)
"""By how many levels of colour per level of brightness lost: from tungsten to a deep blue sky."""

_SUNNY = 0.05
"""Where shadows aren't bluer than the ground, what is evenly dark and grey may as well be a car or
a coat: only what keeps the ground's texture is then believed to be shadow."""

_GREY_LEVELS = 8.0
_TEXTURE_LEVELS = 5.0
_SLACK_LEVELS = 4.0
_EVEN = 0.07
_BINS = 34
_FACTOR_REACH, _TINT_REACH = 0.08, 0.04
_MODE_SHARE = 0.5
_KNOWN_PX = 4000.0
_TINT_LOSS_MIN = 20.0
_KEEP_S = 60.0
_AROUND = np.ones((3, 3), np.uint8)


class Shadows:
    """What one camera's shadows are like. Used by one thread."""

    def __init__(self) -> None:
        self._seen = {"factor": np.zeros(_BINS), "blue": np.zeros(_BINS), "red": np.zeros(_BINS)}
        self._factor, self._blue, self._red = _FACTOR, _BLUER, _REDDER
        self._is_sunny = False

    def find(self, seen: Three, known: Three, darker: Bytes) -> Bytes:
        """Of the pixels that are darker than the empty scene those in shadow: 0 or 255.

        Cost:    0.05 to 0.2 ms, with how much is darker.
        """
        found = np.zeros_like(darker)
        spots = np.flatnonzero(darker.view(bool))
        luma = seen[0].ravel()[spots].astype(np.float32)
        lost = known[0].ravel()[spots].astype(np.float32) - luma
        luma -= BLACK - 1
        factor = np.asarray(luma / np.maximum(luma + lost, 1), dtype=np.float32)
        chosen = np.flatnonzero(_inside(factor, _FACTOR, 0.0))
        if not len(chosen):
            return found
        spots, factor, lost = spots[chosen], factor[chosen], lost[chosen]
        bluer, redder = (
            (
                one.ravel()[spots]
                - np.float32(GREY)
                - (was.ravel()[spots] - np.float32(GREY)) * factor
            )
            / lost
            for one, was in zip(seen[1:], known[1:], strict=True)
        )
        slack = np.asarray(np.float32(_SLACK_LEVELS) / lost, dtype=np.float32)
        like = _inside(bluer, self._blue, slack) & _inside(redder, self._red, slack)
        if not like.any():
            return found
        core, everywhere = self._cores(spots[like], factor[like], darker.shape)
        here = like.copy()
        here[like] = core
        self._note(factor[here], bluer[here], redder[here], lost[here])
        if not self._is_sunny:
            kept = like & (np.abs(bluer * lost) + np.abs(redder * lost) < _GREY_LEVELS)
            found.ravel()[spots[kept]] = 255
            return _even(seen[0], known[0], found)
        usual = _inside(factor, self._factor, 0.0) | np.asarray(factor > _WEAK)
        sure = np.zeros_like(darker)
        sure.ravel()[spots[here & usual]] = 255
        # Its border is where light and dark mix: like shadow, next to it.
        near = cv2.dilate(sure, _AROUND, iterations=2)
        fits = everywhere & np.asarray(near)
        found.ravel()[spots[like & (factor >= self._factor[0])]] = 255
        return np.asarray(cv2.bitwise_and(found, fits), dtype=np.uint8)

    def _cores(
        self, spots: npt.NDArray[np.intp], factor: Field, shape: tuple[int, ...]
    ) -> tuple[npt.NDArray[np.bool_], Bytes]:
        """Which of these spots have neighbours of the same factor, and all spots as a mask."""
        there = np.zeros(shape, dtype=np.uint8)
        there.ravel()[spots] = 255
        level = np.zeros(shape, dtype=np.uint8)
        level.ravel()[spots] = np.rint(factor * 200)
        count = np.asarray(cv2.blur(there, (5, 5))).ravel()[spots].astype(np.float32)
        total = np.asarray(cv2.blur(level, (5, 5))).ravel()[spots].astype(np.float32)
        mean = total / np.maximum(count, 1) * np.float32(255 / 200)
        return (np.abs(mean - factor) < _EVEN) & (count > 90), there

    def _note(self, factor: Field, bluer: Field, redder: Field, lost: Field) -> None:
        strong = (factor < _WEAK) & (lost > _TINT_LOSS_MIN)
        if not strong.any():
            return
        for name, values, band in (
            ("factor", factor, _FACTOR),
            ("blue", bluer, _BLUER),
            ("red", redder, _REDDER),
        ):
            place = (values[strong] - band[0]) * (_BINS / (band[1] - band[0]))
            inside = place[(place >= 0) & (place < _BINS)].astype(np.intp)
            self._seen[name] += np.bincount(inside, minlength=_BINS)

    def settle(self, passed_s: float) -> None:
        """Some times a second: what the usual shadow is."""
        self._factor = _usual(self._seen["factor"], _FACTOR, _FACTOR_REACH)
        self._blue = _usual(self._seen["blue"], _BLUER, _TINT_REACH)
        self._red = _usual(self._seen["red"], _REDDER, _TINT_REACH)
        bluer = (self._blue[0] + self._blue[1]) / 2
        self._is_sunny = self._factor != _FACTOR and self._blue != _BLUER and bluer > _SUNNY
        for one in self._seen.values():
            one *= math.exp(-passed_s / _KEEP_S)


def _even(seen: Bytes, known: Bytes, like: Bytes) -> Bytes:
    """Of what is like shadow that which is darker by one factor over a whole neighbourhood."""
    spots = np.flatnonzero(like.view(bool))
    now, before = (one.ravel()[spots].astype(np.float32) - (BLACK - 1) for one in (seen, known))
    around, around_known = (
        np.asarray(cv2.blur(one, (5, 5))).ravel()[spots].astype(np.float32) - (BLACK - 1)
        for one in (seen, known)
    )
    factor = around / np.maximum(around_known, 1)
    good = (np.abs(now - before * factor) < _TEXTURE_LEVELS) & (factor > 0.38)
    found = np.zeros_like(like)
    found.ravel()[spots[good]] = 255
    return found


def _inside(values: Field, band: Band, slack: Field | float) -> npt.NDArray[np.bool_]:
    return np.asarray((values >= band[0] - slack) & (values <= band[1] + slack))


def _usual(seen: npt.NDArray[np.float64], band: Band, reach: float) -> Band:
    """The narrow band in which most lie; the whole band when there is none."""
    total = float(seen.sum())
    if total < _KNOWN_PX:
        return band
    step = (band[1] - band[0]) / _BINS
    sums = np.convolve(seen, np.ones(2 * round(reach / step) + 1), "same")
    peak = int(np.argmax(sums))
    if sums[peak] < _MODE_SHARE * total:
        return band
    middle = band[0] + (peak + 0.5) * step
    return middle - reach - step, middle + reach + step
