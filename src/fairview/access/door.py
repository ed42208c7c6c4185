"""What people-facing rooms may ask of the door. Two implementations: the gate in this process
(access/gate.py) and the same across a local socket (access/door_client.py).

Every call names a session or a look token; the door decides, nobody else does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from fairview.core.camera import Camera, Login, RegisterEntry, Secret, Source, Transport
from fairview.core.case import Actor, Look, LookWish, Rendition
from fairview.core.errors import BadInput
from fairview.core.event import HealthEvent
from fairview.core.health import NodeHealth
from fairview.core.ids import CameraId, CameraStream, LookId, StreamName
from fairview.core.limits import PICTURE_WIDTH_PX_MAX, PICTURE_WIDTH_PX_MIN
from fairview.core.limits_keeping import TIME_LAPSE_PICTURES_MAX
from fairview.core.media import GapBecause
from fairview.core.recording import CONTINUOUS, RecordingPlan
from fairview.core.sight import Kind, Sight
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.core.traffic import Direction

Health = Literal["recording", "resting", "away", "stopped", "starting"]
"""resting: it is there and seen, and as its plan says nothing is kept at this moment."""
CoverState = Literal["uncovered", "persons_covered", "silhouettes", "whole_frame"]
"""From least to most covered. persons_covered: current pixels around what a model and the clean
picture hide; silhouettes: shapes on the clean picture, no current pixel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """The token is a bearer secret; the door keeps only its digest."""

    token: str
    actor: Actor
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraView:
    """A camera as one actor may know it."""

    camera: Camera
    health: Health
    health_because: str
    may_see_raw: bool
    raw_because: str
    has_clean_picture: bool
    waits_for_approval: bool
    newest: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraKeeping:
    """When a camera is kept, which streams (none named: every one it has), how much of it in all,
    on which disk, and how its pictures travel (RTSP only; None: as they do)."""

    recording: RecordingPlan = CONTINUOUS
    streams: tuple[CameraStream, ...] = ()
    keep_bytes_max: int | None = None
    disk: str | None = None
    transport: Transport | None = None


KEPT_ALWAYS = CameraKeeping()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingWish:
    """from_revision: what was looked at; None: whatever it is now."""

    camera: CameraId
    keeping: CameraKeeping
    from_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraWish:
    """A camera to add. A register entry left out is filled from `[register.default]`, if set."""

    name: str
    title: str
    address: str
    sub_address: str | None
    login: Login | None
    register: RegisterEntry | None
    commissioning: bool
    transport: Transport = "auto"
    keeping: CameraKeeping = KEPT_ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFound:
    """What a camera answered: never more than its video."""

    kind: str
    codec: str
    width_px: int
    height_px: int
    fps: float | None
    key_frame_every_s: float | None
    bits_per_second: int | None
    has_audio: bool
    because: str


