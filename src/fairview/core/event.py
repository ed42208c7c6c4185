"""Things that happened, kept as rows that point at spans."""

from __future__ import annotations

from dataclasses import dataclass

from fairview.core.ids import CameraId
from fairview.core.time import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthEvent:
    """A change in how well something works.

    kind: one of the names in docs/reference/events.md. camera None means the node itself.
    """

    kind: str
    camera: CameraId | None
    at: Instant
    because: str
