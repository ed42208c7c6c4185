"""Pure: vehicles and cyclists. They follow, stop, give way and turn; the same for one seed.

Following is the Intelligent Driver Model (Treiber, Hennecke, Helbing: Phys. Rev. E 62, 1805).
The same vehicles arrive in every loop and each cycle's queue clears, so after some laps the
traffic repeats; the last lap is kept and joins its own beginning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from fairview.sim.junction import (
    CYCLE_M,
    FPS,
    LOOP_FRAMES,
    LOOP_S,
    MAIN_KERB_M,
    MAIN_ZEBRA_M,
    SIDE_KERB_M,
    SIDE_ZEBRA_M,
    Path,
    paths,
    signal,
)
from fairview.sim.walkers import Walk, walks

Kind = Literal["person", "bicycle", "car", "van", "bus", "truck"]
Bools = npt.NDArray[np.bool_]

LAPS = 3
"""Laps driven before the kept one; the state then repeats to well under a centimetre."""

SIZES_M: dict[Kind, tuple[float, float, float]] = {
    "person": (0.5, 0.5, 1.75),
    "bicycle": (1.75, 0.6, 1.75),
    "car": (4.3, 1.8, 1.45),
    "van": (5.3, 2.0, 2.25),
    "bus": (11.6, 2.5, 3.1),
    "truck": (7.4, 2.35, 3.1),
}
"""Length, width and height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """Somebody on the ground in one frame.

    number: the same person or vehicle from where it appears to where it leaves, within a loop.
    x_m, y_m: the middle of what it covers. look: picks colours. travelled_m: turns its wheels
    and moves its legs.
    """

    number: int
    kind: Kind
    look: int
    x_m: float
    y_m: float
    heading: float
    speed: float
    travelled_m: float
    is_braking: bool = False
    turn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """A loop of movement: who is where in each of its frames.

    follows: a number at the loop's end and the number it goes on under at its beginning.
    seam_m: the largest step anybody takes beyond their own movement where the loop closes.
    """

    frames: tuple[tuple[Mover, ...], ...]
    follows: dict[int, int]
    seam_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    """A vehicle that comes once in every loop."""

    number: int
    kind: Kind
    look: int
    path: Path
    second: float
    wish: float


class _Driver:
    """One vehicle under way. along_m is its middle on its path."""

    __slots__ = ("along_m", "arrival", "brake", "half_m", "lap", "passed", "speed")

    def __init__(self, arrival: _Arrival, lap: int) -> None:
        self.arrival = arrival
        self.lap = lap
        self.half_m = SIZES_M[arrival.kind][0] / 2
        self.along_m = 0.0
        self.speed = arrival.wish
        self.brake = 0.0
        self.passed = -1


def traffic(seed: int) -> Traffic:
    """Everybody's movement for one loop. Cost: about 1 s of one core."""
    ways = paths()
    walkers = _walkers(walks(seed))
    rng = np.random.default_rng([seed, 7])
    held = _held_by_walkers(walkers)
    cycles = _drive(_cyclists(rng, ways), held)
    held.update(_held_by_cyclists(cycles[-1]))
    vehicles = _drive(_vehicles(rng, ways), held)
    frames = tuple(
        tuple(walkers[frame]) + cycles[-1][frame] + vehicles[-1][frame]
        for frame in range(LOOP_FRAMES)
    )
    seam = max(_seam_m(cycles), _seam_m(vehicles))
    return Traffic(frames=frames, follows=_follows(frames), seam_m=seam)


def _number(one: int, lap: int) -> int:
    """A number for one of the loop's people or vehicles, `lap` loops after it appeared."""
    return one * 10 + lap


def _follows(frames: tuple[tuple[Mover, ...], ...]) -> dict[int, int]:
    first = {mover.number for mover in frames[0]}
    return {mover.number: mover.number + 1 for mover in frames[-1] if mover.number + 1 in first}


def _seam_m(laps: list[tuple[tuple[Mover, ...], ...]]) -> float:
    """How far the last two laps' first frames differ."""
    before = {mover.number: mover for mover in laps[-2][0]}
    steps = [
        math.hypot(mover.x_m - before[mover.number].x_m, mover.y_m - before[mover.number].y_m)
        if mover.number in before
        else math.inf
        for mover in laps[-1][0]
    ]
    return max(steps, default=0.0)


