"""One bin counted in two runs: what a restart, or a change of scene, left of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from fairview.core.time import Instant
from fairview.core.traffic import Count, Crossing, Direction, Speed, SpeedBin

MEDIAN_Z = 1.96
_P85_MIN = 5

Key = tuple[str, Direction | None, int, Instant]


def joined_counts(earlier: Iterable[Count], later: Iterable[Count]) -> tuple[Count, ...]:
    """Counts of one bin from two runs that watched different parts of it, as one.

    Road users are added, and so is what was looked at. The bounds are added too: each run's upper
    bound stands for all it did not see, also what the other saw, so the sum is on the wide side.
    Rows that only one run has stay as they are.
    """
    found = {_key(one): one for one in earlier}
    for one in later:
        known = found.get(_key(one))
        found[_key(one)] = one if known is None else _added(known, one)
    return tuple(found.values())


def speed_bins(crossings: Iterable[Crossing], bins: Sequence[Count]) -> tuple[SpeedBin, ...]:
    """The measured speeds of crossings as one row per bin, line and class.

    The median's 95 % interval comes from the order statistics around it (binomial, normal
    approximation), of each speed's own lower and upper bound: so the ground's bias is in it.
    Source:  Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2.
    """
    spans = {count.span.start: count.span for count in bins}
    groups: dict[tuple[Instant, str, int], list[Speed]] = {}
    for crossing in crossings:
        start = next((one for one, span in spans.items() if span.holds(crossing.at)), None)
        if start is not None and crossing.speed is not None:
            groups.setdefault((start, crossing.line, crossing.kind), []).append(crossing.speed)
    return tuple(
        SpeedBin(
            span=spans[start],
            place=line,
            kind=kind,
            n=len(speeds),
            median=_median(speeds),
            p85_kmh=_p85(speeds),
        )
        for (start, line, kind), speeds in sorted(groups.items())
    )


def _key(count: Count) -> Key:
    return count.place, count.direction, count.kind, count.span.start


def _added(earlier: Count, later: Count) -> Count:
    if earlier.n is None or later.n is None:
        return later if earlier.n is None else earlier
    return replace(
        later,
        n=earlier.n + later.n,
        low=_sum(earlier.low, later.low),
        high=_sum(earlier.high, later.high),
        observed_frac=min(1.0, earlier.observed_frac + later.observed_frac),
    )


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _median(speeds: Sequence[Speed]) -> Speed:
    n = len(speeds)
    half = MEDIAN_Z * n**0.5 / 2
    below, above = max(0, int(n / 2 - half)), min(n - 1, int(n / 2 + half))
    lows = sorted(one.low_kmh for one in speeds)
    highs = sorted(one.high_kmh for one in speeds)
    middle = _middle(sorted(one.kmh for one in speeds))
    return Speed(kmh=middle, low_kmh=min(lows[below], middle), high_kmh=max(highs[above], middle))


def _middle(values: Sequence[float]) -> float:
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _p85(speeds: Sequence[Speed]) -> float | None:
    """The smallest speed that 85 % do not exceed; None below 5 measured."""
    if len(speeds) < _P85_MIN:
        return None
    values = sorted(one.kmh for one in speeds)
    return values[-(-85 * len(values) // 100) - 1]
