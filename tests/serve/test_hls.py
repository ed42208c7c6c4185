from __future__ import annotations

import pytest

from fairview.access.door import PlayPart
from fairview.core.errors import NotFound
from fairview.core.time import US_PER_SECOND, Span
from fairview.serve.hls import playlist
from tests.builders import NOON


def part(
    number: int, at_s: float, length_s: float = 2, *, init: int = 0, discontinuity: bool = False
) -> PlayPart:
    start = NOON.plus(int(at_s * US_PER_SECOND))
    span = Span(start=start, end=start.plus(int(length_s * US_PER_SECOND)))
    return PlayPart(number=number, span=span, init=init, discontinuity=discontinuity)


def test_a_span_across_a_gap_reads_like_this() -> None:
    parts = [
        part(0, 0, discontinuity=True),
        part(1, 2, 1.25),
        part(2, 60, 2, init=1, discontinuity=True),
    ]
    assert playlist(parts) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:2\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        '#EXT-X-MAP:URI="init-0.mp4"\n'
        "#EXT-X-PROGRAM-DATE-TIME:2026-05-01T12:00:00.000Z\n"
        "#EXTINF:2.000000,\n"
        "part-0.m4s\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-05-01T12:00:02.000Z\n"
        "#EXTINF:1.250000,\n"
        "part-1.m4s\n"
        "#EXT-X-DISCONTINUITY\n"
        '#EXT-X-MAP:URI="init-1.mp4"\n'
        "#EXT-X-PROGRAM-DATE-TIME:2026-05-01T12:01:00.000Z\n"
        "#EXTINF:2.000000,\n"
        "part-2.m4s\n"
        "#EXT-X-ENDLIST\n"
    )


def test_the_target_duration_is_never_below_the_longest_part() -> None:
    assert "#EXT-X-TARGETDURATION:3\n" in playlist([part(0, 0, 2.04)])


def test_a_gap_without_a_new_format_does_not_repeat_the_map() -> None:
    text = playlist([part(0, 0), part(1, 9, discontinuity=True)])
    assert text.count("#EXT-X-MAP") == 1
    assert text.count("#EXT-X-DISCONTINUITY") == 1


def test_an_empty_span_is_not_found() -> None:
    with pytest.raises(NotFound):
        playlist([])
