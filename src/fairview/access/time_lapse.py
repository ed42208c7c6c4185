"""Time-lapse films: a picture every so often, covered as everything is, over hours or days.

A look covers at most an hour of footage, so a film over days opens one look after the other, each
in the ledger before its first picture and closed with what was read. An hour without footage is
not looked at. The film is made whole before its first byte leaves, and stands in the ledger first.

Where a picture is due, the key frame at or before it is taken, so that one picture is decoded for
one shown; its own time stands in it. Gaps are never bridged: each shows as a plain frame with its
cause and its times, for half a second to two seconds of the film.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.access.door import TimeLapseWish, Timeline
from fairview.access.journal import Journal
from fairview.access.leaves import ExportMade
from fairview.access.looks import LookBook, OpenLook
from fairview.access.memory_file import MemoryFile
from fairview.access.render_lapse import Film
from fairview.access.watching import Watching
from fairview.core.case import LOOK_SPAN_US_MAX
from fairview.core.errors import NotFound, Overloaded, Unavailable
from fairview.core.ids import new_hex_id
from fairview.core.limits import HOLE_US_MIN
from fairview.core.media import Fragment, GapBecause
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.record.mp4 import write_mp4

GAP_SHOWN_US_MIN = US_PER_SECOND // 2
GAP_SHOWN_US_MAX = 2 * US_PER_SECOND
"""How long a gap stands in the film: long enough to be seen, not as long as a night."""

_FIRST_SIZE = (1_280, 720)

CAUSES: dict[GapBecause, str] = {
    GapBecause.CAMERA_AWAY: "the camera was away",
    GapBecause.CAMERA_SILENT: "the camera sent nothing",
    GapBecause.STOPPED: "recording was stopped",
    GapBecause.CRASHED: "a part of Fairview crashed",
    GapBecause.CLOCK_JUMP: "the camera's clock jumped",
    GapBecause.DISK_FULL: "the disk was full",
    GapBecause.DISK_FAILED: "the disk failed",
    GapBecause.OVERLOADED: "the machine was overloaded",
    GapBecause.LOST_PACKETS: "pictures were lost on the way",
    GapBecause.REVIEW_OVERDUE: "the register entry was overdue for review",
    GapBecause.NOT_SCHEDULED: "outside the hours of its schedule",
    GapBecause.NO_EVENT: "nothing happened; kept around events only",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseParts:
    """What films are made with. slots: shared with other exports."""

    looks: LookBook
    watching: Watching
    journal: Journal
    signer: Ed25519PrivateKey
    slots: threading.BoundedSemaphore


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseAsked:
    """A wish with what the door knows of it. look opens a look at a span, in the ledger.

    progress hears the done share and what goes on; None: nobody asks.
    """

    wish: TimeLapseWish
    timeline: Timeline
    look: Callable[[Span], OpenLook]
    progress: Callable[[float, str], None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseGap:
    """because None: nothing says why; it is before all footage, or past its retention."""

    span: Span
    because: GapBecause | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What the film shows next: a picture of `at`, or a gap."""

    at: Instant
    gap: LapseGap | None = None


def plan(wish: TimeLapseWish, timeline: Timeline) -> tuple[Due, ...]:
    """Pictures and gaps in order of time. Pure.

    Every moment `every_us` apart that has footage gets a picture; every gap of the span that is
    long enough to be one is shown once, before the first picture after it. Where nothing is kept
    and no cause known (before the first footage, after its retention) there is a gap without one.
    """
    gaps = sorted(
        (
            LapseGap(span=one.span, because=one.because)
            for one in timeline.gaps
            if one.span.duration_us > HOLE_US_MIN
        ),
        key=lambda one: one.span,
    )
    made = [
        Due(at=at)
        for us in range(wish.span.start.us, wish.span.end.us, wish.every_us)
        if any(one.holds(at := Instant(us)) for one in timeline.footage)
    ]
    made += [Due(at=one.span.start, gap=one) for one in gaps]
    made += [Due(at=one.span.start, gap=one) for one in _unknown(wish.span, timeline, gaps)]
    return tuple(sorted(made, key=lambda one: (one.at, one.gap is None)))


def _unknown(span: Span, timeline: Timeline, gaps: Sequence[LapseGap]) -> Iterator[LapseGap]:
    """Stretches of a span with neither footage nor a gap that says why."""
    known = sorted([*timeline.footage, *(gap.span for gap in gaps)])
    at = span.start
    for one in [*known, Span(start=span.end, end=span.end.plus(1))]:
        if one.start.since(at) > HOLE_US_MIN:
            yield LapseGap(span=Span(start=at, end=one.start), because=None)
        at = max(at, one.end)


