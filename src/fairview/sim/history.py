"""Footage of the past for a demonstration: the loop as it would have been recorded then."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from fairview.core.errors import BadInput
from fairview.core.flow import PacketSource
from fairview.core.ids import CameraId, StreamName
from fairview.core.media import Packet
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, Instant, ManualClock, Span
from fairview.sim.junction import LOOP_FRAMES
from fairview.sim.loop import Loop
from fairview.sim.source import frame_at, loop_packet, next_key_frame

WINDOW_US = 3 * US_PER_MINUTE
WINDOWS_MAX = 24


def history_spans(
    now: Instant, *, count: int = 3, each_us: int = WINDOW_US, within_us: int = 3 * US_PER_HOUR
) -> tuple[Span, ...]:
    """Windows spread over the time before `now`, oldest first, on whole seconds, none touching.

    Errors:  BadInput when they don't fit with room between them.
    """
    if not 1 <= count <= WINDOWS_MAX or each_us < US_PER_SECOND:
        raise BadInput(f"history is 1 to {WINDOWS_MAX} windows of at least a second")
    pitch_us = within_us // count
    if each_us * 5 > pitch_us * 4:
        raise BadInput("history's windows don't fit into their time; ask for fewer or shorter ones")
    spans = []
    for index in range(count):
        middle_us = now.us - within_us + index * pitch_us + pitch_us // 2
        start_us = (middle_us - each_us // 2) // US_PER_SECOND * US_PER_SECOND
        length_us = each_us // US_PER_SECOND * US_PER_SECOND
        spans.append(Span(start=Instant(start_us), end=Instant(start_us + length_us)))
    return tuple(spans)


class HistorySource(PacketSource):
    """One past window of a simulated camera, given as fast as it is read, then it ends.

    clock: a ManualClock to move along, so that what reads it lives in that time; None for none.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        camera: CameraId,
        stream: StreamName,
        span: Span,
        clock: ManualClock | None = None,
    ) -> None:
        self._loop = loop
        self._camera = camera
        self._stream = stream
        self._span = span
        self._clock = clock
        self._closed = threading.Event()

    def packets(self) -> Iterator[Packet]:
        """The window's packets, from its first key frame on."""
        first = next_key_frame(self._span.start)
        number = first
        while frame_at(number) < self._span.end and not self._closed.is_set():
            coded = self._loop.coded(self._stream, number % LOOP_FRAMES)
            packet = loop_packet(
                coded, camera=self._camera, stream=self._stream, number=number, first=first
            )
            if self._clock is not None:
                self._clock.advance(max(packet.at.since(self._clock.now()), 0))
            yield packet
            number += 1

    def close(self) -> None:
        self._closed.set()
