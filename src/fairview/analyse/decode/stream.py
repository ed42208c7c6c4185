"""Samples to pictures, through FFmpeg, one thread each, and only what is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import av
import numpy as np
from av.codec.context import ThreadType
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from fairview.analyse.planes import Matrix, Planes, limited, matrix_for, rgb_of, shrunk
from fairview.core.errors import BadInput
from fairview.core.media import Fragment, Frame, Sample, VideoFormat
from fairview.core.time import Instant, Span

if TYPE_CHECKING:
    import numpy.typing as npt
    from av.video.stream import VideoStream

Decodes = Literal["all", "references", "keys"]
"""Which pictures are decoded: all; those that others build on (a legal choice at any time, and
all of them where a stream has no B-frames or other disposable pictures); key frames, with nothing
between them fed to the decoder at all."""

_WAITING_MAX = 64
"""Pictures a decoder may hold back for reordering; H.264 allows 16. Older ones are forgotten."""

_COLORSPACE_709 = 1
_COLORSPACES_601 = (5, 6)
_RANGE_FULL = 2
"""Values of ITU-T H.273 as FFmpeg numbers them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One picture with its planes. is_damaged: the decoder had to guess parts of it."""

    at: Instant
    planes: Planes
    is_damaged: bool


class PictureDecoder:
    """One stream's decoder; used by one thread.

    coarse: skip the in-loop filter. The picture drifts a little until the next key frame,
    and only a mask is made of it. Decoding costs less where the picture is large: 2.9 instead of
    3.8 ms at 1920x1080, no difference at 640x360.
    decodes: which pictures; the rest are not decoded. size: width and height the planes are
    scaled to; None leaves them as they are.
    """

    def __init__(
        self,
        video: VideoFormat,
        *,
        coarse: bool = False,
        decodes: Decodes = "all",
        size: tuple[int, int] | None = None,
    ) -> None:
        if not video.is_video:
            raise BadInput("what a cover hides is no video: nothing decodes it as pictures")
        self.format = video
        self._decodes = decodes
        self._size = size
        context = av.CodecContext.create(video.codec, "r")
        assert isinstance(context, VideoCodecContext), "a video codec makes a video context"
        context.thread_count = 1
        context.thread_type = ThreadType.NONE
        if video.parameter_sets:
            context.extradata = video.parameter_sets
        if coarse:
            context.options = {"skip_loop_filter": "all"}
        if decodes == "references":
            context.skip_frame = "NONREF"
        self._context = context
        self._shown_at: dict[int, Instant] = {}
        self.damaged = 0

    def decode(self, sample: Sample, at: Instant) -> Iterator[Decoded]:
        """Feed one sample; pictures come in order of presentation, some samples later.

        A sample that can't be decoded yields nothing and counts in `damaged`.
        """
        if self._decodes == "keys" and not sample.is_key:
            return
        packet = cast("av.Packet[VideoStream]", av.Packet(sample.data))
        packet.pts, packet.dts = sample.ticks, sample.decode_ticks
        packet.is_keyframe = sample.is_key
        self._shown_at[sample.ticks] = at
        while len(self._shown_at) > _WAITING_MAX:
            del self._shown_at[next(iter(self._shown_at))]
        yield from self._taken(packet)
        if self._decodes == "keys":
            # A decoder that reorders would hold the picture back until later ones come.
            yield from self._taken(None)
            self._context.flush_buffers()

    def flush(self) -> Iterator[Decoded]:
        """The pictures still held back; the decoder can't be fed again."""
        yield from self._taken(None)

    def _taken(self, packet: av.Packet[VideoStream] | None) -> Iterator[Decoded]:
        try:
            frames = self._context.decode(packet)
        except FFmpegError:
            self.damaged += 1
            return
        for frame in frames:
            at = None if frame.pts is None else self._shown_at.pop(frame.pts, None)
            if at is None:
                self.damaged += 1
                continue
            planes = planes_of(frame, self._size)
            yield Decoded(at=at, planes=planes, is_damaged=frame.is_corrupt)


