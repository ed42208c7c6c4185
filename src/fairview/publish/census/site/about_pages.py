"""Pages about the census itself: sources, changes, how to dispute, the open data."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from fairview.publish.census.flags import FLAG_TITLES
from fairview.publish.census.folder import Source, SourceKind
from fairview.publish.census.reading import Ranking
from fairview.publish.census.recall import LEVEL
from fairview.publish.census.site.changes import Change
from fairview.publish.census.site.page import Page, SiteFacts, facts, table


def sources_page(ranking: Ranking, files: Sequence[tuple[str, str]]) -> Page:
    """files: published path and SHA-256 of every file of claims."""
    parts = [
        "<p>Every figure comes from one of these files. A file with the same SHA-256 is the same "
        "file, whoever gives it to you.</p>",
        "<h2>Files of claims</h2>",
    ]
    for path, sha256 in files:
        name = path.rsplit("/", 1)[-1]
        parts.append(
            facts(
                (
                    ("File", f'<a href="{path}">{escape(name)}</a>'),
                    ("SHA-256", f"<code>{sha256}</code>"),
                )
            )
        )
    parts.append("<h2>Imported files</h2>" if ranking.census.sources else "")
    for source in ranking.census.sources:
        about = source.provenance
        parts.append(f'<h3 id="source-{source.name}">{escape(about.title)}</h3>')
        parts.append(
            facts(
                (
                    ("What", _what(source)),
                    ("File", f"{escape(about.file)}, {about.size_bytes:,} bytes"),
                    ("SHA-256", f"<code>{about.sha256}</code>"),
                    ("SHA-256 of its mapping", f"<code>{about.mapping_sha256}</code>")
                    if about.mapping_sha256
                    else ("", ""),
                    ("Licence", escape(about.licence)),
                    ("As of", about.as_of),
                    ("Imported", about.imported_at.iso()[:10]),
                    ("Rows read", f"{about.rows_read:,}"),
                    ("Rows taken", f"{about.rows_taken:,}"),
                    ("Rows that could not be read", f"{about.rows_aside:,}"),
                    ("Rows that are no cameras", f"{about.rows_passed:,}"),
                )
            )
        )
    return Page(
        path="sources.html", title="Sources", body="\n".join(part for part in parts if part)
    )


def _what(source: Source) -> str:
    if source.kind is SourceKind.CAMERAS:
        return f"cameras: “{escape(source.provenance.counted)}”"
    return _SOURCE_WORDS[source.kind]


_SOURCE_WORDS = {
    SourceKind.CLAIMS: "claims",
    SourceKind.BOUNDARIES: "boundaries of places",
    SourceKind.FACTS: "people, areas and road lengths of places",
    SourceKind.SAMPLES: "searched street pictures",
}


def changes_page(changes: Sequence[Change]) -> Page:
    parts = [
        "<p>What was added, changed or taken away, newest first. "
        '<a href="feed.xml">The same as a feed (RSS)</a>.</p>'
    ]
    for change in changes:
        parts.append(f'<h2 id="{change.anchor}">{change.at.iso()[:10]}</h2>')
        lines = "".join(f"<li>{escape(line)}</li>" for line in change.lines)
        parts.append(f"<ul>{lines}</ul>")
    return Page(path="changes.html", title="Changes", body="\n".join(parts))


def dispute_page(site: SiteFacts) -> Page:
    contact = escape(site.contact)
    address = contact if "://" in contact else f"mailto:{contact}"
    body = f"""<p class="lead">A figure here is wrong, misread, or not yours? Write to
<a href="{address}">{contact}</a>.</p>
<h2>What to write</h2>
<ul>
<li>The number of the claim (every claim's page shows it), or the address of the page.</li>
<li>What is wrong: misread from its source, attributed to the wrong publisher or year, or a finding
that does not follow.</li>
<li>Where the right figure can be read. A link, a scan or the register itself is best.</li>
</ul>
<h2>What happens then</h2>
<ul>
<li>A misreading is corrected, and the correction stands on <a href="changes.html">the page of
changes</a> with both figures.</li>
<li>A figure that was printed stays as printed, even if its publisher has withdrawn it; the
withdrawal becomes a note on the claim, and the new figure a claim of its own.</li>
<li>A finding that does not follow is a mistake of the program: it is repaired for all claims, never
switched off for one.</li>
</ul>
<h2>How the figures are made</h2>
<ul>
<li>A ratio is computed again from the printed cameras and people. It follows when it is within one
in the last printed digit.</li>
<li>Printed figures carry no error. Their interval is the rounding alone, and says so.</li>
<li>A register grows old: its interval lies between assumed losses and assumed growth, printed
beside each figure.</li>
<li>Two or three lists of the same cameras tell by their overlap what all of them miss
(capture–recapture, {LEVEL:.0%}). It rests on their being made independently; two lists cannot test
that.</li>
<li>Searched street pictures are divided by the share of cameras the search finds and by the share
of road seen (after Sheng, Yao and Goel 2021, {LEVEL:.0%}).</li>
<li>A place gets a range of ranks when the intervals allow several, and none when it cannot be told
from half of the others.</li>
</ul>
"""
    return Page(path="dispute.html", title="Dispute a figure", body=body)


FILE_WORDS = {
    "data/claims.csv": "every claim, one a row, with its source file, digest and row",
    "data/claims.json": "the same as JSON",
    "data/claims.parquet": "the same as Parquet",
    "data/lists.csv": "every list, one row a place: figure, interval, ranks, flags",
    "data/lists.json": "the same as JSON",
    "data/lists.parquet": "the same as Parquet",
    "data/flags.csv": "what does not fit",
    "data/flags.json": "the same as JSON",
    "data/flags.parquet": "the same as Parquet",
    "data/places.geojson": "cities with claims, as points (WGS 84)",
    "data/surveyed.geojson": "boundaries with the figures of the surveyed lists (WGS 84)",
    "data/sources.json": "every imported file with its digest and row counts",
    "data/changes.json": "the log of changes",
}


def data_page(sizes: Sequence[tuple[str, int]]) -> Page:
    """sizes: path and bytes of every data file published."""
    rows = [
        (
            f'<a href="{path}"><code>{path.removeprefix("data/")}</code></a>'
            f'<span class="span">{FILE_WORDS.get(path, "a file of claims, as it came")}</span>',
            f"{{number}}{size / 1_000:,.1f} kB",
        )
        for path, size in sizes
    ]
    kinds = ", ".join(f"<code>{kind.value}</code> ({words})" for kind, words in FLAG_TITLES.items())
    body = f"""<p>Everything on these pages, to take away. The collection is under CC BY 4.0
unless a source's own licence says otherwise (see <a href="sources.html">Sources</a>); counts
made from OpenStreetMap are under ODbL 1.0.</p>
{table("Files", ("File", "{number}Size"), rows)}
<h2>Reading them</h2>
<p>An empty field is “not known” or “not printed”, never zero. <code>low</code> and
<code>high</code> are the ends of the interval, <code>level</code> its confidence level (empty:
it is none, and <code>how</code> says what it is). <code>rank_worst</code> is empty where a report
goes on and nobody printed how far; <code>has_rank</code> tells that from “no rank”.</p>
<p>Findings are of these kinds: {kinds}.</p>
"""
    return Page(path="data.html", title="Open data", body=body)
