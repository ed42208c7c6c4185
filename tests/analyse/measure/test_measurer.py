"""Track by track while a camera runs gives what all at once gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.analyse.measure.measurer import Measurer
from fairview.analyse.measure.measures import MeasureContext, Measures, measure
from fairview.core.scene import Flow, Scene
from fairview.core.sight import CAR, Track
from fairview.core.time import US_PER_MINUTE
from fairview.core.traffic import Count, ZoneLevel
from tests.analyse.measure.roads import at, line, looked, scene, span, straight, track, zone

SCENE: Scene = scene(
    [line((100, 350), (900, 350)), line((100, 150), (900, 150), name="east")],
    [zone((400, 100), (600, 100), (600, 400), (400, 400), kind="lane")],
    [Flow(name="up", from_line="north", to_line="east")],
)
CONTEXT = MeasureContext(bin_us=US_PER_MINUTE, start=at(0.0), kinds=(CAR,))
MINUTES = 6


@st.composite
def traffic(draw: st.DrawFn) -> list[Track]:
    """Cars up and down over a few minutes, some of them broken in two."""
    tracks: list[Track] = []
    for _ in range(draw(st.integers(0, 12))):
        x = draw(st.floats(150, 850))
        ends = (450.0, 50.0) if draw(st.booleans()) else (50.0, 450.0)
        n = draw(st.integers(10, 200))
        path = straight((x, ends[0]), (x, ends[1]), n)
        start_s = draw(st.integers(0, (MINUTES * 60 - 10) * 25)) / 25
        if draw(st.booleans()):
            cut, gap = n // 2, draw(st.integers(1, 3))
            parts = [(path[:cut], start_s), (path[cut + gap :], start_s + (cut + gap) / 25)]
        else:
            parts = [(path, start_s)]
        for part, part_s in parts:
            tracks.append(track(part, number=len(tracks) + 1, start_s=part_s))
    return tracks


def streamed(tracks: Sequence[Track], pauses: Sequence[int]) -> list[Measures]:
    measurer = Measurer(SCENE, CONTEXT)
    waiting = sorted(tracks, key=lambda one: one.end)
    found = []
    last = 0
    for pause in [*sorted(pauses), MINUTES * 60]:
        if pause > last:
            measurer.watched(span(last, pause))
            last = pause
        while waiting and waiting[0].end <= at(pause):
            measurer.add(waiting.pop(0))
        # What is still open began at its start: nothing later than that is promised.
        promise = min([at(pause), *(one.start for one in waiting)])
        found.append(measurer.ready(promise))
    for one in waiting:
        measurer.add(one)
    found.append(measurer.rest())
    return found


def newest(parts: Sequence[tuple[Count, ...]]) -> list[Count]:
    rows = {(one.span, one.place, one.direction, one.kind): one for part in parts for one in part}
    return sorted(rows.values(), key=lambda one: (one.span, one.place, str(one.direction)))


def newest_levels(parts: Sequence[tuple[ZoneLevel, ...]]) -> list[ZoneLevel]:
    rows = {(one.span, one.zone): one for part in parts for one in part}
    return sorted(rows.values(), key=lambda one: (one.span, one.zone))


@settings(deadline=None, max_examples=25)
@given(traffic(), st.lists(st.integers(1, MINUTES * 60), max_size=6))
def test_streaming_gives_what_measure_gives(tracks: list[Track], pauses: list[int]) -> None:
    whole = measure(tracks, SCENE, looked(MINUTES * 60.0), CONTEXT)
    parts = streamed(tracks, pauses)
    crossings = [one for part in parts for one in part.crossings]
    assert sorted(crossings, key=lambda one: (one.at, one.line, one.track)) == list(whole.crossings)
    assert newest([part.counts for part in parts]) == newest([whole.counts])
    assert newest([part.flows for part in parts]) == newest([whole.flows])
    assert newest_levels([part.levels for part in parts]) == newest_levels([whole.levels])
    speeds = [one for part in parts for one in part.speeds]
    assert sorted(speeds, key=repr) == sorted(whole.speeds, key=repr)
    stays = [one for part in parts for one in part.stays]
    assert sorted(stays, key=repr) == sorted(whole.stays, key=repr)
    pairs: dict[tuple[str, str], int] = {}
    for one in (one for part in parts for one in part.origin_destination):
        key = (one.first_line, one.last_line)
        pairs[key] = pairs.get(key, 0) + one.n
    assert pairs == {(one.first_line, one.last_line): one.n for one in whole.origin_destination}


@settings(deadline=None, max_examples=15)
@given(traffic())
def test_the_order_of_the_tracks_does_not_matter(tracks: list[Track]) -> None:
    shuffled = list(reversed(tracks))
    once = measure(tracks, SCENE, looked(MINUTES * 60.0), CONTEXT)
    assert measure(shuffled, SCENE, looked(MINUTES * 60.0), CONTEXT) == once


def test_a_late_track_sends_its_bins_once_more() -> None:
    measurer = Measurer(SCENE, CONTEXT)
    measurer.watched(span(0.0, 360.0))
    first = measurer.ready(at(350.0))
    assert {one.n for one in first.counts} == {0}
    parked = np.concatenate(
        [np.full((2_000, 2), [500.0, 400.0]), straight((500, 400), (500, 50), 40)]
    )
    measurer.add(track(parked, number=5, start_s=10.0))
    again = measurer.ready(at(360.0))
    assert {one.span.start for one in again.counts} >= {at(60.0)}
    assert sum(one.n or 0 for one in again.counts if one.place == "north") == 1
    assert len(again.crossings) == 2
    assert measurer.ready(at(360.0)).crossings == ()
