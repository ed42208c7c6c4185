"""What was looked at, and what share of a stretch that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fairview.core.errors import BadInput
from fairview.core.limits_seeing import BINS_MAX
from fairview.core.sight import Unmeasurable
from fairview.core.time import US_PER_SECOND, Instant, Span

BRIDGED_US_MAX = US_PER_SECOND
"""Stretches without a picture up to this long are bridged by tracks, so nothing passes unseen in
them and they count as looked at. Longer ones do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The spans that were watched, and the stretches in them in which nothing was measurable."""

    watched: tuple[Span, ...]
    unmeasurable: tuple[Unmeasurable, ...] = ()

    def __post_init__(self) -> None:
        if not self.watched:
            raise BadInput("nothing was looked at, so nothing can be measured")

    @property
    def start(self) -> Instant:
        return min(span.start for span in self.watched)

    @property
    def end(self) -> Instant:
        return max(span.end for span in self.watched)

    def measurable(self) -> tuple[Span, ...]:
        """The stretches in which road users were measured, without overlaps, earliest first."""
        away = [
            span
            for span in joined(one.span for one in self.unmeasurable)
            if span.duration_us > BRIDGED_US_MAX
        ]
        kept: list[Span] = []
        for span in joined(self.watched, BRIDGED_US_MAX):
            kept += _without(span, away)
        return tuple(kept)

    def observed_frac(self, span: Span) -> float:
        """The share of `span` in which road users were measured, 0..1."""
        return observed_frac(self.measurable(), span)


def observed_frac(measurable: Iterable[Span], span: Span) -> float:
    """The share of `span` that `measurable` (without overlaps) covers."""
    parts = [part for one in measurable if (part := one.clipped(span)) is not None]
    return sum(part.duration_us for part in parts) / span.duration_us


def joined(spans: Iterable[Span], gap_us: int = 0) -> list[Span]:
    """Spans without overlaps, earliest first; those at most gap_us apart become one."""
    done: list[Span] = []
    for span in sorted(spans):
        if done and span.start.since(done[-1].end) <= gap_us:
            done[-1] = Span(start=done[-1].start, end=max(done[-1].end, span.end))
        else:
            done.append(span)
    return done


def _without(span: Span, away: Sequence[Span]) -> list[Span]:
    """What is left of a span when others, sorted and apart, are taken out."""
    left: list[Span] = []
    start = span.start
    for hole in away:
        if not hole.overlaps(span):
            continue
        if start < hole.start:
            left.append(Span(start=start, end=hole.start))
        start = max(start, hole.end)
    if start < span.end:
        left.append(Span(start=start, end=span.end))
    return left


def bins_of(looked: Looked, bin_us: int) -> list[Span]:
    """The bins, aligned to the clock, from the first moment watched to the last.

    Bounds:  a bin is a second to a day long and divides the day or is divided by it; BINS_MAX.
    Errors:  BadInput beyond that.
    """
    first = looked.start.us - looked.start.us % bin_us
    bins = -(-(looked.end.us - first) // bin_us)
    if bins > BINS_MAX:
        raise BadInput(
            f"from {looked.start.iso()} to {looked.end.iso()} there are {bins} bins of "
            f"{bin_us / US_PER_SECOND:g} s, at most {BINS_MAX} are counted at once: is a time in "
            "the input wrong? If not, take longer bins, or measure parts"
        )
    return [
        Span(start=Instant(us), end=Instant(us + bin_us))
        for us in range(first, looked.end.us, bin_us)
    ]
