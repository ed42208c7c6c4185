"""Gaps of one stream: absence as data, from the last footage's end to the next one's start."""

from __future__ import annotations

from collections.abc import Sequence

from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import HOLE_US_MIN
from fairview.core.media import EndedBecause, Gap, GapBecause, Segment
from fairview.core.time import US_PER_DAY, US_PER_HOUR, Instant, Span
from fairview.record.rows import RowQueue
from fairview.store.contracts import Catalogue, Change, GapSaved

_LOOK_BACK_US = (2 * US_PER_HOUR, 4 * US_PER_DAY, 400 * US_PER_DAY)
"""How far back the newest footage is looked for, step by step, so that few rows are read."""

_AFTER: dict[EndedBecause, GapBecause] = {
    EndedBecause.STOPPED: GapBecause.STOPPED,
    EndedBecause.CAMERA_AWAY: GapBecause.CAMERA_AWAY,
    EndedBecause.CLOCK_JUMP: GapBecause.CLOCK_JUMP,
    EndedBecause.DISK: GapBecause.DISK_FAILED,
    EndedBecause.OVERLOADED: GapBecause.OVERLOADED,
}
"""What a gap behind a segment is called; anything else is a crash."""


def gap_before(segments: Sequence[Segment], gaps: Sequence[Gap], footage_at: Instant) -> Gap | None:
    """The gap that an earlier process left before `footage_at`, reaching up to it. Pure.

    The newest gap that nothing follows keeps its cause and grows; behind a segment without one
    the cause follows from how the segment ended. None when there was no footage before, or it
    adjoins.
    """
    segments = [one for one in segments if one.span.start < footage_at]
    gaps = [one for one in gaps if one.span.start < footage_at]
    newest = max(segments, key=lambda one: one.span.end, default=None)
    gap = max(gaps, key=lambda one: one.span.start, default=None)
    if gap is not None and (newest is None or gap.span.end > newest.span.end):
        span = Span(start=gap.span.start, end=footage_at)
        return Gap(camera=gap.camera, stream=gap.stream, span=span, because=gap.because)
    if newest is None or footage_at.since(newest.span.end) <= HOLE_US_MIN:
        return None
    because = GapBecause.CRASHED
    if newest.ended_because is not None:
        because = _AFTER.get(newest.ended_because, because)
    span = Span(start=newest.span.end, end=footage_at)
    return Gap(camera=newest.camera, stream=newest.stream, span=span, because=because)


class StreamGaps:
    """Keeps one stream's gap rows. Used by the stream's own thread; never waits.

    A gap row is written when an outage begins and replaced, under the same start, when footage
    resumes. What a crash left open is found in the catalogue and closed at the first footage.
    """

    def __init__(self, camera: CameraId, stream: StreamName, rows: RowQueue) -> None:
        self._camera = camera
        self._stream = stream
        self._rows = rows
        self._start: Instant | None = None
        self._because = GapBecause.STOPPED
        self._is_written = False
        self._knows_past = False

    @property
    def is_open(self) -> bool:
        """Whether an outage of this process's own footage is under way."""
        return self._start is not None

    def begin(self, start: Instant, because: GapBecause) -> None:
        """An outage begins behind footage that ended at `start`; nothing is written yet.

        A second outage before footage resumes belongs to the first.
        """
        if self._start is None:
            self._start, self._because, self._is_written = start, because, False
            self._ask_past(start)

    def turn(self, at: Instant, because: GapBecause) -> None:
        """Footage is missing for another cause from `at` on; also when nothing was missing."""
        if self._start is not None and self._because is because:
            return
        if self._start is not None:
            self.resume(max(at, self._start))
        self.begin(at, because)

    def lasts(self, until: Instant) -> None:
        """The outage still lasts at `until`: write its row, or let the past's gap grow."""
        if self._start is None:
            if not self._knows_past:
                self._rows.ask(_Past(self._camera, self._stream, until))
            return
        self._is_written = True
        self._write(self._start, max(until, self._start.plus(1)), self._because)

    def resume(self, footage_at: Instant) -> None:
        """Footage begins again at `footage_at`: close the gap."""
        self._ask_past(footage_at)
        if self._start is None:
            return
        # A clock that was set may have cost pictures up to the next key frame, whatever the times
        # say: where it was set back, older footage lies where they would be. A gap says so.
        is_set = self._because is GapBecause.CLOCK_JUMP or footage_at < self._start
        is_gap = footage_at.since(self._start) > HOLE_US_MIN
        if is_gap or is_set or self._is_written:
            self._write(self._start, max(footage_at, self._start.plus(1)), self._because)
        self._start = None

    def hole(self, start: Instant, end: Instant, because: GapBecause) -> None:
        """Footage is missing inside a run."""
        if start < end:
            self._write(start, end, because)

    def _write(self, start: Instant, end: Instant, because: GapBecause) -> None:
        span = Span(start=start, end=end)
        gap = Gap(camera=self._camera, stream=self._stream, span=span, because=because)
        self._rows.put(GapSaved(gap=gap))

    def _ask_past(self, until: Instant) -> None:
        if not self._knows_past:
            self._knows_past = True
            self._rows.ask(_Past(self._camera, self._stream, until))


class _Past:
    """The question what came before this process's footage."""

    def __init__(self, camera: CameraId, stream: StreamName, until: Instant) -> None:
        self._camera = camera
        self._stream = stream
        self._until = until

    def __call__(self, catalogue: Catalogue) -> Sequence[Change]:
        for back_us in _LOOK_BACK_US:
            start = Instant(max(self._until.us - back_us, 0))
            span = Span(start=start, end=self._until)
            segments = catalogue.segments(self._camera, self._stream, span)
            gaps = catalogue.gaps(self._camera, self._stream, span)
            if segments or gaps:
                gap = gap_before(segments, gaps, self._until)
                return () if gap is None else (GapSaved(gap=gap),)
        return ()
