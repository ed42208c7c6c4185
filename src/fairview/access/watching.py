"""Bytes of footage for a look: stored parts, single pictures, live pieces.

Everything here begins with a look found by its token, and notes what leaves before it leaves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

from fairview.access.clean_pictures import CleanPictures
from fairview.access.door import CoverState, LiveChunk, PlayPart
from fairview.access.footage import Footage, StoredPart
from fairview.access.keeping import played_stream
from fairview.access.kept_parts import KeptPart, KeptParts
from fairview.access.live_look import (
    LiveConnector,
    LiveLook,
    LiveSubscription,
    SightConnector,
    SightLook,
    SightSubscription,
    packets_of,
    played_pieces,
)
from fairview.access.looks import LookBook, OpenLook
from fairview.access.may import Allowed, raw_because
from fairview.access.render import FULL, TILE, CleanPicture, PartWish, SealedPiece
from fairview.access.render_scene import RawBecause
from fairview.access.rendering import Rendering
from fairview.core.camera import Camera
from fairview.core.errors import BadInput, NotFound, Unavailable
from fairview.core.ids import CameraId, LookId, StreamName
from fairview.core.limits import PICTURE_WIDTH_PX_MAX, PICTURE_WIDTH_PX_MIN, STRIP_WIDTH_PX_MAX
from fairview.core.time import US_PER_SECOND, Clock, Instant, Span
from fairview.record.fmp4 import decode_ticks_at, init_segment, media_fragment
from fairview.record.nal import completed
from fairview.store.contracts import Catalogue

RAW_LEAD_US = US_PER_SECOND
"""With B-frames decoding begins before the first picture; nothing may begin before zero."""

INIT_US = US_PER_SECOND
"""How much of a part is rendered to learn its initialisation."""

_DRAWN: dict[str, RawBecause] = {
    "the camera is simulated": "simulated",
    "the camera plays a file": "granted",
    "the register says no persons are in view": "no persons in view",
    "commissioning": "commissioning",
}


@dataclass(slots=True)
class _Plans:
    """The parts each look was told of, so that numbers mean the same until it asks again."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    parts: dict[tuple[LookId, CameraId], tuple[StoredPart, ...]] = field(default_factory=dict)
    subscriptions: dict[LookId, list[LiveSubscription | SightSubscription]] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """What pictures are made with."""

    catalogue: Catalogue
    footage: Footage
    pictures: CleanPictures
    rendering: Rendering
    connect: LiveConnector
    sights: SightConnector


