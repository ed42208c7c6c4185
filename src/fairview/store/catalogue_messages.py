"""What a catalogue and its clients say to one another over the wire."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from fairview.core.ids import CameraId, SegmentId, StreamName
from fairview.core.time import Instant, Span
from fairview.store.contracts import (
    CameraSaved,
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


class CameraChange(msgspec.Struct, frozen=True, tag="camera"):
    change: CameraSaved


class SegmentChange(msgspec.Struct, frozen=True, tag="segment"):
    change: SegmentSaved


class RemovedChange(msgspec.Struct, frozen=True, tag="removed"):
    change: SegmentsRemoved


class GapChange(msgspec.Struct, frozen=True, tag="gap"):
    change: GapSaved


class GapRemovedChange(msgspec.Struct, frozen=True, tag="gap_removed"):
    change: GapRemoved


class EventChange(msgspec.Struct, frozen=True, tag="event"):
    change: EventSaved


class PictureChange(msgspec.Struct, frozen=True, tag="picture"):
    change: CleanPictureSaved


class RefusedChange(msgspec.Struct, frozen=True, tag="refused"):
    change: CleanPictureRefused


class RootChange(msgspec.Struct, frozen=True, tag="root"):
    change: RootTaken


class SceneChange(msgspec.Struct, frozen=True, tag="scene"):
    change: SceneSaved


class CountsChange(msgspec.Struct, frozen=True, tag="counts"):
    change: CountsSaved


class SpeedsChange(msgspec.Struct, frozen=True, tag="speeds"):
    change: SpeedsSaved


TaggedChange = (
    CameraChange
    | SegmentChange
    | RemovedChange
    | GapChange
    | GapRemovedChange
    | EventChange
    | PictureChange
    | RefusedChange
    | RootChange
    | SceneChange
    | CountsChange
    | SpeedsChange
)


def tagged(change: Change) -> TaggedChange:
    """A change with its name, as unions of dataclasses don't cross by themselves."""
    match change:
        case CameraSaved():
            return CameraChange(change)
        case SegmentSaved():
            return SegmentChange(change)
        case SegmentsRemoved():
            return RemovedChange(change)
        case GapSaved():
            return GapChange(change)
        case GapRemoved():
            return GapRemovedChange(change)
        case EventSaved():
            return EventChange(change)
        case CleanPictureSaved():
            return PictureChange(change)
        case CleanPictureRefused():
            return RefusedChange(change)
        case RootTaken():
            return RootChange(change)
        case SceneSaved() | CountsSaved() | SpeedsSaved():
            return _tagged_measure(change)


def _tagged_measure(
    change: SceneSaved | CountsSaved | SpeedsSaved,
) -> SceneChange | CountsChange | SpeedsChange:
    match change:
        case SceneSaved():
            return SceneChange(change)
        case CountsSaved():
            return CountsChange(change)
        case SpeedsSaved():
            return SpeedsChange(change)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteChanges:
    changes: tuple[TaggedChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskCameras:
    """One camera, or all of them with None."""

    camera: CameraId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSegments:
    """Answered as a stream of pages."""

    camera: CameraId
    stream: StreamName | None
    span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskGaps:
    """Answered as a stream of pages."""

    camera: CameraId
    stream: StreamName | None
    span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSizes:
    span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSegment:
    segment: SegmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class AskOpenSegments:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSegmentsWithoutRoot:
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRoot:
    segment: SegmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class AskEvents:
    since: Instant
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskEventsOf:
    """Answered as a stream of pages."""

    camera: CameraId
    kind: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class AskCleanPicture:
    camera: CameraId
    approved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AskScene:
    camera: CameraId


@dataclass(frozen=True, slots=True, kw_only=True)
class AskCounts:
    """Answered as a stream of pages."""

    camera: CameraId
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSpeeds:
    """Answered as a stream of pages."""

    camera: CameraId
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneFound:
    scene: SceneSaved | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFound:
    """RootTaken's heads are compared by nobody but needed by all."""

    root: RootTaken | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFound:
    picture: CleanPictureSaved | None
