"""What differs from the empty scene, as boxes: shapes that belong together joined, neighbours that
have grown together kept apart.

Two cars in a queue are one shape in a single picture. Most were two before: so the boxes of the
last pictures are kept, moved on, and a shape that holds several of them is shared out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from fairview.analyse.detectors.empty_scene import STRENGTH_ONE, Moving
from fairview.core.limits_seeing import MOTION_BOXES_MAX
from fairview.core.time import US_PER_SECOND, Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Boxes = npt.NDArray[np.float32]
    Floats = npt.NDArray[np.float64]
    Numbers = npt.NDArray[np.intp]

AREA_PX_MIN = 14
"""Smallest thing, in pixels of the scene (320 wide): a person of 8 x 4 and less is not told
from noise."""

STRENGTH_MIN = 1.35
"""How far the middle of a thing must exceed the tolerance."""

OUTLINE_STRENGTH_MAX = 2.5
OUTLINE_SHADOWS = 1.2
"""A shape weaker than this with so much more shadow than itself in its box is no thing."""

MOVING_FRAC_MIN = 0.1
"""While a scene is young, only what has just moved is believed."""

APART_MIN, APART_US_MIN = 3, 300_000
"""Who was a shape of its own in so many pictures and for so long is kept apart from others."""

_CLEAR = round(1.5 * STRENGTH_ONE)
"""Shapes are what differs clearly: the rest is haze around them, which joins neighbours."""

_MEMORY_US = 600_000
_REACH = 0.25
"""Nobody grows by more than this share of its size at once: what lies beyond is somebody else."""
_INSIDE_MIN = 5
_PART_MIN = 0.3
_STANDING, _GROWN = 0.3, 1.3
"""Who moves less than this share of its size a second does not grow by so much: somebody came."""

_SPEED_SHARE = 0.4
_FUSE_WIDTH_PX = 10.0
_SAME = 0.3
_GRID = np.array([(x, y) for y in (-0.3, 0.0, 0.3) for x in (-0.3, 0.0, 0.3)])


@dataclass(slots=True)
class Found:
    """Boxes of one picture in pixels of the scene. Shapes: boxes (n, 4), the others (n,).

    was: which remembered one each continues for sure, -1 unknown. is_apart: a whole shape.
    """

    boxes: Boxes
    areas: Floats
    means: Floats
    was: Numbers
    is_apart: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(slots=True)
class Known:
    """Who was there before, where expected now. Shapes: boxes (n, 4), the others (n,).

    is_told: was a shape of its own for long enough. is_standing: hardly moves.
    """

    boxes: Floats
    areas: Floats
    is_told: npt.NDArray[np.bool_]
    is_standing: npt.NDArray[np.bool_]


class Shapes:
    """One camera's. Used by one thread."""

    def __init__(self) -> None:
        self._boxes = np.zeros((0, 4))
        self._speeds = np.zeros((0, 2))
        self._apart = np.zeros(0, dtype=np.intp)
        self._since_us = np.zeros(0, dtype=np.int64)
        self._last_us = np.zeros(0, dtype=np.int64)
        self._areas = np.zeros(0)

    def boxes(self, moving: Moving, at: Instant) -> tuple[Boxes, npt.NDArray[np.float32]]:
        """Boxes in pixels of the scene, and scores 0 to 1. Shapes: (n, 4), (n,).

        Cost:    0.2 ms, 0.5 on a busy junction.
        """
        known = self._known(at)
        found = _found(moving, known)
        self._remember(found, known.boxes, at)
        scores = (1 - 0.6 / np.maximum(found.means, 0.6)) * (
            np.minimum(1, found.areas / (4 * AREA_PX_MIN)) ** 0.25
        )
        return found.boxes, np.clip(scores, 0, 1).astype(np.float32)

    def _known(self, at: Instant) -> Known:
        passed_s = (at.us - self._last_us)[:, None] / US_PER_SECOND
        sizes = self._boxes[:, 2:] - self._boxes[:, :2]
        return Known(
            boxes=self._boxes + np.tile(self._speeds * passed_s, 2),
            areas=self._areas,
            is_told=(self._apart >= APART_MIN) & (at.us - self._since_us >= APART_US_MIN),
            is_standing=np.all(np.abs(self._speeds) < _STANDING * sizes, axis=1),
        )

    def _remember(self, found: Found, expected: Floats, at: Instant) -> None:
        """The boxes of this picture continue the last ones, or begin."""
        was = found.was.copy()
        if len(found) and len(expected):
            over = _overlaps(found.boxes.astype(np.float64), expected)
            over[was >= 0] = 0
            over[:, was[was >= 0]] = 0
            new, old = np.nonzero(over >= _SAME)
            for pair in np.argsort(-over[new, old]):
                if was[new[pair]] < 0 and old[pair] not in was:
                    was[new[pair]] = old[pair]
        count = len(found)
        now = at.us
        speeds = np.zeros((count, 2))
        apart, since = found.is_apart.astype(np.intp), np.full(count, now, dtype=np.int64)
        known = was >= 0
        old = was[known]
        boxes = found.boxes.astype(np.float64)
        if len(old):
            passed_s = np.maximum(now - self._last_us[old], 1)[:, None] / US_PER_SECOND
            moved = (_middles(boxes[known]) - _middles(self._boxes[old])) / passed_s
            speeds[known] = self._speeds[old] + _SPEED_SHARE * (moved - self._speeds[old])
            apart[known] += self._apart[old]
            since[known] = self._since_us[old]
        # Who is not found for a moment (behind a pole) is waited for.
        lost = np.setdiff1d(np.flatnonzero(now - self._last_us < _MEMORY_US), old)
        self._boxes = np.concatenate([boxes, self._boxes[lost]])
        self._speeds = np.concatenate([speeds, self._speeds[lost]])
        self._apart = np.concatenate([apart, self._apart[lost]])
        self._since_us = np.concatenate([since, self._since_us[lost]])
        self._last_us = np.concatenate([np.full(count, now, np.int64), self._last_us[lost]])
        self._areas = np.concatenate([found.areas, self._areas[lost]])


