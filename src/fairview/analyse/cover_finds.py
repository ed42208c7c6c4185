"""What a cover hides because a detector saw it: whose boxes, and how far around them.

Pure apart from the detectors handed in. Recall comes before precision everywhere: a box that
hides nothing costs a viewer a few pixels, a person without one can't be taken back. Faces and
plates are looked for only to be hidden: their boxes live as long as the picture is covered, and
are never written, counted or followed from camera to camera.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairview.analyse.planes import Planes
from fairview.core.sight import BICYCLE, BUS, CAR, MOTORCYCLE, PERSON, TRUCK, VAN

if TYPE_CHECKING:
    import numpy.typing as npt

    Boxes = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.uint8]

Reason = Literal["person", "two-wheeler", "face", "plate", "band"]
REASONS: tuple[Reason, ...] = ("person", "two-wheeler", "face", "plate", "band")
"""By number, as arrays hold them."""
BY_PERSON, BY_TWO_WHEELER, BY_FACE, BY_PLATE, BY_BAND = range(len(REASONS))

PERSON_SCORE_MIN = 0.22
"""Far below the score at which a person would be counted (0.4 and more): detectors of this size
give half-hidden and small people scores between, and a wrong box only hides some ground."""

VEHICLE_SCORE_MIN = 0.35
"""Vehicles matter for where their plate may be."""

PLATE_SCORE_MIN = 0.75
"""Below this a plate is hidden too, but the lower band of its vehicle as well: a grille taken for
the plate would leave the real one to be read."""

VEHICLE_WIDTH_UNIT_MIN = 0.04
"""Narrower vehicles get their band without a search: at 1920 pixels their plate has 15."""

CROPS_MAX = 4
"""Vehicles whose plate is searched in one look, largest first; the others get their band. Bounds
a look in a full car park: one crop takes some 30 ms."""

BAND_FRAC = 0.55
"""The lower part of a vehicle in which a plate hangs: cars carry it below the lamps, buses and
lorries at the bumper; from a high camera the rear plate shows higher in the box."""

RIDER_FRAC = 0.9
"""Two-wheelers are hidden with this much of their height above them: detectors often box the
machine alone, and the rider sits on it."""

TILES = (
    (0.0, 0.0, 0.58, 0.62),
    (0.42, 0.0, 1.0, 0.62),
    (0.21, 0.19, 0.79, 0.81),
    (0.0, 0.38, 0.58, 1.0),
    (0.42, 0.38, 1.0, 1.0),
)
"""Second looks, in turn: people too small for the whole picture are 1.7 times as large here."""

TILE_FRAC_MAX = 0.6
"""Of a tile's width and height: larger things are left to the whole picture's look."""

_FACE_BODY = (1.6, 0.8, 1.6, 7.0)
"""How far a body reaches around a face without one, in face sizes: left, up, right, down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighted:
    """What a detector found in one picture.

    Shapes:  boxes_unit (n, 4) float32 x1 y1 x2 y2; scores (n,) float32; kinds (n,) of core.sight.
    """

    boxes_unit: Boxes
    scores: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.uint8]


TrafficFinder = Callable[[Planes], Sighted]
BoxFinder = Callable[[Planes], Sighted]
"""Faces or plates; kinds are not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finders:
    """The detectors of one cover. None: not looked for (then every vehicle gets its band)."""

    traffic: TrafficFinder
    faces: BoxFinder | None = None
    plates: BoxFinder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one look wants hidden, without margins.

    Shapes:  boxes_unit (n, 4) float32; reasons (n,) uint8, an index into REASONS.
    """

    boxes_unit: Boxes
    reasons: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.boxes_unit)


NOTHING = Found(boxes_unit=np.zeros((0, 4), np.float32), reasons=np.zeros(0, np.uint8))


