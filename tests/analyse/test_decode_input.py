"""Whole inputs: files and folders, whole, cut and odd ones."""

from __future__ import annotations

import os
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.analyse.decode import NumberedPicture, Pace, VideoInput, open_video
from fairview.analyse.decode.picture_size import picture_size
from fairview.core.errors import BadInput, NotFound
from fairview.core.time import Instant
from tests.analyse.scenes import noisy, street
from tests.shared_data import shared

START = Instant(1_777_636_800_000_000)


def film(
    path: Path,
    *,
    pts: list[int] | None = None,
    bframes: int = 0,
    rate: int = 25,
    options: dict[str, str] | None = None,
) -> Path:
    """A short film whose number-th picture has a brightness of its own, in units of 1/100 s."""
    times = pts if pts is not None else [number * 4 for number in range(30)]
    with av.open(str(path), "w", options=options or {}) as out:
        stream = out.add_stream("libx264", rate=rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.time_base = Fraction(1, 100)
        stream.codec_context.time_base = Fraction(1, 100)
        stream.options = {
            "preset": "veryfast",
            "x264-params": f"keyint=10:min-keyint=10:scenecut=0:bframes={bframes}:b-adapt=0",
        }
        for number, at in enumerate(times):
            pixels = np.full((64, 96, 3), 20 + 7 * number, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = at, Fraction(1, 100)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def seen(video: VideoInput, pace: Pace | None = None) -> list[NumberedPicture]:
    return list(video.pictures(None, pace or Pace()))


def centiseconds(found: list[NumberedPicture]) -> list[int]:
    return [round((one.at.us - found[0].at.us) / 10_000) for one in found]


def brightness(found: list[NumberedPicture]) -> list[int]:
    """Which picture each one is, read from its brightness."""
    return [round(((float(one.planes.luma.mean()) - 16) * 255 / 219 - 20) / 7) + 1 for one in found]


@pytest.mark.parametrize("bframes", [0, 2])
def test_every_picture_has_its_number_and_time(tmp_path: Path, bframes: int) -> None:
    video = open_video(film(tmp_path / "a.mp4", bframes=bframes), start=START)
    found = seen(video)
    assert [one.frame for one in found] == list(range(1, 31))
    assert brightness(found) == list(range(1, 31))
    assert centiseconds(found) == [number * 4 for number in range(30)]
    assert found[0].at == START
    assert (video.width_px, video.height_px, video.frames_total) == (96, 64, 30)
    assert video.has_times
    assert video.warnings == ()


@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("decodes", ["keys", "references"])
def test_pictures_left_out_keep_the_numbers_of_the_others(
    tmp_path: Path, bframes: int, decodes: str
) -> None:
    video = open_video(film(tmp_path / "a.mp4", bframes=bframes), start=START)
    found = seen(video, Pace(decodes="keys" if decodes == "keys" else "references"))
    assert brightness(found) == [one.frame for one in found]
    assert centiseconds(found) == [(one.frame - 1) * 4 for one in found]
    if decodes == "keys":
        assert [one.frame for one in found] == [1, 11, 21]
    elif bframes:
        assert 10 <= len(found) < 30


def test_a_pace_gives_about_as_many_pictures_as_it_says(tmp_path: Path) -> None:
    video = open_video(film(tmp_path / "a.mp4"), start=START)
    found = seen(video, Pace(fps_max=5))
    assert [one.frame for one in found] == [1, 6, 11, 16, 21, 26]
    assert video.frames_read == 30


def test_uneven_steps_and_a_late_first_stamp_are_kept_from_the_first_picture(
    tmp_path: Path,
) -> None:
    times = [128, 130, 147, 149, 166, 200]
    found = seen(open_video(film(tmp_path / "a.mkv", pts=times), start=START))
    assert found[0].at == START
    assert centiseconds(found) == [one - 128 for one in times]


def test_a_negative_first_stamp_is_the_start(tmp_path: Path) -> None:
    path = film(tmp_path / "a.nut", pts=[-20, -16, -12, -8, -4, 0, 4])
    found = seen(open_video(path, start=START))
    assert centiseconds(found) == [0, 4, 8, 12, 16, 20, 24]
    assert found[0].at == START


def test_a_film_without_start_begins_in_1970(tmp_path: Path) -> None:
    assert seen(open_video(film(tmp_path / "a.mp4")))[0].at == Instant(0)


def test_a_cut_film_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", options={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[:-250])
    video = open_video(path, start=START)
    found = seen(video)
    assert 1 <= len(found) < 30
    assert brightness(found[:5]) == [one.frame for one in found[:5]]
    assert any("cut" in one or "ends in the middle" in one for one in video.warnings)


def test_a_film_cut_before_its_index_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])
    with pytest.raises(BadInput, match="not a video"):
        open_video(path)


