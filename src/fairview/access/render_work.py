"""What a rendering child does with one request. No processes here, no files, no network."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from fairview.access.door import CoverState
from fairview.access.render_encode import PictureEncoder, jpeg_of
from fairview.access.render_records import fragments_in
from fairview.access.render_scene import (
    CoverModelName,
    Painted,
    Renderings,
    SceneRendering,
    Showing,
    worst,
)
from fairview.access.render_words import (
    Ask,
    Chunk,
    CleanAsk,
    CleanDone,
    CleanLoad,
    LiveAsk,
    LiveDone,
    LivePacket,
    ModelLoad,
    PartAsk,
    PartDone,
    PictureAsk,
    PictureDone,
    Piece,
    Reply,
    SampleAsk,
    SampleDone,
    Show,
)
from fairview.analyse.clean import CleanPicture, median_planes, refreshed
from fairview.analyse.cover import scene_of, silhouettes
from fairview.analyse.cover_ahead import StoredRegions
from fairview.analyse.cover_finds import Finders
from fairview.analyse.decode import Decoded, PictureDecoder, key_picture, pictures
from fairview.analyse.planes import Planes, fitted, planes_of_rgb, resized, rgb_of
from fairview.analyse.region_code import regions_of
from fairview.core.errors import (
    BadInput,
    Conflict,
    Corrupt,
    FairviewError,
    NotFound,
    Unavailable,
)
from fairview.core.ids import CameraId
from fairview.core.limits import CLEAN_SAMPLES_MAX, LIVE_CHUNK_US, LIVE_KEY_EVERY_US
from fairview.core.media import Fragment, Sample, VideoFormat
from fairview.core.sight import CoverRegions
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.record.fmp4 import decode_ticks_at, init_segment, media_fragment, mse_codec
from fairview.record.nal import completed
from fairview.store.sealing import read_header

CLEAN_WIDTH_PX_MAX = 1_920
RAW_LEAD_US = US_PER_SECOND
"""With B-frames decoding begins before the first picture; nothing may begin before zero."""

_STUCK_PICTURES_MAX = 10
"""Live pictures older than one that was shown, before the time line is given up."""


class Work:
    """Answers requests one after another; holds the clean picture and a live rendering."""

    def __init__(self) -> None:
        self._model: CoverModelName | None = None
        self._finders: Finders | None = None
        self._clean: CleanPicture | None = None
        self._samples: list[Decoded] = []
        self._live: LiveWork | None = None

    def answers(self, ask: Ask) -> Iterator[Reply]:
        """The answers; none for a request that has none.

        Errors:  any of the tree, for the pool to pass on.
        """
        if isinstance(ask, LiveAsk):
            yield self._live_answer(ask)
        elif isinstance(ask, PartAsk):
            yield from part(ask, self._showing(ask.show), self._finders)
        elif isinstance(ask, PictureAsk):
            yield picture(ask, self._showing(ask.show), self._finders)
        elif isinstance(ask, SampleAsk):
            yield SampleDone(taken=self._sample(ask.piece))
        elif isinstance(ask, CleanAsk):
            yield CleanDone(png=self._clean_made(ask).to_png())
        elif isinstance(ask, ModelLoad):
            self._load_model(ask)
        else:
            self._load(ask)

    def _load_model(self, ask: ModelLoad) -> None:
        """What can't be loaded is missing from the covers, which then hide whole frames."""
        self._model, self._finders = CoverModelName(folder=ask.folder, name=ask.name), None
        # Loaded here and not above: a renderer without a model does without its runtime.
        from fairview.access.cover_finders import cover_detectors
        from fairview.analyse.detectors.models import ModelStore

        with suppress(FairviewError):
            self._finders = cover_detectors(ModelStore(Path(ask.folder)), ask.name).finders

    def _load(self, ask: CleanLoad) -> None:
        rgb = np.frombuffer(ask.rgb, dtype=np.uint8)
        self._clean = CleanPicture(
            pixels=rgb.reshape(ask.height_px, ask.width_px, 3), made_at=Instant(ask.made_at_us)
        )

    def _showing(self, show: Show) -> Showing:
        if show.has_model and self._model is None:
            raise Conflict("a model is asked for, and none was loaded")
        clean = None
        if show.clean_at_us is not None:
            if self._clean is None or self._clean.made_at.us != show.clean_at_us:
                raise Conflict("another clean picture is loaded than the one asked for")
            clean = self._clean
        return Showing(
            rendition=show.rendition,
            clean=clean,
            zones=show.zones,
            raw_because=show.raw_because,
            width_px_max=show.width_px_max,
            fps_max=show.fps_max,
            model=self._model if show.has_model else None,
        )

    def _sample(self, piece: Piece) -> bool:
        """Keep the first key frame of a piece; False when it can't be used."""
        if len(self._samples) >= CLEAN_SAMPLES_MAX:
            return False
        fragment = next((one for one in _fragments([piece]) if one.is_key), None)
        if fragment is None:
            return False
        try:
            found = key_picture(fragment, fragment.format.width_px, fragment.format.height_px)
        except BadInput:
            return False
        if any(sample.at == found.at for sample in self._samples):
            return False
        size = fitted(found.planes.width_px, found.planes.height_px, CLEAN_WIDTH_PX_MAX)
        planes = resized(found.planes, *size)
        if self._samples and self._samples[0].planes.luma.shape != planes.luma.shape:
            return False
        kept = planes.copy()
        self._samples.append(Decoded(at=found.at, planes=kept, is_damaged=False))
        return True

    def _clean_made(self, ask: CleanAsk) -> CleanPicture:
        samples, self._samples = self._samples, []
        times = [sample.at for sample in samples]
        if not times or max(times).since(min(times)) < ask.span_us_min:
            minutes = round(ask.span_us_min / US_PER_SECOND / 60)
            raise Unavailable(f"a clean picture needs {minutes} minutes of footage first")
        median = median_planes([sample.planes for sample in samples])
        if not ask.refresh:
            return CleanPicture(pixels=rgb_of(median), made_at=max(times))
        assert self._clean is not None, "a refresh begins with the approved picture"
        approved = resized(
            planes_of_rgb(self._clean.pixels, median.matrix), median.width_px, median.height_px
        )
        present = silhouettes(median, scene_of(approved))
        if present.is_unsure:
            return self._clean
        mixed = refreshed(approved, median, present.mask)
        return CleanPicture(pixels=rgb_of(mixed), made_at=max(times))

    def _live_answer(self, ask: LiveAsk) -> LiveDone:
        if self._live is None:
            showing = self._showing(ask.show)
            self._live = LiveWork(showing, Instant(ask.origin_us), self._finders)
        return LiveDone(chunks=tuple(self._live.packet(ask)))


