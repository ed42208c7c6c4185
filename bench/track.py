"""Tracking: cost and accuracy on crowds whose truth is known, beside Roboflow's `trackers`.

    python -m bench.track [--rounds 5] [--seconds 40]

Crowds of 20 and 60 road users (tests/analyse/track/crowds.py), 25 pictures a second. With true
boxes; with boxes that shake, miss and are false; with pictures at uneven times (17 to 167 ms);
at 5 pictures a second. Every tracker gets the same boxes; its answers go through a MOTChallenge
file into TrackEval. Rounds take turns; the figure is the median of CPU time. "seen" leaves out
the points that our tracker filled in, which the others don't have.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.analyse.track.crowds import (
    CAMERA,
    HEIGHT_PX,
    WIDTH_PX,
    Moment,
    Noise,
    Wish,
    crowd,
    detections,
    noisy,
)

from fairview.analyse.files.mot import MotWriter
from fairview.analyse.track.tracker import Tracker, advance_all, together
from fairview.core.ids import CameraId
from fairview.core.sight import Detections, Track

ROOT = Path(__file__).resolve().parent.parent
PEER_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
PEERS = ROOT / "bench" / "peers"
SEEDS = (11, 12, 13)
"""Crowds that nothing was tried on while the tracker was written."""
CAMERAS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A crowd and how it is seen. is_timed: in every round, else once for its accuracy."""

    name: str
    wish: Wish
    noise: Noise | None
    is_timed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What TrackEval says of one file."""

    hota: float
    idf1: float
    mota: float
    switches: int
    tracks: int
    truth: int


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=40.0)
    chosen = options.parse_args()
    if not PEER_PYTHON.exists():
        print("no peers: run tools/peers.py first", file=sys.stderr)
        return 7
    print(
        f"{'crowd':<24}{'tracker':<22}{'ms/picture':>11}{'HOTA':>8}{'IDF1':>8}{'MOTA':>8}", end=""
    )
    print(f"{'switches':>10}{'tracks':>12}")
    with tempfile.TemporaryDirectory() as folder:
        for count in (20, 60):
            for case in _cases(count, chosen.seconds):
                _compare(case, Path(folder), chosen.rounds)
            _batched(count, chosen.rounds)
    return 0


def _cases(count: int, seconds: float) -> list[Case]:
    def wish(fps: float, step_s: tuple[float, float] | None, seed: int) -> Wish:
        frames = round(seconds * (fps if step_s is None else 2 / sum(step_s)))
        return Wish(count=count, frames=frames, seed=seed, fps=fps, step_s=step_s)

    cases = []
    for seed in SEEDS:
        for name, noise in (("true", None), ("noisy", Noise())):
            cases.append(
                Case(
                    name=f"{count} {name} #{seed}",
                    wish=wish(25, None, seed),
                    noise=noise,
                    is_timed=seed == SEEDS[0],
                )
            )
    rough = Noise(miss_frac=0.3, false_per_picture=1.0)
    uneven = (0.017, 0.167)
    cases.append(Case(name=f"{count} 30% missed", wish=wish(25, None, SEEDS[0]), noise=rough))
    cases.append(Case(name=f"{count} uneven", wish=wish(25, uneven, SEEDS[0]), noise=Noise()))
    cases.append(Case(name=f"{count} 5 fps", wish=wish(5, None, SEEDS[0]), noise=Noise()))
    return cases


def _compare(case: Case, folder: Path, rounds: int) -> None:
    moments = crowd(case.wish)
    if case.noise is None:
        found: Sequence[Detections] = [detections(one) for one in moments]
    else:
        found = noisy(moments, case.noise, case.wish.seed)
    truth, boxes, times = folder / "truth.txt", folder / "found.txt", folder / "times.txt"
    _write_truth(truth, moments)
    with MotWriter(boxes, width_px=WIDTH_PX, height_px=HEIGHT_PX) as file:
        for one in found:
            file.add_detections(one)
    start = moments[0].at
    times.write_text("".join(f"{one.at.since(start) / 1e6:.6f}\n" for one in moments))
    ours, seen = folder / "ours.txt", folder / "seen.txt"
    peers = {"bytetrack": folder / "bytetrack.txt", "sort": folder / "sort.txt"}
    spent: dict[str, list[float]] = {"ours": [], **{name: [] for name in peers}}
    tracks: list[Track] = []
    for _ in range(rounds if case.is_timed else 1):
        ms, tracks = _ours(found)
        spent["ours"].append(ms)
        for name, out in peers.items():
            spent[name].append(_peer(name, boxes, times, out))
    _write_tracks(ours, seen, tracks)
    files = {"fairview": ours, "fairview, seen": seen, **peers}
    for (name, _), score in zip(files.items(), _scores(truth, list(files.values())), strict=True):
        median_ms = statistics.median(spent.get(name, spent["ours"]))
        _print(case.name, name, median_ms if case.is_timed else None, score)


def _ours(found: Sequence[Detections]) -> tuple[float, list[Track]]:
    tracker = Tracker(CAMERA)
    tracks: list[Track] = []
    began = time.thread_time()
    for one in found:
        tracker.advance(one)
        tracks.extend(tracker.take_finished())
    tracks.extend(tracker.close())
    return 1000 * (time.thread_time() - began) / len(found), tracks


def _batched(count: int, rounds: int) -> None:
    """The same crowd seen by many cameras, in one array pass."""
    moments = crowd(Wish(count=count, frames=250, seed=SEEDS[0]))
    found = noisy(moments, Noise(), SEEDS[0])
    cameras = [CameraId(f"camera-{number}") for number in range(CAMERAS)]
    pictures = [
        [
            Detections(
                camera=camera,
                frame=one.frame,
                at=one.at,
                boxes_unit=one.boxes_unit,
                scores=one.scores,
                kinds=one.kinds,
                model=one.model,
            )
            for camera in cameras
        ]
        for one in found
    ]
    spent = []
    for _ in range(rounds):
        trackers = together(cameras)
        began = time.thread_time()
        for those in pictures:
            advance_all(trackers, those)
            for tracker in trackers:
                tracker.take_finished()
        spent.append(1000 * (time.thread_time() - began) / len(pictures) / CAMERAS)
    print(
        f"{count} noisy, {CAMERAS} cameras   fairview, batched    {statistics.median(spent):>12.3f}"
    )


def _peer(name: str, boxes: Path, times: Path, out: Path) -> float:
    done = subprocess.run(
        [
            *(str(PEER_PYTHON), "-W", "ignore", str(PEERS / "roboflow_trackers.py")),
            *(name, str(boxes), str(times), str(out)),
        ],
        check=True,
        capture_output=True,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    return float(json.loads(done.stdout)["ms"])


def _scores(truth: Path, files: Sequence[Path]) -> list[Score]:
    done = subprocess.run(
        [
            *(str(PEER_PYTHON), "-W", "ignore", str(PEERS / "trackeval_run.py")),
            *(str(truth), *(str(one) for one in files)),
        ],
        check=True,
        capture_output=True,
        env={"OMP_NUM_THREADS": "1"},
    )
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
    return [
        Score(
            hota=one["hota"],
            idf1=one["idf1"],
            mota=one["mota"],
            switches=one["switches"],
            tracks=one["tracks"],
            truth=one["truth"],
        )
        for one in rows
    ]


def _write_truth(path: Path, moments: Sequence[Moment]) -> None:
    with path.open("w") as file:
        for moment in moments:
            for number, (x1, y1, x2, y2) in zip(moment.ids, moment.boxes, strict=True):
                left, top = x1 * WIDTH_PX, y1 * HEIGHT_PX
                wide, high = (x2 - x1) * WIDTH_PX, (y2 - y1) * HEIGHT_PX
                file.write(
                    f"{moment.frame},{number},{left:.2f},{top:.2f},{wide:.2f},{high:.2f},1,1,1\n"
                )


def _write_tracks(everything: Path, seen: Path, tracks: Sequence[Track]) -> None:
    with MotWriter(everything, width_px=WIDTH_PX, height_px=HEIGHT_PX) as file:
        for track in tracks:
            file.add(track)
    with everything.open() as file_in, seen.open("w") as file_out:
        file_out.writelines(line for line in file_in if float(line.split(",")[6]) > 0)


def _print(crowd_name: str, tracker: str, ms: float | None, score: Score) -> None:
    cost = "" if ms is None else f"{ms:.3f}"
    print(
        f"{crowd_name:<24}{tracker:<22}{cost:>11}{score.hota:>8.4f}{score.idf1:>8.4f}"
        f"{score.mota:>8.4f}{score.switches:>10}{score.tracks:>6} /{score.truth:>4}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
