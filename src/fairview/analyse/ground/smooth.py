"""Local straight lines through points in time: the steady part of a noisy way. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """Lines through the neighbours of each of n points.

    Shapes:  values, slopes (n, k) of the line at the point; middles_s (n,): the weighted middle of
             its window, for which the slope is meant.
    """

    values: Floats
    slopes: Floats
    middles_s: Floats


def local_lines(seconds: Floats, values: Floats, weights: Floats, half_s: Floats) -> Lines:
    """At every point, the weighted line through the points within half_s of it.

    Near an end the window leans inwards: it keeps its length. Running sums, so the cost does not
    grow with the window.

    Shapes:  seconds (not falling), weights, half_s (n,), values (n, k).
    """
    begin = np.clip(seconds - half_s, seconds[0], None)
    end = np.clip(seconds + half_s, None, seconds[-1])
    begin = np.maximum(np.minimum(begin, end - 2 * half_s), seconds[0])
    end = np.minimum(np.maximum(end, begin + 2 * half_s), seconds[-1])
    first = np.searchsorted(seconds, begin - 1e-9, "left")
    last = np.searchsorted(seconds, end + 1e-9, "right")
    middle = seconds.mean()
    t = seconds - middle

    def summed(one: Floats) -> Floats:
        total = np.concatenate([np.zeros((1, *one.shape[1:])), np.cumsum(one, axis=0)])
        gap: Floats = total[last] - total[first]
        return gap

    w0 = np.maximum(summed(weights), 1e-12)
    mean_t = summed(weights * t) / w0
    spread = summed(weights * t * t) - w0 * mean_t**2
    mean_v = summed(weights[:, None] * values) / w0[:, None]
    both = summed((weights * t)[:, None] * values) - (w0 * mean_t)[:, None] * mean_v
    slopes = np.where(spread[:, None] > 1e-12, both / np.maximum(spread, 1e-12)[:, None], 0.0)
    return Lines(
        values=mean_v + slopes * (t - mean_t)[:, None], slopes=slopes, middles_s=mean_t + middle
    )


def weighted_median(values: Floats, weights: Floats) -> float:
    """The value that has half of the weight on each side."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(total, total[-1] / 2))])
