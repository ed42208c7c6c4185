"""What sender and receiver tell each other beside the pictures. Pure.

Source:  RFC 3550 6.4.1 (sender report), 6.4.2 (receiver report), 6.5 (source description),
6.6 (goodbye), A.3 and A.8 (loss and jitter); RFC 5905 6 (NTP time, which wraps in 2036).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from fairview.core.time import US_PER_SECOND

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION, GOODBYE = 200, 201, 202, 203
_NTP_TO_UNIX_S = 2_208_988_800
_NTP_ERA_S = 1 << 32
_REPORT = struct.Struct(">IIIII")


class SenderReport(NamedTuple):
    """A moment on the camera's two clocks. wall_us: since 1970, None when it says it knows none.

    ntp_middle: the middle 32 bits of its NTP time, as receiver reports repeat them.
    """

    source: int
    ticks: int
    wall_us: int | None
    ntp_middle: int


class Sent(NamedTuple):
    """A sender report as it came. ticks: of its moment, without wraps, as pictures count them."""

    body: bytes
    ticks: int


def blocks(data: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    """The reports of one compound packet: kind and body behind its four bytes of head.

    What is no RTCP ends it.
    """
    view = memoryview(data)
    at = 0
    while at + 4 <= len(view) and view[at] >> 6 == 2:
        after = at + 4 + 4 * (view[at + 2] << 8 | view[at + 3])
        if after > len(view):
            return
        yield view[at + 1], view[at + 4 : after]
        at = after


def sender_report(body: memoryview | bytes, near_us: int) -> SenderReport | None:
    """Read a sender report's body; None when it is too short.

    near_us: about now (since 1970): of NTP's eras of 136 years the nearest is meant, so that the
    wrap of 2036 is none. A camera that thinks it is 1970 says so: nothing is mended.
    """
    if len(body) < _REPORT.size:
        return None
    source, seconds, fraction, ticks, _ = _REPORT.unpack_from(body)
    middle = (seconds & 0xFFFF) << 16 | fraction >> 16
    if seconds == 0 and fraction == 0:
        return SenderReport(source, ticks, None, middle)
    era_us = _NTP_ERA_S * US_PER_SECOND
    us = (seconds - _NTP_TO_UNIX_S) * US_PER_SECOND + (fraction * US_PER_SECOND >> 32)
    while us + era_us // 2 < near_us:
        us += era_us
    return SenderReport(source, ticks, us, middle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a receiver report says. fraction_lost in 256ths since the last one.

    since_report: how long ago the sender's last report came, in 65,536ths of a second.
    """

    about: int
    fraction_lost: int
    lost: int
    highest: int
    last_report: int
    since_report: int


def receiver_report(own: int, name: bytes, received: Received | None) -> bytes:
    """A compound packet: our report, and a source description, which the standard wants.

    own: our synchronisation source. name: at most 255 bytes, nobody's real one. Jitter is told as
    none: datagrams are read several at once, so that it is not known.
    """
    report = struct.pack(">BBHI", 0x80, RECEIVER_REPORT, 1, own)
    if received is not None:
        report = struct.pack(">BBHI", 0x81, RECEIVER_REPORT, 7, own) + struct.pack(
            ">IIIIII",
            received.about,
            received.fraction_lost << 24 | max(-0x800000, min(received.lost, 0x7FFFFF)) & 0xFFFFFF,
            received.highest,
            0,
            received.last_report,
            received.since_report,
        )
    item = struct.pack(">IBB", own, 1, len(name)) + name
    item += bytes(4 - len(item) % 4)
    return report + struct.pack(">BBH", 0x81, DESCRIPTION, len(item) // 4) + item


def goodbye(own: int) -> bytes:
    """Our leave-taking, behind an empty report."""
    empty = struct.pack(">BBHI", 0x80, RECEIVER_REPORT, 1, own)
    return empty + struct.pack(">BBHI", 0x81, GOODBYE, 1, own)
