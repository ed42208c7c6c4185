"""Schedules of trouble drawn from a seed: what fails, when, for how long. Pure.

A schedule's text (`Schedule.words`) says the same in a line per trouble; the seed alone makes it
again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from fairview.core.time import US_PER_HOUR, US_PER_SECOND

NetworkTrouble = Literal["away", "silent", "late", "lose", "jitter", "camera_jump", "camera_drift"]
DiskTrouble = Literal["stall", "slow", "fail", "fail_once", "full"]
RowsTrouble = Literal["rows_away", "rows_unsure"]
ProcessTrouble = Literal["kill", "stop", "power"]
ClockTrouble = Literal["step", "drift"]
TroubleKind = NetworkTrouble | DiskTrouble | RowsTrouble | ProcessTrouble | ClockTrouble

NETWORK: tuple[NetworkTrouble, ...] = (
    "away", "silent", "late", "lose", "jitter", "camera_jump", "camera_drift",
)  # fmt: skip
DISK: tuple[DiskTrouble, ...] = ("stall", "slow", "fail", "fail_once", "full")
ROWS: tuple[RowsTrouble, ...] = ("rows_away", "rows_unsure")
PROCESS: tuple[ProcessTrouble, ...] = ("kill", "stop", "power")
CLOCK: tuple[ClockTrouble, ...] = ("step", "drift")

CAMERAS = 3
GROUPS = (0, 0, 1)
"""Which recorder process each camera belongs to; each process has a disk of its own."""

ACTIVE_US = 50 * US_PER_SECOND
QUIET_US = 40 * US_PER_SECOND
"""Trouble comes in the first stretch; in the second everything recovers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One trouble. which: a camera (network), a group (disk, process), else nothing.

    amount: microseconds of a step, ppm of a drift, pictures lost; 0 for the others.
    """

    kind: TroubleKind
    at_us: int
    for_us: int = 0
    which: int = 0
    amount: int = 0

    @property
    def until_us(self) -> int:
        return self.at_us + self.for_us

    @property
    def words(self) -> str:
        parts = [f"at {self.at_us / US_PER_SECOND:.2f} s: {self.kind} {self.which}"]
        if self.for_us:
            parts.append(f"for {self.for_us / US_PER_SECOND:.2f} s")
        if self.amount:
            parts.append(f"by {self.amount}")
        return " ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPace:
    """How a camera sends: pictures a second, and pictures from one key frame to the next."""

    fps: int
    key_every: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """seed made it. paces: one per camera. segment_us: how long segments are in this run."""

    seed: int
    paces: tuple[CameraPace, ...]
    segment_us: int
    troubles: tuple[Trouble, ...]

    @property
    def words(self) -> str:
        """A line per trouble."""
        paces = ", ".join(f"{one.fps} fps key {one.key_every}" for one in self.paces)
        head = f"seed {self.seed}: {paces}; segments of {self.segment_us // US_PER_SECOND} s"
        return "\n".join([head, *(one.words for one in self.troubles)])


def drawn(seed: int) -> Schedule:
    """The schedule of a seed: three cameras, three to eight troubles, one restart at least."""
    chance = random.Random(seed)  # noqa: S311  # replayed
    paces = []
    for _ in range(CAMERAS):
        fps = chance.choice((2, 4, 5))
        paces.append(CameraPace(fps=fps, key_every=round(fps * chance.choice((1, 1, 2, 4, 10)))))
    troubles = [_restart(chance)]
    for _ in range(chance.randint(2, 7)):
        troubles.append(_any(chance))
    return Schedule(
        seed=seed,
        paces=tuple(paces),
        segment_us=chance.choice((6, 10, 60)) * US_PER_SECOND,
        troubles=tuple(sorted(troubles, key=lambda one: one.at_us)),
    )


def _any(chance: random.Random) -> Trouble:
    kind = chance.choice(("network", "network", "disk", "disk", "rows", "process", "clock"))
    if kind == "network":
        return _network(chance)
    if kind == "disk":
        return _disk(chance)
    if kind == "rows":
        rows = chance.choice(ROWS)
        return Trouble(kind=rows, at_us=_at(chance), for_us=_long(chance, 0.5, 12))
    if kind == "process":
        return _restart(chance)
    return _clock(chance)


def _network(chance: random.Random) -> Trouble:
    kind, amount = chance.choice(NETWORK), 0
    if kind == "lose":
        amount = chance.randint(1, 12)
    elif kind == "camera_jump":
        amount = chance.choice((-3_600, -30, -3, 3, 30, 86_400)) * US_PER_SECOND
    elif kind == "camera_drift":
        amount = chance.choice((-200, -50, 50, 200))
    is_lasting = kind in ("away", "silent", "late", "jitter")
    return Trouble(
        kind=kind,
        at_us=_at(chance),
        for_us=_long(chance, 0.3, 12) if is_lasting else 0,
        which=chance.randrange(CAMERAS),
        amount=amount,
    )


def _disk(chance: random.Random) -> Trouble:
    kind = chance.choice(DISK)
    longest = {"stall": 30.0, "slow": 10.0, "fail": 8.0, "full": 8.0}.get(kind, 0.0)
    return Trouble(
        kind=kind,
        at_us=_at(chance),
        for_us=_long(chance, 0.2, longest) if longest else 0,
        which=chance.randrange(2),
    )


def _restart(chance: random.Random) -> Trouble:
    return Trouble(
        kind=chance.choice(("kill", "kill", "power", "stop")),
        at_us=_at(chance),
        for_us=_long(chance, 0.2, 5),
        which=chance.randrange(2),
    )


def _clock(chance: random.Random) -> Trouble:
    kind = chance.choice(CLOCK)
    if kind == "drift":
        amount = chance.choice((-500, -100, 100, 500))
        return Trouble(kind=kind, at_us=_at(chance), for_us=_long(chance, 5, 40), amount=amount)
    days = 24 * US_PER_HOUR
    amount = chance.choice(
        (
            -500_000, 500_000, -2 * US_PER_SECOND, 2 * US_PER_SECOND, -30 * US_PER_SECOND,
            30 * US_PER_SECOND, -US_PER_HOUR, US_PER_HOUR, -3_650 * days, 3_650 * days,
        )
    )  # fmt: skip
    return Trouble(kind=kind, at_us=_at(chance), amount=amount)


def _at(chance: random.Random) -> int:
    return round(chance.uniform(1, ACTIVE_US / US_PER_SECOND) * US_PER_SECOND)


def _long(chance: random.Random, least_s: float, most_s: float) -> int:
    return round(chance.uniform(least_s, most_s) * US_PER_SECOND)
