"""Receiver reports within the connection: some cameras end a session that sends none. Pure.

Source:  RFC 3550 6.4.2, RFC 2326 10.12 (they go on the channel after the pictures').
"""

from __future__ import annotations

import struct

from fairview.core.limits_sources import RECEIVER_REPORT_US
from fairview.ingest.lean.rtcp import Received, receiver_report

_NAME = b"fairview"
_HEAD = struct.Struct(">BBH")
_DOLLAR = 0x24


class Receipts:
    """When the next report is due, and what it says. own: our synchronisation source."""

    def __init__(self, channel: int, own: int, now_us: int) -> None:
        self._channel, self._own = channel ^ 1, own
        self._due_us = now_us + RECEIVER_REPORT_US
        self._highest = self._wraps = 0
        self._lost = 0
        self._sender_middle = self._sender_us = 0

    def heard(self, body: bytes, now_us: int) -> None:
        """A sender report came; the next ones of ours repeat its time."""
        self._sender_middle, self._sender_us = int.from_bytes(body[6:10], "big"), now_us

    def frame(self, now_us: int, source: int | None, following: int | None, lost: int) -> bytes:
        """A frame to send; empty when none is due.

        source, following: of the pictures, and the sequence number expected next; None unknown.
        lost: packets missed so far.
        """
        if now_us < self._due_us:
            return b""
        self._due_us = now_us + RECEIVER_REPORT_US
        received = None
        if source is not None and following is not None:
            received = self._received(now_us, source, (following - 1) & 0xFFFF, lost)
        report = receiver_report(self._own, _NAME, received)
        return _HEAD.pack(_DOLLAR, self._channel, len(report)) + report

    def _received(self, now_us: int, source: int, highest: int, lost: int) -> Received:
        self._wraps += highest < self._highest
        before = self._highest
        self._highest = highest
        missed, self._lost = lost - self._lost, lost
        expected = max((highest - before) & 0xFFFF, missed, 1)
        since_us = now_us - self._sender_us if self._sender_us else 0
        return Received(
            about=source,
            fraction_lost=min(255, 256 * missed // expected),
            lost=lost,
            highest=(self._wraps & 0xFFFF) << 16 | highest,
            last_report=self._sender_middle,
            since_report=(since_us << 16) // 1_000_000 & 0xFFFFFFFF,
        )