def part(ask: PartAsk, showing: Showing, finders: Finders | None = None) -> Iterator[PartDone]:
    """A stretch as one initialisation and one fragment, or as fragments while they are made.

    Raw H.264 without zones is the camera's own samples, wrapped; anything else is painted and
    encoded. Footage that yields no picture becomes one wholly covered picture.
    """
    span = Span(start=Instant(ask.start_us), end=Instant(ask.end_us))
    origin = Instant(ask.origin_us)
    if showing.rendition == "raw" and not showing.zones and _is_playable(ask.pieces):
        yield _raw_part(_fragments(ask.pieces), span, origin)
        return
    pieces: _Pieces | None = None
    for painted in _painted(ask, showing, finders):
        if pieces is not None and not pieces.fits(painted.planes):
            break
        pieces = pieces or _Pieces(_encoder(painted, origin), ask.piece_us)
        yield from pieces.take(painted)
    if pieces is None:
        if showing.rendition == "raw":
            raise Unavailable("no picture of this stretch can be decoded")
        painted = SceneRendering(showing, 640, 360, "bt601").nothing(span.start)
        pieces = _Pieces(_encoder(painted, origin), 0)
        yield from pieces.take(painted)
    yield pieces.last(span.end)


class _Pieces:
    """Painted pictures of one part as fragments: each as long as piece_us, or one of all."""

    def __init__(self, encoder: PictureEncoder, piece_us: int) -> None:
        self._encoder = encoder
        self._piece_us = piece_us
        self._init = init_segment(encoder.format)
        self._open: list[Sample] = []
        self._covers: list[CoverState] = []
        self._sequence = 0
        self._begun_at: Instant | None = None

    def fits(self, planes: Planes) -> bool:
        return _size(planes) == _format_size(self._encoder.format)

    def take(self, painted: Painted) -> Iterator[PartDone]:
        """One more picture; the piece before it when that is long enough."""
        is_first = self._begun_at is None
        sample = self._encoder.encode(painted.planes, painted.at, is_key=is_first)
        if sample is None:
            return
        begun_at = self._begun_at or painted.at
        if self._open and 0 < self._piece_us <= painted.at.since(begun_at):
            yield self._closed(sample.decode_ticks, is_last=False)
            begun_at = painted.at
        self._begun_at = begun_at
        self._open.append(sample)
        self._covers.append(painted.cover)

    def last(self, end: Instant) -> PartDone:
        """What is open, shown until `end`."""
        assert self._open, "the newest picture is always open"
        end_ticks = self._encoder.ticks(end)
        is_later = end_ticks > self._open[-1].decode_ticks
        return self._closed(end_ticks if is_later else None, is_last=True)

    def _closed(self, next_ticks: int | None, *, is_last: bool) -> PartDone:
        self._sequence += 1
        media = media_fragment(
            self._encoder.format,
            self._open,
            sequence=self._sequence,
            first_decode_ticks=self._open[0].decode_ticks,
            next_decode_ticks=next_ticks,
        )
        cover = worst(self._covers)
        self._open, self._covers = [], []
        return PartDone(
            init=self._init,
            media=media,
            codec=mse_codec(self._encoder.format),
            cover=cover,
            is_last=is_last,
        )


