"""What a camera's picture looks like with nobody in it, kept up to date: the motion model.

One scene per camera, used by one thread. Everything is measured against the picture's own noise,
so that a dark, grainy street and a bright one need no settings. Exposure is matched first: a
camera that changes it multiplies the whole picture, which is no motion. Shadows are told by
what they keep: the ground's colour and its texture, only darker.

What stops stays foreground for minutes (STILL_US_MAX). What leaves uncovers ground that the scene
does not know: such a ghost has the edges in the old scene and none in the picture, and is taken
over within a second.

HOLE: after an exposure step that clips much of the picture (over half a stop, both ways) boxes are
wrong for some seconds; the health of the picture must say so. Shadows with hard borders leave
slivers of their border.

Source:  Cucchiara et al., "Detecting Moving Objects, Ghosts, and Shadows in Video Streams", IEEE
PAMI 25(10), 2003, for shadows and ghosts; Stauffer and Grimson, CVPR 1999, for what it replaces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fairview.analyse.planes import Planes, fitted
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND, Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Field = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.uint8]

WIDTH_PX = 320
"""How finely motion is looked for. Colour of a 640x360 picture has this size already."""

STILL_US_MAX = 4 * US_PER_MINUTE
"""What stands still this long becomes part of the scene. A red light is shorter."""

FOREGROUND_FRAC_MAX = 0.5
"""More than this is no motion but another scene: the light was switched, the camera turned."""

STARTING_US = 2 * US_PER_SECOND
GAP_US_MAX = 5 * US_PER_MINUTE
"""How long a new scene is distrusted, and after what pause an old one is."""

LUMA_TOLERANCE = 9.0
COLOUR_TOLERANCE = 9.0
"""Grey levels that are never motion, however clean the picture: coding alone makes a few."""

_BLACK, _WHITE = 16.0, 235.0
_NOISES = 4.5
"""How many times a pixel's mean deviation is motion: some 3.6 standard deviations."""

_EDGE_SHARE = 0.5
"""Trembling by half a pixel is no motion."""

_LEARN_S, _LEARN_NOISE_S, _LEARN_RESTLESS_S = 10.0, 8.0, 12.0
_NOISE_FIRST = 2.0
_GAIN_STEP = 0.012
_DOUBT_S, _DOUBT_SHARE = 1.0, 0.6
"""After a change of exposure what was clipped or compressed fits badly for a moment."""

_SHIFT_PX_MIN, _SHIFT_PX_MAX = 0.12, 3.0
_SHIFT_ROUNDS = 2
_SHADOW_LEAST, _SHADOW_MOST = 0.38, 0.97
_SHADOW_COLOUR = 6.0
_GHOST_AFTER_S = 0.7
_GHOST_EVERY_S = 0.4
_GHOST_RATIO = 1.35
_GHOST_PX_MIN = 12
_GHOST_TOUCH_MAX = 0.3
_TRUSTED_S = 2.5
_SETTLED_US = 60 * US_PER_SECOND
_RIVALS_US = 200_000
"""A young scene may have begun behind a queue: until a value was seen for _TRUSTED_S, another
value seen for longer replaces it. After _SETTLED_US this is no longer looked at."""

