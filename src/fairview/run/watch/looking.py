"""Pictures to finished tracks: what is looked at, what is not, and what ends up counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fairview.analyse.decode import NumberedPicture, Pace
from fairview.analyse.detectors.contract import Detector, Picture
from fairview.analyse.detectors.onnx import OnnxDetector
from fairview.analyse.track.tracker import Tracker
from fairview.core.errors import BadInput
from fairview.core.limits_seeing import WATCH_POINTS_MAX
from fairview.core.scene import Scene
from fairview.core.sight import Track, Unmeasurable
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.core.traffic import Accuracy
from fairview.run.analysing.camera_faults import CameraFault, FaultWatch
from fairview.run.watch.watch_input import WatchInput, decode_size
from fairview.run.watch.watch_report import DetectorFacts, InputFacts, StageClock

Progress = Callable[[float, str], None]
GAP_US = 2 * US_PER_SECOND
"""Two pictures further apart than this don't belong together: between them nobody looked."""

_SAY_EVERY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that was seen of one input, ready to be measured.

    size_px: of the tracks' own picture. start, fps: of the input's frame 1 and of its frames.
    """

    input: InputFacts
    detector: DetectorFacts
    tracks: tuple[Track, ...]
    size_px: tuple[int, int]
    start: Instant
    fps: float
    watched: tuple[Span, ...]
    unmeasurable: tuple[Unmeasurable, ...]
    faults: tuple[CameraFault, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """A picture without its planes, which belong to the decoder."""

    frame: int
    at: Instant

    @classmethod
    def of(cls, picture: NumberedPicture) -> _Moment:
        return cls(frame=picture.frame, at=picture.at)


class WatchedSpans:
    """The stretches that pictures were looked at in, from their times."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._start: Instant | None = None
        self._last: Instant | None = None
        self._step_us = 0

    def add(self, at: Instant) -> bool:
        """One more picture, later than the last. Whether it continues the one before."""
        continues = self._last is not None and at.since(self._last) <= GAP_US
        if self._last is not None and continues:
            self._step_us = at.since(self._last)
        elif self._start is not None:
            self._end()
        if self._start is None:
            self._start = at
        self._last = at
        return continues

    def close(self) -> tuple[Span, ...]:
        """All stretches; each ends one step after its last picture."""
        if self._start is not None:
            self._end()
        return tuple(self._spans)

    def _end(self) -> None:
        assert self._start is not None
        assert self._last is not None
        self._spans.append(Span(start=self._start, end=self._last.plus(max(self._step_us, 1))))
        self._start = self._last = None


class Looking:
    """One input looked at with one detector; used by one thread, once."""

    def __init__(
        self, scene: Scene, found: WatchInput, detector: Detector, stages: StageClock
    ) -> None:
        self._scene, self._found, self._detector = scene, found, detector
        self._stages = stages
        self._tracker = Tracker(scene.camera.id)
        self._faults = FaultWatch(scene.camera.id)
        self._watched = WatchedSpans()
        self._tracks: list[Track] = []
        self._points = 0
        self._decoded = 0
        self._first: _Moment | None = None
        self._last: _Moment | None = None
        self._warnings: list[str] = []

    def look(self, at_fps: float | None, progress: Progress) -> Seen:
        """All the pictures, at most at_fps a second of them.

        Errors:  BadInput when there is not one picture.
        """
        video = self._found.video
        size = decode_size(video, self._detector.input_px)
        for picture in self._timed(video.pictures(size, Pace(fps_max=at_fps))):
            self._step(picture)
            if self._decoded % _SAY_EVERY == 0 and video.frames_total:
                done = min(1.0, picture.frame / video.frames_total)
                progress(done, f"looking: picture {picture.frame} of {video.frames_total}")
            elif self._decoded % _SAY_EVERY == 0:
                progress(0.0, f"looking: picture {picture.frame}")
            if self._points > WATCH_POINTS_MAX:
                self._warnings.append(
                    f"stopped at {picture.at.iso()}: more tracks than fit in memory; watch the "
                    "rest apart, or fewer pictures a second with --at-fps"
                )
                break
        if not self._decoded:
            raise BadInput(f"{self._found.name} has no picture that can be read")
        self._take(self._tracker.close())
        self._stages.done("track")
        return self._seen()

    def _timed(self, pictures: Iterator[NumberedPicture]) -> Iterator[NumberedPicture]:
        """The same pictures; what the input takes to make them is put down to decoding."""
        for picture in pictures:
            self._stages.done("decode")
            yield picture
        self._stages.done("decode")

    def _step(self, picture: NumberedPicture) -> None:
        self._decoded += 1
        self._first, self._last = self._first or _Moment.of(picture), _Moment.of(picture)
        if not self._watched.add(picture.at) and self._decoded > 1:
            self._detector.forget(self._scene.camera.id)
        if not picture.is_damaged:
            self._faults.look(picture.planes, picture.at)
        self._stages.done("health")
        (found,) = self._detector.detect(
            (
                Picture(
                    camera=self._scene.camera.id,
                    frame=picture.frame,
                    at=picture.at,
                    planes=picture.planes,
                ),
            )
        )
        self._stages.done("detect")
        self._tracker.advance(found)
        self._take(self._tracker.take_finished())
        self._stages.done("track")

    def _take(self, tracks: tuple[Track, ...]) -> None:
        self._tracks += tracks
        self._points += sum(len(track) for track in tracks)

    def _seen(self) -> Seen:
        video = self._found.video
        watched = self._watched.close()
        whole = Span(start=watched[0].start, end=watched[-1].end)
        return Seen(
            input=InputFacts(
                name=self._found.name,
                kind=self._found.kind,
                size_px=(video.width_px, video.height_px),
                has_times=video.has_times,
                frames_read=video.frames_read,
                frames_decoded=self._decoded,
                frames_detected=self._decoded,
                frames_damaged=video.damaged,
            ),
            detector=DetectorFacts(name=self._detector.name, accuracy=accuracy_of(self._detector)),
            tracks=tuple(sorted(self._tracks, key=lambda track: track.id)),
            size_px=(video.width_px, video.height_px),
            start=self._scene.camera.start or Instant(0),
            fps=self._fps(),
            watched=watched,
            unmeasurable=self._faults.unmeasurable(whole),
            faults=self._faults.close(whole.end),
            warnings=(*video.warnings, *self._warnings),
        )

    def _fps(self) -> float:
        """The input's own frames a second, whether looked at or not; of one picture alone, 1."""
        assert self._first is not None, "there is a picture"
        assert self._last is not None, "there is a picture"
        lasted_us = self._last.at.since(self._first.at)
        frames = self._last.frame - self._first.frame
        return frames * US_PER_SECOND / lasted_us if lasted_us > 0 and frames > 0 else 1.0


def accuracy_of(detector: Detector) -> Accuracy | None:
    """What was measured of counting with the detector, from its card; None: nothing was, so that
    counts have no bounds. `motion` has no card: how well it counts hangs on the scene too much.
    """
    counted = detector.card.counted if isinstance(detector, OnnxDetector) else None
    if counted is None:
        return None
    return Accuracy(
        recall=counted.recall,
        precision=counted.precision,
        truth_n=counted.passings,
        found_n=max(1, round(counted.passings * counted.recall / counted.precision)),
        source=counted.counted_on,
    )