def _walkers(people: tuple[Walk, ...]) -> tuple[list[Mover], ...]:
    """Who is on foot in each of the loop's frames."""
    frames: tuple[list[Mover], ...] = tuple([] for _ in range(LOOP_FRAMES))
    for one, walk in enumerate(people):
        speeds = np.diff(walk.stride_m, prepend=walk.stride_m[0]) * FPS
        rows = zip(walk.places_m, walk.headings, speeds, walk.stride_m, strict=True)
        for index, (place, heading, speed, stride) in enumerate(rows):
            lap, frame = divmod(walk.first_frame + index, LOOP_FRAMES)
            frames[frame].append(
                Mover(
                    number=_number(one, lap),
                    kind="person",
                    look=walk.look,
                    x_m=float(place[0]),
                    y_m=float(place[1]),
                    heading=float(heading),
                    speed=float(speed),
                    travelled_m=float(stride),
                )
            )
    return frames


def _held_by_walkers(walkers: tuple[list[Mover], ...]) -> dict[str, Bools]:
    """Per crossing half, the loop's frames in which someone is on it or just about to be."""
    held = {
        f"{arm}-{half}": np.zeros(LOOP_FRAMES, dtype=bool)
        for arm in ("west", "east", "south", "north")
        for half in ("in", "out")
    }
    for frame, movers in enumerate(walkers):
        for mover in movers:
            x, y = mover.x_m, mover.y_m
            for arm, (across, along) in {
                "west": (-y, -x),
                "east": (y, x),
                "south": (x, -y),
                "north": (-x, y),
            }.items():
                zebra, kerb = (
                    (MAIN_ZEBRA_M, MAIN_KERB_M)
                    if arm in ("west", "east")
                    else (SIDE_ZEBRA_M, SIDE_KERB_M)
                )
                if zebra[0] - 0.3 <= along <= zebra[1] + 0.3 and abs(across) < kerb + 0.1:
                    held[f"{arm}-in"][frame] |= across > -2.2
                    held[f"{arm}-out"][frame] |= across < 2.2
    # The half a vehicle comes in on is `in`: seen from the middle, on the left of the arm.
    return held


def _held_by_cyclists(lap: tuple[tuple[Mover, ...], ...]) -> dict[str, Bools]:
    """The loop's frames in which a cyclist is where a right turn cuts their lane."""
    held = {name: np.zeros(LOOP_FRAMES, dtype=bool) for name in ("west-cycle", "east-cycle")}
    for frame, movers in enumerate(lap):
        for mover in movers:
            forward = 1 if mover.y_m < 0 else -1
            if -11.5 <= mover.x_m * forward <= 3.0 and abs(abs(mover.y_m) - CYCLE_M) < 1:
                held["west-cycle" if forward > 0 else "east-cycle"][frame] = True
    return held


_LINES: tuple[tuple[str, tuple[float, ...], float], ...] = (
    ("straight", (2.0, 9.5, 16.0, 23.0, 34.0, 43.0, 50.0), 12.0),
    ("right", (12.0,), 10.5),
    ("turn", (20.0, 49.0), 10.5),
)
_SIDE_LINES: tuple[tuple[str, tuple[float, ...], float], ...] = (
    ("straight", (5.0, 22.0, 33.5), 9.5),
    ("right", (42.0,), 9.5),
)


def _vehicles(rng: np.random.Generator, ways: dict[str, Path]) -> list[_Arrival]:
    """The vehicles of one loop: about 28, two of them buses."""
    plan = [
        (f"{arm}-{way}", second + float(rng.uniform(-2.0, 2.0)), wish)
        for arm in ("west", "east", "south", "north")
        for way, seconds, wish in (_LINES if arm in ("west", "east") else _SIDE_LINES)
        for second in seconds
    ]
    buses = {f"west-straight:{rng.integers(2)}", f"east-straight:{rng.integers(3, 5)}"}
    seen: dict[str, int] = {}
    arrivals = []
    for one, (name, second, wish) in enumerate(plan):
        turn_number = seen.get(name, 0)
        seen[name] = turn_number + 1
        kind: Kind = "car"
        if f"{name}:{turn_number}" in buses:
            kind = "bus"
        elif name.endswith("straight"):
            kind = _kind(float(rng.random()))
        pace = 0.88 if kind in ("bus", "truck") else float(rng.uniform(0.93, 1.07))
        arrivals.append(
            _Arrival(
                number=100 + one,
                kind=kind,
                look=int(rng.integers(1 << 30)),
                path=ways[name],
                second=second % LOOP_S,
                wish=wish * pace,
            )
        )
    return arrivals


