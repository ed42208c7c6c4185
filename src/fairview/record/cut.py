"""Packets of one run become fragments. Pure: it holds packets and hands back values.

Source:  decision 3: a fragment ends at a key frame or after 2 s, whichever is first.
"""

from __future__ import annotations

from fairview.core.limits import FRAGMENT_BYTES_MAX, FRAGMENT_US_AIM
from fairview.core.media import Fragment, Packet, Sample, VideoFormat
from fairview.core.time import US_PER_SECOND

_DURATION_TICKS_MAX = (1 << 32) - 1


class FragmentCutter:
    """Cuts one run (one format, decoding times that increase) into fragments.

    A fragment ends before a key frame, or when one more picture of the usual length would pass
    FRAGMENT_US_AIM, or at FRAGMENT_BYTES_MAX. Key frames further apart than that are met evenly:
    after the first two, as few fragments as will do are of about one length. Every packet lands
    in exactly one fragment, in order, unchanged. Nothing is kept longer than one open fragment.
    """

    def __init__(self) -> None:
        self._open: list[Packet] = []
        self._bytes = 0
        self._key_ticks: int | None = None
        self._aim_ticks = 0
        self._room_ticks = 0
        """The latest decoding time that the open fragment has room for."""

    @property
    def is_empty(self) -> bool:
        return not self._open

    @property
    def open_bytes(self) -> int:
        """Bytes of the packets that no fragment holds yet."""
        return self._bytes

    def add(self, packet: Packet) -> tuple[Fragment, ...]:
        """Fragments that are complete with this packet: none, one, or two.

        Errors:  AssertionError when the format changes or decoding time does not increase.
        """
        done: list[Fragment] = []
        if self._open:
            last = self._open[-1]
            is_same = packet.format is last.format or packet.format == last.format
            assert is_same, "a new format begins a new run"
            assert packet.decode_ticks > last.decode_ticks, "decoding time increases in a run"
            if packet.is_key or self._is_full_before(packet):
                done.append(self._cut(packet))
        if packet.is_key:
            self._learn(packet)
        if not self._open:
            most = _most_ticks(packet.format)
            self._room_ticks = packet.decode_ticks + min(self._aim_ticks or most, most)
        self._open.append(packet)
        self._bytes += len(packet.data)
        if self._is_full_after():
            done.append(self._cut(None))
        return tuple(done)

    def flush(self) -> Fragment | None:
        """What is open, as a last fragment; None when nothing is."""
        return self._cut(None) if self._open else None

    def _learn(self, packet: Packet) -> None:
        """From how far key frames are apart, how long fragments between them are best."""
        before, self._key_ticks = self._key_ticks, packet.decode_ticks
        if before is not None and before < packet.decode_ticks:
            apart, most = packet.decode_ticks - before, _most_ticks(packet.format)
            # The length of one more picture, so that none is left over at the end.
            count = -(-apart // most)
            self._aim_ticks = -(-apart // count) + max(packet.duration_ticks, 0)

    def _is_full_before(self, packet: Packet) -> bool:
        """Whether this packet comes too late or is too large for the open fragment."""
        if self._bytes + len(packet.data) > FRAGMENT_BYTES_MAX:
            return True
        return packet.decode_ticks > self._room_ticks

    def _is_full_after(self) -> bool:
        """Whether another picture like the newest would make the fragment too long."""
        last = self._open[-1]
        step = last.duration_ticks
        if len(self._open) > 1:
            step = last.decode_ticks - self._open[-2].decode_ticks
        return step > 0 and last.decode_ticks + 2 * step > self._room_ticks

    def _cut(self, following: Packet | None) -> Fragment:
        packets, self._open, self._bytes = self._open, [], 0
        return fragment_of(packets, following)


def _most_ticks(video: VideoFormat) -> int:
    """The most ticks that last no longer than FRAGMENT_US_AIM, in whole microseconds."""
    return ((FRAGMENT_US_AIM + 1) * video.tick_denominator - 1) // (
        US_PER_SECOND * video.tick_numerator
    )


def fragment_of(packets: list[Packet], following: Packet | None = None) -> Fragment:
    """One fragment of packets in decoding order.

    It begins with its earliest presentation and lasts to the end of its latest; a packet that
    does not say how long it lasts counts until the next decoding time, `following`'s included.
    """
    assert packets, "a fragment holds at least one packet"
    video = packets[0].format
    earliest = min(packets, key=lambda packet: packet.ticks)
    end_ticks = max(
        packet.ticks + shown
        for packet, shown in zip(packets, _shown(packets, following), strict=True)
    )
    return Fragment(
        format=video,
        start_at=earliest.at,
        duration_us=max(video.us_of(end_ticks - earliest.ticks), 1),
        samples=tuple(
            Sample(
                ticks=packet.ticks,
                decode_ticks=packet.decode_ticks,
                duration_ticks=min(max(packet.duration_ticks, 0), _DURATION_TICKS_MAX),
                is_key=packet.is_key,
                data=packet.data,
            )
            for packet in packets
        ),
    )


def _shown(packets: list[Packet], following: Packet | None) -> list[int]:
    """How long each packet is shown, ticks."""
    nexts = [*(packet.decode_ticks for packet in packets[1:])]
    if following is not None:
        nexts.append(following.decode_ticks)
    steps = [later - packet.decode_ticks for packet, later in zip(packets, nexts, strict=False)]
    if len(steps) < len(packets):
        steps.append(steps[-1] if steps else 1)
    return [
        packet.duration_ticks if packet.duration_ticks > 0 else step
        for packet, step in zip(packets, steps, strict=True)
    ]
