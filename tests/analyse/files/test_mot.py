"""MOTChallenge files: what goes in comes out, and what is wrong is said with its line."""

from __future__ import annotations

import random
import tempfile
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.analyse.files.mot import MotWriter, read_mot, write_mot
from fairview.analyse.files.read import ReadDetections, ReadTracks
from fairview.core.errors import BadInput
from fairview.core.sight import CAR, MOVING, OTHER, PERSON, Detections, Track
from tests.analyse.files.tracks import CAMERA, FACTS, START, assert_same, some_tracks

SIZE = {"width_px": 1280, "height_px": 720}


def read(text: str, folder: Path) -> ReadTracks | ReadDetections:
    path = folder / "tracks.txt"
    path.write_bytes(text.encode())
    return read_mot(path, FACTS)


def tracks_in(text: str, folder: Path) -> ReadTracks:
    found = read(text, folder)
    assert isinstance(found, ReadTracks)
    return found


@settings(deadline=None, max_examples=60)
@given(some_tracks(), st.randoms(use_true_random=False))
def test_tracks_come_back_in_whatever_order_the_rows_are(
    tracks: list[Track], shuffle: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracks.txt"
        write_mot(path, tracks, **SIZE)
        rows = path.read_text().splitlines(keepends=True)
        assert [int(row.split(",")[0]) for row in rows] == sorted(
            int(frame) for track in tracks for frame in track.frames
        )
        with MotWriter(Path(folder) / "streamed.txt", **SIZE) as file:
            for track in tracks:
                file.add(track)
        assert sorted((Path(folder) / "streamed.txt").read_text().splitlines(True)) == sorted(rows)
        shuffle.shuffle(rows)
        path.write_text("".join(rows))
        found = read_mot(path, FACTS)
        assert isinstance(found, ReadTracks)
        assert len(found.tracks) == len(tracks)
        for ours, theirs in zip(tracks, found.tracks, strict=True):
            assert_same(ours, theirs, px=0.011)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(*[st.integers(0, 204_800)] * 4), min_size=1, max_size=30))
