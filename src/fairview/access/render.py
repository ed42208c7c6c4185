"""The rendering pool: every covered picture that leaves the door is made by one of its children.

For the gate:

    pool = RenderPool(clock=clock)
    part = pool.part(PartWish(pieces=pieces, span=span, clean=clean, zones=camera.zones,
                              rendition="covered", look=look.id, origin=look.wish.span.start))
    jpeg = pool.picture(pieces, at, 320, clean=clean, zones=zones, rendition="covered")
    for chunk in pool.live(camera.id, subscribe, clean=clean, zones=zones, size=TILE): ...
    clean = pool.clean_picture(pieces, span_us_min=0)

`pieces` are whole records of segment files in order, beginning at a record with a key frame at
or before what is asked for. A child serves one look (`look`): it gets that look's segment keys
and ends with it, or after 30 s without work. One spare child is always warm. Limits: at most
`children_max` children; every answer has a time limit; a child that dies, hangs or says
anything unexpected is killed and its request ends as Unavailable. No failure shows a picture.

`origin` is where a look's time line begins: media times of its parts count from there.
Raw without zones is the camera's own samples, wrapped; raw with zones is re-encoded under them.
`raw_because` is drawn on re-encoded raw pictures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from fairview.access.door import CoverState, LiveChunk
from fairview.access.render_live import LiveHub, LiveSize, PacketStream
from fairview.access.render_process import PROGRAM, RenderProcess
from fairview.access.render_records import first_key_record
from fairview.access.render_scene import CoverModelName, RawBecause, Showing
from fairview.access.render_words import (
    CleanAsk,
    CleanDone,
    PartAsk,
    PartDone,
    PictureAsk,
    PictureDone,
    Piece,
    SampleAsk,
    SampleDone,
)
from fairview.analyse.clean import CleanPicture, clean_picture_of
from fairview.core.camera import PrivacyZone
from fairview.core.case import Rendition
from fairview.core.errors import FairviewError, Overloaded, Unavailable
from fairview.core.limits import (
    CLEAN_SAMPLES_MAX,
    CLEAN_SPAN_US_MIN,
    LIVE_CHUNK_US,
    RENDER_CLEAN_US_MAX,
    RENDER_IDLE_US_MAX,
    RENDER_PART_US_MAX,
    RENDER_PICTURE_US_MAX,
    RENDER_START_US_MAX,
    RENDERERS_MAX,
)
from fairview.core.time import US_PER_DAY, US_PER_SECOND, Clock, Instant, Span, SystemClock

__all__ = [
    "FULL",
    "TILE",
    "CleanPicture",
    "LiveSize",
    "PartWish",
    "RenderPool",
    "RenderedPart",
    "SealedPiece",
    "clean_picture_of",
]

TILE = LiveSize(width_px_max=320, fps_max=5.0)
"""A picture on a wall (decision 9)."""

FULL = LiveSize(width_px_max=0, fps_max=0.0)
"""As large and as often as the rendition allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPiece:
    """Whole records of one segment: its header, the records, and the key that opens them."""

    header: bytes
    records: bytes
    segment_key: bytes

    def __repr__(self) -> str:
        return f"SealedPiece({len(self.records)} bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartWish:
    """A stretch of a look, to be rendered.

    origin: None counts media time from the beginning of the span's UTC day. covers: what was found
    to hide while recording; pictures without it are looked at. pictures_max: end after so many, for
    whoever wants an initialisation only; 0: at the span's end.
    """

    pieces: Sequence[SealedPiece]
    span: Span
    rendition: Rendition
    clean: CleanPicture | None
    zones: Sequence[PrivacyZone]
    covers: Sequence[SealedPiece] = ()
    raw_because: RawBecause = ""
    look: str = ""
    origin: Instant | None = None
    pictures_max: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedPart:
    """A playable part, or a piece of one. codec: its MSE type string."""

    init: bytes
    media: bytes
    codec: str
    cover: CoverState


def _always() -> bool:
    return True


