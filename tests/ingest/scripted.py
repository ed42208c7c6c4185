"""Sources and sinks that do what a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from fairview.core.ids import CameraId, StreamName
from fairview.core.media import GapBecause, Packet
from fairview.core.time import Instant


@dataclass(slots=True)
class ListSink:
    """Keeps what it is given. fails_at: raises `fault` on taking that packet (from 0)."""

    stop: threading.Event | None = None
    stop_after: int | None = None
    fails_at: int | None = None
    fault: Exception | None = None
    packets: list[Packet] = field(default_factory=list)
    aways: list[tuple[GapBecause, Instant]] = field(default_factory=list)
    closed: int = 0

    def packet(self, packet: Packet) -> None:
        if len(self.packets) == self.fails_at and self.fault is not None:
            raise self.fault
        self.packets.append(packet)
        if self.stop is not None and len(self.packets) == self.stop_after:
            self.stop.set()

    def away(self, camera: CameraId, stream: StreamName, because: GapBecause, at: Instant) -> None:
        self.aways.append((because, at))

    def close(self) -> None:
        self.closed += 1


class ScriptedSource:
    """Gives packets, then raises (or ends, with None)."""

    def __init__(self, packets: Sequence[Packet], fault: Exception | None) -> None:
        self._packets, self._fault = packets, fault
        self.closed = 0

    def packets(self) -> Iterator[Packet]:
        yield from self._packets
        if self._fault is not None:
            raise self._fault

    def close(self) -> None:
        self.closed += 1


class Script:
    """Hands out one source after the other; the last script goes on for ever."""

    def __init__(self, *makers: Callable[[], ScriptedSource]) -> None:
        self._makers = makers
        self.made: list[ScriptedSource] = []
        self.tries = 0

    def connect(self) -> ScriptedSource:
        maker = self._makers[min(self.tries, len(self._makers) - 1)]
        self.tries += 1
        source = maker()
        self.made.append(source)
        return source
