from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fairview.access.render_paint import FILL_RGB
from fairview.analyse.cover_finds import Finders
from fairview.analyse.decode import open_video
from fairview.core.errors import BadInput, Conflict, NotFound, Unavailable
from fairview.core.sight import PERSON
from fairview.record.mp4 import write_mp4
from fairview.run.watch.cover_file import CoverWish, cover_film, write_report
from fairview.run.watch.film_cover import FilmCover, LooksAhead, backgrounds_of
from tests.analyse.cover_doubles import Box, Scripted, finders, sighted
from tests.analyse.scenes import HEIGHT_PX, WIDTH_PX, Picture, noisy, street, with_person

STEPS_TICKS = (1_500, 3_000, 9_000)
"""Uneven, in ticks of 1/90000 s."""


def film(path: Path, pictures: list[Picture]) -> list[float]:
    """Pictures as H.264 at uneven times; the times in seconds, from 0."""
    times, ticks = [], 40_000
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.time_base = Fraction(1, 90_000)
        stream.codec_context.time_base = Fraction(1, 90_000)
        stream.options = {"crf": "12", "preset": "ultrafast"}
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = ticks, Fraction(1, 90_000)
            times.append((ticks - 40_000) / 90_000)
            ticks += STEPS_TICKS[number % 3]
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return times


def walkers(count: int = 60) -> list[Picture]:
    return [noisy(with_person(street(), 10 + 4 * n), n, 1.0) for n in range(count)]


