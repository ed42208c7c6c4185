"""Things that happened, kept as rows that point at spans."""

from __future__ import annotations

from dataclasses import dataclass

from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.scene import RuleKind
from fairview.core.sight import KINDS
from fairview.core.time import Instant, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthEvent:
    """A change in how well something works.

    kind: one of the names in docs/reference/events.md. camera None means the node itself.
    """

    kind: str
    camera: CameraId | None
    at: Instant
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficEvent:
    """Something a scene's rule asks to be told: who (an anonymous track), where, when, how much.

    It points at spans of footage and holds nothing of them. rule: its name in the scene.
    seen_kind: its class, None when it is about no single one. tracks mean nothing outside this
    camera and run; first_track_start is when the earliest of them began, None without any.
    values: figures with their units in their names.
    """

    kind: RuleKind
    rule: str
    camera: CameraId
    span: Span
    zone: str | None
    line: str | None
    seen_kind: int | None
    tracks: tuple[int, ...]
    first_track_start: Instant | None
    values: tuple[tuple[str, float | str], ...]
    evidence: tuple[Span, ...]

    def __post_init__(self) -> None:
        if self.seen_kind is not None and not 0 <= self.seen_kind < len(KINDS):
            raise BadInput("an event is about one of the known classes, or about none")
        if bool(self.tracks) != (self.first_track_start is not None):
            raise BadInput("an event with tracks says when the first of them began")
