"""Short simulated traffic clips with exact boxes for every picture, in any condition.

For tests and benches: the junction of the demonstration without its running clock, painted when
asked, so that nothing but traffic, light and weather changes in it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from fairview.core.errors import BadInput
from fairview.sim.conditions import Condition, Conditions, Light, Shown, moved_box
from fairview.sim.draw import Painter
from fairview.sim.junction import FPS, LOOP_FRAMES, VIEW, signals
from fairview.sim.scenery import Scenery, build_scenery
from fairview.sim.traffic import SIZES_M, Kind, Mover, Traffic, traffic
from fairview.sim.truth import SeenObject, truth_frame
from fairview.sim.view import HEIGHT_PX, WIDTH_PX, Picture

SECONDS_MAX = 3_600
_LAMPS: frozenset[Kind] = frozenset(("car", "van", "bus", "truck"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmPicture:
    """One picture and what is exactly so in it.

    frame counts from 1. seen: as in the loop's truth, boxes in pixels of this picture (also where
    the camera was moved or shakes); number is the same for one road user through the whole clip.
    contrasts: for each of them how far it stands out from the empty street, in standard
    deviations of the noise: what could be seen at best. 0 where the picture is frozen.

    Shapes:  pixels (360, 640, 3) RGB.
    """

    frame: int
    pixels: Picture
    seen: tuple[SeenObject, ...]
    contrasts: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimFilm:
    """A clip that is drawn each time it is gone through; always the same pictures.

    share: which part of the junction's road users is there, always the same ones.
    only: nobody but these numbers (as in `stays`), for scenes in which little happens.
    """

    seed: int
    seconds: float
    condition: Condition
    strength: float
    share: float
    start_s: float
    only: frozenset[int] | None = None
    fps: int = FPS
    width_px: int = WIDTH_PX
    height_px: int = HEIGHT_PX

    @property
    def frames_total(self) -> int:
        return max(round(self.seconds * self.fps), 1)

    def empty(self) -> Picture:
        """The street with nobody on it, in good weather. Shapes: (360, 640, 3) RGB."""
        return _empty(self.seed)

    def pictures(self) -> Iterator[FilmPicture]:
        """Every picture in order. Cost: 11 to 20 ms of one core each, and 3 s once per seed."""
        painter = Painter(VIEW, _scenery(self.seed))
        movement = _traffic(self.seed)
        look = Conditions(
            self.condition,
            seed=self.seed,
            fps=self.fps,
            frames=self.frames_total,
            strength=self.strength,
        )
        names = _Numbers(movement)
        first = round(self.start_s * FPS)
        before: Shown | None = None
        for index in range(self.frames_total):
            step = first + index
            movers = names.of(step)
            kept = tuple(mover for mover in movers if self._keeps(mover.number))
            drawn = painter.paint(kept, signals(step / FPS), None)
            lights = _lights(kept) if self.condition == "night" else ()
            shown = look.draw(drawn.pixels, index, lights)
            is_frozen = shown is before
            before = shown
            yield self._picture(
                index, drawn.pixels, shown, truth_frame(step, drawn.seen).seen, is_frozen
            )

    def stays(self) -> dict[int, tuple[int, int]]:
        """Everybody's first and last frame with their middle in the picture. Nothing is drawn."""
        names, found = _Numbers(_traffic(self.seed)), dict[int, tuple[int, int]]()
        first = round(self.start_s * FPS)
        for index in range(self.frames_total):
            for mover in names.of(first + index):
                if not self._keeps(mover.number) or VIEW.depth_m(mover.x_m, mover.y_m) < 5:
                    continue
                x, y = VIEW.project(np.array([(mover.x_m, mover.y_m, 0.7)]))[0]
                if 0 <= x < self.width_px and 0 <= y < self.height_px:
                    since = found.get(mover.number, (index + 1, 0))[0]
                    found[mover.number] = (since, index + 1)
        return found

    def _keeps(self, number: int) -> bool:
        if self.only is not None:
            return number in self.only
        return zlib.crc32(f"{self.seed} {number}".encode()) < self.share * 2**32

    def _picture(
        self,
        index: int,
        pixels: Picture,
        shown: Shown,
        seen: tuple[SeenObject, ...],
        is_frozen: bool,
    ) -> FilmPicture:
        away = np.asarray(cv2.absdiff(pixels, _empty(self.seed))).mean(axis=2)
        found, contrasts = [], []
        for one in seen:
            box = moved_box(one.box_px, shown.moved, (self.width_px, self.height_px))
            if box is None:
                continue
            left, top, right, bottom = (round(part) for part in one.box_px)
            spot = away[top : max(bottom, top + 1), left : max(right, left + 1)]
            level = float(spot.mean()) * shown.contrast_frac if spot.size else 0.0
            found.append(_with_box(one, box))
            contrasts.append(0.0 if is_frozen else level / shown.grain_levels)
        return FilmPicture(
            frame=index + 1, pixels=shown.pixels, seen=tuple(found), contrasts=tuple(contrasts)
        )


