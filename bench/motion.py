"""Motion without weights on the simulated junction, beside OpenCV's MOG2.

    python -m bench.motion [--seeds 31,32] [--seconds 40]

MOG2 (history 500, with its shadows taken out) sees the same pictures at 320x180 and its mask goes
through one plain box maker. Both then go through the same tracker and the same four lines.

Asked for are road users at least half in view, of 120 px and more, that have moved 3 m since the
clip began; the first three seconds are left out. Others are neither right nor wrong. `found`: of
those the share that has a box of its own (overlap 0.4). `false`: the share of boxes that fit
nobody. Crossings: right within 1.5 s, missed and false, of the same boxes' truth tracked exactly.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from bench.see_boxes import Floats, overlaps
from bench.see_sources import CAMERA, table
from fairview.analyse.detectors.contract import Detector, Picture
from fairview.analyse.detectors.motion import MotionDetector
from fairview.analyse.measure.looked import Looked
from fairview.analyse.measure.measures import MeasureContext, measure
from fairview.analyse.planes import planes_of_rgb, rgb_small
from fairview.analyse.track.tracker import Tracker
from fairview.core.sight import KINDS, MOVING, Detections, Track
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.core.traffic import Crossing
from fairview.sim.conditions import Condition
from fairview.sim.films import make_film
from fairview.sim.junction import FPS
from fairview.sim.scene import junction_scene
from fairview.sim.truth import SeenObject

CONDITIONS: tuple[Condition, ...] = ("clear", "night", "rain", "exposure", "shake")
EVERY = {12.0: 1, 6.0: 2}
"""Pictures a second, and which of the clip's twelve they are."""

START = Instant(1_700_000_000_000_000)
SIZE = np.array([640.0, 360.0, 640.0, 360.0])
OVERLAP, SPARED_OVERLAP = 0.4, 0.25
SEEN_FRAC_MIN, AREA_PX_MIN, MOVED_M = 0.5, 120.0, 3.0
SKIPPED_S = 3.0
NEAR_US = 1_500_000


class Mog2:
    """The peer, as a Detector."""

    name = "MOG2"
    input_px = (640, 360)

    def __init__(self) -> None:
        self._model = cv2.createBackgroundSubtractorMOG2(history=500, detectShadows=True)

    def detect(self, pictures: Sequence[Picture]) -> tuple[Detections, ...]:
        return tuple(self._one(picture) for picture in pictures)

    def forget(self, camera: Any) -> None:
        """Only one camera is ever shown."""

    def _one(self, picture: Picture) -> Detections:
        seen = self._model.apply(rgb_small(picture.planes, (320, 180)))
        mask = cv2.medianBlur(cv2.threshold(seen, 200, 255, cv2.THRESH_BINARY)[1], 3)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 3), np.uint8))
        stats = np.asarray(cv2.connectedComponentsWithStats(mask)[2])[1:]
        stats = stats[stats[:, cv2.CC_STAT_AREA] >= 14]
        if cv2.countNonZero(mask) > 0.5 * mask.size:
            stats = stats[:0]
        boxes = np.column_stack([stats[:, :2], stats[:, :2] + stats[:, 2:4]])
        return Detections(
            camera=picture.camera,
            frame=picture.frame,
            at=picture.at,
            boxes_unit=(boxes / [320, 180, 320, 180]).astype(np.float32),
            scores=(0.5 * np.minimum(1, stats[:, 4] / 56) ** 0.25).astype(np.float32),
            kinds=np.full(len(boxes), MOVING, np.uint8),
            model=self.name,
        )


@dataclass(slots=True)
class Score:
    """One contender, one condition and rate, all seeds."""

    asked: int = 0
    found: int = 0
    given: int = 0
    false: int = 0
    crossed: int = 0
    right: int = 0
    counted: int = 0
    cpu_ms: list[float] = field(default_factory=list)

    def row(self) -> list[str]:
        return [
            f"{self.found / max(self.asked, 1):.2f}",
            f"{self.false / max(self.given, 1):.2f}",
            f"{self.right} of {self.crossed} (+{self.counted - self.right})",
            f"{statistics.median(self.cpu_ms):.2f}",
        ]


@dataclass(slots=True)
class Run:
    """One detector going through one clip."""

    detector: Detector
    score: Score
    tracker: Tracker = field(default_factory=lambda: Tracker(CAMERA))
    tracks: list[Track] = field(default_factory=list)

    def show(self, picture: Picture) -> Detections:
        began = time.thread_time()
        (found,) = self.detector.detect((picture,))
        self.score.cpu_ms.append(1000 * (time.thread_time() - began))
        self.tracker.advance(found)
        self.tracks += self.tracker.take_finished()
        return found


