"""Crowds whose every way is known: road users on a plane, seen by a camera on a mast.

Seeded, so that a crowd is the same everywhere. Road users are boxes of real sizes that walk or
drive straight or curving ways across the scene, some stopping for a while, some hidden by others;
a pinhole camera gives their true boxes, cut by the picture's edge. `noisy` then makes of them what
a detector would: boxes that shake, that are missing (more when hidden), that are false, and
pictures at uneven times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fairview.core.ids import CameraId
from fairview.core.sight import BICYCLE, BUS, CAR, PERSON, TRUCK, Detections
from fairview.core.time import Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.intp]

START = Instant(1_777_636_800_000_000)
CAMERA = CameraId("crowd")
WIDTH_PX, HEIGHT_PX = 1280, 720
_FOCAL = 0.85
"""Focal length in picture widths: a usual street camera's 60 degrees."""
_MAST_M, _TILT = 9.0, np.radians(24.0)
_HIDDEN_FRAC = 0.7
_SIZE_MIN = 0.006

# length, width, height in metres; speed in m/s and its deviation; share of the crowd
_SORTS: tuple[tuple[int, tuple[float, float, float], tuple[float, float], float], ...] = (
    (PERSON, (0.5, 0.6, 1.75), (1.35, 0.25), 0.55),
    (BICYCLE, (1.8, 0.6, 1.75), (4.5, 0.8), 0.12),
    (CAR, (4.4, 1.8, 1.5), (9.0, 2.5), 0.25),
    (BUS, (11.5, 2.5, 3.0), (7.0, 1.5), 0.04),
    (TRUCK, (7.5, 2.4, 3.0), (7.5, 1.5), 0.04),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One picture's truth. ids, kinds (n,); boxes (n, 4) in the picture; hidden (n,) 0..1."""

    frame: int
    at: Instant
    ids: Ints
    kinds: Ints
    boxes: Floats
    hidden: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How a detector errs. Frame times: `step_s` drawn evenly from the pair, None: as they are."""

    place_std: float = 0.03
    size_std: float = 0.05
    miss_frac: float = 0.1
    false_per_picture: float = 0.5
    other_kind_frac: float = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What crowd to make."""

    count: int
    frames: int
    seed: int
    fps: float = 25.0
    step_s: tuple[float, float] | None = None


class _Walker:
    def __init__(self, rng: np.random.Generator, *, is_first: bool) -> None:
        sort = rng.choice(len(_SORTS), p=[one[3] for one in _SORTS])
        self.kind, self.size, (mean, spread), _ = _SORTS[sort]
        self.serial = int(rng.integers(1 << 60))
        self.speed = max(rng.normal(mean, spread), 0.4)
        far = rng.uniform(12.0, 45.0)
        side = 1.0 if rng.random() < 0.5 else -1.0
        across = rng.random() < 0.6
        half = 0.62 * far + self.size[0] + 2.0
        if across:
            self.place = np.array([-side * half, far])
            self.heading = 0.0 if side > 0 else np.pi
        else:
            self.place = np.array([rng.uniform(-0.4, 0.4) * far, 9.0 if side > 0 else 60.0])
            self.heading = np.pi / 2 if side > 0 else -np.pi / 2
        self.heading += rng.normal(0.0, 0.15)
        self.turn = rng.normal(0.0, 0.05)
        self.stop_in = rng.uniform(1.0, 8.0) if rng.random() < 0.3 else np.inf
        self.stop_for = rng.uniform(1.0, 12.0)
        self.now = self.speed
        if is_first:
            self.move(rng.uniform(0.0, 2 * half / self.speed))

    def move(self, dt_s: float) -> None:
        for _ in range(max(1, int(np.ceil(dt_s / 0.2)))):
            self._move(dt_s / max(1, int(np.ceil(dt_s / 0.2))))

    def _move(self, dt_s: float) -> None:
        self.stop_in -= dt_s
        wish = self.speed
        if self.stop_in < 0 < self.stop_for:
            wish = 0.0
            if self.now < 0.05:
                self.stop_for -= dt_s
        change = np.clip(wish - self.now, -2.5 * dt_s, 1.5 * dt_s)
        self.now = max(self.now + change, 0.0)
        self.heading += self.turn * dt_s * self.now / self.speed
        self.place = self.place + self.now * dt_s * np.array(
            [np.cos(self.heading), np.sin(self.heading)]
        )

    def corners(self) -> Floats:
        """(8, 3): right, forward and up of the camera's foot, metres."""
        length, width, height = self.size
        flat = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) * [length / 2, width / 2]
        c, s = np.cos(self.heading), np.sin(self.heading)
        flat = flat @ np.array([[c, s], [-s, c]]) + self.place
        return np.concatenate([np.column_stack([flat, np.full(4, z)]) for z in (0.0, height)])


