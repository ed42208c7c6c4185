"""Pure: people on foot. They wait at the kerb for the green man, walk, and give each other room.

Nobody on foot depends on a vehicle, so each walk is worked out alone, and a candidate who would
come too close to someone already there is not let in. Everything repeats every loop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairview.sim.junction import (
    CROSSINGS,
    FPS,
    GREEN_S,
    LOOP_FRAMES,
    LOOP_S,
    MAIN_KERB_M,
    SIDE_KERB_M,
    Crossing,
)
from fairview.sim.view import Floats

WALKERS = 34
CANDIDATES_MAX = 420
WALK_FRAMES_MAX = 6 * LOOP_FRAMES
"""A walk ends after this whatever happens; no route takes half as long."""
ROOM_M = 0.65
"""Two people never come closer than this, middle to middle."""

_END_M = 74.0
_CORNERS = {"sw": (-1, -1), "se": (1, -1), "nw": (-1, 1), "ne": (1, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One person's way, frame by frame from `first_frame` of the loop they appear in.

    Shapes:  places_m (n, 2); headings (n,) radians; stride_m (n,) metres walked so far.
    """

    look: int
    first_frame: int
    places_m: Floats
    headings: Floats
    stride_m: Floats


def walks(seed: int) -> tuple[Walk, ...]:
    """The people of one loop. Cost: about 0.3 s."""
    rng = np.random.default_rng([seed, 11])
    kept: list[Walk] = []
    taken = np.full((LOOP_FRAMES, 0, 2), np.nan)
    for _ in range(CANDIDATES_MAX):
        if len(kept) == WALKERS:
            break
        walk = _walk(rng)
        own = _by_loop_frame(walk)
        everyone = np.concatenate([taken, own], axis=1)
        if not _is_crowded(own, everyone):
            kept.append(walk)
            taken = everyone
    return tuple(kept)


def _by_loop_frame(walk: Walk) -> Floats:
    """Who is where in each loop frame: one column per loop the walk reaches into."""
    end = walk.first_frame + len(walk.places_m)
    laps = -(-end // LOOP_FRAMES)
    line = np.full((laps * LOOP_FRAMES, 2), np.nan)
    line[walk.first_frame : end] = walk.places_m
    return line.reshape(laps, LOOP_FRAMES, 2).transpose(1, 0, 2)


def _is_crowded(own: Floats, everyone: Floats) -> bool:
    for lap in range(own.shape[1]):
        column = everyone.shape[1] - own.shape[1] + lap
        others = np.delete(everyone, column, axis=1)
        away = np.hypot(*np.moveaxis(others - own[:, lap : lap + 1], 2, 0))
        if np.any(away < ROOM_M):
            return True
    return False


def _walk(rng: np.random.Generator) -> Walk:
    """One candidate, from beyond the picture to beyond it again."""
    speed = float(rng.uniform(1.25, 1.6))
    first_frame = int(rng.integers(LOOP_FRAMES))
    legs, crossings = _route(rng)
    line = np.vstack(legs)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    last_of_leg = np.cumsum([len(leg) for leg in legs]) - 1
    kerbs = [
        _Kerb(at_m=float(along[last]), crossing=crossing, delay=float(rng.uniform(0.2, 1.4)))
        for last, crossing in zip(last_of_leg, crossings, strict=False)
    ]
    at = _timed(float(along[-1]), speed, kerbs, first_frame)
    return Walk(
        look=int(rng.integers(1 << 30)),
        first_frame=first_frame,
        places_m=np.column_stack(
            [np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])]
        ),
        headings=_headings(at, along, line),
        stride_m=at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kerb:
    """Where along a walk a crossing begins, and how long its walker takes to notice green."""

    at_m: float
    crossing: Crossing
    delay: float

    def is_open(self, second: float) -> bool:
        """Whether somebody who arrives then may walk straight on."""
        start, end = GREEN_S[self.crossing.group]
        return start + 0.2 <= second % LOOP_S < end - 0.4

    def release(self, second: float) -> float:
        """When somebody who stands there at a second sets off."""
        start, end = GREEN_S[self.crossing.group]
        if start <= second % LOOP_S < end - 1.8:
            return second + self.delay
        return second + (start - second) % LOOP_S + self.delay


