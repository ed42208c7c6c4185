"""Line counts on the junction's 499 pictures, against what was read by eye.

Ours is the product itself: `measure` on the two files of detections that lie beside the pictures,
`watch` on the pictures. Beside it `supervision`'s LineZone on Roboflow's ByteTrack, on the same
boxes, with the libraries' defaults and with the tracker's two scores set to the detector's own.

A crossing counts as found when one is counted on its line, in its direction, within the truth's
own tolerance and a third of a second (the middle of a box's lower edge is not the lowest point
of the wheels). What is left over is false; and in the wrong direction when somebody truly passed
the other way just then, or when nobody passes that way at all.
"""

from __future__ import annotations

import csv
import json
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from tests.truth.read import TrueCrossing, TrueLine, TrueLines, true_lines

from bench.see_sources import (
    JUNCTION,
    JUNCTION_FPS,
    SHIPPED,
    Shipped,
    junction_detections,
    peer,
    rows_px,
    shipped_detections,
    table,
)
from fairview.core.sight import Detections
from fairview.core.time import US_PER_MINUTE, SystemClock
from fairview.core.traffic import DIRECTIONS
from fairview.run.watch.watching import DetectorChange, WatchWish, measure, watch

SLACK_FRAMES = 10
EDGE_FRAMES = 5
"""Within so many pictures of the first and last one that a file holds, nothing is asked for."""

Passing = tuple[str, str, float]
"""Line, direction, picture (from 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One line and direction."""

    truth: int
    counted: int
    missed: tuple[float, ...]
    false: tuple[float, ...]
    wrong: int

    @property
    def cell(self) -> str:
        return f"{self.counted} of {self.truth} (-{len(self.missed)} +{len(self.false)})"


def main(*, is_told: bool = False) -> None:
    """Print the table. is_told: also which pictures every miss and false count lies at."""
    truth = true_lines()
    rows, whole = [], []
    for name, passings, covered in _contenders(truth):
        tallies = {
            (line.name, direction): tally(line, direction, passings, covered)
            for line in truth.lines
            for direction in DIRECTIONS
        }
        off = max(abs(one.counted - one.truth) for one in tallies.values())
        wrong = sum(one.wrong for one in tallies.values())
        met = "yes" if off <= 1 and wrong == 0 else "no"
        rows.append([name, *(one.cell for one in tallies.values()), off, wrong, met])
        if is_told:
            for place, one in tallies.items():
                print("   ", name, *place, "missed", one.missed, "false", one.false)
        if name.endswith("fairview watch"):
            whole.append(_whole(name, list(tallies.values())))
    heads = [f"{line.name} {direction}" for line in truth.lines for direction in DIRECTIONS]
    print("### Line counts on the junction's 499 pictures\n")
    table(["boxes, counter", *heads, "most off", "wrong way", "goal met"], rows)
    print(
        "Counted of truth (- missed, + false). Goal: within 1 in every direction, none in the\n"
        "wrong direction. The file of darknet's detections covers pictures 16 to 452 only.\n"
    )
    print("### All three lines together, by detector\n")
    table(["", "passed", "counted", "recall", "precision"], whole)


def _whole(name: str, tallies: Sequence[Tally]) -> list[str]:
    """What stands on the models' cards as [counted]."""
    truth = sum(one.truth for one in tallies)
    right = truth - sum(len(one.missed) for one in tallies)
    counted = right + sum(len(one.false) for one in tallies)
    precision = right / max(counted, 1)
    return [name, str(truth), str(counted), f"{right / truth:.3f}", f"{precision:.3f}"]


def _contenders(truth: TrueLines) -> Iterator[tuple[str, list[Passing], tuple[int, int]]]:
    whole = (1, truth.frames)
    for one in SHIPPED:
        pictures = shipped_detections(one)
        covered = (one.first, min(truth.frames, one.first + len(pictures) - 1))
        yield f"{one.path.stem}, fairview measure", _measured(one, truth, covered), covered
        for name, passings in _peers(pictures, truth, one.first):
            yield f"{one.path.stem}, {name}", _within(passings, covered), covered
    for name in ("picodet-s-416", "motion"):
        yield f"{name}, fairview watch", _watched(name, truth), whole
        if name == "motion":
            continue
        for peer_name, passings in _peers(junction_detections(name), truth, 1):
            yield f"{name}, {peer_name}", passings, whole
    for name in ("picodet-s-320", "yolox-nano", "fastestdet"):
        yield f"{name}, fairview watch", _watched(name, truth), whole


def _within(passings: Sequence[Passing], covered: tuple[int, int]) -> list[Passing]:
    return [one for one in passings if covered[0] <= one[2] <= covered[1]]


