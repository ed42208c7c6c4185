"""The tracker: one track per road user, through gaps, stops, flicker and the picture's edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.analyse.track.settings import TrackSettings
from fairview.analyse.track.tracker import Tracker, advance_all, together
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.sight import BUS, CAR, PERSON, TRUCK, Detections, Track
from fairview.core.time import Instant
from tests.analyse.track.crowds import (
    CAMERA,
    START,
    Moment,
    Noise,
    Wish,
    crowd,
    detections,
    noisy,
)

Box = tuple[float, float, float, float]


def seen(
    frame: int,
    at_s: float,
    boxes: Sequence[Box],
    *,
    kinds: Sequence[int] | None = None,
    scores: Sequence[float] | None = None,
    camera: CameraId = CAMERA,
) -> Detections:
    n = len(boxes)
    return Detections(
        camera=camera,
        frame=frame,
        at=START.plus(round(at_s * 1e6)),
        boxes_unit=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.array([0.8] * n if scores is None else scores, dtype=np.float32),
        kinds=np.array([CAR] * n if kinds is None else kinds, dtype=np.uint8),
        model="made up",
    )


def followed(pictures: Sequence[Detections]) -> list[Track]:
    tracker = Tracker(CAMERA)
    tracks: list[Track] = []
    for one in pictures:
        tracker.advance(one)
        tracks.extend(tracker.take_finished())
    return [*tracks, *tracker.close()]


def car_at(at_s: float, speed: float = 0.1, x: float = 0.1, y: float = 0.5) -> Box:
    left = x + speed * at_s
    return (left, y, left + 0.12, y + 0.08)


def cut(box: Box) -> Box | None:
    x1, y1, x2, y2 = (min(max(one, 0.0), 1.0) for one in box)
    return (x1, y1, x2, y2) if x2 - x1 > 0.005 and y2 - y1 > 0.005 else None


def test_a_passing_car_is_one_track_with_its_first_points() -> None:
    pictures = [seen(k + 1, k / 25, [car_at(k / 25)]) for k in range(50)]
    (track,) = followed(pictures)
    assert track.id == 1
    assert len(track) == 50
    assert track.start == START
    assert track.kind == CAR
    assert bool(track.is_seen.all())
    np.testing.assert_array_equal(track.boxes_unit[7], pictures[7].boxes_unit[0])


def test_a_short_gap_is_bridged_linearly_in_time_and_marked_unseen() -> None:
    steps = np.cumsum([0.0, *np.random.default_rng(1).uniform(0.017, 0.167, 39)])
    gone = range(15, 22)
    pictures = [seen(k + 1, at, [] if k in gone else [car_at(at)]) for k, at in enumerate(steps)]
    (track,) = followed(pictures)
    assert len(track) == 40
    assert [k for k in range(40) if not track.is_seen[k]] == list(gone)
    assert np.all(track.scores[15:22] == 0)
    want = np.array([car_at(at) for at in steps])
    np.testing.assert_allclose(track.boxes_unit, want, atol=1e-5)


def test_a_bridged_tail_that_was_never_seen_again_is_cut() -> None:
    pictures = [seen(k + 1, k / 25, [car_at(k / 25)] if k < 30 else []) for k in range(200)]
    tracker = Tracker(CAMERA)
    finished_after: list[int] = []
    for one in pictures:
        tracker.advance(one)
        finished_after.extend(one.frame for _ in tracker.take_finished())
    assert finished_after == [30 + 51]  # two seconds, and the next picture
    (track,) = followed(pictures)
    assert len(track) == 30
    assert bool(track.is_seen[-1])


@pytest.mark.parametrize("fps", [5.0, 10.0, 30.0])
def test_fast_cars_in_a_row_keep_apart_at_any_frame_rate(fps: float) -> None:
    pictures = []
    for k in range(round(3 * fps)):
        at = k / fps
        boxes = [car_at(at, speed=0.28, x=0.02 - 0.3 * lane, y=0.5) for lane in range(3)]
        pictures.append(seen(k + 1, at, [b for one in boxes if (b := cut(one))]))
    tracks = followed(pictures)
    assert len(tracks) == 3
    for track in tracks:
        moves = np.diff(track.boxes_unit[:, 2])
        assert np.all(moves >= -1e-6)


def test_a_car_that_stops_for_a_minute_keeps_its_track() -> None:
    pictures = []
    rng = np.random.default_rng(5)
    for k in range(10 * 70):
        at = k / 10
        going = min(at, 3.0) + max(at - 65.0, 0.0)
        x1, y1, x2, y2 = car_at(going)
        shake = rng.normal(0, 0.002, 4)
        box = (x1 + shake[0], y1 + shake[1], x2 + shake[2], y2 + shake[3])
        pictures.append(seen(k + 1, at, [box] if rng.random() > 0.3 else []))
    assert len(followed(pictures)) == 1


def test_a_waiting_car_hidden_by_a_bus_for_ten_seconds_keeps_its_track() -> None:
    pictures = []
    for k in range(10 * 30):
        at = k / 10
        boxes, kinds = [], []
        if not 8 <= at < 18:
            boxes.append(car_at(2.0 + max(at - 20.0, 0.0)))
            kinds.append(CAR)
        if 6 <= at < 20:
            boxes.append((0.1, 0.45, 0.6, 0.7))
            kinds.append(BUS)
        pictures.append(seen(k + 1, at, boxes, kinds=kinds))
    tracks = followed(pictures)
    assert sorted(track.kind for track in tracks) == [CAR, BUS]


def test_who_stood_at_the_pictures_edge_and_left_is_not_the_next_one_there() -> None:
    at_edge = (0.9, 0.3, 1.0, 0.9)
    inside = (0.7, 0.3, 0.8, 0.9)
    for box, people in ((at_edge, 2), (inside, 1)):
        pictures = [seen(k + 1, k / 10, [box] if not 50 <= k < 110 else []) for k in range(160)]
        assert len(followed(pictures)) == people


def test_a_detector_that_misses_three_in_ten_gives_one_track_per_car() -> None:
    rng = np.random.default_rng(9)
    pictures = []
    for k in range(150):
        at = k / 25
        boxes = [car_at(at, y=y) for y in (0.2, 0.4, 0.6, 0.8)]
        pictures.append(seen(k + 1, at, [one for one in boxes if rng.random() > 0.3]))
    assert len(followed(pictures)) == 4


def test_a_car_driving_in_and_out_over_the_edges_is_one_track() -> None:
    pictures = []
    for k in range(25 * 16):
        box = cut(car_at(k / 25, x=-0.2))
        pictures.append(seen(k + 1, k / 25, [] if box is None else [box]))
    (track,) = followed(pictures)
    assert bool(track.is_seen.all())
    assert float(track.boxes_unit[-1, 2]) == 1.0


def test_false_boxes_here_and_there_make_no_track() -> None:
    rng = np.random.default_rng(4)
    pictures = []
    for k in range(500):
        x, y = rng.random(2) * 0.9
        pictures.append(seen(k + 1, k / 25, [(x, y, x + 0.05, y + 0.05)], scores=[0.5]))
    assert followed(pictures) == []


def test_the_class_is_voted_by_score_over_the_whole_track() -> None:
    pictures = [
        seen(
            k + 1,
            k / 25,
            [car_at(k / 25)],
            kinds=[TRUCK if k % 3 else CAR],
            scores=[0.4 if k % 3 else 0.95],
        )
        for k in range(30)
    ]
    (track,) = followed(pictures)
    assert track.kind == CAR
    assert track.kind_share == pytest.approx(9.5 / (9.5 + 8.0), abs=1e-3)


def test_one_vehicle_seen_as_two_classes_is_one_track() -> None:
    pictures = []
    for k in range(30):
        x1, y1, x2, y2 = car_at(k / 25)
        twin = (x1 + 0.002, y1, x2 + 0.002, y2)
        pictures.append(
            seen(k + 1, k / 25, [(x1, y1, x2, y2), twin], kinds=[CAR, TRUCK], scores=[0.8, 0.5])
        )
    assert len(followed(pictures)) == 1


def test_weak_boxes_carry_a_track_but_begin_none() -> None:
    weak = [seen(k + 1, k / 25, [car_at(k / 25)], scores=[0.2]) for k in range(30)]
    assert followed(weak) == []
    mixed = [
        seen(k + 1, k / 25, [car_at(k / 25)], scores=[0.8 if k < 10 else 0.2]) for k in range(30)
    ]
    (track,) = followed(mixed)
    assert int(track.is_seen.sum()) == 30


def test_two_walkers_who_cross_keep_their_own_tracks() -> None:
    pictures = []
    for k in range(100):
        at = k / 25
        a = (0.2 + 0.1 * at, 0.5, 0.24 + 0.1 * at, 0.65)
        b = (0.6 - 0.1 * at, 0.51, 0.64 - 0.1 * at, 0.66)
        hides_b = a[0] < b[2] and b[0] < a[2]
        pictures.append(seen(k + 1, at, [a] if hides_b else [a, b], kinds=[PERSON] * (2 - hides_b)))
    tracks = followed(pictures)
    assert len(tracks) == 2
    ways = sorted(float(one.boxes_unit[-1, 0] - one.boxes_unit[0, 0]) for one in tracks)
    assert ways[0] < -0.35
    assert ways[1] > 0.35


def test_tracks_end_when_the_camera_was_away_for_long() -> None:
    before = [seen(k + 1, k / 25, [car_at(0)]) for k in range(20)]
    after = [seen(k + 21, 100 + k / 25, [car_at(0)]) for k in range(20)]
    assert len(followed([*before, *after])) == 2


def test_pictures_out_of_order_and_of_other_cameras_are_refused() -> None:
    tracker = Tracker(CAMERA)
    tracker.advance(seen(2, 1.0, []))
    for wrong in (seen(3, 1.0, []), seen(3, 0.5, []), seen(2, 1.1, [])):
        with pytest.raises(BadInput, match="order"):
            tracker.advance(wrong)
    with pytest.raises(BadInput, match="other-one"):
        tracker.advance(seen(3, 2.0, [], camera=CameraId("other-one")))
    tracker.advance(seen(3, 2.0, []))


def test_a_refused_picture_changes_nothing() -> None:
    one, two = together((CAMERA, CameraId("second")))
    first = [seen(1, 0.0, [car_at(0)]), seen(1, 0.0, [], camera=CameraId("second"))]
    advance_all((one, two), first)
    with pytest.raises(BadInput):
        advance_all(
            (one, two),
            [seen(2, 0.04, [car_at(0.04)]), seen(1, 0.0, [], camera=CameraId("second"))],
        )
    for k in range(1, 10):
        one.advance(seen(k + 1, k / 25, [car_at(k / 25)]))
    (track,) = one.close()
    assert len(track) == 10


def test_open_tracks_show_where_everyone_is_and_came_from() -> None:
    tracker = Tracker(CAMERA)
    for k in range(90):
        tracker.advance(seen(k + 1, k / 25, [car_at(k / 25)] if k != 89 else []))
        if k < 7:
            assert tracker.open == ()
    (shown,) = tracker.open
    assert (shown.id, shown.kind, shown.is_seen) == (1, CAR, False)
    assert len(shown.trail_unit) == 63
    np.testing.assert_allclose(shown.box_unit, car_at(89 / 25), atol=0.01)
    np.testing.assert_allclose(shown.trail_unit[-1], [0.16 + 0.1 * 88 / 25, 0.58], atol=1e-5)


def test_ids_count_from_one_and_go_on_after_a_close() -> None:
    tracker = Tracker(CAMERA)
    for k in range(8):
        tracker.advance(seen(k + 1, k / 25, [car_at(k / 25, y=0.2), car_at(k / 25, y=0.6)]))
    assert [one.id for one in tracker.close()] == [1, 2]
    for k in range(8):
        tracker.advance(seen(k + 1, k / 25, [car_at(k / 25)]))
    assert [one.id for one in tracker.close()] == [3]


def test_true_boxes_of_a_crowd_give_its_true_tracks() -> None:
    moments = crowd(Wish(count=20, frames=120, seed=7))
    tracks = followed([detections(one) for one in moments])
    lengths = {n: sum(int(n in one.ids) for one in moments) for n in _ids(moments)}
    assert sorted(len(one) for one in tracks) == sorted(n for n in lengths.values() if n >= 8)


def test_many_cameras_together_give_the_same_tracks_as_each_alone() -> None:
    cameras = [CameraId(f"camera-{k}") for k in range(4)]
    films = [
        noisy(crowd(Wish(count=6 + 3 * k, frames=60, seed=k)), Noise(miss_frac=0.2), seed=k)
        for k in range(4)
    ]
    trackers = together(cameras)
    for index in range(60):
        due = [k for k in range(4) if (index + k) % 4]  # each camera skips every fourth picture
        advance_all(
            [trackers[k] for k in due],
            [replace(films[k][index], camera=cameras[k]) for k in due],
        )
    for k, tracker in enumerate(trackers):
        alone = Tracker(cameras[k])
        for index in range(60):
            if (index + k) % 4:
                alone.advance(replace(films[k][index], camera=cameras[k]))
        ours, theirs = tracker.close(), alone.close()
        assert [one.id for one in ours] == [one.id for one in theirs]
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one.boxes_unit, other.boxes_unit)
            np.testing.assert_array_equal(one.at_us, other.at_us)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(
                st.floats(-0.5, 1.25, width=32),
                st.floats(-0.5, 1.25, width=32),
                st.floats(0.0, 0.5, width=32),
                st.floats(0.0, 0.5, width=32),
                st.floats(0.0, 1.0, width=32),
            ),
            max_size=6,
        ),
        max_size=25,
    ),
    st.lists(st.integers(17_000, 3_000_000), min_size=25, max_size=25),
)
def test_whatever_boxes_come_every_seen_point_is_a_box_given_and_used_once(
    pictures: list[list[tuple[float, float, float, float, float]]], steps: list[int]
) -> None:
    tracker, tracks, given_boxes, us = Tracker(CAMERA), list[Track](), set[object](), 0
    for k, boxes in enumerate(pictures):
        us += steps[k]
        found = seen(
            k + 1,
            us / 1e6,
            [(x, y, x + w, y + h) for x, y, w, h, _ in boxes],
            scores=[one[4] for one in boxes],
        )
        given_boxes |= {(k + 1, *box) for box in found.boxes_unit.tolist()}
        tracker.advance(found)
        assert all(np.all(np.isfinite(one.box_unit)) for one in tracker.open)
        tracks.extend(tracker.take_finished())
    tracks.extend(tracker.close())
    used = [
        (int(frame), *box)
        for track in tracks
        for frame, box, is_seen in zip(
            track.frames, track.boxes_unit.tolist(), track.is_seen, strict=True
        )
        if is_seen
    ]
    assert set(used) <= given_boxes
    assert len({track.id for track in tracks}) == len(tracks)


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(BadInput, match="scores"):
        TrackSettings(sure_score=0.05)
    with pytest.raises(BadInput, match="times"):
        TrackSettings(memory_us=0)


def test_a_crowd_is_the_same_every_time() -> None:
    one, other = (crowd(Wish(count=8, frames=20, seed=3)) for _ in range(2))
    assert all(np.array_equal(a.boxes, b.boxes) for a, b in zip(one, other, strict=True))
    assert one[0].at == Instant(START.us)


def _ids(moments: Sequence[Moment]) -> set[int]:
    return {int(n) for one in moments for n in one.ids}