def _painted(ask: PartAsk, showing: Showing, finders: Finders | None) -> Iterator[Painted]:
    span = Span(start=Instant(ask.start_us), end=Instant(ask.end_us))
    renderings = Renderings(showing, finders, _stored(ask, showing))
    coarse = showing.rendition == "covered"
    taken = 0
    for found in pictures(_fragments(ask.pieces), span, coarse=coarse):
        if renderings.wants(found.at):
            yield from renderings.take(found)
            taken += 1
        if taken == ask.pictures_max > 0:
            break
    yield from renderings.rest()


def picture(ask: PictureAsk, showing: Showing, finders: Finders | None = None) -> PictureDone:
    """The last picture at or before a moment, as JPEG.

    Errors:  NotFound when the pieces hold none.
    """
    until = Span(start=Instant(0), end=Instant(ask.at_us + 1))
    coarse = showing.rendition == "covered"
    last = deque(pictures(_fragments(ask.pieces), until, coarse=coarse), maxlen=2)
    if not last:
        raise NotFound("there is no picture at or before this moment")
    renderings = Renderings(showing, finders, _stored(ask, showing))
    for found in last:
        painted = renderings.paint(found)
    return PictureDone(jpeg=jpeg_of(painted.planes), cover=painted.cover)


class LiveWork:
    """One live rendering: packets in, pieces of fragmented MP4 out."""

    def __init__(self, showing: Showing, origin: Instant, finders: Finders | None = None) -> None:
        self._showing = showing
        self._origin = origin
        self._decoder: PictureDecoder | None = None
        self._renderings = Renderings(showing, finders)
        self._encoder: PictureEncoder | None = None
        self._open: list[tuple[Sample, Painted]] = []
        self._key_at: Instant | None = None
        self._sequence = 0
        self._stuck = 0

    def packet(self, ask: LiveAsk) -> Iterator[Chunk]:
        """The pieces that became complete with this packet."""
        video = _format(ask.packet)
        if self._decoder is None or self._decoder.format != video:
            if not ask.packet.is_key:
                return
            self._decoder = PictureDecoder(video, coarse=self._showing.rendition == "covered")
        packet = ask.packet
        sample = Sample(
            ticks=packet.ticks,
            decode_ticks=packet.decode_ticks,
            duration_ticks=0,
            is_key=packet.is_key,
            data=packet.data,
        )
        for found in self._decoder.decode(sample, Instant(packet.at_us)):
            if not ask.skip and self._renderings.wants(found.at):
                for painted in self._renderings.take(found, is_late=ask.is_late):
                    yield from self._picture(painted)

    def _picture(self, painted: Painted) -> Iterator[Chunk]:
        if self._encoder is None or _size(painted.planes) != _format_size(self._encoder.format):
            yield from self._closed(None)
            self._encoder = _encoder(painted, self._origin)
            self._key_at = None
            yield Chunk(
                is_init=True,
                is_key=False,
                codec=mse_codec(self._encoder.format),
                cover=painted.cover,
                at_us=painted.at.us,
                data=init_segment(self._encoder.format),
            )
        is_key = self._key_at is None or painted.at.since(self._key_at) >= LIVE_KEY_EVERY_US
        sample = self._encoder.encode(painted.planes, painted.at, is_key=is_key)
        if sample is None:
            self._stuck += 1
            if self._stuck > _STUCK_PICTURES_MAX:
                raise Unavailable("the camera's time went back; the rendering begins anew")
            return
        self._stuck = 0
        if self._open and (
            sample.is_key
            or painted.at.since(self._open[0][1].at) >= LIVE_CHUNK_US
            # The first piece is one picture, so that a viewer sees something at once.
            or self._sequence == 0
            or painted.cover != self._open[0][1].cover
        ):
            yield from self._closed(sample.decode_ticks)
        if sample.is_key:
            self._key_at = painted.at
        self._open.append((sample, painted))

    def _closed(self, next_ticks: int | None) -> Iterator[Chunk]:
        if not self._open or self._encoder is None:
            return
        samples = [sample for sample, _ in self._open]
        first = self._open[0][1]
        self._sequence += 1
        data = media_fragment(
            self._encoder.format,
            samples,
            sequence=self._sequence,
            first_decode_ticks=samples[0].decode_ticks,
            next_decode_ticks=next_ticks,
        )
        self._open = []
        yield Chunk(
            is_init=False,
            is_key=samples[0].is_key,
            codec="",
            cover=first.cover,
            at_us=first.at.us,
            data=data,
        )