def _kind(chance: float) -> Kind:
    if chance < 0.12:
        return "van"
    return "truck" if chance < 0.2 else "car"


def _cyclists(rng: np.random.Generator, ways: dict[str, Path]) -> list[_Arrival]:
    arrivals = []
    for one, (arm, second) in enumerate(
        (arm, second) for arm in ("west", "east") for second in (8.0, 21.0, 40.0, 52.0)
    ):
        arrivals.append(
            _Arrival(
                number=60 + one,
                kind="bicycle",
                look=int(rng.integers(1 << 30)),
                path=ways[f"{arm}-cycle"],
                second=(second + float(rng.uniform(-3.0, 3.0))) % LOOP_S,
                wish=float(rng.uniform(4.6, 6.2)),
            )
        )
    return arrivals


def _drive(arrivals: list[_Arrival], held: dict[str, Bools]) -> list[tuple[tuple[Mover, ...], ...]]:
    """Let the arrivals drive for some laps. Returns the last two laps, frame by frame."""
    waiting: list[tuple[int, _Driver]] = sorted(
        (
            (round(one.second * FPS) + lap * LOOP_FRAMES, _Driver(one, lap))
            for one in arrivals
            for lap in range(LAPS + 1)
        ),
        key=lambda entry: (entry[0], entry[1].arrival.number),
    )
    driving: list[_Driver] = []
    kept: list[tuple[Mover, ...]] = []
    for frame in range((LAPS + 1) * LOOP_FRAMES):
        late: list[tuple[int, _Driver]] = []
        while waiting and waiting[0][0] <= frame:
            due, driver = waiting.pop(0)
            if _has_room(driver, driving):
                driving.append(driver)
            else:
                late.append((due, driver))
        waiting[:0] = late
        if frame >= (LAPS - 1) * LOOP_FRAMES:
            lap = frame // LOOP_FRAMES
            kept.append(tuple(_mover(driver, lap) for driver in driving))
        pushes = [_push(driver, driving, held, frame) for driver in driving]
        for driver, push in zip(driving, pushes, strict=True):
            _advance(driver, push, frame)
        driving = [one for one in driving if one.along_m < one.arrival.path.length_m]
    return [tuple(kept[:LOOP_FRAMES]), tuple(kept[LOOP_FRAMES:])]


def _has_room(driver: _Driver, driving: list[_Driver]) -> bool:
    entry = driver.arrival.path.entry
    nearest = min(
        (one.along_m - one.half_m for one in driving if one.arrival.path.entry == entry),
        default=math.inf,
    )
    return nearest - driver.half_m > 4.0 + driver.speed * 0.9


def _advance(driver: _Driver, push: float, frame: int) -> None:
    before = driver.speed
    driver.speed = max(0.0, before + push / FPS)
    driver.along_m += (before + driver.speed) / 2 / FPS
    driver.brake = push
    path = driver.arrival.path
    front = driver.along_m + driver.half_m
    for index, zone in enumerate(path.zones):
        if front > zone.start_m + 0.05:
            driver.passed = max(driver.passed, index)