def _timed(length_m: float, speed: float, kerbs: list[_Kerb], first_frame: int) -> Floats:
    """How far a walker has come in each frame: slowing into a wait, and off again."""
    places: list[float] = []
    ahead_kerbs = list(kerbs)
    position, velocity, release = 0.0, speed, -1.0
    while position < length_m and len(places) < WALK_FRAMES_MAX:
        now = (first_frame + len(places)) / FPS
        free = (ahead_kerbs[0].at_m - 2.0 if ahead_kerbs else length_m) - position
        if velocity >= speed and release < 0.0 and free > speed / FPS:
            # Nothing to slow for: many even steps at once.
            steps = int(free * FPS / speed) + (0 if ahead_kerbs else 1)
            places.extend((position + speed / FPS * np.arange(steps)).tolist())
            position += steps * speed / FPS
            continue
        places.append(position)
        if not ahead_kerbs:
            velocity = min(speed, velocity + 1.5 / FPS)
            position += velocity / FPS
            continue
        kerb = ahead_kerbs[0]
        ahead = kerb.at_m - position
        if release >= 0.0 and now >= release:
            ahead_kerbs.pop(0)
            release = -1.0
        elif ahead < 0.03:
            if kerb.is_open(now) and velocity > 0.6 * speed:
                ahead_kerbs.pop(0)
                position += velocity / FPS
            elif release < 0.0:
                release, velocity = kerb.release(now), 0.0
        else:
            goes_on = kerb.is_open(now + ahead / speed) and kerb.is_open(now + ahead / speed + 0.3)
            braking = speed if goes_on else math.sqrt(2 * 1.2 * ahead) + 0.05
            velocity = min(speed, braking, velocity + 1.5 / FPS)
            position = min(position + velocity / FPS, kerb.at_m)
    return np.array(places)


def _headings(at: Floats, along: Floats, line: Floats) -> Floats:
    """Where the walker looks: along the line, turned smoothly over a step or two."""
    ahead = np.minimum(at + 0.6, along[-1])
    behind = np.maximum(at - 0.3, 0.0)
    dx = np.interp(ahead, along, line[:, 0]) - np.interp(behind, along, line[:, 0])
    dy = np.interp(ahead, along, line[:, 1]) - np.interp(behind, along, line[:, 1])
    return np.asarray(np.unwrap(np.arctan2(dy, dx)), dtype=np.float64)


def _route(rng: np.random.Generator) -> tuple[list[Floats], list[Crossing]]:
    """Legs of a walk, and the crossing that stands after each but the last."""
    corner = str(rng.choice(sorted(_CORNERS)))
    along_main = bool(rng.integers(2))
    side = float(rng.uniform(2.2, 4.3))
    over = float(rng.uniform(0.15, 1.5))
    back = float(rng.uniform(0.5, 1.3))
    legs = [_from_far(corner, along_main, side)]
    crossings: list[Crossing] = []
    ways = [str(way) for way in rng.permutation(["main", "side"])][
        : int(rng.choice([0, 1, 1, 1, 2, 2]))
    ]
    for way in ways:
        crossing, start, end = _over(corner, way, over, back)
        legs[-1] = np.vstack([legs[-1], start])
        crossings.append(crossing)
        legs.append(end)
        corner = _across(corner, way)
    leave_along_main = (not along_main) if not ways else bool(rng.integers(2))
    legs[-1] = np.vstack([legs[-1], _from_far(corner, leave_along_main, side)[::-1]])
    return legs, crossings


def _across(corner: str, way: str) -> str:
    """The corner one reaches by crossing Main Street or First Avenue."""
    x, y = _CORNERS[corner]
    wanted = (x, -y) if way == "main" else (-x, y)
    return next(name for name, signs in _CORNERS.items() if signs == wanted)


def _from_far(corner: str, along_main: bool, side: float) -> Floats:
    """From beyond the picture along a pavement to the corner, as a line."""
    x, y = _CORNERS[corner]
    if along_main:
        y_m = y * (MAIN_KERB_M + side)
        return np.array([(x * _END_M, y_m), (x * (SIDE_KERB_M + 6.0), y_m)])
    x_m = x * (SIDE_KERB_M + side)
    return np.array([(x_m, y * _END_M), (x_m, y * (MAIN_KERB_M + 6.0))])


def _over(corner: str, way: str, over: float, back: float) -> tuple[Crossing, Floats, Floats]:
    """A crossing from a corner: itself, the waiting spot, and the kerb on the other side.

    over: metres to the right of its middle, as seen by who crosses.
    """
    x, y = _CORNERS[corner]
    if way == "main":
        crossing = CROSSINGS["east" if x > 0 else "west"]
        x_m = crossing.near_m[0] - y * over
        return (
            crossing,
            np.array([(x_m, y * (MAIN_KERB_M + back))]),
            np.array([(x_m, -y * (MAIN_KERB_M + 0.8))]),
        )
    crossing = CROSSINGS["north" if y > 0 else "south"]
    y_m = crossing.near_m[1] + x * over
    return (
        crossing,
        np.array([(x * (SIDE_KERB_M + back), y_m)]),
        np.array([(-x * (SIDE_KERB_M + 0.8), y_m)]),
    )
