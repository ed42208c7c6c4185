"""One road user's way over the ground and its speed: bias and spread apart. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.ground.contact import footprints, lower_middle
from fairview.analyse.ground.smooth import local_lines, weighted_median
from fairview.core.time import US_PER_SECOND
from fairview.core.traffic import Speed

if TYPE_CHECKING:
    import numpy.typing as npt

    from fairview.analyse.ground.ground import Ground

    Floats = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

POINTS_MIN = 5
SECONDS_MIN = 0.25
WINDOW_S = 1.0
"""Displacements are taken over this, or longer where the noise needs it."""
WINDOW_NOISES = 12.0
"""A displacement should be this many times the noise of its two ends."""
HEADING_M = 3.0
"""A heading is taken from at least so much way."""
HEADING_ROUNDS = 2
"""The lower edge's middle drifts sideways, so its heading is a first guess only."""
CURVE_DEGREE_MAX, CURVE_SD, WINDING_MAX = 5, 4.0, 9.0
"""A way's curve gets another term when it is clear by so many standard deviations; a way it can't
follow within so many times the noise's power is taken piece by piece."""
TREND_SD, STEADY_MAX = 6.0, 4.0
"""A steady change of pace counts when it is clear by so many standard deviations (boxes' errors
last several pictures) and leaves at most so many times the noise's power."""
GAIN_SD = 0.7
"""How vehicles usually gain or lose pace, m/s each second: a steady change counts less where a
ground that is unsure at one end of the way would show as much."""
PX_SD_MIN = 0.7
"""No detector's lower edge is steadier than this in a picture 1280 wide, whatever the track says:
its slow part does not show as noise."""
ODD_SD = 4.0
CONTACT_SHARE = 0.35
"""Of the speed's change by the body's shape, so much stays unsure (one sigma)."""
EVEN_SD_FRAC = 0.02
"""Windows surer than this count alike, so that the median is over the way and not over its part
nearest to the camera."""