def _push(driver: _Driver, driving: list[_Driver], held: dict[str, Bools], frame: int) -> float:
    """The acceleration a driver chooses, m/s²: the least of what each thing ahead allows."""
    path = driver.arrival.path
    front = driver.along_m + driver.half_m
    wish = min(driver.arrival.wish, path.speed_at(driver.along_m))
    push = _follow(driver.speed, wish, math.inf, 0.0, 2.0)
    for other in driving:
        gap = _gap_m(driver, other)
        if gap < 80.0:
            push = min(push, _follow(driver.speed, wish, gap, other.speed, 1.6))
    to_line = path.stop_m - front
    if to_line > -0.6 and _must_stop(driver, to_line, frame / FPS):
        push = min(push, _follow(driver.speed, wish, to_line, 0.0, 0.4))
    for index, zone in enumerate(path.zones):
        distance = zone.start_m - front
        if driver.passed >= index or distance > 32.0:
            continue
        if _is_held(
            driver, zone.end_m - zone.start_m, distance, _holders(held, zone.holders), frame
        ):
            push = min(push, _follow(driver.speed, wish, distance, 0.0, 0.4))
    return push


def _holders(held: dict[str, Bools], names: tuple[str, ...]) -> tuple[Bools, ...]:
    return tuple(held[name] for name in names if name in held)


def _must_stop(driver: _Driver, to_line: float, second: float) -> bool:
    state = signal(driver.arrival.path.group, second)
    if state == "green":
        return False
    if state == "red":
        return to_line > -0.05
    return driver.speed**2 / (2 * 2.8) < to_line


def _is_held(
    driver: _Driver, zone_m: float, distance: float, holders: tuple[Bools, ...], frame: int
) -> bool:
    """Whether someone will be in the zone while this vehicle would be."""
    pace = max(driver.speed, 3.2)
    arrive = frame + int((max(distance, 0.0) / pace - 0.7) * FPS)
    leave = frame + int(((max(distance, 0.0) + zone_m + 2 * driver.half_m) / pace + 0.6) * FPS)
    window = np.arange(max(arrive, frame), leave + 1) % LOOP_FRAMES
    return any(bool(holder[window].any()) for holder in holders)


def _gap_m(driver: _Driver, other: _Driver) -> float:
    """Free road between a driver and another ahead on the same lane; inf when not ahead."""
    if other is driver:
        return math.inf
    mine, theirs = driver.arrival.path, other.arrival.path
    rear = other.along_m - other.half_m
    front = driver.along_m + driver.half_m
    is_behind = mine.entry == theirs.entry and other.along_m > driver.along_m
    if is_behind and (mine is theirs or rear < max(mine.diverge_m, theirs.diverge_m)):
        return rear - front
    if mine.leave == theirs.leave and mine is not theirs:
        here, there = driver.along_m - mine.leave_m, other.along_m - theirs.leave_m
        if there > here and there + other.half_m > 0.0:
            return there - other.half_m - here - driver.half_m
    return math.inf


def _follow(speed: float, wish: float, gap: float, lead: float, room: float) -> float:
    """IDM: acceleration 1.7, comfortable braking 2.2 m/s², 1.1 s behind, `room` m at rest."""
    if speed <= wish:
        free = 1.7 * (1 - (speed / max(wish, 0.1)) ** 4)
    else:
        free = -2.2 * (1 - (wish / speed) ** 3)
    if gap == math.inf:
        return free
    keep = room + max(0.0, speed * 1.1 + speed * (speed - lead) / (2 * math.sqrt(1.7 * 2.2)))
    if lead == 0.0:
        keep = room + max(0.0, speed * 0.35 + speed * speed / (2 * math.sqrt(1.7 * 2.2)))
    return max(min(free, 1.7) - 1.7 * (keep / max(gap, 0.1)) ** 2, -7.5)


def _mover(driver: _Driver, lap: int) -> Mover:
    """A vehicle's place on the ground: its two axles follow the path."""
    arrival = driver.arrival
    reach = driver.half_m * 0.58
    ahead = arrival.path.at(driver.along_m + reach)
    behind = arrival.path.at(driver.along_m - reach)
    return Mover(
        number=_number(arrival.number, lap - driver.lap),
        kind=arrival.kind,
        look=arrival.look,
        x_m=(ahead[0] + behind[0]) / 2,
        y_m=(ahead[1] + behind[1]) / 2,
        heading=math.atan2(ahead[1] - behind[1], ahead[0] - behind[0]),
        speed=driver.speed,
        travelled_m=driver.along_m,
        is_braking=driver.brake < -0.6 or driver.speed < 0.3,
        turn=arrival.path.turn if driver.along_m < arrival.path.leave_m else 0,
    )
