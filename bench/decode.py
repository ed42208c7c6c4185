"""Decode and scale 1080p H.264 to 640x360 RGB: ours against ffmpeg and PyAV's reformat.

    python -m bench.decode [FILE.mp4 ...]

CPU milliseconds a picture, one thread each, contenders in turn, five rounds, medians. Without a
file: a 1080p25 clip of 4 Mbit/s made of the simulated junction with a sensor's grain.
"""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.codec.context import ThreadType
from av.video.stream import VideoStream

from fairview.analyse.decode import open_video, rgb_small
from fairview.sim.films import make_film

SIZE = (640, 360)
ROUNDS = 5
PICTURES = 150
_GOAL_MS, _FFMPEG_MS, _PYAV_MS = 4.8, 8.2, 10.8


def encode_film(path: Path, pictures: int = PICTURES) -> None:
    """1080p25, 4 Mbit/s, a key frame every two seconds, no B-frames, as cameras send it."""
    rng = np.random.default_rng(1)
    grain = rng.normal(0, 2.0, (1080 + 64, 1920 + 64, 1)).astype(np.float32)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.time_base = Fraction(1, 25)
        stream.bit_rate = 4_000_000
        stream.options = {
            "preset": "veryfast",
            "threads": "2",
            "x264-params": "keyint=50:scenecut=0:bframes=0",
        }
        for number, one in enumerate(make_film(7, pictures / 12 + 1).pictures()):
            if number == pictures:
                break
            wide = cv2.resize(one.pixels, (1920, 1080), interpolation=cv2.INTER_CUBIC)
            top, left = (int(part) for part in rng.integers(0, 64, 2))
            noisy = wide + grain[top : top + 1080, left : left + 1920]
            pixels = np.clip(noisy, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def ours(path: Path) -> int:
    count = 0
    for one in open_video(path).pictures(SIZE):
        assert rgb_small(one.planes, SIZE).shape == (SIZE[1], SIZE[0], 3)
        count += 1
    return count


def decoding_alone(path: Path) -> int:
    """What the decoder itself takes: the floor of all three."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        video.codec_context.thread_count = 1
        video.codec_context.thread_type = ThreadType.NONE
        return sum(1 for _ in container.decode(video))


def reformatted(path: Path) -> int:
    """PyAV as its documents show it."""
    count = 0
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        video.codec_context.thread_count = 1
        video.codec_context.thread_type = ThreadType.NONE
        for frame in container.decode(video):
            frame.reformat(width=SIZE[0], height=SIZE[1], format="rgb24").to_ndarray()
            count += 1
    return count


def ffmpeg(path: Path) -> int:
    program = shutil.which("ffmpeg")
    assert program is not None
    scale = f"scale={SIZE[0]}:{SIZE[1]}:flags=bilinear,format=rgb24"
    one = ["-threads", "1"]
    subprocess.run(
        [
            *(program, "-v", "error", "-nostdin", *one, "-filter_threads", "1"),
            *("-i", str(path), "-an", "-vf", scale, "-f", "rawvideo", "-y", "/dev/null"),
        ],
        check=True,
    )
    return 0


def cpu_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measured(path: Path, rounds: int = ROUNDS) -> dict[str, float]:
    """Median CPU milliseconds a picture of each contender."""
    contenders: dict[str, Callable[[Path], int]] = {
        "fairview": ours,
        "decoding alone": decoding_alone,
        "PyAV reformat": reformatted,
    }
    if shutil.which("ffmpeg"):
        contenders["ffmpeg bilinear"] = ffmpeg
    pictures = ours(path)
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            before = cpu_s()
            run(path)
            costs[name].append((cpu_s() - before) * 1_000 / pictures)
    return {name: statistics.median(values) for name, values in costs.items()}


def main() -> None:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(one) for one in sys.argv[1:]]
        if not paths:
            paths = [Path(folder) / "junction-1080p.mp4"]
            encode_film(paths[0])
        for path in paths:
            video = open_video(path)
            found = measured(path)
            print(f"{path.name}, {video.width_px}x{video.height_px}, to {SIZE[0]}x{SIZE[1]} RGB")
            for name, cost in found.items():
                ratio = cost / found["fairview"]
                print(f"  {name:<16} {cost:6.2f} ms CPU a picture   {ratio:5.2f} x ours")
    print(f"1080p goal {_GOAL_MS} ms; ffmpeg {_FFMPEG_MS} and PyAV {_PYAV_MS} when it was set")


if __name__ == "__main__":
    main()
