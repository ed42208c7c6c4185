"""Lists and flags as text, CSV, JSON and Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from fairview.core.errors import BadInput
from fairview.publish.census.claim import PER_WORDS, Claim, Per
from fairview.publish.census.estimate import Estimate
from fairview.publish.census.extras import optional
from fairview.publish.census.flags import FLAG_TITLES, Flag
from fairview.publish.census.lists import Entry, RankList

Row = dict[str, Any]
_NARROW = 0.005


def list_title(made: RankList) -> str:
    """One line that says what a list counts."""
    key = made.key
    kinds = {"city": "Cities", "country": "Countries", "world": "World"}
    what = f"{kinds[key.place_kind]} by {PER_WORDS[key.per]}"
    return f"{what}: “{key.basis}”, {key.publisher} {key.year}"


def figure(value: float | None, per: Per) -> str:
    """A figure with the digits it deserves."""
    if value is None:
        return "no upper end"
    if per is Per.NUMBER or value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}"


def interval(estimate: Estimate, per: Per) -> str:
    """The interval in words; empty when it is the last printed digit's rounding."""
    if estimate.high is not None and estimate.high - estimate.low < _NARROW * estimate.value:
        return ""
    return f"{figure(estimate.low, per)} to {figure(estimate.high, per)}"


def as_text(lists: Sequence[RankList], flags: Sequence[Flag]) -> str:
    """Lists and flags for a terminal."""
    lines: list[str] = []
    for made in lists:
        lines += [list_title(made), ""]
        rows = [_text_row(entry, made.key.per) for entry in made.entries]
        widths = [max(len(row[at]) for row in rows) for at in range(4)]
        for row in rows:
            cells = [
                cell.rjust(width) if at == 2 else cell.ljust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  " + "  ".join(cells).rstrip())
        if made.left_out:
            lines.append(f"  left out, without a denominator: {', '.join(made.left_out)}")
        lines.append("")
    if flags:
        lines += ["What does not fit", ""]
        for flag in flags:
            names = ", ".join(flag.claims)
            lines.append(f"  {FLAG_TITLES[flag.kind]} (claims {names})")
            lines.append(f"    {flag.words}")
    return "\n".join(lines) + "\n"


def _text_row(entry: Entry, per: Per) -> tuple[str, str, str, str]:
    rank = "no rank" if entry.rank is None else str(entry.rank)
    return rank, entry.place, figure(entry.estimate.value, per), interval(entry.estimate, per)


def list_rows(lists: Iterable[RankList], flags: Sequence[Flag]) -> list[Row]:
    """One flat row per place and list, the columns of the CSV and Parquet files."""
    flagged: dict[str, set[str]] = {}
    for flag in flags:
        for name in flag.claims:
            flagged.setdefault(name, set()).add(flag.kind.value)
    return [
        {
            "place_kind": made.key.place_kind.value,
            "publisher": made.key.publisher,
            "year": made.key.year,
            "counted": made.key.basis,
            "per": made.key.per.value,
            "unit": PER_WORDS[made.key.per],
            "place": entry.place,
            "country": entry.country,
            "position": entry.position,
            "rank_best": entry.rank.best if entry.rank else None,
            "rank_worst": entry.rank.worst if entry.rank else None,
            "has_rank": entry.rank is not None,
            "printed_rank": entry.printed_rank,
            "value": entry.estimate.value,
            "low": entry.estimate.low,
            "high": entry.estimate.high,
            "level": entry.estimate.level,
            "how": entry.estimate.how,
            "printed": entry.printed.text if entry.printed else None,
            "printed_unit": entry.printed.unit.name if entry.printed else None,
            "method": entry.method.value,
            "sources": " ".join(entry.claims),
            "flags": " ".join(
                sorted({kind for name in entry.claims for kind in flagged.get(name, ())})
            ),
        }
        for made in lists
        for entry in made.entries
    ]


def flag_rows(flags: Iterable[Flag]) -> list[Row]:
    """One flat row per flag."""
    return [
        {"kind": flag.kind.value, "claims": " ".join(flag.claims), "words": flag.words}
        for flag in flags
    ]


def claim_row(claim: Claim) -> Row:
    """A claim as a flat row, everything in it."""
    return {
        "claim_id": claim.id,
        "place": claim.place,
        "place_kind": claim.place_kind.value,
        "country": claim.country,
        "year": claim.year,
        "published": claim.published,
        "publisher": claim.publisher,
        "reported_in": claim.reported_in,
        "counted": claim.counted.words,
        "operated": claim.counted.operated.value,
        "kind": claim.counted.kind,
        "space": claim.counted.space.value,
        "cameras": claim.cameras,
        "population": claim.population.people if claim.population else None,
        "population_boundary": claim.population.boundary if claim.population else None,
        "population_year": claim.population.year if claim.population else None,
        "ratio": claim.ratio.text if claim.ratio else None,
        "ratio_unit": claim.ratio.unit.name if claim.ratio else None,
        "printed_rank": claim.printed_rank,
        "method": claim.method.value,
        "evidence": claim.evidence.value,
        "is_forecast": claim.is_forecast,
        "note": claim.note,
        "source_file": claim.source.file,
        "source_sha256": claim.source.sha256,
        "source_row": claim.source.row,
    }


def as_csv(rows: Sequence[Row]) -> bytes:
    """Flat rows as CSV; None is an empty field. Errors: BadInput when there are none."""
    if not rows:
        raise BadInput("nothing is left to write; ask for less")
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"


def as_parquet(rows: Sequence[Row]) -> bytes:
    """Flat rows as Parquet. Errors: BadInput when there are none, or without pyarrow."""
    if not rows:
        raise BadInput("nothing is left to write; ask for less")
    arrow, parquet = optional("pyarrow"), optional("pyarrow.parquet")
    types = {
        "level": arrow.float64(),
        "high": arrow.float64(),
        "rank_best": arrow.int64(),
        "rank_worst": arrow.int64(),
        "printed_rank": arrow.int64(),
        "printed": arrow.string(),
        "printed_unit": arrow.string(),
    }
    columns = {}
    for name in rows[0]:
        columns[name] = arrow.array([row[name] for row in rows], type=types.get(name))
    sink = io.BytesIO()
    parquet.write_table(arrow.table(columns), sink, compression="zstd")
    return sink.getvalue()
