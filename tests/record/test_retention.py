from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairview.core.ids import CameraId, KeyPairId, SegmentId, new_hex_id
from fairview.core.limits import SEGMENT_US_MAX
from fairview.core.media import EndedBecause, Segment
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, Span
from fairview.record.retention import (
    Bound,
    Kept,
    camera_hours,
    over_bounds,
    over_size,
    past_retention,
)
from tests.builders import NOON

RETENTION = {CameraId("a"): 72 * US_PER_HOUR, CameraId("b"): US_PER_HOUR}


def segment(
    minute: int, *, camera: str = "a", pair: str | None = None, is_open: bool = False
) -> Segment:
    hour = minute // 60
    start = NOON.plus(minute * US_PER_MINUTE)
    return Segment(
        id=SegmentId(new_hex_id()),
        camera=CameraId(camera),
        stream="main",
        span=Span(start=start, end=start.plus(US_PER_MINUTE)),
        size_bytes=1_000,
        fragments=60,
        key_pair=KeyPairId(pair or f"{ord(camera):02x}{hour:030x}"),
        blob="x",
        head=None if is_open else "0" * 64,
        ended_because=None if is_open else EndedBecause.ROTATED,
    )


def test_a_pair_dies_when_its_newest_segment_is_past_retention() -> None:
    hours = camera_hours([segment(minute, camera="b") for minute in range(120)])
    first_end = NOON.plus(60 * US_PER_MINUTE)
    assert past_retention(hours, RETENTION, first_end.plus(US_PER_HOUR - 1)) == ()
    deaths = past_retention(hours, RETENTION, first_end.plus(US_PER_HOUR))
    assert [len(one.removed) for one in deaths] == [60]
    assert deaths[0].hour.end == first_end


def test_a_spare_pair_lives_as_long_as_its_newest_segment() -> None:
    spare = "f" * 32
    hours = camera_hours([segment(0, pair=spare, camera="b"), segment(300, pair=spare, camera="b")])
    assert len(hours) == 1
    assert past_retention(hours, RETENTION, NOON.plus(5 * US_PER_HOUR)) == ()
    now = NOON.plus(10 * US_PER_HOUR)
    assert len(past_retention(hours, RETENTION, now)) == 1
    assert past_retention(hours, RETENTION, now, Kept(pairs=frozenset({hours[0].key_pair}))) == ()


def test_an_open_segment_counts_as_long_as_it_may_become() -> None:
    hours = camera_hours([segment(0, camera="b", is_open=True)])
    end = NOON.plus(SEGMENT_US_MAX + US_PER_HOUR)
    assert past_retention(hours, RETENTION, end.plus(-1)) == ()
    assert len(past_retention(hours, RETENTION, end)) == 1


def test_a_held_segment_stays_when_its_pair_dies() -> None:
    held, other = segment(0, camera="b"), segment(1, camera="b")
    deaths = past_retention(
        camera_hours([held, other]),
        RETENTION,
        NOON.plus(90 * US_PER_HOUR),
        Kept(segments=frozenset({held.id})),
    )
    assert [one.removed for one in deaths] == [(other,)]


def test_a_camera_without_retention_keeps_its_footage() -> None:
    hours = camera_hours([segment(0, camera="c")])
    assert past_retention(hours, RETENTION, NOON.plus(9_000 * US_PER_HOUR)) == ()


def test_by_size_the_oldest_whole_hours_go_first() -> None:
    rows = [segment(minute, camera=camera) for minute in range(0, 300, 30) for camera in "ab"]
    hours = camera_hours(rows)
    now = NOON.plus(5 * US_PER_HOUR)
    deaths = over_size(hours, 4_500, hour_now=now)
    assert [one.hour.start for one in deaths] == [NOON, NOON, NOON.plus(US_PER_HOUR)]
    assert sum(len(one.removed) for one in deaths) == 6
    dying = frozenset({hours[0].key_pair})
    assert len(over_size(hours, 4_500, hour_now=now, dying=dying)) == 2


def test_by_size_nothing_that_still_grows_goes() -> None:
    hours = camera_hours([segment(0, is_open=True), segment(60), segment(120)])
    now = NOON.plus(2 * US_PER_HOUR)
    deaths = over_size(hours, 1 << 60, hour_now=now)
    assert [one.hour.start for one in deaths] == [NOON.plus(US_PER_HOUR)]


def test_each_bound_is_kept_and_what_one_frees_counts_for_the_next() -> None:
    rows = [segment(minute, camera=camera) for minute in range(0, 300, 60) for camera in "ab"]
    hours, now = camera_hours(rows), NOON.plus(5 * US_PER_HOUR)
    one = Bound(because="a", need_bytes=2_000, counts=lambda row: row.camera == "a")
    every = Bound(because="all", need_bytes=3_000)
    deaths = over_bounds(hours, [one, every], hour_now=now)
    assert [(death.hour.camera, death.hour.start, because) for death, because in deaths] == [
        ("a", NOON, "a"),
        ("a", NOON.plus(US_PER_HOUR), "a"),
        ("b", NOON, "all"),
    ]
    assert {because for _, because in over_bounds(hours, [every, one], hour_now=now)} == {"all"}
    assert over_bounds(hours, [Bound(because="none", need_bytes=0)], hour_now=now) == ()


def test_a_disks_oldest_hours_go_whole_and_others_stay() -> None:
    """Where an hour lies on two disks it dies on both: its key is one."""
    rows = [segment(minute) for minute in range(0, 300, 30)]
    on_disk = {row.id for row in rows if row.span.start >= NOON.plus(90 * US_PER_MINUTE)}
    hours, now = camera_hours(rows), NOON.plus(5 * US_PER_HOUR)
    need = Bound(because="full", need_bytes=2_500, counts=lambda row: row.id in on_disk)
    deaths = [death for death, _ in over_bounds(hours, [need], hour_now=now)]
    assert [death.hour.start for death in deaths] == [
        NOON.plus(US_PER_HOUR),
        NOON.plus(2 * US_PER_HOUR),
    ]
    assert [len(death.removed) for death in deaths] == [2, 2]


@given(
    st.lists(st.tuples(st.integers(0, 600), st.sampled_from("ab")), max_size=40),
    st.integers(0, 100),
    st.integers(0, 50_000),
)
def test_nothing_dies_early_and_nothing_twice(
    rows: list[tuple[int, str]], hours_later: int, need: int
) -> None:
    segments = [segment(minute, camera=camera) for minute, camera in rows]
    hours = camera_hours(segments)
    now = NOON.plus(hours_later * US_PER_HOUR)
    deaths = past_retention(hours, RETENTION, now)
    for death in deaths:
        for one in death.removed:
            assert one.span.end.us + RETENTION[one.camera] <= now.us
    alive = {hour.key_pair for hour in hours} - {death.hour.key_pair for death in deaths}
    for hour in hours:
        if hour.key_pair in alive:
            assert any(one.span.end.us + RETENTION[one.camera] > now.us for one in hour.segments)
    dying = frozenset(death.hour.key_pair for death in deaths)
    more = over_size(hours, need, hour_now=now.hour(), dying=dying)
    assert not dying & {death.hour.key_pair for death in more}
    spared = [hour for hour in hours if hour.key_pair in alive and hour.end <= now.hour()]
    chosen = {death.hour.key_pair for death in more}
    assert [hour.key_pair in chosen for hour in spared] == sorted(
        (hour.key_pair in chosen for hour in spared), reverse=True
    )
