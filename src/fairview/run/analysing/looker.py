"""Live pictures to detections: a thread per camera decodes, a thread per detector looks.

Decoding never waits for looking: queues are bounded and drop their oldest, and the stretch that
was dropped is told as not looked at.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import structlog

from fairview.analyse.batch import Batches
from fairview.analyse.decode import Decodes, PictureDecoder
from fairview.analyse.detectors.contract import Detector, Picture
from fairview.analyse.gate import Gate
from fairview.core.errors import BadInput, FairviewError, NotFound, Overloaded, Unavailable
from fairview.core.ids import CameraId
from fairview.core.limits import CAMERA_RETRY_US, NODE_TURN_US
from fairview.core.limits_keeping import SIGN_EVERY_US
from fairview.core.limits_seeing import (
    BATCH_QUEUE_PICTURES_MAX,
    GATE_QUIET_SPANS_MAX,
    GATE_ROOM_WAIT_US_MAX,
)
from fairview.core.media import VideoFormat
from fairview.core.scene import Scene
from fairview.core.sight import Detections
from fairview.core.time import US_PER_SECOND, Clock, Instant, Span
from fairview.core.traffic import Accuracy
from fairview.record.live import LivePackets
from fairview.run.analysing.camera_analysis import CameraAnalysis
from fairview.run.analysing.gated import Gated, GatedDecoder
from fairview.run.live_streams import LiveStream
from fairview.run.watch.looking import accuracy_of
from fairview.run.watch.watch_input import check_shape

_JOIN_S = 5.0
_ROOM_US = 10_000
_CLOCK_US = 3 * US_PER_SECOND


@dataclass(slots=True)
class LookFigures:
    """Of one camera since it was added. looked_us: monotonic, of the last look."""

    looked: int
    dropped: int
    looked_us: int


class Looker:
    """One detector and the cameras that wish for it. The detector is used by its own thread."""

    def __init__(self, make: Callable[[], Detector], clock: Clock) -> None:
        """make is called in the looking thread, once."""
        self._make = make
        self._clock = clock
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._batches: Batches[Picture] = Batches()
        self._analyses: dict[CameraId, CameraAnalysis] = {}
        self._leaving: list[CameraAnalysis] = []
        self._quiet: dict[CameraId, deque[Span]] = {}
        self._lost: set[CameraId] = set()
        self._figures: dict[CameraId, LookFigures] = {}
        self.input_px: tuple[int, int] | None = None
        self.accuracy: Accuracy | None = None
        self.failed: FairviewError | None = None
        self.is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="looker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, analysis: CameraAnalysis, camera: CameraId) -> None:
        with self._lock:
            self._lost.discard(camera)
            self._analyses[camera] = analysis
            self._figures[camera] = LookFigures(0, 0, self._clock.monotonic_us())

    def remove(self, camera: CameraId) -> None:
        """Its last rows are written by the looking thread, before it looks on."""
        with self._lock:
            gone = self._analyses.pop(camera, None)
            self._figures.pop(camera, None)
            if gone is not None:
                self._leaving.append(gone)
        self._batches.forget(camera)

    def figures(self, camera: CameraId) -> LookFigures | None:
        """None for a camera that it has not."""
        return self._figures.get(camera)

    def has_lost(self, camera: CameraId) -> bool:
        """Whether this camera's analysis failed since it was added."""
        with self._lock:
            return camera in self._lost

    def put(self, picture: Picture) -> None:
        """Never waits."""
        self._batches.put(picture)

    def quiet(self, camera: CameraId, span: Span) -> None:
        """Nothing moved in this stretch, as its gate knows; told before the next picture is."""
        with self._lock:
            self._quiet.setdefault(camera, deque(maxlen=GATE_QUIET_SPANS_MAX)).append(span)

    def waiting(self, camera: CameraId) -> int:
        """How many of a camera's pictures wait to be looked at."""
        return self._batches.waiting(camera)

    def close(self) -> None:
        """Every camera's last rows are written; safe to repeat."""
        with self._lock:
            cameras = tuple(self._analyses)
        for camera in cameras:
            self.remove(camera)
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            detector = self._make()
        except FairviewError as error:
            self.failed = error
            self.is_ready.set()
            return
        self.input_px, self.accuracy = detector.input_px, accuracy_of(detector)
        self.is_ready.set()
        while not self._stop.is_set():
            self._look(detector)
            self._end_leaving(detector)
        self._end_leaving(detector)

    def _look(self, detector: Detector) -> None:
        pictures = self._batches.take(self._clock, NODE_TURN_US)
        with self._lock:
            analyses = dict(self._analyses)
        wanted = [one for one in pictures if one.camera in analyses]
        if wanted:
            for picture, found in zip(wanted, detector.detect(wanted), strict=True):
                self._hand_on(analyses[picture.camera], picture, found)
        for dropped in self._batches.take_dropped():
            figures = self._figures.get(dropped.camera)
            if figures is not None:
                figures.dropped += dropped.pictures
            if dropped.camera in analyses:
                analyses[dropped.camera].not_looked(dropped.stretch)

    def _hand_on(self, analysis: CameraAnalysis, picture: Picture, found: Detections) -> None:
        """One camera's trouble ends that camera's analysis; the keeper begins it anew."""
        try:
            for span in self._quiet_before(analysis.camera, picture.at):
                analysis.quiet(span)
            analysis.seen(picture, found)
            figures = self._figures.get(picture.camera)
            if figures is not None:
                figures.looked, figures.looked_us = figures.looked + 1, self._clock.monotonic_us()
        except FairviewError as error:
            structlog.get_logger().error(
                "analysis failed", camera=analysis.camera, because=str(error)
            )
            with self._lock:
                self._lost.add(analysis.camera)
            self.remove(analysis.camera)

    def _end_leaving(self, detector: Detector) -> None:
        with self._lock:
            leaving, self._leaving = self._leaving, []
        for analysis in leaving:
            for span in self._quiet_before(analysis.camera, None):
                analysis.quiet(span)
            analysis.close()
            detector.forget(analysis.camera)

    def _quiet_before(self, camera: CameraId, at: Instant | None) -> list[Span]:
        """Quiet stretches not told yet that ended by a moment; all of them without one."""
        with self._lock:
            spans, taken = self._quiet.get(camera), []
            while spans and (at is None or spans[0].end <= at):
                taken.append(spans.popleft())
            return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedParts:
    """connect gives a stream's live packets; put hands on a picture and never waits.

    gate: None decodes everything. quiet takes stretches in which it knew that nothing moved;
    waiting tells how many pictures wait to be looked at. asleep hears every SIGN_EVERY_US up to
    when packets and key frames told that nothing moves.
    """

    camera: CameraId
    scene: Scene
    fps: float
    input_px: tuple[int, int] | None
    connect: Callable[[], LiveStream[LivePackets]]
    put: Callable[[Picture], None]
    clock: Clock
    gate: Gate | None
    quiet: Callable[[Span], None]
    waiting: Callable[[], int]
    asleep: Callable[[Instant], None] | None = None


