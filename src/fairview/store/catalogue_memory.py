"""The catalogue in memory, for tests and simulations; what it promises stands in contracts.py."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from fairview.core.errors import NotFound
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId, SegmentId, StreamName
from fairview.core.media import Gap, Segment
from fairview.core.time import Instant, Span
from fairview.core.traffic import Count, SpeedBin
from fairview.store.contracts import (
    CameraRow,
    CameraSaved,
    CameraSize,
    Change,
    CleanPictureRefused,
    CleanPictureSaved,
    CountsSaved,
    EventSaved,
    GapRemoved,
    GapSaved,
    RootTaken,
    SceneSaved,
    SegmentSaved,
    SegmentsRemoved,
    SpeedsSaved,
)


class MemoryCatalogue:
    """Rows in dictionaries under one lock."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._cameras: dict[CameraId, CameraRow] = {}
        self._segments: dict[SegmentId, Segment] = {}
        self._roots: dict[int, RootTaken] = {}
        self._leaves: dict[SegmentId, int] = {}
        self._gaps: dict[tuple[CameraId, StreamName, Instant], Gap] = {}
        self._events: set[HealthEvent] = set()
        self._pictures: dict[tuple[CameraId, Instant], CleanPictureSaved] = {}
        self._measures = _Measures()

    def write(self, changes: Sequence[Change]) -> None:
        with self._lock:
            for change in changes:
                self._apply(change)

    def _apply(self, change: Change) -> None:
        match change:
            case CameraSaved(camera=camera, sealed_login=login):
                known = self._cameras.get(camera.id)
                if known is None or camera.revision >= known.camera.revision:
                    self._cameras[camera.id] = CameraRow(camera=camera, sealed_login=login)
            case SegmentSaved(segment=segment):
                self._segments[segment.id] = segment
            case SegmentsRemoved(ids=ids):
                self._remove(ids)
            case GapSaved(gap=gap):
                self._gaps[(gap.camera, gap.stream, gap.span.start)] = gap
            case GapRemoved(gap=gap):
                self._gaps.pop((gap.camera, gap.stream, gap.span.start), None)
            case EventSaved(event=event):
                self._events.add(event)
            case CleanPictureSaved():
                self._keep_picture(change)
            case CleanPictureRefused(camera=camera_id, made_at=made_at):
                self._refuse_picture(camera_id, made_at)
            case RootTaken():
                self._take_root(change)
            case _:
                self._measures.apply(change)

    def _remove(self, ids: Iterable[SegmentId]) -> None:
        for segment in ids:
            self._segments.pop(segment, None)
            leaf = self._leaves.get(segment)
            if leaf is not None and not any(
                other in self._segments for other in self._roots[leaf].segments
            ):
                for other in self._roots.pop(leaf).segments:
                    self._leaves.pop(other, None)

    def _take_root(self, root: RootTaken) -> None:
        if not any(segment in self._segments for segment in root.segments):
            return
        heads = root.heads or tuple(
            (self._segments[segment].head or "") if segment in self._segments else ""
            for segment in root.segments
        )
        self._roots[root.leaf] = RootTaken(leaf=root.leaf, segments=root.segments, heads=heads)
        for segment in root.segments:
            self._leaves[segment] = min(root.leaf, self._leaves.get(segment, root.leaf))

    def _refuse_picture(self, camera: CameraId, made_at: Instant) -> None:
        waiting = self._pictures.get((camera, made_at))
        if waiting is not None and waiting.approved_by is None:
            del self._pictures[(camera, made_at)]

    def _keep_picture(self, picture: CleanPictureSaved) -> None:
        self._pictures[(picture.camera, picture.made_at)] = picture
        newest = self.clean_picture(picture.camera, approved=picture.approved_by is not None)
        for key, other in list(self._pictures.items()):
            is_same_state = (other.approved_by is None) == (picture.approved_by is None)
            if other.camera == picture.camera and is_same_state and other is not newest:
                del self._pictures[key]

    def cameras(self) -> tuple[CameraRow, ...]:
        with self._lock:
            return tuple(row for _, row in sorted(self._cameras.items()))

    def camera(self, camera: CameraId) -> CameraRow:
        with self._lock:
            if camera not in self._cameras:
                raise NotFound(f"there is no camera {camera}")
            return self._cameras[camera]

    def segments(
        self, camera: CameraId, stream: StreamName | None = None, span: Span | None = None
    ) -> tuple[Segment, ...]:
        with self._lock:
            return _in_order(
                one
                for one in self._segments.values()
                if one.camera == camera
                and (stream is None or one.stream == stream)
                and (span is None or one.span.overlaps(span))
            )

    def sizes(self, span: Span | None = None) -> tuple[CameraSize, ...]:
        with self._lock:
            by_camera: dict[CameraId, list[Segment]] = {}
            for one in self._segments.values():
                if span is None or one.span.overlaps(span):
                    by_camera.setdefault(one.camera, []).append(one)
        return tuple(
            CameraSize(
                camera=camera,
                size_bytes=sum(one.size_bytes for one in some),
                span=Span(
                    start=min(one.span.start for one in some), end=max(one.span.end for one in some)
                ),
            )
            for camera, some in sorted(by_camera.items())
        )

    def segment(self, segment: SegmentId) -> Segment:
        with self._lock:
            if segment not in self._segments:
                raise NotFound(f"there is no segment {segment}")
            return self._segments[segment]

    def open_segments(self) -> tuple[Segment, ...]:
        with self._lock:
            return _in_order(one for one in self._segments.values() if one.is_open)

    def segments_without_root(self, limit: int) -> tuple[Segment, ...]:
        with self._lock:
            return _in_order(
                one
                for one in self._segments.values()
                if not one.is_open and one.id not in self._leaves
            )[:limit]

    def root_of(self, segment: SegmentId) -> RootTaken | None:
        with self._lock:
            leaf = self._leaves.get(segment)
            return None if leaf is None else self._roots[leaf]

    def gaps(
        self, camera: CameraId, stream: StreamName | None = None, span: Span | None = None
    ) -> tuple[Gap, ...]:
        with self._lock:
            found = [
                gap
                for gap in self._gaps.values()
                if gap.camera == camera
                and (stream is None or gap.stream == stream)
                and (span is None or gap.span.overlaps(span))
            ]
        return tuple(sorted(found, key=lambda gap: (gap.span.start, gap.stream)))

    def events(self, since: Instant, limit: int) -> tuple[HealthEvent, ...]:
        with self._lock:
            found = [event for event in self._events if event.at >= since]
        found.sort(key=lambda one: (one.at, one.kind, one.camera or "", one.because))
        return tuple(found[-limit:]) if limit else ()

    def events_of(self, camera: CameraId, kind: str, span: Span) -> tuple[HealthEvent, ...]:
        with self._lock:
            found = [one for one in self._events if one.camera == camera and one.kind == kind]
        found = [one for one in found if span.holds(one.at)]
        return tuple(sorted(found, key=lambda one: (one.at, one.because)))

    def clean_picture(self, camera: CameraId, *, approved: bool) -> CleanPictureSaved | None:
        with self._lock:
            found = [
                picture
                for picture in self._pictures.values()
                if picture.camera == camera and (picture.approved_by is not None) == approved
            ]
        return max(found, key=lambda picture: picture.made_at, default=None)

    def scene(self, camera: CameraId) -> SceneSaved | None:
        with self._lock:
            found = [one for one in self._measures.scenes.values() if one.camera == camera]
        return max(found, key=lambda scene: scene.revision, default=None)

    def counts(self, camera: CameraId, span: Span) -> tuple[Count, ...]:
        with self._lock:
            found = [
                one
                for (name, *_), one in self._measures.counts.items()
                if name == camera and one.span.overlaps(span)
            ]
        found.sort(key=lambda one: (one.span.start, one.place, one.direction or "", one.kind))
        return tuple(found)

    def speeds(self, camera: CameraId, span: Span) -> tuple[SpeedBin, ...]:
        with self._lock:
            found = [
                one
                for (name, *_), one in self._measures.speeds.items()
                if name == camera and one.span.overlaps(span)
            ]
        return tuple(sorted(found, key=lambda one: (one.span.start, one.place, one.kind)))

    def checkpoint(self) -> None:
        """Nothing lies on a disk."""

    def close(self) -> None:
        """Nothing to let go of; the rows stay, as they would on a disk."""


class _Measures:
    """Scenes, counts and speeds; guarded by the catalogue's lock."""

    def __init__(self) -> None:
        self.scenes: dict[tuple[CameraId, int], SceneSaved] = {}
        self.counts: dict[tuple[CameraId, str, str | None, int, Instant], Count] = {}
        self.speeds: dict[tuple[CameraId, str, int, Instant], SpeedBin] = {}

    def apply(self, change: SceneSaved | CountsSaved | SpeedsSaved) -> None:
        match change:
            case SceneSaved(camera=camera, revision=revision):
                self.scenes[camera, revision] = change
            case CountsSaved(camera=camera, counts=counts):
                for one in counts:
                    self.counts[camera, one.place, one.direction, one.kind, one.span.start] = one
            case SpeedsSaved(camera=camera, speeds=speeds):
                for speed in speeds:
                    self.speeds[camera, speed.place, speed.kind, speed.span.start] = speed


def _in_order(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    return tuple(sorted(segments, key=lambda one: (one.span.start, one.id)))