def test_a_raw_stream_needs_fps_and_numbers_follow_it(tmp_path: Path) -> None:
    path = film(tmp_path / "a.h264", bframes=2)
    with pytest.raises(BadInput, match="fps"):
        open_video(path)
    video = open_video(path, fps=10, start=START)
    found = seen(video)
    assert not video.has_times
    assert [one.frame for one in found] == list(range(1, 31))
    assert brightness(found) == list(range(1, 31))
    assert centiseconds(found) == [number * 10 for number in range(30)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "no video at all\n" * 40),
        ("a.m3u8", "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n"),
        ("a.mp4", ""),
        ("list.ffconcat", "ffconcat version 1.0\nfile 'a.mp4'\n"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput):
        open_video(tmp_path / name, fps=25)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not there"):
        open_video(tmp_path / "gone.mp4")


def pictures(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    for number, name in enumerate(names):
        assert cv2.imwrite(str(folder / name), noisy(street(), number)[:, :, ::-1])
    return folder


def test_a_folder_of_numbered_pictures_is_read_in_order_of_numbers(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", [f"{number}.jpg" for number in range(1, 13)])
    (folder / "notes.txt").write_text("not a picture")
    video = open_video(folder, fps=30, start=START)
    found = seen(video)
    assert [one.frame for one in found] == list(range(1, 13))
    assert found[3].at == START.plus(100_000)
    assert not video.has_times
    assert video.frames_total == 12
    assert video.warnings == ()


def test_a_pattern_names_a_folder_s_pictures(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", ["frame-001.jpg", "frame-002.jpg", "other-001.jpg"])
    found = seen(open_video(folder / "frame-%03d.jpg", fps=10))
    assert [one.frame for one in found] == [1, 2]
    with pytest.raises(NotFound):
        open_video(folder / "nothing-%03d.jpg", fps=10)


def test_a_missing_picture_leaves_its_time_empty(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", ["f1.png", "f2.png", "f4.png", "f5.png"])
    video = open_video(folder, fps=10)
    found = seen(video)
    assert [one.frame for one in found] == [1, 2, 4, 5]
    assert centiseconds(found) == [0, 10, 30, 40]
    assert video.frames_total == 5
    assert "missing" in video.warnings[0]


def test_every_tenth_number_is_one_after_another(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", ["f0010.png", "f0020.png", "f0040.png"])
    assert [one.frame for one in seen(open_video(folder, fps=10))] == [1, 2, 4]


def test_a_damaged_picture_and_one_of_another_size_are_left_out_and_told(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", ["1.jpg", "2.jpg", "3.jpg", "4.jpg"])
    (folder / "2.jpg").write_bytes(b"\xff\xd8 not a picture")
    cv2.imwrite(str(folder / "3.jpg"), np.zeros((10, 10, 3), np.uint8))
    video = open_video(folder, fps=10)
    assert [one.frame for one in seen(video)] == [1, 4]
    assert video.damaged == 2
    assert len(video.warnings) == 2


def test_pictures_without_fps_or_without_pictures_are_refused(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", ["1.jpg"])
    with pytest.raises(BadInput, match="fps"):
        open_video(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no pictures"):
        open_video(tmp_path / "empty", fps=10)
    (folder / "1.jpg").write_bytes(b"nothing")
    with pytest.raises(BadInput, match="can be read"):
        open_video(folder, fps=10)


def test_pictures_come_at_the_size_that_is_asked_for(tmp_path: Path) -> None:
    video = open_video(film(tmp_path / "a.mp4"))
    one = next(iter(video.pictures((48, 30))))
    assert one.planes.luma.shape == (30, 48)
    assert one.planes.blue.shape == (15, 24)


@pytest.mark.parametrize(
    ("name", "frames", "seconds"),
    [
        ("person-bicycle-car-detection.mp4", 459, 38.167),
        ("toll-gate-cars.mp4", 339, 18.689),
        ("store-aisle-detection-gif-x6.mp4", 402, 26.733),
    ],
)
def test_real_clips_have_their_numbers_and_times(name: str, frames: int, seconds: float) -> None:
    """The first begins below 0 with pictures its edit list hides, the second at 1.283 s."""
    video = open_video(shared(f"videos/{name}"))
    found = [(one.frame, one.at.us) for one in video.pictures((64, 36))]
    assert [number for number, _ in found] == list(range(1, frames + 1))
    assert video.frames_total == frames
    assert found[0][1] == 0
    assert found[-1][1] == pytest.approx(seconds * 1e6, abs=1_000)
    assert video.warnings == ()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
def test_a_picture_s_size_is_known_before_it_is_unpacked(suffix: str) -> None:
    picture = np.zeros((48, 70, 3), np.uint8)
    for quality in ([], [cv2.IMWRITE_WEBP_QUALITY, 80] if suffix == ".webp" else []):
        _, data = cv2.imencode(suffix, picture, quality)
        assert picture_size(data.tobytes()) == (70, 48)


@settings(deadline=None)
@given(st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"BM", b"RIFF"]), st.binary())
def test_any_bytes_have_a_size_or_none(head: bytes, data: bytes) -> None:
    found = picture_size(head + data)
    assert found is None or min(found) >= 0


def test_a_small_file_that_claims_a_huge_picture_is_not_unpacked(tmp_path: Path) -> None:
    _, good = cv2.imencode(".png", np.zeros((36, 64, 3), np.uint8))
    header = struct.pack(">II", 50_000, 50_000) + bytes([8, 2, 0, 0, 0])
    check = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    bomb = good.tobytes()[:12] + b"IHDR" + header + check + good.tobytes()[33:]
    (tmp_path / "1.png").write_bytes(good.tobytes())
    (tmp_path / "2.png").write_bytes(bomb)
    (tmp_path / "3.png").write_bytes(good.tobytes())
    folder = open_video(tmp_path, fps=1.0)
    assert [one.frame for one in folder.pictures()] == [1, 3]
    assert folder.damaged == 1


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "film.mp4")
    with pytest.raises(BadInput, match="no file on a disk"):
        open_video(tmp_path / "film.mp4", fps=1.0)


def read_or_refused(path: Path) -> bool:
    """Whether it could be read; anything but BadInput is a failure."""
    try:
        return sum(1 for _ in open_video(path, fps=25.0).pictures()) > 0
    except BadInput:
        return False


@pytest.mark.parametrize("kind", ["whole.mp4", "parts.mp4", "one.mkv", "one.ts"])
def test_a_film_cut_or_damaged_anywhere_is_read_or_refused(tmp_path: Path, kind: str) -> None:
    flags = {"whole.mp4": "faststart", "parts.mp4": "frag_keyframe+empty_moov"}
    options = {"movflags": flags[kind]} if kind in flags else None
    data = film(tmp_path / kind, options=options).read_bytes()
    cut = tmp_path / f"cut{Path(kind).suffix}"
    found = set()
    for size in range(0, len(data), len(data) // 16):
        cut.write_bytes(data[:size])
        found.add(read_or_refused(cut))
    damage = np.random.default_rng(1)
    for _ in range(16):
        broken = bytearray(data)
        for at in damage.integers(0, len(data), 20):
            broken[at] = damage.integers(0, 256)
        cut.write_bytes(broken)
        found.add(read_or_refused(cut))
    assert found == {False, True}


def test_what_only_looks_like_a_picture_is_left_out(tmp_path: Path) -> None:
    _, good = cv2.imencode(".png", np.zeros((36, 64, 3), np.uint8))
    (tmp_path / "1.png").write_bytes(good.tobytes())
    os.mkfifo(tmp_path / "2.png")
    (tmp_path / "3.png").symlink_to("/dev/zero")
    (tmp_path / "4.png").symlink_to(tmp_path / "4.png")
    (tmp_path / "5.png").mkdir()
    (tmp_path / "6.png").symlink_to(tmp_path / "1.png")
    folder = open_video(tmp_path, fps=1.0)
    assert [one.frame for one in folder.pictures()] == [1, 6]