def _found(moving: Moving, known: Known) -> Found:
    nothing = Found(
        boxes=np.zeros((0, 4), np.float32),
        areas=np.zeros(0),
        means=np.zeros(0),
        was=np.zeros(0, np.intp),
        is_apart=np.zeros(0, bool),
    )
    if moving.is_other_scene or not cv2.countNonZero(moving.mask):
        return nothing
    clear = cv2.threshold(moving.strength, _CLEAR, 255, cv2.THRESH_BINARY)[1]
    joined = cv2.bitwise_and(moving.mask, clear)
    joined = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, found, counted, _ = cv2.connectedComponentsWithStats(
        joined, connectivity=8, ltype=cv2.CV_16U
    )
    labels, stats = np.asarray(found), np.asarray(counted, dtype=np.int32)
    inside = np.flatnonzero(moving.mask.view(bool))
    own = labels.ravel()[inside]
    area = np.bincount(own, minlength=count)
    strength = np.bincount(own, weights=moving.strength.ravel()[inside], minlength=count)
    mean = strength / np.maximum(area, 1) / STRENGTH_ONE
    good = (area >= AREA_PX_MIN) & (mean >= STRENGTH_MIN)
    if moving.is_starting:
        fresh = np.bincount(own, weights=moving.fresh.ravel()[inside] > 0, minlength=count)
        good &= fresh >= MOVING_FRAC_MIN * area
    good[0] = False
    chosen = np.array(
        [one for one in np.flatnonzero(good) if not _is_outline(moving, stats[one], mean[one])],
        dtype=np.intp,
    )
    if not len(chosen):
        return nothing
    if len(chosen) > MOTION_BOXES_MAX:
        chosen = chosen[np.argsort(-area[chosen])[:MOTION_BOXES_MAX]]
    hosts = _hosts(labels, known.boxes, known.is_told)
    pieces = [
        piece
        for one in chosen
        for piece in _pieces(moving, labels, stats[one], (int(one), known, hosts))
    ]
    boxes = np.array([box for box, *_ in pieces], dtype=np.float32)
    sizes = np.array([size for _, size, *_ in pieces], dtype=np.float64)
    means = np.array([mean[one] for *_, one in pieces], dtype=np.float64)
    was = np.array([which for _, _, which, _ in pieces], dtype=np.intp)
    return _merged(Found(boxes=boxes, areas=sizes, means=means, was=was, is_apart=was < 0))


