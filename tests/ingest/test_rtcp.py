"""Reports beside the pictures: read whatever comes, written as the standard has them."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from fairview.ingest.lean.rtcp import (
    DESCRIPTION,
    GOODBYE,
    RECEIVER_REPORT,
    SENDER_REPORT,
    Received,
    blocks,
    goodbye,
    receiver_report,
    sender_report,
)
from tests.builders import NOON

NTP_1970 = 2_208_988_800


def sent(seconds: int, fraction: int = 0, ticks: int = 90_000) -> memoryview:
    return memoryview(struct.pack(">IIIIII", 7, seconds & 0xFFFFFFFF, fraction, ticks, 1, 2))


def test_a_sender_report_gives_a_moment_on_both_clocks() -> None:
    found = sender_report(sent(NOON.us // 1_000_000 + NTP_1970, 1 << 31), NOON.us)
    assert found is not None
    assert (found.source, found.ticks) == (7, 90_000)
    assert found.wall_us == NOON.us + 500_000


def test_the_wrap_of_2036_is_none_and_1970_stays_what_the_camera_says() -> None:
    in_2040 = NOON.us + 14 * 365 * 86_400 * 1_000_000
    wrapped = sender_report(sent(in_2040 // 1_000_000 + NTP_1970), in_2040)
    assert wrapped is not None
    assert wrapped.wall_us == in_2040
    unset = sender_report(sent(NTP_1970 + 5), NOON.us)
    assert unset is not None
    assert unset.wall_us == 5_000_000


def test_a_camera_without_a_clock_says_none_and_a_short_report_nothing() -> None:
    found = sender_report(sent(0), NOON.us)
    assert found is not None
    assert found.wall_us is None
    assert sender_report(sent(1)[:12], NOON.us) is None


def test_our_reports_are_compound_and_whole_words() -> None:
    received = Received(
        about=9, fraction_lost=3, lost=-2, highest=70_000, last_report=5, since_report=6
    )
    for told in (receiver_report(1, b"fairview", received), receiver_report(1, b"f", None)):
        assert len(told) % 4 == 0
        found = list(blocks(told))
        assert [kind for kind, _ in found] == [RECEIVER_REPORT, DESCRIPTION]
    _, body = next(blocks(receiver_report(1, b"fairview", received)))
    assert struct.unpack(">IIIIIII", body) == (1, 9, 3 << 24 | 0xFFFFFE, 70_000, 0, 5, 6)
    assert [kind for kind, _ in blocks(goodbye(1))] == [RECEIVER_REPORT, GOODBYE]


@given(st.binary(max_size=200))
def test_rubbish_is_read_to_where_it_stops_making_sense(data: bytes) -> None:
    for kind, body in blocks(data):
        assert 0 <= kind <= 255
        if kind == SENDER_REPORT:
            sender_report(body, NOON.us)