def planes_of(frame: av.VideoFrame, size: tuple[int, int] | None = None) -> Planes:
    """A decoded frame's planes, scaled to `size`; without a copy when nothing has to change.

    Full-range pictures are brought to limited range after scaling, where that costs least.
    """
    matrix, is_full = _matrix(frame), _is_full_range(frame)
    if frame.format.name not in ("yuv420p", "yuvj420p"):
        frame = frame.reformat(
            format="yuv420p",
            src_color_range="JPEG" if is_full else "MPEG",
            dst_color_range="MPEG",
        )
        is_full = False
    luma, blue, red = (_plane(frame, number) for number in range(3))
    planes = Planes(luma=luma, blue=blue, red=red, matrix=matrix)
    if size is not None:
        planes = shrunk(planes, size)
    return limited(planes) if is_full else planes


def _is_full_range(frame: av.VideoFrame) -> bool:
    return int(frame.color_range) == _RANGE_FULL or frame.format.name.startswith("yuvj")


def _matrix(frame: av.VideoFrame) -> Matrix:
    space = int(frame.colorspace)
    if space == _COLORSPACE_709:
        return "bt709"
    if space in _COLORSPACES_601 or _is_full_range(frame):
        return "bt601"
    return matrix_for(frame.height)


def _plane(frame: av.VideoFrame, number: int) -> npt.NDArray[np.uint8]:
    plane = frame.planes[number]
    rows = np.frombuffer(cast("bytes", plane), dtype=np.uint8)
    return rows[: plane.line_size * plane.height].reshape(plane.height, plane.line_size)[
        :, : plane.width
    ]


def pictures(
    fragments: Iterable[Fragment], wanted: Span | None = None, *, coarse: bool = False
) -> Iterator[Decoded]:
    """The pictures of consecutive fragments shown within `wanted` (all of them when None).

    Begins at the first key frame; a new format begins a new decoder. Fragments after the span
    are not decoded.
    """
    decoder: PictureDecoder | None = None
    for fragment in fragments:
        if wanted is not None and fragment.start_at >= wanted.end:
            break
        if decoder is None or decoder.format != fragment.format:
            if not fragment.is_key:
                continue
            if decoder is not None:
                yield from _within(decoder.flush(), wanted)
            decoder = PictureDecoder(fragment.format, coarse=coarse)
        for sample in fragment.samples:
            yield from _within(decoder.decode(sample, fragment.at(sample)), wanted)
    if decoder is not None:
        yield from _within(decoder.flush(), wanted)


def frames(fragments: Iterable[Fragment], wanted: Span | None = None) -> Iterator[Frame]:
    """The same as RGB frames, for whoever needs pixels in colour."""
    for picture in pictures(fragments, wanted):
        yield Frame(at=picture.at, pixels=rgb_of(picture.planes))


def key_picture(fragment: Fragment, width_px: int, height_px: int) -> Decoded:
    """The key frame a fragment begins with; nothing else is decoded.

    Errors:  BadInput when the fragment doesn't begin with one, it can't be decoded, or it has
    another size than expected.
    """
    if not fragment.is_key:
        raise BadInput("this fragment does not begin with a key frame")
    decoder = PictureDecoder(fragment.format)
    first = fragment.samples[0]
    found = [*decoder.decode(first, fragment.at(first)), *decoder.flush()]
    if not found or found[0].is_damaged:
        raise BadInput("this key frame can't be decoded")
    planes = found[0].planes
    if (planes.width_px, planes.height_px) != (width_px, height_px):
        raise BadInput("this key frame has another size")
    return found[0]


def _within(found: Iterator[Decoded], wanted: Span | None) -> Iterator[Decoded]:
    for picture in found:
        if wanted is None or wanted.holds(picture.at):
            yield picture
