"""Detection throughput of a whole machine, end to end, beside ONNX Runtime's defaults.

    python -m bench.detect MODELS [--model NAME] [--seconds S] [--rounds N]

MODELS: a folder of model files (as $FAIRVIEW_MODELS). Ours: one process per core, one
single-threaded session each. The peer: one process, ONNX Runtime's defaults, which is one session
over all cores with threads that spin while they wait. Both see the same 640x360 pictures and do
everything from planes to boxes. Rounds are interleaved; medians and CPU seconds are printed, and
nothing is asserted: see row 5 of the figures to beat.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from fairview.analyse.detectors.graph import Graph
from fairview.analyse.detectors.models import ModelStore
from fairview.analyse.detectors.onnx import OnnxDetector
from fairview.analyse.planes import Planes, planes_of_rgb

PICTURES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One run of one contender."""

    pictures: int
    wall_s: float
    cpu_s: float

    @property
    def fps(self) -> float:
        return self.pictures / self.wall_s


def some_pictures() -> list[Planes]:
    """Textured pictures of 640x360 with car-like boxes; what is in them costs nothing more."""
    rng = np.random.default_rng(5)
    made = []
    for _ in range(PICTURES):
        small = rng.integers(60, 200, (18, 32, 3), dtype=np.uint8)
        pixels = np.asarray(cv2.resize(small, (640, 360), interpolation=cv2.INTER_CUBIC), np.uint8)
        for left in range(40, 600, 120):
            pixels[200:240, left : left + 70] = rng.integers(0, 255, 3, dtype=np.uint8)
        made.append(planes_of_rgb(pixels, "bt601"))
    return made


def work(folder: str, model: str, seconds: float, defaults: bool) -> tuple[int, float]:
    """Pictures done in the time, and CPU seconds spent, by one process."""
    cv2.setNumThreads(0 if not defaults else -1)
    card, data = ModelStore(Path(folder)).read(model)
    detector = OnnxDetector(card, data)
    if defaults:
        _with_default_session(detector, data)
    pictures = some_pictures()
    detector.find(pictures[:2])
    done, began, cpu = 0, time.monotonic(), time.process_time()
    while time.monotonic() - began < seconds:
        detector.find([pictures[done % PICTURES]])
        done += 1
    return done, time.process_time() - cpu


def _with_default_session(detector: OnnxDetector, data: bytes) -> None:
    """The peer: everything the same but the session, which is ONNX Runtime's own choice."""
    graph: Graph = detector._graph
    quiet = ort.SessionOptions()
    quiet.log_severity_level = 3
    graph._session = ort.InferenceSession(data, quiet, providers=["CPUExecutionProvider"])


def turn(folder: str, model: str, seconds: float, *, ours: bool) -> Turn:
    """One contender for so long on the whole machine."""
    processes = len(os.sched_getaffinity(0)) if ours else 1
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        tasks = [(folder, model, seconds, not ours)] * processes
        found = pool.starmap(work, tasks, chunksize=1)
    return Turn(
        pictures=sum(done for done, _ in found),
        wall_s=seconds,
        cpu_s=sum(cpu for _, cpu in found),
    )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    words.add_argument("models", help="a folder of model files")
    words.add_argument("--model", default="picodet-s-416")
    words.add_argument("--seconds", type=float, default=6.0)
    words.add_argument("--rounds", type=int, default=5)
    given = words.parse_args()
    turns: dict[bool, list[Turn]] = {True: [], False: []}
    for _ in range(given.rounds):
        for ours in (True, False):
            turns[ours].append(turn(given.models, given.model, given.seconds, ours=ours))
    for ours, name in ((True, "one session a core"), (False, "ONNX Runtime defaults")):
        fps = statistics.median(one.fps for one in turns[ours])
        each = statistics.median(one.cpu_s / max(one.pictures, 1) for one in turns[ours])
        print(f"{given.model}\t{name}\t{fps:.1f} fps\t{each * 1_000:.1f} ms CPU a picture")
    ratios = [ours.fps / peer.fps for ours, peer in zip(turns[True], turns[False], strict=True)]
    print(f"{given.model}\tratio of throughput, median of rounds\t{statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
