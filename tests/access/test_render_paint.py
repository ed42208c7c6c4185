"""No current pixel can show: what is painted is a function of the mask alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.access.render_paint import (
    BORDER_RGB,
    FILL_RGB,
    FLAT_RGB,
    OUTLINE_RGB,
    ZONE_RGB,
    text_patch,
)
from fairview.access.render_scene import Painted, SceneRendering, Showing, worst
from fairview.analyse.clean import CleanPicture
from fairview.analyse.decode import Decoded
from fairview.analyse.planes import Planes, colour_of, planes_of_rgb
from fairview.core.errors import BadInput
from tests.analyse.scenes import HEIGHT_PX, WIDTH_PX, Picture, noisy, planes, street, with_person
from tests.builders import NOON

CLEAN = CleanPicture(pixels=street(), made_at=NOON)
LABEL_ROWS = 20


def rendering(showing: Showing) -> SceneRendering:
    return SceneRendering(showing, WIDTH_PX, HEIGHT_PX, "bt601")


def decoded(picture: Picture, *, is_damaged: bool = False) -> Decoded:
    return Decoded(at=NOON, planes=planes(picture), is_damaged=is_damaged)


def allowed(painted: Planes, colours: list[tuple[int, int, int]], below: Planes | None) -> bool:
    """Whether each pixel above the label is one of the colours, or the one below it."""
    values = [colour_of(colour, "bt601") for colour in colours]
    for number, name in enumerate(("luma", "blue", "red")):
        plane = getattr(painted, name)
        rows = plane.shape[0] - (LABEL_ROWS if name == "luma" else LABEL_ROWS // 2)
        fits = np.isin(plane[:rows], [value[number] for value in values])
        if below is not None:
            fits |= plane[:rows] == getattr(below, name)[:rows]
        if not fits.all():
            return False
    return True


def shows_only_what_it_may(painted: Painted) -> bool:
    if painted.cover == "silhouettes":
        below = planes_of_rgb(CLEAN.pixels, "bt601")
        return allowed(painted.planes, [FILL_RGB, BORDER_RGB], below)
    return allowed(painted.planes, [FLAT_RGB, OUTLINE_RGB], None)


@given(seed=st.integers(0, 10_000), size=st.integers(1, 140), left=st.integers(0, 319))
@settings(max_examples=60, deadline=None)
def test_whatever_the_camera_sees_only_clean_fill_border_and_label_are_painted(
    seed: int, size: int, left: int
) -> None:
    anything = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    picture = street()
    window = picture[20 : 20 + size, left : left + size]
    window[:] = anything[: window.shape[0], : window.shape[1]]
    for showing in (
        Showing(rendition="covered", clean=CLEAN),
        Showing(rendition="covered"),
    ):
        scene = rendering(showing)
        for shown in (street(), picture, street()):
            assert shows_only_what_it_may(scene.paint(decoded(shown)))


def test_two_people_of_one_shape_give_the_same_picture() -> None:
    outs = []
    for colour in ((200, 30, 30), (40, 200, 60), (250, 250, 20)):
        scene = rendering(Showing(rendition="covered", clean=CLEAN))
        painted = scene.paint(decoded(with_person(street(), 90, colour)))
        assert painted.cover == "silhouettes"
        outs.append(painted.planes.copy())
    assert all(np.array_equal(outs[0].luma, one.luma) for one in outs)
    assert all(np.array_equal(outs[0].red, one.red) for one in outs)


def test_a_person_is_painted_in_fill() -> None:
    scene = rendering(Showing(rendition="covered", clean=CLEAN))
    painted = scene.paint(decoded(with_person(street(), 90)))
    assert painted.planes.luma[HEIGHT_PX // 2 + 15, 97] == colour_of(FILL_RGB, "bt601")[0]


def test_without_a_clean_picture_the_whole_frame_is_covered() -> None:
    scene = rendering(Showing(rendition="covered"))
    for number in range(4):
        painted = scene.paint(decoded(noisy(with_person(street(), 60 + 20 * number), number)))
        assert painted.cover == "whole_frame"
        assert allowed(painted.planes, [FLAT_RGB, OUTLINE_RGB], None)


@pytest.mark.parametrize("why", ["late", "damaged", "dark", "another view"])
def test_in_any_doubt_the_whole_frame_is_covered(why: str) -> None:
    clean = CLEAN
    picture = with_person(street(), 90)
    if why == "dark":
        picture = np.full_like(picture, 18)
    if why == "another view":
        clean = CleanPicture(pixels=street(width_px=240), made_at=NOON)
    scene = rendering(Showing(rendition="covered", clean=clean))
    painted = scene.paint(decoded(picture, is_damaged=why == "damaged"), is_late=why == "late")
    assert painted.cover == "whole_frame"
    assert allowed(painted.planes, [FLAT_RGB, OUTLINE_RGB], None)


@pytest.mark.parametrize("rendition", ["covered", "raw"])
def test_a_zone_is_filled_in_every_rendition(rendition: str) -> None:
    zone = ((0.1, 0.1), (0.4, 0.1), (0.4, 0.5), (0.1, 0.5))
    showing = Showing(
        rendition="raw" if rendition == "raw" else "covered",
        clean=CLEAN if rendition == "covered" else None,
        zones=(zone,),
    )
    noise = np.random.default_rng(2).integers(0, 256, street().shape, dtype=np.uint8)
    painted = rendering(showing).paint(decoded(noise))
    luma, blue, red = colour_of(ZONE_RGB, "bt601")
    assert np.all(painted.planes.luma[18:90, 32:128] == luma)
    assert np.all(painted.planes.blue[9:45, 16:64] == blue)
    assert np.all(painted.planes.red[9:45, 16:64] == red)


def test_commissioning_has_a_red_band_and_simulation_has_none() -> None:
    for because, is_red in (("commissioning", True), ("simulated", False)):
        showing = Showing(
            rendition="raw",
            raw_because="commissioning" if because == "commissioning" else "simulated",
        )
        painted = rendering(showing).paint(decoded(street()))
        assert painted.cover == "uncovered"
        assert bool((painted.planes.red[:2] > 170).all()) is is_red


def test_a_label_is_never_wider_than_its_picture() -> None:
    assert text_patch("a long text that will not fit", 12, width_px_max=64).shape[1] <= 64


def test_an_unknown_rendition_is_refused() -> None:
    with pytest.raises(BadInput):
        Showing(rendition="bare")  # type: ignore[arg-type]  # what a wire might say


def test_several_pictures_are_named_by_the_least_covered() -> None:
    assert worst(["whole_frame", "silhouettes"]) == "silhouettes"
    assert worst([]) == "whole_frame"


@pytest.mark.parametrize("side_px", [1, 2, 6])
def test_a_picture_smaller_than_its_label_is_painted_all_the_same(side_px: int) -> None:
    half = np.full(((side_px + 1) // 2, (side_px + 1) // 2), 128, dtype=np.uint8)
    tiny = Planes(luma=np.full((side_px, side_px), 90, np.uint8), blue=half, red=half)
    showing = Showing(rendition="covered", clean=None, zones=())
    made = SceneRendering(showing, side_px, side_px, "bt601")
    painted = made.paint(Decoded(at=NOON, planes=tiny, is_damaged=False))
    assert painted.planes.luma.shape == (max(side_px, 2), max(side_px, 2))