def look(
    planes: Planes, finders: Finders, *, tiles: tuple[int, ...] = (), hidden: Mask | None = None
) -> Found:
    """One whole look at a picture: road users, faces, plates.

    tiles: which of TILES get a second look. hidden: what is covered already (0 or 255); plates
    of vehicles under it are not searched.

    Cost:    one detector call for the picture, one per tile, one for faces, at most CROPS_MAX
             for plates.
    """
    seen = [finders.traffic(planes)]
    for number in tiles:
        seen.append(_moved(finders.traffic(cropped(planes, TILES[number])), planes, number))
    boxes = np.concatenate([one.boxes_unit for one in seen])
    scores = np.concatenate([one.scores for one in seen])
    kinds = np.concatenate([one.kinds for one in seen])
    people = boxes[(kinds == PERSON) & (scores >= PERSON_SCORE_MIN)]
    two_wheelers = boxes[np.isin(kinds, (BICYCLE, MOTORCYCLE)) & (scores >= PERSON_SCORE_MIN)]
    whole = [
        _found(distinct(people), BY_PERSON),
        _found(_with_riders(distinct(two_wheelers), people), BY_TWO_WHEELER),
    ]
    if finders.faces is not None:
        whole.append(_found(_with_bodies(finders.faces(planes).boxes_unit, people), BY_FACE))
    vehicles = boxes[np.isin(kinds, (CAR, VAN, BUS, TRUCK)) & (scores >= VEHICLE_SCORE_MIN)]
    whole += _plates(planes, distinct(vehicles), finders.plates, hidden)
    return joined(whole)


def joined(parts: list[Found]) -> Found:
    """Several finds as one."""
    return Found(
        boxes_unit=np.concatenate([part.boxes_unit for part in parts] or [NOTHING.boxes_unit]),
        reasons=np.concatenate([part.reasons for part in parts] or [NOTHING.reasons]),
    )


def cropped(planes: Planes, box_unit: tuple[float, float, float, float]) -> Planes:
    """A part of a picture, without a copy; outwards to whole colour pixels."""
    left, top, right, bottom = _crop_px(planes, box_unit)
    half = (slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2))
    return Planes(
        luma=planes.luma[top:bottom, left:right],
        blue=planes.blue[half],
        red=planes.red[half],
        matrix=planes.matrix,
    )


def distinct(boxes: Boxes) -> Boxes:
    """Boxes of a look and its second look, those of one thing put together.

    Boxes that overlap by half, or lie almost wholly within another, become the box around both.
    """
    kept: list[Boxes] = []
    for number in np.argsort(-_areas(boxes), kind="stable"):
        one = boxes[number]
        for place, other in enumerate(kept):
            if _is_same(one, other):
                low, high = np.minimum(one[:2], other[:2]), np.maximum(one[2:], other[2:])
                kept[place] = np.concatenate([low, high])
                break
        else:
            kept.append(one)
    return np.array(kept, dtype=np.float32).reshape(-1, 4)


