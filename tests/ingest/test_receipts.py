"""Receiver reports say what came, and when they are due."""

from __future__ import annotations

import struct

from fairview.core.limits_sources import RECEIVER_REPORT_US
from fairview.ingest.lean.receipts import Receipts
from fairview.ingest.lean.rtcp import RECEIVER_REPORT, blocks


def told(frame: bytes) -> tuple[int, int, int, int, int, int]:
    """Source, lost 256ths, lost in all, highest, last report, since: of the only block."""
    assert frame[:2] == b"$\x01"
    assert int.from_bytes(frame[2:4], "big") == len(frame) - 4
    kind, body = next(blocks(frame[4:]))
    assert kind == RECEIVER_REPORT
    source, losses, highest, _, last, since = struct.unpack_from(">IIIIII", body, 4)
    return source, losses >> 24, losses & 0xFFFFFF, highest, last, since


def test_a_report_is_due_every_five_seconds_and_counts_on_past_the_wrap() -> None:
    receipts = Receipts(0, 7, 1_000)
    assert receipts.frame(1_000 + RECEIVER_REPORT_US - 1, 9, 65_000, 0) == b""
    first = receipts.frame(1_000 + RECEIVER_REPORT_US, 9, 65_000, 0)
    assert told(first) == (9, 0, 0, 64_999, 0, 0)
    assert receipts.frame(2_000 + RECEIVER_REPORT_US, 9, 65_100, 0) == b""
    second = receipts.frame(1_000 + 2 * RECEIVER_REPORT_US, 9, 464, 10)
    assert told(second)[:4] == (9, 2, 10, 0x10000 | 463)


def test_a_report_repeats_the_senders_time_and_says_how_long_ago_it_came() -> None:
    receipts = Receipts(0, 7, 0)
    receipts.heard(struct.pack(">IIIII", 9, 0x11112222, 0x33334444, 0, 0), RECEIVER_REPORT_US // 2)
    assert told(receipts.frame(RECEIVER_REPORT_US, 9, 5, 0))[4:] == (0x22223333, 65_536 * 5 // 2)


def test_before_the_first_picture_a_report_is_empty() -> None:
    frame = Receipts(2, 7, 0).frame(RECEIVER_REPORT_US, None, None, 0)
    assert frame[:2] == b"$\x03"
    kind, body = next(blocks(frame[4:]))
    assert (kind, bytes(body)) == (RECEIVER_REPORT, struct.pack(">I", 7))