def test_pixels_come_back_to_the_hundredth_in_pictures_of_4096(
    numbers: list[tuple[int, int, int, int]],
) -> None:
    large = replace(FACTS, width_px=4096, height_px=4096)
    rows = [
        f"{frame},5,{a / 100:.2f},{b / 100:.2f},{c / 100:.2f},{d / 100:.2f},0.5,car,-1,-1"
        for frame, (a, b, c, d) in enumerate(numbers, start=1)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracks.txt"
        path.write_text("\n".join(rows) + "\n")
        found = read_mot(path, large)
        assert isinstance(found, ReadTracks)
        write_mot(path, found.tracks, width_px=4096, height_px=4096)
        assert path.read_text().splitlines() == rows


def test_fractions_unsorted_rows_blank_lines_and_line_ends_are_read(tmp_path: Path) -> None:
    found = tracks_in(
        "\ufeff3,7,10.5,20.25,5.125,6,0.5,car,-1,-1\r\n\n"
        "1.0,7,10.5,20.25,5.125,6,-1,car\n 2 , 7 ,10,20,5,6\n1,2,0,0,1e1,2,1\n",
        tmp_path,
    )
    assert [(one.id, one.frames.tolist()) for one in found.tracks] == [(2, [1]), (7, [1, 2, 3])]
    assert found.tracks[1].at_us.tolist() == [START.us, START.us + 40_000, START.us + 80_000]
    assert found.tracks[1].boxes_unit[2].tolist() == pytest.approx(
        [10.5 / 1280, 20.25 / 720, 15.625 / 1280, 26.25 / 720]
    )
    assert found.tracks[1].scores.tolist() == [1.0, 1.0, 0.5]
    assert (found.frames, found.camera, found.fps) == (3, CAMERA, 25.0)


def test_the_class_is_voted_and_none_is_moving(tmp_path: Path) -> None:
    found = tracks_in(
        "1,1,0,0,9,9,.9,car,-1,-1\n2,1,0,0,9,9,.4,truck,-1,-1\n3,1,0,0,9,9,.4,truck,-1,-1\n"
        "1,2,0,0,9,9,1,-1,-1,-1\n1,3,0,0,9,9,1,,-1,-1\n1,4,0,0,9,9,1,Pedestrian,-1,-1\n",
        tmp_path,
    )
    assert [one.kind for one in found.tracks] == [CAR, MOVING, MOVING, PERSON]
    assert found.tracks[0].kind_share == pytest.approx(0.9 / 1.7)
    assert found.warnings == ()


def test_an_unknown_class_becomes_other_with_one_warning(tmp_path: Path) -> None:
    found = tracks_in("1,1,0,0,9,9,1,kite\n2,1,0,0,9,9,1,kite\n1,2,0,0,9,9,1,car\n", tmp_path)
    assert [one.kind for one in found.tracks] == [OTHER, CAR]
    (warning,) = found.warnings
    assert "'kite'" in warning
    assert "2 boxes" in warning


def test_rows_without_ids_are_detections_frame_by_frame(tmp_path: Path) -> None:
    found = read("4,-1,0,0,9,9,.5,car\n2,-1,5,5,9,9,.25\n4,-1,1,1,9,9,1,bus\n", tmp_path)
    assert isinstance(found, ReadDetections)
    pictures = list(found.pictures())
    assert [len(one) for one in pictures] == [0, 1, 0, 2]
    assert [one.frame for one in pictures] == [1, 2, 3, 4]
    assert pictures[3].at == START.plus(120_000)
    assert pictures[1].kinds.tolist() == [MOVING]
    with MotWriter(tmp_path / "again.txt", **SIZE) as file:
        for one in pictures:
            file.add_detections(one)
    again = read_mot(tmp_path / "again.txt", FACTS)
    assert isinstance(again, ReadDetections)
    for one, other in zip(pictures, again.pictures(), strict=False):
        assert_equal(one, other)


def assert_equal(one: Detections, other: Detections) -> None:
    np.testing.assert_allclose(one.boxes_unit, other.boxes_unit, atol=1e-5)
    np.testing.assert_array_equal(one.kinds, other.kinds)
    np.testing.assert_array_equal(one.scores, other.scores)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,1,0,0,9,9,1\nhello\n", "line 2: 'hello' is not"),
        ("1,1,0,0,9\n", "line 1"),
        ("1,1,0,0,9,9,1\n\n2,1,0,x,9,9,1\n", "line 3"),
        ("1,1,0,0,9,9,1\n2,1,0,nan,9,9,1\n", "line 2: every number must be finite"),
        ("1,1,0,0,inf,9,1\n", "line 1: every number must be finite"),
        ("0,1,0,0,9,9,1\n", "line 1: frames count from 1"),
        ("1.5,1,0,0,9,9,1\n", "line 1: frame and id are whole"),
        ("1,-2,0,0,9,9,1\n", "line 1: an id"),
        ("1,1,0,0,-9,9,1\n", "line 1: width and height"),
        ("1,1,0,0,9,9,7\n", "line 1: confidence"),
        ("1,1,0,0,9,9,1\n2,1,5000,0,9,9,1\n", "line 2: a box far outside a picture of 1280x720"),
        ("1,1,0,0,9,9,1\n2,1,0,0,9,9,1\n1,1,5,5,9,9,1\n", "line 3: track 1 is in frame 1 twice"),
        ("1,1,0,0,9,9,1\n1,-1,0,0,9,9,1\n", "line 2: a file has either tracks or detections"),
        ("999999999,-1,0,0,9,9,1\n", "line 1 is about frame 999999999"),
        ("1" * 2_000, "line 1"),
    ],
)
def test_a_bad_row_is_named_by_its_line(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=says):
        read(text, tmp_path)


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no file"):
        read_mot(tmp_path / "missing.txt", FACTS)
    (tmp_path / "film.txt").write_bytes(bytes(range(256)))
    with pytest.raises(BadInput, match=r"not text|not a MOT"):
        read_mot(tmp_path / "film.txt", FACTS)


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=100)
def test_any_text_is_read_or_refused(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.txt"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        said = ""
        try:
            read_mot(path, FACTS)
        except BadInput as error:
            said = str(error)
        assert not said or "any.txt" in said


def test_an_empty_file_has_no_tracks(tmp_path: Path) -> None:
    assert tracks_in("", tmp_path).tracks == ()


@pytest.mark.slow
def test_a_million_rows_are_read_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    with path.open("w") as file:
        for frame in range(1, 50_001):
            file.writelines(
                f"{frame},{number},{number * 9}.25,100.5,20.75,30,0.875,car,-1,-1\n"
                for number in range(20)
            )
    began = time.process_time()
    found = read_mot(path, FACTS)
    spent = time.process_time() - began
    assert isinstance(found, ReadTracks)
    assert sum(len(one) for one in found.tracks) == 1_000_000
    assert spent < 10, f"{spent:.1f} CPU seconds"


def test_a_line_without_an_end_is_refused_before_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes(b"1,1,0,0,9,9,1,car,-1,-1\n" + b"1" * 50_000_000)
    tracemalloc.start()
    with pytest.raises(BadInput, match="line 2"):
        read_mot(path, FACTS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
