"""Stored footage as an HLS playlist. Pure: parts in, text out.

Source:  RFC 8216 (sections 4.3 and 5), fragmented MP4 by EXT-X-MAP (version 7).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from fairview.access.door import PlayPart
from fairview.core.errors import NotFound
from fairview.core.time import US_PER_SECOND, Instant

CONTENT_TYPE = "application/vnd.apple.mpegurl"


def playlist(parts: Sequence[PlayPart]) -> str:
    """A whole stored span, ready to seek anywhere in it.

    A part's wall-clock time stands before each part, so that a player can name the moment it
    shows even after a gap. Addresses are relative to the playlist.
    Errors:  NotFound without parts.
    """
    if not parts:
        raise NotFound("there is no footage in this span")
    longest_us = max(part.span.duration_us for part in parts)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, math.ceil(longest_us / US_PER_SECOND))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
    ]
    init: int | None = None
    for place, part in enumerate(parts):
        if part.discontinuity and place > 0:
            lines.append("#EXT-X-DISCONTINUITY")
        if part.init != init:
            lines.append(f'#EXT-X-MAP:URI="init-{part.init}.mp4"')
            init = part.init
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_iso_ms(part.span.start)}")
        lines.append(f"#EXTINF:{part.span.duration_us / US_PER_SECOND:.6f},")
        lines.append(f"part-{part.number}.m4s")
    lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _iso_ms(at: Instant) -> str:
    """Milliseconds, as the standard's own examples; players do not read more."""
    return at.datetime_utc().isoformat(timespec="milliseconds").replace("+00:00", "Z")
