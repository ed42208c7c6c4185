"""How packets move from a source to whoever keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from fairview.core.errors import Unavailable
from fairview.core.ids import CameraId, StreamName
from fairview.core.media import GapBecause, Packet
from fairview.core.time import Instant


class PacketSource(Protocol):
    """One connection to one stream. Made fresh for every try; used by one thread."""

    def packets(self) -> Iterator[Packet]:
        """Packets in decoding order, as they come; ends when the source ends.

        Errors:  Unavailable when the source is away, silent or breaks off; BadInput when it
        can never work (no video, a codec we don't keep).
        """
        ...

    def close(self) -> None:
        """Let go of the connection, also from another thread; safe to repeat."""
        ...


class PacketSink(Protocol):
    """Who takes a stream's packets: the recorder, in tests a list."""

    def packet(self, packet: Packet) -> None:
        """Take one packet. Never waits for a viewer or an analyser."""
        ...

    def away(self, camera: CameraId, stream: StreamName, because: GapBecause, at: Instant) -> None:
        """The stream went away at `at`; called again while it stays away. Ends the run."""
        ...

    def close(self) -> None:
        """No more packets will come: end the run as stopped, durably."""
        ...


class StreamLost(Unavailable):
    """A stream broke off for a cause the source knows; `because` goes into the gap."""

    def __init__(self, message: str, because: GapBecause) -> None:
        super().__init__(message)
        self.because = because
