"""Pages of claims and places: every figure with its row, its file's digest, and what was found."""

from __future__ import annotations

from collections import defaultdict
from html import escape

from fairview.publish.census.claim import Claim
from fairview.publish.census.flags import Flag
from fairview.publish.census.outputs import list_title
from fairview.publish.census.reading import OWN_CLAIMS, Ranking
from fairview.publish.census.recompute import again
from fairview.publish.census.site.list_pages import list_path
from fairview.publish.census.site.page import (
    Page,
    claim_path,
    facts,
    flag_list,
    place_path,
    table,
)


def source_path(claim: Claim) -> str:
    """Where the file that holds a claim is published, byte for byte."""
    return f"data/sources/{claim.source.sha256[:16]}-{claim.source.file}"


def claims_page(ranking: Ranking) -> Page:
    flagged = {name for flag in ranking.flags for name in flag.claims}
    rows = [
        (
            f'<a href="{claim_path(claim.id)}">{escape(claim.id)}</a>',
            f"{escape(claim.place)} {claim.year}{_badge(claim.id in flagged)}",
            f"{{number}}{_figure(claim)}",
            f"{{wide}}{escape(claim.publisher)}"
            f'<span class="span">{escape(claim.counted.words)}</span>',
        )
        for claim in ranking.claims
    ]
    heads = ("Claim", "Place and year", "{number}As printed", "{wide}Publisher and what is counted")
    body = "<p>Every figure as it was printed. Nothing is corrected.</p>\n" + table(
        f"{len(rows)} claims", heads, rows
    )
    return Page(path="claims.html", title="Claims", body=body)


def claim_pages(ranking: Ranking) -> list[Page]:
    about: dict[str, list[Flag]] = defaultdict(list)
    for flag in ranking.flags:
        for name in flag.claims:
            about[name].append(flag)
    lists: dict[str, list[str]] = defaultdict(list)
    for made in ranking.lists:
        link = f'<li><a href="../{list_path(made)}">{escape(list_title(made))}</a></li>'
        for entry in made.entries:
            for name in entry.claims:
                lists[name].append(link)
    return [_claim_page(claim, about[claim.id], lists[claim.id]) for claim in ranking.claims]


def _claim_page(claim: Claim, flags: list[Flag], lists: list[str]) -> Page:
    place = f'<a href="../{place_path(claim.country, claim.place)}">{escape(claim.place)}</a>'
    people = ""
    if claim.population is not None:
        where = claim.population.boundary or "boundary not stated"
        when = str(claim.population.year) if claim.population.year else "year not stated"
        people = f"{claim.population.people:,} ({escape(where)}, {when})"
    counted = claim.counted
    parts = [
        facts(
            (
                ("Place", f"{place}, {claim.place_kind.value}"),
                ("Year spoken of", str(claim.year)),
                ("Publisher", escape(claim.publisher)),
                ("Published", escape(claim.published)),
                ("Read in", escape(claim.reported_in)),
                ("Evidence", _EVIDENCE[claim.evidence.value]),
                ("Method", claim.method.value.replace("_", " ")),
                ("What is counted", f"“{escape(counted.words)}”"),
                ("Whose cameras", counted.operated.replace("_", " ")),
                ("Which kind", escape(counted.kind.replace("_", " "))),
                ("Looking at", counted.space.replace("_", " ")),
                ("Cameras", "" if claim.cameras is None else f"{claim.cameras:,}"),
                ("Population", people or "not printed"),
                (
                    "Ratio",
                    f"{claim.ratio.text} {claim.ratio.unit.words}" if claim.ratio else "",
                ),
                ("Computed again", _again(claim)),
                ("Printed rank", "" if claim.printed_rank is None else str(claim.printed_rank)),
                ("Our note", escape(claim.note)),
            )
        )
    ]
    if flags:
        parts += ["<h2>What does not fit</h2>", flag_list(flags, "../")]
    if lists:
        parts += ["<h2>Lists it is in</h2>", f"<ul>{''.join(lists)}</ul>"]
    else:
        parts += ["<h2>Lists it is in</h2>", f"<p>None: {_why_none(claim)}.</p>"]
    parts += [
        "<h2>Where it stands</h2>",
        facts(
            (
                (
                    "File",
                    f'<a href="../{source_path(claim)}">{escape(claim.source.file)}</a>'
                    + (" (the project's own)" if claim.source.file == OWN_CLAIMS else ""),
                ),
                ("Row", f"{claim.source.row} (after the header)"),
                ("SHA-256 of the file", f"<code>{claim.source.sha256}</code>"),
            )
        ),
    ]
    title = f"Claim {claim.id}: {claim.place} {claim.year}, {claim.publisher}"
    return Page(path=claim_path(claim.id), title=title, body="\n".join(parts))


