"""The lean reader as a source: one connection, emptied some times a second.

A camera sends some 400 packets a second. Here the thread sleeps, then takes everything the
connection holds in one call, so that most of the work is done some ten times a second, in C.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import structlog

from fairview.core import limits
from fairview.core.camera import Login, Source
from fairview.core.clock_offset import ClockOffset
from fairview.core.errors import FairviewError
from fairview.core.flow import PacketSource
from fairview.core.ids import CameraId
from fairview.core.media import Packet
from fairview.core.time import Clock
from fairview.ingest.address import AddressRules, endpoint, shown
from fairview.ingest.lean.client import Client, Playing
from fairview.ingest.lean.datagrams import DatagramReader
from fairview.ingest.lean.reader import Reader
from fairview.ingest.lean.rtcp import sender_report
from fairview.ingest.lean.unsuited import Unsuited
from fairview.ingest.live_run import LiveRun, Unit


class LeanSource:
    """One RTSP connection to one H.264 or H.265 stream; opened by the first `next`.

    Its pictures come as `source.transport` says; auto: over TCP, and over UDP only from a camera
    that refuses TCP.

    Bounds:  limits.SOURCE_READ_US_MAX without an access unit, and it is silent; the memory of one
    access unit (LEAN_UNIT_BYTES_MAX) and one frame (64 KiB).
    """

    def __init__(
        self,
        *,
        camera: CameraId,
        source: Source,
        login: Login | None,
        rules: AddressRules,
        clock: Clock,
    ) -> None:
        self._camera, self._source, self._login = camera, source, login
        self._rules, self._clock = rules, clock
        self._closed = threading.Event()
        self._reader: Reader | None = None
        self._run = LiveRun(camera, source.stream, shown(source.address))
        self._fault: FairviewError | None = None
        self._left = 0
        self._is_patient = False

    def packets(self) -> Iterator[Packet]:
        """As PacketSource says.

        Errors:  as RtspSource; Unsuited before the first packet when FFmpeg should try.
        """
        name = shown(self._source.address)
        place = endpoint(self._source.address, self._rules)
        client = Client(place, self._login, name, self._clock, self._source.transport, self._rules)
        playing: Playing | None = None
        try:
            playing = client.play()
            self._is_patient = playing.pair is None
            kind = Reader if playing.pair is None else DatagramReader
            reader = self._reader = kind(client, playing, name, self._clock)
            while not self._closed.is_set():
                packets = self.look()
                self._left = len(packets)
                for packet in packets:
                    self._left -= 1
                    yield packet
                if reader.wait_us and self._clock.wait(self._closed, reader.wait_us):
                    return
        finally:
            self._reader = None
            client.close(playing)

    @property
    def is_steady(self) -> bool:
        """Whether looks from time to time will do, and `packets` holds nothing back."""
        return self._reader is not None and not self._reader.is_eager and self._left == 0

    @property
    def is_patient(self) -> bool:
        """Whether what was sent waits: over TCP. Datagrams are dropped when they are not taken."""
        return self._is_patient

    def look(self) -> list[Packet]:
        """Take what has come since the last look. For one thread at a time, while steady.

        Errors:  as `packets`, at the look after the last packets were given out.
        """
        assert self._reader is not None, "looks are for a stream that plays"
        packets: list[Packet] = []
        if self._fault is None:
            try:
                for unit in self._units(self._reader):
                    packets.extend(self._run.taken(unit))
                    if self._run.fault is not None:
                        break
                self._hear(self._reader)
            except FairviewError as error:
                self._fault = error
            self._fault = self._run.fault or self._fault or self._reader.fault
            if self._fault is not None:
                packets.extend(self._run.rest())
        if self._fault is not None and not packets:
            raise self._fault
        return packets

    def close(self) -> None:
        self._closed.set()

    @property
    def clock_offset(self) -> ClockOffset | None:
        """How the camera's clock stands against ours; None before its first pictures."""
        return self._run.clock_offset

    def _hear(self, reader: Reader) -> None:
        """What the camera says of its clock."""
        for sent in reader.reports():
            now = self._clock.now()
            found = sender_report(sent.body, now.us)
            if found is not None:
                self._run.reported(sent.ticks, found.wall_us, now)

    def _units(self, reader: Reader) -> Iterator[Unit]:
        for _ in range(limits.LEAN_LOOKS_IN_ROW_MAX):
            yield from reader.look()
            if reader.is_eager or reader.wait_us or reader.fault is not None:
                break


class LeanFirst:
    """The lean reader; where it is unsuited, another source in its place. A PacketSource."""

    def __init__(self, lean: LeanSource, other: Callable[[], PacketSource], name: str) -> None:
        """other: made when it is needed. name: what the log calls the stream."""
        self._lean, self._make_other, self._name = lean, other, name
        self._other: PacketSource | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def packets(self) -> Iterator[Packet]:
        """As PacketSource says."""
        unsuited: str | None = None
        try:
            yield from self._lean.packets()
        except Unsuited as error:
            unsuited = str(error)
        if unsuited is None:
            return
        structlog.get_logger().info("read by FFmpeg", source=self._name, because=unsuited)
        with self._lock:
            if self._is_closed:
                return
            other = self._other = self._make_other()
        yield from other.packets()

    @property
    def is_steady(self) -> bool:
        return self._lean.is_steady

    @property
    def clock_offset(self) -> ClockOffset | None:
        return self._lean.clock_offset

    @property
    def is_patient(self) -> bool:
        return self._lean.is_patient

    def look(self) -> list[Packet]:
        return self._lean.look()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._other is not None:
                self._other.close()
        self._lean.close()
