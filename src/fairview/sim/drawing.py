"""Drawing a loop: processes that each draw some parts, and joining what they drew.

A part is five seconds, encoded on its own, so the same seed gives the same bytes whoever draws
which part and in what order. A finished part appears by one rename; a killed try leaves finished
parts, which the next one keeps.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import av

from fairview.core.errors import Unavailable
from fairview.core.ids import CAMERA_STREAMS
from fairview.core.limits import SIM_PAINTERS_MAX, SIM_RENDER_US_MAX
from fairview.core.time import US_PER_SECOND
from fairview.sim.junction import FPS, LOOP_FRAMES
from fairview.sim.render_part import PARTS, part_folder

LOOP_VERSION = 1
"""Raised whenever the same seed would draw, move or encode differently."""

Progress = Callable[[int, int], None]
"""Told frames done and frames in all."""


def loop_folder(folder: Path, seed: int) -> Path:
    """Where a seed's finished loop lies in a cache folder."""
    return folder / f"junction-{seed}-v{LOOP_VERSION}"


def making_folder(folder: Path, seed: int) -> Path:
    """Where a seed's parts lie while it is being drawn."""
    return folder / f".junction-{seed}-v{LOOP_VERSION}.making"


@contextmanager
def drawing_right(folder: Path, seed: int, *, waits: bool) -> Iterator[bool]:
    """The right to draw a seed's loop; one at a time, also across processes.

    Whether it was given; without `waits` not when somebody else has it. A killed holder lets go
    by itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".junction-{seed}-v{LOOP_VERSION}.lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def draw_loop(folder: Path, seed: int, *, first_part: int, progress: Progress | None) -> None:
    """Draw what is missing and put the finished loop in place. The caller has the right to.

    first_part: drawn first, the others following in their order.
    Errors:  Unavailable when a painter fails or takes too long; OSError of the disk.
    """
    making = making_folder(folder, seed)
    making.mkdir(parents=True, exist_ok=True)
    for left in making.iterdir():
        if left.name.endswith(".new") or left.name == "whole":
            shutil.rmtree(left)
    order = [(first_part + step) % PARTS for step in range(PARTS)]
    missing = [part for part in order if not part_folder(making, part).is_dir()]
    if missing:
        _paint(seed, making, missing, progress)
    whole = making / "whole"
    whole.mkdir()
    parts = [part_folder(making, part) for part in range(PARTS)]
    for name in CAMERA_STREAMS:
        _join_video([part / f"{name}.mp4" for part in parts], whole / f"{name}.mp4")
    with (whole / "truth.jsonl").open("wb") as truth:
        for part in parts:
            truth.write((part / "truth.jsonl").read_bytes())
    shutil.copyfile(parts[0] / "empty.png", whole / "empty.png")
    whole.rename(loop_folder(folder, seed))
    shutil.rmtree(making)


def _paint(seed: int, making: Path, missing: list[int], progress: Progress | None) -> None:
    """Painters side by side, taking turns at the missing parts; their reports are added up."""
    painters = max(1, min(os.cpu_count() or 1, SIM_PAINTERS_MAX, len(missing)))
    before = (PARTS - len(missing)) * (LOOP_FRAMES // PARTS)
    done = [before, *[0] * painters]
    running = [
        subprocess.Popen(
            [
                sys.executable,
                "-P",  # the folder it was started from is no place to take modules from
                "-m",
                "fairview.sim.render_part",
                str(seed),
                str(making),
                *(str(part) for part in missing[number::painters]),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(painters)
    ]
    readers = [
        threading.Thread(target=partial(_read_reports, one, number, done, progress), daemon=True)
        for number, one in enumerate(running, start=1)
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
                video = source.streams.video[0]
                if stream is None:
                    stream = out.add_stream_from_template(video)
                assert video.time_base is not None
                step = round(1 / (FPS * video.time_base))
                for packet in source.demux(video):
                    if packet.size == 0:
                        continue
                    packet.pts = packet.dts = frame * step
                    packet.duration = step
                    packet.stream = stream
                    frame += 1
                    out.mux(packet)