_RESTLESS_HZ = 1.6
"""A pixel that changes sides more often than this is a leaf or a flag, not a street."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """What differs from the empty scene in one picture.

    Shapes:  all (rows, columns). mask uint8 0 or 255: foreground without shadows, specks taken
    out. shadow bool: ground that is only darker. strength float32: difference in units of the
    tolerance. held_s: for how long each pixel has been still foreground.
    """

    mask: Mask
    shadow: npt.NDArray[np.bool_]
    strength: Field
    held_s: Field
    is_starting: bool
    is_other_scene: bool


class EmptyScene:
    """One camera's scene."""

    def __init__(self, planes: Planes, at: Instant) -> None:
        self.size = fitted(planes.width_px, planes.height_px, WIDTH_PX)
        self._shape = (planes.width_px, planes.height_px)
        self._at = self._began = self._ghosts_at = self._rivals_at = at
        self._tolerances_at: Instant | None = None
        self._other_s = self._doubt = 0.0
        self._held_s: Field = np.zeros(self.size[::-1], dtype=np.float32)
        self._begin(_fields(planes, self.size), at)

    def fits(self, planes: Planes, at: Instant) -> bool:
        """Whether this picture continues what the scene was made of."""
        away_us = at.since(self._at)
        return (planes.width_px, planes.height_px) == self._shape and 0 <= away_us <= GAP_US_MAX

    def look(self, planes: Planes, at: Instant) -> Moving:
        """What moves in the next picture; the scene learns from it.

        Cost:    1.5 ms for 640x360 when little moves, 2.5 on a busy junction (one thread).
        """
        fields = _fields(planes, self.size)
        passed_s = max(at.since(self._at), 0) / US_PER_SECOND
        self._at = at
        self._doubt *= math.exp(-passed_s / _DOUBT_S)
        self._match_exposure(*fields)
        self._renew_tolerances()
        luma, blue, red = fields = self._steadied(fields)
        away = np.abs(luma - self._luma)
        strength, shadow = self._differences(fields, away)
        raw = _mask(strength > 1.0)
        self._note_restless(raw, passed_s)
        raw[shadow] = 0
        mask = _without_specks(raw)
        is_other = float(cv2.countNonZero(mask)) > FOREGROUND_FRAC_MAX * mask.size
        if is_other:
            mask[:] = 0
            self._other_s += passed_s
            if self._other_s > 0.3:
                self._begin(fields, at)
            self._last, self._last_colour = luma, (blue, red)
        else:
            self._other_s = 0.0
            self._note_still(luma, mask, passed_s)
            self._last, self._last_colour = luma, (blue, red)
            self._learn(fields, away, mask, passed_s)
            if at.since(self._began) < _SETTLED_US and at.since(self._rivals_at) >= _RIVALS_US:
                self._weigh_rivals(luma, mask, at.since(self._rivals_at) / US_PER_SECOND)
                self._rivals_at = at
            self._give_back_ghosts(mask)
        return Moving(
            mask=mask,
            shadow=shadow,
            strength=strength,
            held_s=self._held_s,
            is_starting=at.since(self._began) < STARTING_US,
            is_other_scene=is_other,
        )

    def _take_over(self, where: npt.NDArray[np.bool_]) -> None:
        """These pixels of the last picture are the empty scene after all."""
        self._luma[where] = self._last[where]
        self._blue[where] = self._last_colour[0][where]
        self._red[where] = self._last_colour[1][where]
        self._held_s[where] = 0.0
        self._noise[where] = _NOISE_FIRST

    def _give_back_ghosts(self, mask: Mask) -> None:
        """Still shapes whose outline is in the scene and not in the picture: what stood there
        has left, and the ground it hid is the scene."""
        if self._at.since(self._ghosts_at) < _GHOST_EVERY_S * US_PER_SECOND:
            return
        self._ghosts_at = self._at
        still = _mask(self._held_s > _GHOST_AFTER_S)
        if not still.any():
            return
        count, found, counted, _ = cv2.connectedComponentsWithStats(still, connectivity=8)
        labels, stats = np.asarray(found), np.asarray(counted)
        seen = sum((_edges(one) for one in self._last_colour), _edges(self._last))
        known = sum((_edges(one) for one in (self._blue, self._red)), _edges(self._luma))
        for one in range(1, count):
            left, top, width, height, area = (int(number) for number in stats[one])
            if area < _GHOST_PX_MIN:
                continue
            around = (
                slice(max(top - 3, 0), top + height + 3),
                slice(max(left - 3, 0), left + width + 3),
            )
            shape = labels[around] == one
            if _is_ghost(shape, mask[around], (seen[around], known[around])):
                where = np.zeros(labels.shape, dtype=bool)
                where[around] = shape
                self._take_over(where)
                mask[where] = 0

    def _begin(self, fields: tuple[Field, Field, Field], at: Instant) -> None:
        luma, blue, red = fields
        self._luma, self._blue, self._red = luma.copy(), blue.copy(), red.copy()
        self._last, self._last_colour = luma, (blue, red)
        self._noise = np.full_like(luma, _NOISE_FIRST)
        self._colour_noise = np.full_like(luma, _NOISE_FIRST)
        self._restless = np.zeros_like(luma)
        self._before = np.zeros(luma.shape, dtype=np.uint8)
        self._held_s = np.zeros_like(luma)
        self._trust_s, self._rival_s = np.zeros_like(luma), np.zeros_like(luma)
        self._rival = luma.copy()
        self._at = self._began = self._ghosts_at = self._rivals_at = at
        self._other_s = 0.0
        self._tolerances_at = None
        self._tolerance = self._colour_tolerance = luma
        self._renew_tolerances()

    def _steadied(self, fields: tuple[Field, Field, Field]) -> tuple[Field, Field, Field]:
        """The picture moved back onto the scene when the mast trembles.

        Source:  Lucas and Kanade, 1981: the shift that explains the differences by the scene's
        own slopes, over all pixels that are explained at all.
        """
        across, down, weight = self._slopes
        total = np.zeros(2)
        luma = fields[0]
        for _ in range(_SHIFT_ROUNDS):
            away = (luma - self._luma)[1::2, 1::2]
            usable = weight & (np.abs(away) < 40)
            if np.count_nonzero(usable) < 200:
                return fields
            gx, gy, gone = across[usable], down[usable], away[usable]
            square = np.array([[gx @ gx, gx @ gy], [gx @ gy, gy @ gy]], dtype=np.float64)
            if np.linalg.cond(square) > 200:
                return fields
            shift = np.linalg.solve(square, np.array([gx @ gone, gy @ gone], dtype=np.float64))
            total += shift
            if float(np.abs(total).max()) > _SHIFT_PX_MAX:
                return fields
            if float(np.abs(shift).max()) < _SHIFT_PX_MIN:
                break
            luma = _shifted(fields[0], total)
        if float(np.abs(total).max()) < _SHIFT_PX_MIN:
            return fields
        return luma, _shifted(fields[1], total), _shifted(fields[2], total)

    def _match_exposure(self, luma: Field, blue: Field, red: Field) -> None:
        """Brings the scene to the picture's exposure and white balance, by medians."""
        seen, known = luma[2::5, 2::5], self._luma[2::5, 2::5]
        usable = (known > 32) & (known < _WHITE - 8) & (seen > 24) & (seen < _WHITE - 3)
        if np.count_nonzero(usable) > 100:
            ratios = (seen[usable] - _BLACK) / (known[usable] - _BLACK)
            gain = float(np.median(ratios))
            near = ratios[np.abs(ratios - gain) < 0.1 * gain]
            gain = float(near.mean()) if len(near) > 50 else gain
            self._doubt = max(self._doubt, abs(gain - 1))
            if abs(gain - 1) > _GAIN_STEP:
                self._luma -= _BLACK
                self._luma *= gain
                self._luma += _BLACK
                np.minimum(self._luma, _WHITE, out=self._luma)
                self._tolerances_at = None
        for seen, known in ((blue, self._blue), (red, self._red)):
            shift = float(np.median(seen[2::5, 2::5] - known[2::5, 2::5]))
            if abs(shift) > 1.0:
                known += shift

    def _differences(
        self, fields: tuple[Field, Field, Field], away: Field
    ) -> tuple[Field, npt.NDArray[np.bool_]]:
        """Strength of every pixel, and where the difference is a shadow's."""
        luma, blue, red = fields
        colour = np.abs(blue - self._blue)
        colour += np.abs(red - self._red)
        tolerance = self._tolerance
        if self._doubt > _GAIN_STEP:
            tolerance = tolerance + np.float32(_DOUBT_SHARE * self._doubt) * (luma - _BLACK)
        strength = np.maximum(away / tolerance, colour / self._colour_tolerance)
        self._colour_away = colour
        darker = (luma < self._luma) & (strength > 1.0)
        if not darker.any():
            return strength, darker
        return strength, self._shadows(luma, colour, darker)

    def _shadows(
        self, luma: Field, colour: Field, darker: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Darker by one factor over a neighbourhood, with the ground's colour and texture."""
        across = cv2.blur(luma - (_BLACK - 1), (5, 5))
        known = cv2.blur(self._luma - (_BLACK - 1), (5, 5))
        factor = np.asarray(across / np.maximum(known, 1), dtype=np.float32)
        kept = np.abs(luma - _BLACK - (self._luma - _BLACK) * factor)
        return (
            darker
            & (factor > _SHADOW_LEAST)
            & (factor < _SHADOW_MOST)
            & (kept < 0.55 * self._tolerance)
            & (colour < _SHADOW_COLOUR + self._colour_noise)
        )

    def _renew_tolerances(self) -> None:
        """Noise and edges change slowly: worked out some twice a second."""
        if self._tolerances_at is not None and (
            0 <= self._at.since(self._tolerances_at) < US_PER_SECOND // 2
        ):
            return
        self._tolerances_at = self._at
        rest = 1 + np.clip(self._restless - _RESTLESS_HZ, 0, 3)
        noise = np.asarray(cv2.blur(self._noise, (3, 3)))
        edges = np.asarray(cv2.dilate(_edges(self._luma), np.ones((3, 3), np.uint8)))
        across = np.asarray(cv2.Sobel(self._luma, cv2.CV_32F, 1, 0, ksize=3))[1::2, 1::2] / 8
        down = np.asarray(cv2.Sobel(self._luma, cv2.CV_32F, 0, 1, ksize=3))[1::2, 1::2] / 8
        # Slopes of 2 to 30 grey levels a pixel: steeper ones are edges that a shift can't explain.
        steep = np.abs(across) + np.abs(down)
        self._slopes = (across, down, (steep > 2) & (steep < 30))
        tolerance = (np.maximum(LUMA_TOLERANCE, _NOISES * noise) + _EDGE_SHARE * edges) * rest
        self._tolerance = np.asarray(tolerance, dtype=np.float32)
        self._colour_tolerance = np.maximum(COLOUR_TOLERANCE, _NOISES * self._colour_noise) * rest

    def _note_restless(self, raw: Mask, passed_s: float) -> None:
        if passed_s <= 0:
            return
        share = 1 - math.exp(-passed_s / _LEARN_RESTLESS_S)
        changed = cv2.bitwise_xor(raw, self._before)
        cv2.addWeighted(
            changed,
            share / passed_s / 255,
            self._restless,
            1 - share,
            0,
            self._restless,
            cv2.CV_32F,
        )
        self._before = raw.copy()

    def _note_still(self, luma: Field, mask: Mask, passed_s: float) -> None:
        moved = np.abs(luma - self._last) > self._tolerance
        # Somebody passing in front of a parked car delays its becoming scene, no more.
        self._held_s += np.where(moved, np.float32(-10 * passed_s), np.float32(passed_s))
        self._held_s[mask == 0] = 0.0
        np.maximum(self._held_s, 0.0, out=self._held_s)

    def _weigh_rivals(self, luma: Field, mask: Mask, passed_s: float) -> None:
        """A second value per pixel, with how long it was seen; between cars the road returns."""
        there = mask > 0
        self._trust_s += np.where(there, np.float32(0), np.float32(passed_s))
        near = np.abs(luma - self._rival) < np.minimum(self._tolerance, 12)
        self._rival_s += np.where(near, np.float32(passed_s), np.float32(-passed_s)) * there
        fresh = there & (self._rival_s < 0)
        self._rival[fresh] = luma[fresh]
        self._rival_s[fresh] = 0
        wins = there & near & (self._rival_s > self._trust_s + 0.5) & (self._trust_s < _TRUSTED_S)
        if wins.any():
            self._trust_s[wins] = self._rival_s[wins]
            self._rival_s[wins] = 0
            self._take_over(wins)
            mask[wins] = 0

    def _learn(
        self, fields: tuple[Field, Field, Field], away: Field, mask: Mask, passed_s: float
    ) -> None:
        luma, blue, red = fields
        free = cv2.bitwise_not(cv2.dilate(mask, np.ones((3, 3), np.uint8)))
        since_s = self._at.since(self._began) / US_PER_SECOND
        # A young scene learns as a plain mean does.
        learn_s = min(_LEARN_S, max(since_s, 0.3))
        if self._doubt > 2 * _GAIN_STEP:
            learn_s = min(learn_s, _DOUBT_S)
        share = 1 - math.exp(-passed_s / learn_s)
        for seen, known in ((luma, self._luma), (blue, self._blue), (red, self._red)):
            cv2.accumulateWeighted(seen, known, share, free)
        share = 1 - math.exp(-passed_s / min(_LEARN_NOISE_S, max(since_s, 1.0)))
        cv2.accumulateWeighted(away, self._noise, share, free)
        cv2.accumulateWeighted(self._colour_away, self._colour_noise, share, free)
        if float(self._held_s.max()) > STILL_US_MAX / US_PER_SECOND:
            self._take_over(self._held_s > STILL_US_MAX / US_PER_SECOND)


def _is_ghost(shape: npt.NDArray[np.bool_], mask: Mask, edges: tuple[Field, Field]) -> bool:
    """Whether edges along the outline are clearly stronger in the scene than in the picture.

    A piece of something larger has no outline of its own and is not judged.
    """
    full = shape.astype(np.uint8)
    grown = np.asarray(cv2.dilate(full, np.ones((5, 5), np.uint8))) > 0
    outside = grown & ~shape
    if np.count_nonzero(mask[outside]) > _GHOST_TOUCH_MAX * np.count_nonzero(outside):
        return False
    outline = grown & ~(np.asarray(cv2.erode(full, np.ones((3, 3), np.uint8))) > 0)
    seen, known = (float(one[outline].mean()) for one in edges)
    return known > _GHOST_RATIO * seen + 0.5


def _fields(planes: Planes, size: tuple[int, int]) -> tuple[Field, Field, Field]:
    return (
        _field(planes.luma, size),
        _field(planes.blue, size),
        _field(planes.red, size),
    )


def _shifted(field: Field, shift: npt.NDArray[np.float64]) -> Field:
    """The field moved so that what lay at x + shift comes to x, in 1/32 of a pixel."""
    move = np.array([[1, 0, -shift[0]], [0, 1, -shift[1]]])
    size = (field.shape[1], field.shape[0])
    made = cv2.warpAffine(
        field,
        move,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(made, dtype=np.float32)


def _field(plane: Mask, size: tuple[int, int]) -> Field:
    if (plane.shape[1], plane.shape[0]) != size:
        shrinks = plane.shape[1] > size[0]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        plane = np.asarray(cv2.resize(plane, size, interpolation=how), dtype=np.uint8)
    return plane.astype(np.float32)


def _edges(luma: Field) -> Field:
    """Grey levels per pixel, across and down together."""
    across = cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=3)
    return np.asarray((np.abs(across) + np.abs(down)) / 8, dtype=np.float32)


def _without_specks(raw: Mask) -> Mask:
    """Only pixels with company: at least four of nine."""
    return _mask(np.asarray(cv2.blur(raw, (3, 3))) > 100)


def _mask(where: npt.NDArray[np.bool_]) -> Mask:
    return where.astype(np.uint8) * np.uint8(255)
