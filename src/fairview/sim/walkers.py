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

WALKERS = 30
CANDIDATES_MAX = 420
ROOM_M = 0.75
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
    speed = float(rng.uniform(1.25, 1.6))
    second = float(rng.uniform(0, LOOP_S))
    first_frame = round(second * FPS)
    legs, crossings = _route(rng)
    stops: list[tuple[float, float]] = []
    route: list[Floats] = []
    walked, now = 0.0, second
    for index, leg in enumerate(legs):
        route.append(leg)
        length = float(np.hypot(*np.diff(np.vstack(route[-2:]), axis=0).T).sum()) if index else (
            float(np.hypot(*np.diff(leg, axis=0).T).sum())
        )
        length -= float(np.hypot(*np.diff(route[-2], axis=0).T).sum()) if index else 0.0
        walked += length
        now += length / speed
        if index < len(crossings):
            wait = _wait_s(crossings[index], now, float(rng.uniform(0.2, 1.4)))
            stops.append((walked, wait))
            now += wait
    return _timed(np.vstack(route), speed, stops, first_frame, int(rng.integers(1 << 30)))


def _wait_s(crossing: Crossing, now: float, delay: float) -> float:
    """How long someone who reaches the kerb now stands there; 0 when the green man shows."""
    start, end = GREEN_S[crossing.group]
    if start + 0.2 <= now % LOOP_S < end - 0.4:
        return 0.0
    return (start - now) % LOOP_S + delay


def _timed(
    line: Floats, speed: float, stops: list[tuple[float, float]], first_frame: int, look: int
) -> Walk:
    """Walk a line at a speed with waits, slowing into a stop and off again."""
    keep = np.concatenate([[True], np.hypot(*np.diff(line, axis=0).T) > 1e-6])
    line = line[keep]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    places: list[float] = []
    position, velocity, frame = 0.0, speed, 0
    waiting = [(at, wait) for at, wait in stops if wait > 0.0]
    release = 0.0
    while position < along[-1] and frame < 6 * LOOP_FRAMES:
        ahead = waiting[0][0] - position if waiting else math.inf
        if ahead < 0.02:
            if release == 0.0:
                planned = waiting[0][0] / speed + sum(
                    wait for at, wait in stops if at <= waiting[0][0]
                )
                release = planned
            if frame / FPS >= release:
                waiting.pop(0)
                release, velocity = 0.0, 0.0
            places.append(position)
            frame += 1
            continue
        wanted = min(speed, math.sqrt(2 * 1.2 * max(ahead, 0.0)) + 0.05)
        velocity = min(wanted, velocity + 1.5 / FPS)
        position = min(position + velocity / FPS, position + ahead)
        places.append(position)
        frame += 1
    at = np.array(places)
    spots = np.column_stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])])
    return Walk(
        look=look,
        first_frame=first_frame,
        places_m=spots,
        headings=_headings(at, along, line),
        stride_m=at,
    )


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
    over = float(rng.uniform(-1.35, 1.35))
    back = float(rng.uniform(0.5, 1.3))
    legs = [_from_far(corner, along_main, side)]
    crossings: list[Crossing] = []
    ways = [str(way) for way in rng.permutation(["main", "side"])][: int(rng.choice([0, 1, 1, 2]))]
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
    """A crossing from a corner: itself, the waiting spot, and the kerb on the other side."""
    x, y = _CORNERS[corner]
    if way == "main":
        crossing = CROSSINGS["east" if x > 0 else "west"]
        x_m = crossing.near_m[0] + over
        return (
            crossing,
            np.array([(x_m, y * (MAIN_KERB_M + back))]),
            np.array([(x_m, -y * (MAIN_KERB_M + 0.8))]),
        )
    crossing = CROSSINGS["north" if y > 0 else "south"]
    y_m = crossing.near_m[1] + over
    return (
        crossing,
        np.array([(x * (SIDE_KERB_M + back), y_m)]),
        np.array([(-x * (SIDE_KERB_M + 0.8), y_m)]),
    )
