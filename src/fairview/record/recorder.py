"""Records one stream: packets in, whole fragments on to their disk, gaps where nothing comes."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import structlog

from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import SEGMENT_US, SEGMENT_US_MAX
from fairview.core.limits_disks import WRITE_CLOSE_US_MAX
from fairview.core.media import EndedBecause, GapBecause, Packet
from fairview.core.time import Instant
from fairview.record.continuity import Newest, first, following
from fairview.record.cut import FragmentCutter
from fairview.record.keyring import Keyring
from fairview.record.live import LiveTap
from fairview.record.stores import Stores
from fairview.record.stream_writer import StreamWriter, Written
from fairview.record.write_queue import Begins, Closes, Ends, Hole, Pauses

__all__ = ["Figures", "Stores", "StreamRecorder"]


@dataclass(slots=True, kw_only=True)
class Figures:
    """What one stream's recorder has done since it was made.

    packets_unkept: packets that were never handed on, as they came before the first key frame.
    """

    written: Written
    packets: int = 0
    packets_unkept: int = 0
    received_bytes: int = 0

    @property
    def packets_skipped(self) -> int:
        """Packets that no fragment holds: before a key frame, or while the disk failed."""
        return self.packets_unkept + self.written.packets_lost

    @property
    def written_bytes(self) -> int:
        return self.written.bytes

    @property
    def fragments(self) -> int:
        return self.written.fragments

    @property
    def segments(self) -> int:
        return self.written.segments

    @property
    def failures(self) -> int:
        return self.written.failures

    @property
    def stored_until(self) -> Instant | None:
        """Everything acknowledged as stored ends here; None before."""
        return self.written.stored_until


class StreamRecorder:
    """Takes one stream's packets and keeps them. A PacketSink, for one session's thread.

    A run begins at a key frame. Its packets become fragments, which go to the stream's writer as
    a whole; nothing here waits for a disk. What a disk does not take within limits_disks'
    bounds is dropped, oldest first, and is a gap.

    Source:  decisions 3, 4, 5 and 15; invariants 2 and 4.
    """

    def __init__(
        self,
        *,
        camera: CameraId,
        stream: StreamName,
        stores: Stores,
        keyring: Keyring,
        live: LiveTap | None = None,
    ) -> None:
        self._camera = camera
        self._stream = stream
        self._clock = stores.clock
        self._live = live
        self._writer = StreamWriter(camera, stream, stores, keyring)
        self._lane = stores.lanes.lane(self._writer.take)
        self._lock = threading.Lock()
        self._cutter = FragmentCutter()
        self._newest: Newest | None = None
        self._segment_at = Instant(0)
        self._is_closed = False
        self._log = structlog.get_logger(__name__).bind(camera=camera, stream=stream)
        self.figures = Figures(written=self._writer.written)

    def packet(self, packet: Packet) -> None:
        """Take one packet; it is stored when `figures.stored_until` has passed it."""
        assert packet.camera == self._camera, packet.camera
        assert packet.stream == self._stream, packet.stream
        if self._live is not None:
            self._live.packet(packet)
        with self._lock:
            if self._is_closed:
                return
            self.figures.packets += 1
            self.figures.received_bytes += len(packet.data)
            if self._newest is not None:
                self._follow(packet, self._newest)
            if self._newest is not None:
                self._newest = self._newest.then(packet)
            elif packet.is_key:
                self._begin(packet)
            else:
                self.figures.packets_unkept += 1
                return
            for fragment in self._cutter.add(packet):
                self._lane.put(fragment)

    def away(self, camera: CameraId, stream: StreamName, because: GapBecause, at: Instant) -> None:
        """The stream went away: end the run, and a gap begins behind its last picture."""
        assert (camera, stream) == (self._camera, self._stream)
        if self._live is not None:
            self._live.away(camera, stream, because, at)
        with self._lock:
            if not self._is_closed:
                lasted = max(at, self._clock.now())
                self._pause(EndedBecause.CAMERA_AWAY, because, lasted, is_away=True)

    def rest(self, because: GapBecause, at: Instant) -> None:
        """Nothing is to be kept from here on, though the camera is there: end the run and begin
        a gap, which reaches to `at`. The next key frame that is handed over begins a new run.

        To be repeated now and then while it lasts, so that the gap's row grows. at: a moment not
        before the end of the packets handed over.
        """
        with self._lock:
            if not self._is_closed:
                self._pause(EndedBecause.STOPPED, because, at, is_away=False)

    def close(self) -> None:
        """End the run as stopped, durably; safe to repeat.

        Bounds:  a disk that does not take the end within limits_disks.WRITE_CLOSE_US_MAX is
        left, as after a crash.
        """
        if self._live is not None:
            self._live.close()
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._flush()
            self._lane.put(Closes(self._clock.now()))
        if not self._lane.wait(WRITE_CLOSE_US_MAX):
            self._log.error("the disk does not answer, a segment is left to the next start")

    def settle(self, us: int) -> bool:
        """Until every fragment handed over so far is written, or the time is over; whether it
        is."""
        return self._lane.wait(us)

    # One packet after the other: does it continue, and in which segment?

    def _follow(self, packet: Packet, newest: Newest) -> None:
        """End the run, or its segment, when this packet does not belong in it."""
        how = following(newest, packet)
        if how == "new_format":
            self._end_run(EndedBecause.FORMAT_CHANGED, GapBecause.LOST_PACKETS)
        elif how == "clock_jump":
            self._end_run(EndedBecause.CLOCK_JUMP, GapBecause.CLOCK_JUMP)
        else:
            if how == "lost_packets":
                self._flush()
                self._lane.put(Hole(packet.at, GapBecause.LOST_PACKETS))
            self._turn(packet)

    def _turn(self, packet: Packet) -> None:
        """End the segment before this packet when it is long enough."""
        start = self._segment_at
        if packet.is_key and (
            packet.at.since(start) >= SEGMENT_US or packet.at.hour() != start.hour()
        ):
            self._flush()
            self._lane.put(Ends(EndedBecause.ROTATED, None))
            self._lane.put(Begins(packet))
            self._segment_at = packet.at
        elif packet.at.since(start) >= SEGMENT_US_MAX:
            self._log.warning("no key frame for too long, waiting for one")
            self._end_run(EndedBecause.ROTATED, GapBecause.LOST_PACKETS)

    def _begin(self, packet: Packet) -> None:
        """Begin a run with this key frame."""
        self._newest = first(packet)
        self._segment_at = packet.at
        self._lane.put(Begins(packet))

    def _end_run(self, because: EndedBecause, gap: GapBecause) -> None:
        self._flush()
        self._newest = None
        self._lane.put(Ends(because, gap))

    def _pause(
        self, ended: EndedBecause, because: GapBecause, at: Instant, *, is_away: bool
    ) -> None:
        self._flush()
        self._newest = None
        self._lane.put(Pauses(ended, because, at, is_away))

    def _flush(self) -> None:
        last = self._cutter.flush()
        if last is not None:
            self._lane.put(last)
