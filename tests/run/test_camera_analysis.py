"""One live camera's figures: what leaves, what replaces it, and what was not looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from fairview.analyse.detectors.contract import Picture
from fairview.analyse.gate import Gate
from fairview.analyse.planes import Planes
from fairview.analyse.sights import SIGHTS, SightTap
from fairview.core.ids import CameraId
from fairview.core.scene import Line, Scene, SceneCamera
from fairview.core.sight import CAR, Detections, Unmeasurable
from fairview.core.time import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND, Instant, Span
from fairview.core.traffic import Count
from fairview.run.analysing.camera_analysis import AnalysisParts, CameraAnalysis
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.contracts import Change
from tests.builders import NOON

CAMERA = CameraId("junction-1")
SCENE = Scene(
    camera=SceneCamera(id=CAMERA, width_px=640, height_px=360),
    digest="",
    lines=(Line(name="middle", points_px=((0.0, 180.0), (640.0, 180.0))),),
)
BIN_US = 5 * US_PER_MINUTE
STEP_US = 200_000
DAY = Span(start=NOON, end=NOON.plus(3 * 60 * US_PER_MINUTE))


class Rows:
    """A catalogue that takes rows at once."""

    def __init__(self) -> None:
        self.catalogue = MemoryCatalogue()

    def put(self, change: Change) -> None:
        self.catalogue.write([change])

    def count(self, start: Instant) -> Count:
        found = [
            one
            for one in self.catalogue.counts(CAMERA, DAY)
            if one.span.start == start and one.direction == "backward" and one.kind == CAR
        ]
        assert len(found) == 1
        return found[0]


@pytest.fixture
def rows() -> Rows:
    return Rows()


def analysis(
    rows: Rows,
    before: tuple[Count, ...] = (),
    tap: SightTap | None = None,
    gate: Gate | None = None,
    scene: Scene = SCENE,
) -> CameraAnalysis:
    return CameraAnalysis(
        AnalysisParts(
            scene=scene,
            gate=gate,
            accuracy=None,
            bin_us=BIN_US,
            tap=tap or SightTap(SIGHTS),
            before=before,
            put=rows.put,
        )
    )


def planes(number: int) -> Planes:
    """A wall of bricks in grey light, with a little noise of its own in each picture."""
    rows, columns = np.mgrid[0:180, 0:320]
    bricks = 110 + 50 * ((rows // 12 + columns // 20) % 2) + rows // 6
    noise = np.random.default_rng(number).normal(0, 2, bricks.shape)
    luma = np.clip(bricks + noise, 16, 235).astype(np.uint8)
    half = np.full((90, 160), 128, dtype=np.uint8)
    return Planes(luma=luma, blue=half, red=half)


def passes(
    start: Instant, seconds: float, cars_at_s: tuple[float, ...]
) -> Iterator[tuple[Picture, Detections]]:
    """Pictures 5 a second; each car takes 8 s down the picture, in a lane of its own."""
    first = 1 + start.since(NOON) // STEP_US
    for number in range(int(seconds * US_PER_SECOND / STEP_US)):
        at = start.plus(number * STEP_US)
        now_s = number * STEP_US / US_PER_SECOND
        boxes = [
            (0.1 + 0.1 * lane, y - 0.12, 0.18 + 0.1 * lane, y)
            for lane, begun_s in enumerate(cars_at_s)
            if 0.15 < (y := 0.1 + 0.1 * (now_s - begun_s)) < 0.95 and now_s >= begun_s
        ]
        found = Detections(
            camera=CAMERA,
            frame=first + number,
            at=at,
            boxes_unit=np.array(boxes, dtype=np.float32).reshape(-1, 4),
            scores=np.full(len(boxes), 0.9, dtype=np.float32),
            kinds=np.full(len(boxes), CAR, dtype=np.uint8),
            model="told",
        )
        yield Picture(camera=CAMERA, frame=first + number, at=at, planes=planes(number)), found


def run(one: CameraAnalysis, start: Instant, seconds: float, *cars_at_s: float) -> None:
    for picture, found in passes(start, seconds, cars_at_s):
        one.seen(picture, found)


def test_the_bin_under_way_stands_as_it_is_and_is_replaced_when_it_ends(rows: Rows) -> None:
    one = analysis(rows)
    run(one, NOON, 60, 2.0, 20.0)
    so_far = rows.count(NOON)
    assert so_far.n == 2
    assert 0.1 < so_far.observed_frac < 0.25
    run(one, NOON.plus(60 * US_PER_SECOND), 420, 100.0)
    whole = rows.count(NOON)
    assert whole.n == 3
    assert whole.observed_frac == pytest.approx(1.0, abs=0.02)


def test_what_an_earlier_run_counted_in_the_bin_is_kept(rows: Rows) -> None:
    first = analysis(rows)
    run(first, NOON, 60, 2.0, 20.0)
    first.close()
    before = rows.catalogue.counts(CAMERA, Span(start=NOON, end=NOON.plus(1)))
    second = analysis(rows, before)
    run(second, NOON.plus(90 * US_PER_SECOND), 60, 5.0)
    second.close()
    assert rows.count(NOON).n == 3
    assert rows.count(NOON).observed_frac == pytest.approx(120 / 300, abs=0.02)


def test_a_stretch_that_was_dropped_is_not_counted_as_looked_at(rows: Rows) -> None:
    one = analysis(rows)
    run(one, NOON, 30, 2.0)
    span = Span(start=NOON.plus(30 * US_PER_SECOND), end=NOON.plus(90 * US_PER_SECOND))
    one.not_looked(Unmeasurable(span=span, because="overloaded"))
    run(one, span.end, 240)
    one.close()
    assert rows.count(NOON).observed_frac == pytest.approx(240 / 300, abs=0.02)


def test_a_stretch_that_its_gate_knew_to_be_quiet_counts_as_looked_at(rows: Rows) -> None:
    one = analysis(rows)
    run(one, NOON, 30, 2.0)
    last = NOON.plus(30 * US_PER_SECOND - STEP_US)
    for start_s in range(30, 90, 4):
        start = NOON.plus(start_s * US_PER_SECOND)
        one.quiet(Span(start=last, end=start.plus(4 * US_PER_SECOND)))
        last = start.plus(4 * US_PER_SECOND)
    run(one, last, 208)
    one.close()
    assert rows.count(NOON).n == 1
    assert rows.count(NOON).observed_frac == pytest.approx(1.0, abs=0.02)


def test_a_quiet_stretch_after_a_gap_bridges_nothing(rows: Rows) -> None:
    one = analysis(rows)
    run(one, NOON, 30, 2.0)
    start = NOON.plus(60 * US_PER_SECOND)
    one.quiet(Span(start=start, end=start.plus(60 * US_PER_SECOND)))
    run(one, start.plus(60 * US_PER_SECOND), 180)
    one.close()
    assert rows.count(NOON).observed_frac == pytest.approx(210 / 300, abs=0.02)


def test_a_clock_set_back_ends_no_analysis(rows: Rows) -> None:
    one = analysis(rows)
    run(one, NOON.plus(60 * 60 * US_PER_SECOND), 30, 2.0)
    run(one, NOON, 30, 2.0)
    one.close()
    assert rows.count(NOON).n == 1
    assert rows.count(NOON.plus(60 * 60 * US_PER_SECOND)).n == 1


def test_a_clock_set_years_ahead_and_back_leaves_no_rows_between(rows: Rows) -> None:
    one = analysis(rows)
    run(one, NOON, 30, 2.0)
    later = NOON.plus(2 * 365 * US_PER_DAY)
    run(one, later, 12, 1.0)
    run(one, NOON.plus(60 * US_PER_SECOND), 30, 2.0)
    one.close()
    everything = Span(start=NOON, end=later.plus(US_PER_DAY))
    starts = {each.span.start for each in rows.catalogue.counts(CAMERA, everything)}
    assert starts == {NOON, later}


def test_boxes_are_shown_as_they_are_seen_and_end_with_the_analysis(rows: Rows) -> None:
    tap = SightTap(SIGHTS)
    one = analysis(rows, tap=tap)
    viewer = tap.subscribe()
    run(one, NOON, 6, 1.0)
    (sight,) = next(viewer)
    assert sight.camera == CAMERA
    assert [box.kind for box in sight.boxes] == ["car"]
    one.close()
    assert list(viewer) == []


def test_counts_of_two_runs_are_added_with_their_bounds() -> None:
    from fairview.analyse.measure.merge import joined_counts

    span = Span(start=NOON, end=NOON.plus(BIN_US))
    first = Count(
        span=span, place="a", direction="forward", kind=CAR, n=2, low=1, high=4, observed_frac=0.3
    )
    unseen = replace(first, n=None, low=None, high=None, observed_frac=0.0)
    (both,) = joined_counts([first], [replace(first, n=3, observed_frac=0.8)])
    assert (both.n, both.low, both.high, both.observed_frac) == (5, 2, 8, 1.0)
    assert joined_counts([first], [unseen]) == (first,)
    assert joined_counts([unseen], [first]) == (first,)
    other = replace(first, place="b")
    assert set(joined_counts([first], [other])) == {first, other}
