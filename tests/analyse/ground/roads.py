"""Simulated roads with known truth: cameras, taped lengths, vehicles as boxes of three dimensions.

The camera here is a second writing: a pinhole with the usual polynomial distortion, not the
division model that the product fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairview.core.ids import CameraId
from fairview.core.scene import KnownPoint, Scene, SceneCamera, TapedLength, Vanishing
from fairview.core.sight import KINDS, Track

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SIZES_PX = ((1280, 720), (1920, 1080), (2560, 1440), (3840, 2160))
BODIES_M = {
    "car": ((3.6, 4.9), (1.65, 1.95), (1.4, 1.75)),
    "van": ((4.6, 6.0), (1.85, 2.1), (1.9, 2.6)),
    "truck": ((6.0, 14.0), (2.3, 2.55), (2.6, 3.8)),
    "bus": ((10.0, 13.0), (2.5, 2.55), (2.9, 3.3)),
    "motorcycle": ((1.9, 2.2), (0.7, 0.9), (1.4, 1.8)),
}
SHARES = {"car": 0.7, "van": 0.1, "truck": 0.08, "bus": 0.05, "motorcycle": 0.07}
BOX_PX_MIN = 14.0
Told = Literal["lengths", "points", "vanishing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A pinhole with polynomial distortion over the plane z = 0."""

    width_px: int
    height_px: int
    focal_px: float
    height_m: float
    tilt: float
    roll: float
    k1: float

    def axes(self) -> Floats:
        """Rows: the camera's right, down and forward in world coordinates (x, y ahead, z up)."""
        sin, cos = np.sin(self.tilt), np.cos(self.tilt)
        forward = np.array([0.0, cos, -sin])
        right, down = np.array([1.0, 0.0, 0.0]), np.array([0.0, -sin, -cos])
        turned, c, s = np.array([right, down]), np.cos(self.roll), np.sin(self.roll)
        axes: Floats = np.array(
            [c * turned[0] - s * turned[1], s * turned[0] + c * turned[1], forward]
        )
        return axes

    def shown(self, world: Floats) -> Floats:
        """(n, 3) metres to (n, 2) pixels; nan behind the camera or past the lens's fold."""
        seen = (world - np.array([0.0, 0.0, self.height_m])) @ self.axes().T
        depth = np.where(seen[:, 2] > 0.1, seen[:, 2], np.nan)
        flat = seen[:, :2] / depth[:, None]
        square = np.sum(flat**2, axis=1)
        fold = 1 + 3 * self.k1 * square > 0.05
        bent = flat * np.where(fold, 1 + self.k1 * square, np.nan)[:, None]
        px: Floats = bent * self.focal_px + np.array([self.width_px / 2, self.height_px / 2])
        return px

    def ground(self, px: Floats) -> Floats:
        """(n, 2) pixels to (n, 2) metres on the road, the distortion undone step by step."""
        bent = (px - np.array([self.width_px / 2, self.height_px / 2])) / self.focal_px
        flat = bent.copy()
        for _ in range(50):
            flat = bent / (1 + self.k1 * np.sum(flat**2, axis=1))[:, None]
        rays = np.column_stack([flat, np.ones(len(flat))]) @ self.axes()
        far = np.where(rays[:, 2] < -1e-6, -self.height_m / rays[:, 2], np.nan)
        metres: Floats = rays[:, :2] * far[:, None]
        return metres

    def holds(self, px: Floats) -> npt.NDArray[np.bool_]:
        size = np.array([self.width_px, self.height_px])
        inside: npt.NDArray[np.bool_] = np.all((px > 2) & (px < size - 2), axis=1)
        return inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """One vehicle's way: its track as a tracker gives it, and the truth."""

    track: Track
    kmh_at: Floats
    centres_m: Floats

    def kmh(self, known: npt.NDArray[np.bool_]) -> float:
        """The true median speed over the known part of the way, by time."""
        seconds = self.track.at_us[known] / 1e6
        even = np.linspace(seconds[0], seconds[-1], 200)
        return float(np.median(np.interp(even, seconds, self.kmh_at[known])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    camera: Camera
    scene: Scene
    drives: tuple[Drive, ...]
    told: Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A straight or circular way over the road through `through`, heading `heading`."""

    through: Floats
    heading: float
    bend_per_m: float

    def at(self, along_m: Floats) -> tuple[Floats, Floats]:
        """Places (n, 2) and headings (n,)."""
        turn = self.heading + self.bend_per_m * along_m
        if abs(self.bend_per_m) < 1e-9:
            way = np.array([np.cos(self.heading), np.sin(self.heading)])
            return self.through + along_m[:, None] * way, turn
        radius = 1 / self.bend_per_m
        east = radius * (np.sin(turn) - np.sin(self.heading))
        north = -radius * (np.cos(turn) - np.cos(self.heading))
        return self.through + np.column_stack([east, north]), turn


def road(seed: int, told: Told = "lengths", lengths: int | None = None) -> Road:
    """One road of the given seed, with one to four vehicles on it."""
    for attempt in range(60):
        rng = np.random.default_rng([seed, attempt])
        camera = _camera(rng)
        path = _path(rng, camera)
        if path is None:
            continue
        drives = tuple(
            one for n in range(4) if (one := _drive(rng, camera, path, n + 1)) is not None
        )
        scene = _scene(rng, camera, path, told, lengths)
        if drives and scene is not None:
            return Road(camera=camera, scene=scene, drives=drives, told=told)
    raise AssertionError(f"no road can be made of seed {seed}")


def _camera(rng: np.random.Generator) -> Camera:
    width, height = SIZES_PX[int(rng.choice(4, p=[0.4, 0.4, 0.1, 0.1]))]
    field = np.deg2rad(rng.uniform(35, 85))
    return Camera(
        width_px=width,
        height_px=height,
        focal_px=float(width / 2 / np.tan(field / 2)),
        height_m=float(rng.uniform(4, 20)),
        tilt=float(np.deg2rad(rng.uniform(8, 40))),
        roll=float(np.deg2rad(rng.uniform(-3, 3))),
        k1=float(rng.uniform(-0.35, 0.05)),
    )


def _path(rng: np.random.Generator, camera: Camera) -> Path | None:
    """None for a camera that sees no road within 70 m there."""
    size = np.array([camera.width_px, camera.height_px])
    for _ in range(200):
        px = (np.array([rng.uniform(0.3, 0.7), rng.uniform(0.5, 0.8)]) * size)[None]
        through = camera.ground(px)[0]
        if np.isfinite(through).all() and np.hypot(*through) < 70:
            break
    else:
        return None
    bend = 0.0 if rng.random() < 0.55 else float(rng.choice([-1, 1]) / rng.uniform(30, 200))
    return Path(through=through, heading=float(rng.uniform(-np.pi, np.pi)), bend_per_m=bend)


def body_boxes(camera: Camera, places: Floats, turns: Floats, size_m: Floats) -> Floats:
    """(n, 4) pixel boxes around bodies (length, width, height) standing at places."""
    signs = np.array([(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (0, 1)], dtype=float)
    along = np.column_stack([np.cos(turns), np.sin(turns)])
    beside = np.column_stack([-along[:, 1], along[:, 0]])
    corners = (
        places[:, None]
        + signs[None, :, :1] * along[:, None] * size_m[0] / 2
        + signs[None, :, 1:2] * beside[:, None] * size_m[1] / 2
    )
    up = np.broadcast_to(signs[:, 2] * size_m[2], corners.shape[:2])
    world = np.concatenate([corners, up[..., None]], axis=2).reshape(-1, 3)
    px = camera.shown(world).reshape(len(places), 8, 2)
    return np.concatenate([px.min(axis=1), px.max(axis=1)], axis=1)


def _times(rng: np.random.Generator, seconds: float) -> npt.NDArray[np.int64]:
    """Microseconds: even at 10 to 50 fps, or unsteady with steps of 17 to 167 ms."""
    if rng.random() < 0.4:
        steps = rng.choice([17_000, 33_000, 50_000, 67_000, 100_000, 167_000], int(seconds * 60))
    else:
        steps = np.full(int(seconds * 60), int(1e6 / rng.choice([10, 12.5, 25, 30, 50])))
        steps = steps + rng.integers(-1_000, 1_001, len(steps))
    times = np.cumsum(steps.astype(np.int64))
    return times[times < seconds * 1e6]


def _drive(rng: np.random.Generator, camera: Camera, path: Path, number: int) -> Drive | None:
    kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    size_m = np.array([rng.uniform(*span) for span in BODIES_M[kind]])
    kmh_max = 110.0 if path.bend_per_m == 0 else min(110.0, 12 * abs(path.bend_per_m) ** -0.4 * 1.6)
    speed = rng.uniform(20, max(kmh_max, 30)) / 3.6
    gain = rng.normal(0, 0.4) if rng.random() < 0.5 else 0.0
    times = _times(rng, 16.0)
    seconds = times / 1e6 - 8.0
    along = speed * seconds + 0.5 * gain * seconds**2
    pace = speed + gain * seconds
    lane = rng.uniform(-3.5, 3.5)
    if path.bend_per_m != 0:
        keeps = np.abs(along * path.bend_per_m) < 1.6
    else:
        keeps = np.ones(len(along), dtype=bool)
    keeps &= pace > 3
    places, turns = path.at(along)
    places = places + lane * np.column_stack([-np.sin(turns), np.cos(turns)])
    pace = pace * np.abs(1 - lane * path.bend_per_m)
    boxes = body_boxes(camera, places, turns, size_m)
    noise = _noise(rng, boxes.shape)
    keeps &= np.isfinite(boxes).all(axis=1) & (boxes[:, 3] - boxes[:, 1] > BOX_PX_MIN)
    keeps &= camera.holds(boxes[:, :2]) & camera.holds(boxes[:, 2:])
    keeps &= rng.random(len(keeps)) > 0.03
    if np.count_nonzero(keeps) < 8 or np.ptp(along[keeps]) < 8:
        return None
    kept = boxes[keeps] + noise[keeps]
    return Drive(
        track=track_of(camera, number, kind, times[keeps], kept),
        kmh_at=pace[keeps] * 3.6,
        centres_m=places[keeps],
    )


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Edges wrong by 1 to 2 px, half of it slow: a detector's error lasts several pictures."""
    sd, share = rng.uniform(1, 2), rng.uniform(0, 0.7)
    fresh = rng.normal(0, 1, shape)
    slow = np.zeros(shape)
    for n in range(1, shape[0]):
        slow[n] = 0.8 * slow[n - 1] + 0.6 * rng.normal(0, 1, shape[1:])
    noise: Floats = sd * (np.sqrt(1 - share) * fresh + np.sqrt(share) * slow)
    return noise


def track_of(
    camera: Camera, number: int, kind: str, times: npt.NDArray[np.int64], boxes: Floats
) -> Track:
    size = np.array([camera.width_px, camera.height_px] * 2)
    boxes = np.column_stack(
        [
            np.minimum(boxes[:, 0], boxes[:, 2]),
            np.minimum(boxes[:, 1], boxes[:, 3]),
            np.maximum(boxes[:, 0], boxes[:, 2]),
            np.maximum(boxes[:, 1], boxes[:, 3]),
        ]
    )
    return Track(
        camera=CameraId("sim"),
        id=number,
        kind=[str(one) for one in KINDS].index(kind),
        kind_share=1.0,
        frames=np.arange(1, len(times) + 1, dtype=np.int32),
        at_us=times,
        boxes_unit=(boxes / size).astype(np.float32),
        scores=np.full(len(times), 0.8, dtype=np.float32),
        is_seen=np.ones(len(times), dtype=bool),
    )


def _scene(
    rng: np.random.Generator, camera: Camera, path: Path, told: Told, lengths: int | None
) -> Scene | None:
    count = int(rng.integers(4, 11)) if lengths is None else lengths
    if told == "vanishing":
        count = 2
    taped = [] if told == "points" else _lengths(rng, camera, path, count)
    points = _points(rng, camera, path) if told == "points" else ()
    if taped is None or points is None:
        return None
    return Scene(
        camera=SceneCamera(
            id=CameraId("sim"), width_px=camera.width_px, height_px=camera.height_px
        ),
        digest="0" * 64,
        lengths=tuple(taped),
        points=points,
        vanishing=_vanishing(camera, path) if told == "vanishing" else None,
    )


def _visible(rng: np.random.Generator, camera: Camera, path: Path) -> Floats | None:
    """Stretches of the road that the picture holds, as metres along the path."""
    along = np.linspace(-60, 60, 241)
    places, _ = path.at(along)
    px = camera.shown(np.column_stack([places, np.zeros(len(places))]))
    scale = np.hypot(*np.gradient(px, axis=0).T) / 0.5
    keeps = camera.holds(np.nan_to_num(px, nan=-9)) & (scale > 2.0)
    keeps &= np.abs(along * path.bend_per_m) < 1.6
    seen = along[keeps]
    return seen if len(seen) > 16 else None


def _lengths(
    rng: np.random.Generator, camera: Camera, path: Path, count: int
) -> list[TapedLength] | None:
    """Half along the road, half across it, spread over what is seen; each wrong by up to 2 %."""
    seen = _visible(rng, camera, path)
    if seen is None:
        return None
    found: list[TapedLength] = []
    for _ in range(400):
        if len(found) == count:
            return found
        share = (len(found) // 2 + rng.uniform(0, 1)) / max((count + 1) // 2, 1)
        start = seen[int(np.clip(share, 0, 0.999) * len(seen))]
        places, turns = path.at(np.array([start]))
        along = np.array([np.cos(turns[0]), np.sin(turns[0])])
        beside = np.array([-along[1], along[0]])
        origin = places[0] + beside * rng.uniform(-3, 3)
        way = along if len(found) % 2 == 0 else beside
        end = origin + way * rng.uniform(3, 12 if len(found) % 2 == 0 else 8)
        world = np.column_stack([np.array([origin, end]), np.zeros(2)])
        px = camera.shown(world) + rng.normal(0, 0.7, (2, 2))
        if camera.holds(np.nan_to_num(px, nan=-9)).all() and np.hypot(*(px[1] - px[0])) > 25:
            metres = float(np.hypot(*(end - origin)) * rng.uniform(0.98, 1.02))
            found.append(TapedLength(a_px=_point(px[0]), b_px=_point(px[1]), metres=metres))
    return None


def _point(px: Floats) -> tuple[float, float]:
    return float(px[0]), float(px[1])


def _points(rng: np.random.Generator, camera: Camera, path: Path) -> tuple[KnownPoint, ...] | None:
    """Five to eight points known to a decimetre, in a frame of their own."""
    seen = _visible(rng, camera, path)
    if seen is None:
        return None
    turn, shift = rng.uniform(-np.pi, np.pi), rng.uniform(-500, 500, 2)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    count, found = int(rng.integers(5, 9)), list[KnownPoint]()
    for n in range(400):
        if len(found) == count:
            return tuple(found)
        start = seen[int((n % count + rng.uniform(0, 1)) / count * (len(seen) - 1))]
        places, turns = path.at(np.array([start]))
        place = places[0] + rng.uniform(-7, 7) * np.array([-np.sin(turns[0]), np.cos(turns[0])])
        px = camera.shown(np.array([[*place, 0.0]])) + rng.normal(0, 0.7, (1, 2))
        if camera.holds(np.nan_to_num(px, nan=-9)).all():
            east, north = matrix @ place + shift + rng.normal(0, 0.05, 2)
            found.append(KnownPoint(px=_point(px[0]), east_m=float(east), north_m=float(north)))
    return None


def _vanishing(camera: Camera, path: Path) -> Vanishing:
    """Where the road's direction and the one across it vanish, without distortion."""
    turn = path.heading
    if abs(np.sin(turn)) < 0.05 or abs(np.cos(turn)) < 0.05:
        turn += 0.1
    shown = []
    for angle in (turn, turn + np.pi / 2):
        way = np.array([np.cos(angle), np.sin(angle), 0.0]) @ camera.axes().T
        px = way[:2] / way[2] * camera.focal_px
        shown.append((float(px[0] + camera.width_px / 2), float(px[1] + camera.height_px / 2)))
    return Vanishing(
        vp1_px=shown[0],
        vp2_px=shown[1],
        principal_px=(camera.width_px / 2, camera.height_px / 2),
    )
