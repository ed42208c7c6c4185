"""What contracts.Catalogue promises, on every implementation of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairview.core.camera import PrivacyZone
from fairview.core.errors import NotFound
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId, KeyPairId, SegmentId, StreamName
from fairview.core.media import EndedBecause, Gap, GapBecause, Segment
from fairview.core.sight import CAR
from fairview.core.time import Instant, Span
from fairview.core.traffic import Count, Speed, SpeedBin
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.catalogue_remote import RemoteCatalogue
from fairview.store.catalogue_server import serve_catalogue
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.contracts import (
    CameraRow,
    CameraSaved,
    Catalogue,
    Change,
    CleanPictureRefused,
    CleanPictureSaved,
    CountsSaved,
    EventSaved,
    GapRemoved,
    GapSaved,
    RootTaken,
    SceneSaved,
    SegmentSaved,
    SegmentsRemoved,
    SpeedsSaved,
)
from tests import builders
from tests.builders import NOON

CAMERA = CameraId("junction-1")
OTHER = CameraId("junction-2")


@pytest.fixture(params=["memory", "sqlite", "remote"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Catalogue]]:
    """Makes a fresh, empty catalogue."""
    count = iter(range(1_000_000))
    undo: list[Callable[[], None]] = []

    def sqlite() -> Catalogue:
        catalogue = SqliteCatalogue(tmp_path / f"{next(count)}.sqlite")
        undo.append(catalogue.close)
        return catalogue

    def remote() -> Catalogue:
        path = tmp_path / f"{next(count)}"
        server = serve_catalogue(sqlite(), path, secret=b"s" * 32)
        client = RemoteCatalogue(path, b"s" * 32)
        undo.extend((server.close, client.close))
        return client

    makers = {"memory": MemoryCatalogue, "sqlite": sqlite, "remote": remote}
    yield makers[request.param]
    for step in reversed(undo):
        step()


@pytest.fixture
def catalogue(make: Callable[[], Catalogue]) -> Catalogue:
    return make()


def segment(
    number: int,
    *,
    camera: CameraId = CAMERA,
    stream: StreamName = "main",
    start_s: int | None = None,
    because: EndedBecause | None = EndedBecause.ROTATED,
) -> Segment:
    start = NOON.plus((number * 60 if start_s is None else start_s) * 1_000_000)
    return Segment(
        id=SegmentId(f"{number:032x}"),
        camera=camera,
        stream=stream,
        span=Span(start=start, end=start.plus(60_000_000)),
        size_bytes=1_000,
        fragments=30,
        key_pair=KeyPairId("cd" * 16),
        blob=f"{camera}/{number}.fvs",
        head=None if because is None else f"{number:064x}",
        ended_because=because,
    )


def span(start_s: int, end_s: int) -> Span:
    return Span(start=NOON.plus(start_s * 1_000_000), end=NOON.plus(end_s * 1_000_000))


def gap(start_s: int, end_s: int, stream: StreamName = "main") -> Gap:
    return Gap(
        camera=CAMERA, stream=stream, span=span(start_s, end_s), because=GapBecause.CAMERA_AWAY
    )


def test_an_empty_catalogue_has_nothing(catalogue: Catalogue) -> None:
    assert catalogue.cameras() == ()
    assert catalogue.segments(CAMERA) == ()
    assert catalogue.gaps(CAMERA) == ()
    assert catalogue.open_segments() == ()
    assert catalogue.segments_without_root(10) == ()
    assert catalogue.events(Instant(0), 10) == ()
    assert catalogue.clean_picture(CAMERA, approved=True) is None
    assert catalogue.root_of(segment(1).id) is None
    with pytest.raises(NotFound):
        catalogue.camera(CAMERA)
    with pytest.raises(NotFound):
        catalogue.segment(segment(1).id)
    catalogue.write(())


def test_cameras_come_back_at_their_newest_revision_sorted(catalogue: Catalogue) -> None:
    first = builders.camera("b", streams=("main", "sub"))
    zone = PrivacyZone(polygon_unit=((0, 0), (0.5, 0), (0.25, 1 / 3)))
    second = builders.camera(
        "b", revision=2, zones=(zone,), commissioning_until=NOON, is_active=False
    )
    catalogue.write([CameraSaved(camera=first, sealed_login=b"old")])
    catalogue.write(
        [
            CameraSaved(camera=second, sealed_login=b"\x00new"),
            CameraSaved(camera=builders.camera("a"), sealed_login=None),
            CameraSaved(camera=first, sealed_login=b"old"),
        ]
    )
    assert catalogue.cameras() == (
        CameraRow(camera=builders.camera("a"), sealed_login=None),
        CameraRow(camera=second, sealed_login=b"\x00new"),
    )
    assert catalogue.camera(CameraId("b")).camera == second


def test_a_segment_grows_and_ends_in_one_row(catalogue: Catalogue) -> None:
    begun = segment(1, because=None)
    ended = segment(1, because=EndedBecause.CAMERA_AWAY)
    catalogue.write([SegmentSaved(segment=begun)])
    assert catalogue.open_segments() == (begun,)
    assert catalogue.segments_without_root(10) == ()
    catalogue.write([SegmentSaved(segment=ended)])
    catalogue.write([SegmentSaved(segment=ended)])
    assert catalogue.open_segments() == ()
    assert catalogue.segment(ended.id) == ended
    assert catalogue.segments(CAMERA) == (ended,)


def test_segments_are_found_by_camera_stream_and_overlap_sorted_by_start(
    catalogue: Catalogue,
) -> None:
    rows = [segment(number) for number in range(5)]
    sub = segment(10, stream="sub", start_s=0)
    foreign = segment(20, camera=OTHER, start_s=0)
    catalogue.write([SegmentSaved(segment=row) for row in (*reversed(rows), sub, foreign)])
    assert catalogue.segments(CAMERA, "main") == tuple(rows)
    assert catalogue.segments(CAMERA) == (rows[0], sub, *rows[1:])
    assert catalogue.segments(CAMERA, "main", span(60, 120)) == (rows[1],)
    assert catalogue.segments(CAMERA, "main", span(59, 121)) == tuple(rows[:3])
    assert catalogue.segments(OTHER, span=span(0, 1)) == (foreign,)
    assert catalogue.segments(CAMERA, span=span(300, 400)) == ()


def test_sizes_are_sums_by_camera_open_segments_included(catalogue: Catalogue) -> None:
    assert catalogue.sizes() == ()
    rows = [segment(number) for number in range(3)]
    grown = replace(segment(3), head=None, ended_because=None)
    foreign = segment(20, camera=OTHER, start_s=0)
    catalogue.write([SegmentSaved(segment=row) for row in (*rows, grown, foreign)])
    mine, other = sorted(catalogue.sizes(), key=lambda one: one.camera != CAMERA)
    assert (mine.camera, other.camera) == (CAMERA, OTHER)
    assert mine.size_bytes == sum(one.size_bytes for one in (*rows, grown))
    assert mine.span.start == rows[0].span.start
    assert mine.span.end == grown.span.end
    (first,) = catalogue.sizes(Span(start=NOON.plus(-1), end=rows[0].span.start.plus(1)))[:1]
    assert first.size_bytes in (rows[0].size_bytes, foreign.size_bytes)


def test_removed_segments_are_gone_and_removing_again_is_safe(catalogue: Catalogue) -> None:
    catalogue.write([SegmentSaved(segment=segment(number)) for number in range(3)])
    removal = SegmentsRemoved(ids=(segment(0).id, segment(2).id, segment(9).id))
    catalogue.write([removal])
    catalogue.write([removal, SegmentsRemoved(ids=())])
    assert catalogue.segments(CAMERA) == (segment(1),)
    catalogue.checkpoint()


def test_a_root_covers_its_segments_in_leaf_order(catalogue: Catalogue) -> None:
    catalogue.write([SegmentSaved(segment=segment(number)) for number in range(4)])
    assert catalogue.segments_without_root(2) == (segment(0), segment(1))
    root = RootTaken(leaf=7, segments=(segment(2).id, segment(0).id))
    catalogue.write([root])
    catalogue.write([root])
    assert catalogue.segments_without_root(10) == (segment(1), segment(3))
    found = catalogue.root_of(segment(0).id)
    assert found == root
    assert found is not None
    assert found.heads == (segment(2).head, segment(0).head)
    assert catalogue.root_of(segment(1).id) is None


def test_a_segment_saved_again_stays_under_its_root(catalogue: Catalogue) -> None:
    root = RootTaken(leaf=0, segments=(segment(0).id,))
    catalogue.write([SegmentSaved(segment=segment(0)), root, SegmentSaved(segment=segment(0))])
    assert catalogue.segments_without_root(10) == ()
    assert catalogue.root_of(segment(0).id) == root


def test_a_root_outlives_some_of_its_segments_but_not_all(catalogue: Catalogue) -> None:
    root = RootTaken(leaf=3, segments=(segment(0).id, segment(1).id))
    catalogue.write([SegmentSaved(segment=segment(0)), SegmentSaved(segment=segment(1)), root])
    catalogue.write([SegmentsRemoved(ids=(segment(0).id,))])
    found = catalogue.root_of(segment(1).id)
    assert found == root
    assert found is not None
    assert found.heads == (segment(0).head, segment(1).head)
    catalogue.write([SegmentsRemoved(ids=(segment(1).id,)), root])
    assert catalogue.root_of(segment(1).id) is None


def test_a_root_written_with_heads_keeps_them(catalogue: Catalogue) -> None:
    root = RootTaken(leaf=3, segments=(segment(0).id, segment(1).id), heads=("aa", "bb"))
    catalogue.write([SegmentSaved(segment=segment(0)), root])
    found = catalogue.root_of(segment(0).id)
    assert found is not None
    assert found.heads == ("aa", "bb")


def test_a_gap_with_the_same_start_replaces_the_earlier_one(catalogue: Catalogue) -> None:
    catalogue.write([GapSaved(gap=one) for one in (gap(50, 60), gap(10, 20), gap(10, 20, "sub"))])
    longer = Gap(camera=CAMERA, stream="main", span=span(10, 40), because=GapBecause.CAMERA_SILENT)
    catalogue.write([GapSaved(gap=longer)])
    assert catalogue.gaps(CAMERA, "main") == (longer, gap(50, 60))
    assert catalogue.gaps(CAMERA) == (longer, gap(10, 20, "sub"), gap(50, 60))
    assert catalogue.gaps(CAMERA, span=span(20, 50)) == (longer,)
    assert catalogue.gaps(CAMERA, span=span(40, 50)) == ()
    assert catalogue.gaps(OTHER) == ()


def test_a_gap_that_held_footage_is_removed(catalogue: Catalogue) -> None:
    catalogue.write([GapSaved(gap=gap(10, 20)), GapSaved(gap=gap(10, 20, "sub"))])
    for _ in range(2):
        catalogue.write([GapRemoved(gap=gap(10, 15))])
    assert catalogue.gaps(CAMERA) == (gap(10, 20, "sub"),)


def test_events_are_the_newest_in_order_and_a_repeat_is_one(catalogue: Catalogue) -> None:
    events = [
        HealthEvent(kind="disk_full", camera=None, at=NOON.plus(number), because="no room")
        for number in range(4)
    ]
    of_camera = HealthEvent(kind="disk_full", camera=CAMERA, at=NOON.plus(3), because="no room")
    catalogue.write([EventSaved(event=one) for one in (*events, of_camera)])
    catalogue.write([EventSaved(event=events[0])])
    assert catalogue.events(Instant(0), 100) == (*events, of_camera)
    assert catalogue.events(NOON.plus(2), 100) == (*events[2:], of_camera)
    assert catalogue.events(Instant(0), 2) == (events[3], of_camera)
    assert catalogue.events(Instant(0), 0) == ()


def test_events_of_one_camera_and_kind_are_those_in_the_span(catalogue: Catalogue) -> None:
    def event(kind: str, camera: str | None, after_us: int) -> HealthEvent:
        at = NOON.plus(after_us)
        return HealthEvent(
            kind=kind, camera=None if camera is None else CameraId(camera), at=at, because="so"
        )

    clocks = [event("camera_clock", CAMERA, number) for number in (5, 1, 3)]
    others = [
        event("camera_clock", OTHER, 3),
        event("camera_clock", None, 3),
        event("disk_full", CAMERA, 3),
    ]
    catalogue.write([EventSaved(event=one) for one in (*clocks, *others)])
    span = Span(start=NOON.plus(1), end=NOON.plus(5))
    assert catalogue.events_of(CAMERA, "camera_clock", span) == (clocks[1], clocks[2])
    later = Span(start=NOON.plus(6), end=NOON.plus(9))
    assert catalogue.events_of(CAMERA, "camera_clock", later) == ()


def _picture(made_s: int, by: str | None = None) -> CleanPictureSaved:
    made_at = NOON.plus(made_s * 1_000_000)
    return CleanPictureSaved(
        camera=CAMERA, made_at=made_at, sealed=b"\x00" + bytes([made_s]), approved_by=by
    )


def test_a_clean_picture_waits_and_is_then_approved(catalogue: Catalogue) -> None:
    catalogue.write([_picture(1)])
    assert catalogue.clean_picture(CAMERA, approved=False) == _picture(1)
    assert catalogue.clean_picture(CAMERA, approved=True) is None
    catalogue.write([_picture(1, "mia"), _picture(2)])
    assert catalogue.clean_picture(CAMERA, approved=True) == _picture(1, "mia")
    assert catalogue.clean_picture(CAMERA, approved=False) == _picture(2)
    assert catalogue.clean_picture(OTHER, approved=False) is None


def test_the_newest_clean_picture_stands_whatever_the_order(catalogue: Catalogue) -> None:
    catalogue.write([_picture(3), _picture(2), _picture(1, "mia")])
    assert catalogue.clean_picture(CAMERA, approved=False) == _picture(3)
    assert catalogue.clean_picture(CAMERA, approved=True) == _picture(1, "mia")


def test_a_refused_clean_picture_is_gone_but_never_an_approved_one(catalogue: Catalogue) -> None:
    catalogue.write([_picture(1, "mia"), _picture(2)])
    for made_s in (1, 2, 2):
        refusal = CleanPictureRefused(camera=CAMERA, made_at=NOON.plus(made_s * 1_000_000))
        catalogue.write([refusal])
    assert catalogue.clean_picture(CAMERA, approved=False) is None
    assert catalogue.clean_picture(CAMERA, approved=True) == _picture(1, "mia")


def test_a_long_answer_comes_whole(make: Callable[[], Catalogue]) -> None:
    catalogue = make()
    count = 5_003
    catalogue.write([GapSaved(gap=gap(number * 2, number * 2 + 1)) for number in range(count)])
    assert len(catalogue.gaps(CAMERA)) == count


def test_many_threads_write_and_read_at_once(catalogue: Catalogue) -> None:
    def work(first: int) -> None:
        for number in range(first, first + 10):
            catalogue.write([SegmentSaved(segment=segment(number))])
            assert catalogue.segment(segment(number).id) == segment(number)

    threads = [threading.Thread(target=work, args=(first * 10,)) for first in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert catalogue.segments(CAMERA) == tuple(segment(number) for number in range(60))


def test_closing_twice_is_safe(catalogue: Catalogue) -> None:
    catalogue.close()
    catalogue.close()


_SEGMENTS = st.builds(
    segment,
    st.integers(0, 5),
    stream=st.sampled_from(("main", "sub")),
    start_s=st.integers(0, 200),
    because=st.sampled_from([None, *EndedBecause]),
)
_IDS = st.lists(st.integers(0, 5).map(lambda n: SegmentId(f"{n:032x}")), unique=True, max_size=4)
_CHANGES = st.one_of(
    st.builds(lambda one: SegmentSaved(segment=one), _SEGMENTS),
    st.builds(lambda ids: SegmentsRemoved(ids=tuple(ids)), _IDS),
    st.builds(
        lambda start, size, stream: GapSaved(gap=gap(start, start + size, stream)),
        st.integers(0, 20),
        st.integers(1, 20),
        st.sampled_from(("main", "sub")),
    ),
    st.builds(_picture, st.integers(0, 3), st.sampled_from([None, "mia"])),
    st.builds(
        lambda made: CleanPictureRefused(camera=CAMERA, made_at=NOON.plus(made * 1_000_000)),
        st.integers(0, 3),
    ),
)


def _everything(catalogue: Catalogue) -> list[object]:
    return [
        catalogue.segments(CAMERA),
        catalogue.segments(CAMERA, "sub", span(30, 90)),
        catalogue.open_segments(),
        catalogue.segments_without_root(3),
        catalogue.gaps(CAMERA, span=span(5, 15)),
        catalogue.clean_picture(CAMERA, approved=True),
        catalogue.clean_picture(CAMERA, approved=False),
    ]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(_CHANGES, max_size=4), max_size=5))
def test_any_changes_leave_what_memory_would_hold(
    make: Callable[[], Catalogue], batches: list[list[Change]]
) -> None:
    catalogue, model = make(), MemoryCatalogue()
    for batch in batches:
        catalogue.write(batch)
        model.write(batch)
        catalogue.write(batch[-1:])
        model.write(batch[-1:])
    assert _everything(catalogue) == _everything(model)
    catalogue.close()


def count(place: str, start_s: int, n: int | None, observed: float = 1.0) -> Count:
    return Count(
        span=span(start_s, start_s + 900),
        place=place,
        direction="forward",
        kind=CAR,
        n=n,
        low=None if n is None else float(n),
        high=None if n is None else n + 1.5,
        observed_frac=observed,
    )


def speed(place: str, start_s: int, kmh: float) -> SpeedBin:
    return SpeedBin(
        span=span(start_s, start_s + 900),
        place=place,
        kind=CAR,
        n=7,
        median=Speed(kmh=kmh, low_kmh=kmh - 2, high_kmh=kmh + 2.5),
        p85_kmh=None,
    )


def test_counts_come_back_as_they_were_and_a_later_one_replaces(catalogue: Catalogue) -> None:
    flow = replace(count("north-east", 0, 3), direction=None)
    empty = count("south", 900, None, observed=0.0)
    catalogue.write(
        [CountsSaved(camera=CAMERA, counts=(count("north", 900, 1), count("north", 0, 4), flow))]
    )
    catalogue.write([CountsSaved(camera=CAMERA, counts=(count("north", 0, 5), empty))])
    catalogue.write([CountsSaved(camera=OTHER, counts=(count("north", 0, 99),))])
    catalogue.write([CountsSaved(camera=OTHER, counts=())])
    assert catalogue.counts(CAMERA, span(0, 1800)) == (
        count("north", 0, 5),
        flow,
        count("north", 900, 1),
        empty,
    )
    assert catalogue.counts(CAMERA, span(900, 901)) == (count("north", 900, 1), empty)
    assert catalogue.counts(CAMERA, span(1800, 2700)) == ()


def test_speeds_come_back_as_they_were_and_a_later_one_replaces(catalogue: Catalogue) -> None:
    catalogue.write([SpeedsSaved(camera=CAMERA, speeds=(speed("north", 0, 41.25),))])
    newer = replace(speed("north", 0, 42.5), p85_kmh=51.0)
    catalogue.write([SpeedsSaved(camera=CAMERA, speeds=(newer, speed("east", 0, 9.0)))])
    assert catalogue.speeds(CAMERA, span(0, 1)) == (speed("east", 0, 9.0), newer)
    assert catalogue.speeds(OTHER, span(0, 1)) == ()


def test_the_newest_scene_stands_whatever_the_order(catalogue: Catalogue) -> None:
    assert catalogue.scene(CAMERA) is None
    scenes = [
        SceneSaved(
            camera=CAMERA,
            revision=number,
            text=f"version = {number}",
            saved_at=NOON,
            saved_by="mara",
        )
        for number in (2, 1)
    ]
    catalogue.write(scenes)
    assert catalogue.scene(CAMERA) == scenes[0]
    assert catalogue.scene(OTHER) is None