def make_film(
    seed: int,
    seconds: float,
    condition: Condition = "clear",
    *,
    strength: float = 1.0,
    share: float = 1.0,
    start_s: float = 0.0,
) -> SimFilm:
    """A clip of so many seconds, 12 pictures a second, 640x360. Nothing is drawn yet.

    strength: of the condition, 1 a bad day, 2 beyond use. share: of the road users, 0 to 1.
    start_s: where in the junction's minute it begins (Main Street's green begins at 0).
    Errors:  BadInput for what can't be.
    """
    if not 0 < seconds <= SECONDS_MAX or not 0 <= share <= 1 or start_s < 0:
        raise BadInput("a clip lasts up to an hour, with a share of 0 to 1 of the road users")
    return SimFilm(
        seed=seed,
        seconds=seconds,
        condition=condition,
        strength=strength,
        share=share,
        start_s=start_s,
    )


class _Numbers:
    """Movers of any frame, each road user under one number beyond the loop's end."""

    def __init__(self, movement: Traffic) -> None:
        self._movement = movement
        self._lap = -1
        self._known: dict[int, int] = {}
        self._next = 1

    def of(self, step: int) -> tuple[Mover, ...]:
        lap, frame = divmod(step, LOOP_FRAMES)
        if lap != self._lap:
            follows = self._movement.follows if lap == self._lap + 1 else {}
            self._known = {
                follows[number]: name for number, name in self._known.items() if number in follows
            }
            self._lap = lap
        return tuple(self._named(mover) for mover in self._movement.frames[frame])

    def _named(self, mover: Mover) -> Mover:
        if mover.number not in self._known:
            self._known[mover.number] = self._next
            self._next += 1
        return Mover(
            number=self._known[mover.number],
            kind=mover.kind,
            look=mover.look,
            x_m=mover.x_m,
            y_m=mover.y_m,
            heading=mover.heading,
            speed=mover.speed,
            travelled_m=mover.travelled_m,
            is_braking=mover.is_braking,
            turn=mover.turn,
        )


def _with_box(one: SeenObject, box: tuple[float, float, float, float]) -> SeenObject:
    return SeenObject(
        number=one.number,
        kind=one.kind,
        box_px=box,
        seen_frac=one.seen_frac,
        x_m=one.x_m,
        y_m=one.y_m,
        heading=one.heading,
        speed_kmh=one.speed_kmh,
    )


def _lights(movers: tuple[Mover, ...]) -> tuple[Light, ...]:
    """Both head lamps of every vehicle that faces the camera at all, wider the nearer."""
    lights = []
    eye = np.array(VIEW.eye_m)
    for mover in movers:
        if mover.kind not in _LAMPS:
            continue
        long, wide, _ = SIZES_M[mover.kind]
        ahead = np.array((np.cos(mover.heading), np.sin(mover.heading), 0.0))
        side = np.array((-ahead[1], ahead[0], 0.0)) * wide * 0.38
        front = np.array((mover.x_m, mover.y_m, 0.65)) + ahead * long / 2
        toward = eye - front
        facing = float(toward @ ahead) / float(np.linalg.norm(toward))
        depth = VIEW.depth_m(float(front[0]), float(front[1]))
        if facing <= 0.05 or depth < 5:
            continue
        reach = (0.5 + 1.6 * facing) * VIEW.focal_px / depth
        for x, y in VIEW.project(np.stack([front + side, front - side])):
            lights.append(Light(x_px=float(x), y_px=float(y), reach_px=reach))
    return tuple(lights)


@lru_cache(maxsize=4)
def _scenery(seed: int) -> Scenery:
    return build_scenery(VIEW, seed)


@lru_cache(maxsize=4)
def _traffic(seed: int) -> Traffic:
    return traffic(seed)


@lru_cache(maxsize=4)
def _empty(seed: int) -> Picture:
    return Painter(VIEW, _scenery(seed)).empty()
