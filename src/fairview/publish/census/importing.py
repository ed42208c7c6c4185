"""What `fairview census import` does: see what a file is, read it, keep it with its provenance."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from fairview.core.errors import BadInput
from fairview.core.time import Clock
from fairview.publish.census import osm
from fairview.publish.census.boundaries import read_boundaries
from fairview.publish.census.folder import (
    Incoming,
    Source,
    SourceKind,
    import_cameras,
    import_table,
)
from fairview.publish.census.mapping import mapping_of
from fairview.publish.census.populations import read_facts
from fairview.publish.census.provenance import digest_of
from fairview.publish.census.read_claims import read_claims
from fairview.publish.census.register import read_register
from fairview.publish.census.samples import read_samples
from fairview.publish.census.staleness import Turnover
from fairview.publish.census.surveyed import Row

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_MAP_TURNOVER = Turnover(loss_frac=0.05, growth_frac=0.20)


class FileKind(StrEnum):
    """How a file is to be read."""

    CLAIMS = "claims"
    OSM = "osm"
    REGISTER = "register"
    BOUNDARIES = "boundaries"
    FACTS = "facts"
    SAMPLES = "samples"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportWish:
    """A file and what is said about it. None: taken from the file or its mapping."""

    path: Path
    kind: FileKind | None = None
    mapping: Path | None = None
    title: str | None = None
    licence: str | None = None
    as_of: str | None = None
    counted: str | None = None
    name_field: str = "name"


def import_file(folder: Path, wish: ImportWish, clock: Clock) -> Source:
    """One file into a census folder.

    Errors:  BadInput when the file is not what it is said to be; Conflict when it was imported
             already; rows that cannot be read are kept aside, not raised.
    """
    if not wish.path.is_file():
        raise BadInput(f"{wish.path} is not a file")
    kind = wish.kind or _kind_of(wish)
    sha256 = digest_of(wish.path)
    if kind is FileKind.OSM:
        return _import_map(folder, wish, sha256, clock)
    if kind is FileKind.REGISTER:
        return _import_register(folder, wish, sha256, clock)
    incoming = Incoming(
        path=wish.path,
        kind=SourceKind(kind.value),
        sha256=sha256,
        title=wish.title or wish.path.name,
        licence=wish.licence or "not stated",
        as_of=_day(wish.as_of or clock.now().iso()[:10]),
        counted=wish.name_field if kind is FileKind.BOUNDARIES else wish.counted or "",
        imported_at=clock.now(),
    )
    if kind is FileKind.BOUNDARIES:
        outlines = read_boundaries(wish.path, wish.name_field)
        return import_table(folder, incoming, outlines.aside, outlines.rows_read)
    text = _text(wish.path)
    if kind is FileKind.CLAIMS:
        claims = read_claims(text, file=wish.path.name, sha256=sha256)
        return import_table(folder, incoming, claims.aside, claims.rows_read)
    if kind is FileKind.FACTS:
        facts = read_facts(text, wish.path.name)
        return import_table(folder, incoming, facts.aside, facts.rows_read)
    samples = read_samples(text, wish.path.name)
    return import_table(folder, incoming, samples.aside, samples.rows_read)


def _import_map(folder: Path, wish: ImportWish, sha256: str, clock: Clock) -> Source:
    is_json = wish.path.suffix == ".json"
    as_of = wish.as_of or (osm.overpass_as_of if is_json else osm.pbf_as_of)(wish.path)
    if not as_of:
        raise BadInput(f"{wish.path} does not say of which day it is: add --as-of 2026-05-01")
    rows: Iterable[Row] = (osm.read_overpass if is_json else osm.read_pbf)(wish.path)
    incoming = Incoming(
        path=wish.path,
        kind=SourceKind.CAMERAS,
        sha256=sha256,
        title=wish.title or "OpenStreetMap",
        licence=wish.licence or osm.LICENCE,
        as_of=_day(as_of),
        counted=wish.counted or osm.COUNTED,
        imported_at=clock.now(),
        turnover=_MAP_TURNOVER,
    )
    return import_cameras(folder, incoming, rows)


def _import_register(folder: Path, wish: ImportWish, sha256: str, clock: Clock) -> Source:
    if wish.mapping is None:
        raise BadInput(f"{wish.path} is a register: say how to read it with --mapping FILE.toml")
    text = _text(wish.mapping)
    mapping = mapping_of(text, wish.mapping.name)
    incoming = Incoming(
        path=wish.path,
        kind=SourceKind.CAMERAS,
        sha256=sha256,
        title=wish.title or mapping.title,
        licence=wish.licence or mapping.licence,
        as_of=_day(wish.as_of or mapping.as_of),
        counted=wish.counted or mapping.counted,
        imported_at=clock.now(),
        mapping_sha256=hashlib.sha256(text.encode()).hexdigest(),
        turnover=mapping.pace(),
    )
    return import_cameras(folder, incoming, read_register(wish.path, mapping))


def _kind_of(wish: ImportWish) -> FileKind:
    """What a file is, from the mapping beside it, its name and its first bytes."""
    if wish.mapping is not None:
        return FileKind.REGISTER
    name = wish.path.name
    if name.endswith((".pbf", ".osm", ".osm.gz", ".osm.bz2")):
        return FileKind.OSM
    with wish.path.open("rb") as file:
        start = file.read(4_096).decode("utf-8-sig", errors="replace")
    if name.endswith(".geojson"):
        return FileKind.BOUNDARIES
    if name.endswith(".json") and '"elements"' in start:
        return FileKind.OSM
    head = start.split("\n", 1)[0]
    for kind, column in (
        (FileKind.CLAIMS, "claim_id"),
        (FileKind.SAMPLES, "recall_known"),
        (FileKind.FACTS, "people"),
    ):
        if column in head.strip().split(","):
            return kind
    raise BadInput(
        f"{wish.path} could be anything: say --kind {', '.join(one.value for one in FileKind)}"
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text") from error


def _day(text: str) -> str:
    if not _DAY.match(text):
        raise BadInput(f"{text!r} is not a day like 2026-05-01")
    return text