class Watching:
    """Safe from several threads."""

    def __init__(self, looks: LookBook, views: Views, clock: Clock) -> None:
        self._looks = looks
        self._views = views
        self._clock = clock
        self._plans = _Plans()
        self._kept = KeptParts()

    def cover_of(self, camera: Camera, opened: OpenLook) -> CoverState:
        """What the pixels of a look are at best."""
        if opened.wish.rendition == "raw":
            return "uncovered"
        has_clean = self._views.pictures.approved(camera.id) is not None
        if not has_clean:
            return "whole_frame"
        return "silhouettes" if self._views.rendering.model is None else "persons_covered"

    def parts(self, token: str, camera: CameraId) -> tuple[PlayPart, ...]:
        """The parts of a stored look, and what their numbers mean from now on."""
        opened = self._looks.find(token, camera)
        return tuple(one.play for one in self._planned(opened, camera, afresh=True))

    def part_init(self, token: str, camera: CameraId, number: int) -> bytes:
        opened = self._looks.find(token, camera)
        data = self._init(opened, camera, number)
        self._looks.note_read(opened, camera, None, len(data))
        return data

    def part(self, token: str, camera: CameraId, number: int) -> Iterator[bytes]:
        """One part, piece by piece as it is covered; each is noted as read before it leaves."""
        opened = self._looks.find(token, camera)
        stored = self._stored(opened, camera, number)
        return self._noted(opened, camera, stored)

    def _noted(self, opened: OpenLook, camera: CameraId, stored: StoredPart) -> Iterator[bytes]:
        span: Span | None = stored.play.span
        with closing(self._part(opened, camera, stored)) as pieces:
            for piece in pieces:
                self._looks.note_read(opened, camera, span, len(piece.media))
                span = None
                yield piece.media

    def picture(self, token: str, camera: CameraId, at: Instant, width_px: int) -> bytes:
        """The last picture at or before a moment inside the look's span."""
        opened = self._looks.find(token, camera)
        span = opened.wish.span
        if span is None:
            raise BadInput("single pictures belong to a look at stored footage")
        if not PICTURE_WIDTH_PX_MIN <= width_px <= PICTURE_WIDTH_PX_MAX:
            raise BadInput(
                f"a picture is {PICTURE_WIDTH_PX_MIN} to {PICTURE_WIDTH_PX_MAX} pixels wide"
            )
        if not span.start <= at <= span.end:
            raise NotFound("this moment is outside the look")
        if opened.wish.is_strip:
            width_px = min(width_px, STRIP_WIDTH_PX_MAX)
        self._looks.count_picture(opened)
        at = min(at, span.end.plus(-1))
        known = self._views.catalogue.camera(camera).camera
        part = self._views.footage.last_before(camera, played_stream(known), at, span.start)
        if part is None:
            raise NotFound("there is no picture at or before this moment")
        jpeg = self._views.rendering.pool().picture(
            [self._views.footage.piece(part)],
            at,
            width_px,
            clean=self._clean(known, opened),
            covers=self._covers(known, opened, Span(start=at, end=at.plus(1))),
            zones=known.zones,
            rendition=opened.wish.rendition,
            raw_because=self._raw_because(known),
            look=opened.look.id,
        )
        self._still(opened)
        self._looks.note_read(opened, camera, _moment(span, at), len(jpeg))
        return jpeg

    def key_picture(self, token: str, camera: CameraId, at: Instant, width_px: int) -> bytes:
        """The key frame at or before a moment, where it lies in the look's span, else the picture
        of the moment itself. One picture is decoded for it, not a group.
        """
        opened = self._looks.find(token, camera)
        span = opened.wish.span
        if span is not None and span.holds(at):
            known = self._views.catalogue.camera(camera).camera
            stream = played_stream(known)
            part = self._views.footage.last_before(camera, stream, at, span.start)
            if part is not None and part.records[0].start_at >= span.start:
                at = part.records[0].start_at
        return self.picture(token, camera, at, width_px)

    def live(self, token: str, camera: CameraId) -> LiveLook:
        """Live pieces until the look ends or the iterator is closed."""
        opened = self._looks.find(token, camera)
        if opened.wish.span is not None:
            raise BadInput("this look is at stored footage: open a live look")
        known = self._views.catalogue.camera(camera).camera
        is_tile = len(opened.wish.cameras) > 1
        stream: StreamName = "sub" if is_tile and known.source("sub") else "main"
        goes_on = _Going(self._is_over, opened)

        def rendered() -> Iterator[LiveChunk]:
            return self._views.rendering.pool().live(
                f"{camera}/{stream}",
                lambda: packets_of(self._views.connect(camera, stream)),
                clean=self._clean(known, opened),
                zones=known.zones,
                size=TILE if is_tile else FULL,
                rendition=opened.wish.rendition,
                raw_because=self._raw_because(known),
                goes_on=goes_on,
            )

        if opened.wish.rendition == "raw" and not _has_zones(known):
            subscription = self._views.connect(camera, stream)
            pieces: Iterator[LiveChunk] = played_pieces(subscription, opened.wish.plays, rendered)
            let_go = _both(goes_on.stop, subscription.close)
            self._keep_subscription(opened, subscription)
        else:
            let_go = goes_on.stop
            pieces = rendered()
        return LiveLook(
            pieces,
            goes_on=goes_on,
            note=lambda span, size: self._looks.note_read(opened, camera, span, size),
            let_go=let_go,
        )

    def sights(self, token: str, camera: CameraId) -> SightLook:
        """What is seen in a live look's picture, until the look ends or the iterator is closed."""
        opened = self._looks.find(token, camera)
        if opened.wish.span is not None:
            raise BadInput("boxes are drawn over live pictures: open a live look")
        subscription = self._views.sights(camera)
        self._keep_subscription(opened, subscription)
        return SightLook(subscription, _Going(self._is_over, opened))

    def forget(self, look: LookId) -> None:
        """A look has ended: drop its plans, parts and rendering children."""
        self._kept.forget(look)
        with self._plans.lock:
            for key in [key for key in self._plans.parts if key[0] == look]:
                del self._plans.parts[key]
            subscriptions = self._plans.subscriptions.pop(look, [])
        for subscription in subscriptions:
            subscription.close()
        self._views.rendering.forget(look)

    def stored_parts(self, opened: OpenLook, camera: CameraId) -> tuple[StoredPart, ...]:
        """A fresh plan, for an export."""
        span = opened.wish.span
        if span is None:
            raise BadInput("this look is live: there are no stored parts in it")
        if opened.wish.is_strip:
            raise BadInput("a strip of thumbnails has single pictures only: open a look to play")
        stream = played_stream(self._views.catalogue.camera(camera).camera)
        return self._views.footage.parts(camera, stream, span, opened.wish.rendition)

    def clean_made_at(self, camera: CameraId, opened: OpenLook) -> Instant | None:
        """Which clean picture a covered look is drawn on; None for none, or a raw look."""
        if opened.wish.rendition == "raw":
            return None
        clean = self._views.pictures.approved(camera)
        return None if clean is None else clean.made_at

    def render_part(
        self, opened: OpenLook, camera: Camera, stored: StoredPart, pictures_max: int = 0
    ) -> KeptPart:
        """One part in the look's rendition; of covered ones at most pictures_max, 0 for all.

        Errors:  Overloaded, Unavailable, NotFound.
        """
        span = opened.wish.span
        assert span is not None, "a stored part belongs to a stored look"
        if _is_own(opened, camera, stored):
            return self._remuxed(stored, span)
        wish = self._wish(opened, camera, stored, pictures_max)
        rendered = self._views.rendering.pool().part(wish)
        return KeptPart(init=rendered.init, media=rendered.media)

    def _wish(
        self, opened: OpenLook, camera: Camera, stored: StoredPart, pictures_max: int = 0
    ) -> PartWish:
        assert opened.wish.span is not None, "a stored part belongs to a stored look"
        return PartWish(
            pieces=[self._views.footage.piece(stored.part)],
            span=stored.play.span,
            clean=self._clean(camera, opened),
            covers=self._covers(camera, opened, stored.play.span),
            zones=camera.zones,
            rendition=opened.wish.rendition,
            raw_because=self._raw_because(camera),
            look=opened.look.id,
            origin=opened.wish.span.start,
            pictures_max=pictures_max,
        )

    def _keep_subscription(
        self, opened: OpenLook, subscription: LiveSubscription | SightSubscription
    ) -> None:
        """So that the look's end wakes whoever waits for a packet."""
        with self._plans.lock:
            self._plans.subscriptions.setdefault(opened.look.id, []).append(subscription)
        if self._is_over(opened):
            subscription.close()

    def _planned(
        self, opened: OpenLook, camera: CameraId, *, afresh: bool = False
    ) -> tuple[StoredPart, ...]:
        key = (opened.look.id, camera)
        with self._plans.lock:
            known = self._plans.parts.get(key)
        if known is not None and not afresh:
            return known
        planned = self.stored_parts(opened, camera)
        if known is not None and planned[: len(known)] != known:
            self._kept.forget(opened.look.id)
        with self._plans.lock:
            self._plans.parts[key] = planned
        return planned

    def _stored(self, opened: OpenLook, camera: CameraId, number: int) -> StoredPart:
        planned = self._planned(opened, camera)
        if not 0 <= number < len(planned):
            raise NotFound(f"this look has no part {number}")
        return planned[number]

    def _init(self, opened: OpenLook, camera: CameraId, number: int) -> bytes:
        """The initialisation of all parts of one format, from the first of them."""
        stored = self._stored(opened, camera, number)
        known = self._views.catalogue.camera(camera).camera
        if _is_own(opened, known, stored):
            key = (opened.look.id, camera, number)
            return self._kept.get(key, lambda: self.render_part(opened, known, stored)).init
        short = _shortened(stored)
        made = self._kept.get(
            (opened.look.id, camera, -1 - number), lambda: self.render_part(opened, known, short, 1)
        )
        self._still(opened)
        return made.init

    def _part(
        self, opened: OpenLook, camera: CameraId, stored: StoredPart
    ) -> Generator[KeptPart, None, None]:
        known = self._views.catalogue.camera(camera).camera
        is_remuxed = _is_own(opened, known, stored)
        init = None if is_remuxed else self._init(opened, camera, stored.play.init)
        key = (opened.look.id, camera, stored.play.number)
        with closing(
            self._kept.pieces(key, lambda: self._rendered(opened, known, stored))
        ) as pieces:
            for piece in pieces:
                if init is not None and piece.init != init:
                    # What stands in for a stretch that can't be decoded has another size.
                    raise Unavailable("no picture of this stretch can be decoded")
                self._still(opened)
                yield piece

    def _rendered(
        self, opened: OpenLook, camera: Camera, stored: StoredPart
    ) -> Generator[KeptPart, None, None]:
        if _is_own(opened, camera, stored):
            yield self.render_part(opened, camera, stored)
            return
        wish = self._wish(opened, camera, stored)
        with closing(self._views.rendering.pool().part_pieces(wish)) as pieces:
            for piece in pieces:
                yield KeptPart(init=piece.init, media=piece.media)

    def _remuxed(self, stored: StoredPart, span: Span) -> KeptPart:
        fragments = list(self._views.footage.fragments(stored.part))
        video = completed(fragments[0].format, fragments[0].samples[0].data)
        samples = [sample for fragment in fragments for sample in fragment.samples]
        shown_us = fragments[0].start_at.since(span.start) + RAW_LEAD_US
        media = media_fragment(
            video,
            samples,
            sequence=stored.play.number + 1,
            first_decode_ticks=decode_ticks_at(video, fragments[0].samples, shown_us),
        )
        return KeptPart(init=init_segment(video), media=media)

    def _clean(self, camera: Camera, opened: OpenLook) -> CleanPicture | None:
        if opened.wish.rendition == "raw":
            return None
        return self._views.pictures.approved(camera.id)

    def _covers(self, camera: Camera, opened: OpenLook, span: Span) -> tuple[SealedPiece, ...]:
        """Only a cover with a model is made of what was found while recording."""
        if opened.wish.rendition == "raw" or self._views.rendering.model is None:
            return ()
        return self._views.footage.covers(camera.id, span)

    def _raw_because(self, camera: Camera) -> RawBecause:
        reason = raw_because(camera, self._clock.now())
        return _DRAWN.get(reason.because, "") if isinstance(reason, Allowed) else ""

    def _is_over(self, opened: OpenLook) -> bool:
        return opened.ended.is_set() or opened.look.expires_at <= self._clock.now()

    def _still(self, opened: OpenLook) -> None:
        """Rendering takes time; nothing leaves when the look ended meanwhile."""
        if self._is_over(opened):
            self._looks.find(opened.token)
            raise NotFound("this look is over: open a new one")


