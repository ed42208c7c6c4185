"""What the API takes and gives, as OpenAPI knows it. Times are ISO 8601 with a zone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from fairview.core.camera import Presence, SourceKind
from fairview.core.ids import CameraStream
from fairview.core.recording import RecordingMode, Trigger
from fairview.core.scene import ZoneKind
from fairview.core.sight import Kind

Moment = Annotated[
    str, Field(max_length=40, examples=["2026-05-01T12:00:00.000000Z"], description="ISO 8601.")
]
CameraName = Annotated[str, Field(max_length=63, examples=["junction-1"])]
RoleName = Literal["administrator", "operator", "privacy_officer", "auditor"]
RenditionName = Literal["covered", "raw"]
CoverName = Literal["uncovered", "persons_covered", "silhouettes", "whole_frame"]
PurposeName = Literal["operation", "incident", "maintenance", "commissioning", "export", "trial"]
HealthName = Literal["recording", "resting", "away", "stopped", "starting"]


class Wish(BaseModel):
    """Something asked for; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(BaseModel):
    """Something told."""

    model_config = ConfigDict(frozen=True)


class SetUpWish(Wish):
    """The first account, through the one-time link that the command line printed."""

    link_token: str = Field(min_length=1, max_length=200, description="The part after # in it.")
    name: str = Field(min_length=1, max_length=63, examples=["ada"])
    password: SecretStr = Field(min_length=1, max_length=200)


class SignInWish(Wish):
    name: str = Field(min_length=1, max_length=63, examples=["ada"])
    password: SecretStr = Field(min_length=1, max_length=200)


class ActorAnswer(Answer):
    """Who is signed in. cameras null means all of them."""

    id: str = Field(examples=["ada"])
    roles: list[RoleName]
    cameras: list[CameraName] | None


class SessionAnswer(Answer):
    """Where this browser stands. actor is null when nobody is signed in."""

    actor: ActorAnswer | None
    needs_set_up: bool = Field(description="Whether no account exists yet.")
    expires_at: Moment | None = Field(description="Set right after signing in.")


class SpanModel(BaseModel):
    """A stretch of time: start is in it, end is not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Moment
    end: Moment


class LoginWish(Wish):
    """A camera's own user name and password. Kept sealed, never shown again."""

    name: str = Field(max_length=200)
    password: SecretStr = Field(max_length=200)


class RegisterModel(BaseModel):
    """The public register entry, without which no camera runs."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "purpose": "traffic counts",
                    "legal_basis": "city order 7",
                    "operator": "City of Fairview, roads",
                    "contact": "roads@fairview.example",
                    "area": "the junction of First and Main",
                    "retention_h": 72,
                    "review_at": "2027-05-01T00:00:00Z",
                    "presence": "persons",
                }
            ]
        },
    )

    purpose: str = Field(max_length=500, description="What the camera is for.")
    legal_basis: str = Field(max_length=500, description="The law or order.")
    operator: str = Field(max_length=500, description="Who runs it.")
    contact: str = Field(max_length=500, description="Where residents can write.")
    area: str = Field(max_length=500, description="What it looks at, in words.")
    retention_h: int = Field(ge=1, le=8_784, description="Hours that footage is kept.")
    review_at: Moment = Field(description="When the entry is due for review.")
    presence: Presence = Field("persons", description="Who can be in the picture.")


class SourceAnswer(Answer):
    """Where a stream comes from; the address never holds a login."""

    stream: CameraStream
    kind: SourceKind
    address: str
    is_recorded: bool = Field(description="Whether it is kept; it is seen live in any case.")


class KeepingModel(BaseModel):
    """When a camera is kept, which streams, how much and where. As it stands here: always."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"mode": "continuous"},
                {"mode": "events", "triggers": ["motion"], "pre_roll_s": 5, "post_roll_s": 10},
                {"mode": "schedule", "hours": "mon-fri 08:00-18:00", "zone": "Europe/Berlin"},
            ]
        },
    )

    mode: RecordingMode = Field("continuous", description="Always, around events, or by hours.")
    triggers: list[Trigger] = Field(
        ["motion"], max_length=2, description="What begins an event, with the mode events."
    )
    pre_roll_s: float = Field(5, ge=0, le=60, description="Kept from before an event.")
    post_roll_s: float = Field(10, ge=0, le=60, description="Kept after an event's end.")
    hours: str = Field(
        "", max_length=2_000, examples=["mon-fri 08:00-18:00, sat 10:00-14:00"],
        description="With the mode schedule: 22:00-06:00 reaches into the next day.",
    )  # fmt: skip
    zone: str = Field("UTC", max_length=100, description="The hours' time zone, an IANA name.")
    streams: list[CameraStream] = Field(
        [], max_length=2, description="Which streams are recorded; none named: every one."
    )
    keep_gb_max: float | None = Field(
        None, ge=0.1, le=1_000_000, description="Oldest hours go first above this (10^9 bytes)."
    )
    disk: str | None = Field(None, max_length=63, description="Null: by the node's policy.")


