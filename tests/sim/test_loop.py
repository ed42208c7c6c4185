"""The cached loop: whole, the same for a seed, and readable by any decoder."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fairview.core.errors import BadInput, Corrupt, Unavailable
from fairview.core.ids import StreamName
from fairview.core.time import SystemClock
from fairview.sim.drawing import loop_folder, making_folder
from fairview.sim.junction import FPS, LOOP_FRAMES, signals
from fairview.sim.loop import Loop, Replayed, empty_street, make_loop, ready_loop, seed_of
from fairview.sim.strip import PANEL_PX, read_picture_clock
from fairview.sim.view import Picture


@pytest.fixture(scope="module")
def told() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, int]]) -> Loop:
    folder = tmp_path_factory.mktemp("sim")
    rubbish = making_folder(folder, 7) / "part-00.new"
    rubbish.mkdir(parents=True)
    (rubbish / "main.mp4").write_bytes(b"half a file of a killed try")
    return make_loop(folder, seed=7, progress=lambda done, of: told.append((done, of)))


def _pixels(frame: av.VideoFrame) -> Picture:
    return np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


@pytest.mark.parametrize(
    ("address", "seed"),
    [("sim:junction", 7), ("sim:junction?seed=12", 12), ("sim:junction?seed=0", 0)],
)
def test_an_address_names_a_seed(address: str, seed: int) -> None:
    assert seed_of(address) == seed


@pytest.mark.parametrize(
    "address",
    ["sim:", "sim:harbour", "junction", "sim:junction?seed=-1", "sim:junction?sed=3",
     "sim:junction?seed=1000000", "sim:junction?seed=²"],
)  # fmt: skip
def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(BadInput):
        seed_of(address)


def test_a_cache_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable):
        make_loop(tmp_path / "file" / "sim", seed=7)


def test_a_failed_painter_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Unavailable, match="failed"):
        make_loop(tmp_path, seed=7)
    assert not loop_folder(tmp_path, 7).exists()
    drawn = ready_loop(tmp_path, "sim:junction?seed=7")
    with pytest.raises(Unavailable, match="failed"):
        _await_frame(drawn, "main", 0)


@pytest.mark.slow
def test_progress_reaches_the_end_and_rubbish_is_cleared(
    loop: Loop, told: list[tuple[int, int]]
) -> None:
    assert max(done for done, _ in told) == LOOP_FRAMES
    assert sorted(one.name for one in loop.folder.iterdir()) == [
        "empty.png", "main.mp4", "sub.mp4", "truth.jsonl",
    ]  # fmt: skip
    assert not list(loop.folder.parent.glob(".*.making"))


@pytest.mark.slow
def test_the_cache_is_used_again(loop: Loop) -> None:
    again = ready_loop(loop.folder.parent, "sim:junction?seed=7")
    assert again == loop


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_killed_drawer_leaves_its_parts_and_a_watcher_goes_on(loop: Loop, tmp_path: Path) -> None:
    words = "import sys, pathlib; from fairview.sim.loop import make_loop; "
    words += "make_loop(pathlib.Path(sys.argv[1]), seed=7)"
    drawer = subprocess.Popen([sys.executable, "-c", words, str(tmp_path)])
    try:
        while not making_folder(tmp_path, 7).exists():
            SystemClock().wait(threading.Event(), 20_000)
        watcher = ready_loop(tmp_path, "sim:junction?seed=7", first_frame=300)
        _await_frame(watcher, "main", 0)
    finally:
        drawer.kill()
        drawer.wait()
    assert not loop_folder(tmp_path, 7).exists()
    # The drawer began with frame 0; who takes over begins with what it was asked for.
    _await_frame(watcher, "sub", 300)
    again = make_loop(tmp_path, seed=7)
    for name in ("main.mp4", "sub.mp4", "truth.jsonl", "empty.png"):
        digests = [
            hashlib.sha256((one.folder / name).read_bytes()).hexdigest() for one in (loop, again)
        ]
        assert digests[0] == digests[1], name
    for frame in (0, 300, 719):
        assert watcher.coded("main", frame) == loop.coded("main", frame)


def _await_frame(replayed: Replayed, stream: StreamName, frame: int) -> None:
    for _ in range(1_000):
        if replayed.coded(stream, frame) is not None:
            return
        SystemClock().wait(threading.Event(), 50_000)
    raise AssertionError(f"frame {frame} was never drawn")


@pytest.mark.slow
def test_the_empty_street_is_the_same_without_its_loop(loop: Loop) -> None:
    assert np.array_equal(loop.empty(), empty_street("sim:junction"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["main", "sub"])
def test_every_decoded_picture_tells_its_number(loop: Loop, name: StreamName) -> None:
    encoded = loop.stream(name)
    assert [one.is_key for one in encoded.samples] == [n % FPS == 0 for n in range(LOOP_FRAMES)]
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = encoded.format.parameter_sets
    read = []
    for sample in encoded.samples:
        for frame in decoder.decode(av.Packet(sample.data)):
            read.append(read_picture_clock(_pixels(frame)))
    for frame in decoder.decode(None):
        read.append(read_picture_clock(_pixels(frame)))
    assert read == list(range(LOOP_FRAMES))


@pytest.mark.slow
def test_bit_rate_is_near_a_megabit(loop: Loop) -> None:
    rate = sum(len(one.data) for one in loop.main.samples) * 8 / 60
    assert 500_000 < rate < 1_500_000


@pytest.mark.slow
def test_truth_file_covers_the_loop_and_matches_the_decoded_pictures(loop: Loop) -> None:
    truth = loop.truth()
    assert len(truth.frames) == LOOP_FRAMES
    assert truth.seam_m < 0.001
    assert truth.frames[480].signals == signals(40.0)
    empty = loop.empty()
    shares = []
    with av.open(str(loop.folder / "main.mp4")) as file:
        for index, frame in enumerate(file.decode(video=0)):
            if index % 90:
                continue
            pixels = _pixels(frame)
            changed = np.asarray(cv2.absdiff(pixels, empty)).max(axis=2) > 24
            for one in truth.frames[index].seen:
                left, top, right, bottom = (round(edge) for edge in one.box_px)
                is_open = one.seen_frac > 0.6 and top >= PANEL_PX[3]
                if is_open and (right - left) * (bottom - top) > 80:
                    shares.append(float(changed[top:bottom, left:right].mean()))
    assert len(shares) > 100
    assert min(shares) > 0.1
    assert float(np.mean(shares)) > 0.5


@pytest.mark.slow
def test_a_broken_cache_says_so(loop: Loop, tmp_path: Path) -> None:
    broken = loop_folder(tmp_path, 7)
    shutil.copytree(loop.folder, broken)
    truth = broken / "truth.jsonl"
    truth.write_bytes(truth.read_bytes()[:-500])
    with pytest.raises(Corrupt):
        make_loop(tmp_path, seed=7).truth()
    (broken / "empty.png").write_bytes(b"not a picture")
    with pytest.raises(Corrupt):
        make_loop(tmp_path, seed=7).empty()
    (broken / "main.mp4").write_bytes(b"not a film")
    with pytest.raises(Corrupt):
        make_loop(tmp_path, seed=7)