LOGIN_CHARACTERS_MAX = 120
"""Of a user name and of a password: what an RTSP address can carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginWish:
    """A new login. name None: the user name stays. is_tried: the camera must let it in first."""

    camera: CameraId
    name: str | None
    password: Secret
    is_tried: bool

    def __post_init__(self) -> None:
        for text in (self.name or "-", self.password.reveal()):
            if not 1 <= len(text) <= LOGIN_CHARACTERS_MAX or not text.isprintable():
                raise BadInput(
                    f"{self.camera}: a user name and a password have 1 to {LOGIN_CHARACTERS_MAX} "
                    "characters, none of them a control character"
                )
        if self.name and ":" in self.name:
            raise BadInput(f"{self.camera}: a user name has no colon")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginChanged:
    """The camera's new revision. answered: what it sent when the login was tried, in words; empty
    when nobody tried."""

    camera: CameraId
    revision: int
    answered: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookOpened:
    look: Look
    token: str
    renditions: tuple[CoverState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChunk:
    """A piece of a live fragmented MP4: first one initialisation, then fragments.

    codec is the MSE type string (`avc1.64001f`), set on initialisations only. cover says what
    the pixels are. dropped: fragments this viewer missed before this one.
    """

    is_init: bool
    codec: str
    cover: CoverState
    at: Instant
    dropped: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayPart:
    """One playable piece of a stored span. init: its initialisation's number in the same list.

    discontinuity: time stamps or format start anew here (a gap, or a new format).
    """

    number: int
    span: Span
    init: int
    discontinuity: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineGap:
    span: Span
    because: GapBecause


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """footage: merged spans of what can be played."""

    footage: tuple[Span, ...]
    gaps: tuple[TimelineGap, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """A ledger leaf in words."""

    leaf: int
    at: Instant
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTail:
    size: int
    root: str
    checkpoint_at: Instant
    lines: tuple[LedgerLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanPictureWaiting:
    camera: CameraId
    made_at: Instant
    jpeg: bytes


ExportKind = Literal["mp4", "folder", "zip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLapseWish:
    """A film of one camera: a picture every so often, shown at so many a second.

    Bounds:  TIME_LAPSE_PICTURES_MAX pictures; every_us from a second; fps 1 to 60.
    """

    camera: CameraId
    span: Span
    every_us: int
    fps: int = 25
    width_px: int = 1_280
    rendition: Rendition = "covered"

    def __post_init__(self) -> None:
        if self.every_us < US_PER_SECOND:
            raise BadInput("a time-lapse takes a picture every second at most: export a video")
        if not 1 <= self.fps <= 60:
            raise BadInput("a film shows 1 to 60 pictures a second")
        if not PICTURE_WIDTH_PX_MIN <= self.width_px <= PICTURE_WIDTH_PX_MAX:
            raise BadInput(
                f"a picture is {PICTURE_WIDTH_PX_MIN} to {PICTURE_WIDTH_PX_MAX} pixels wide"
            )
        pictures = -(-self.span.duration_us // self.every_us)
        if pictures > TIME_LAPSE_PICTURES_MAX:
            least_s = -(-self.span.duration_us // (TIME_LAPSE_PICTURES_MAX * US_PER_SECOND))
            raise BadInput(
                f"this would be {pictures} pictures: one film has at most "
                f"{TIME_LAPSE_PICTURES_MAX}; take one every {least_s} s, or a shorter span"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneView:
    """What a camera looks at, as the text of its scene.toml, and who saved it when."""

    camera: CameraId
    revision: int
    text: str
    saved_at: Instant
    saved_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountView:
    """A count as it may be known. is_few: people (or what may be people) below 5: the number is
    not said, so that nobody is picked out; n, low and high are then None.
    """

    span: Span
    place: str
    direction: Direction | None
    kind: Kind
    n: int | None
    low: float | None
    high: float | None
    observed_frac: float
    is_few: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedView:
    """Speeds of one class at one line in a bin; low and high bound the median (95 %)."""

    span: Span
    place: str
    kind: Kind
    n: int
    median_kmh: float
    low_kmh: float
    high_kmh: float
    p85_kmh: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeView:
    """wall: the machine's clock. sure: the time that footage dies by, never later than it is as
    far as can be told. steady_us: how long a clock that is ahead of that has kept steady; None
    when it is not ahead. paused_because, viewing_stopped: why, or empty.
    """

    wall: Instant
    sure: Instant
    steady_us: int | None
    paused_because: str
    viewing_stopped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuresView:
    counts: tuple[CountView, ...]
    speeds: tuple[SpeedView, ...]


class Door(Protocol):
    """The door. Errors everywhere: NotAllowed, NotFound (foreign things too), Unavailable."""

    def needs_set_up(self) -> bool:
        """Whether no actor exists yet."""
        ...

    def set_up(self, link_token: str, name: str, password: str) -> SessionOpened:
        """The first actor, through the one-time link."""
        ...

    def sign_in(self, name: str, password: str) -> SessionOpened:
        """Errors:  NotAllowed, Overloaded after too many wrong tries."""
        ...

    def who(self, session: str) -> Actor:
        """Errors:  NotAllowed when the session is unknown or over."""
        ...

    def sign_out(self, session: str) -> None: ...

    def cameras(self, session: str) -> tuple[CameraView, ...]: ...

    def camera_probe(self, session: str, address: str, login: Login | None) -> ProbeFound:
        """Errors:  BadInput for a refused scheme or address, Unavailable when it is silent."""
        ...

    def camera_add(self, session: str, wish: CameraWish) -> CameraView: ...

    def camera_remove(self, session: str, camera: CameraId) -> None:
        """Stops recording it; footage lives on until its retention ends."""
        ...

    def camera_keep(self, session: str, wish: KeepingWish) -> CameraView:
        """Keep it otherwise from now on. Errors: BadInput, Conflict."""
        ...

    def look_open(self, session: str, wish: LookWish) -> LookOpened:
        """Durable in the ledger on return. Errors: Unavailable when the ledger can't be written."""
        ...

    def look_renew(self, session: str, look: LookId) -> LookOpened:
        """Ten more minutes of a live look, as a line of its own."""
        ...

    def look_close(self, token: str) -> None:
        """Safe to repeat. The closing line says what was really read."""
        ...

    def live(self, token: str, camera: CameraId) -> Iterator[LiveChunk]:
        """Blocks between chunks; ends when the look expires or the iterator is closed."""
        ...

    def parts(self, token: str, camera: CameraId) -> tuple[PlayPart, ...]:
        """The stored span of the look as playable parts, oldest first."""
        ...

    def part_init(self, token: str, camera: CameraId, number: int) -> bytes:
        """The fragmented-MP4 initialisation for a part (PlayPart.init)."""
        ...

    def part(self, token: str, camera: CameraId, number: int) -> Iterator[bytes]:
        """One part as fragmented MP4, in pieces as they are made.

        Errors, also while iterating:  NotFound, Overloaded, Unavailable.
        """
        ...

    def picture(self, token: str, camera: CameraId, at: Instant, width_px: int) -> bytes:
        """A JPEG of the last picture at or before `at`, in the look's rendition."""
        ...

    def timeline(self, session: str, camera: CameraId, span: Span) -> Timeline: ...

    def export(self, token: str, camera: CameraId, kind: ExportKind) -> Iterator[bytes]:
        """The look's span as an MP4, or as an evidence bundle (a zip stream)."""
        ...

    def time_lapse(self, session: str, wish: TimeLapseWish) -> Iterator[bytes]:
        """A film as MP4, with one look in the ledger for each hour of footage. Errors: NotFound."""
        ...

    def sights(self, token: str, camera: CameraId) -> Iterator[Sight]:
        """Boxes and trails of a live look's camera; blocks between them, ends with the look.

        Errors:  also NotFound while the camera is not analysed.
        """
        ...

    def scene(self, session: str, camera: CameraId) -> SceneView | None:
        """None for a camera without a scene."""
        ...

    def scene_save(
        self, session: str, camera: CameraId, text: str, from_revision: int
    ) -> SceneView:
        """Save a scene made from a revision (0: none). Its masks become the privacy zones.

        Errors:  BadInput that says what is wrong with the text; Conflict when somebody saved
        another revision meanwhile; NotAllowed to take a privacy zone away.
        """
        ...

    def measures(self, session: str, camera: CameraId, span: Span) -> MeasuresView:
        """Counts and speeds of bins that overlap a span of at most 31 days."""
        ...

    def clean_picture_waiting(self, session: str, camera: CameraId) -> CleanPictureWaiting | None:
        """For the person who approves it; the showing is a look of its own."""
        ...

    def clean_picture_decide(self, session: str, camera: CameraId, *, approve: bool) -> None: ...

    def ledger_tail(self, lines: int) -> LedgerTail:
        """Public."""
        ...

    def ledger_file(self, path: str) -> bytes:
        """A public static file of the ledger: checkpoint, tile/…, tile/entries/….

        Errors:  NotFound also for any path that is not of that form.
        """
        ...

    def events(self, session: str, limit: int) -> tuple[HealthEvent, ...]: ...

    def time(self, session: str) -> TimeView:
        """What the node takes the time to be, and why."""
        ...

    def time_confirm(self, session: str) -> TimeView:
        """Somebody says that the machine's clock is right: footage dies by it from now on. Stands
        in the ledger first."""
        ...

    def health(self, session: str) -> NodeHealth:
        """How things are with the cameras the actor may know; the node's own parts for who knows
        all. Errors: Unavailable while nobody judges."""
        ...

    def figures(self, token: str) -> NodeHealth:
        """Everything, for a monitor. token: empty for one on this machine.

        Errors:  NotAllowed unless the settings let it.
        """
        ...


__all__ = [
    "CameraKeeping",
    "CameraView",
    "CameraWish",
    "CleanPictureWaiting",
    "CountView",
    "Door",
    "ExportKind",
    "KeepingWish",
    "LedgerLine",
    "LedgerTail",
    "LiveChunk",
    "LoginChanged",
    "LoginWish",
    "LookOpened",
    "MeasuresView",
    "PlayPart",
    "ProbeFound",
    "Rendition",
    "SceneView",
    "SessionOpened",
    "Source",
    "SpeedView",
    "StreamName",
    "TimeLapseWish",
    "TimeView",
    "Timeline",
    "TimelineGap",
]
