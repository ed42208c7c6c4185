"""Many cameras, one detector: nobody waits, and one that leaves takes nothing with it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from fairview.analyse.detectors.contract import Detector, Picture
from fairview.core.errors import BadInput, NotFound
from fairview.core.ids import CameraId
from fairview.core.sight import Detections, Unmeasurable
from fairview.core.time import Span, SystemClock
from fairview.run.analysing.looker import Looker, small_size
from tests.builders import NOON
from tests.run.test_camera_analysis import planes


class Telling:
    """A detector that finds nothing, and can be held."""

    name = "telling"
    input_px = None

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.calls: list[int] = []
        self.forgotten: list[CameraId] = []

    def detect(self, pictures: Sequence[Picture]) -> tuple[Detections, ...]:
        self.go.wait(5)
        self.calls.append(len(pictures))
        return tuple(
            Detections(
                camera=one.camera,
                frame=one.frame,
                at=one.at,
                boxes_unit=np.zeros((0, 4), np.float32),
                scores=np.zeros(0, np.float32),
                kinds=np.zeros(0, np.uint8),
                model=self.name,
            )
            for one in pictures
        )

    def forget(self, camera: CameraId) -> None:
        self.forgotten.append(camera)


class Noting:
    """Stands for a CameraAnalysis."""

    def __init__(self, camera: CameraId) -> None:
        self.camera = camera
        self.frames: list[int] = []
        self.dropped: list[Unmeasurable] = []
        self.told: list[int | Span] = []
        self.is_closed = threading.Event()
        self.got = threading.Event()

    def seen(self, picture: Picture, found: Detections) -> None:
        self.frames.append(picture.frame)
        self.told.append(picture.frame)
        self.got.set()

    def quiet(self, span: Span) -> None:
        self.told.append(span)

    def not_looked(self, stretch: Unmeasurable) -> None:
        self.dropped.append(stretch)

    def close(self) -> None:
        self.is_closed.set()


def picture(camera: CameraId, frame: int) -> Picture:
    return Picture(camera=camera, frame=frame, at=NOON.plus(frame * 200_000), planes=planes(frame))


def looker(detector: Detector) -> Looker:
    made = Looker(lambda: detector, SystemClock())
    made.start()
    assert made.is_ready.wait(5)
    return made


def test_a_detector_that_cant_keep_up_drops_the_oldest_and_says_so() -> None:
    detector = Telling()
    detector.go.clear()
    made = looker(detector)
    note = Noting(CameraId("a-1"))
    made.add(note, note.camera)  # type: ignore[arg-type]  # stands for an analysis
    for frame in range(1, 60):
        made.put(picture(note.camera, frame))
    detector.go.set()
    for _ in range(500):
        if note.dropped and note.frames[-1:] == [59]:
            break
        threading.Event().wait(0.01)
    made.close()
    assert note.frames[-1] == 59
    assert len(note.frames) < 59
    assert note.dropped
    assert note.dropped[0].because == "overloaded"
    assert note.is_closed.is_set()


def test_a_quiet_stretch_is_told_after_the_pictures_before_it_and_before_those_after() -> None:
    detector = Telling()
    detector.go.clear()
    made = looker(detector)
    note = Noting(CameraId("a-1"))
    made.add(note, note.camera)  # type: ignore[arg-type]  # stands for an analysis
    first, second = picture(note.camera, 1), picture(note.camera, 50)
    span = Span(start=first.at, end=second.at.plus(-200_000))
    last = Span(start=second.at, end=second.at.plus(4_000_000))
    made.put(first)
    made.quiet(note.camera, span)
    made.put(second)
    made.quiet(note.camera, last)
    detector.go.set()
    for _ in range(500):
        if note.frames[-1:] == [50]:
            break
        threading.Event().wait(0.01)
    made.close()
    assert note.told == [1, span, 50, last]


def test_a_camera_that_leaves_is_closed_and_forgotten_while_others_go_on() -> None:
    detector = Telling()
    made = looker(detector)
    first, second = Noting(CameraId("a-1")), Noting(CameraId("b-1"))
    for one in (first, second):
        made.add(one, one.camera)  # type: ignore[arg-type]  # stands for an analysis
    made.remove(first.camera)
    assert first.is_closed.wait(5)
    made.put(picture(first.camera, 1))
    made.put(picture(second.camera, 1))
    assert second.got.wait(5)
    made.close()
    assert first.frames == []
    assert first.camera in detector.forgotten


def test_a_camera_whose_analysis_fails_stops_no_other() -> None:
    class Failing(Noting):
        def seen(self, picture: Picture, found: Detections) -> None:
            raise BadInput("this picture does not come after the one before it")

    made = looker(Telling())
    bad, good = Failing(CameraId("a-1")), Noting(CameraId("b-1"))
    for one in (bad, good):
        made.add(one, one.camera)  # type: ignore[arg-type]  # stands for an analysis
        made.put(picture(one.camera, 1))
    assert bad.is_closed.wait(5)
    assert good.got.wait(5)
    assert made.has_lost(bad.camera)
    assert not made.has_lost(good.camera)
    assert made.is_alive
    made.close()


def test_a_detector_that_cant_be_made_says_why() -> None:
    def make() -> Detector:
        raise NotFound("model picodet-s-416 is not here")

    made = Looker(make, SystemClock())
    made.start()
    assert made.is_ready.wait(5)
    assert isinstance(made.failed, NotFound)


@pytest.mark.parametrize(
    ("size", "wanted", "small"),
    [
        ((1920, 1080), (640, 360), (640, 360)),
        ((1920, 1080), (416, 416), (740, 416)),
        ((640, 360), (640, 360), None),
        ((320, 180), (640, 360), None),
        ((1920, 1080), None, None),
    ],
)
def test_pictures_are_decoded_to_what_the_detector_needs(
    size: tuple[int, int], wanted: tuple[int, int] | None, small: tuple[int, int] | None
) -> None:
    assert small_size(size, wanted) == small