Piece = tuple[tuple[float, float, float, float], float, int, int]


def _hosts(labels: npt.NDArray[Any], expected: Floats, is_told: npt.NDArray[np.bool_]) -> Numbers:
    """In which shape each remembered box lies; -1 for none. By nine spots of each box."""
    if not len(expected):
        return np.zeros(0, dtype=np.intp)
    height, width = labels.shape
    middle = _middles(expected)[:, None]
    spots = middle + (expected[:, 2:] - expected[:, :2])[:, None] * _GRID[None]
    x = np.clip(spots[:, :, 0], 0, width - 1).astype(np.intp)
    y = np.clip(spots[:, :, 1], 0, height - 1).astype(np.intp)
    there = np.sort(labels[y, x], axis=1)
    middle_label = there[:, 4]
    # More than half of nine sorted values alike: the middle one is theirs.
    alike = (there == middle_label[:, None]).sum(axis=1)
    fits = is_told & (middle_label > 0) & (alike >= _INSIDE_MIN)
    return np.where(fits, middle_label, -1).astype(np.intp)


def _pieces(
    moving: Moving,
    labels: npt.NDArray[Any],
    stats: npt.NDArray[np.int32],
    who: tuple[int, Known, Numbers],
) -> list[Piece]:
    """A shape as one piece, or shared out to those who were there before."""
    one, known, hosts = who
    left, top, width, height, area = (int(number) for number in stats)
    whole: Piece = ((left, top, left + width, top + height), float(area), -1, one)
    owners = np.flatnonzero(hosts == one)
    owners = _without_doubles(known.boxes, owners) if len(owners) > 1 else owners
    if not len(owners) or (
        len(owners) == 1
        and not (known.is_standing[owners[0]] and area > _GROWN * known.areas[owners[0]])
    ):
        return [whole]
    around = (slice(top, top + height), slice(left, left + width))
    own = (labels[around] == one) & moving.mask[around].view(bool)
    boxes = known.boxes[owners] - np.array([left, top, left, top])
    nearest = _shared_out(own, _set_right(boxes, _shared_out(own, boxes)))
    pieces: list[Piece] = []
    for number, owner in enumerate(owners):
        y, x = np.nonzero(nearest == number)
        if len(x) < max(_PART_MIN * known.areas[owner], AREA_PX_MIN):
            return [whole]
        pieces.append((_box(x + left, y + top), float(len(x)), int(owner), one))
    rest = (own & (nearest < 0)).astype(np.uint8)
    if np.count_nonzero(rest) < 2 * AREA_PX_MIN:
        return pieces
    count, _, counted, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    for x0, y0, wide, high, size in np.asarray(counted)[1:count].tolist():
        if size >= 2 * AREA_PX_MIN:
            box = (left + x0, top + y0, left + x0 + wide, top + y0 + high)
            pieces.append((box, float(size), -1, one))
    return pieces


def _set_right(boxes: Floats, nearest: Numbers) -> Floats:
    """Boxes of known size moved to where the shape's own outer edges show that they are: who
    braked is not where it was expected, and must not take that from its neighbour."""
    right = boxes.copy()
    ends = np.array([nearest.shape[1], nearest.shape[0]])
    for number in range(len(boxes)):
        y, x = np.nonzero(nearest == number)
        if not len(x):
            continue
        low, high = np.array([x.min(), y.min()]), np.array([x.max() + 1, y.max() + 1])
        at_low, at_high = low == 0, high == ends
        moved = np.where(at_high, high - boxes[number, 2:], 0.0)
        moved = np.where(at_low, low - boxes[number, :2], moved)
        right[number] += np.tile(np.where(at_low & at_high, 0.0, moved), 2)
    return right


def _shared_out(own: npt.NDArray[np.bool_], boxes: Floats) -> Numbers:
    """For every pixel of a shape the box it is nearest to, -1 for none. Shapes: as the shape."""
    y, x = np.nonzero(own)
    middle, size = _middles(boxes), np.maximum(boxes[:, 2:] - boxes[:, :2], 4.0)
    # Beyond a box's edge, in pixels: in sizes the larger one would win ground in every picture.
    away = np.maximum(
        np.abs(x[:, None] + 0.5 - middle[:, 0]) - size[:, 0] / 2,
        np.abs(y[:, None] + 0.5 - middle[:, 1]) - size[:, 1] / 2,
    )
    nearest = np.argmin(away, axis=1)
    reach = _REACH * size.mean(axis=1)
    nearest[away[np.arange(len(x)), nearest] > reach[nearest]] = -1
    made = np.full(own.shape, -1, dtype=np.intp)
    made[y, x] = nearest
    return made


