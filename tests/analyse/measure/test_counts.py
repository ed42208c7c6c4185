"""Counts in bins of the clock, their bounds, and what nobody looked at."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.analyse.measure.intervals import interval
from fairview.analyse.measure.looked import Looked, bins_of
from fairview.analyse.measure.measures import MeasureContext, measure
from fairview.analyse.measure.tables import counts_csv, crossings_csv, flows_csv, speeds_csv
from fairview.core.errors import BadInput
from fairview.core.scene import Flow
from fairview.core.sight import BUS, CAR, Track, Unmeasurable
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND, Span
from fairview.core.traffic import Accuracy, Count
from tests.analyse.measure.roads import at, line, looked, scene, span, straight, track

NORTH = line((100, 350), (900, 350))
EAST = line((100, 150), (900, 150), name="east")
GOOD = Accuracy(recall=0.9, precision=0.95, truth_n=300, found_n=300, source="here")


def up(number: int, start_s: float, kind: int = CAR, x: float = 500.0) -> Track:
    """Passes north (1/3 s in) and east (1 s in) on its way up."""
    path = straight((x, 450), (x, 50), 34)
    return track(path, number=number, start_s=start_s, kind=kind)


def row(rows: tuple[Count, ...], place: str, kind: int, minute: int, way: str | None) -> Count:
    (found,) = [
        one
        for one in rows
        if one.place == place
        and one.kind == kind
        and one.direction == way
        and one.span.start == at(60.0 * minute)
    ]
    return found


def test_every_bin_line_direction_and_class_that_occurs_has_a_row() -> None:
    found = measure(
        [up(1, 1.0), up(2, 70.0, BUS), up(3, 71.0, x=200.0)],
        scene([NORTH, EAST]),
        looked(150.0),
        MeasureContext(bin_us=US_PER_MINUTE),
    )
    assert len(found.counts) == 3 * 2 * 2 * 2
    assert row(found.counts, "north", CAR, 0, "forward").n == 1
    assert row(found.counts, "north", CAR, 1, "forward").n == 1
    assert row(found.counts, "north", BUS, 1, "forward").n == 1
    assert row(found.counts, "north", BUS, 0, "forward").n == 0
    assert row(found.counts, "north", CAR, 0, "backward").n == 0
    assert row(found.counts, "north", CAR, 1, "forward").observed_frac == 1.0
    assert row(found.counts, "north", CAR, 2, "forward").observed_frac == pytest.approx(0.5)
    assert all(one.low is None and one.high is None for one in found.counts)


def test_bins_stand_on_the_clock() -> None:
    watched = Looked(watched=(span(100.0, 1_900.0),))
    bins = bins_of(watched, 15 * US_PER_MINUTE)
    assert [one.start for one in bins] == [at(0.0), at(900.0), at(1_800.0)]


def test_one_wrong_time_is_told_instead_of_counted_in_millions_of_bins() -> None:
    fifty_years_s = 50.0 * 365 * 86_400
    with pytest.raises(BadInput, match="is a time in the input wrong"):
        bins_of(Looked(watched=(span(0.0, fifty_years_s),)), 15 * US_PER_MINUTE)
    assert len(bins_of(Looked(watched=(span(0.0, 86_400.0),)), US_PER_SECOND)) == 86_400


def test_a_bin_nobody_looked_at_is_empty_not_zero() -> None:
    dark = span(60.0, 120.0)
    found = measure(
        [up(1, 1.0), up(2, 70.0)],
        scene([NORTH]),
        looked(180.0, dark),
        MeasureContext(bin_us=US_PER_MINUTE, accuracy=GOOD),
    )
    empty = row(found.counts, "north", CAR, 1, "forward")
    assert (empty.n, empty.low, empty.high, empty.observed_frac) == (None, None, None, 0.0)
    assert row(found.counts, "north", CAR, 2, "forward").n == 0
    assert [one.track for one in found.crossings] == [1]
    text = list(csv.DictReader(io.StringIO(counts_csv(found))))
    assert text[2]["n"] == ""
    assert text[2]["observed_frac"] == "0.000000"


def test_a_stretch_that_tracks_bridge_is_looked_at() -> None:
    short, long = span(10.0, 10.9), span(20.0, 26.0)
    one = looked(60.0, short, long)
    assert one.observed_frac(span(0.0, 60.0)) == pytest.approx(0.9)


def test_classes_that_the_detector_can_find_have_rows_on_an_empty_road() -> None:
    found = measure(
        [], scene([NORTH]), looked(), MeasureContext(bin_us=US_PER_MINUTE, kinds=(CAR,))
    )
    assert [(one.n, one.observed_frac) for one in found.counts] == [(0, 1.0), (0, 1.0)]


def test_flows_are_from_the_first_line_to_the_last() -> None:
    flows = [
        Flow(name="through", from_line="north", to_line="east"),
        Flow(name="back", from_line="east", to_line="north"),
    ]
    down = track(straight((300, 50), (300, 450), 34), number=9, start_s=5.0)
    found = measure(
        [up(1, 1.0), up(2, 58.9), down],
        scene([NORTH, EAST], flows=flows),
        looked(120.0),
        MeasureContext(bin_us=US_PER_MINUTE),
    )
    assert row(found.flows, "through", CAR, 0, None).n == 2
    assert row(found.flows, "back", CAR, 0, None).n == 1
    assert row(found.flows, "back", CAR, 1, None).n == 0
    assert [(one.first_line, one.last_line, one.n) for one in found.origin_destination] == [
        ("east", "north", 1),
        ("north", "east", 2),
    ]


def test_tables_are_as_the_formats_say() -> None:
    found = measure(
        [up(1, 1.0)],
        scene([NORTH, EAST], flows=[Flow(name="f", from_line="north", to_line="east")]),
        looked(),
        MeasureContext(bin_us=US_PER_MINUTE, accuracy=GOOD),
    )
    (first, second) = csv.DictReader(io.StringIO(crossings_csv(found)))
    assert first["at"].startswith("2026-05-01T12:00:01.")
    assert first["at"].endswith("Z")
    assert len(first["at"]) == len("2026-05-01T12:00:01.330000Z")
    assert float(first["seconds"]) == pytest.approx(1.33, abs=0.01)
    assert [first[key] for key in ("line", "direction", "class", "track", "speed_kmh")] == [
        "north",
        "forward",
        "car",
        "1",
        "",
    ]
    assert second["line"] == "east"
    head = counts_csv(found).splitlines()[0]
    assert head == "start,end,line,direction,class,n,low,high,observed_frac"
    assert counts_csv(found).splitlines()[1] == (
        "2026-05-01T12:00:00.000000Z,2026-05-01T12:01:00.000000Z,north,forward,car,1,0,2,1.000000"
    )
    assert flows_csv(found).splitlines()[0] == "start,end,flow,class,n,low,high,observed_frac"
    speeds = list(csv.DictReader(io.StringIO(speeds_csv(found))))
    assert [(one["place"], one["place_kind"]) for one in speeds] == [
        ("", "track"),
        ("north", "line"),
        ("east", "line"),
    ]


def test_tracks_of_two_cameras_are_refused() -> None:
    with pytest.raises(BadInput, match="two tracks have the same id"):
        measure([up(1, 1.0), up(1, 9.0)], scene([NORTH]), looked(), MeasureContext())
    with pytest.raises(BadInput, match="a bin lasts"):
        MeasureContext(bin_us=7 * US_PER_SECOND)
    with pytest.raises(BadInput, match="nothing was looked at"):
        Looked(watched=())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "observed_frac", "recall", "precision"),
    [
        (5.0, 1.0, 0.9, 0.95),
        (40.0, 1.0, 0.8, 0.9),
        (40.0, 0.4, 0.9, 0.95),
        (200.0, 0.7, 0.7, 0.97),
    ],
)
def test_the_interval_holds_the_truth(
    rate: float, observed_frac: float, recall: float, precision: float
) -> None:
    """Truth drawn, seen for a while, missed and invented; the detector measured on 400."""
    rng = np.random.default_rng(7)
    held, rounds = 0, 400
    for _ in range(rounds):
        truth = rng.poisson(rate)
        found = rng.binomial(rng.binomial(truth, observed_frac), recall)
        false_rate = rate * observed_frac * recall * (1 - precision) / precision
        n = int(found + rng.poisson(false_rate))
        accuracy = Accuracy(
            recall=max(1, rng.binomial(400, recall)) / 400,
            precision=max(1, rng.binomial(400, precision)) / 400,
            truth_n=400,
            found_n=400,
            source="drawn",
        )
        bounds = interval(n, observed_frac, accuracy)
        held += bounds.low <= truth <= bounds.high
    assert 0.93 <= held / rounds <= 0.995


@settings(deadline=None, max_examples=40)
@given(n=st.integers(0, 300), observed_frac=st.floats(0.05, 1.0))
def test_looking_less_never_narrows_the_interval(n: int, observed_frac: float) -> None:
    whole, part = interval(n, 1.0, GOOD), interval(n, observed_frac, GOOD)
    assert part.high >= whole.high - 1
    assert 0 <= part.low <= part.high


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(1, 100)), max_size=5),
    st.lists(st.tuples(st.integers(0, 500), st.integers(1, 100)), min_size=1, max_size=5),
)
def test_measurable_and_unmeasurable_add_up(
    away: list[tuple[int, int]], watched: list[tuple[int, int]]
) -> None:
    def spans(pairs: list[tuple[int, int]]) -> tuple[Span, ...]:
        return tuple(span(2.0 * start, 2.0 * (start + length)) for start, length in pairs)

    one = Looked(
        watched=spans(watched),
        unmeasurable=tuple(Unmeasurable(span=each, because="wet") for each in spans(away)),
    )
    seconds = [2.0 * k + 1.0 for k in range(620)]
    expected = sum(
        any(each.holds(at(s)) for each in one.watched)
        and not any(each.span.holds(at(s)) for each in one.unmeasurable)
        for s in seconds
    )
    assert one.observed_frac(span(0.0, 1_240.0)) * 620 == pytest.approx(expected, abs=1e-6)
