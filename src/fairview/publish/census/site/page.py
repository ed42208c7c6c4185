"""The frame every page shares, and small pieces of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fairview.core.time import Instant
from fairview.publish.census.flags import FLAG_TITLES, Flag

NAVIGATION = (
    ("index.html", "Census"),
    ("lists.html", "Lists"),
    ("flags.html", "What does not fit"),
    ("places.html", "Places"),
    ("claims.html", "Claims"),
    ("sources.html", "Sources"),
    ("changes.html", "Changes"),
    ("dispute.html", "Dispute a figure"),
    ("data.html", "Open data"),
)
TITLE_MAX = 65


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """What all pages of a publication share. base_url ends with a slash."""

    base_url: str
    contact: str
    built_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: where it lies, what it is called, and what is in it (HTML)."""

    path: str
    title: str
    body: str

    @property
    def up(self) -> str:
        """The way back to the top folder."""
        return "../" * self.path.count("/")


def framed(page: Page, site: SiteFacts) -> bytes:
    """A page as a whole document."""
    up = page.up
    items = []
    for path, words in NAVIGATION:
        here = ' aria-current="page"' if path == page.path else ""
        items.append(f'<li><a href="{up}{path}"{here}>{words}</a></li>')
    title = page.title if len(page.title) <= TITLE_MAX else page.title[: TITLE_MAX - 1] + "…"
    document = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="stylesheet" href="{up}style.css">
<link rel="alternate" type="application/rss+xml" title="Changes" href="{up}feed.xml">
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header>
<p>An honest census of cameras</p>
<nav aria-label="Pages">
<ul>
{chr(10).join(items)}
</ul>
</nav>
</header>
<main id="content">
<h1>{escape(page.title)}</h1>
{page.body}
</main>
<footer>
<p>Made by <code>fairview census publish</code> on {site.built_at.iso()[:10]} from the sources
named on <a href="{up}sources.html">this page</a>. Something wrong?
<a href="{up}dispute.html">Dispute a figure</a>.</p>
</footer>
</body>
</html>
"""
    return document.encode()


def table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    notes: Sequence[str] = (),
) -> str:
    """A table whose cells are HTML; a cell or head may begin with a class in braces: {number}3.

    notes: one for each row (HTML), shown under it across all columns but the first.
    """
    head = "".join(_cell("th", text, ' scope="col"') for text in heads)
    lines = [f"<tr>{''.join(_cell('td', text) for text in row)}</tr>" for row in rows]
    if notes:
        wide = len(heads) - 1
        lines = [
            f'{line}\n<tr class="note"><td></td><td colspan="{wide}">{text}</td></tr>'
            for line, text in zip(lines, notes, strict=True)
        ]
    body = "\n".join(lines)
    return (
        f"<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table>"
    )


def _cell(tag: str, text: str, more: str = "") -> str:
    kind = ""
    if text.startswith("{"):
        name, _, text = text[1:].partition("}")
        kind = f' class="{name}"'
    return f"<{tag}{kind}{more}>{text}</{tag}>"


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and values (HTML); empty values are left out."""
    lines = [f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in pairs if value]
    return "<dl>\n" + "\n".join(lines) + "\n</dl>"


def flag_list(flags: Sequence[Flag], up: str) -> str:
    """Flags with links to the claims they are about."""
    lines = [
        f"<li><strong>{sentence(FLAG_TITLES[flag.kind])}</strong> {escape(flag.words)} "
        f"({claim_links(flag.claims, up)})</li>"
        for flag in flags
    ]
    return '<ul class="flags">\n' + "\n".join(lines) + "\n</ul>"


def sentence(words: str) -> str:
    """With a capital first."""
    return words[:1].upper() + words[1:]


def claim_links(claims: Sequence[str], up: str) -> str:
    """`claims 3, 4`, each a link."""
    links = ", ".join(f'<a href="{up}{claim_path(name)}">{escape(name)}</a>' for name in claims)
    return f"{'claim' if len(claims) == 1 else 'claims'} {links}"


def claim_path(claim: str) -> str:
    return f"claims/{slug(claim)}.html"


def place_path(country: str, place: str) -> str:
    return f"places/{slug(f'{country} {place}')}.html"


def slug(text: str) -> str:
    """A file name of a-z, 0-9 and '-'. Other letters become their code, so two never meet."""
    spelled = "".join(
        sign if sign.isascii() and sign.isalnum() else "-" if sign in " -_.," else f"u{ord(sign):x}"
        for sign in text.lower()
    )
    return "-".join(part for part in spelled.split("-") if part) or "x"
