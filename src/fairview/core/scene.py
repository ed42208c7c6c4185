"""What a camera looks at: lines, zones, lanes and the ground, as scene.toml says (FORMATS).

Values only: config/scene_file.py reads the file. Points are (x, y) in pixels of the camera's
picture size, origin top left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fairview.core.ids import CameraId
from fairview.core.time import Instant

Point = tuple[float, float]
Polygon = tuple[Point, ...]
ZoneKind = Literal[
    "lane", "crossing", "junction", "footway", "closed", "stop_area", "queue", "room", "any"
]
ZONE_KINDS: tuple[ZoneKind, ...] = (
    "lane",
    "crossing",
    "junction",
    "footway",
    "closed",
    "stop_area",
    "queue",
    "room",
    "any",
)
RuleKind = Literal[
    "red_light",
    "wrong_way",
    "stopped",
    "blocked_crossing",
    "speeding",
    "closed_lane",
    "queue",
    "off_crossing",
    "near_miss",
    "density",
    "counter_flow",
    "intrusion",
    "presence",
    "object_left",
    "object_removed",
    "camera_fault",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneCamera:
    """The picture the points refer to. fps, start: only for inputs without times of their own."""

    id: CameraId
    width_px: int
    height_px: int
    fps: float | None = None
    start: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorWish:
    """Which detector. model None: the default of the kind."""

    kind: Literal["motion", "onnx"] = "motion"
    model: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TapedLength:
    a_px: Point
    b_px: Point
    metres: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPoint:
    """A point known on the ground, in local metres (lat and lon are turned into them)."""

    px: Point
    east_m: float
    north_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanishing:
    vp1_px: Point
    vp2_px: Point
    principal_px: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Two points or more; one line, one crossing, however many of its pieces are touched."""

    name: str
    points_px: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    name: str
    polygon_px: Polygon
    kind: ZoneKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The allowed way through a zone of kind lane, from -> to."""

    zone: str
    from_px: Point
    to_px: Point
    speed_limit_kmh: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Road users whose first crossed line is from_line and whose last is to_line."""

    name: str
    from_line: str
    to_line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalHead:
    """source: a CSV file beside the scene with columns at and state."""

    name: str
    stop_line: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """settings: the kind's own parameters, as written, sorted by name."""

    name: str
    kind: RuleKind
    zone: str | None
    line: str | None
    settings: tuple[tuple[str, float | str | bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneMask:
    polygon_px: Polygon
    kind: Literal["on_view", "in_camera"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One camera's scene. digest: SHA-256 of the file's bytes, hexadecimal."""

    camera: SceneCamera
    digest: str
    detector: DetectorWish = DetectorWish()
    lengths: tuple[TapedLength, ...] = ()
    points: tuple[KnownPoint, ...] = ()
    vanishing: Vanishing | None = None
    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = ()
    lanes: tuple[Lane, ...] = ()
    flows: tuple[Flow, ...] = ()
    signals: tuple[SignalHead, ...] = ()
    rules: tuple[Rule, ...] = ()
    masks: tuple[SceneMask, ...] = ()

    @property
    def has_ground(self) -> bool:
        return bool(self.lengths or self.points or self.vanishing)
