"""A claim: one published figure about numbers of cameras, with everything needed to doubt it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fairview.core.errors import BadInput

YEAR_MIN = 1950
YEAR_MAX = 2100
KM2_PER_SQUARE_MILE = 2.589988110336


class PlaceKind(StrEnum):
    """Lists never mix kinds of place."""

    CITY = "city"
    COUNTRY = "country"
    WORLD = "world"


class Method(StrEnum):
    """How the publisher came by the figure, strongest first."""

    REGISTRY = "registry"
    COUNT = "count"
    SAMPLE = "sample"
    RECALL_ADJUSTED_SAMPLE = "recall_adjusted_sample"
    FOI_REPLY = "foi_reply"
    OFFICIAL_STATEMENT = "official_statement"
    COMPILATION = "compilation"
    VENDOR_ESTIMATE = "vendor_estimate"
    EXTRAPOLATION = "extrapolation"
    FORECAST = "forecast"
    GUESS = "guess"


class Evidence(StrEnum):
    """Primary: read in the publisher's own text. Secondary: read in somebody's report of it."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


class Operated(StrEnum):
    """Whose cameras are counted."""

    ANY = "any"
    PUBLIC = "public"
    PRIVATE = "private"
    POLICE_REACHABLE = "police_reachable"
    NOT_STATED = "not_stated"


class Space(StrEnum):
    """Where the counted cameras look."""

    ANY = "any"
    PUBLIC = "public"
    STREET = "street"
    NOT_STATED = "not_stated"


class Bound(StrEnum):
    """A figure printed as one end of an interval says which end it is."""

    VALUE = "value"
    LOW = "low"
    HIGH = "high"


class Per(StrEnum):
    """What a number of cameras is divided by."""

    RESIDENTS = "residents"
    KM2 = "km2"
    ROAD_KM = "road_km"
    NUMBER = "number"


PER_WORDS = {
    Per.RESIDENTS: "cameras per 1,000 residents",
    Per.KM2: "cameras per km²",
    Per.ROAD_KM: "cameras per km of road",
    Per.NUMBER: "number of cameras",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A printed unit and its way to the canonical one of its denominator (see PER_WORDS).

    canonical = value * scale, or scale / value when the unit is turned round (people per camera).
    """

    name: str
    words: str
    per: Per
    scale: float
    is_turned: bool = False

    def canonical(self, value: float) -> float:
        return self.scale / value if self.is_turned else value * self.scale


UNITS = {
    unit.name: unit
    for unit in (
        Unit(name="per_100_people", words="per 100 people", per=Per.RESIDENTS, scale=10.0),
        Unit(name="per_1000_people", words="per 1,000 people", per=Per.RESIDENTS, scale=1.0),
        Unit(
            name="people_per_camera",
            words="people per camera",
            per=Per.RESIDENTS,
            scale=1_000.0,
            is_turned=True,
        ),
        Unit(name="per_km2", words="per km²", per=Per.KM2, scale=1.0),
        Unit(
            name="per_square_mile",
            words="per square mile",
            per=Per.KM2,
            scale=1.0 / KM2_PER_SQUARE_MILE,
        ),
        Unit(name="per_road_km", words="per km of road", per=Per.ROAD_KM, scale=1.0),
        Unit(name="percent_of_sales", words="percent of sales", per=Per.NUMBER, scale=1.0),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A ratio as printed. Its digits say how finely it was rounded."""

    text: str
    value: float
    decimals: int
    unit: Unit

    @property
    def step(self) -> float:
        """One in the last printed digit."""
        return float(10.0**-self.decimals)

    def canonical_between(self) -> tuple[float, float]:
        """The canonical values that round to what was printed, lower first."""
        half = self.step / 2
        ends = (
            self.unit.canonical(max(self.value - half, half / 1_000)),
            self.unit.canonical(self.value + half),
        )
        return min(ends), max(ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """People, inside a boundary, in a year. None: the publisher does not say."""

    people: int
    boundary: str | None
    year: int | None

    def __post_init__(self) -> None:
        if self.people <= 0:
            raise BadInput(f"a population of {self.people} cannot be divided by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was counted. `words` are the publisher's; `basis` the same without remarks."""

    words: str
    basis: str
    bound: Bound
    is_forecast: bool
    operated: Operated = Operated.NOT_STATED
    kind: str = "not_stated"
    space: Space = Space.NOT_STATED
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSource:
    """Where a claim or camera can be read again: file, its SHA-256, the row (first row is 1)."""

    file: str
    sha256: str
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One printed figure. At least one of `cameras` and `ratio` is there.

    Bounds:  cameras >= 0; rank >= 1; year 1950 to 2100. `published` is ISO 8601, as fine as known.
    """

    id: str
    place: str
    place_kind: PlaceKind
    country: str
    year: int
    published: str
    publisher: str
    reported_in: str
    counted: Counted
    cameras: int | None
    population: Population | None
    ratio: Ratio | None
    printed_rank: int | None
    method: Method
    evidence: Evidence
    note: str
    source: RowSource

    def __post_init__(self) -> None:
        if self.cameras is None and self.ratio is None:
            raise BadInput("neither a number of cameras nor a ratio is given")
        if self.cameras is not None and self.cameras < 0:
            raise BadInput(f"{self.cameras} cameras cannot be")
        if not YEAR_MIN <= self.year <= YEAR_MAX:
            raise BadInput(f"the year {self.year} is not between {YEAR_MIN} and {YEAR_MAX}")
        if self.printed_rank is not None and self.printed_rank < 1:
            raise BadInput(f"a rank of {self.printed_rank} cannot be")

    @property
    def is_forecast(self) -> bool:
        """Whether the figure speaks of a year that was still to come, whatever it is called."""
        return (
            self.method is Method.FORECAST
            or self.counted.is_forecast
            or self.year > self.published_year
        )

    @property
    def published_year(self) -> int:
        return int(self.published[:4])

    def per(self) -> Per:
        """The denominator of the printed ratio; NUMBER without one."""
        return self.ratio.unit.per if self.ratio else Per.NUMBER
