"""Weather, light and faults are drawn the same for one seed, and their truth moves with them."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from fairview.core.errors import BadInput
from fairview.sim.conditions import CONDITIONS, Condition, Conditions, Light, moved_box
from fairview.sim.films import FilmPicture, make_film
from fairview.sim.view import Picture
from tests.analyse.scenes import street

FRAMES = 12


def drawn(condition: Condition, *, seed: int = 3, strength: float = 1.0) -> list[Picture]:
    look = Conditions(condition, seed=seed, fps=12, frames=FRAMES, strength=strength)
    light = Light(x_px=100, y_px=90, reach_px=6)
    # A bar that moves, so that standing still shows.
    found = []
    for frame in range(FRAMES):
        pixels = street()
        pixels[100:140, frame * 20 : frame * 20 + 20] = (200, 40, 30)
        found.append(look.draw(pixels, frame, (light,)).pixels)
    return found


@pytest.mark.parametrize("condition", CONDITIONS)
def test_one_seed_draws_the_same_and_another_does_not(condition: Condition) -> None:
    first, again, other = drawn(condition), drawn(condition), drawn(condition, seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[-1], other[-1])


def test_frozen_repeats_exactly_and_clear_never_does() -> None:
    frozen, clear = drawn("frozen"), drawn("clear")
    assert all(np.array_equal(frozen[-1], one) for one in frozen[5:])
    assert not np.array_equal(frozen[0], frozen[1])
    assert not any(np.array_equal(a, b) for a, b in itertools.pairwise(clear))


def test_night_is_dark_but_for_lamps_and_grain() -> None:
    night, clear = drawn("night")[0], drawn("clear")[0]
    assert night.mean() < 0.5 * clear.mean()
    assert night[90, 100].max() > 200
    assert (
        np.diff(night[150:, 250:].astype(int), axis=1).std()
        > 3 * np.diff(clear[150:, 250:].astype(int), axis=1).std()
    )


def test_fog_takes_contrast_and_more_of_it_far_away() -> None:
    fog, clear = drawn("fog", strength=2)[0].astype(float), drawn("clear")[0].astype(float)
    assert fog[:60].std() < 0.35 * clear[:60].std()
    assert fog[:60].std(axis=(0, 1)).mean() < fog[120:].std(axis=(0, 1)).mean() + 30


def test_blur_takes_edges_and_a_cover_takes_the_scene() -> None:
    def edges(pixels: Picture) -> float:
        return float(cv2.Laplacian(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var())

    clear = cv2.GaussianBlur(drawn("clear")[-1], (0, 0), 0.8)
    blurred = cv2.GaussianBlur(drawn("blurred")[-1], (0, 0), 0.8)
    assert edges(np.asarray(blurred, np.uint8)) < 0.5 * edges(np.asarray(clear, np.uint8))
    assert (np.abs(drawn("covered")[-1].astype(int) - 38).max(axis=2) < 12).mean() > 0.5


@pytest.mark.parametrize("condition", ["shake", "moved"])
def test_the_picture_moves_as_its_truth_says(condition: Condition) -> None:
    rng = np.random.default_rng(1)
    pixels = np.full((180, 320, 3), 60, np.uint8)
    x, y = (int(part) for part in rng.integers(120, 160, 2))
    pixels[y - 4 : y + 5, x - 4 : x + 5] = 250
    shown = Conditions(condition, seed=5, fps=12, frames=3).draw(pixels, 2)
    box = moved_box((x - 4.5, y - 4.5, x + 4.5, y + 4.5), shown.moved, (320, 180))
    assert box is not None
    rows, columns = np.nonzero(shown.pixels[:, :, 0] > 160)
    assert columns.mean() == pytest.approx((box[0] + box[2]) / 2, abs=1.2)
    assert rows.mean() == pytest.approx((box[1] + box[3]) / 2, abs=1.2)


def test_a_box_that_left_the_picture_is_no_box() -> None:
    moved = np.array([(1.0, 0.0, 500.0), (0.0, 1.0, 0.0)])
    assert moved_box((10, 10, 40, 40), moved, (320, 180)) is None


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput):
        Conditions("sunny", seed=1, fps=12, frames=3)  # type: ignore[arg-type]  # the test's point
    with pytest.raises(BadInput):
        Conditions("rain", seed=1, fps=12, frames=3, strength=0)
    with pytest.raises(BadInput):
        make_film(1, 0)


@pytest.fixture(scope="module")
def seen() -> list[FilmPicture]:
    return list(make_film(7, 3.0, start_s=58.0).pictures())


@pytest.mark.slow
def test_a_clip_s_boxes_hold_what_differs_from_the_empty_street(seen: list[FilmPicture]) -> None:
    empty = make_film(7, 1).empty()
    for picture in seen[::12]:
        away = np.asarray(cv2.absdiff(picture.pixels, empty)).max(axis=2)
        found = [one for one in picture.seen if one.seen_frac > 0.6]
        assert len(found) > 5
        for one in found:
            left, top, right, bottom = (round(part) for part in one.box_px)
            assert away[top : bottom + 1, left : right + 1].max() > 25


@pytest.mark.slow
def test_numbers_go_on_where_the_loop_begins_again(seen: list[FilmPicture]) -> None:
    before, after = seen[23], seen[24]
    both = {one.number: one for one in before.seen}.keys() & {one.number for one in after.seen}
    assert len(both) >= 0.9 * len(before.seen)
    where = {one.number: one for one in before.seen}
    for one in after.seen:
        if one.number in where:
            old = where[one.number]
            assert abs(one.x_m - old.x_m) + abs(one.y_m - old.y_m) < 3.0
            assert one.kind == old.kind


@pytest.mark.slow
def test_contrasts_tell_what_could_be_seen(seen: list[FilmPicture]) -> None:
    clear = np.median(seen[0].contrasts)
    night = next(make_film(7, 0.1, "night", strength=2, start_s=58.0).pictures())
    assert clear > 8
    assert np.median(night.contrasts) < 1
    assert len(next(make_film(7, 0.1, share=0.0).pictures()).seen) == 0
