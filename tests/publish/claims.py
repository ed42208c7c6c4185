"""Claims for tests: the project's own, and made-up ones that fit together."""

from __future__ import annotations

import csv
import hashlib
import io

from fairview.publish.census.claim import Claim
from fairview.publish.census.read_claims import COLUMNS, ReadClaims, own_text, read_claims

CONSISTENT: tuple[dict[str, str], ...] = (
    {"place": "Aby", "cameras": "10000", "population": "1000000", "ratio": "10.00"},
    {"place": "Beton", "cameras": "9000", "population": "1200000", "ratio": "7.50"},
    {"place": "Ceville", "ratio": "5.25"},
    {"place": "Aby", "edition_year": "2021", "cameras": "10500", "ratio": "10.40"},
    {"place": "Beton", "edition_year": "2021", "ratio": "7.6"},
)
"""Two editions of one publisher in which everything follows."""


def own_claims() -> ReadClaims:
    """The data set that comes with the program."""
    text = own_text("claims.csv")
    return read_claims(text, file="claims.csv", sha256=hashlib.sha256(text.encode()).hexdigest())


def row(**changes: str) -> dict[str, str]:
    """One row that is a good claim, with changes."""
    values = {
        "place": "Aby",
        "place_kind": "city",
        "country": "AA",
        "edition_year": "2020",
        "publisher": "First Survey",
        "reported_in": "its report",
        "counted": "cameras in streets",
        "method_class": "count",
        "evidence": "primary",
        **changes,
    }
    values.setdefault("published", str(values["edition_year"]))
    if "ratio" in values:
        values.setdefault("ratio_unit", "per_1000_people")
    return values


def as_csv(*rows: dict[str, str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    for number, values in enumerate(rows, start=1):
        writer.writerow({"claim_id": str(number), **values})
    return text.getvalue()


def made_up(*rows: dict[str, str]) -> tuple[Claim, ...]:
    """Claims 1, 2, … from rows, none of which may be kept aside."""
    found = read_claims(as_csv(*(row(**one) for one in rows)), file="made-up.csv", sha256="00")
    assert not found.aside, found.aside
    return found.claims
