"""One stream's footage on its disk: segments begun, grown and ended, and gaps where it fails."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from fairview.core.errors import FairviewError, Unavailable
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import (
    DISK_FREE_BYTES_MIN,
    DISK_RETRY_US_FIRST,
    DISK_RETRY_US_MAX,
    OPEN_ROW_US,
    SEGMENTS_BROKEN_MAX,
)
from fairview.core.media import EndedBecause, Fragment, GapBecause, Segment
from fairview.core.time import Instant
from fairview.record.gaps import StreamGaps
from fairview.record.keyring import Keyring
from fairview.record.segment_writer import SegmentStart, SegmentWriter, mended
from fairview.record.stores import Stores
from fairview.record.write_queue import (
    Begins,
    Closes,
    Ends,
    Hole,
    Item,
    Overloaded,
    Pauses,
)
from fairview.store.contracts import EventSaved, SegmentSaved, SegmentsRemoved


@dataclass(slots=True, kw_only=True)
class Written:
    """What has been written of one stream. Changed by its writer only.

    packets_lost: packets that no fragment on the disk holds, because it failed or was too slow.
    stored_until: everything acknowledged as stored ends here; None before.
    """

    packets_lost: int = 0
    bytes: int = 0
    fragments: int = 0
    segments: int = 0
    failures: int = 0
    overloads: int = 0
    stored_until: Instant | None = None


class StreamWriter:
    """Takes one stream's fragments and marks in their order, and keeps them. Used by one thread
    at a time.

    Fragments are sealed, appended and synced one by one, and a packet is stored when its fragment
    is. A disk that fails ends the run, and the next segment goes to another one; without another
    it is tried again with growing waits, at a fragment that begins with a key frame. The catalogue
    is never waited for.

    Source:  decisions 3, 4, 5 and 15; invariants 2 and 4.
    """

    def __init__(
        self, camera: CameraId, stream: StreamName, stores: Stores, keyring: Keyring
    ) -> None:
        self._camera = camera
        self._stream = stream
        self._stores = stores
        self._keyring = keyring
        self._disks = stores.placing
        self._disk = ""
        self._again: str | None = None
        self._gaps = StreamGaps(camera, stream, stores.rows)
        self._run: SegmentWriter | None = None
        self._row_until = Instant(0)
        self._broken: list[tuple[Segment, bool]] = []
        self._retry_us = self._mend_us = 0
        self._wait_us = DISK_RETRY_US_FIRST
        self._is_failing = False
        self._is_away = False
        self._log = structlog.get_logger(__name__).bind(camera=camera, stream=stream)
        self.written = Written()

    def take(self, item: Item) -> str | None:
        """The next fragment or mark; or, before anything of it is done, the disk that its segment
        goes to, whose threads are to bring it again."""
        if self._run is None and self._begins_run(item):
            disk = self._disks.place(self._camera)
            if disk != self._disk:
                self._disk = disk
                return disk
        self._take(item)
        if self._again is None:
            return None
        self._disk, self._again = self._again, None
        return self._disk

    def _begins_run(self, item: Item) -> bool:
        """Whether a segment is to be made for an item, and may be tried now."""
        is_first = isinstance(item, Begins) or (isinstance(item, Fragment) and item.is_key)
        return is_first and self._stores.clock.monotonic_us() >= self._retry_us

    def _take(self, item: Item) -> None:
        match item:
            case Fragment():
                self._take_fragment(item)
            case Begins(packet):
                shown_us = packet.format.us_of(packet.duration_ticks)
                self._begin(packet.at, shown_us)
            case Ends(because, gap):
                self._end_run(because, gap)
            case Hole(until, because):
                if self._run is not None:
                    self._gaps.hole(self._run.row.span.end, until, because)
            case Pauses():
                self._pause(item)
            case Overloaded():
                self._overloaded(item)
            case Closes(at):
                self._close(at)

    def _take_fragment(self, fragment: Fragment) -> None:
        """Seal, append and sync; a failure ends the run and loses what was not stored."""
        if self._run is None and fragment.is_key:
            self._begin(fragment.start_at, fragment.duration_us // len(fragment.samples))
        run = self._run
        if run is None:
            self.written.packets_lost += len(fragment.samples)
            return
        before = run.row.size_bytes
        try:
            if self._disks.is_full(self._disk):
                raise Unavailable(f"the disk is full: {self._disk or 'the footage'} has no room")
            run.write(fragment)
        except FairviewError as error:
            self._fail_disk(error, fragment.start_at)
            if fragment.is_key and self._other_disk() is not None:
                self._again = self._other_disk()
            else:
                self.written.packets_lost += len(fragment.samples)
            return
        self.written.fragments += 1
        self.written.bytes += run.row.size_bytes - before
        self.written.stored_until = run.row.span.end
        self._keep_row(run.row)
        if self._is_failing or self._is_mending_due():
            self._recover()

    def _begin(self, at: Instant, shown_us: int) -> None:
        """Begin a segment, when the disk may be tried; with it a gap ends."""
        if self._run is not None or self._stores.clock.monotonic_us() < self._retry_us:
            return
        if not self._open(at, shown_us):
            return
        self._gaps.resume(at)
        if self._is_away:
            self._is_away = False
            self._tell("camera_back", f"{self._stream} stream: recorded again")

    def _open(self, at: Instant, shown_us: int) -> bool:
        """A new segment, its header durable."""
        start = SegmentStart(camera=self._camera, stream=self._stream, at=at, shown_us=shown_us)
        try:
            pair = self._keyring.pick(at)
        except FairviewError as error:
            self._fail(error, at)
            return False
        try:
            self._run = SegmentWriter(
                blobs=self._disks.on(self._disk),
                pair=pair,
                signer=self._stores.signer,
                start=start,
                created_at=self._stores.clock.now(),
            )
        except FairviewError as error:
            self._fail_disk(error, at)
            return False
        self._row_until = self._run.row.span.start
        self.written.segments += 1
        self.written.bytes += self._run.row.size_bytes
        self._stores.rows.put(SegmentSaved(segment=self._run.row))
        return True

    def _keep_row(self, row: Segment) -> None:
        """Let the row of the open segment follow now and then, so that what is new is found."""
        if row.span.end.since(self._row_until) >= OPEN_ROW_US:
            self._row_until = row.span.end
            self._stores.rows.put(SegmentSaved(segment=row))

    def _end_run(self, because: EndedBecause, gap: GapBecause | None) -> None:
        """End the run with everything it holds; a gap begins at its end, unless it goes on."""
        run = self._run
        if run is None:
            return
        if not run.row.fragments:
            self._take_back(run, gap)
            return
        end_at, before = run.row.span.end, run.row.size_bytes
        try:
            row = run.end(because)
        except FairviewError as error:
            self._fail_disk(error, end_at)
            return
        self._run = None
        self.written.bytes += row.size_bytes - before
        self._stores.rows.put(SegmentSaved(segment=row))
        if gap is not None:
            self._gaps.begin(end_at, gap)

    def _take_back(self, run: SegmentWriter, gap: GapBecause | None) -> None:
        """A segment whose first fragment never came: its blob goes."""
        self._run = None
        run.abandon()
        self._break(run.row)
        if gap is not None:
            self._gaps.begin(run.row.span.start, gap)
        self._mend()

    def _break(self, row: Segment) -> None:
        """Have a segment closed later. What did not get into it may go elsewhere at once."""
        went_on = self._other_disk() is not None
        self._broken = [*self._broken, (row, went_on)][-SEGMENTS_BROKEN_MAX:]

    def _pause(self, mark: Pauses) -> None:
        self._end_run(mark.ended, mark.gap)
        if not mark.is_away:
            self._gaps.turn(mark.at, mark.gap)
        self._gaps.lasts(mark.at)
        if mark.is_away and not self._is_away:
            self._is_away = True
            cause = mark.gap.value.replace("_", " ")
            self._tell("camera_away", f"{self._stream} stream: {cause}")

    def _overloaded(self, mark: Overloaded) -> None:
        """Fragments were dropped behind what was written so far."""
        self.written.packets_lost += mark.packets
        self.written.overloads += 1
        self._log.error(
            "the disk is too slow, footage was dropped",
            fragments=mark.fragments,
            bytes=mark.payload_bytes,
            from_at=mark.start_at.iso(),
        )
        self._end_run(EndedBecause.OVERLOADED, GapBecause.OVERLOADED)
        self._gaps.turn(mark.start_at, GapBecause.OVERLOADED)
        self._gaps.lasts(mark.start_at)

    def _close(self, at: Instant) -> None:
        self._end_run(EndedBecause.STOPPED, GapBecause.STOPPED)
        self._mend()
        if self._gaps.is_open:
            self._gaps.lasts(at)

    # When the disk fails

    def _fail_disk(self, error: FairviewError, at: Instant) -> None:
        self._disks.failed(self._disk, str(error))
        self._fail(error, at)

    def _other_disk(self) -> str | None:
        """Where footage can go on at once after a failure."""
        name = self._disks.place(self._camera)
        return None if name == self._disk else name

    def _fail(self, error: FairviewError, at: Instant) -> None:
        """Nothing more can be stored now: let go, begin a gap, try again later."""
        run, self._run = self._run, None
        cause = self._cause()
        since = self.written.stored_until or at
        if run is not None:
            run.abandon()
            self._stores.rows.put(SegmentSaved(segment=run.row))
            self._break(run.row)
        clock = self._stores.clock
        if self._other_disk() is None:
            self._retry_us = clock.monotonic_us() + self._wait_us
            self._wait_us = min(2 * self._wait_us, DISK_RETRY_US_MAX)
        self.written.failures += 1
        self._gaps.begin(since, cause)
        self._gaps.lasts(max(at, clock.now()))
        if not self._is_failing:
            self._is_failing = True
            self._log.error("can't store footage", because=str(error))
            self._tell("disk_failing", str(error))

    def _recover(self) -> None:
        """A fragment is durable again: say so, and close what the failure left open."""
        self._wait_us, self._retry_us = DISK_RETRY_US_FIRST, 0
        self._disks.worked(self._disk)
        if self._is_failing:
            self._is_failing = False
            self._log.info("storing footage again", failures=self.written.failures)
            self._tell("disk_back", "the disk takes footage again")
        self._mend()

    def _is_mending_due(self) -> bool:
        return bool(self._broken) and self._stores.clock.monotonic_us() >= self._mend_us

    def _mend(self) -> None:
        rows = self._stores.rows
        while self._broken:
            row, went_on = self._broken[0]
            try:
                segment = mended(
                    self._stores.blobs, row, self._stores.signer, went_on=went_on
                ).segment
            except Unavailable as error:
                self._mend_us = self._stores.clock.monotonic_us() + DISK_RETRY_US_MAX
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
            free_bytes = self._disks.on(self._disk).free_bytes()
        except FairviewError:
            free_bytes = DISK_FREE_BYTES_MIN
        is_full = free_bytes < DISK_FREE_BYTES_MIN or self._disks.is_full(self._disk)
        return GapBecause.DISK_FULL if is_full else GapBecause.DISK_FAILED

    def _tell(self, kind: str, because: str) -> None:
        if self._stream == "cover" and kind in ("camera_away", "camera_back"):
            # Analysers come and go; the camera is where it was.
            return
        now = self._stores.clock.now()
        event = HealthEvent(kind=kind, camera=self._camera, at=now, because=because)
        self._stores.rows.put(EventSaved(event=event))