def places_page(ranking: Ranking) -> Page:
    flagged = {name for flag in ranking.flags for name in flag.claims}
    rows = []
    for (country, place), claims in sorted(_by_place(ranking).items(), key=lambda one: one[0][1]):
        years = sorted({claim.year for claim in claims})
        span = str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}"
        wrong = sum(claim.id in flagged for claim in claims)
        rows.append(
            (
                f'<a href="{place_path(country, place)}">{escape(place)}</a>',
                f"{{number}}{len(claims)}",
                f"{{number}}{wrong or '–'}",
                f"{{wide}}{span}",
            )
        )
    heads = ("Place", "{number}Claims", "{number}That do not fit", "{wide}Years")
    return Page(
        path="places.html", title="Places", body=table("Every place with a claim", heads, rows)
    )


def place_pages(ranking: Ranking) -> list[Page]:
    pages = []
    for (country, place), claims in _by_place(ranking).items():
        names = {claim.id for claim in claims}
        flags = [flag for flag in ranking.flags if names & set(flag.claims)]
        rows = [
            (
                f'<a href="../{claim_path(claim.id)}">{claim.year}</a>',
                f"{{number}}{_figure(claim)}",
                f'{escape(claim.publisher)}<span class="span">{escape(claim.counted.words)}</span>',
                f"{{wide}}{claim.method.value.replace('_', ' ')}",
            )
            for claim in sorted(claims, key=lambda claim: (claim.year, claim.source.row))
        ]
        heads = ("Year", "{number}As printed", "Publisher and what is counted", "{wide}Method")
        body = table(f"{len(rows)} claims about {place}", heads, rows)
        if flags:
            body += f"\n<h2>What does not fit</h2>\n{flag_list(flags, '../')}"
        pages.append(Page(path=place_path(country, place), title=place, body=body))
    return pages


def _by_place(ranking: Ranking) -> dict[tuple[str, str], list[Claim]]:
    found: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in ranking.claims:
        found[claim.country, claim.place].append(claim)
    return dict(found)


_EVIDENCE = {
    "primary": "primary: read in the publisher's own text",
    "secondary": "secondary: read in somebody's report of it",
}


def _figure(claim: Claim) -> str:
    printed = []
    if claim.ratio is not None:
        printed.append(f'{claim.ratio.text}<span class="span">{claim.ratio.unit.words}</span>')
    if claim.cameras is not None:
        printed.append(f'{claim.cameras:,}<span class="span">cameras</span>')
    return "".join(printed)


def _badge(is_flagged: bool) -> str:
    return '<span class="span badge">does not fit</span>' if is_flagged else ""


def _again(claim: Claim) -> str:
    result = again(claim)
    if claim.ratio is None:
        return ""
    if result.value is None:
        return escape(f"cannot be: {result.because}")
    value = f"{result.value:.{claim.ratio.decimals}f} {claim.ratio.unit.words}"
    return f"{value}, as printed" if result.follows else f"<strong>{value}</strong>, not as printed"


def _why_none(claim: Claim) -> str:
    if claim.is_forecast:
        return "a forecast is in no ranking"
    if claim.ratio is not None and claim.ratio.unit.name == "percent_of_sales":
        return "a share of sales is not a number of cameras"
    return "no other place is counted in the same way by the same publisher"