def scene_text(truth: TrueLines, size_px: tuple[int, int]) -> str:
    """The scene of the three lines, on a picture of this size."""
    scale = size_px[0] / truth.size_px[0]
    parts = [
        "version = 1",
        f'[camera]\nid = "junction"\nsize_px = {list(size_px)}\nfps = {truth.fps}',
    ]
    for line in truth.lines:
        points = [[x * scale, y * scale] for x, y in line.points_px]
        parts.append(f'[[line]]\nname = "{line.name}"\npoints_px = {points}')
    return "\n".join(parts) + "\n"


def _measured(one: Shipped, truth: TrueLines, covered: tuple[int, int]) -> list[Passing]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        scene, out = place / "scene.toml", place / "out"
        scene.write_text(scene_text(truth, one.size_px))
        measure(_wish(str(one.path), scene, out, DetectorChange()), _quiet)
        return _within(_passings(out / "crossings.csv", one.first), covered)


def _watched(name: str, truth: TrueLines) -> list[Passing]:
    change = (
        DetectorChange(kind="motion")
        if name == "motion"
        else DetectorChange(kind="onnx", model=name)
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        scene, out = place / "scene.toml", place / "out"
        scene.write_text(scene_text(truth, truth.size_px))
        watch(_wish(str(JUNCTION), scene, out, change), SystemClock(), threading.Event(), _quiet)
        return _passings(out / "crossings.csv", 1)


def _wish(source: str, scene: Path, out: Path, change: DetectorChange) -> WatchWish:
    return WatchWish(source=source, scene=scene, out=out, bin_us=US_PER_MINUTE, detector=change)


def _quiet(done: float, words: str) -> None:
    """Nobody looks at the progress of a bench."""


def _passings(path: Path, first: int) -> list[Passing]:
    with path.open(newline="") as file:
        return [
            (row["line"], row["direction"], float(row["seconds"]) * JUNCTION_FPS + first)
            for row in csv.DictReader(file)
        ]


def _peers(
    pictures: Sequence[Detections], truth: TrueLines, first: int
) -> Iterator[tuple[str, list[Passing]]]:
    confidence = min((float(one.scores.min()) for one in pictures if len(one)), default=0.4)
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "asked.json"
        for thresholds, words in (("own", "defaults"), (max(confidence, 0.1), "our scores")):
            said = {
                "fps": JUNCTION_FPS,
                "pictures": [rows_px(one, truth.size_px) for one in pictures],
                "lines": {line.name: line.points_px for line in truth.lines},
                "thresholds": thresholds,
            }
            asked.write_text(json.dumps(said))
            (answer,) = peer("line_zones.py", str(asked))
            for anchors, more in (("corners", ""), ("bottom", ", bottom centre")):
                passings = [(line, way, at + first) for line, way, at in answer[anchors]]
                yield f"LineZone {words}{more}", passings


def tally(
    line: TrueLine, direction: str, passings: Sequence[Passing], covered: tuple[int, int]
) -> Tally:
    """What was counted on a line in a direction, set against the truth."""
    low, high = covered
    margin = EDGE_FRAMES if covered != (1, 499) else 0
    asked: list[TrueCrossing] = []
    spare = [one for one in line.may_also_count if one.direction == direction]
    for one in line.crossings:
        if one.direction == direction:
            inside = low + margin <= one.frame <= high - margin
            (asked if inside else spare).append(one)
    counted = [at for name, way, at in passings if (name, way) == (line.name, direction)]
    found_at, found = _paired(asked, counted)
    rest = [at for number, at in enumerate(counted) if number not in found]
    _, excused = _paired(spare, rest)
    false = [at for number, at in enumerate(rest) if number not in excused]
    others = [one for one in line.crossings if one.direction != direction]
    goes_this_way = any(one.direction == direction for one in line.crossings)
    wrong = [at for at in false if not goes_this_way or any(_is_near(one, at) for one in others)]
    return Tally(
        truth=len(asked),
        counted=len(counted) - len(excused),
        missed=tuple(one.frame for number, one in enumerate(asked) if number not in found_at),
        false=tuple(round(at, 1) for at in false),
        wrong=len(wrong),
    )


def _is_near(one: TrueCrossing, at: float) -> bool:
    return abs(one.frame - at) <= one.tolerance_frames + SLACK_FRAMES


def _paired(truth: Sequence[TrueCrossing], counted: Sequence[float]) -> tuple[set[int], set[int]]:
    """Numbers of those that belong together, as many pairs and as near as can be."""
    if not truth or not counted:
        return set(), set()
    away = np.array([[abs(one.frame - at) for at in counted] for one in truth], dtype=np.float64)
    near = np.array([[_is_near(one, at) for at in counted] for one in truth])
    rows, columns = linear_sum_assignment(np.where(near, away, 1e6))
    good = [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if near[i, j]]
    return {i for i, _ in good}, {j for _, j in good}
