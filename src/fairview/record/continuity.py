"""Whether a packet continues the run before it. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple

from fairview.core.limits import CLOCK_JUMP_US_MIN, HOLE_US_MIN
from fairview.core.media import Packet

Following = Literal["continues", "new_format", "clock_jump", "lost_packets"]


class Newest(NamedTuple):
    """What a run's newest packet leaves behind. step_ticks: the usual decoding step, 0 unknown."""

    packet: Packet
    step_ticks: int

    def then(self, packet: Packet) -> Newest:
        """The newest after one more packet."""
        return Newest(packet, packet.decode_ticks - self.packet.decode_ticks)


def first(packet: Packet) -> Newest:
    """The newest of a run that begins."""
    return Newest(packet=packet, step_ticks=max(packet.duration_ticks, 0))


def following(newest: Newest, packet: Packet) -> Following:
    """How a packet follows its run.

    clock_jump: the wall clock moved by more than a second against the camera's clock, or the
    camera's clock stepped back. lost_packets: camera and wall clock agree that more than a
    second is missing, or the source knows that something is; the run goes on behind a gap.

    Bounds:  a stream slower than one picture in two seconds shows one hole, at its beginning.
    """
    before = newest.packet
    if packet.format is not before.format and packet.format != before.format:
        return "new_format"
    if packet.decode_ticks <= before.decode_ticks:
        return "clock_jump"
    video = packet.format
    passed_us = video.us_of(packet.ticks - before.ticks)
    if abs(packet.at.us - before.at.us - passed_us) > CLOCK_JUMP_US_MIN:
        return "clock_jump"
    if packet.is_after_loss:
        return "lost_packets"
    usual = max(newest.step_ticks, before.duration_ticks)
    missing = packet.decode_ticks - before.decode_ticks - usual
    if missing > 0 and video.us_of(missing) > HOLE_US_MIN:
        return "lost_packets"
    return "continues"