class TimeLapses:
    """Safe from several threads. Bounds: as exports, which it shares slots with."""

    def __init__(self, parts: LapseParts) -> None:
        self._parts = parts

    def film(self, asked: LapseAsked) -> Iterator[bytes]:
        """An MP4 in pieces; its line is durable in the ledger before the first.

        Errors:  NotFound when nothing of the span is kept; Overloaded; as looks and pictures.
        """
        due = plan(asked.wish, asked.timeline)
        if all(one.gap is not None for one in due):
            raise NotFound(f"nothing of {asked.wish.camera} is kept in this span")
        return self._pieces(asked, due)

    def _pieces(self, asked: LapseAsked, due: Sequence[Due]) -> Iterator[bytes]:
        if not self._parts.slots.acquire(blocking=False):
            raise Overloaded("other exports are being made: try again in a few minutes")
        made = MemoryFile()
        try:
            hours = _Hours(self._parts, asked)
            try:
                write_mp4(self._fragments(asked, due, hours), made.path)
            except OSError as error:
                raise Unavailable("the film could not be written: too little memory") from error
            finally:
                hours.close()
            self._note(asked, hours, made)
            yield from made.chunks()
        finally:
            made.close()
            self._parts.slots.release()

    def _fragments(
        self, asked: LapseAsked, due: Sequence[Due], hours: _Hours
    ) -> Iterator[Fragment]:
        film = Film(asked.wish.fps)
        for number, one in enumerate(due):
            if asked.progress is not None:
                asked.progress(number / len(due), one.at.iso()[:16])
            if one.gap is not None:
                lasts_us = one.gap.span.duration_us * US_PER_SECOND // asked.wish.every_us
                shown_us = lasts_us // asked.wish.fps
                shown_us = min(max(shown_us, GAP_SHOWN_US_MIN), GAP_SHOWN_US_MAX)
                frames = max(1, shown_us * asked.wish.fps // US_PER_SECOND)
                yield from film.plain(gap_lines(one.gap), _FIRST_SIZE, frames)
                continue
            picture = hours.picture(one.at)
            if picture is None:
                lines = ("No picture", _moment(one.at), "its key is dead, or it can't be read")
                yield from film.plain(lines, _FIRST_SIZE, 1)
                continue
            if (made := film.picture(picture)) is not None:
                yield made
        if (last := film.rest()) is not None:
            yield last

    def _note(self, asked: LapseAsked, hours: _Hours, made: MemoryFile) -> None:
        if hours.first is None:
            raise NotFound(f"no picture of {asked.wish.camera} in this span can be shown")
        self._parts.journal.append(
            ExportMade(
                export=new_hex_id(),
                look=hours.first.look.id,
                camera=asked.wish.camera,
                form="mp4",
                media=f"time-lapse-{asked.wish.rendition}.mp4",
                media_digest=made.digest(),
                signer=self._parts.signer.public_key().public_bytes_raw().hex(),
                actor=hours.first.look.actor,
                span=asked.wish.span,
            )
        )


class _Hours:
    """The looks of one film, one open at a time. first: the one that the export names."""

    def __init__(self, parts: LapseParts, asked: LapseAsked) -> None:
        self._parts, self._asked = parts, asked
        self._open: OpenLook | None = None
        self.first: OpenLook | None = None

    def picture(self, at: Instant) -> bytes | None:
        """The picture at a moment, as JPEG; None when it can't be read any more."""
        opened = self._look(at)
        wish = self._asked.wish
        try:
            return self._parts.watching.key_picture(opened.token, wish.camera, at, wish.width_px)
        except NotFound:
            if opened.ended.is_set():
                raise
            return None

    def close(self) -> None:
        if self._open is not None:
            self._parts.looks.close(self._open.token)
            self._open = None

    def _look(self, at: Instant) -> OpenLook:
        span = None if self._open is None else self._open.wish.span
        if self._open is not None and span is not None and span.holds(at):
            return self._open
        self.close()
        end = min(at.plus(LOOK_SPAN_US_MAX), self._asked.wish.span.end)
        self._open = self._asked.look(Span(start=at, end=end))
        self.first = self.first or self._open
        return self._open


def gap_lines(gap: LapseGap) -> tuple[str, ...]:
    """What stands on a gap's plain frame."""
    cause = "nothing is kept of this time" if gap.because is None else CAUSES[gap.because]
    return ("No footage", cause, f"{_moment(gap.span.start)} to {_moment(gap.span.end)}")


def _moment(at: Instant) -> str:
    return at.iso()[:19].replace("T", " ") + " UTC"
