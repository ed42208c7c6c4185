"""Records one stream: packets in, sealed durable fragments out, and gaps where there are none."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.errors import FairviewError, Unavailable
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import (
    DISK_FREE_BYTES_MIN,
    DISK_RETRY_US_FIRST,
    DISK_RETRY_US_MAX,
    OPEN_ROW_US,
    SEGMENT_US,
    SEGMENT_US_MAX,
    SEGMENTS_BROKEN_MAX,
)
from fairview.core.media import EndedBecause, Fragment, GapBecause, Packet, Segment
from fairview.core.time import Clock, Instant
from fairview.record.continuity import Newest, first, following
from fairview.record.cut import FragmentCutter
from fairview.record.gaps import StreamGaps
from fairview.record.keyring import Keyring
from fairview.record.live import LiveTap
from fairview.record.rows import RowQueue
from fairview.record.segment_writer import SegmentWriter, mended
from fairview.store.contracts import Blobs, EventSaved, SegmentSaved, SegmentsRemoved


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What the streams of one recorder share."""

    blobs: Blobs
    rows: RowQueue
    signer: Ed25519PrivateKey
    clock: Clock


@dataclass(slots=True, kw_only=True)
class Figures:
    """What one stream's recorder has done since it was made.

    packets_skipped: packets that no fragment holds (before the first key frame, or while the
    disk failed). stored_until: everything acknowledged as stored ends here; None before.
    """

    packets: int = 0
    packets_skipped: int = 0
    received_bytes: int = 0
    written_bytes: int = 0
    fragments: int = 0
    segments: int = 0
    failures: int = 0
    stored_until: Instant | None = None


