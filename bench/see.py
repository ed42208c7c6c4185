"""`python -m bench.see [GROUP ...]`: how well and at what cost Fairview sees.

counts: three lines on the junction's pictures. boxes: against boxes drawn by hand. crowds: HOTA,
IDF1, MOTA and cost of tracking, on simulated crowds (row 6). tracks: the same on real clips.
weather: night, rain, exposure, shake, fog, simulated. cost: decode and scale, detection (rows 3
and 5). gate: row 4. cameras: how much one machine holds (row 7). Each beside its peers. Without a
word: all but costs. Every figure is of one run; costs are CPU time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import cv2

from bench import see_boxes, see_cameras, see_counts, see_tracks, see_weather
from bench.see_sources import MODELS, PEER_PYTHON, ROOT

ACCURACY = ("counts", "boxes", "crowds", "tracks", "weather")
COST = ("cost", "gate", "cameras")
PROGRAMS = (
    ("Row 3: decode and scale 1080p H.264 to 640x360 RGB", ("bench.decode",)),
    ("Row 5: detection, whole machine", ("bench.detect", str(MODELS), "--seconds", "5")),
)
GATE = (("Row 4: the gate", ("bench.gate", "160")),)


def costs(programs: Sequence[tuple[str, tuple[str, ...]]]) -> None:
    """Rows by their own benches, one after the other."""
    for title, words in programs:
        print(f"### {title}\n\n`python -m {' '.join(words)}`".replace(str(MODELS), "MODELS"))
        before, began = os.getloadavg()[0], time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
        lasted = time.monotonic() - began
        print(f"({lasted:.0f} s, load {before:.1f} before, {os.getloadavg()[0]:.1f} after)\n")
        print(f"```text\n{done.stdout.rstrip()}\n```\n", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("groups", nargs="*", choices=[*ACCURACY, *COST, []], default=[])
    groups = parser.parse_args().groups or ACCURACY
    if not PEER_PYTHON.exists():
        print("no peers: run tools/peers.py first", file=sys.stderr)
        return 7
    os.environ.setdefault("FAIRVIEW_MODELS", str(MODELS))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cv2.setNumThreads(1)
    runs: dict[str, Callable[[], None]] = {
        "counts": see_counts.main,
        "boxes": see_boxes.main,
        "crowds": see_tracks.simulated,
        "tracks": see_tracks.main,
        "weather": see_weather.main,
        "cost": lambda: costs(PROGRAMS),
        "gate": lambda: costs(GATE),
        "cameras": see_cameras.main,
    }
    for group, run in runs.items():
        if group in groups:
            began, load = time.monotonic(), os.getloadavg()[0]
            run()
            lasted = time.monotonic() - began
            print(f"({group}: {lasted:.0f} s, load {load:.1f} to {os.getloadavg()[0]:.1f})\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
