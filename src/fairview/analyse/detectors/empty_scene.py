"""What a camera's picture looks like with nobody in it, kept up to date: the motion model.

One scene per camera, used by one thread. Everything is measured against the picture's own noise,
so that a dark, grainy street and a bright one need no settings. Every picture is compared in
bytes; what changes slowly (the scene itself, its noise) is learned four times a second.

What stops stays foreground for minutes (STILL_US_MAX). What leaves uncovers ground that the scene
does not know: such a ghost has the edges in the old scene and none in the picture, and is taken
over within a second. What appears all at once and then does not move (a clock's digit, a drop on
the lens, a lamp that is switched) is scene too.

HOLE: an exposure step that clips most of the picture; the health of the picture must say so. Cars
that queued when the scene began leave traces in it until the road between them is seen for a while,
and those who were never seen apart from each other stay one shape.

Source:  Cucchiara et al., "Detecting Moving Objects, Ghosts, and Shadows in Video Streams", IEEE
PAMI 25(10), 2003, for shadows and ghosts; Stauffer and Grimson, CVPR 1999, for what it replaces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fairview.analyse.detectors.exposure import WHITE, Exposure
from fairview.analyse.detectors.scene_shadows import Shadows
from fairview.analyse.detectors.scene_shift import Steady
from fairview.analyse.detectors.scene_signs import edges, ghosts
from fairview.analyse.planes import Planes, fitted
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND, Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Field = npt.NDArray[np.float32]
    Bytes = npt.NDArray[np.uint8]
    Three = tuple[Bytes, Bytes, Bytes]

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

STRENGTH_ONE = 32
"""A difference as large as the tolerance."""

_NOISES = 4.5
"""How many times a pixel's mean deviation is motion: some 3.6 standard deviations."""

_EDGE_SHARE = 0.5
"""Trembling by half a pixel is no motion."""

_LEARN_S, _LEARN_NOISE_S, _LEARN_RESTLESS_S = 10.0, 8.0, 12.0
_LEARN_EVERY_US, _TOLERANCE_EVERY_US = US_PER_SECOND // 4, US_PER_SECOND // 2
_NOISE_FIRST = 2.0

_DOUBT_S, _DOUBT_MAX = 0.4, 0.5
_SETTLING_DOUBT, _SETTLING_FRAC = 0.05, 0.2
"""Just after a change of exposure what was clipped or compressed fits badly: the tolerance is
wider, and when much differs nothing is reported at all."""

_GHOST_AFTER_S, _GHOST_EVERY_US = 0.7, 400_000
_TRUSTED_S = 2.5
_SETTLED_US = 60 * US_PER_SECOND
_RIVALS_US = 200_000
"""A young scene may have begun behind a queue: until a value was seen for _TRUSTED_S, another
value seen for longer replaces it. After _SETTLED_US this is no longer looked at."""

_RESTLESS_HZ = 1.6
"""A pixel that changes sides more often than this is a leaf or a flag, not a street."""

_FRESH_US = 80_000
"""From one picture of thirty a second to the next a distant car does not visibly move."""

_ALONE_GAP_US = 450_000
_ALONE_PX_MIN, _ALONE_SHARE, _ENDS_SHARE = 6, 0.6, 0.03
_ALONE_REACH = np.ones((9, 9), np.uint8)
_CLIPPED = WHITE - 3
_AROUND, _WELL_AROUND = np.ones((3, 3), np.uint8), np.ones((7, 7), np.uint8)
_SHADOW_LEARNS = 4
"""The scene learns from shadow only every so many times."""