class StreamRecorder:
    """Takes one stream's packets and keeps them. A PacketSink, for one session's thread.

    A run begins at a key frame. Its fragments are sealed, appended and synced one by one, and a
    packet is stored when its fragment is. A disk that fails ends the run; the stream goes on
    trying with growing waits, without holding up the session or any other stream. The
    catalogue is never waited for.

    Source:  decisions 3, 4, 5 and 15; invariants 2 and 4.
    HOLE:    a disk that is slow without failing holds up this stream's session for as long as one
             sync takes; the connection's buffers bear some seconds of that, then the camera drops
             packets, which shows as a gap. Other streams only share the disk.
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
        self._stores = stores
        self._keyring = keyring
        self._live = live
        self._gaps = StreamGaps(camera, stream, stores.rows)
        self._lock = threading.Lock()
        self._run: SegmentWriter | None = None
        self._cutter = FragmentCutter()
        self._newest: Newest | None = None
        self._row_until = Instant(0)
        self._broken: list[Segment] = []
        self._retry_us = 0
        self._wait_us = DISK_RETRY_US_FIRST
        self._is_failing = False
        self._is_away = False
        self._is_closed = False
        self._log = structlog.get_logger(__name__).bind(camera=camera, stream=stream)
        self.figures = Figures()

    def packet(self, packet: Packet) -> None:
        """Take one packet; returns when it is kept in memory, or its fragment is durable."""
        assert packet.camera == self._camera, packet.camera
        assert packet.stream == self._stream, packet.stream
        if self._live is not None:
            self._live.packet(packet)
        with self._lock:
            if self._is_closed:
                return
            self.figures.packets += 1
            self.figures.received_bytes += len(packet.data)
            if self._run is not None:
                self._follow(packet)
            if self._run is None and not self._begin(packet):
                self.figures.packets_skipped += 1
                return
            self._newest = self._newest.then(packet) if self._newest else first(packet)
            self._write(self._cutter.add(packet))

    def away(self, camera: CameraId, stream: StreamName, because: GapBecause, at: Instant) -> None:
        """The stream went away: end the run, and a gap begins behind its last picture."""
        assert (camera, stream) == (self._camera, self._stream)
        if self._live is not None:
            self._live.away(camera, stream, because, at)
        with self._lock:
            if self._is_closed:
                return
            self._end_run(EndedBecause.CAMERA_AWAY, because)
            self._gaps.lasts(max(at, self._stores.clock.now()))
            if not self._is_away:
                self._is_away = True
                self._tell("camera_away", f"{stream} stream: {because.value.replace('_', ' ')}")

    def close(self) -> None:
        """End the run as stopped, durably; safe to repeat."""
        if self._live is not None:
            self._live.close()
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._end_run(EndedBecause.STOPPED, GapBecause.STOPPED)
            self._mend()
            if self._gaps.is_open:
                self._gaps.lasts(self._stores.clock.now())

    # One packet after the other: does it continue, and in which segment?

    def _follow(self, packet: Packet) -> None:
        """End the run, or its segment, when this packet does not belong in it."""
        assert self._run is not None
        assert self._newest is not None
        how = following(self._newest, packet)
        if how == "new_format":
            self._end_run(EndedBecause.FORMAT_CHANGED, GapBecause.LOST_PACKETS)
        elif how == "clock_jump":
            self._end_run(EndedBecause.CLOCK_JUMP, GapBecause.CLOCK_JUMP)
        elif how == "lost_packets":
            self._flush()
            if self._run is not None:
                self._gaps.hole(self._run.row.span.end, packet.at, GapBecause.LOST_PACKETS)
        self._turn(packet)

    def _turn(self, packet: Packet) -> None:
        """End the segment before this packet when it is long enough."""
        if self._run is None:
            return
        start = self._run.row.span.start
        if packet.is_key and (
            packet.at.since(start) >= SEGMENT_US or packet.at.hour() != start.hour()
        ):
            self._rotate(packet)
        elif packet.at.since(start) >= SEGMENT_US_MAX:
            self._log.warning("no key frame for too long, waiting for one")
            self._end_run(EndedBecause.ROTATED, GapBecause.LOST_PACKETS)

    def _begin(self, packet: Packet) -> bool:
        """Begin a run with this packet, when it is a key frame and the disk may be tried."""
        if not packet.is_key or self._stores.clock.monotonic_us() < self._retry_us:
            return False
        if not self._open(packet):
            return False
        self._gaps.resume(packet.at)
        if self._is_away:
            self._is_away = False
            self._tell("camera_back", f"{self._stream} stream: recorded again")
        return True

    def _rotate(self, packet: Packet) -> None:
        """The next segment of the same run."""
        newest = self._newest
        if self._end_run(EndedBecause.ROTATED, None) and self._open(packet):
            self._newest = newest

    def _open(self, packet: Packet) -> bool:
        """A new segment, its header durable."""
        try:
            self._run = SegmentWriter(
                blobs=self._stores.blobs,
                pair=self._keyring.pick(packet.at),
                signer=self._stores.signer,
                first=packet,
                created_at=self._stores.clock.now(),
            )
        except FairviewError as error:
            self._fail(error, packet.at)
            return False
        self._newest = None
        self._row_until = self._run.row.span.start
        self.figures.segments += 1
        self.figures.written_bytes += self._run.row.size_bytes
        self._stores.rows.put(SegmentSaved(segment=self._run.row))
        return True

    def _flush(self) -> None:
        last = self._cutter.flush()
        if last is not None:
            self._write((last,))

    def _write(self, fragments: tuple[Fragment, ...]) -> None:
        """Seal, append and sync; a failure ends the run and loses what was not stored."""
        for fragment in fragments:
            run = self._run
            if run is None:
                self.figures.packets_skipped += len(fragment.samples)
                continue
            before = run.row.size_bytes
            try:
                run.write(fragment)
            except FairviewError as error:
                self.figures.packets_skipped += len(fragment.samples)
                self._fail(error, fragment.start_at)
                continue
            self.figures.fragments += 1
            self.figures.written_bytes += run.row.size_bytes - before
            self.figures.stored_until = run.row.span.end
            self._keep_row(run.row)
            if self._is_failing or self._broken:
                self._recover()

    def _keep_row(self, row: Segment) -> None:
        """Let the row of the open segment follow now and then, so that what is new is found."""
        if row.span.end.since(self._row_until) >= OPEN_ROW_US:
            self._row_until = row.span.end
            self._stores.rows.put(SegmentSaved(segment=row))

    def _end_run(self, because: EndedBecause, gap: GapBecause | None) -> bool:
        """End the run with everything it holds; a gap begins at its end, unless it goes on.

        False when there was none, or it could not be ended as it should.
        """
        self._flush()
        run, self._newest = self._run, None
        if run is None:
            return False
        end_at, before = run.row.span.end, run.row.size_bytes
        try:
            row = run.end(because)
        except FairviewError as error:
            self._fail(error, end_at)
            return False
        self._run = None
        self.figures.written_bytes += row.size_bytes - before
        self._stores.rows.put(SegmentSaved(segment=row))
        if gap is not None:
            self._gaps.begin(end_at, gap)
        return True

    # When the disk fails

    def _fail(self, error: FairviewError, at: Instant) -> None:
        """Nothing more can be stored now: let go, begin a gap, try again later."""
        run, self._run, self._newest = self._run, None, None
        self._cutter = FragmentCutter()
        cause = self._cause()
        since = self.figures.stored_until or at
        if run is not None:
            run.abandon()
            self._stores.rows.put(SegmentSaved(segment=run.row))
            self._broken = [*self._broken, run.row][-SEGMENTS_BROKEN_MAX:]
        clock = self._stores.clock
        self._retry_us = clock.monotonic_us() + self._wait_us
        self._wait_us = min(2 * self._wait_us, DISK_RETRY_US_MAX)
        self.figures.failures += 1
        self._gaps.begin(since, cause)
        self._gaps.lasts(max(at, clock.now()))
        if not self._is_failing:
            self._is_failing = True
            self._log.error("can't store footage", because=str(error))
            self._tell("disk_failing", str(error))

    def _recover(self) -> None:
        """A fragment is durable again: say so, and close what the failure left open."""
        self._wait_us, self._retry_us = DISK_RETRY_US_FIRST, 0
        if self._is_failing:
            self._is_failing = False
            self._log.info("storing footage again", failures=self.figures.failures)
            self._tell("disk_back", "the disk takes footage again")
        self._mend()

    def _mend(self) -> None:
        rows = self._stores.rows
        while self._broken:
            row = self._broken[0]
            try:
                segment = mended(self._stores.blobs, row, self._stores.signer).segment
            except Unavailable as error:
                self._log.warning(
                    "a segment waits to be closed", segment=row.id, because=str(error)
                )
                return
            except FairviewError as error:
                self._log.warning("a segment is left to check", segment=row.id, because=str(error))
            else:
                rows.put(
                    SegmentSaved(segment=segment) if segment else SegmentsRemoved(ids=(row.id,))
                )
            del self._broken[0]

    def _cause(self) -> GapBecause:
        try:
            is_full = self._stores.blobs.free_bytes() < DISK_FREE_BYTES_MIN
        except FairviewError:
            is_full = False
        return GapBecause.DISK_FULL if is_full else GapBecause.DISK_FAILED

    def _tell(self, kind: str, because: str) -> None:
        if self._stream == "cover" and kind in ("camera_away", "camera_back"):
            # Analysers come and go; the camera is where it was.
            return
        now = self._stores.clock.now()
        event = HealthEvent(kind=kind, camera=self._camera, at=now, because=because)
        self._stores.rows.put(EventSaved(event=event))
