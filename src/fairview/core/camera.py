"""Cameras as the city knows them: where they look, why, and for how long footage is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fairview.core.errors import BadInput
from fairview.core.ids import CAMERA_STREAMS, CameraId, CameraStream, StreamName
from fairview.core.recording import CONTINUOUS, RecordingPlan
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_SECOND, Instant

SourceKind = Literal["rtsp", "http", "usb", "file", "sim"]
Transport = Literal["auto", "tcp", "udp", "multicast"]
"""How RTP travels. auto: over TCP, and over UDP only where the camera has no TCP."""
Presence = Literal["simulated", "no_persons", "persons"]
"""Who can be in the picture. `persons` unless somebody signed for less."""

TRANSPORTS: tuple[Transport, ...] = ("auto", "tcp", "udp", "multicast")

RETENTION_US_MIN = US_PER_HOUR
RETENTION_US_MAX = 366 * US_PER_DAY
RETENTION_US_DEFAULT = 72 * US_PER_HOUR
RETENTION_US_TRIAL = 24 * US_PER_HOUR
COMMISSIONING_US = 24 * US_PER_HOUR

KEEP_BYTES_MIN = 100_000_000
"""Less than about an hour of a small stream, the least that dies at once, makes no sense."""

COMMISSIONING_LEAD_US = 30 * US_PER_SECOND
"""How far before its commissioning a camera's footage may begin: at the first connection a server
hands over what it had queued, and those pictures keep the times they were taken at. A camera has
no other footage from before, since no name is ever used twice."""


class Secret:
    """A password or a key text. Prints as dots; `reveal` is the only way to the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "••••"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        raise TypeError("a secret is never pickled")


def transport_named(text: str) -> Transport:
    """Errors:  BadInput when the text is none of TRANSPORTS."""
    for name in TRANSPORTS:
        if text == name:
            return name
    raise BadInput(f"{text!r} is not a transport: use auto, tcp, udp or multicast")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a stream's pictures come from. The address never holds a password.

    address: `rtsp://host:port/path` (or rtsps), `http://host:port/path` (or https), `/dev/video0`,
    an absolute file path, or `sim:junction?seed=7`. transport: of rtsp only. is_recorded: whether
    it is kept; one that is not is still read, for live pictures and for counting.
    """

    stream: CameraStream
    kind: SourceKind
    address: str
    transport: Transport = "auto"
    is_recorded: bool = True

    def __post_init__(self) -> None:
        if self.stream not in CAMERA_STREAMS:
            raise BadInput(f"a camera does not send a stream {self.stream}: use main or sub")
        if not self.address or len(self.address) > 2_000:
            raise BadInput("a camera's address has 1 to 2000 characters")
        if "@" in self.address.split("?")[0] and self.kind in ("rtsp", "http"):
            raise BadInput("an address is stored without its login; hand the login over apart")
        if self.transport != "auto" and self.kind != "rtsp":
            raise BadInput("only an RTSP source has a transport: leave it out")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterEntry:
    """The public entry without which no camera runs.

    Bounds:  retention_us 1 h to 366 days; texts 1 to 500 characters.
    """

    purpose: str
    legal_basis: str
    operator: str
    contact: str
    area: str
    retention_us: int
    review_at: Instant
    presence: Presence = "persons"

    def __post_init__(self) -> None:
        for name in ("purpose", "legal_basis", "operator", "contact", "area"):
            text = getattr(self, name)
            if not 1 <= len(text.strip()) <= 500:
                raise BadInput(f"the register entry needs its {name.replace('_', ' ')}")
        if not RETENTION_US_MIN <= self.retention_us <= RETENTION_US_MAX:
            raise BadInput("retention must lie between 1 hour and 366 days")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyZone:
    """A part of the picture that nobody sees (polygon in 0..1 of the picture)."""

    polygon_unit: tuple[tuple[float, float], ...]
    kind: Literal["on_view", "in_camera"] = "on_view"

    def __post_init__(self) -> None:
        if len(self.polygon_unit) < 3:
            raise BadInput("a privacy zone needs at least three corners")
        if any(not (0 <= x <= 1 and 0 <= y <= 1) for x, y in self.polygon_unit):
            raise BadInput("a privacy zone lies inside the picture (0 to 1)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera at one revision; a change is a new revision.

    commissioning_until: while now is before it, uncovered pictures may be seen (ledgered,
    with a red band). None outside commissioning. login is sealed at rest and never printed.
    recording: when it is kept. keep_bytes_max: what its footage may take in all, oldest hours die
    first; None: as much as retention asks for. disk: the name of the disk its new segments go to;
    None: by the settings' policy.
    """

    id: CameraId
    title: str
    sources: tuple[Source, ...]
    register: RegisterEntry
    revision: int = 1
    zones: tuple[PrivacyZone, ...] = ()
    commissioning_until: Instant | None = None
    is_active: bool = True
    recording: RecordingPlan = CONTINUOUS
    keep_bytes_max: int | None = None
    disk: str | None = None

    def __post_init__(self) -> None:
        names = [source.stream for source in self.sources]
        if "main" not in names or len(set(names)) != len(names):
            raise BadInput("a camera has one main stream and at most one sub stream")
        if not 1 <= len(self.title.strip()) <= 120:
            raise BadInput("a camera's title has 1 to 120 characters")
        if self.revision < 1:
            raise BadInput("revisions count from 1")
        if not any(source.is_recorded for source in self.sources):
            raise BadInput("a camera keeps at least one of its streams: main, sub or both")
        if self.keep_bytes_max is not None and self.keep_bytes_max < KEEP_BYTES_MIN:
            raise BadInput("a camera's footage may take 100 MB or more")

    def source(self, stream: StreamName) -> Source | None:
        return next((source for source in self.sources if source.stream == stream), None)

    def is_commissioning(self, now: Instant) -> bool:
        return self.commissioning_until is not None and now < self.commissioning_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A camera's user name and password."""

    name: str
    password: Secret
