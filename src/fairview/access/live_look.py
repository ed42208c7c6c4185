"""One viewer's live pieces: from the shared rendering, or remuxed from the camera's own packets."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import Protocol

from fairview.access.door import LiveChunk
from fairview.core.ids import CameraId, StreamName
from fairview.core.media import Codec, Packet, Sample, VideoFormat
from fairview.core.sight import Sight
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.record.fmp4 import decode_ticks_at, init_segment, media_fragment, mse_codec
from fairview.record.live import LivePackets
from fairview.record.nal import completed

_LEAD_US = US_PER_SECOND
"""With B-frames decoding begins before the first picture; nothing may begin before zero."""


class LiveSubscription(Protocol):
    """A stream's live packets: record.live's Subscription, or the same across a socket."""

    def __iter__(self) -> Iterator[LivePackets]: ...

    def close(self) -> None:
        """End it, from any thread; safe to repeat."""
        ...


LiveConnector = Callable[[CameraId, StreamName], LiveSubscription]
"""Errors, also while iterating: NotFound, Overloaded, Unavailable when the recorder is away."""


class LiveLook(Iterator[LiveChunk]):
    """Iterate in one thread; `close` from any. Ends with its look, not a piece later."""

    def __init__(
        self,
        pieces: Generator[LiveChunk, None, None] | Iterator[LiveChunk],
        *,
        goes_on: Callable[[], bool],
        note: Callable[[Span, int], None],
        let_go: Callable[[], None],
    ) -> None:
        """note hears of each piece before it leaves; let_go wakes whoever waits for packets."""
        self._pieces = pieces
        self._goes_on = goes_on
        self._note = note
        self._let_go = let_go
        self._is_closed = threading.Event()
        self._read_until: Instant | None = None

    def __iter__(self) -> LiveLook:
        return self

    def __next__(self) -> LiveChunk:
        if self._is_over():
            self.close()
            raise StopIteration
        try:
            piece = next(self._pieces)
        except StopIteration:
            self.close()
            raise
        if self._is_over():
            self.close()
            raise StopIteration
        start = self._read_until or piece.at
        end = max(piece.at.plus(1), start.plus(1))
        if piece.at.since(start) > 5 * US_PER_SECOND:
            # Nothing was shown in between: the camera was away, or the viewer too slow.
            start = piece.at
        self._note(Span(start=start, end=max(end, start.plus(1))), len(piece.data))
        self._read_until = end
        return piece

    def close(self) -> None:
        """Safe to repeat."""
        if self._is_closed.is_set():
            return
        self._is_closed.set()
        self._let_go()
        if isinstance(self._pieces, Generator):
            # While another thread is inside it, it ends by itself at its next question.
            with contextlib.suppress(ValueError):
                self._pieces.close()

    def _is_over(self) -> bool:
        return self._is_closed.is_set() or not self._goes_on()


class SightSubscription(Protocol):
    """A camera's sights: analyse.sights' subscription, or the same across a socket."""

    def __iter__(self) -> Iterator[Sight]: ...

    def close(self) -> None:
        """End it, from any thread; safe to repeat."""
        ...


SightConnector = Callable[[CameraId], SightSubscription]
"""Errors, also while iterating: NotFound, Overloaded, Unavailable when nothing is analysed."""


class SightLook(Iterator[Sight]):
    """Iterate in one thread; `close` from any. Ends with its look."""

    def __init__(self, subscription: SightSubscription, goes_on: Callable[[], bool]) -> None:
        self._subscription = subscription
        self._sights = iter(subscription)
        self._goes_on = goes_on

    def __iter__(self) -> SightLook:
        return self

    def __next__(self) -> Sight:
        sight = next(self._sights)
        if not self._goes_on():
            self.close()
            raise StopIteration
        return sight

    def close(self) -> None:
        """Safe to repeat."""
        self._subscription.close()


def packets_of(subscription: LiveSubscription) -> Generator[Packet, None, None]:
    """Packets one by one; the subscription ends with the generator."""
    with closing(subscription):
        for taken in subscription:
            yield from taken.packets


def played_pieces(
    subscription: LiveSubscription,
    plays: Collection[Codec],
    rendered: Callable[[], Iterator[LiveChunk]],
) -> Generator[LiveChunk, None, None]:
    """The camera's own packets where the viewer plays their codec; else what `rendered` makes.

    Ends when the camera changes to a codec that the viewer does not play: asked again, it is
    encoded anew. Errors: what the subscription or `rendered` raises.
    """
    with closing(subscription):
        packets = iter(subscription)
        first = next(packets, None)
        if first is None:
            return
        if first.packets[0].format.codec in plays:
            yield from _own_pieces(chain((first,), packets), plays)
            return
    yield from rendered()


def _own_pieces(
    subscription: Iterable[LivePackets], plays: Collection[Codec]
) -> Generator[LiveChunk, None, None]:
    """Packets as fragmented MP4, bit for bit, each a picture behind.

    A piece is made when the next packet is there, so that its duration is exact.
    """
    muxer: _Muxer | None = None
    origin: Instant | None = None
    for taken in subscription:
        origin = origin or taken.packets[0].at
        if muxer is not None and not taken.is_start:
            yield from muxer.add(taken.packets, taken.dropped)
            continue
        sequence = 0 if muxer is None else muxer.sequence
        first = taken.packets[0]
        if first.format.codec not in plays:
            return
        muxer = _Muxer(completed(first.format, first.data), origin, sequence)
        yield LiveChunk(
            is_init=True,
            codec=mse_codec(muxer.format),
            cover="uncovered",
            at=first.at,
            dropped=0,
            data=init_segment(muxer.format),
        )
        yield from muxer.add(taken.packets, taken.dropped)


class _Muxer:
    """Packets of one run, on the viewer's time line."""

    def __init__(self, video: VideoFormat, origin: Instant, sequence: int) -> None:
        self.format = video
        self.sequence = sequence
        self._origin = origin
        self._shift: int | None = None
        self._waiting: list[Packet] = []

    def add(self, packets: tuple[Packet, ...], dropped: int) -> Iterator[LiveChunk]:
        """Everything up to the packet before the newest one."""
        self._waiting += packets
        if len(self._waiting) < 2:
            return
        *ready, newest = self._waiting
        self._waiting = [newest]
        samples = [_sample(packet) for packet in ready]
        if self._shift is None:
            shown_us = max(0, ready[0].at.since(self._origin)) + _LEAD_US
            place = decode_ticks_at(self.format, samples, shown_us)
            self._shift = place - samples[0].decode_ticks
        self.sequence += 1
        yield LiveChunk(
            is_init=False,
            codec="",
            cover="uncovered",
            at=ready[0].at,
            dropped=dropped,
            data=media_fragment(
                self.format,
                samples,
                sequence=self.sequence,
                first_decode_ticks=max(0, samples[0].decode_ticks + self._shift),
                next_decode_ticks=newest.decode_ticks,
            ),
        )


def _sample(packet: Packet) -> Sample:
    return Sample(
        ticks=packet.ticks,
        decode_ticks=packet.decode_ticks,
        duration_ticks=packet.duration_ticks,
        is_key=packet.is_key,
        data=packet.data,
    )