def shown(path: Path) -> tuple[list[Picture], list[float]]:
    with av.open(str(path)) as file:
        frames = list(file.decode(video=0))
        assert not file.streams.audio
    return (
        [np.asarray(one.to_ndarray(format="rgb24"), np.uint8) for one in frames],
        [float(one.time or 0.0) for one in frames],
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    film(tmp_path / "in.mp4", walkers())
    return tmp_path / "in.mp4"


def wish(source: Path) -> CoverWish:
    return CoverWish(source=source, out=source.with_name("out.mp4"), model=None, environment={})


def still(done_frac: float, now: str) -> None:
    """No bar."""


def with_finders(source: Path, found: Finders, looks_fps: float = 8.0) -> FilmCover:
    opened = open_video(source)
    return FilmCover(
        film=opened,
        backgrounds=backgrounds_of(opened, is_painted=False, move=still),
        ahead=LooksAhead(open_video(source), found, looks_fps),
        move=still,
    )


def test_without_a_model_and_a_persons_word_whole_frames_are_covered(source: Path) -> None:
    done = cover_film(wish(source), still)
    assert done.frames_whole == done.frames == 60
    for picture in shown(done.wish.out)[0]:
        spread = picture[:100].reshape(-1, 3).std(axis=0).max()
        assert spread < 40, "flat fill and outlines, and nothing of the scene"
    assert any("--approve-scene" in warning for warning in done.warnings)


@pytest.mark.slow
def test_without_a_model_only_shapes_on_the_approved_scene_are_shown(source: Path) -> None:
    done = cover_film(replace(wish(source), is_approved=True), still)
    pictures, times = shown(done.wish.out)
    assert done.frames == len(pictures) == 60
    for picture in pictures:
        assert not ((picture[:, :, 0] > 150) & (picture[:, :, 1] < 80)).any(), "the person's red"
    assert done.as_json()["cover"] == "silhouettes"
    with_times = film(source, walkers())
    assert times == pytest.approx(with_times, abs=1e-4)


def test_a_place_is_hidden_before_its_first_and_after_its_last_find(source: Path) -> None:
    box: Box = (0.7, 0.1, 0.8, 0.4)
    # Found in the middle of the film only.
    script = [sighted()] * 4 + [sighted((box, 0.5, PERSON))] * 4 + [sighted()]
    cover = with_finders(source, finders(Scripted(*script, width_px=WIDTH_PX)))
    for _ in cover.fragments():
        pass
    assert cover.tally.frames == 60
    person = cover.tally.by[0]
    assert person > 0
    # 0.1 x 0.3 of the picture for four looks of an eighth of a second would be far less.
    assert person / 60 > 0.1 * 0.3


@pytest.mark.slow
def test_pixels_beside_what_is_hidden_are_the_films_own(source: Path, tmp_path: Path) -> None:
    cover = with_finders(source, finders(Scripted(sighted(), width_px=WIDTH_PX)))
    fragments = list(cover.fragments())
    write_mp4(fragments, tmp_path / "own.mp4")
    pictures, times = shown(tmp_path / "own.mp4")
    for picture, drawn in zip(pictures, walkers(), strict=True):
        assert np.abs(picture[:40].astype(int) - drawn[:40]).mean() < 8
        filled = np.abs(picture.astype(int) - np.array(FILL_RGB)).max(axis=2) < 12
        red = (drawn[:, :, 0] > 150) & (drawn[:, :, 1] < 80)
        assert filled[red].mean() > 0.98
    assert len(times) == 60


def test_a_film_too_short_to_tell_its_scene_is_covered_whole(tmp_path: Path) -> None:
    film(tmp_path / "in.mp4", walkers(5))
    done = cover_film(wish(tmp_path / "in.mp4"), still)
    assert done.frames_whole == done.frames == 5
    assert done.wholes == {"no background": 5}
    assert any("too few pictures" in one for one in done.warnings)


def test_a_cut_film_is_covered_as_far_as_it_goes_and_says_so(source: Path) -> None:
    with av.open(str(source)) as file, av.open(str(source.with_suffix(".mkv")), "w") as out:
        stream = out.add_stream_from_template(file.streams.video[0])
        for packet in file.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    whole = source.with_suffix(".mkv").read_bytes()
    cut = source.with_name("cut.mkv")
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    done = cover_film(wish(cut), still)
    assert 9 < done.frames < 60
    assert done.warnings


@pytest.mark.slow
def test_the_copy_replaces_nothing_unless_told(source: Path) -> None:
    out = source.with_name("out.mp4")
    out.write_bytes(b"mine")
    with pytest.raises(Conflict, match="--force"):
        cover_film(wish(source), still)
    assert out.read_bytes() == b"mine"
    cover_film(replace(wish(source), may_replace=True), still)
    assert len(shown(out)[0]) == 60


@pytest.mark.parametrize(
    ("name", "says"), [("in.mp4", "the input itself"), ("out.avi", "must end in .mp4")]
)
def test_a_name_that_can_not_be_is_refused_before_any_work(
    source: Path, name: str, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        cover_film(replace(wish(source), out=source.with_name(name), may_replace=True), still)


def test_a_missing_folder_or_input_is_told(source: Path) -> None:
    with pytest.raises(BadInput, match="make it first"):
        cover_film(replace(wish(source), out=source.parent / "no" / "out.mp4"), still)
    with pytest.raises(NotFound):
        cover_film(replace(wish(source), source=source.with_name("other.mp4")), still)


def test_what_is_no_film_is_told(tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_text("words")
    with pytest.raises(BadInput):
        cover_film(wish(tmp_path / "in.mp4"), still)
    assert [one.name for one in tmp_path.iterdir()] == ["in.mp4"]


def test_a_missing_model_is_told_with_what_to_do(source: Path) -> None:
    with pytest.raises(NotFound, match="fairview models pull"):
        cover_film(
            replace(
                wish(source),
                model="picodet-s-416",
                environment={"FAIRVIEW_MODELS": str(source.parent)},
            ),
            still,
        )


@pytest.mark.parametrize("ends", [KeyboardInterrupt, OSError])
def test_what_stops_in_the_middle_leaves_nothing(source: Path, ends: type[BaseException]) -> None:
    def moved(done_frac: float, now: str) -> None:
        if now == "covering":
            raise (
                KeyboardInterrupt
                if ends is KeyboardInterrupt
                else OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            )

    expected = Unavailable if ends is OSError else KeyboardInterrupt
    with pytest.raises(expected):
        cover_film(wish(source), moved)
    assert [one.name for one in source.parent.iterdir()] == ["in.mp4"]


def test_the_report_says_what_was_done(source: Path, tmp_path: Path) -> None:
    done = cover_film(replace(wish(source), is_approved=True), still)
    write_report(done, tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["frames"] == 60
    assert told["input"] == "in.mp4"
    assert told["models"] == []
    assert 0 < told["hidden_frac"] < 0.5
    assert set(told["hidden_frac_by"]) == {
        "person",
        "two_wheeler",
        "face",
        "plate",
        "band",
        "foreground",
    }


def test_a_report_is_refused_before_the_work(source: Path) -> None:
    report = source.with_name("report.json")
    report.write_text("mine")
    with pytest.raises(Conflict):
        cover_film(replace(wish(source), report=report), still)
    assert not source.with_name("out.mp4").exists()


def test_pictures_in_a_folder_are_a_film(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, picture in enumerate(walkers(12), start=1):
        cv2.imwrite(str(folder / f"{number:03}.png"), picture[:, :, ::-1])
    done = cover_film(replace(wish(folder), fps=10.0, out=tmp_path / "out.mp4"), still)
    assert done.frames == 12
    assert shown(tmp_path / "out.mp4")[1][-1] == pytest.approx(1.1)


def test_a_report_under_the_copy_s_own_name_is_refused(source: Path) -> None:
    asked = wish(source)
    with pytest.raises(BadInput, match="another name"):
        cover_film(replace(asked, report=asked.out.parent / "." / asked.out.name), still)
