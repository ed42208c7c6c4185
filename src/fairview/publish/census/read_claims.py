"""Claims from a CSV file: every row becomes a claim or is kept aside with its reason."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from fairview.core.errors import BadInput
from fairview.core.limits import CENSUS_CLAIMS_MAX, CENSUS_TEXT_MAX
from fairview.publish.census.claim import (
    UNITS,
    Bound,
    Claim,
    Counted,
    Evidence,
    Method,
    Operated,
    PlaceKind,
    Population,
    Ratio,
    RowSource,
    Space,
)
from fairview.publish.census.provenance import Aside

COLUMNS = (
    "claim_id",
    "place",
    "place_kind",
    "country",
    "edition_year",
    "published",
    "publisher",
    "reported_in",
    "counted",
    "cameras",
    "population",
    "ratio",
    "ratio_unit",
    "printed_rank",
    "method_class",
    "evidence",
    "note",
)
OPTIONAL_COLUMNS = ("population_boundary", "population_year")
_REMARK = re.compile(r"\s*\((forecast|low end|high end)\)\s*$")
_PUBLISHED = re.compile(r"(?:19|20)\d\d(?:-\d\d(?:-\d\d)?)?\Z")
_NUMBER = re.compile(r"\d+(?:\.(\d+))?\Z")
_BOUNDS = {"low end": Bound.LOW, "high end": Bound.HIGH}


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a publisher's words mean, as far as the publisher says."""

    operated: Operated
    kind: str
    space: Space
    note: str


Definitions = Mapping[tuple[str, str], Definition]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadClaims:
    """rows_read = len(claims) + len(aside)."""

    claims: tuple[Claim, ...]
    aside: tuple[Aside, ...]
    rows_read: int


def own_text(name: str) -> str:
    """One of the data files that come with the program."""
    folder = resources.files("fairview.publish.census") / "data"
    return (folder / name).read_text(encoding="utf-8")


def own_definitions() -> dict[tuple[str, str], Definition]:
    """The definitions that come with the program, by publisher and words."""
    found = {}
    for row in csv.DictReader(io.StringIO(own_text("definitions.csv"))):
        found[row["publisher"], row["words"]] = Definition(
            operated=Operated(row["owner"]),
            kind=row["kind"],
            space=Space(row["space"]),
            note=row["note"],
        )
    return found


def read_claims(
    text: str, *, file: str, sha256: str, definitions: Definitions | None = None
) -> ReadClaims:
    """The claims of one CSV text, in order.

    Bounds:  at most CENSUS_CLAIMS_MAX rows.
    Errors:  BadInput when a column is missing or unknown; a bad row is kept aside instead.
    """
    known = own_definitions() if definitions is None else definitions
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="more", restval="")
    _check_columns(reader.fieldnames or (), file)
    claims: list[Claim] = []
    aside: list[Aside] = []
    seen: set[str] = set()
    row = 0
    for row, values in enumerate(reader, start=1):
        if row > CENSUS_CLAIMS_MAX:
            raise BadInput(f"{file} has more than {CENSUS_CLAIMS_MAX} rows: split it")
        source = RowSource(file=file, sha256=sha256, row=row)
        try:
            if "more" in values:
                raise BadInput("the row has more fields than the header")
            claim = _claim(values, source, known)
            if claim.id in seen:
                raise BadInput(f"claim_id {claim.id} stands there twice")
        except BadInput as error:
            said = ",".join(str(value) for value in values.values())
            aside.append(Aside(row=row, because=str(error), text=said[:CENSUS_TEXT_MAX]))
            continue
        seen.add(claim.id)
        claims.append(claim)
    return ReadClaims(claims=tuple(claims), aside=tuple(aside), rows_read=row)


def counted_of(words: str, publisher: str, definitions: Definitions) -> Counted:
    """What was counted, with remarks like `(forecast)` taken out of the words."""
    remark = _REMARK.search(words)
    basis = words[: remark.start()] if remark else words
    found = definitions.get((publisher, basis))
    return Counted(
        words=words,
        basis=basis,
        bound=_BOUNDS.get(remark[1], Bound.VALUE) if remark else Bound.VALUE,
        is_forecast=bool(remark and remark[1] == "forecast"),
        operated=found.operated if found else Operated.NOT_STATED,
        kind=found.kind if found else "not_stated",
        space=found.space if found else Space.NOT_STATED,
        note=found.note if found else "",
    )


def _check_columns(names: object, file: str) -> None:
    present = [str(name) for name in names] if isinstance(names, list | tuple) else []
    missing = [name for name in COLUMNS if name not in present]
    unknown = [name for name in present if name not in (*COLUMNS, *OPTIONAL_COLUMNS)]
    if missing:
        raise BadInput(f"{file} lacks the columns {', '.join(missing)}")
    if unknown:
        raise BadInput(f"{file} has columns that mean nothing here: {', '.join(unknown)}")


def _claim(values: Mapping[str, str], source: RowSource, known: Definitions) -> Claim:
    for name in ("claim_id", "place", "publisher", "counted"):
        if not values[name].strip():
            raise BadInput(f"{name} is empty")
    if not _PUBLISHED.match(values["published"]):
        raise BadInput(f"published {values['published']!r} is not a year, month or day")
    people = _whole(values, "population")
    return Claim(
        id=values["claim_id"].strip(),
        place=values["place"].strip(),
        place_kind=PlaceKind(_one_of(values, "place_kind", PlaceKind)),
        country=values["country"].strip(),
        year=_whole(values, "edition_year", required=True) or 0,
        published=values["published"],
        publisher=values["publisher"].strip(),
        reported_in=values["reported_in"].strip(),
        counted=counted_of(values["counted"].strip(), values["publisher"].strip(), known),
        cameras=_whole(values, "cameras"),
        population=None
        if people is None
        else Population(
            people=people,
            boundary=values.get("population_boundary") or None,
            year=_whole(values, "population_year") if "population_year" in values else None,
        ),
        ratio=_ratio(values["ratio"].strip(), values["ratio_unit"].strip()),
        printed_rank=_whole(values, "printed_rank"),
        method=Method(_one_of(values, "method_class", Method)),
        evidence=Evidence(_one_of(values, "evidence", Evidence)),
        note=values["note"].strip(),
        source=source,
    )


def _one_of(
    values: Mapping[str, str], name: str, words: type[PlaceKind | Method | Evidence]
) -> str:
    value = values[name].strip()
    known = [str(word.value) for word in words]
    if value not in known:
        raise BadInput(f"{name} {value!r} is none of {', '.join(known)}")
    return value


def _whole(values: Mapping[str, str], name: str, *, required: bool = False) -> int | None:
    text = values[name].strip()
    if not text and not required:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadInput(f"{name} {text!r} is not a whole number")
    return int(text)


def _ratio(text: str, unit: str) -> Ratio | None:
    if not text and not unit:
        return None
    number = _NUMBER.match(text)
    if unit not in UNITS:
        raise BadInput(f"ratio_unit {unit!r} is none of {', '.join(UNITS)}")
    if number is None or len(text) > 18 or float(text) <= 0:
        raise BadInput(f"ratio {text!r} is not a number above 0")
    return Ratio(text=text, value=float(text), decimals=len(number[1] or ""), unit=UNITS[unit])