class KeepingWishModel(Wish):
    """Keep a camera otherwise. from_revision: the camera as it was looked at."""

    keeping: KeepingModel
    from_revision: int = Field(ge=1)


class CameraAnswer(Answer):
    """A camera as the asker may know it."""

    id: CameraName
    title: str
    sources: list[SourceAnswer]
    register_entry: RegisterModel
    keeping: KeepingModel
    revision: int
    commissioning_until: Moment | None
    health: HealthName
    health_because: str
    may_see_raw: bool
    raw_because: str = Field(description="Why uncovered pictures may or may not be seen.")
    has_clean_picture: bool
    waits_for_approval: bool = Field(description="Whether a clean picture waits for a person.")
    newest: Moment | None = Field(description="The newest footage; null when there is none.")


class CamerasAnswer(Answer):
    cameras: list[CameraAnswer]


class ProbeWish(Wish):
    address: str = Field(min_length=1, max_length=2_000, examples=["rtsp://192.0.2.7/stream1"])
    login: LoginWish | None = None


class ProbeAnswer(Answer):
    """What a camera answered: never more than its video."""

    kind: str
    codec: str
    width_px: int
    height_px: int
    fps: float | None
    key_frame_every_s: float | None
    bits_per_second: int | None
    has_audio: bool = Field(description="Audio is offered; it is never opened.")
    because: str


class CameraWishModel(Wish):
    """A camera to add. Without a register entry the site's defaults are used, if it has any."""

    name: CameraName
    title: str = Field(min_length=1, max_length=120)
    address: str = Field(min_length=1, max_length=2_000, examples=["rtsp://192.0.2.7/stream1"])
    sub_address: str | None = Field(None, max_length=2_000)
    login: LoginWish | None = None
    register_entry: RegisterModel | None = None
    commissioning: bool = Field(
        False, description="Uncovered pictures for 24 h while the camera is put up; in the ledger."
    )
    keeping: KeepingModel = KeepingModel.model_validate({})


class LookWishModel(Wish):
    """What someone asks to see. span null means live."""

    cameras: list[CameraName] = Field(min_length=1, max_length=64)
    rendition: RenditionName = "covered"
    purpose: PurposeName = "operation"
    span: SpanModel | None = None
    is_strip: bool = Field(False, description="Thumbnails of one camera-day: one look for all.")
    note: str = Field("", max_length=500)
    plays_hevc: bool = Field(
        False,
        description="Whether the viewer plays H.265: uncovered pictures then come as the camera "
        "sent them. What it does not play is encoded anew; exports never are.",
    )


class LookAnswer(Answer):
    """A look that stands in the ledger. The token goes into the X-Fairview-Look header."""

    id: str = Field(examples=["0f" * 16])
    token: str
    opened_at: Moment
    expires_at: Moment
    leaf: int = Field(description="Its line in the ledger.")
    cameras: list[CameraName]
    renditions: list[CoverName] = Field(description="What each camera's pixels are, in order.")


class GapAnswer(Answer):
    """A stretch without footage, and why."""

    span: SpanModel
    because: str = Field(examples=["camera_away"])


class TimelineAnswer(Answer):
    footage: list[SpanModel] = Field(description="Merged spans that can be played.")
    gaps: list[GapAnswer]


class ExportWish(Wish):
    kind: Literal["mp4", "zip"] = Field(
        "mp4", description="mp4: the pictures. zip: an evidence bundle with its proofs."
    )


class ExportAnswer(Answer):
    """Where the download waits, once and for one minute, for this session only."""

    href: str


class TimeLapseWishModel(Wish):
    """A film of a picture every so often; it opens a look for each hour of footage."""

    span: SpanModel
    every_s: float = Field(10, ge=1, le=86_400, description="Seconds between two pictures.")
    fps: int = Field(25, ge=1, le=60, description="Pictures a second in the film.")
    width_px: int = Field(1_280, ge=160, le=1_920)
    rendition: RenditionName = "covered"


