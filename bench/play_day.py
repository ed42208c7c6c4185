"""A day of the demo's camera, recorded at once, for seeking in it."""

from __future__ import annotations

import threading
from pathlib import Path

from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, Span, SystemClock
from fairview.run.cache import sim_cache
from fairview.run.demo import ADDRESS, HISTORY_US, Past, demo_settings, record_past
from fairview.run.owner.office import open_office
from fairview.sim.loop import make_loop, seed_of


def record_day(data: Path, hours: float) -> Span:
    """More of the past: as many hours of the simulated camera, up to the demo's own windows."""
    clock = SystemClock()
    end = clock.now().plus(-HISTORY_US - 10 * US_PER_MINUTE)
    span = Span(start=end.plus(-round(hours * US_PER_HOUR)), end=end)
    with open_office(demo_settings(data, 1), clock) as office:
        loop = make_loop(sim_cache(), seed=seed_of(ADDRESS))
        past = Past(
            folder=office.folder, catalogue=office.catalogue, clock=clock, stop=threading.Event()
        )
        record_past(past, loop, span)
    return span


def hours_of(span: Span, count: int) -> list[Span]:
    """Stretches of an hour (what a look covers at most), spread over a span."""
    pitch_us = max((span.duration_us - US_PER_HOUR) // max(count - 1, 1), 1)
    starts_at = [span.start.plus(number * pitch_us) for number in range(count)]
    return [Span(start=at, end=at.plus(US_PER_HOUR - US_PER_MINUTE)) for at in starts_at]
