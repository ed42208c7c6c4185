"""Covered pictures with a model: the camera's own pixels only beside what is hidden."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from fairview.access.render import PartWish, RenderPool, SealedPiece
from fairview.access.render_paint import FILL_RGB
from fairview.access.render_scene import (
    CoverModelName,
    Renderings,
    SceneRendering,
    Showing,
    worst,
)
from fairview.access.rendering import cover_model_of
from fairview.analyse.clean import CleanPicture
from fairview.analyse.cover_finds import Finders
from fairview.analyse.cover_model import LookOften
from fairview.analyse.decode import Decoded
from fairview.analyse.planes import colour_of, planes_of_rgb
from fairview.config.settings import load_settings
from fairview.core.errors import Corrupt, NotFound
from fairview.core.limits_seeing import COVER_AHEAD_US, COVER_HELD_PICTURES_MAX
from fairview.core.sight import PERSON
from fairview.core.time import Instant, SystemClock
from tests.access.footage import Footage
from tests.analyse.cover_doubles import Box, Scripted, finders, sighted
from tests.analyse.scenes import HEIGHT_PX, WIDTH_PX, Picture, planes, street, with_person
from tests.builders import NOON

CLEAN = CleanPicture(pixels=street(), made_at=NOON)
NAME = CoverModelName(folder="/nowhere", name="picodet-s-416")
SHOWING = Showing(rendition="covered", clean=CLEAN, model=NAME)
MAN: Box = (0.6, 0.3, 0.7, 0.7)
LABEL_ROWS = 20


def asked(*found: tuple[Box, float, int]) -> Finders:
    return finders(Scripted(sighted(*found), width_px=WIDTH_PX))


def rendering(showing: Showing, found: Finders | None) -> SceneRendering:
    return SceneRendering(showing, WIDTH_PX, HEIGHT_PX, "bt601", found)


def decoded(picture: Picture, at: Instant = NOON, *, is_damaged: bool = False) -> Decoded:
    return Decoded(at=at, planes=planes(picture), is_damaged=is_damaged)


def test_every_pixel_is_the_cameras_own_or_filled() -> None:
    shown = with_person(street(), 40)
    painted = rendering(SHOWING, asked((MAN, 0.5, PERSON))).paint(decoded(shown))
    assert painted.cover == "persons_covered"
    fill, own = colour_of(FILL_RGB, "bt601")[0], planes_of_rgb(shown, "bt601").luma
    above = painted.planes.luma[:-LABEL_ROWS]
    assert np.all((above == fill) | (above == own[:-LABEL_ROWS]))
    left, top, right, bottom = MAN
    man = (
        slice(int(top * HEIGHT_PX), int(bottom * HEIGHT_PX)),
        slice(int(left * WIDTH_PX), int(right * WIDTH_PX)),
    )
    assert np.all(painted.planes.luma[man] == fill)
    walker = painted.planes.luma[HEIGHT_PX // 2 : HEIGHT_PX * 7 // 10, 40:55]
    assert np.all(walker == fill)
    # What is beside them is shown, which silhouettes would not do for a changed place.
    assert np.count_nonzero(above == fill) < 0.25 * above.size


def test_colour_planes_are_filled_as_far_as_brightness() -> None:
    shown = with_person(street(), 40, (250, 20, 20))
    painted = rendering(SHOWING, asked()).paint(decoded(shown))
    _, _, red = colour_of((250, 20, 20), "bt601")
    assert int(painted.planes.red[: -LABEL_ROWS // 2].max()) < red - 30


@pytest.mark.parametrize("fault", ["late", "damaged", "no clean picture", "not loaded"])
def test_whatever_is_missing_covers_the_whole_frame(fault: str) -> None:
    showing = Showing(rendition="covered", model=NAME) if fault == "no clean picture" else SHOWING
    scene = rendering(showing, None if fault == "not loaded" else asked())
    for number in range(3):
        at = NOON.plus(number * 66_667)
        painted = scene.paint(
            decoded(street(), at, is_damaged=fault == "damaged"), is_late=fault == "late"
        )
        assert painted.cover == "whole_frame"
        assert np.unique(painted.planes.luma[:-LABEL_ROWS]).size <= 2


def test_raw_pictures_ask_no_model() -> None:
    def refuses(planes: object) -> object:
        raise AssertionError("nobody asked for a cover")

    showing = Showing(rendition="raw", raw_because="simulated", model=NAME)
    found = finders(refuses)  # type: ignore[arg-type]  # fails on purpose
    assert rendering(showing, found).paint(decoded(street())).cover == "uncovered"


def test_a_part_is_named_after_its_least_covered_picture() -> None:
    assert worst(["whole_frame", "persons_covered", "silhouettes"]) == "persons_covered"
    assert worst(["persons_covered", "uncovered"]) == "uncovered"


def test_a_node_does_not_start_without_the_model_it_is_told_to_use(tmp_path: Path) -> None:
    settings = load_settings(
        None, {"FAIRVIEW_COVERING__MODEL": "picodet-s-416", "FAIRVIEW_MODELS": str(tmp_path)}
    )
    with pytest.raises(NotFound, match="fairview models pull picodet-s-416"):
        cover_model_of(settings)
    (tmp_path / "picodet_s_416_coco_noinit.onnx").write_bytes(b"something else")
    with pytest.raises(Corrupt):
        cover_model_of(settings)
    assert cover_model_of(load_settings(None, {})) is None


def pixels_of(media: bytes) -> list[Picture]:
    with av.open(io.BytesIO(media), "r") as file:
        return [
            np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
            for frame in file.decode(video=0)
        ]


@pytest.mark.slow
def test_a_confined_child_covers_a_part_with_the_model(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    part = pool.part(
        PartWish(
            pieces=pieces, span=footage.span, clean=CLEAN, zones=(), rendition="covered", look="a"
        )
    )
    assert part.cover == "persons_covered"
    shown = pixels_of(part.init + part.media)
    assert len(shown) == len(footage.pictures)
    for picture in shown:
        reds = (picture[:, :, 0] > 150) & (picture[:, :, 1] < 80)
        assert not reds.any(), "the person's red"
        assert np.abs(picture[:20].astype(int) - street()[:20]).mean() < 8


@pytest.mark.slow
def test_without_a_clean_picture_a_child_with_the_model_covers_everything(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    part = pool.part(
        PartWish(
            pieces=pieces, span=footage.span, clean=None, zones=(), rendition="covered", look="a"
        )
    )
    assert part.cover == "whole_frame"


@pytest.mark.slow
def test_a_model_that_vanished_covers_everything(
    footage: Footage, pieces: tuple[SealedPiece, ...], tmp_path: Path
) -> None:
    gone = CoverModelName(folder=str(tmp_path), name="picodet-s-416")
    pool = RenderPool(clock=SystemClock(), children_max=1, model=gone)
    try:
        part = pool.part(
            PartWish(
                pieces=pieces,
                span=footage.span,
                clean=CLEAN,
                zones=(),
                rendition="covered",
                look="a",
            )
        )
    finally:
        pool.close()
    assert part.cover == "whole_frame"


STEP_US = 66_667


def taken(found: Finders, pictures: Sequence[Decoded]) -> list[tuple[Instant, bool]]:
    """Each painted picture's moment, and whether the man's place is filled in it."""
    renderings = Renderings(SHOWING, found)
    fill = colour_of(FILL_RGB, "bt601")[0]
    left, top, right, bottom = MAN
    man = (
        slice(int(top * HEIGHT_PX), int(bottom * HEIGHT_PX)),
        slice(int(left * WIDTH_PX), int(right * WIDTH_PX)),
    )
    made = []
    for picture in pictures:
        made += [
            (one.at, bool(np.all(one.planes.luma[man] == fill))) for one in renderings.take(picture)
        ]
    return made + [
        (one.at, bool(np.all(one.planes.luma[man] == fill))) for one in renderings.rest()
    ]


def test_who_is_found_is_hidden_in_the_pictures_that_are_still_held_too() -> None:
    """Somebody in the clean picture's colours: only the detector tells, at its third look."""
    script = [sighted(), sighted(), sighted((MAN, 0.5, PERSON))]
    found = finders(Scripted(*script, width_px=WIDTH_PX))
    pictures = [decoded(street(), NOON.plus(number * STEP_US)) for number in range(20)]
    made = taken(found, pictures)
    assert [at for at, _ in made] == [one.at for one in pictures]
    third_look = next(one.at for one in pictures if one.at.since(NOON) >= 2 * LookOften().every_us)
    before = [hidden for at, hidden in made if -COVER_AHEAD_US < at.since(third_look) < 0]
    assert len(before) >= 5
    assert all(before)
    assert all(hidden for at, hidden in made if at >= third_look)