def overlap(one: Boxes, others: Boxes) -> npt.NDArray[np.float32]:
    """Intersection over union of one box (4,) with others (n, 4)."""
    low = np.maximum(one[:2], others[:, :2])
    high = np.minimum(one[2:], others[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    total = _areas(one[None]) + _areas(others) - shared
    return np.asarray(shared / np.maximum(total, 1e-9), dtype=np.float32)


def _areas(boxes: Boxes) -> npt.NDArray[np.float32]:
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.asarray(sides[:, 0] * sides[:, 1], dtype=np.float32)


def _is_same(one: Boxes, other: Boxes) -> bool:
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    first, second = (float(area) for area in _areas(np.stack([one, other])))
    return shared > 0.5 * (first + second - shared) or shared > 0.9 * min(first, second)


def _found(boxes: Boxes, reason: int) -> Found:
    return Found(
        boxes_unit=np.asarray(boxes, dtype=np.float32).reshape(-1, 4),
        reasons=np.full(len(boxes), reason, dtype=np.uint8),
    )


def _crop_px(
    planes: Planes, box_unit: tuple[float, float, float, float]
) -> tuple[int, int, int, int]:
    """Even left and top; right and bottom even or the picture's edge."""
    width, height = planes.width_px, planes.height_px
    left = int(np.clip(np.floor(box_unit[0] * width / 2) * 2, 0, max(width - 2, 0)))
    top = int(np.clip(np.floor(box_unit[1] * height / 2) * 2, 0, max(height - 2, 0)))
    right = int(np.clip(np.ceil(box_unit[2] * width / 2) * 2, left + 2, width))
    bottom = int(np.clip(np.ceil(box_unit[3] * height / 2) * 2, top + 2, height))
    return left, top, right, bottom


def _moved(seen: Sighted, planes: Planes, number: int) -> Sighted:
    """People and two-wheelers of a tile as boxes of the picture.

    What fills most of a tile is large enough to be found in the whole picture; what is said to
    fill it without being found there is the tile's own cut edge.
    """
    sides = seen.boxes_unit[:, 2:] - seen.boxes_unit[:, :2]
    is_small = (sides < TILE_FRAC_MAX).all(axis=1)
    keeps = is_small & np.isin(seen.kinds, (PERSON, BICYCLE, MOTORCYCLE))
    return Sighted(
        boxes_unit=_uncropped(seen.boxes_unit[keeps], planes, TILES[number]),
        scores=seen.scores[keeps],
        kinds=seen.kinds[keeps],
    )


def _uncropped(boxes: Boxes, planes: Planes, box_unit: tuple[float, float, float, float]) -> Boxes:
    left, top, right, bottom = _crop_px(planes, box_unit)
    scale = np.array([right - left, bottom - top] * 2, dtype=np.float32)
    shift = np.array([left, top] * 2, dtype=np.float32)
    size = np.array([planes.width_px, planes.height_px] * 2, dtype=np.float32)
    return np.asarray((boxes * scale + shift) / size, dtype=np.float32)


def _with_riders(two_wheelers: Boxes, people: Boxes) -> Boxes:
    """Each machine with the room above it, and with whoever touches it."""
    whole = two_wheelers.copy()
    for number, box in enumerate(two_wheelers):
        whole[number, 1] -= RIDER_FRAC * (box[3] - box[1])
        for person in people:
            if float(overlap(box, person[None])[0]) > 0.05:
                whole[number, :2] = np.minimum(whole[number, :2], person[:2])
                whole[number, 2:] = np.maximum(whole[number, 2:], person[2:])
    return np.clip(whole, 0, 1)


def _with_bodies(faces: Boxes, people: Boxes) -> Boxes:
    """Faces inside a person as they are; a face alone with the body that belongs to it."""
    whole = faces.copy()
    left, up, right, down = _FACE_BODY
    for number, face in enumerate(faces):
        middle = (face[:2] + face[2:]) / 2
        held = (people[:, :2] <= middle).all(axis=1) & (people[:, 2:] >= middle).all(axis=1)
        if not held.any():
            width, height = face[2:] - face[:2]
            whole[number] += np.array((-left * width, -up * height, right * width, down * height))
    return np.clip(whole, 0, 1)


def _plates(
    planes: Planes, vehicles: Boxes, finder: BoxFinder | None, hidden: Mask | None
) -> list[Found]:
    found: list[Found] = []
    order = np.argsort(-_areas(vehicles), kind="stable")
    searched = 0
    for number in order:
        box = vehicles[number]
        if hidden is not None and _hidden_frac(hidden, box) > 0.97:
            continue
        is_sure = False
        if (
            finder is not None
            and searched < CROPS_MAX
            and box[2] - box[0] >= VEHICLE_WIDTH_UNIT_MIN
        ):
            searched += 1
            where = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
            seen = finder(cropped(planes, where))
            is_sure = bool(len(seen.scores)) and float(seen.scores.max()) >= PLATE_SCORE_MIN
            found.append(_found(_uncropped(seen.boxes_unit, planes, where), BY_PLATE))
        if not is_sure:
            band = box.copy()
            band[1] = box[3] - BAND_FRAC * (box[3] - box[1])
            found.append(_found(band[None], BY_BAND))
    return found


def _hidden_frac(mask: Mask, box: Boxes) -> float:
    rows, columns = mask.shape
    left, top = int(box[0] * columns), int(box[1] * rows)
    right, bottom = int(np.ceil(box[2] * columns)), int(np.ceil(box[3] * rows))
    part = mask[max(top, 0) : bottom, max(left, 0) : right]
    return float(np.count_nonzero(part)) / part.size if part.size else 1.0
