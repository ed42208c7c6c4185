"""A mapping file: how one city's register is to be read, in TOML."""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fairview.core.errors import BadInput
from fairview.publish.census.claim import Operated, Space
from fairview.publish.census.staleness import Turnover

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


class Shape(StrEnum):
    """How the register's file is built."""

    CSV = "csv"
    GEOJSON = "geojson"
    ARCGIS = "arcgis"


class Coordinates(StrEnum):
    """What the numbers mean: degrees, or metres of the web's map projection (EPSG:3857)."""

    WGS84 = "wgs84"
    WEB_MERCATOR = "web_mercator"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fields(_Strict):
    """Which column or property holds what. lon and lat are needed for CSV only."""

    ref: str
    lon: str | None = None
    lat: str | None = None
    surveillance: str | None = None
    zone: str | None = None
    mount: str | None = None
    direction: str | None = None
    operator: str | None = None


class Loss(_Strict):
    """How fast the register goes out of date, shares a year; see staleness.py."""

    loss_frac: float = Field(default=0.05, ge=0, lt=1)
    growth_frac: float = Field(default=0.20, ge=0, le=10)


class Mapping(_Strict):
    """One register: what it is, and how its rows are read.

    keep: rows are passed over unless each named field has one of the listed values.
    """

    title: str = Field(min_length=1, max_length=200)
    licence: str = Field(min_length=1, max_length=200)
    as_of: str
    counted: str = Field(min_length=1, max_length=200)
    operated: Operated = Operated.NOT_STATED
    space: Space = Space.NOT_STATED
    shape: Shape
    coordinates: Coordinates = Coordinates.WGS84
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    fields: Fields
    keep: dict[str, list[str]] = Field(default_factory=dict)
    turnover: Loss = Loss()

    def pace(self) -> Turnover:
        """The turnover as the estimate wants it."""
        return Turnover(loss_frac=self.turnover.loss_frac, growth_frac=self.turnover.growth_frac)


def mapping_of(text: str, file: str) -> Mapping:
    """A mapping from its text. Errors: BadInput naming the key that is wrong."""
    try:
        values: dict[str, Any] = tomllib.loads(text)
        found = Mapping.model_validate(values)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{file} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{file}: {place}: {first['msg']}") from error
    if not _DAY.match(found.as_of):
        raise BadInput(f"{file}: as_of {found.as_of!r} is not a day like 2026-05-01")
    if found.shape is Shape.CSV and not (found.fields.lon and found.fields.lat):
        raise BadInput(f"{file}: fields.lon and fields.lat are needed for a CSV register")
    return found
