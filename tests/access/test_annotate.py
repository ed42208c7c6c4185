"""What is drawn over a covered picture can be seen, stays inside it, and shows nobody."""

from __future__ import annotations

import numpy as np
import pytest

from fairview.access.annotate import Annotator, LineTally, colour_of_kind
from fairview.analyse.planes import Planes, planes_of_rgb, rgb_of
from fairview.core.ids import CameraId
from fairview.core.scene import Line, Scene, SceneCamera, Zone
from fairview.core.sight import BICYCLE, CAR, KINDS, MOVING, OTHER, PERSON, OpenTrack
from fairview.core.time import Instant

SIZE = (640, 360)
SCENE = Scene(
    camera=SceneCamera(id=CameraId("road"), width_px=1280, height_px=720),
    digest="",
    lines=(Line(name="north", points_px=((100, 400), (1100, 400))),),
    zones=(Zone(name="lane", polygon_px=((40, 500), (300, 500), (300, 700)), kind="lane"),),
)


def grey() -> Planes:
    pixels = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
    return planes_of_rgb(pixels, "bt601")


def track(
    kind: int = CAR, box: tuple[float, float, float, float] = (0.4, 0.2, 0.5, 0.3)
) -> OpenTrack:
    x1, _, x2, y2 = box
    foot = [(x1 + x2) / 2, y2]
    return OpenTrack(
        id=12,
        at=Instant(0),
        kind=kind,
        box_unit=np.array(box, np.float32),
        trail_unit=np.array([[foot[0] - 0.1, foot[1]], foot], np.float32),
        is_seen=True,
    )


def drawn(
    *tracks: OpenTrack, tallies: tuple[LineTally, ...] = ()
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    planes = grey()
    Annotator(SCENE, *SIZE).draw(planes, tracks, tallies)
    return rgb_of(planes)


def test_a_line_lies_where_the_scene_says_at_the_pictures_own_size() -> None:
    pixels = drawn().astype(int)
    assert pixels[200, 500].min() > 200
    assert abs(pixels[180, 500] - 120).max() < 8


def test_forward_is_shown_by_an_arrow_upwards_for_a_line_from_left_to_right() -> None:
    pixels = drawn().astype(int)
    above, below = pixels[188:196, 300], pixels[206:214, 300]
    assert abs(above - 120).max() > 60
    assert abs(below - 120).max() < 8


def test_a_box_has_the_colour_of_its_class() -> None:
    pixels = drawn(track(CAR)).astype(int)
    edge = pixels[90, 256]
    red, green, blue = colour_of_kind(CAR)
    assert edge[0] > edge[2] + 60
    assert (red, green, blue) == (230, 159, 0)


def test_classes_that_matter_differ_in_colour() -> None:
    assert len({colour_of_kind(kind) for kind in (PERSON, BICYCLE, CAR, MOVING, OTHER)}) == 5
    assert all(len(colour_of_kind(kind)) == 3 for kind in range(len(KINDS)))


def test_counts_are_written_beside_their_line() -> None:
    none = drawn(tallies=(LineTally(line="north", forward=0, backward=0),))
    some = drawn(tallies=(LineTally(line="north", forward=3, backward=0),))
    differs = np.argwhere(np.abs(none.astype(int) - some.astype(int)).max(axis=2) > 40)
    assert len(differs)
    assert np.all(np.abs(differs[:, 0] - 200) < 25)
    assert np.all(differs[:, 1] < 250)


@pytest.mark.parametrize(
    "box", [(-0.4, -0.3, 0.1, 0.1), (0.95, 0.9, 1.4, 1.3), (0.0, 0.0, 1.0, 1.0)]
)
def test_boxes_that_reach_beyond_the_picture_are_drawn_as_far_as_it_goes(
    box: tuple[float, float, float, float],
) -> None:
    assert drawn(track(box=box)).shape == (SIZE[1], SIZE[0], 3)


def test_words_of_road_users_never_lie_over_one_another() -> None:
    alone = drawn(track())
    crowd = drawn(*(track() for _ in range(5)))
    np.testing.assert_array_equal(alone, crowd)


def test_a_picture_smaller_than_its_words_is_drawn_all_the_same() -> None:
    planes = planes_of_rgb(np.full((36, 48, 3), 120, np.uint8), "bt601")
    Annotator(SCENE, 48, 36).draw(planes, (track(),), ())
    assert planes.luma.shape == (36, 48)
