"""The CSV files of FORMATS as text: column names, order, null as an empty string. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from fairview.analyse.measure.measures import Measures
from fairview.core.sight import KINDS
from fairview.core.time import US_PER_SECOND
from fairview.core.traffic import Count, Speed

CROSSINGS_COLUMNS = (
    "at",
    "seconds",
    "line",
    "direction",
    "class",
    "track",
    "speed_kmh",
    "speed_low_kmh",
    "speed_high_kmh",
)
COUNTS_COLUMNS = (
    "start",
    "end",
    "line",
    "direction",
    "class",
    "n",
    "low",
    "high",
    "observed_frac",
)
FLOWS_COLUMNS = ("start", "end", "flow", "class", "n", "low", "high", "observed_frac")
SPEEDS_COLUMNS = (
    "track",
    "class",
    "place",
    "place_kind",
    "seconds",
    "speed_kmh",
    "speed_low_kmh",
    "speed_high_kmh",
)
Cells = list[str | int | None]


def crossings_csv(measures: Measures) -> str:
    """crossings.csv: one row per crossing, in order of time."""
    return _text(
        CROSSINGS_COLUMNS,
        (
            [
                one.at.iso(),
                _seconds(one.at.since(measures.start) / US_PER_SECOND),
                one.line,
                one.direction,
                KINDS[one.kind],
                one.track,
                *_speed(one.speed),
            ]
            for one in measures.crossings
        ),
    )


def counts_csv(measures: Measures) -> str:
    """counts.csv: one row per bin, line, direction and class."""
    return _text(
        COUNTS_COLUMNS,
        (
            [
                one.span.start.iso(),
                one.span.end.iso(),
                one.place,
                one.direction,
                KINDS[one.kind],
                *_counted(one),
            ]
            for one in measures.counts
        ),
    )


def flows_csv(measures: Measures) -> str:
    """flows.csv: one row per bin, flow and class."""
    return _text(
        FLOWS_COLUMNS,
        (
            [
                one.span.start.iso(),
                one.span.end.iso(),
                one.place,
                KINDS[one.kind],
                *_counted(one),
            ]
            for one in measures.flows
        ),
    )


def speeds_csv(measures: Measures) -> str:
    """speeds.csv: one row per finished track, and one per line and zone it passed."""
    return _text(
        SPEEDS_COLUMNS,
        (
            [
                one.track,
                KINDS[one.kind],
                one.place,
                one.place_kind,
                _seconds(one.seconds),
                *_speed(one.speed),
            ]
            for one in measures.speeds
        ),
    )


def _text(columns: Sequence[str], rows: Iterable[Cells]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def _seconds(value: float) -> str:
    return f"{value:.6f}"


def _speed(speed: Speed | None) -> Cells:
    if speed is None:
        return ["", "", ""]
    return [f"{value:.3f}" for value in (speed.kmh, speed.low_kmh, speed.high_kmh)]


def _counted(one: Count) -> Cells:
    bounds = [None if value is None else f"{value:g}" for value in (one.low, one.high)]
    return [one.n, *bounds, f"{one.observed_frac:.6f}"]
