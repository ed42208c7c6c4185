"""One road user's way over the ground and its speed: bias and spread apart. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.ground.contact import footprints, lower_middle
from fairview.analyse.ground.smooth import local_lines, weighted_median
from fairview.core.time import US_PER_SECOND, Span
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
PX_SD_MIN = 0.7
"""No detector's lower edge is steadier than this in a picture 1280 wide, whatever the track says:
its slow part does not show as noise."""
ODD_SD = 4.0
CONTACT_SHARE = 0.35
"""Of the speed's change by the body's shape, so much stays unsure (one sigma)."""
PLACE_HALF_S = 0.75
"""A speed at one moment is taken from at least so much on each side of it."""


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

    def speed(self, span: Span | None = None) -> Speed | None:
        """The median speed over the known way, or over the part of it in a span.

        A span is widened to 1.5 s. None when there are too few known points to say.

        Bounds:  the interval is 95 %: this one's spread and the ground's bias together.
        """
        return _speed(self, self._picks(span))

    def kmh_at(self) -> Floats:
        """(n,): the speed at every point, from at least 1 s around it; nan where not known."""
        kmh = np.full(len(self.at_us), np.nan)
        picks = np.flatnonzero(self.known)
        if len(picks) < POINTS_MIN:
            return kmh
        seconds = _seconds(self.at_us[picks])
        weights = 1 / self.sigma_m[picks] ** 2
        half = np.full(len(picks), WINDOW_S / 2)
        _, slopes = local_lines(seconds, self.along_m[picks, None], weights, half)
        kmh[picks] = np.maximum(slopes[:, 0], 0) * 3.6
        return kmh

    def _picks(self, span: Span | None) -> npt.NDArray[np.int64]:
        keeps = self.known.copy()
        if span is not None:
            middle = (span.start.us + span.end.us) // 2
            half = max(span.duration_us // 2, int(PLACE_HALF_S * US_PER_SECOND))
            keeps &= np.abs(self.at_us - middle) <= half
        return np.flatnonzero(keeps)


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
    Cost:    about 5 ms for 100 points.
    """
    raw = ground.metres(lower_middle(boxes_px))
    known = np.isfinite(raw[:, 0]) & is_whole
    if np.count_nonzero(known) < POINTS_MIN:
        return None
    picks = np.flatnonzero(known)
    seconds = _seconds(at_us[picks])
    boxes, raw = boxes_px[picks], raw[picks]
    raw_noise = _noise(ground, lower_middle(boxes), raw, seconds)
    headings = _headings(seconds, raw, raw_noise)
    places = footprints(boxes, kind, ground, headings)
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
    smooth, slopes = local_lines(
        seconds, px, np.ones(len(px)), np.full(len(px), min(0.3, seconds[-1] / 4))
    )
    rest = px - smooth
    floor = PX_SD_MIN * max(1.0, ground.width_px / 1280)
    sd = max(float(1.4826 * np.median(np.abs(rest[:, 1]))), floor)
    del slopes
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
    """(n,) radians, from the way over at least HEADING_M; nan while it hardly moves."""
    span = float(np.hypot(*np.ptp(places, axis=0)))
    if span < HEADING_M:
        return np.full(len(places), np.nan)
    half = np.maximum(_window_s(seconds, places, noise) / 2, 0.25)
    _, slopes = local_lines(seconds, places, 1 / noise**2, half)
    moving = np.hypot(slopes[:, 0], slopes[:, 1]) * 2 * half > HEADING_M / 2
    return np.where(moving, np.arctan2(slopes[:, 1], slopes[:, 0]), np.nan)


def _along(seconds: Floats, places: Floats, noise: Floats) -> tuple[Floats, Flags]:
    """The way covered at each point, and which points are odd.

    The smooth way gives the direction; each point's own place is projected on it, so noise across
    does not lengthen the way, and noise along stays in for the median to deal with.
    """
    weights = 1 / noise**2
    half = _window_s(seconds, places, noise) / 2
    odd = np.zeros(len(places), dtype=bool)
    for _ in range(2):
        smooth, slopes = local_lines(seconds, places, np.where(odd, 1e-9, weights), half)
        off = np.hypot(*(places - smooth).T) / noise
        odd = off > ODD_SD * max(1.0, 1.4826 * float(np.median(off)))
    pace = np.hypot(slopes[:, 0], slopes[:, 1])
    ways = slopes / np.maximum(pace, 1e-9)[:, None]
    middle = (ways[1:] + ways[:-1]) / 2
    middle = middle / np.maximum(np.hypot(*middle.T), 1e-9)[:, None]
    steps = np.sum(np.diff(smooth, axis=0) * middle, axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    return along + np.sum((places - smooth) * ways, axis=1), odd


def _speed(way: Way, picks: npt.NDArray[np.int64]) -> Speed | None:
    if len(picks) < POINTS_MIN:
        return None
    seconds = _seconds(way.at_us[picks])
    if seconds[-1] < SECONDS_MIN:
        return None
    noise = way.sigma_m[picks]
    bias = way.ground.relative_bias(way.px[picks]) / 1.96
    found = _median_pace(seconds, way.along_m[picks], noise, bias)
    raw = _median_pace(seconds, way.raw_along_m[picks], noise, bias)
    if found is None or raw is None:
        return None
    pace = max(found, 0.0)
    spread = _spread(seconds, way.along_m[picks], noise)
    shape = CONTACT_SHARE * abs(found - raw)
    ends = picks[np.unique(np.linspace(0, len(picks) - 1, 12).astype(int))]
    scale = way.ground.path_bias(way.px[ends]) * pace if pace > 0.3 else 0.0
    half = float(np.hypot(1.96 * np.hypot(spread, shape), scale))
    return Speed(kmh=pace * 3.6, low_kmh=max(pace - half, 0.0) * 3.6, high_kmh=(pace + half) * 3.6)


def _median_pace(seconds: Floats, along: Floats, noise: Floats, bias: Floats) -> float | None:
    """The weighted median of displacements per second over windows."""
    whole = seconds[-1]
    pace = abs(along[-1] - along[0]) / whole
    wanted = WINDOW_NOISES * float(np.median(noise)) / max(pace, 0.3)
    window = float(np.clip(wanted, min(WINDOW_S, whole / 2), whole / 2))
    ends = np.searchsorted(seconds, seconds + window - 1e-9)
    begins = np.flatnonzero(ends < len(seconds))
    if not len(begins):
        return None
    ends = ends[begins]
    gaps = seconds[ends] - seconds[begins]
    paces = (along[ends] - along[begins]) / gaps
    square = (noise[begins] ** 2 + noise[ends] ** 2) / gaps**2
    square = square + (np.nan_to_num(bias[begins], nan=0.15) * pace) ** 2
    return weighted_median(paces, 1 / square)


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
