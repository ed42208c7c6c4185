"""Lines, zones, boxes, trails and counts drawn over a picture that is covered already.

It takes a covered picture and measured values, and never the camera's own pixels, so whatever it
draws shows nobody. Colours are those of a palette that people with any common colour blindness
can tell apart; every line has a dark rim, so that it shows on bright and dark ground.

Source:  M. Okabe, K. Ito, Color Universal Design (2008), the eight-colour palette.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fairview.access.render_paint import LABEL_RGB, text_patch
from fairview.analyse.planes import Planes, colour_of
from fairview.core.scene import Line, Scene
from fairview.core.sight import (
    BICYCLE,
    KINDS,
    MOTORCYCLE,
    MOVING,
    PERSON,
    VEHICLES,
    OpenTrack,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    Plane = npt.NDArray[np.uint8]
    Points = npt.NDArray[np.float64]

Rgb = tuple[int, int, int]

ORANGE: Rgb = (230, 159, 0)
SKY: Rgb = (86, 180, 233)
GREEN: Rgb = (0, 158, 115)
YELLOW: Rgb = (240, 228, 66)
PURPLE: Rgb = (204, 121, 167)
WHITE: Rgb = (245, 245, 245)
DARK: Rgb = (24, 30, 38)

LABELS_MAX = 512
"""Drawn words kept for the next picture; the oldest go first."""


_LINE_WEIGHT = 20.0
_ZONE_WEIGHT = 10.0
"""Words of lines are always written, those of zones before those of road users (who weigh their
box's share of the picture)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTally:
    """What passed a line so far."""

    line: str
    forward: int
    backward: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Word:
    """Words and the left upper corner they want, in pixels."""

    text: str
    place: Points
    weight: float


def colour_of_kind(kind: int) -> Rgb:
    """Persons sky blue, two wheels green, vehicles orange, `moving` yellow, the others purple."""
    if kind == PERSON:
        return SKY
    if kind in (BICYCLE, MOTORCYCLE):
        return GREEN
    if kind in VEHICLES:
        return ORANGE
    return YELLOW if kind == MOVING else PURPLE


class Annotator:
    """Draws one scene over covered pictures of one size, in place; used by one thread.

    Cost:    2 to 3 ms at 640x360 with ten road users.
    """

    def __init__(self, scene: Scene, width_px: int, height_px: int) -> None:
        self._size = (width_px, height_px)
        camera = scene.camera
        self._scale = np.array([width_px / camera.width_px, height_px / camera.height_px])
        self._scene = scene
        self._thick = max(1, round(height_px / 360))
        self._text_px = max(9, round(height_px * 0.02))
        self._labels: dict[str, Plane] = {}

    def draw(
        self, planes: Planes, tracks: Sequence[OpenTrack], tallies: Sequence[LineTally]
    ) -> None:
        """Over the picture, in place: zones, trails, boxes with class and number, lines, counts."""
        pen = _Pen(planes)
        words: list[_Word] = []
        for zone in self._scene.zones:
            corners = self._pixels(zone.polygon_px)
            pen.path(np.vstack([corners, corners[:1]]), PURPLE, self._thick, rim=False)
        for track in tracks:
            words.append(self._draw_track(pen, track))
        said = {one.line: one for one in tallies}
        for line in self._scene.lines:
            words.append(self._draw_line(pen, line, said.get(line.name)))
        for zone in self._scene.zones:
            middle = self._pixels(zone.polygon_px).mean(axis=0) - (self._text_px * 2, 0)
            words.append(_Word(text=zone.name, place=middle, weight=_ZONE_WEIGHT))
        self._write_all(planes, words)

    def _draw_track(self, pen: _Pen, track: OpenTrack) -> _Word:
        colour = colour_of_kind(track.kind)
        if len(track.trail_unit) > 1:
            pen.path(
                track.trail_unit.astype(np.float64) * self._size, colour, self._thick, rim=False
            )
        x1, y1, x2, y2 = (float(value) for value in track.box_unit)
        corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]]) * self._size
        pen.path(corners, colour, self._thick, rim=track.is_seen)
        # `moving` would say nothing of anybody: the number alone does.
        name = str(track.id) if track.kind == MOVING else f"{KINDS[track.kind]} {track.id}"
        place = corners[0] - (0, self._text_px + 4)
        return _Word(text=name, place=place, weight=(x2 - x1) * (y2 - y1))

    def _draw_line(self, pen: _Pen, line: Line, tally: LineTally | None) -> _Word:
        points = self._pixels(line.points_px)
        pen.path(points, WHITE, 2 * self._thick, rim=True)
        middle, ahead = _middle(points)
        size = 5.0 * self._thick + 6
        tip = middle + ahead * size * 1.6
        side = np.array([-ahead[1], ahead[0]]) * size * 0.6
        pen.path(np.array([middle, tip]), WHITE, self._thick, rim=True)
        head = tip - ahead * size * 0.7
        pen.path(np.array([head + side, tip, head - side]), WHITE, self._thick, rim=True)
        text = line.name
        if tally is not None:
            text += f"  fwd {tally.forward}  back {tally.backward}"
        return _Word(text=text, place=points[0] + (2, 3 * self._thick), weight=_LINE_WEIGHT)

    def _write_all(self, planes: Planes, words: Sequence[_Word]) -> None:
        """The heaviest first; a word that would lie over another is left out."""
        taken: list[tuple[int, int, int, int]] = []
        for word in sorted(words, key=lambda one: -one.weight):
            left, top, right, bottom = box = self._box_of(word)
            is_free = all(
                right <= one[0] or left >= one[2] or bottom <= one[1] or top >= one[3]
                for one in taken
            )
            if is_free or word.weight >= _LINE_WEIGHT:
                self._write(planes, word.text, box)
                taken.append(box)

    def _box_of(self, word: _Word) -> tuple[int, int, int, int]:
        """Where words come to lie, moved into the picture where they would reach beyond it."""
        height, width = (side // 2 * 2 for side in self._patch(word.text).shape)
        left = int(np.clip(word.place[0], 0, max(self._size[0] - width, 0))) // 2 * 2
        top = int(np.clip(word.place[1], 0, max(self._size[1] - height, 0))) // 2 * 2
        return left, top, left + width, top + height

    def _patch(self, text: str) -> Plane:
        patch = self._labels.get(text)
        if patch is None:
            while len(self._labels) >= LABELS_MAX:
                del self._labels[next(iter(self._labels))]
            patch = text_patch(_plain(text), self._text_px, width_px_max=self._size[0])
            self._labels[text] = patch
        return patch

    def _write(self, planes: Planes, text: str, box: tuple[int, int, int, int]) -> None:
        """Words on a dark strip."""
        patch = self._patch(text)
        left, top, right, bottom = box
        rows, columns = slice(top, bottom), slice(left, right)
        target = planes.luma[rows, columns]
        target[...] = patch[: target.shape[0], : target.shape[1]]
        _, blue, red = colour_of(LABEL_RGB, planes.matrix)
        half = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
        planes.blue[half], planes.red[half] = blue, red

    def _pixels(self, points: Sequence[tuple[float, float]]) -> Points:
        return np.asarray(np.array(points, dtype=np.float64) * self._scale)


class _Pen:
    """Draws on the three planes at once, colour at half the size."""

    def __init__(self, planes: Planes) -> None:
        self._planes = planes

    def path(self, points_px: Points, colour: Rgb, thick_px: int, *, rim: bool) -> None:
        if rim:
            self._stroke(points_px, DARK, thick_px + 2)
        self._stroke(points_px, colour, thick_px)

    def _stroke(self, points_px: Points, colour: Rgb, thick_px: int) -> None:
        values = colour_of(colour, self._planes.matrix)
        planes = (self._planes.luma, self._planes.blue, self._planes.red)
        for number, (plane, value) in enumerate(zip(planes, values, strict=True)):
            scale = 1.0 if number == 0 else 0.5
            # Four bits behind the point: OpenCV's sub-pixel drawing.
            fixed = np.round(np.asarray(points_px) * scale * 16).astype(np.int32)
            cv2.polylines(
                plane,
                [fixed.reshape(-1, 1, 2)],
                False,
                value,
                max(1, round(thick_px * scale)),
                cv2.LINE_8,
                4,
            )


def _middle(points: Points) -> tuple[Points, Points]:
    """The middle of a line along its way, and the unit step that is forward there (FORMATS:
    upwards for a line drawn left to right).
    """
    steps = np.diff(points, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    before = np.concatenate([[0.0], np.cumsum(lengths)])
    piece = int(np.clip(np.searchsorted(before, before[-1] / 2) - 1, 0, len(steps) - 1))
    length = max(float(lengths[piece]), 1e-9)
    along = (before[-1] / 2 - before[piece]) / length
    direction = steps[piece] / length
    return points[piece] + steps[piece] * along, np.array([direction[1], -direction[0]])


def _plain(text: str) -> str:
    """What the drawing font has; other letters become question marks."""
    return text.encode("ascii", "replace").decode("ascii")
