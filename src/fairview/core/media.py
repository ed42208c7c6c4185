"""Pictures in motion: packets, fragments, segments, and the gaps between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

from fairview.core.errors import BadInput
from fairview.core.ids import CameraId, KeyPairId, SegmentId, StreamName, is_hex_id
from fairview.core.time import US_PER_SECOND, Instant, Span

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Codec = Literal["h264", "hevc", "mjpeg", "regions"]
"""How samples are coded. `regions` is no video: each sample is what a cover hides at a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFormat:
    """What a decoder must know before the first sample.

    parameter_sets: the container's or SDP's extra data as delivered (for H.264 either an
    avcC record, first byte 1, with length-prefixed samples; or Annex B with start codes).
    """

    codec: Codec
    width_px: int
    height_px: int
    tick_numerator: int
    tick_denominator: int
    parameter_sets: bytes

    def __post_init__(self) -> None:
        if not (0 < self.width_px <= 16_384 and 0 < self.height_px <= 16_384):
            raise BadInput(f"a picture of {self.width_px}x{self.height_px} is not possible")
        if self.tick_numerator <= 0 or self.tick_denominator <= 0:
            raise BadInput("a time base must be positive")

    @property
    def is_video(self) -> bool:
        """Whether a decoder makes pictures of its samples."""
        return self.codec != "regions"

    def us_of(self, ticks: int) -> int:
        """A duration in ticks as whole microseconds, rounded down."""
        return ticks * US_PER_SECOND * self.tick_numerator // self.tick_denominator

    def ticks_of(self, us: int) -> int:
        """A duration in microseconds as whole ticks, rounded down."""
        return us * self.tick_denominator // (self.tick_numerator * US_PER_SECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One access unit as the camera sent it; camera time is never overwritten.

    ticks and decode_ticks are presentation and decoding time on the camera's clock, in the
    format's time base, normalised: decode_ticks strictly increase within a run. at is the
    wall-clock time of presentation, arrived_at when we had it. is_after_loss: the source knows
    that access units, or parts of them, went missing right before this one.
    """

    camera: CameraId
    stream: StreamName
    format: VideoFormat
    ticks: int
    decode_ticks: int
    duration_ticks: int
    is_key: bool
    at: Instant
    arrived_at: Instant
    data: bytes
    is_after_loss: bool = False

    def __post_init__(self) -> None:
        if not self.data:
            raise BadInput("a packet without bytes is not a packet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One access unit inside a fragment."""

    ticks: int
    decode_ticks: int
    duration_ticks: int
    is_key: bool
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """What is sealed at once: up to 2 s of one stream, in decoding order.

    start_at is the wall-clock time of the earliest presentation in it; a sample is shown at
    start_at + (ticks - first_ticks). duration_us reaches to the end of the last sample.
    """

    format: VideoFormat
    start_at: Instant
    duration_us: int
    samples: tuple[Sample, ...]

    def __post_init__(self) -> None:
        if not self.samples:
            raise BadInput("a fragment holds at least one sample")
        if self.duration_us <= 0:
            raise BadInput("a fragment lasts longer than nothing")

    @property
    def is_key(self) -> bool:
        """Whether it can be decoded on its own."""
        return self.samples[0].is_key

    @property
    def first_ticks(self) -> int:
        return min(sample.ticks for sample in self.samples)

    def at(self, sample: Sample) -> Instant:
        """When a sample of this fragment is shown."""
        return self.start_at.plus(self.format.us_of(sample.ticks - self.first_ticks))

    @property
    def span(self) -> Span:
        return Span(start=self.start_at, end=self.start_at.plus(self.duration_us))


class EndedBecause(Enum):
    """Why a segment ended. The number is written in the segment's trailer and never changes."""

    ROTATED = 1
    STOPPED = 2
    CAMERA_AWAY = 3
    FORMAT_CHANGED = 4
    CLOCK_JUMP = 5
    CRASHED = 6
    DISK = 7
    OVERLOADED = 8


class GapBecause(Enum):
    """Why nothing was recorded. The value is written in the catalogue and never changes."""

    CAMERA_AWAY = "camera_away"
    CAMERA_SILENT = "camera_silent"
    STOPPED = "stopped"
    CRASHED = "crashed"
    CLOCK_JUMP = "clock_jump"
    DISK_FULL = "disk_full"
    DISK_FAILED = "disk_failed"
    OVERLOADED = "overloaded"
    LOST_PACKETS = "lost_packets"
    REVIEW_OVERDUE = "review_overdue"
    NOT_SCHEDULED = "not_scheduled"
    NO_EVENT = "no_event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """About a minute of one stream in one sealed blob.

    span covers what is readable now; an open segment (ended_because None) still grows.
    head is the SHA-256 chain head over its record headers (hex), None while open.
    """

    id: SegmentId
    camera: CameraId
    stream: StreamName
    span: Span
    size_bytes: int
    fragments: int
    key_pair: KeyPairId
    blob: str
    head: str | None
    ended_because: EndedBecause | None

    def __post_init__(self) -> None:
        if not is_hex_id(self.id) or not is_hex_id(self.key_pair):
            raise BadInput("a segment's ids are 32 hexadecimal digits")
        if (self.head is None) != (self.ended_because is None):
            raise BadInput("a segment has a head exactly when it has ended")

    @property
    def is_open(self) -> bool:
        return self.ended_because is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Absence as data: a stretch in which nothing was recorded, and why."""

    camera: CameraId
    stream: StreamName
    span: Span
    because: GapBecause


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A decoded picture.

    Shapes:  pixels (height, width, 3) uint8 RGB.
    """

    at: Instant
    pixels: npt.NDArray[np.uint8]
