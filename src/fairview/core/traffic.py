"""What was measured of traffic: each figure with its interval and what share was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fairview.core.errors import BadInput
from fairview.core.sight import KINDS
from fairview.core.time import Instant, Span

Direction = Literal["forward", "backward"]
DIRECTIONS: tuple[Direction, ...] = ("forward", "backward")
PlaceKind = Literal["track", "line", "zone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """A speed with its 95 % interval: the spread of this one and the ground's bias together."""

    kmh: float
    low_kmh: float
    high_kmh: float

    def __post_init__(self) -> None:
        if not 0 <= self.low_kmh <= self.kmh <= self.high_kmh:
            raise BadInput("a speed lies within its interval, and none is below 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """One road user passing one line, once per direction. speed None: not measurable there."""

    at: Instant
    line: str
    direction: Direction
    kind: int
    track: int
    speed: Speed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many, in a bin of time. place: a line (with direction) or a flow (without).

    n None: never looked at in this bin (observed_frac is then 0); n is uncorrected. low and high
    bound the true number (95 %), None when the detector was never measured.
    """

    span: Span
    place: str
    direction: Direction | None
    kind: int
    n: int | None
    low: float | None
    high: float | None
    observed_frac: float

    def __post_init__(self) -> None:
        if not 0 <= self.observed_frac <= 1:
            raise BadInput("an observed fraction lies between 0 and 1")
        if (self.n is None) != (self.observed_frac == 0):
            raise BadInput("a count is empty exactly when nothing was looked at")
        if not 0 <= self.kind < len(KINDS):
            raise BadInput("a count is of one known class")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceSpeed:
    """A track's speed: over its measurable path (place ""), or at a line or in a zone."""

    track: int
    kind: int
    place: str
    place_kind: PlaceKind
    seconds: float
    speed: Speed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedBin:
    """The speeds of one class at one line in a bin of time: n measured, their median with the 95 %
    interval of that median, and the speed that 85 % stay below (None below 5 measured).
    """

    span: Span
    place: str
    kind: int
    n: int
    median: Speed
    p85_kmh: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """One road user's time in a zone. is_open_*: it was there already, or still, at the edge of
    what was looked at, so the stay is at least this long.
    """

    track: int
    zone: str
    kind: int
    span: Span
    is_open_start: bool
    is_open_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneLevel:
    """How full a zone was in a bin: occupancy (mean number of road users), the share of time with
    anyone, the longest queue (standing or crawling, in road users and, with a ground, metres).
    """

    span: Span
    zone: str
    occupancy: float | None
    occupied_frac: float | None
    queue_max: int | None
    queue_m_max: float | None
    observed_frac: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How good a detector (with its tracker) is known to be, measured on `source`.

    Units:  recall, precision 0..1, each with the number of objects it was measured on, so that
            its own uncertainty is known.
    """

    recall: float
    precision: float
    truth_n: int
    found_n: int
    source: str

    def __post_init__(self) -> None:
        if not (0 < self.recall <= 1 and 0 < self.precision <= 1):
            raise BadInput("recall and precision lie above 0 and at most at 1")