class Truth:
    """Who is asked for, and everybody's exact track."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[float, float]] = {}
        self._moved: set[int] = set()
        self._points: dict[int, list[tuple[int, int, SeenObject]]] = {}

    def note(self, frame: int, at: Instant, seen: Sequence[SeenObject]) -> tuple[Floats, Floats]:
        """Boxes asked for, and boxes spared. Shapes: (n, 4), (m, 4)."""
        asked: list[tuple[float, float, float, float]] = []
        spared: list[tuple[float, float, float, float]] = []
        for one in seen:
            self._points.setdefault(one.number, []).append((frame, at.us, one))
            x_m, y_m = self._first.setdefault(one.number, (one.x_m, one.y_m))
            if np.hypot(one.x_m - x_m, one.y_m - y_m) > MOVED_M:
                self._moved.add(one.number)
            left, top, right, bottom = one.box_px
            is_big = (right - left) * (bottom - top) >= AREA_PX_MIN
            is_asked = is_big and one.seen_frac >= SEEN_FRAC_MIN and one.number in self._moved
            (asked if is_asked else spared).append(one.box_px)
        return np.array(asked).reshape(-1, 4), np.array(spared).reshape(-1, 4)

    def tracks(self) -> list[Track]:
        return [
            Track(
                camera=CAMERA,
                id=number,
                kind=KINDS.index(points[0][2].kind),
                kind_share=1.0,
                frames=np.array([frame for frame, _, _ in points], np.int32),
                at_us=np.array([at for _, at, _ in points], np.int64),
                boxes_unit=np.clip(
                    np.array([one.box_px for *_, one in points]) / SIZE, 0, 1
                ).astype(np.float32),
                scores=np.ones(len(points), np.float32),
                is_seen=np.ones(len(points), bool),
            )
            for number, points in self._points.items()
        ]


def main() -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    words = argparse.ArgumentParser()
    words.add_argument("--seeds", default="31,32")
    words.add_argument("--seconds", type=float, default=40.0)
    words.add_argument("--conditions", default=",".join(CONDITIONS))
    given = words.parse_args()
    rows = []
    for condition in given.conditions.split(","):
        scores = {(name, fps): Score() for fps in EVERY for name in ("fairview", "MOG2")}
        for seed in given.seeds.split(","):
            _play(int(seed), given.seconds, condition, scores)
        rows += [
            [condition, f"{fps:g}", name, *score.row()] for (name, fps), score in scores.items()
        ]
    heads = ["condition", "fps", "boxes", "found", "false", "crossings right (+ false)"]
    table([*heads, "CPU ms"], rows)


def _play(
    seed: int, seconds: float, condition: Condition, scores: dict[tuple[str, float], Score]
) -> None:
    """One clip, drawn once, shown to everybody."""
    runs = {
        place: Run(MotionDetector() if place[0] == "fairview" else Mog2(), score)
        for place, score in scores.items()
    }
    truths = {fps: Truth() for fps in EVERY}
    for shown in make_film(seed, seconds, condition).pictures():
        at = START.plus(round((shown.frame - 1) * US_PER_SECOND / FPS))
        planes = planes_of_rgb(shown.pixels, "bt601")
        for fps, every in EVERY.items():
            if (shown.frame - 1) % every:
                continue
            frame = (shown.frame - 1) // every + 1
            asked, spared = truths[fps].note(frame, at, shown.seen)
            picture = Picture(camera=CAMERA, frame=frame, at=at, planes=planes)
            for (_, rate), run in runs.items():
                if rate == fps:
                    found = run.show(picture)
                    if shown.frame > SKIPPED_S * FPS:
                        _judge(run.score, found.boxes_unit * SIZE, asked, spared)
    end = START.plus(round(seconds * US_PER_SECOND))
    for (_, fps), run in runs.items():
        run.tracks += run.tracker.close()
        asked_for = list(_crossings(truths[fps].tracks(), end))
        counted = list(_crossings(run.tracks, end))
        run.score.crossed += len(asked_for)
        run.score.counted += len(counted)
        run.score.right += _paired(asked_for, counted)


def _judge(score: Score, boxes: Floats, asked: Floats, spared: Floats) -> None:
    over = overlaps(boxes, asked)
    rows, columns = linear_sum_assignment(-over)
    good = {int(i) for i, j in zip(rows, columns, strict=True) if over[i, j] >= OVERLAP}
    aside = overlaps(boxes, spared).max(axis=1, initial=0) >= SPARED_OVERLAP
    score.asked += len(asked)
    score.found += len(good)
    false = sum(i not in good and not aside[i] for i in range(len(boxes)))
    score.false += false
    score.given += len(good) + false


def _crossings(tracks: Sequence[Track], end: Instant) -> Iterator[Crossing]:
    looked = Looked(watched=(Span(start=START, end=end),))
    yield from measure(tracks, junction_scene(CAMERA), looked, MeasureContext()).crossings


def _paired(truth: Sequence[Crossing], counted: Sequence[Crossing]) -> int:
    """How many belong together: the same line and direction at about the same time."""
    if not truth or not counted:
        return 0
    near = np.array(
        [
            [
                (one.line, one.direction) == (other.line, other.direction)
                and abs(one.at.since(other.at)) <= NEAR_US
                for other in counted
            ]
            for one in truth
        ]
    )
    rows, columns = linear_sum_assignment(~near)
    return int(near[rows, columns].sum())


if __name__ == "__main__":
    main()