_FLICKER = 1.4
"""The lesser of two differences that share one sample is so much smaller than either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """What differs from the empty scene in one picture.

    Shapes:  all (rows, columns) uint8. mask 0 or 255: foreground without shadows, specks taken
    out. shadow 0 or 255: ground that is only darker. strength: difference, STRENGTH_ONE is the
    tolerance. fresh 0 or 255: what changed since the last picture.
    """

    mask: Bytes
    shadow: Bytes
    strength: Bytes
    fresh: Bytes
    is_starting: bool
    is_other_scene: bool


class EmptyScene:
    """One camera's scene."""

    def __init__(self, planes: Planes, at: Instant) -> None:
        self.size = fitted(planes.width_px, planes.height_px, WIDTH_PX)
        self._shape = (planes.width_px, planes.height_px)
        self._exposure, self._shadows = Exposure(), Shadows()
        self._at = self._began = self._ghosts_at = self._rivals_at = at
        self._learned_at = self._tolerances_at = at
        self._other_us, self._doubt = 0, 0.0
        self._last = self._mapped = _bytes(planes, self.size)
        self._tolerance = self._colour_tolerance = self._last[0]
        self._begin(self._last, at)

    def fits(self, planes: Planes, at: Instant) -> bool:
        """Whether this picture continues what the scene was made of."""
        away_us = at.since(self._at)
        return (planes.width_px, planes.height_px) == self._shape and 0 <= away_us <= GAP_US_MAX

    def look(self, planes: Planes, at: Instant) -> Moving:
        """What moves in the next picture; the scene learns from it."""
        seen = _bytes(planes, self.size)
        passed_us = max(at.since(self._at), 0)
        self._at = at
        self._doubt *= math.exp(-passed_us / US_PER_SECOND / _DOUBT_S)
        change = self._exposure.follow(seen, self._mapped, self._known)
        if change > 0:
            self._doubt = min(self._doubt + change, _DOUBT_MAX)
            self._map()
        if self._steady is None or at.since(self._tolerances_at) >= _TOLERANCE_EVERY_US:
            self._renew_tolerances()
        seen = self._steadied(seen)
        strength, shadow, raw = self._differences(seen)
        mask = _without_specks(raw)
        share = cv2.countNonZero(mask) / mask.size
        is_settling = self._doubt > _SETTLING_DOUBT and share > _SETTLING_FRAC
        is_other = share > FOREGROUND_FRAC_MAX or is_settling
        if is_other:
            mask[:] = 0
            self._other_us += passed_us
            if self._other_us > (US_PER_SECOND if is_settling else 300_000):
                self._begin(seen, at)
        else:
            self._other_us = 0
            self._note_fresh(seen, mask)
            self._keep_up(seen, mask, at)
        self._last = seen
        return Moving(
            mask=mask,
            shadow=shadow,
            strength=strength,
            fresh=self._alone[-1],
            is_starting=at.since(self._began) < STARTING_US,
            is_other_scene=is_other,
        )

    def _begin(self, seen: Three, at: Instant) -> None:
        shape = seen[0].shape
        self._exposure = Exposure()
        luma, blue, red = (one.astype(np.float32) for one in seen)
        self._known = (luma, blue, red)
        self._last, self._before = seen, seen[0]
        self._mapped = (seen[0].copy(), seen[1].copy(), seen[2].copy())
        self._clipped = _above(seen[0], _CLIPPED - 1)
        self._noise = np.full(shape, _NOISE_FIRST, np.float32)
        self._colour_noise = np.full(shape, _NOISE_FIRST, np.float32)
        self._restless = np.zeros(shape, np.float32)
        self._moved: cv2.typing.MatLike = np.full(shape, _NOISE_FIRST, np.uint8)
        self._learnings = 0
        self._flips = np.zeros(shape, np.int16)
        self._side = np.zeros(shape, np.uint8)
        self._held_s = np.zeros(shape, np.float32)
        self._stayed = np.full(shape, 255, np.uint8)
        self._changed = np.zeros(shape, np.uint8)
        self._alone = [np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)]
        self._trust_s, self._rival_s = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self._rival = luma.copy()
        self._at = self._began = self._ghosts_at = self._rivals_at = at
        self._learned_at = self._tolerances_at = self._fresh_at = at
        self._other_us, self._doubt = 0, 0.0
        self._steady: Steady | None = None
        self._renew_tolerances()

    def _map(self) -> None:
        """The scene as it looks at the present exposure."""
        luma, blue, red = self._known
        show = self._exposure
        self._mapped = (show.brightness(luma), show.colour(blue, 0), show.colour(red, 1))

    def _steadied(self, seen: Three) -> Three:
        return seen if self._steady is None else self._steady.back(seen, self._mapped[0])

    def _differences(self, seen: Three) -> tuple[Bytes, Bytes, Bytes]:
        """Strength, shadow, and the mask before specks are taken out."""
        luma, blue, red = self._mapped
        away = cv2.absdiff(seen[0], luma)
        colour = cv2.add(cv2.absdiff(seen[1], blue), cv2.absdiff(seen[2], red))
        tolerance, colour_tolerance = self._tolerance, self._colour_tolerance
        if self._doubt > 0.01:
            tolerance = _wider(tolerance, 1 + 2 * self._doubt)
            colour_tolerance = _wider(colour_tolerance, 1 + 4 * self._doubt)
        strength = np.asarray(
            cv2.max(
                cv2.divide(away, tolerance, scale=STRENGTH_ONE),
                cv2.divide(colour, colour_tolerance, scale=STRENGTH_ONE),
            ),
            dtype=np.uint8,
        )
        self._unknown(seen, strength)
        self._away, self._colour_away = away, colour
        raw = _above(strength, STRENGTH_ONE)
        cv2.subtract(self._flips, cv2.bitwise_xor(raw, self._side), self._flips, None, cv2.CV_16S)
        self._side = raw
        darker = cv2.bitwise_and(raw, cv2.compare(seen[0], luma, cv2.CMP_LT))
        shadow = self._shadows.find(seen, self._mapped, np.asarray(darker, dtype=np.uint8))
        self._shadow = shadow
        return strength, shadow, np.asarray(cv2.subtract(raw, shadow), dtype=np.uint8)

    def _unknown(self, seen: Three, strength: Bytes) -> None:
        """What was too bright to be known and no longer is becomes known now."""
        if self._exposure.gain > 0.97:
            return
        unknown = cv2.subtract(self._clipped, _above(seen[0], _CLIPPED - 1))
        if cv2.countNonZero(unknown):
            where = np.asarray(unknown) > 0
            self._take(seen, where)
            strength[where] = 0

    def _take(self, seen: Three, where: npt.NDArray[np.bool_]) -> None:
        """These pixels of this picture are the empty scene."""
        show = self._exposure
        gains = (show.gain, show.colour_gain(0), show.colour_gain(1))
        for now, known, mapped, gain in zip(seen, self._known, self._mapped, gains, strict=True):
            known[where] += (now[where].astype(np.float32) - mapped[where]) / np.float32(gain)
            mapped[where] = now[where]
        self._clipped[where] = np.where(seen[0][where] >= _CLIPPED, 255, 0)
        self._held_s[where] = 0.0
        self._noise[where] = np.minimum(self._noise[where], _NOISE_FIRST)

    def _renew_tolerances(self) -> None:
        """Noise and edges change slowly: worked out twice a second."""
        passed_s = max(self._at.since(self._tolerances_at) / US_PER_SECOND, 0.0)
        self._tolerances_at = self._at
        if passed_s > 0:
            share = 1 - math.exp(-passed_s / _LEARN_RESTLESS_S)
            self._restless *= np.float32(1 - share)
            self._restless += self._flips * np.float32(-share / 255 / passed_s)
            self._flips[:] = 0
            self._shadows.settle(passed_s)
        rest = 1 + np.clip(self._restless - _RESTLESS_HZ, 0, 3)
        noise = np.asarray(cv2.blur(self._noise, (3, 3)))
        steep = np.asarray(cv2.dilate(edges(self._mapped[0]), _AROUND))
        made = (np.maximum(LUMA_TOLERANCE, _NOISES * noise) + _EDGE_SHARE * steep) * rest
        self._tolerance = np.asarray(cv2.convertScaleAbs(made), dtype=np.uint8)
        made = np.maximum(COLOUR_TOLERANCE, _NOISES * self._colour_noise) * rest
        self._colour_tolerance = np.asarray(cv2.convertScaleAbs(made), dtype=np.uint8)
        self._steady = Steady(self._mapped[0])

    def _note_fresh(self, seen: Three, mask: Bytes) -> None:
        """What has changed lately, over stretches of time in which things move visibly."""
        passed_us = self._at.since(self._fresh_at)
        if passed_us < _FRESH_US:
            return
        self._fresh_at = self._at
        self._moved = moved = cv2.absdiff(seen[0], self._before)
        fresh = np.asarray(cv2.compare(moved, self._tolerance, cv2.CMP_GT), dtype=np.uint8)
        self._before = seen[0]
        cv2.bitwise_or(self._changed, fresh, dst=self._changed)
        self._drop_alone(seen, mask, fresh, passed_us)

    def _drop_alone(self, seen: Three, mask: Bytes, fresh: Bytes, passed_us: int) -> None:
        """What changed once, with nothing around changing just before and after, did not come
        from anywhere: it belongs to the scene."""
        before, last = self._alone
        self._alone = [last, fresh]
        if passed_us > _ALONE_GAP_US or not cv2.countNonZero(last):
            return
        around = cv2.dilate(cv2.bitwise_or(before, fresh), _ALONE_REACH)
        alone = np.asarray(cv2.subtract(cv2.bitwise_and(last, mask), around), dtype=np.uint8)
        if cv2.countNonZero(alone) < _ALONE_PX_MIN:
            return
        count, found = cv2.connectedComponents(mask, connectivity=8)
        labels = np.asarray(found)
        hit = np.bincount(labels[alone.view(bool)], minlength=count)
        area = np.bincount(labels[mask.view(bool)], minlength=count)
        # A thing of one colour that moves changes at its ends only: then nothing of it is alone.
        near = np.asarray(cv2.bitwise_and(cv2.bitwise_or(before, fresh), mask), dtype=np.uint8)
        ended = np.bincount(labels[near.view(bool)], minlength=count)
        drop = (hit >= _ALONE_PX_MIN) & (hit >= _ALONE_SHARE * area)
        drop &= ended <= _ENDS_SHARE * area
        drop[0] = False
        if drop.any():
            where = drop[labels]
            self._take(seen, where)
            mask[where] = 0

    def _keep_up(self, seen: Three, mask: Bytes, at: Instant) -> None:
        """Learns some times a second; notes in between what stayed and what changed."""
        cv2.bitwise_and(self._stayed, mask, dst=self._stayed)
        passed_us = at.since(self._learned_at)
        if passed_us >= _LEARN_EVERY_US:
            self._learned_at = at
            self._note_still(mask, passed_us / US_PER_SECOND)
            self._learn(seen, mask, passed_us / US_PER_SECOND)
            self._map()
        if at.since(self._began) < _SETTLED_US and at.since(self._rivals_at) >= _RIVALS_US:
            self._weigh_rivals(seen, mask, at.since(self._rivals_at) / US_PER_SECOND)
            self._rivals_at = at
        if at.since(self._ghosts_at) >= _GHOST_EVERY_US:
            self._ghosts_at = at
            still = (self._held_s > _GHOST_AFTER_S).astype(np.uint8)
            where = ghosts(still, mask, seen, self._mapped)
            if where is not None:
                self._take(seen, where)
                mask[where] = 0

    def _note_still(self, mask: Bytes, passed_s: float) -> None:
        # Somebody passing in front of a parked car delays its becoming scene, no more.
        there = np.flatnonzero(self._stayed.view(bool))
        step = np.where(self._changed.ravel()[there] > 0, -10 * passed_s, passed_s)
        held = np.maximum(self._held_s.ravel()[there] + step, 0.0)
        self._held_s[:] = 0.0
        self._held_s.ravel()[there] = held
        self._stayed[:] = 255
        self._changed[:] = 0

    def _weigh_rivals(self, seen: Three, mask: Bytes, passed_s: float) -> None:
        """A second value per pixel, with how long it was seen; between cars the road returns."""
        self._trust_s += np.float32(passed_s)
        there = np.flatnonzero(mask.view(bool))
        if not len(there):
            return
        luma = seen[0].ravel()[there].astype(np.float32)
        trust_s = self._trust_s.ravel()[there] - np.float32(passed_s)
        rival, rival_s = self._rival.ravel()[there], self._rival_s.ravel()[there]
        near = np.abs(luma - rival) < np.minimum(self._tolerance.ravel()[there], 12)
        rival_s += np.where(near, np.float32(passed_s), np.float32(-passed_s))
        fresh = rival_s < 0
        rival[fresh] = luma[fresh]
        rival_s[fresh] = 0
        wins = near & (rival_s > trust_s + 0.5) & (trust_s < _TRUSTED_S)
        trust_s[wins] = rival_s[wins]
        rival_s[wins] = 0
        self._trust_s.ravel()[there] = trust_s
        self._rival.ravel()[there], self._rival_s.ravel()[there] = rival, rival_s
        if wins.any():
            where = np.zeros(mask.shape, dtype=bool)
            where.ravel()[there[wins]] = True
            self._take(seen, where)
            mask[where] = 0

    def _learn(self, seen: Three, mask: Bytes, passed_s: float) -> None:
        taken = cv2.dilate(mask, _WELL_AROUND)
        self._learnings += 1
        if self._learnings % _SHADOW_LEARNS:
            # Who passes throws shadows, and has parts that look like them; a cloud stays.
            taken = cv2.bitwise_or(taken, self._shadow)
        free = cv2.bitwise_not(taken)
        since_s = self._at.since(self._began) / US_PER_SECOND
        # A young scene learns as a plain mean does.
        share = 1 - math.exp(-passed_s / min(_LEARN_S, max(since_s, 0.3)))
        if self._doubt > _SETTLING_DOUBT:
            share = max(share, 0.3)
        show = self._exposure
        gains = (show.gain, show.colour_gain(0), show.colour_gain(1))
        for now, known, mapped, gain in zip(seen, self._known, self._mapped, gains, strict=True):
            away = cv2.subtract(now, mapped, mask=free, dtype=cv2.CV_32F)
            cv2.scaleAdd(away, share / gain, known, dst=known)
        share = 1 - math.exp(-passed_s / min(_LEARN_NOISE_S, max(since_s, 1.0)))
        # What is off but does not flicker is no noise: a car's roof that is missed, say.
        flicker = cv2.min(self._away, cv2.convertScaleAbs(self._moved, alpha=_FLICKER))
        cv2.accumulateWeighted(flicker, self._noise, share, free)
        cv2.accumulateWeighted(self._colour_away, self._colour_noise, share, free)
        if float(self._held_s.max()) > STILL_US_MAX / US_PER_SECOND:
            self._take(seen, self._held_s > STILL_US_MAX / US_PER_SECOND)


def _bytes(planes: Planes, size: tuple[int, int]) -> Three:
    luma, blue, red = (_plane(one, size) for one in (planes.luma, planes.blue, planes.red))
    return luma, blue, red


def _plane(plane: Bytes, size: tuple[int, int]) -> Bytes:
    if (plane.shape[1], plane.shape[0]) == size:
        return plane.copy()
    how = cv2.INTER_AREA if plane.shape[1] > size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=how), dtype=np.uint8)


def _without_specks(raw: Bytes) -> Bytes:
    """Only pixels with company: at least four of nine."""
    return _above(np.asarray(cv2.blur(raw, (3, 3)), dtype=np.uint8), 100)


def _above(plane: Bytes, level: int) -> Bytes:
    """255 where the plane is above the level."""
    return np.asarray(cv2.threshold(plane, level, 255, cv2.THRESH_BINARY)[1], dtype=np.uint8)


def _wider(tolerance: Bytes, factor: float) -> Bytes:
    return np.asarray(cv2.convertScaleAbs(tolerance, alpha=factor, beta=1), dtype=np.uint8)