class RenderPool:
    """Bounded rendering children. Safe from several threads."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        children_max: int = RENDERERS_MAX,
        program: tuple[str, ...] = PROGRAM,
        model: CoverModelName | None = None,
    ) -> None:
        """Starts the warm spare in the background. program: for tests of failing children.

        model: covered pictures show current pixels around what it hides; None: silhouettes.
        """
        self._model = model
        self._clock = clock or SystemClock()
        self._nursery = _Nursery(self._clock, children_max, program)
        self._hub = LiveHub(self._clock, self._nursery.take, self._nursery.drop)

    def part(self, wish: PartWish) -> RenderedPart:
        """The pictures of a span as one part.

        Errors:  Overloaded, Unavailable, Corrupt when a record does not open.
        Cost:    2 s of 25 fps, covered: 0.15 s at 640x360, 0.3 s at 1920x1080; 0.1 s more for the
                 first part of a look. Measured on two shared cores with a busy scene.
        """
        (whole,) = self._part(wish, piece_us=0)
        return whole

    def part_pieces(self, wish: PartWish) -> Generator[RenderedPart, None, None]:
        """The same as pieces of about LIVE_CHUNK_US, each as soon as it is covered.

        Close the iterator to leave early. Errors while iterating: as `part`.
        """
        return self._part(wish, piece_us=LIVE_CHUNK_US)

    def _part(self, wish: PartWish, *, piece_us: int) -> Generator[RenderedPart, None, None]:
        span = wish.span
        showing = self._showing(
            wish.rendition, wish.clean, wish.zones, raw_because=wish.raw_because
        )
        day = Instant(span.start.us - span.start.us % US_PER_DAY)
        with _Borrowed(self._nursery, wish.look) as child:
            child.tell(
                PartAsk(
                    pieces=_pieces(wish.pieces),
                    covers=_pieces(wish.covers),
                    start_us=span.start.us,
                    end_us=span.end.us,
                    origin_us=(wish.origin or day).us,
                    pictures_max=wish.pictures_max,
                    piece_us=piece_us,
                    show=child.show(showing, RENDER_PART_US_MAX),
                ),
                RENDER_PART_US_MAX,
            )
            left_us, is_last = RENDER_PART_US_MAX, False
            while not is_last:
                # What a slow reader takes between two pieces is not the child's time.
                asked_us = self._clock.monotonic_us()
                done = child.hear(PartDone, left_us)
                left_us = max(1, left_us - (self._clock.monotonic_us() - asked_us))
                is_last = done.is_last
                yield RenderedPart(
                    init=done.init, media=done.media, codec=done.codec, cover=done.cover
                )

    def picture(  # noqa: PLR0913 - a look's own words, all named
        self,
        pieces: Sequence[SealedPiece],
        at: Instant,
        width_px: int,
        *,
        clean: CleanPicture | None,
        covers: Sequence[SealedPiece] = (),
        zones: Sequence[PrivacyZone],
        rendition: Rendition,
        raw_because: RawBecause = "",
        look: str = "",
    ) -> bytes:
        """The last picture at or before a moment, as JPEG at most width_px wide.

        Errors:  NotFound when the pieces hold none; else as `part`.
        """
        showing = self._showing(rendition, clean, zones, raw_because=raw_because, width_px=width_px)
        with _Borrowed(self._nursery, look) as child:
            ask = PictureAsk(
                pieces=_pieces(pieces),
                covers=_pieces(covers),
                at_us=at.us,
                show=child.show(showing, RENDER_PICTURE_US_MAX),
            )
            return child.ask(ask, PictureDone, RENDER_PICTURE_US_MAX).jpeg

    def live(  # noqa: PLR0913 - a look's own words, all named
        self,
        key: str,
        subscribe: Callable[[], PacketStream],
        *,
        clean: CleanPicture | None,
        zones: Sequence[PrivacyZone],
        size: LiveSize = FULL,
        rendition: Rendition = "covered",
        raw_because: RawBecause = "",
        goes_on: Callable[[], bool] = _always,
    ) -> Iterator[LiveChunk]:
        """A camera's live picture; one child for all viewers of the same key, size and cover.

        First an initialisation, then pieces of about 0.2 s, each held for HOLD_LIVE_US after
        its pictures arrived. A viewer who falls behind goes on at the next key picture and is
        told how many pieces were dropped. Ends when the stream ends, or when goes_on says False
        (asked at least four times a second); close the iterator to leave. subscribe is called
        once for all viewers, in a thread of its own; its packets begin at a key frame.

        Errors:  Overloaded at once; Unavailable later, when rendering fails again and again.
        """
        showing = self._showing(
            rendition, clean, zones, raw_because=raw_because, width_px=size.width_px_max
        )
        return self._hub.viewer(key, subscribe, showing, size, goes_on)

    def clean_picture(
        self,
        pieces: Iterable[SealedPiece],
        *,
        span_us_min: int = CLEAN_SPAN_US_MIN,
        approved: CleanPicture | None = None,
        look: str = "",
    ) -> CleanPicture:
        """A clean picture out of many looks at one camera.

        Of each piece only the first key frame is used, and at most CLEAN_SAMPLES_MAX pieces:
        hand over pieces spread evenly over at least span_us_min, lazily. approved: refresh this
        one where nothing was present, instead of making a new one that needs approval.

        Errors:  Unavailable while there is too little footage; Overloaded.
        """
        with _Borrowed(self._nursery, look, keeps_samples=True) as child:
            if approved is not None:
                child.load(approved, RENDER_CLEAN_US_MAX)
            taken = 0
            for piece in pieces:
                records = first_key_record(piece.records)
                if records is None:
                    continue
                words = Piece(header=piece.header, records=records, segment_key=piece.segment_key)
                sample = SampleAsk(piece=words)
                taken += child.ask(sample, SampleDone, RENDER_PICTURE_US_MAX).taken
                if taken >= CLEAN_SAMPLES_MAX:
                    break
            ask = CleanAsk(span_us_min=span_us_min, refresh=approved is not None)
            done = child.ask(ask, CleanDone, RENDER_CLEAN_US_MAX)
        return clean_picture_of(done.png)

    def forget(self, look: str) -> None:
        """A look has closed: end its idle children, and their keys with them."""
        self._nursery.forget(look)

    def _showing(
        self,
        rendition: Rendition,
        clean: CleanPicture | None,
        zones: Sequence[PrivacyZone],
        *,
        raw_because: RawBecause,
        width_px: int = 0,
    ) -> Showing:
        is_covered = rendition == "covered"
        return Showing(
            rendition=rendition,
            clean=clean if is_covered else None,
            zones=tuple(zone.polygon_unit for zone in zones if zone.kind == "on_view"),
            raw_because=raw_because,
            width_px_max=width_px,
            model=self._model if is_covered else None,
        )

    def close(self) -> None:
        """End every rendering and child; safe to repeat."""
        self._hub.close()
        self._nursery.close()


class _Borrowed:
    """A child for one request, given back when it is still in order."""

    def __init__(self, nursery: _Nursery, look: str, *, keeps_samples: bool = False) -> None:
        self._nursery, self._look, self._keeps_samples = nursery, look, keeps_samples

    def __enter__(self) -> RenderProcess:
        self._child = self._nursery.take(self._look)
        return self._child

    def __exit__(self, *raised: object) -> None:
        is_told = raised[0] is None or isinstance(raised[1], FairviewError)
        if is_told and not (raised[0] and self._keeps_samples):
            self._nursery.give(self._child)
        else:
            # It stopped in the middle: what it holds or says next belongs to nobody.
            self._nursery.drop(self._child)


_REST_S = 0.7
"""Between taking the spare and starting the next, unless somebody waits for it."""


class _Nursery:
    """Starts, lends and ends children: one spare, idle ones by look, busy ones.

    Children are started by one thread that lives as long as the pool (see RenderProcess).
    The lock guards all four fields below it.
    """

    def __init__(self, clock: Clock, children_max: int, program: tuple[str, ...]) -> None:
        self._clock = clock
        self._children_max = children_max
        self._program = program
        self._stop = threading.Event()
        self._wake = threading.Condition()
        self._spare: RenderProcess | None = None
        self._idle: list[tuple[RenderProcess, int]] = []
        self._busy: set[RenderProcess] = set()
        self._wanted = 0
        self._has_warned = False
        self._thread = threading.Thread(target=self._run, name="render-nursery", daemon=True)
        self._thread.start()

    def take(self, look: str) -> RenderProcess:
        """A child for a look: one that already served it, else a fresh one.

        Errors:  Overloaded at the bound; Unavailable when none starts.
        """
        with self._wake:
            if self._stop.is_set():
                raise Unavailable("rendering has been shut down")
            child = self._idle_of(look)
            if child is None:
                child = self._fresh()
            self._busy.add(child)
        child.look = look
        try:
            child.ready()
        except Unavailable:
            self.drop(child)
            raise
        self._warn(child)
        return child

    def give(self, child: RenderProcess) -> None:
        """Take a child back for more of its look; without a look it ends."""
        with self._wake:
            self._busy.discard(child)
            if child.look and child.is_alive and not self._stop.is_set():
                self._idle.append((child, self._clock.monotonic_us()))
                return
        child.kill()

    def drop(self, child: RenderProcess) -> None:
        """End a child that can't be trusted or is no longer needed."""
        with self._wake:
            self._busy.discard(child)
        child.kill()

    def forget(self, look: str) -> None:
        with self._wake:
            gone = [child for child, _ in self._idle if child.look == look]
            self._idle = [entry for entry in self._idle if entry[0].look != look]
        for child in gone:
            child.kill()

    def close(self) -> None:
        with self._wake:
            self._stop.set()
            self._wake.notify_all()
        self._thread.join()
        with self._wake:
            children = [child for child, _ in self._idle] + list(self._busy)
            if self._spare is not None:
                children.append(self._spare)
            self._idle, self._busy, self._spare = [], set(), None
        for child in children:
            child.kill()

    def _idle_of(self, look: str) -> RenderProcess | None:
        for entry in self._idle:
            if entry[0].look == look and entry[0].is_alive:
                self._idle.remove(entry)
                return entry[0]
        return None

    def _fresh(self) -> RenderProcess:
        """The spare, or a new one as soon as it has been started; holds the lock."""
        while len(self._busy) + len(self._idle) + self._wanted >= self._children_max:
            if not self._idle:
                raise Overloaded("too many pictures are being rendered; try again in a moment")
            self._idle.pop(0)[0].kill()
        self._wanted += 1
        self._wake.notify_all()
        try:
            within_s = RENDER_START_US_MAX / US_PER_SECOND
            if not self._wake.wait_for(lambda: self._spare is not None, within_s):
                raise Unavailable("no rendering could be started; ask again")
            child, self._spare = self._spare, None
        finally:
            self._wanted -= 1
        self._wake.notify_all()
        assert child is not None, "wait_for saw it, and the lock was held since"
        return child

    def _run(self) -> None:
        rest_s = 0.0
        while not self._stop.is_set():
            with self._wake:
                if self._spare is not None and self._spare.is_alive:
                    self._end_idle()
                    self._wake.wait(1.0)
                    continue
                dead, self._spare = self._spare, None
                # The child that was just taken is at work for somebody who waits: loading the
                # next one beside it would cost them half a second.
                self._wake.wait_for(lambda: self._wanted > 0 or self._stop.is_set(), rest_s)
                rest_s = _REST_S
            if dead is not None:
                dead.kill()
            if self._stop.is_set():
                return
            child = RenderProcess(self._clock, self._program)
            with self._wake:
                self._spare = child
                self._wake.notify_all()

    def _end_idle(self) -> None:
        now_us = self._clock.monotonic_us()
        for entry in list(self._idle):
            if now_us - entry[1] > RENDER_IDLE_US_MAX or not entry[0].is_alive:
                self._idle.remove(entry)
                entry[0].kill()

    def _warn(self, child: RenderProcess) -> None:
        if child.warnings and not self._has_warned:
            self._has_warned = True
            structlog.get_logger().warning(
                "rendering is less confined than it should be", because=list(child.warnings)
            )


def _pieces(pieces: Sequence[SealedPiece]) -> tuple[Piece, ...]:
    return tuple(
        Piece(header=piece.header, records=piece.records, segment_key=piece.segment_key)
        for piece in pieces
    )
