"""Where boxes will be: constant-velocity Kalman filters for all tracks in one array operation.

Middle x, middle y, width and height are independent of each other, so that each is a filter of
two states whose gain has a closed form: no matrix is ever inverted.

Shapes:  x (n, 8): the four values, then their speeds (a second). p (n, 12): the four variances of
         the values, the four covariances of value and speed, the four variances of the speeds.
Units:   picture fractions and seconds.
Source:  Kalman (1960); the model of ByteTrack (Zhang et al., ECCV 2022) with real time steps;
         `rerun` after OC-SORT (Cao et al., CVPR 2023), section 3.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.track.settings import TrackSettings
from fairview.core.time import US_PER_SECOND

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

RERUN_STEPS = 3
"""Steps on the straight line over a gap; more change the speed by less than its deviation."""

_SIZE_MIN = 1e-4


class Motion:
    """The filter with its noise. Stateless; used by one tracker or many."""

    def __init__(self, settings: TrackSettings) -> None:
        place, size = settings.place_noise**2, settings.size_noise**2
        self._noise = np.array([place, place, size, size])
        speed, growth = settings.start_speed**2, settings.start_growth**2
        self._start = np.array([speed, speed, growth, growth])
        place, size = settings.place_drift, settings.size_drift
        self._drift = np.array([place, place, size, size])
        self._growth_s = settings.growth_us / US_PER_SECOND

    def begun(self, boxes: Floats) -> tuple[Floats, Floats]:
        """x and p of new tracks with these boxes (n, 4)."""
        n = len(boxes)
        x = np.zeros((n, 8))
        x[:, :4] = centred(boxes)
        scale = _scale(x)
        p = np.zeros((n, 12))
        p[:, :4] = self._noise * scale
        p[:, 8:] = self._start * scale
        return x, p

    def predicted(self, x: Floats, p: Floats, dt_s: Floats) -> tuple[Floats, Floats]:
        """x and p after dt_s (n, 1) seconds, each track its own."""
        q = self._drift * _scale(x)
        later, spread = x.copy(), p.copy()
        later[:, :4] += x[:, 4:] * dt_s
        np.maximum(later[:, 2:4], _SIZE_MIN, out=later[:, 2:4])
        later[:, 6:] *= np.exp(dt_s / -self._growth_s)
        q_dt = q * dt_s
        half = p[:, 8:] * dt_s
        spread[:, 4:8] += half
        spread[:, :4] += (p[:, 4:8] + spread[:, 4:8] + q_dt * (dt_s / 3)) * dt_s
        spread[:, 4:8] += q_dt * (dt_s / 2)
        spread[:, 8:] += q_dt
        return later, spread

    def corrected(
        self, x: Floats, p: Floats, seen: Floats, roughness: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """x and p after seeing `seen` (n, 4: middle and size), and how far from the prediction
        that was (n,): squared, over what was expected, 1 on average.

        roughness (n, 1): by what this track's boxes shake more than assumed, as a variance.
        """
        total = p[:, :4] + self._noise * _scale(x) * roughness
        gain, speed_gain = p[:, :4] / total, p[:, 4:8] / total
        away = seen - x[:, :4]
        x = x.copy()
        x[:, :4] += gain * away
        x[:, 4:] += speed_gain * away
        np.maximum(x[:, 2:4], _SIZE_MIN, out=x[:, 2:4])
        rest = 1.0 - gain
        after = np.empty_like(p)
        after[:, :4] = p[:, :4] * rest
        after[:, 4:8] = p[:, 4:8] * rest
        after[:, 8:] = p[:, 8:] - speed_gain * p[:, 4:8]
        surprise = away[:, :2] ** 2 / total[:, :2]
        return x, after, 0.5 * (surprise[:, 0] + surprise[:, 1])

    def rerun(
        self, x: Floats, p: Floats, last: Floats, seen: Floats, gap_s: Floats
    ) -> tuple[Floats, Floats]:
        """From the state when last seen, along a straight line over the gap, to what is seen now.

        While nobody looks, a filter's error in speed grows into the place and stays; walking the
        line instead forgets it. last, seen (n, 4) middle and size; gap_s (n, 1).
        """
        as_assumed = np.ones((len(x), 1))
        for step in range(1, RERUN_STEPS + 1):
            x, p = self.predicted(x, p, gap_s / RERUN_STEPS)
            on_line = last + (seen - last) * (step / RERUN_STEPS)
            x, p, _ = self.corrected(x, p, on_line, as_assumed)
        return x, p


def centred(boxes: Floats) -> Floats:
    """(n, 4) x1 y1 x2 y2 to middle x, middle y, width, height."""
    out = np.empty_like(boxes)
    np.subtract(boxes[:, 2:], boxes[:, :2], out=out[:, 2:])
    np.maximum(out[:, 2:], _SIZE_MIN, out=out[:, 2:])
    out[:, :2] = (boxes[:, :2] + boxes[:, 2:]) * 0.5
    return out


def cornered(x: Floats) -> Floats:
    """(n, 4 or more) middle and size to x1 y1 x2 y2."""
    half = x[:, 2:4] * 0.5
    out = np.empty((len(x), 4))
    np.subtract(x[:, :2], half, out=out[:, :2])
    np.add(x[:, :2], half, out=out[:, 2:])
    return out


def sizes(x: Floats) -> Floats:
    """(n, 2): a box's size along x and y, one at least half the other.

    A walker is narrow, yet steps sideways by more than a twentieth of that width.
    """
    wide = x[:, 2:4]
    return np.maximum(wide, 0.5 * wide[:, ::-1])


def _scale(x: Floats) -> Floats:
    one = sizes(x)
    one *= one
    return np.concatenate((one, one), axis=1)
