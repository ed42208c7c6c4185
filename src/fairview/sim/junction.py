"""Pure: the junction of First and Main. Lanes, crossings, signals; metres from its middle.

x points east, y north; traffic keeps to the right. Main Street runs west to east: one lane each
way, a turning lane between them and a cycle lane at each kerb. First Avenue runs south to north
with one lane each way. The plan is the same after half a turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fairview.sim.view import Floats, View

FPS = 12
LOOP_S = 60
LOOP_FRAMES = FPS * LOOP_S

SignalState = Literal["red", "amber", "green", "off"]
Group = Literal["main", "turn", "side", "walk_side", "walk_main"]

LANE_M = 3.3
CYCLE_M = 5.8
MAIN_KERB_M = 6.7
SIDE_LANE_M = 1.75
SIDE_KERB_M = 3.7
CORNER_M = 4.0
MAIN_STOP_M = 13.4
SIDE_STOP_M = 16.0
MAIN_ZEBRA_M = (8.5, 12.1)
SIDE_ZEBRA_M = (11.3, 14.7)
MAIN_FRONT_M = 12.0
SIDE_FRONT_M = 9.0
REACH_M = 85.0
RIGHT_TURN_M = 7.0
LEFT_TURN_M = 8.0
STEP_M = 0.25

VIEW = View(eye_m=(-25.0, -49.0, 31.0), target_m=(1.6, 1.6), focal_px=755.0)

GREEN_S: dict[Group, tuple[float, float]] = {
    "main": (0.0, 20.0),
    "turn": (25.0, 33.0),
    "side": (38.0, 53.0),
    "walk_side": (0.5, 7.0),
    "walk_main": (38.5, 43.0),
}
"""When each group is green in the 60 s cycle. Vehicles then have 3 s of amber; the green man
ends early enough that whoever set off is across before the next group starts."""
AMBER_S = 3.0

HEADS: dict[str, Group] = {
    "west": "main",
    "east": "main",
    "west-turn": "turn",
    "east-turn": "turn",
    "south": "side",
    "north": "side",
    "walk-west": "walk_main",
    "walk-east": "walk_main",
    "walk-south": "walk_side",
    "walk-north": "walk_side",
}
"""Every signal head by the arm it stands on."""


def signal(group: Group, second: float) -> SignalState:
    """What a group's heads show at a second of the cycle."""
    now = second % LOOP_S
    start, end = GREEN_S[group]
    if start <= now < end:
        return "green"
    if not group.startswith("walk") and end <= now < end + AMBER_S:
        return "amber"
    return "red"