def _without_doubles(expected: Floats, owners: Numbers) -> Numbers:
    """Owners that are not much the same place, and not parts of one upright person."""
    kept: list[int] = []
    sizes = np.prod(expected[:, 2:] - expected[:, :2], axis=1)
    for owner in sorted(owners.tolist(), key=lambda one: -float(sizes[one])):
        if not any(_is_double(expected[owner], expected[other]) for other in kept):
            kept.append(owner)
    return np.array(kept, dtype=np.intp)


def _is_double(small: Floats, large: Floats) -> bool:
    across = min(small[2], large[2]) - max(small[0], large[0])
    down = min(small[3], large[3]) - max(small[1], large[1])
    width, height = small[2] - small[0], small[3] - small[1]
    if max(across, 0) * max(down, 0) > 0.5 * width * height:
        return True
    narrow = max(width, large[2] - large[0]) < _FUSE_WIDTH_PX
    return bool(narrow and across > 0.5 * width)


def _box(x: Numbers, y: Numbers) -> tuple[float, float, float, float]:
    return float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1)


def _is_outline(moving: Moving, stats: npt.NDArray[np.int32], strength: np.floating[Any]) -> bool:
    """Whether a shape is only the border of a shadow, where dark and light mix: weak, and around
    much more shadow than there is of itself."""
    if strength > OUTLINE_STRENGTH_MAX:
        return False
    left, top, width, height = (int(number) for number in stats[:4])
    around = (slice(top, top + height), slice(left, left + width))
    shape = np.count_nonzero(moving.mask[around])
    return bool(np.count_nonzero(moving.shadow[around]) > OUTLINE_SHADOWS * shape)


def _merged(found: Found) -> Found:
    """Fragments of one thing put together: one above the other with little between, or within.

    Side by side is not joined: that would join neighbours in a queue.
    """
    order = np.argsort(-found.areas)
    boxes, areas = found.boxes[order], found.areas[order]
    means, was, is_apart = found.means[order], found.was[order], found.is_apart[order]
    hosts = _host_of(boxes, areas)
    gone = np.zeros(len(boxes), dtype=bool)
    for number in np.flatnonzero((hosts >= 0) & (was < 0)):
        into = int(hosts[number])
        while gone[into]:
            into = int(hosts[into])
        gone[number] = True
        boxes[into, :2] = np.minimum(boxes[into, :2], boxes[number, :2])
        boxes[into, 2:] = np.maximum(boxes[into, 2:], boxes[number, 2:])
        total = areas[into] + areas[number]
        means[into] = (means[into] * areas[into] + means[number] * areas[number]) / total
        areas[into] = total
    merged = ~gone
    return Found(
        boxes=boxes[merged],
        areas=areas[merged],
        means=means[merged],
        was=was[merged],
        is_apart=is_apart[merged],
    )


def _host_of(boxes: Boxes, areas: Floats) -> Numbers:
    """For each shape, largest first, the much larger one that it is a fragment of; -1 for none."""
    left, top, right, bottom = boxes.T
    width, height = right - left, bottom - top
    across = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    between = np.maximum(top[:, None], top) - np.minimum(bottom[:, None], bottom)
    # Rows are fragments, columns their hosts.
    fits = (across >= 0.6 * width[:, None]) & (between <= 0.15 * height)
    fits &= areas[:, None] <= 0.35 * areas
    within = np.clip(across, 0, None) * np.clip(-between, 0, None)
    fits |= within >= 0.6 * (width * height)[:, None]
    fits &= np.tri(len(boxes), k=-1, dtype=bool)
    best = np.argmax(np.where(fits, across, -1), axis=1)
    return np.where(fits.any(axis=1), best, -1).astype(np.intp)


def _middles(boxes: Floats) -> Floats:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _overlaps(one: Floats, other: Floats) -> Floats:
    """(n, m) intersections over unions."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9))
