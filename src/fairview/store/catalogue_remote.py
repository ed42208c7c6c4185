"""The catalogue across a local socket; what it promises stands in contracts.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId, SegmentId, StreamName
from fairview.core.media import Gap, Segment
from fairview.core.time import Instant, Span
from fairview.core.traffic import Count, SpeedBin
from fairview.store import catalogue_messages as say
from fairview.store.contracts import (
    CameraRow,
    CameraSize,
    Change,
    CleanPictureSaved,
    RootTaken,
    SceneSaved,
)
from fairview.store.wire import Connection


class RemoteCatalogue:
    """Asks the catalogue process. Connects on first use, and again after it was away.

    Errors:  Unavailable from every method while the process is away; a write that failed so may
    be stored or not, and is safe to repeat.
    """

    def __init__(self, path: Path, secret: bytes) -> None:
        self._connection = Connection(path, secret)

    def write(self, changes: Sequence[Change]) -> None:
        if changes:
            self._connection.call(say.WriteChanges(changes=tuple(map(say.tagged, changes))))

    def cameras(self) -> tuple[CameraRow, ...]:
        return self._connection.call(say.AskCameras(camera=None), tuple[CameraRow, ...])

    def camera(self, camera: CameraId) -> CameraRow:
        return self._connection.call(say.AskCameras(camera=camera), tuple[CameraRow, ...])[0]

    def segments(
        self, camera: CameraId, stream: StreamName | None = None, span: Span | None = None
    ) -> tuple[Segment, ...]:
        message = say.AskSegments(camera=camera, stream=stream, span=span)
        with self._connection.stream(message, tuple[Segment, ...]) as pages:
            return tuple(row for page in pages for row in page)

    def sizes(self, span: Span | None = None) -> tuple[CameraSize, ...]:
        return self._connection.call(say.AskSizes(span=span), tuple[CameraSize, ...])

    def segment(self, segment: SegmentId) -> Segment:
        return self._connection.call(say.AskSegment(segment=segment), Segment)

    def open_segments(self) -> tuple[Segment, ...]:
        return self._connection.call(say.AskOpenSegments(), tuple[Segment, ...])

    def segments_without_root(self, limit: int) -> tuple[Segment, ...]:
        message = say.AskSegmentsWithoutRoot(limit=limit)
        return self._connection.call(message, tuple[Segment, ...])

    def root_of(self, segment: SegmentId) -> RootTaken | None:
        return self._connection.call(say.AskRoot(segment=segment), say.RootFound).root

    def gaps(
        self, camera: CameraId, stream: StreamName | None = None, span: Span | None = None
    ) -> tuple[Gap, ...]:
        message = say.AskGaps(camera=camera, stream=stream, span=span)
        with self._connection.stream(message, tuple[Gap, ...]) as pages:
            return tuple(row for page in pages for row in page)

    def events(self, since: Instant, limit: int) -> tuple[HealthEvent, ...]:
        message = say.AskEvents(since=since, limit=limit)
        return self._connection.call(message, tuple[HealthEvent, ...])

    def events_of(self, camera: CameraId, kind: str, span: Span) -> tuple[HealthEvent, ...]:
        message = say.AskEventsOf(camera=camera, kind=kind, span=span)
        with self._connection.stream(message, tuple[HealthEvent, ...]) as pages:
            return tuple(row for page in pages for row in page)

    def clean_picture(self, camera: CameraId, *, approved: bool) -> CleanPictureSaved | None:
        message = say.AskCleanPicture(camera=camera, approved=approved)
        return self._connection.call(message, say.PictureFound).picture

    def scene(self, camera: CameraId) -> SceneSaved | None:
        return self._connection.call(say.AskScene(camera=camera), say.SceneFound).scene

    def counts(self, camera: CameraId, span: Span) -> tuple[Count, ...]:
        message = say.AskCounts(camera=camera, span=span)
        with self._connection.stream(message, tuple[Count, ...]) as pages:
            return tuple(row for page in pages for row in page)

    def speeds(self, camera: CameraId, span: Span) -> tuple[SpeedBin, ...]:
        message = say.AskSpeeds(camera=camera, span=span)
        with self._connection.stream(message, tuple[SpeedBin, ...]) as pages:
            return tuple(row for page in pages for row in page)

    def checkpoint(self) -> None:
        self._connection.call(say.Checkpoint())

    def close(self) -> None:
        self._connection.close()
