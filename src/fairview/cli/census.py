"""`fairview census …`: figures about numbers of cameras, ranked without hiding the doubt."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fairview.cli.voice import bar, note, say
from fairview.core.errors import BadInput
from fairview.core.time import SystemClock
from fairview.publish.census.chart import chart
from fairview.publish.census.claim import Per, PlaceKind
from fairview.publish.census.importing import FileKind, ImportWish, import_file
from fairview.publish.census.lists import Wanted
from fairview.publish.census.outputs import (
    as_csv,
    as_json,
    as_parquet,
    as_text,
    flag_rows,
    list_rows,
    list_title,
)
from fairview.publish.census.reading import Ranking, read_ranking
from fairview.publish.census.site.page import SiteFacts
from fairview.publish.census.site.publication import publish
from fairview.store.durable import replace_file

FOLDER = Path("census")


class Shape(StrEnum):
    """What `rank` writes."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    SVG = "svg"


def app() -> typer.Typer:
    """The `census` commands."""
    made = typer.Typer(help="A census of cameras: import, rank, publish.", no_args_is_help=True)
    made.command("import")(import_)
    made.command("rank")(rank)
    made.command("publish")(publish_)
    return made


def import_(  # noqa: PLR0913  # a command has as many parameters as it has words
    file: Annotated[Path, typer.Argument(help="CSV, PBF, GeoJSON, Overpass or ArcGIS JSON.")],
    into: Annotated[Path, typer.Option("--into", help="The census folder.")] = FOLDER,
    kind: Annotated[
        FileKind | None, typer.Option(help="What it is; seen from the file if left out.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="How to read a register (TOML).", dir_okay=False)
    ] = None,
    title: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    licence: Annotated[str | None, typer.Option(help="Under which licence it came.")] = None,
    as_of: Annotated[str | None, typer.Option(help="The day it speaks of: 2026-05-01.")] = None,
    counted: Annotated[
        str | None, typer.Option(help="What is counted, in words; the same words share a list.")
    ] = None,
    name_field: Annotated[str, typer.Option(help="Boundaries: the name's property.")] = "name",
) -> None:
    """Take a file into a census folder, with its digest. Bad rows are kept aside and counted."""
    wish = ImportWish(
        path=file,
        kind=kind,
        mapping=mapping,
        title=title,
        licence=licence,
        as_of=as_of,
        counted=counted,
        name_field=name_field,
    )
    with bar(f"reading {file.name}"):
        source = import_file(into, wish, SystemClock())
    about = source.provenance
    say(f"{source.name}: {about.title}, {about.rows_taken:,} of {about.rows_read:,} rows taken")
    say(f"sha256 {about.sha256}")
    if about.rows_passed:
        note(f"{about.rows_passed:,} rows are no cameras")
    if about.rows_aside:
        note(f"{about.rows_aside:,} rows could not be read: {source.folder / 'aside.csv'}")


def rank(  # noqa: PLR0913  # a command has as many parameters as it has words
    folder: Annotated[
        Path | None, typer.Option("--census", help="A census folder beside the own claims.")
    ] = None,
    per: Annotated[Per | None, typer.Option(help="What to divide by.")] = None,
    place_kind: Annotated[PlaceKind | None, typer.Option(help="Which kind of place.")] = None,
    publisher: Annotated[str | None, typer.Option(help="Only this publisher's lists.")] = None,
    year: Annotated[int | None, typer.Option(help="Only this edition.")] = None,
    counted: Annotated[str | None, typer.Option(help="Only lists that count this.")] = None,
    shape: Annotated[Shape, typer.Option("--format", help="What to write.")] = Shape.TEXT,
    out: Annotated[
        Path | None, typer.Option("--out", help="Into this file.", dir_okay=False)
    ] = None,
    own: Annotated[bool, typer.Option(help="With the project's own claims.")] = True,
) -> None:
    """Rank places by cameras; ratios computed again, and what does not fit said beside."""
    wanted = Wanted(place_kind=place_kind, publisher=publisher, year=year, basis=counted, per=per)
    ranking = read_ranking(folder, SystemClock(), wanted, with_own=own)
    if not ranking.lists:
        raise BadInput("no list of two places or more is left; ask for less")
    data = _written(ranking, shape)
    if out is not None:
        replace_file(out, data, mode=0o644)
        say(f"{out}: {len(ranking.lists)} lists, {len(ranking.flags)} flags")
    elif shape is Shape.PARQUET:
        if sys.stdout.isatty():
            raise BadInput("Parquet is not for a terminal; add --out FILE")
        sys.stdout.buffer.write(data)
    else:
        say(data.decode().rstrip("\n"))


def publish_(
    out: Annotated[Path, typer.Option("--out", help="The folder for the pages.", file_okay=False)],
    base_url: Annotated[str, typer.Option(help="Where they will be: https://city.example/census/")],
    contact: Annotated[
        str, typer.Option(help="Where figures are disputed: a mail address or URL.")
    ],
    folder: Annotated[
        Path | None, typer.Option("--census", help="A census folder beside the own claims.")
    ] = None,
    own: Annotated[bool, typer.Option(help="With the project's own claims.")] = True,
) -> None:
    """Write static pages, a feed and the open data. They need no script and no server."""
    if not base_url.startswith(("https://", "http://")):
        raise BadInput(f"--base-url {base_url!r} must begin with https:// or http://")
    if "@" not in contact and not contact.startswith(("https://", "http://")):
        raise BadInput(f"--contact {contact!r} is neither a mail address nor a web address")
    clock = SystemClock()
    site = SiteFacts(base_url=base_url.rstrip("/") + "/", contact=contact, built_at=clock.now())
    made = publish(read_ranking(folder, clock, with_own=own), out, site, clock)
    say(f"{made.pages} pages, {made.files} files, {made.bytes_written:,} bytes in {out}")
    if made.removed:
        note(f"{made.removed} files of the last time are gone")


def _written(ranking: Ranking, shape: Shape) -> bytes:
    if shape is Shape.TEXT:
        return as_text(ranking.lists, ranking.flags).encode()
    rows = list_rows(ranking.lists, ranking.flags)
    if shape is Shape.CSV:
        return as_csv(rows)
    if shape is Shape.PARQUET:
        return as_parquet(rows)
    if shape is Shape.JSON:
        return as_json({"lists": rows, "flags": flag_rows(ranking.flags)})
    if len(ranking.lists) > 1:
        titles = "\n  ".join(list_title(made) for made in ranking.lists)
        raise BadInput(
            f"a chart draws one list; choose with --publisher, --year, --per:\n  {titles}"
        )
    return chart(ranking.lists[0]).encode()