BIAS_SD_UNKNOWN = 0.15
"""The scale's error just outside what is known: a footprint's middle may lie there."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """Where one road user's footprint was, and how far along.

    Shapes:  at_us, along_m, sigma_m, known (n,); metres, px (n, 2), raw_along_m (n,).
    Units:   along_m is the way covered, noise left in and sideways noise left out; nan where not
             known.
    """

    ground: Ground
    at_us: npt.NDArray[np.int64]
    metres: Floats
    px: Floats
    along_m: Floats
    raw_along_m: Floats
    sigma_m: Floats
    known: Flags

    def speed(self, is_wanted: Flags | None = None) -> Speed | None:
        """The median speed over the known way, or over the part of it that is wanted.

        None when there are too few known points to say.

        Shapes:  is_wanted (n,) bool.
        Bounds:  the interval is 95 %: this one's spread and the ground's bias together.
        """
        known = self.known if is_wanted is None else self.known & is_wanted
        return _speed(self, np.flatnonzero(known))

    def kmh_at(self) -> Floats:
        """(n,): the speed at every point, from at least 1 s around it; nan where not known."""
        kmh = np.full(len(self.at_us), np.nan)
        picks = np.flatnonzero(self.known)
        if len(picks) < POINTS_MIN:
            return kmh
        seconds = _seconds(self.at_us[picks])
        weights = 1 / self.sigma_m[picks] ** 2
        half = np.full(len(picks), WINDOW_S / 2)
        lines = local_lines(seconds, self.along_m[picks, None], weights, half)
        kmh[picks] = np.maximum(lines.slopes[:, 0], 0) * 3.6
        return kmh


def way(
    ground: Ground,
    at_us: npt.NDArray[np.int64],
    boxes_px: Floats,
    is_whole: Flags,
    kind: int,
) -> Way | None:
    """One road user's way from its boxes.

    is_whole: False for boxes that the picture's edge or something nearer cuts, or that nobody saw:
    they are left out.

    Shapes:  at_us (n,), boxes_px (n, 4) in pixels of the scene's picture, is_whole (n,).
    Errors:  None when fewer than five points are known.
    Cost:    about 20 ms, hardly more for more points; nine tenths of it are the footprints.
    """
    raw = ground.metres(lower_middle(boxes_px))
    known = np.isfinite(raw[:, 0]) & is_whole
    if np.count_nonzero(known) < POINTS_MIN:
        return None
    picks = np.flatnonzero(known)
    seconds = _seconds(at_us[picks])
    boxes, raw = boxes_px[picks], raw[picks]
    raw_noise = _noise(ground, lower_middle(boxes), raw, seconds)
    places = raw
    for _ in range(HEADING_ROUNDS):
        places = footprints(boxes, kind, ground, _headings(seconds, places, raw_noise))
    px = ground.pixels(places)
    noise = _noise(ground, lower_middle(boxes), places, seconds)
    along, odd = _along(seconds, places, noise)
    raw_along, _ = _along(seconds, raw, raw_noise)
    n = len(at_us)
    known = np.zeros(n, dtype=bool)
    known[picks[~odd]] = True
    return Way(
        ground=ground,
        at_us=at_us,
        metres=_filled(n, picks, places),
        px=_filled(n, picks, px),
        along_m=_filled(n, picks, along),
        raw_along_m=_filled(n, picks, raw_along),
        sigma_m=_filled(n, picks, noise),
        known=known,
    )


def _filled(n: int, picks: npt.NDArray[np.int64], values: Floats) -> Floats:
    whole = np.full((n, *values.shape[1:]), np.nan)
    whole[picks] = values
    return whole


def _seconds(at_us: npt.NDArray[np.int64]) -> Floats:
    seconds: Floats = (at_us - at_us[0]) / US_PER_SECOND
    return seconds


def _noise(ground: Ground, px: Floats, places: Floats, seconds: Floats) -> Floats:
    """(n,): each place's noise along the way, one sigma, from the track's own unrest in pixels."""
    half = np.full(len(px), min(0.3, seconds[-1] / 4))
    rest = px - local_lines(seconds, px, np.ones(len(px)), half).values
    floor = PX_SD_MIN * max(1.0, ground.width_px / 1280)
    sd = max(float(1.4826 * np.median(np.abs(rest[:, 1]))), floor)
    ends = places[-1] - places[0]
    per_px = ground.metres_per_px(px)
    way = ends / max(float(np.hypot(*ends)), 1e-6)
    noise: Floats = sd * np.linalg.norm(np.einsum("i,nij->nj", way, per_px), axis=1)
    return np.maximum(np.nan_to_num(noise, nan=1e3), 1e-4)


def _window_s(seconds: Floats, places: Floats, noise: Floats) -> Floats:
    """(n,): how long a window must be for its displacement to stand out of the noise."""
    whole = max(seconds[-1], 1e-3)
    pace = float(np.hypot(*(places[-1] - places[0]))) / whole
    wanted = WINDOW_NOISES * noise / max(pace, 0.3)
    window: Floats = np.clip(wanted, min(WINDOW_S, whole), whole)
    return window


def _headings(seconds: Floats, places: Floats, noise: Floats) -> Floats:
    """(n,) radians along the simplest smooth curve through the way; nan for less than HEADING_M.

    Vehicles turn slowly, so a curve over the whole way is much quieter than a chord of a few
    metres, whose noise would be multiplied by the body's length.
    """
    lines = local_lines(seconds, places, 1 / noise**2, _window_s(seconds, places, noise) / 2)
    if float(np.hypot(*np.ptp(lines.values, axis=0))) < HEADING_M:
        return np.full(len(places), np.nan)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(lines.values, axis=0).T))])
    best, least = None, np.inf
    for degree in range(1, min(CURVE_DEGREE_MAX, len(places) // 4) + 1):
        curve = [
            np.polynomial.Polynomial.fit(along, places[:, axis], degree, w=1 / noise)
            for axis in (0, 1)
        ]
        rest = [(places[:, axis] - curve[axis](along)) / noise for axis in (0, 1)]
        misfit = float(np.sum(np.square(rest)))
        if best is None or misfit < least - CURVE_SD**2 * max(misfit / (2 * len(places)), 0.2):
            best, least = curve, misfit
    if best is None or least / (2 * len(places)) > WINDING_MAX:
        return np.arctan2(lines.slopes[:, 1], lines.slopes[:, 0])
    return np.arctan2(best[1].deriv()(along), best[0].deriv()(along))


def _along(seconds: Floats, places: Floats, noise: Floats) -> tuple[Floats, Flags]:
    """The way covered at each point, and which points are odd.

    The smooth way gives the direction; each point's own place is projected on it, so noise across
    does not lengthen the way, and noise along stays in for the median to deal with.
    """
    weights = 1 / noise**2
    half = _window_s(seconds, places, noise) / 2
    odd = np.zeros(len(places), dtype=bool)
    for _ in range(2):
        lines = local_lines(seconds, places, np.where(odd, 1e-9, weights), half)
        off = np.hypot(*(places - lines.values).T) / noise
        odd = off > ODD_SD * max(1.0, 1.4826 * float(np.median(off)))
    turns = _headings(seconds, places, noise)
    turns = np.where(np.isfinite(turns), turns, np.arctan2(lines.slopes[:, 1], lines.slopes[:, 0]))
    ways = np.column_stack([np.cos(turns), np.sin(turns)])
    middle = ways[1:] + ways[:-1]
    middle = middle / np.maximum(np.hypot(*middle.T), 1e-9)[:, None]
    steps = np.sum(np.diff(lines.values, axis=0) * middle, axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    return along + np.sum((places - lines.values) * ways, axis=1), odd


def _speed(way: Way, picks: npt.NDArray[np.int64]) -> Speed | None:
    if len(picks) < POINTS_MIN:
        return None
    seconds = _seconds(way.at_us[picks])
    if seconds[-1] < SECONDS_MIN:
        return None
    noise = way.sigma_m[picks]
    bias = np.nan_to_num(way.ground.relative_bias(way.px[picks]) / 1.96, nan=BIAS_SD_UNKNOWN)
    found = _median_pace(seconds, way.along_m[picks], noise, bias)
    raw = _median_pace(seconds, way.raw_along_m[picks], noise, bias)
    if found is None or raw is None:
        return None
    pace = max(found, 0.0)
    spread = _spread(seconds, way.along_m[picks], noise)
    shape = CONTACT_SHARE * abs(found - raw)
    ends = np.unique(np.linspace(0, len(picks) - 1, 12).astype(int))
    weights = 1 / (bias[ends[:-1]] ** 2 + EVEN_SD_FRAC**2)
    scale = way.ground.path_bias(way.px[picks[ends]], weights) * pace if pace > 0.3 else 0.0
    half = float(np.hypot(1.96 * np.hypot(spread, shape), scale))
    if not np.isfinite(half):
        return None
    return Speed(kmh=pace * 3.6, low_kmh=max(pace - half, 0.0) * 3.6, high_kmh=(pace + half) * 3.6)


def _median_pace(seconds: Floats, along: Floats, noise: Floats, bias: Floats) -> float | None:
    """The weighted median of displacements per second over windows.

    Where the pace changes steadily, the change is taken out first and its median over time put
    back, so that weights, which are larger near the camera, don't prefer one end of the way.
    """
    whole = seconds[-1]
    trend = _trend(seconds, along, noise)
    pace = abs(along[-1] - along[0]) / whole
    apparent = pace * float(np.ptp(bias)) / whole
    trend *= GAIN_SD**2 / (GAIN_SD**2 + apparent**2)
    wanted = WINDOW_NOISES * float(np.median(noise)) / max(pace, 0.3)
    window = float(np.clip(wanted, min(WINDOW_S, whole / 2), whole / 2))
    ends = np.searchsorted(seconds, seconds + window - 1e-9)
    begins = np.flatnonzero(ends < len(seconds))
    if not len(begins):
        return None
    ends = ends[begins]
    gaps = seconds[ends] - seconds[begins]
    middles = (seconds[ends] + seconds[begins]) / 2
    paces = (along[ends] - along[begins]) / gaps - trend * (middles - whole / 2)
    square = (noise[begins] ** 2 + noise[ends] ** 2) / gaps**2
    square = square + (bias[begins] ** 2 + EVEN_SD_FRAC**2) * pace**2
    return weighted_median(paces, 1 / square)


def _trend(seconds: Floats, along: Floats, noise: Floats) -> float:
    """How the pace changes, metres a second each second; 0 when it is not steady or not clear."""
    if len(seconds) < 8:
        return 0.0
    steady = np.polynomial.Polynomial.fit(seconds, along, 2, w=1 / noise)
    rest = (along - steady(seconds)) / noise
    straight = np.polynomial.Polynomial.fit(seconds, along, 1, w=1 / noise)
    before = (along - straight(seconds)) / noise
    power = float(np.mean(rest**2))
    if power > STEADY_MAX or float(np.sum(before**2 - rest**2)) < TREND_SD**2 * max(power, 1.0):
        return 0.0
    return float(steady.deriv(2)(0.0))


def _spread(seconds: Floats, along: Floats, noise: Floats) -> float:
    """The pace's standard deviation by noise, metres a second.

    From what a smooth run over the same points leaves, with as many points as are independent.
    """
    t = seconds - seconds.mean()
    weights = 1 / noise
    degree = 2 if len(t) >= 8 else 1
    rest = (along - np.polyval(np.polyfit(t, along, degree, w=weights), t)) / noise
    n = len(rest)
    power = float(np.mean(rest**2)) + 1e-12
    total = 1.0
    for lag in range(1, max(n // 3, 2)):
        share = float(np.mean(rest[lag:] * rest[:-lag])) / power
        if share <= 0.05:
            break
        total += 2 * share
    inverse = float(np.sum(weights**2))
    middle = float(np.sum(weights**2 * t)) / inverse
    spread = float(np.sum(weights**2 * (t - middle) ** 2))
    return float(np.sqrt(max(power, 0.25) * n / max(n - degree - 1, 1) * total / spread))