class Feed:
    """One camera's pictures, decoded in a thread of its own until stopped.

    taken_us: when packets came last (monotonic).
    """

    def __init__(self, parts: FeedParts) -> None:
        self._parts = parts
        self._stop = threading.Event()
        self._stream: LiveStream[LivePackets] | None = None
        self._lock = threading.Lock()
        self._frame = 0
        self._due_us = 0
        self._said_us = 0
        self.taken_us = parts.clock.monotonic_us()
        self._thread = threading.Thread(target=self._run, name=f"feed {parts.camera}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """Safe to repeat."""
        self._stop.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        log, said = structlog.get_logger(), ""
        while not self._stop.is_set():
            try:
                self._feed()
                said = ""
            except (Unavailable, NotFound, Overloaded) as error:
                log.debug("no live pictures", camera=self._parts.camera, because=str(error))
            except BadInput as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("not analysed", camera=self._parts.camera, because=said)
            self._parts.clock.wait(self._stop, CAMERA_RETRY_US)

    def _feed(self) -> None:
        with self._lock:
            if self._stop.is_set():
                return
            self._stream = self._parts.connect()
        with closing(self._stream) as stream:
            for one in self._gated(stream):
                if isinstance(one, Span):
                    self._parts.quiet(one)
                else:
                    self._put(one)

    def _put(self, one: Gated) -> None:
        picture = one.picture
        # Far ahead is no pace: the clock was set back.
        early_us = self._due_us - picture.at.us
        if picture.is_damaged or 0 < early_us < _CLOCK_US:
            return
        # A little early counts as due, so that 5 of 25 a second are 5 and not 4.
        self._due_us = picture.at.us + int(0.9 * US_PER_SECOND / self._parts.fps)
        self._frame += 1
        if one.is_late:
            self._wait_for_room()
        self._parts.put(
            Picture(
                camera=self._parts.camera,
                frame=self._frame,
                at=picture.at,
                planes=picture.planes.copy(),
            )
        )

    def _wait_for_room(self) -> None:
        """What the gate kept comes all at once: not faster than it is looked at."""
        waited_us = 0
        while (
            self._parts.waiting() >= BATCH_QUEUE_PICTURES_MAX
            and waited_us < GATE_ROOM_WAIT_US_MAX
            and not self._stop.is_set()
        ):
            self._parts.clock.wait(self._stop, _ROOM_US)
            waited_us += _ROOM_US

    def _gated(self, stream: Iterator[LivePackets]) -> Iterator[Gated | Span]:
        decoder: GatedDecoder | None = None
        video: VideoFormat | None = None
        for taken in stream:
            if self._stop.is_set():
                return
            self.taken_us = self._parts.clock.monotonic_us()
            if decoder is None or taken.packets[0].format != video:
                video = taken.packets[0].format
                decoder = GatedDecoder(self._parts.gate, self._makes(video))
                decoder.begin()
            elif taken.is_start:
                decoder.begin()
            for packet in taken.packets:
                yield from decoder.take(packet)
                self._say_asleep(decoder, packet.at)

    def _say_asleep(self, decoder: GatedDecoder, at: Instant) -> None:
        asleep = self._parts.asleep
        if asleep is None or not decoder.is_asleep or self._parts.waiting() > 0:
            return
        if abs(at.us - self._said_us) >= SIGN_EVERY_US:
            self._said_us = at.us
            asleep(at)

    def _makes(self, video: VideoFormat) -> Callable[[Decodes], PictureDecoder]:
        """Errors:  BadInput when the picture has another shape than the scene."""
        check_shape(self._parts.scene, video.width_px, video.height_px, self._parts.camera)
        size = small_size((video.width_px, video.height_px), self._parts.input_px)
        return lambda decodes: PictureDecoder(video, coarse=True, decodes=decodes, size=size)


def small_size(size: tuple[int, int], input_px: tuple[int, int] | None) -> tuple[int, int] | None:
    """What to decode to: at least the detector's input both ways, in the picture's own shape."""
    if input_px is None:
        return None
    scale = max(input_px[0] / size[0], input_px[1] / size[1])
    if scale >= 1:
        return None
    return max(2, round(size[0] * scale)), max(2, round(size[1] * scale))