class DecideWish(Wish):
    approve: bool = Field(description="Whether nobody and nothing passing is in the picture.")


class LedgerLineAnswer(Answer):
    leaf: int
    at: Moment
    kind: str
    text: str


class LedgerAnswer(Answer):
    """The ledger's newest lines in words, and the signed size and root over all of them."""

    size: int
    root: str
    checkpoint_at: Moment
    lines: list[LedgerLineAnswer]


class EventAnswer(Answer):
    kind: str
    camera: CameraName | None = Field(description="null: the node itself.")
    at: Moment
    because: str


class EventsAnswer(Answer):
    events: list[EventAnswer]


class HealthAnswer(Answer):
    """Whether this process and the door behind it answer."""

    status: Literal["ok"]


ShapeName = Annotated[str, Field(min_length=1, max_length=100)]
Pixels = Annotated[float, Field(allow_inf_nan=False)]
PointModel = tuple[Pixels, Pixels]


class LineModel(BaseModel):
    """Points in pixels of the scene's size, origin top left; drawn left to right, forward is up."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ShapeName
    points_px: list[PointModel] = Field(min_length=2, max_length=100)


class ZoneModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ShapeName
    polygon_px: list[PointModel] = Field(min_length=3, max_length=100)
    kind: ZoneKind


class MaskModel(BaseModel):
    """A privacy zone: nobody sees what is in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    polygon_px: list[PointModel] = Field(min_length=3, max_length=100)
    kind: Literal["on_view", "in_camera"] = "on_view"


class LengthModel(BaseModel):
    """A taped length on the road."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    a_px: PointModel
    b_px: PointModel
    metres: float = Field(gt=0, le=1_000)


class ShapesModel(BaseModel):
    """What the page draws of a scene. The rest of the scene stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    size_px: tuple[int, int]
    lines: list[LineModel] = Field(max_length=100)
    zones: list[ZoneModel] = Field(max_length=100)
    masks: list[MaskModel] = Field(max_length=100)
    lengths: list[LengthModel] = Field(max_length=100)


class SceneWish(Wish):
    """Either the whole text of a scene.toml, or shapes to put into the scene there is."""

    from_revision: int = Field(
        ge=0, le=2**53, description="The revision it was made from; 0: none."
    )
    text: str | None = Field(None, max_length=200_000)
    shapes: ShapesModel | None = None


class SceneAnswer(Answer):
    """What a camera looks at. revision 0: it has no scene yet; text is then empty."""

    camera: CameraName
    revision: int
    text: str
    shapes: ShapesModel | None
    saved_at: Moment | None
    saved_by: str | None


class CountAnswer(Answer):
    """How many in a bin. n null: not looked at, or (is_few) people below 5, which is not said."""

    start: Moment
    end: Moment
    place: str
    direction: Literal["forward", "backward"] | None
    kind: Kind
    n: int | None
    low: float | None = Field(description="The true number is at least this (95 %).")
    high: float | None
    observed_frac: float
    is_few: bool


class SpeedAnswer(Answer):
    start: Moment
    end: Moment
    place: str
    kind: Kind
    n: int
    median_kmh: float
    low_kmh: float = Field(description="The median is at least this (95 %).")
    high_kmh: float
    p85_kmh: float | None


class MeasuresAnswer(Answer):
    counts: list[CountAnswer]
    speeds: list[SpeedAnswer]


class SightBoxModel(Answer):
    """A road user now, in 0..1 of the picture. The id means nothing elsewhere or later."""

    id: int
    kind: Kind
    box_unit: tuple[float, float, float, float]
    trail_unit: list[tuple[float, float]]


class SightMessage(Answer):
    """Text on a sights socket: what is in the picture of that moment."""

    type: Literal["sight"]
    at: Moment
    boxes: list[SightBoxModel]


class LiveToken(Wish):
    """The first message on a live socket, as text."""

    token: str = Field(min_length=1, max_length=500)


class LiveHeader(Answer):
    """Text before each binary message on a live socket: what the next bytes are."""

    type: Literal["init", "fragment"]
    codec: str = Field(description="The MSE codec, set on an init only.", examples=["avc1.64001f"])
    cover: CoverName
    at: Moment
    dropped: int = Field(description="Fragments this viewer missed before this one.")
    size_bytes: int


class LiveEnd(Answer):
    """The last text on a live socket. error null: the look is over; renew it or open another."""

    type: Literal["end"]
    error: str | None
    message: str
    do: str
