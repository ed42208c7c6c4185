"""A census folder: what was imported, each source with its provenance, and nothing else.

<kind>/<first 16 of the digest>/source.json   written last: without it the source is not there
                                data.csv | data.geojson   the file as it came (small kinds)
                                cameras.parquet           the cameras (map extracts, registers)
                                aside.csv                 rows that could not be read
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path

from fairview.core.errors import BadInput, Conflict, Corrupt
from fairview.core.time import Instant, instant
from fairview.publish.census.boundaries import Boundary, read_boundaries
from fairview.publish.census.claim import Claim
from fairview.publish.census.populations import PlaceFacts, read_facts
from fairview.publish.census.provenance import Aside, Provenance
from fairview.publish.census.read_claims import read_claims
from fairview.publish.census.samples import CitySample, read_samples
from fairview.publish.census.staleness import Turnover
from fairview.publish.census.surveyed import Row, aside_line, write_surveyed
from fairview.store.durable import make_folders, remove_file, replace_file

_NAME_CHARACTERS = 16


class SourceKind(StrEnum):
    """What can be imported."""

    CLAIMS = "claims"
    CAMERAS = "cameras"
    BOUNDARIES = "boundaries"
    FACTS = "facts"
    SAMPLES = "samples"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One imported file."""

    name: str
    kind: SourceKind
    provenance: Provenance
    turnover: Turnover
    folder: Path

    @property
    def cameras_path(self) -> Path:
        return self.folder / "cameras.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """Everything in a folder, read."""

    sources: tuple[Source, ...]
    claims: tuple[Claim, ...]
    boundaries: tuple[Boundary, ...]
    facts: tuple[PlaceFacts, ...]
    samples: tuple[CitySample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A file about to be imported, and what is said about it."""

    path: Path
    kind: SourceKind
    sha256: str
    title: str
    licence: str
    as_of: str
    counted: str
    imported_at: Instant
    mapping_sha256: str = ""
    turnover: Turnover = field(default_factory=Turnover)

    @property
    def name(self) -> str:
        """The same file read the same way has the same name."""
        joined = f"{self.sha256} {self.mapping_sha256} {self.counted}"
        return hashlib.sha256(joined.encode()).hexdigest()[:_NAME_CHARACTERS]


def import_cameras(folder: Path, incoming: Incoming, rows: Iterable[Row]) -> Source:
    """A map extract or register, streamed. Errors: Conflict when it was imported already."""
    place = _fresh(folder, incoming)
    for name in ("cameras.parquet", "aside.csv"):
        remove_file(place / name)  # left by an import that did not end
    tally = write_surveyed(rows, place / "cameras.parquet", place / "aside.csv")
    return _sealed(
        place,
        incoming,
        (tally.read, tally.taken, tally.aside, tally.passed),
    )


def import_table(
    folder: Path, incoming: Incoming, aside: Sequence[Aside], rows_read: int
) -> Source:
    """A claims, facts, samples or boundary file that was read; kept as it came."""
    place = _fresh(folder, incoming)
    replace_file(place / _data_name(incoming.kind), incoming.path.read_bytes())
    lines = b"row,because,text\r\n" + b"".join(aside_line(row) for row in aside)
    replace_file(place / "aside.csv", lines)
    return _sealed(place, incoming, (rows_read, rows_read - len(aside), len(aside), 0))


def read_census(folder: Path) -> Census:
    """A folder's sources in the order of import. Errors: BadInput without one; Corrupt."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is no census folder; fairview census import makes one")
    sources = [
        _source(place)
        for kind in SourceKind
        for place in sorted((folder / kind).glob("*"))
        if (place / "source.json").exists()
    ]
    sources.sort(key=lambda source: (source.provenance.imported_at, source.name))
    claims: dict[str, Claim] = {}
    facts: list[PlaceFacts] = []
    samples: list[CitySample] = []
    boundaries: list[Boundary] = []
    for source in sources:
        path = source.folder / _data_name(source.kind)
        about = source.provenance
        if source.kind is SourceKind.CLAIMS:
            text = path.read_text(encoding="utf-8")
            for claim in read_claims(text, file=about.file, sha256=about.sha256).claims:
                if claim.id in claims:
                    raise Conflict(
                        f"claim {claim.id} stands in {claim.source.file} and in "
                        f"{claims[claim.id].source.file}: remove one of the two imports"
                    )
                claims[claim.id] = claim
        elif source.kind is SourceKind.FACTS:
            facts += read_facts(path.read_text(encoding="utf-8"), about.file).facts
        elif source.kind is SourceKind.SAMPLES:
            samples += read_samples(path.read_text(encoding="utf-8"), about.file).samples
        elif source.kind is SourceKind.BOUNDARIES:
            boundaries += read_boundaries(path, about.counted or "name").boundaries
    return Census(
        sources=tuple(sources),
        claims=tuple(claims.values()),
        boundaries=tuple(boundaries),
        facts=tuple(facts),
        samples=tuple(samples),
    )


def _fresh(folder: Path, incoming: Incoming) -> Path:
    place = folder / incoming.kind / incoming.name
    if (place / "source.json").exists():
        raise Conflict(f"{incoming.path} was imported already, as {incoming.name}")
    make_folders(place, mode=0o755)
    return place


def _sealed(place: Path, incoming: Incoming, rows: tuple[int, int, int, int]) -> Source:
    about = Provenance(
        file=incoming.path.name,
        kind=incoming.kind,
        title=incoming.title,
        licence=incoming.licence,
        sha256=incoming.sha256,
        size_bytes=incoming.path.stat().st_size,
        imported_at=incoming.imported_at,
        rows_read=rows[0],
        rows_taken=rows[1],
        rows_aside=rows[2],
        rows_passed=rows[3],
        as_of=incoming.as_of,
        counted=incoming.counted,
        mapping_sha256=incoming.mapping_sha256,
    )
    written = {**asdict(about), "imported_at": about.imported_at.iso()}
    written["turnover"] = asdict(incoming.turnover)
    data = json.dumps(written, indent=1, ensure_ascii=False).encode() + b"\n"
    replace_file(place / "source.json", data, mode=0o644)
    return _source(place)


def _source(place: Path) -> Source:
    try:
        values = json.loads((place / "source.json").read_bytes())
        turnover = Turnover(**values.pop("turnover"))
        values["imported_at"] = instant(values["imported_at"])
        wanted = {one.name for one in fields(Provenance)}
        if values.keys() != wanted:
            raise Corrupt(f"{place / 'source.json'} does not have the fields it should")
        about = Provenance(**values)
        kind = SourceKind(about.kind)
    except (ValueError, KeyError, TypeError, BadInput) as error:
        raise Corrupt(f"{place / 'source.json'} cannot be read; import the file again") from error
    return Source(name=place.name, kind=kind, provenance=about, turnover=turnover, folder=place)


def _data_name(kind: SourceKind) -> str:
    return "data.geojson" if kind is SourceKind.BOUNDARIES else "data.csv"
