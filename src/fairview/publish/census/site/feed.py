"""The log of changes as RSS 2.0."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import format_datetime
from html import escape

from fairview.publish.census.site.changes import Change
from fairview.publish.census.site.page import SiteFacts

ITEMS_MAX = 50


def feed(changes: Sequence[Change], site: SiteFacts) -> bytes:
    """Source:  https://www.rssboard.org/rss-specification."""
    items = []
    for change in changes[:ITEMS_MAX]:
        link = escape(f"{site.base_url}changes.html#{change.anchor}")
        count = len(change.lines)
        lines = escape("".join(f"<li>{escape(line)}</li>" for line in change.lines))
        items.append(
            f"<item><title>{count} {'change' if count == 1 else 'changes'}</title>"
            f'<link>{link}</link><guid isPermaLink="true">{link}</guid>'
            f"<pubDate>{format_datetime(change.at.datetime_utc())}</pubDate>"
            f"<description>{escape('<ul>')}{lines}{escape('</ul>')}</description></item>"
        )
    base = escape(site.base_url)
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
<channel>
<title>An honest census of cameras: changes</title>
<link>{base}</link>
<description>Claims about numbers of cameras that were added, changed or taken away.</description>
<language>en</language>
<lastBuildDate>{format_datetime(site.built_at.datetime_utc())}</lastBuildDate>
<atom:link href="{base}feed.xml" rel="self" type="application/rss+xml"/>
{chr(10).join(items)}
</channel>
</rss>
"""
    return text.encode()
