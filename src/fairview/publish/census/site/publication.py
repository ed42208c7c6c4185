"""What `fairview census publish` does: make every file, compare with the last time, write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from fairview.core.errors import BadInput, Conflict, Corrupt
from fairview.core.limits import CENSUS_PAGES_BYTES_MAX
from fairview.core.time import Clock
from fairview.publish.census.chart import chart
from fairview.publish.census.outputs import claim_row
from fairview.publish.census.reading import Ranking
from fairview.publish.census.site.about_pages import (
    changes_page,
    data_page,
    dispute_page,
    sources_page,
)
from fairview.publish.census.site.changes import Change, changes_from, difference
from fairview.publish.census.site.claim_pages import (
    claim_pages,
    claims_page,
    place_pages,
    places_page,
)
from fairview.publish.census.site.feed import feed
from fairview.publish.census.site.list_pages import (
    flags_page,
    front_page,
    list_pages,
    list_path,
    lists_page,
)
from fairview.publish.census.site.open_data import claim_files, open_data
from fairview.publish.census.site.page import Page, SiteFacts, framed, slug
from fairview.store.durable import make_folders, remove_file, replace_file

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What came of it. removed: files of the last time that are no longer made."""

    pages: int
    files: int
    bytes_written: int
    removed: int
    changes: int


def publish(ranking: Ranking, out: Path, site: SiteFacts, clock: Clock) -> Published:
    """Write the pages, the feed and the data into a folder; the same input gives the same pages.

    The folder's manifest is written last. Files it lists and that are no longer made go; files
    that are not ours stay.
    Errors:  Conflict when the folder holds something that is no publication; BadInput when there
             is nothing to publish or too much.
    """
    if not ranking.claims and not ranking.lists:
        raise BadInput("there is nothing to publish: no claims and no list")
    before = _manifest(out)
    changes = _changes(ranking, out, clock)
    data = open_data(ranking, changes)
    files = _pages(ranking, site, changes, data)
    pages = len(files)
    files |= data
    for made in ranking.lists:
        name = slug(list_path(made)[6:-5])
        files[f"lists/{name}.svg"] = chart(made).encode()
    files["feed.xml"] = feed(changes, site)
    style = resources.files("fairview.publish.census.site") / "style.css"
    files["style.css"] = style.read_bytes()
    total = sum(len(content) for content in files.values())
    if total > CENSUS_PAGES_BYTES_MAX:
        raise BadInput(f"the publication would have {total:,} bytes; publish fewer places")
    for path in sorted({(out / name).parent for name in files}):
        make_folders(path, mode=0o755)
    for name, content in files.items():
        replace_file(out / name, content, mode=0o644)
    gone = sorted(set(before) - set(files))
    for name in gone:
        remove_file(out / name)
    manifest = json.dumps({"fairview_census": 1, "files": sorted(files)}, indent=1)
    replace_file(out / MANIFEST, manifest.encode() + b"\n", mode=0o644)
    return Published(
        pages=pages,
        files=len(files) + 1,
        bytes_written=total,
        removed=len(gone),
        changes=len(changes),
    )


def _pages(
    ranking: Ranking, site: SiteFacts, changes: tuple[Change, ...], data: dict[str, bytes]
) -> dict[str, bytes]:
    sizes = [(path, len(content)) for path, content in data.items()]
    pages: list[Page] = [
        front_page(ranking),
        lists_page(ranking),
        flags_page(ranking),
        places_page(ranking),
        claims_page(ranking),
        sources_page(ranking, claim_files(ranking)),
        changes_page(changes),
        dispute_page(site),
        data_page(sizes),
        *list_pages(ranking),
        *claim_pages(ranking),
        *place_pages(ranking),
    ]
    made = {page.path: framed(page, site) for page in pages}
    if len(made) != len(pages):
        raise BadInput("two claims or places have names that differ in signs alone; rename one")
    return made


def _manifest(out: Path) -> list[str]:
    """The files of the publication that is there; empty when there is none."""
    path = out / MANIFEST
    if not path.exists():
        if out.exists() and any(out.iterdir()):
            raise Conflict(f"{out} holds something that is no publication; choose another folder")
        return []
    try:
        names = json.loads(path.read_bytes())["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"{path} cannot be read") from error
    inside = out.resolve()
    for name in names:
        if not (out / str(name)).resolve().is_relative_to(inside):
            raise Corrupt(f"{path} names {name}, which lies outside")
    return [str(name) for name in names]


def _changes(ranking: Ranking, out: Path, clock: Clock) -> tuple[Change, ...]:
    """The log with this publication on top, if it differs from the one before."""
    earlier = changes_from(_bytes(out / "data" / "changes.json"))
    after = {claim.id: claim_row(claim) for claim in ranking.claims}
    words = [flag.words for flag in ranking.flags]
    if not earlier:
        lists = len(ranking.lists)
        first = f"First published: {len(after)} claims, {lists} lists, {len(words)} findings"
        return (Change(at=clock.now(), lines=(first,)),)
    try:
        claims = json.loads(_bytes(out / "data" / "claims.json") or b"[]")
        flags = json.loads(_bytes(out / "data" / "flags.json") or b"[]")
        before = {str(row["claim_id"]): row for row in claims}
        found = [str(row["words"]) for row in flags]
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"the data of the earlier publication in {out} cannot be read") from error
    lines = difference(before, after, found, words)
    return (Change(at=clock.now(), lines=lines), *earlier) if lines else earlier


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