def signals(second: float) -> dict[str, SignalState]:
    """What every head shows at a second of the loop."""
    return {head: signal(group, second) for head, group in HEADS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A zebra crossing: where walkers wait, and which of its halves traffic drives over.

    near_m, far_m: the middle of the kerb on the south or west side, and on the other.
    """

    arm: str
    group: Group
    near_m: tuple[float, float]
    far_m: tuple[float, float]
    half_width_m: float


_MAIN_MID = sum(MAIN_ZEBRA_M) / 2
_SIDE_MID = sum(SIDE_ZEBRA_M) / 2
CROSSINGS: dict[str, Crossing] = {
    one.arm: one
    for one in (
        Crossing(
            arm="west",
            group="walk_main",
            near_m=(-_MAIN_MID, -MAIN_KERB_M),
            far_m=(-_MAIN_MID, MAIN_KERB_M),
            half_width_m=1.8,
        ),
        Crossing(
            arm="east",
            group="walk_main",
            near_m=(_MAIN_MID, -MAIN_KERB_M),
            far_m=(_MAIN_MID, MAIN_KERB_M),
            half_width_m=1.8,
        ),
        Crossing(
            arm="south",
            group="walk_side",
            near_m=(-SIDE_KERB_M, -_SIDE_MID),
            far_m=(SIDE_KERB_M, -_SIDE_MID),
            half_width_m=1.7,
        ),
        Crossing(
            arm="north",
            group="walk_side",
            near_m=(-SIDE_KERB_M, _SIDE_MID),
            far_m=(SIDE_KERB_M, _SIDE_MID),
            half_width_m=1.7,
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A stretch of a path that must be free of others before a vehicle enters it.

    holders: names of what may hold it, as `occupied` in traffic.py keys them.
    """

    start_m: float
    end_m: float
    holders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A way through the junction.

    Shapes:  points_m (n, 2) every STEP_M; speeds (n,) the highest sensible speed, m/s.
    entry and leave name the shared lanes before and after; diverge_m and leave_m are where
    along the path the first ends and the second begins; stop_m is the stop line.
    """

    name: str
    group: Group
    points_m: Floats
    speeds: Floats
    entry: str
    leave: str
    stop_m: float
    diverge_m: float
    leave_m: float
    zones: tuple[Zone, ...]
    turn: int

    @property
    def length_m(self) -> float:
        return (len(self.points_m) - 1) * STEP_M

    def at(self, along_m: float) -> tuple[float, float]:
        """The point so far along; straight on beyond either end."""
        last = len(self.points_m) - 1
        place = along_m / STEP_M
        index = min(max(int(place), 0), last - 1)
        part = place - index
        a, b = self.points_m[index], self.points_m[index + 1]
        return float(a[0] + (b[0] - a[0]) * part), float(a[1] + (b[1] - a[1]) * part)

    def speed_at(self, along_m: float) -> float:
        return float(self.speeds[min(max(int(along_m / STEP_M), 0), len(self.speeds) - 1)])


def paths() -> dict[str, Path]:
    """Every way through the junction, by `<arm it comes from>-<way it goes>`."""
    built = [
        _path("west", "straight", "east", 0.0),
        _path("west", "right", "south", RIGHT_TURN_M),
        _path("west", "turn", "north", LEFT_TURN_M),
        _path("west", "cycle", "east-cycle", 0.0),
        _path("south", "straight", "north", 0.0),
        _path("south", "right", "east", RIGHT_TURN_M),
    ]
    return {path.name: path for one in built for path in (one, _half_turn(one))}


_OPPOSITE = {"west": "east", "east": "west", "south": "north", "north": "south"}


def _route_m(arm: str, way: str, radius: float) -> Floats:
    """The path's line as points every STEP_M."""
    if arm == "south":
        start, corner = (SIDE_LANE_M, -REACH_M), (SIDE_LANE_M, -LANE_M)
        end = (SIDE_LANE_M, REACH_M) if way == "straight" else (REACH_M, -LANE_M)
    else:
        y = {"straight": -LANE_M, "right": -LANE_M, "turn": 0.0, "cycle": -CYCLE_M}[way]
        x = -SIDE_LANE_M if way == "right" else SIDE_LANE_M
        start, corner = (-REACH_M, y), (x, y)
        end = {"right": (x, -REACH_M), "turn": (x, REACH_M)}.get(way, (REACH_M, y))
    if not radius:
        rough = np.array([start, end], dtype=np.float64)
    else:
        rough = _rounded(np.array(start), np.array(corner), np.array(end), radius)
    steps = np.hypot(*np.diff(rough, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    marks = np.arange(0.0, along[-1], STEP_M)
    return np.column_stack(
        [np.interp(marks, along, rough[:, 0]), np.interp(marks, along, rough[:, 1])]
    )


def _rounded(start: Floats, corner: Floats, end: Floats, radius: float) -> Floats:
    """Two straight legs joined by a quarter circle."""
    back = (start - corner) / np.linalg.norm(start - corner)
    on = (end - corner) / np.linalg.norm(end - corner)
    centre = corner + (back + on) * radius
    turn = np.linspace(0.0, math.pi / 2, 40)[:, None]
    arc = centre - on * radius * np.cos(turn) - back * radius * np.sin(turn)
    return np.vstack([start, arc, end])


def _path(arm: str, way: str, leave: str, radius: float) -> Path:
    points = _route_m(arm, way, radius)
    x, y = points.T
    stop = MAIN_STOP_M if arm == "west" else SIDE_STOP_M
    approach = -x if arm == "west" else -y
    stop_m = float(np.argmax(approach <= stop)) * STEP_M
    turn_m = float(np.argmax(approach <= stop - 4.0)) * STEP_M
    leave_axis, leave_at = {
        "east": (x, 8.75),
        "east-cycle": (x, 8.75),
        "south": (-y, 10.3),
        "north": (y, 10.3),
    }[leave]
    return Path(
        name=f"{arm}-{way}",
        group="turn" if way == "turn" else ("main" if arm == "west" else "side"),
        points_m=points,
        speeds=_speeds(points),
        entry=f"{arm}-{'kerb' if way in ('straight', 'right') else way}",
        leave=leave,
        stop_m=stop_m,
        diverge_m=turn_m + (9.0 if radius else 0.0),
        leave_m=float(np.argmax(leave_axis >= leave_at)) * STEP_M,
        zones=() if way == "cycle" else _zones(arm, way, leave, points),
        turn={"right": -1, "turn": 1}.get(way, 0),
    )


def _zones(arm: str, way: str, leave: str, points: Floats) -> tuple[Zone, ...]:
    """Where the path runs over crossings and, turning right off Main, over the cycle lane.

    A right turn off Main takes cycle lane and crossing in one go, so nobody waits on the lane.
    """
    x, y = points.T
    approach = -x if arm == "west" else -y
    zebra = MAIN_ZEBRA_M if arm == "west" else SIDE_ZEBRA_M
    stop = MAIN_STOP_M if arm == "west" else SIDE_STOP_M
    first = np.nonzero((approach <= stop) & (approach >= zebra[0]))[0]
    out_axis = {"east": x, "south": -y, "north": y}[leave]
    out_zebra = MAIN_ZEBRA_M if leave == "east" else SIDE_ZEBRA_M
    second = np.nonzero((out_axis >= out_zebra[0] - 0.5) & (out_axis <= out_zebra[1]))[0]
    second = second[second > first[-1]]
    start = second[0] * STEP_M
    holders: tuple[str, ...] = (f"{leave}-out",)
    if (arm, way) == ("west", "right"):
        start = float(np.nonzero(y <= -LANE_M - 0.25)[0][0]) * STEP_M
        holders = (f"{leave}-out", "west-cycle")
    return (
        Zone(
            start_m=float(first[0] * STEP_M),
            end_m=float(first[-1] * STEP_M),
            holders=(f"{arm}-in",),
        ),
        Zone(start_m=float(start), end_m=float(second[-1] * STEP_M), holders=holders),
    )


def _speeds(points: Floats) -> Floats:
    """The highest sensible speed at each point: 2.4 m/s² sideways, 1.7 m/s² of braking before."""
    heading = np.unwrap(np.arctan2(*np.diff(points, axis=0).T[::-1]))
    bend = np.abs(np.gradient(heading, STEP_M))
    bend = np.concatenate([bend, bend[-1:]])
    top = np.minimum(np.sqrt(2.4 / np.maximum(bend, 1e-6)), 30.0)
    for index in range(len(top) - 2, -1, -1):
        top[index] = min(top[index], math.sqrt(top[index + 1] ** 2 + 2 * 1.7 * STEP_M))
    return np.asarray(top, dtype=np.float64)


def _half_turn(path: Path) -> Path:
    """The same path seen from the opposite arm."""

    def other(name: str) -> str:
        arm, _, rest = name.partition("-")
        return f"{_OPPOSITE[arm]}-{rest}" if rest else _OPPOSITE[arm]

    return Path(
        name=other(path.name),
        group=path.group,
        points_m=-path.points_m,
        speeds=path.speeds,
        entry=other(path.entry),
        leave=other(path.leave),
        stop_m=path.stop_m,
        diverge_m=path.diverge_m,
        leave_m=path.leave_m,
        zones=tuple(
            Zone(
                start_m=zone.start_m,
                end_m=zone.end_m,
                holders=tuple(other(name) for name in zone.holders),
            )
            for zone in path.zones
        ),
        turn=path.turn,
    )