def crowd(wish: Wish) -> tuple[Moment, ...]:
    """A crowd of about `count` road users in view at any time."""
    rng = np.random.default_rng(wish.seed)
    walkers: list[_Walker] = []
    moments: list[Moment] = []
    numbers: dict[int, int] = {}
    at_s = 0.0
    while len(walkers) < wish.count:
        one = _Walker(rng, is_first=True)
        if _projected(one) is not None:
            walkers.append(one)
    for frame in range(1, wish.frames + 1):
        inside = [(one, box) for one in walkers if (box := _projected(one)) is not None]
        coming = len(walkers) - len(inside)
        for _ in range(wish.count - len(inside) - coming // 2):
            one = _Walker(rng, is_first=False)
            if _projected(one) is None:
                walkers.append(one)
        moments.append(_moment(frame, at_s, inside, numbers))
        dt_s = 1.0 / wish.fps if wish.step_s is None else rng.uniform(*wish.step_s)
        at_s += dt_s
        for one in walkers:
            one.move(dt_s)
        walkers = [one for one in walkers if not _is_gone(one)]
    return tuple(moments)


def detections(moment: Moment) -> Detections:
    """The truth itself as a detector's answer."""
    return Detections(
        camera=CAMERA,
        frame=moment.frame,
        at=moment.at,
        boxes_unit=moment.boxes.astype(np.float32),
        scores=np.ones(len(moment.ids), dtype=np.float32),
        kinds=moment.kinds.astype(np.uint8),
        model="truth",
    )


def noisy(moments: tuple[Moment, ...], noise: Noise, seed: int) -> tuple[Detections, ...]:
    """What a detector with this noise would say."""
    rng = np.random.default_rng(seed)
    return tuple(_blurred(one, noise, rng) for one in moments)


def every(moments: tuple[Moment, ...], step: int) -> tuple[Moment, ...]:
    """Every step-th picture, numbered anew: a slower camera."""
    return tuple(replace(one, frame=number) for number, one in enumerate(moments[::step], start=1))


def _blurred(moment: Moment, noise: Noise, rng: np.random.Generator) -> Detections:
    n = len(moment.ids)
    gone = rng.random(n) < noise.miss_frac + (1 - noise.miss_frac) * np.clip(
        (moment.hidden - 0.3) / (_HIDDEN_FRAC - 0.3), 0, 1
    )
    boxes = moment.boxes[~gone]
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    shift = rng.normal(0, noise.place_std, (len(boxes), 2))
    grow = rng.normal(0, noise.size_std / 2, (len(boxes), 2))
    moved = boxes + size * np.concatenate([shift - grow, shift + grow], axis=1)
    scores = np.clip(rng.normal(0.75, 0.12, len(boxes)) - 0.7 * moment.hidden[~gone], 0.12, 0.98)
    kinds = moment.kinds[~gone].copy()
    mistaken = rng.random(len(kinds)) < noise.other_kind_frac
    kinds[mistaken & (kinds == CAR)] = TRUCK
    false_n = rng.poisson(noise.false_per_picture)
    middle, wide = rng.random((false_n, 2)), rng.uniform(0.02, 0.12, (false_n, 2))
    false = np.concatenate([middle - wide / 2, middle + wide / 2], axis=1)
    every_box = np.clip(np.concatenate([moved, false]), 0.0, 1.0)
    order = rng.permutation(len(every_box))
    return Detections(
        camera=CAMERA,
        frame=moment.frame,
        at=moment.at,
        boxes_unit=every_box[order].astype(np.float32),
        scores=np.concatenate([scores, rng.uniform(0.1, 0.6, false_n)])[order].astype(np.float32),
        kinds=np.concatenate([kinds, rng.choice([PERSON, CAR], false_n)])[order].astype(np.uint8),
        model="noisy",
    )


def _projected(walker: _Walker) -> tuple[Floats, float] | None:
    """The box in the picture and how far away its middle is; None: not in the picture."""
    right, forward, up = walker.corners().T
    c, s = np.cos(_TILT), np.sin(_TILT)
    depth = forward * c - (up - _MAST_M) * s
    down = -(up - _MAST_M) * c - forward * s
    if depth.min() < 1.0:
        return None
    u = 0.5 + _FOCAL * right / depth
    v = 0.5 + _FOCAL * (WIDTH_PX / HEIGHT_PX) * down / depth
    box = np.clip([u.min(), v.min(), u.max(), v.max()], 0.0, 1.0)
    if min(box[2] - box[0], box[3] - box[1]) < _SIZE_MIN:
        return None
    return box, float(depth.mean())


def _is_gone(walker: _Walker) -> bool:
    x, y = walker.place
    return bool(abs(x) > 0.7 * max(y, 12.0) + 16.0 or not -16.0 < y < 90.0)


def _moment(
    frame: int,
    at_s: float,
    inside: list[tuple[_Walker, tuple[Floats, float]]],
    numbers: dict[int, int],
) -> Moment:
    inside = sorted(inside, key=lambda one: one[1][1])
    boxes = np.array([box for _, (box, _) in inside], dtype=np.float64).reshape(-1, 4)
    hidden = np.zeros(len(boxes))
    for far in range(1, len(boxes)):
        hidden[far] = _covered_frac(boxes[far], boxes[:far])
    ids = [numbers.setdefault(one.serial, len(numbers) + 1) for one, _ in inside]
    return Moment(
        frame=frame,
        at=START.plus(round(at_s * 1_000_000)),
        ids=np.array(ids, dtype=np.intp),
        kinds=np.array([one.kind for one, _ in inside], dtype=np.intp),
        boxes=boxes,
        hidden=hidden,
    )


def _covered_frac(box: Floats, nearer: Floats) -> float:
    """How much of a box nearer boxes cover, on a grid of 8 x 8 points."""
    steps = (np.arange(8) + 0.5) / 8
    x = box[0] + (box[2] - box[0]) * steps[None, :]
    y = box[1] + (box[3] - box[1]) * steps[:, None]
    near = nearer[:, :, None, None]
    is_in = (x >= near[:, 0]) & (x <= near[:, 2]) & (y >= near[:, 1]) & (y <= near[:, 3])
    return float(is_in.any(axis=0).mean())