def _raw_part(fragments: Iterable[Fragment], span: Span, origin: Instant) -> PartDone:
    """Fragments that begin within the span, bit for bit; the first format only."""
    taken: list[Fragment] = []
    for fragment in fragments:
        if not span.holds(fragment.start_at) or (not taken and not fragment.is_key):
            continue
        if taken and fragment.format != taken[0].format:
            break
        taken.append(fragment)
    if not taken:
        raise Unavailable("no key frame begins in this stretch")
    video = completed(taken[0].format, taken[0].samples[0].data)
    samples = [sample for fragment in taken for sample in fragment.samples]
    shown_us = taken[0].start_at.since(origin) + RAW_LEAD_US
    media = media_fragment(
        video,
        samples,
        sequence=1,
        first_decode_ticks=decode_ticks_at(video, taken[0].samples, shown_us),
    )
    return PartDone(
        init=init_segment(video), media=media, codec=mse_codec(video), cover="uncovered"
    )


def _fragments(pieces: Sequence[Piece]) -> Iterator[Fragment]:
    for piece in pieces:
        yield from fragments_in(read_header(piece.header), piece.records, piece.segment_key)


def _is_playable(pieces: Sequence[Piece]) -> bool:
    """Whether every browser plays the samples as they are."""
    first = next(_fragments(pieces), None)
    return first is None or first.format.codec == "h264"


def _stored(ask: PartAsk | PictureAsk, showing: Showing) -> StoredRegions | None:
    """What was found to hide while recording, by the model that is asked for.

    Whatever is damaged, of another camera or unknown is left out: those pictures are looked at.
    """
    if showing.model is None or not ask.pieces:
        return None
    camera = read_header(ask.pieces[0].header).camera
    found: list[CoverRegions] = []
    for piece in ask.covers:
        header = read_header(piece.header)
        if header.camera != camera or header.stream != "cover":
            continue
        with suppress(Corrupt, BadInput):
            for fragment in fragments_in(header, piece.records, piece.segment_key):
                found += _regions(fragment, camera, showing.model.name)
    return StoredRegions(tuple(found))


def _regions(fragment: Fragment, camera: CameraId, model: str) -> Iterator[CoverRegions]:
    """Errors:  BadInput."""
    if fragment.format.is_video or fragment.format.parameter_sets != model.encode("ascii"):
        return
    for sample in fragment.samples:
        yield regions_of(sample.data, camera, fragment.at(sample))


def _encoder(painted: Painted, origin: Instant) -> PictureEncoder:
    planes = painted.planes
    return PictureEncoder(planes.width_px, planes.height_px, matrix=planes.matrix, origin=origin)


def _size(planes: Planes) -> tuple[int, int]:
    return planes.width_px, planes.height_px


def _format_size(video: VideoFormat) -> tuple[int, int]:
    return video.width_px, video.height_px


def _format(packet: LivePacket) -> VideoFormat:
    return VideoFormat(
        codec=packet.codec,
        width_px=packet.width_px,
        height_px=packet.height_px,
        tick_numerator=packet.tick_numerator,
        tick_denominator=packet.tick_denominator,
        parameter_sets=packet.parameter_sets,
    )
