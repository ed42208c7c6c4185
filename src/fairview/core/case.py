"""Looking at footage: actors, looks, and what a look was for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fairview.core.errors import BadInput
from fairview.core.ids import ActorId, CameraId, LookId
from fairview.core.media import Codec
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, Instant, Span

Rendition = Literal["covered", "raw"]
Purpose = Literal["operation", "incident", "maintenance", "commissioning", "export", "trial"]
Role = Literal["administrator", "operator", "privacy_officer", "auditor"]

LOOK_LIVE_US = 10 * US_PER_MINUTE
LOOK_SPAN_US_MAX = US_PER_HOUR
LOOK_CAMERAS_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Someone who can be named in the ledger. cameras None means all of them."""

    id: ActorId
    roles: frozenset[Role]
    cameras: frozenset[CameraId] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookWish:
    """What someone asks to see. span None means live.

    Bounds:  1 to 64 cameras; stored spans at most 1 h, except that a strip of thumbnails
    (is_strip) covers one camera-day. plays: codecs that the viewer plays; raw pictures in any
    other are encoded anew for watching, while exports stay bit for bit.
    """

    cameras: tuple[CameraId, ...]
    rendition: Rendition
    purpose: Purpose
    span: Span | None = None
    is_strip: bool = False
    note: str = ""
    plays: tuple[Codec, ...] = ("h264", "hevc", "mjpeg")

    def __post_init__(self) -> None:
        if not 1 <= len(self.cameras) <= LOOK_CAMERAS_MAX:
            raise BadInput(f"a look has 1 to {LOOK_CAMERAS_MAX} cameras")
        if len(set(self.cameras)) != len(self.cameras):
            raise BadInput("a look names each camera once")
        if len(self.note) > 500:
            raise BadInput("a look's note has at most 500 characters")
        if self.is_strip:
            if self.span is None or len(self.cameras) != 1:
                raise BadInput("a strip of thumbnails is of one camera and one span")
            if self.span.duration_us > 24 * US_PER_HOUR:
                raise BadInput("a strip of thumbnails covers at most one day")
        elif self.span is not None and self.span.duration_us > LOOK_SPAN_US_MAX:
            raise BadInput("one look covers at most 1 hour of footage; ask for the next one then")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look that stands in the ledger at leaf number `leaf`, durable before its first byte."""

    id: LookId
    actor: ActorId
    wish: LookWish
    opened_at: Instant
    expires_at: Instant
    leaf: int