class _Going:
    """Whether a live look goes on: until it ends, or its viewer leaves."""

    def __init__(self, is_over: Callable[[OpenLook], bool], opened: OpenLook) -> None:
        self._is_over = is_over
        self._opened = opened
        self._is_stopped = threading.Event()

    def __call__(self) -> bool:
        return not self._is_stopped.is_set() and not self._is_over(self._opened)

    def stop(self) -> None:
        self._is_stopped.set()


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        first()
        second()

    return both


def _is_own(opened: OpenLook, camera: Camera, stored: StoredPart) -> bool:
    """Whether a part leaves as the camera's own samples, not rendered."""
    is_raw = opened.wish.rendition == "raw" and not _has_zones(camera)
    return is_raw and stored.codec in opened.wish.plays


def _has_zones(camera: Camera) -> bool:
    return any(zone.kind == "on_view" for zone in camera.zones)


def _shortened(stored: StoredPart) -> StoredPart:
    """The part's first record and first instants: enough for an initialisation."""
    start = stored.play.span.start
    short = Span(start=start, end=min(stored.play.span.end, start.plus(INIT_US)))
    records = tuple(one for one in stored.part.records if one.start_at < short.end)
    return replace(
        stored,
        part=replace(stored.part, records=records or stored.part.records[:1]),
        play=replace(stored.play, span=short),
    )


def _moment(span: Span, at: Instant) -> Span:
    """A single picture as a stretch of the shortest length, inside the look's span."""
    start = min(max(at, span.start), span.end.plus(-1))
    return Span(start=start, end=start.plus(1))
