"""The hand-read truth is well formed, and speaks of pictures that exist."""

from __future__ import annotations

from collections import Counter

import av
import pytest

from fairview.core.sight import KINDS
from tests.shared_data import shared
from tests.truth.read import (
    BoxPx,
    TrueBox,
    TruePicture,
    true_lines,
    true_pictures,
    true_presence,
)

PICTURES = true_pictures()
LINES = true_lines()
PRESENCE = true_presence()


def same_place(one: BoxPx, other: BoxPx) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def test_every_box_lies_inside_its_picture_and_has_an_area() -> None:
    for picture in PICTURES:
        width, height = picture.size_px
        edges = [box.box_px for box in picture.boxes] + [it.box_px for it in picture.ignored]
        for x1, y1, x2, y2 in edges:
            assert 0 <= x1 < x2 <= width, (picture.clip, picture.frame, x1, x2)
            assert 0 <= y1 < y2 <= height, (picture.clip, picture.frame, y1, y2)


def test_every_class_is_one_of_ours() -> None:
    named = {kind for picture in PICTURES for box in picture.boxes for kind in box.kinds}
    named |= {kind for line in LINES.lines for one in line.crossings for kind in one.kinds}
    assert named <= set(KINDS)
    assert "moving" not in named


def test_a_box_that_touches_the_edge_is_marked_as_cut_off_unless_its_feet_just_reach_it() -> None:
    def is_cut(picture: TruePicture, box: TrueBox) -> bool:
        x1, y1, x2, _ = box.box_px
        return x1 == 0 or y1 == 0 or x2 == picture.size_px[0]

    unmarked = [
        (picture.clip, picture.frame, box.box_px)
        for picture in PICTURES
        for box in picture.boxes
        if is_cut(picture, box) and not box.is_truncated
    ]
    assert unmarked == []


def test_no_body_is_listed_twice_in_a_picture() -> None:
    for picture in PICTURES:
        boxes = [box for box in picture.boxes if box.kinds[0] != "person"]
        boxes += [box for box in picture.boxes if box.kinds[0] == "person"]
        for at, one in enumerate(boxes):
            for other in boxes[at + 1 :]:
                assert same_place(one.box_px, other.box_px) < 0.85, (picture.clip, picture.frame)
        who = Counter(box.who for box in picture.boxes if box.who)
        assert all(times == 1 for times in who.values()), (picture.clip, picture.frame, who)


def test_a_letter_keeps_its_class_within_a_clip() -> None:
    seen: dict[tuple[str, str], str] = {}
    for picture in PICTURES:
        for box in picture.boxes:
            if box.who:
                assert seen.setdefault((picture.clip, box.who), box.kinds[0]) == box.kinds[0]


def test_no_listed_box_is_one_that_would_be_ignored() -> None:
    lost = [
        (picture.clip, picture.frame, box.box_px)
        for picture in PICTURES
        for box in picture.boxes
        if picture.is_ignored(box.box_px)
    ]
    assert lost == []


def test_at_least_sixty_pictures_of_all_clips_are_read_each_once() -> None:
    assert len(PICTURES) >= 60
    assert len({(picture.clip, picture.frame) for picture in PICTURES}) == len(PICTURES)
    videos = sorted(shared("videos").glob("*.mp4"))
    assert {video.stem for video in videos} <= {picture.clip for picture in PICTURES}


@pytest.mark.slow
@pytest.mark.parametrize("clip", sorted({it.clip for it in PICTURES if it.source.suffix == ".mp4"}))
def test_the_read_pictures_are_in_the_clip_at_the_times_written_down(clip: str) -> None:
    wanted = {picture.frame: picture for picture in PICTURES if picture.clip == clip}
    source = shared(next(iter(wanted.values())).source)
    with av.open(str(source)) as container:
        for number, picture in enumerate(container.decode(video=0)):
            told = wanted.pop(number, None)
            if told is not None:
                assert (picture.width, picture.height) == told.size_px
                assert picture.time == pytest.approx(told.seconds, abs=1e-5)
            if not wanted:
                break
    assert wanted == {}


def test_the_junction_pictures_exist() -> None:
    shared(LINES.pictures)
    assert len(list(LINES.pictures.glob("*.jpg"))) == LINES.frames
    for picture in PICTURES:
        if picture.clip == "opendatacam-junction":
            assert picture.source.exists()
            assert picture.source.name == f"{picture.frame + 1:03d}.jpg"


def test_every_line_has_two_points_inside_the_picture_and_its_crossings_in_order() -> None:
    names = [line.name for line in LINES.lines]
    assert len(set(names)) == len(names) == 3
    for line in LINES.lines:
        assert len(set(line.points_px)) >= 2
        for x, y in line.points_px:
            assert 0 <= x < LINES.size_px[0]
            assert 0 <= y < LINES.size_px[1]
        frames = [crossing.frame for crossing in line.crossings]
        assert frames == sorted(frames)
        for crossing in line.crossings + line.may_also_count:
            assert 1 <= crossing.frame <= LINES.frames
            assert crossing.direction in {"forward", "backward"}
            assert crossing.tolerance_frames > 0
            assert crossing.what


def test_the_counts_written_down_are_those_of_the_crossings() -> None:
    counted = {line.name: (line.count("forward"), line.count("backward")) for line in LINES.lines}
    assert counted == {"near": (11, 24), "leaving": (0, 26), "edge": (26, 0)}
    with pytest.raises(KeyError):
        LINES.line("nowhere")
    assert LINES.line("edge").may_also_count


def test_spans_in_view_are_in_order_inside_the_clip() -> None:
    for clip in PRESENCE:
        for spans in [user.spans for user in clip.users] + [clip.doubtful]:
            edges = [frame for span in spans for frame in span]
            assert edges == sorted(set(edges)), (clip.source.name, spans)
            assert all(0 <= frame < clip.frames for frame in edges)


def test_a_box_is_drawn_only_for_somebody_in_view_and_for_everybody_in_view() -> None:
    clips = {clip.source: clip for clip in PRESENCE}
    for picture in PICTURES:
        clip = clips.get(picture.source)
        if clip is None:
            continue
        kinds = {(box.kinds[0], box.who) for box in picture.boxes}
        in_view = {(it.kind, it.who) for it in clip.users if it.is_in_view(picture.frame)}
        # One foot at the upper edge: in view, but in an ignored region instead of a box.
        hidden = {("person", "G")} if (clip.frames, picture.frame) == (459, 345) else set()
        assert kinds == in_view - hidden, (picture.clip, picture.frame)


def test_nobody_is_ever_in_view_in_the_clip_of_bottles() -> None:
    bottles = next(clip for clip in PRESENCE if clip.source.stem == "bottle-detection")
    assert bottles.users == ()
    assert {bottles.count("person", frame) for frame in range(bottles.frames)} == {0}
    walk = next(clip for clip in PRESENCE if clip.source.stem == "person-bicycle-car-detection")
    assert walk.count("person", 350) == 2
    assert walk.count("car", 200) == 0
