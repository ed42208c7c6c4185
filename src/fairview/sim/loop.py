"""A cached minute of the junction: drawn once, then replayed for ever.

The cache is a folder per seed and version of the drawing, put in place whole by one rename, so a
kill at any moment leaves either a finished loop or rubbish that the next try clears away.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

import av
import cv2
import numpy as np

from fairview.core.errors import BadInput, Corrupt, Unavailable
from fairview.core.ids import STREAM_NAMES, StreamName
from fairview.core.limits import SIM_RENDER_US_MAX
from fairview.core.media import VideoFormat
from fairview.core.time import US_PER_SECOND
from fairview.sim.junction import FPS, LOOP_FRAMES
from fairview.sim.render_part import PARTS
from fairview.sim.truth import Truth, read_truth
from fairview.sim.view import Picture

LOOP_VERSION = 1
"""Raised whenever the same seed would draw, move or encode differently."""

SEED_DEFAULT = 7
TICKS_PER_SECOND = 90_000
TICKS_PER_FRAME = TICKS_PER_SECOND // FPS
_ADDRESS = re.compile(r"sim:(?P<scene>[a-z]+)(?:\?(?P<query>.*))?\Z")

Progress = Callable[[int, int], None]
"""Told frames done and frames in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSample:
    """One encoded frame: length-prefixed NAL units."""

    data: bytes
    is_key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedLoop:
    """One stream of a loop: 720 samples, a key frame each second, shown in coding order."""

    format: VideoFormat
    samples: tuple[LoopSample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A minute of the junction on disk. main and sub are in memory, about 8 MB together."""

    folder: Path
    seed: int
    main: EncodedLoop
    sub: EncodedLoop

    def stream(self, name: StreamName) -> EncodedLoop:
        return self.main if name == "main" else self.sub

    def truth(self) -> Truth:
        """What is so in every frame. Cost: reads 6 MB."""
        return read_truth(self.folder / "truth.jsonl")

    def empty(self) -> Picture:
        """The street with nobody on it and all signals dark. Shapes: (360, 640, 3) RGB."""
        return empty_picture(self.folder)


def empty_picture(folder: Path) -> Picture:
    """A loop folder's clean picture. Shapes: (360, 640, 3) RGB. Errors: Corrupt."""
    pixels = cv2.imread(str(folder / "empty.png"), cv2.IMREAD_COLOR)
    if pixels is None:
        raise Corrupt(f"{folder}/empty.png can't be read; remove the folder to draw it again")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def seed_of(address: str) -> int:
    """The seed in `sim:junction?seed=7`; 7 when it names none.

    Errors:  BadInput for another scene, an unknown word, or a seed that isn't 0 to 999999.
    """
    found = _ADDRESS.match(address)
    if found is None or found["scene"] != "junction":
        raise BadInput(f"{address!r} is not a simulated camera: write sim:junction?seed=7")
    words = dict(parse_qsl(found["query"] or "", keep_blank_values=True))
    text = words.pop("seed", str(SEED_DEFAULT))
    if words:
        raise BadInput(f"{address!r}: only seed can be set, not {sorted(words)[0]}")
    if not text.isascii() or not text.isdigit() or int(text) > 999_999:
        raise BadInput(f"{address!r}: a seed is a whole number from 0 to 999999")
    return int(text)


def loop_folder(folder: Path, seed: int) -> Path:
    """Where a seed's finished loop lies in a cache folder."""
    return folder / f"junction-{seed}-v{LOOP_VERSION}"


def ready_loop(folder: Path, address: str) -> Loop:
    """The loop of a simulated camera's address, from the cache or drawn now.

    Errors:  as seed_of and make_loop.
    """
    return make_loop(folder, seed=seed_of(address))


def make_loop(folder: Path, *, seed: int, progress: Progress | None = None) -> Loop:
    """A seed's loop, drawn when the cache hasn't got it; safe to call from several at once.

    Errors:  Unavailable when it can't be drawn or the cache can't be written.
    Cost:    about 9 s on two cores, 18 s of CPU; 0.05 s from the cache.
    """
    done = loop_folder(folder, seed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not done.is_dir():
            with _alone(folder / f".{done.name}.lock"):
                if not done.is_dir():
                    _draw(folder, done, seed, progress)
        return _load(done, seed)
    except OSError as error:
        raise Unavailable(f"the simulated camera's pictures can't be kept in {folder}") from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one caller at a time, also across processes; a killed one lets go by itself."""
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _draw(folder: Path, done: Path, seed: int, progress: Progress | None) -> None:
    making = folder / f".{done.name}.making"
    shutil.rmtree(making, ignore_errors=True)
    parts = [making / str(part) for part in range(PARTS)]
    for part in parts:
        part.mkdir(parents=True)
    _run_parts(seed, parts, progress)
    for name in STREAM_NAMES:
        _join_video([part / f"{name}.mp4" for part in parts], making / f"{name}.mp4")
    with (making / "truth.jsonl").open("wb") as whole:
        for part in parts:
            whole.write((part / "truth.jsonl").read_bytes())
    (parts[0] / "empty.png").rename(making / "empty.png")
    for part in parts:
        shutil.rmtree(part)
    making.rename(done)


def _run_parts(seed: int, parts: list[Path], progress: Progress | None) -> None:
    """Every part in a process of its own; their reports are added up."""
    done = [0] * len(parts)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "fairview.sim.render_part", str(seed), str(number), str(part)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, part in enumerate(parts)
    ]
    readers = [
        threading.Thread(target=partial(_read_reports, one, number, done, progress), daemon=True)
        for number, one in enumerate(running)
    ]
    for reader in readers:
        reader.start()
    try:
        codes = [one.wait(SIM_RENDER_US_MAX / US_PER_SECOND) for one in running]
    except subprocess.TimeoutExpired as error:
        raise Unavailable("drawing the simulated junction took too long; try again") from error
    finally:
        for one in running:
            one.kill()
            one.wait()
        for reader in readers:
            reader.join()
    if any(codes):
        raise Unavailable(f"drawing the simulated junction failed (exit {max(codes)})")


def _read_reports(
    one: subprocess.Popen[str], number: int, done: list[int], progress: Progress | None
) -> None:
    assert one.stdout is not None
    with one.stdout as lines:
        for line in lines:
            done[number] = int(line)
            if progress is not None:
                progress(sum(done), LOOP_FRAMES)


def _join_video(parts: list[Path], whole: Path) -> None:
    """One file from parts that were encoded alike; each begins with a key frame."""
    with av.open(str(whole), "w", format="mp4") as out:
        stream = None
        frame = 0
        for part in parts:
            with av.open(str(part)) as source:
                if stream is None:
                    stream = out.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.size == 0:
                        continue
                    ticks = source.streams.video[0].time_base
                    assert ticks is not None
                    step = round(1 / (FPS * ticks))
                    packet.pts = packet.dts = frame * step
                    packet.duration = step
                    packet.stream = stream
                    frame += 1
                    out.mux(packet)


def _load(done: Path, seed: int) -> Loop:
    main, sub = (_encoded(done / f"{name}.mp4") for name in STREAM_NAMES)
    return Loop(folder=done, seed=seed, main=main, sub=sub)


def _encoded(path: Path) -> EncodedLoop:
    try:
        with av.open(str(path)) as source:
            video = source.streams.video[0]
            samples = tuple(
                LoopSample(data=bytes(packet), is_key=packet.is_keyframe)
                for packet in source.demux(video)
                if packet.size
            )
            context = video.codec_context
            described = VideoFormat(
                codec="h264",
                width_px=context.width,
                height_px=context.height,
                tick_numerator=1,
                tick_denominator=TICKS_PER_SECOND,
                parameter_sets=bytes(context.extradata or b""),
            )
    except av.FFmpegError as error:
        raise Corrupt(f"{path} can't be read; remove its folder to draw it again") from error
    if len(samples) != LOOP_FRAMES or not all(one.is_key for one in samples[::FPS]):
        raise Corrupt(f"{path} is not a whole loop; remove its folder to draw it again")
    return EncodedLoop(format=described, samples=samples)