def test_pictures_are_held_no_longer_than_looks_run_ahead() -> None:
    renderings = Renderings(SHOWING, asked())
    for number in range(60):
        at = NOON.plus(number * STEP_US)
        for one in renderings.take(decoded(street(), at)):
            assert COVER_AHEAD_US <= at.since(one.at) <= COVER_AHEAD_US + STEP_US


def test_many_pictures_in_a_short_time_are_covered_early_and_not_piled_up() -> None:
    renderings = Renderings(SHOWING, asked())
    count = 3 * COVER_HELD_PICTURES_MAX
    made = [
        one.at
        for number in range(count)
        for one in renderings.take(decoded(street(), NOON.plus(number)))
    ]
    assert len(made) == count - COVER_HELD_PICTURES_MAX


def test_a_clock_set_back_leaves_no_picture_behind() -> None:
    renderings = Renderings(SHOWING, asked())
    later = [NOON.plus(10_000_000 + number * STEP_US) for number in range(4)]
    made = [one.at for at in (*later, NOON) for one in renderings.take(decoded(street(), at))]
    assert made == later
    assert [one.at for one in renderings.rest()] == [NOON]


def test_a_late_picture_is_not_looked_at_and_covered_whole() -> None:
    scripted = Scripted(sighted(), width_px=WIDTH_PX)
    renderings = Renderings(SHOWING, finders(scripted))
    made = list(renderings.take(decoded(street()), is_late=True)) + list(renderings.rest())
    assert [one.cover for one in made] == ["whole_frame"]
    assert scripted.whole == 0
