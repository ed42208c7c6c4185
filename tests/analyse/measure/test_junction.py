"""Counts at a real junction, from the detections that lie beside its pictures, against what was
read by eye. The pictures themselves are not needed: boxes go through the tracker and `measure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from fairview.analyse.files.opendatacam import read_opendatacam
from fairview.analyse.files.read import FileFacts
from fairview.analyse.measure.looked import Looked
from fairview.analyse.measure.measures import MeasureContext, measure
from fairview.analyse.track.tracker import Tracker
from fairview.core.ids import CameraId
from fairview.core.scene import Line, Scene, SceneCamera
from fairview.core.sight import Track
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.core.traffic import DIRECTIONS, Crossing
from tests.shared_data import shared
from tests.truth.read import TrueCrossing, TrueLines, true_lines

pytestmark = pytest.mark.slow

CAMERA = CameraId("junction")
SLACK_FRAMES = 10
"""The middle of a box's lower edge is not the lowest point of the wheels."""

EDGE_FRAMES = 5
"""So near the first and last picture of a file that starts late or ends early nothing is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """A file of boxes. first: the picture (from 1) its first entry belongs to; last: its last."""

    name: str
    width_px: int
    height_px: int
    first: int
    last: int


RAW = Boxes(name="rawdetections.txt", width_px=1920, height_px=1080, first=2, last=499)
DARKNET = Boxes(name="alexeydetections30FPS.json", width_px=640, height_px=360, first=16, last=452)


@lru_cache(maxsize=2)
def counted(boxes: Boxes) -> tuple[Crossing, ...]:
    truth = true_lines()
    found = _measured(_tracks(boxes, truth), truth)
    return tuple(one for one in found if boxes.first <= _frame(one, boxes) <= boxes.last)


def _tracks(boxes: Boxes, truth: TrueLines) -> list[Track]:
    facts = FileFacts(
        camera=CAMERA,
        width_px=boxes.width_px,
        height_px=boxes.height_px,
        fps=truth.fps,
        start=Instant(0),
    )
    tracker = Tracker(CAMERA)
    done: list[Track] = []
    pictures = read_opendatacam(shared(f"traffic/opendatacam/{boxes.name}"), facts).pictures()
    for one in islice(pictures, truth.frames - boxes.first + 1):  # one file goes on beyond them
        tracker.advance(one)
        done += tracker.take_finished()
    return [*done, *tracker.close()]


def _measured(tracks: Sequence[Track], truth: TrueLines) -> tuple[Crossing, ...]:
    width_px, height_px = truth.size_px
    scene = Scene(
        camera=SceneCamera(id=CAMERA, width_px=width_px, height_px=height_px),
        digest="0" * 64,
        lines=tuple(Line(name=line.name, points_px=line.points_px) for line in truth.lines),
    )
    span = Span(start=Instant(0), end=Instant(round(truth.frames / truth.fps * US_PER_SECOND)))
    return measure(tracks, scene, Looked(watched=(span,)), MeasureContext()).crossings


def _frame(one: Crossing, boxes: Boxes) -> float:
    return one.at.us / US_PER_SECOND * true_lines().fps + boxes.first


def read_by_eye(boxes: Boxes, line: str, direction: str) -> list[tuple[TrueCrossing, bool]]:
    """The crossings of a line, and whether each is asked for: it lies well within the file."""
    first, last = boxes.first + EDGE_FRAMES, boxes.last - EDGE_FRAMES
    return [
        (one, first <= one.frame <= last)
        for one in true_lines().line(line).crossings
        if one.direction == direction
    ]


def missed_and_more(boxes: Boxes, line: str, direction: str) -> tuple[int, int]:
    """How many were not counted at their time, and how many counts nobody stands for; as many and
    as near pairs as can be.
    """
    truth = read_by_eye(boxes, line, direction)
    frames = [
        _frame(one, boxes)
        for one in counted(boxes)
        if (one.line, one.direction) == (line, direction)
    ]
    away = np.array([[abs(one.frame - at) for at in frames] for one, _ in truth])
    near = np.array([[one.tolerance_frames + SLACK_FRAMES] for one, _ in truth])
    is_asked = np.array([[asked] for _, asked in truth])
    rows, columns = linear_sum_assignment(np.where(away <= near, away - 1e3 * is_asked, 1e6))
    pairs = [(i, j) for i, j in zip(rows, columns, strict=True) if away[i, j] <= near[i, 0]]
    met = sum(truth[i][1] for i, _ in pairs)
    return sum(asked for _, asked in truth) - met, len(frames) - len(pairs)


@pytest.mark.parametrize(
    ("boxes", "line", "direction", "missed_max", "more_max"),
    [
        (RAW, "near", "forward", 0, 0),
        (RAW, "near", "backward", 0, 0),
        (RAW, "leaving", "backward", 2, 0),
        (RAW, "edge", "forward", 0, 0),
        (DARKNET, "near", "forward", 0, 0),
        (DARKNET, "near", "backward", 1, 0),
        (DARKNET, "leaving", "backward", 7, 2),
        (DARKNET, "edge", "forward", 1, 0),
    ],
)
def test_a_line_is_counted_as_by_eye(
    boxes: Boxes, line: str, direction: str, missed_max: int, more_max: int
) -> None:
    missed, more = missed_and_more(boxes, line, direction)
    assert missed <= missed_max
    assert more <= more_max


@pytest.mark.parametrize("boxes", [RAW, DARKNET])
def test_nobody_is_counted_in_a_direction_nobody_goes(boxes: Boxes) -> None:
    goes = {
        (line.name, way) for line in true_lines().lines for way in DIRECTIONS if line.count(way) > 0
    }
    assert {(one.line, one.direction) for one in counted(boxes)} <= goes
