"""Cameras on one machine while they are recorded: row 7.

Each simulated camera has a main stream (1080p25, 4 Mbit/s), recorded by Fairview's recorder for
every contender alike, and a sub stream (640x360, 12 pictures a second, variable rate, few
road users) that is looked at 5 times a second with yolox-nano. Both come from a
replayer at real speed over RTSP. One contender at a time, in turn; what is counted begins after
WARM_UP_S. CPU of the looking processes alone, of the recorder apart.
`holds`: two cores divided by the CPU of recording and looking at one camera, the looking brought
from the pictures it managed to 5 a second: a reckoning from CPU time, since a shared machine has
not two cores to give, and no proof that so many run. Dealt with: detected, or left out because
nothing moved; over the whole run, so a little low for all. Dropped: never looked at.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

from bench.footage import make_footage
from bench.see_sources import MODELS, PEER_PYTHON, PEERS, ROOT, table
from bench.usage import usage_of
from fairview.sim.films import make_film

WARM_UP_S = 15.0
MEASURED_S = 25.0
SUB_SECONDS = 30
SUB_FPS = 12
SEED, SHARE = 11, 0.04
"""Few road users."""
READER = "lean"
WANTED_FPS = 5.0
MODEL_FILE = "yolox_nano.onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One contender, once: CPU seconds a camera and second, and what it says it did."""

    name: str
    cameras: int
    record_cpu: float
    look_cpu: float
    dealt: float
    looked: float
    dropped: float
    load: float


def main(cameras: Sequence[int] = (4,)) -> None:
    """Print the table: each contender with each number of cameras."""
    turns = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        main_film = make_footage(place / "main.mp4")
        sub_film = _sub(place / "sub.mp4")
        for count in cameras:
            for name, words in _contenders().items():
                turns.append(_turn((name, words), count, (main_film, sub_film), place))
                print(turns[-1], file=sys.stderr, flush=True)
    print("### Row 7: cameras on one machine while they are recorded\n")
    heads = ["looking", "cameras", "CPU looking, % of a core a camera", "CPU recording"]
    heads += ["pictures dealt with/s", "detected/s", "dropped/s", "load", "holds at 5/s"]
    table(heads, [_row(one) for one in turns])


def _row(one: Turn) -> list[str]:
    dealt = max(one.dealt / one.cameras, 1e-9)
    holds = 2 / (one.record_cpu + one.look_cpu * WANTED_FPS / dealt)
    return [
        one.name,
        str(one.cameras),
        f"{100 * one.look_cpu:.2f}",
        f"{100 * one.record_cpu:.2f}",
        *(f"{one_value / one.cameras:.2f}" for one_value in (one.dealt, one.looked, one.dropped)),
        f"{one.load:.1f}",
        f"{holds:.0f}",
    ]


def _contenders() -> dict[str, list[str]]:
    ours = [sys.executable, "-m", "bench.see_eyes"]
    peer = [str(PEER_PYTHON), "-W", "ignore", str(PEERS / "cv_cameras.py")]
    model = str(MODELS / MODEL_FILE)
    return {
        "fairview's parts, everything decoded": ours,
        "cv2 + ONNX Runtime defaults + ByteTrack": [*peer, "plain", model],
        "decode everything, detect on pixel motion": [*peer, "motion", model],
    }


def _sub(path: Path) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=SUB_FPS)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.options = {
            "crf": "26",
            "preset": "veryfast",
            "threads": "1",
            "x264-params": f"keyint={2 * SUB_FPS}:scenecut=0:bframes=0",
        }
        for one in make_film(SEED, SUB_SECONDS, share=SHARE).pictures():
            frame = av.VideoFrame.from_ndarray(one.pixels, format="rgb24")
            frame.pts, frame.time_base = one.frame - 1, Fraction(1, SUB_FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def _replayer(film: Path) -> tuple[subprocess.Popen[str], int]:
    words = [sys.executable, "-m", "bench.replayer", str(film), "--seconds", "900"]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(json.loads(process.stdout.readline())["port"])


def _turn(
    contender: tuple[str, list[str]], cameras: int, films: tuple[Path, Path], place: Path
) -> Turn:
    name, words = contender
    replayers = [_replayer(film) for film in films]
    mains, subs = (
        [f"rtsp://127.0.0.1:{port}/camera-{number}" for number in range(cameras)]
        for _, port in replayers
    )
    store = place / f"{name}-{cameras}".replace("/", " ")
    store.mkdir()
    recorder = subprocess.Popen(
        [sys.executable, "-m", "bench.recorder", str(store), "0", READER, *mains],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    looker = subprocess.Popen(
        [*words, *subs],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "FAIRVIEW_MODELS": str(MODELS)},
    )
    began = time.monotonic()
    time.sleep(WARM_UP_S)
    before = [usage_of([one.pid]).cpu_s for one in (recorder, looker)]
    at, load = time.monotonic(), []
    while time.monotonic() - at < MEASURED_S:
        time.sleep(5)
        load.append(os.getloadavg()[0])
    lasted, whole = time.monotonic() - at, time.monotonic() - began
    after = [usage_of([one.pid]).cpu_s for one in (recorder, looker)]
    if recorder.poll() is not None or after[0] <= before[0]:
        raise RuntimeError("nothing was recorded: the run is void")
    looker.send_signal(signal.SIGTERM)
    said, _ = looker.communicate(timeout=60)
    recorder.send_signal(signal.SIGTERM)
    recorder.wait(timeout=60)
    for process, _ in replayers:
        process.terminate()
        process.communicate(timeout=30)
    figures = json.loads(said.splitlines()[-1])
    return Turn(
        name=name,
        cameras=cameras,
        record_cpu=(after[0] - before[0]) / lasted / cameras,
        look_cpu=(after[1] - before[1]) / lasted / cameras,
        dealt=(figures["looked"] + figures["skipped"]) / whole,
        looked=figures["looked"] / whole,
        dropped=figures["dropped"] / whole,
        load=sum(load) / len(load),
    )
