"""Drawn footage, coded as H.264 and sealed, for rendering tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.access.render import SealedPiece
from fairview.core.ids import CameraId, KeyPairId, SegmentId, new_hex_id
from fairview.core.media import Codec, Fragment, Packet, Sample, VideoFormat
from fairview.core.time import Instant, Span
from fairview.store.sealing import SegmentSealer, new_key_pair, open_key, read_header
from tests.analyse.scenes import Picture, noisy, street, with_person
from tests.builders import NOON

FPS = 10
KEY_EVERY = 10
_ENCODERS = {"h264": "libx264", "hevc": "libx265", "mjpeg": "mjpeg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """pictures as drawn; fragments of a second each."""

    pictures: tuple[Picture, ...]
    fragments: tuple[Fragment, ...]

    @property
    def span(self) -> Span:
        return Span(start=self.fragments[0].start_at, end=self.fragments[-1].span.end)


def walk(
    count: int = 20, width_px: int = 320, height_px: int = 180, codec: Codec = "h264"
) -> Footage:
    """Somebody in red walks along the street."""
    empty = street(width_px, height_px)
    shown = [
        noisy(with_person(empty, (20 + 12 * number) % (width_px - 40)), number, 1.0)
        for number in range(count)
    ]
    return coded(shown, codec=codec)


def coded(pictures: Sequence[Picture], *, bframes: int = 0, codec: Codec = "h264") -> Footage:
    """Pictures 10 a second, a key frame each second; H.264 and H.265 in Annex B."""
    height, width = pictures[0].shape[:2]
    context = av.CodecContext.create(_ENCODERS[codec], "w")
    assert isinstance(context, VideoCodecContext)
    is_jpeg = codec == "mjpeg"
    context.width, context.height = width, height
    context.pix_fmt = "yuvj422p" if is_jpeg else "yuv420p"
    context.time_base = Fraction(1, FPS)
    context.gop_size, context.thread_count = KEY_EVERY, 1
    shape = f"keyint={KEY_EVERY}:scenecut=0:bframes={bframes}:repeat-headers=1"
    if codec == "h264":
        context.options = {"preset": "veryfast", "crf": "12", "x264-params": shape}
    elif codec == "hevc":
        shape += f":log-level=none:min-keyint={KEY_EVERY}:open-gop=0"
        context.options = {"preset": "ultrafast", "crf": "12", "x265-params": shape}
    else:
        context.options = {"qmin": "2", "qmax": "2"}
    samples: list[Sample] = []
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
            format=context.pix_fmt, dst_color_range="JPEG" if is_jpeg else "MPEG"
        )
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        samples += map(_sample, context.encode(frame))
    samples += map(_sample, context.encode(None))
    video = VideoFormat(
        codec=codec,
        width_px=width,
        height_px=height,
        tick_numerator=1,
        tick_denominator=FPS,
        parameter_sets=b"",
    )
    groups: list[list[Sample]] = []
    for sample in samples:
        if sample.is_key:
            groups.append([])
        groups[-1].append(sample)
    fragments = tuple(
        Fragment(
            format=video,
            start_at=NOON.plus(min(one.ticks for one in group) * 1_000_000 // FPS),
            duration_us=len(group) * 1_000_000 // FPS,
            samples=tuple(group),
        )
        for group in groups
    )
    return Footage(pictures=tuple(pictures), fragments=fragments)


def sealed(fragments: Sequence[Fragment]) -> tuple[SealedPiece, ...]:
    """Each fragment as a piece of one segment."""
    private, public = new_key_pair()
    sealer = SegmentSealer(
        camera=CameraId("junction-1"),
        stream="main",
        segment=SegmentId(new_hex_id()),
        key_pair=KeyPairId(new_hex_id()),
        public_half=public,
        signer=Ed25519PrivateKey.generate(),
        created_at=NOON,
    )
    key = open_key(read_header(sealer.header), private)
    return tuple(
        SealedPiece(header=sealer.header, records=sealer.seal(one), segment_key=key)
        for one in fragments
    )


def packets(footage: Footage, start: Instant) -> list[Packet]:
    """The footage as it would arrive live, each packet the moment it is shown."""
    first = footage.fragments[0].start_at
    return [
        Packet(
            camera=CameraId("junction-1"),
            stream="main",
            format=fragment.format,
            ticks=sample.ticks,
            decode_ticks=sample.decode_ticks,
            duration_ticks=1,
            is_key=sample.is_key,
            at=start.plus(fragment.at(sample).since(first)),
            arrived_at=start.plus(fragment.at(sample).since(first)),
            data=sample.data,
        )
        for fragment in footage.fragments
        for sample in fragment.samples
    ]


def _sample(packet: av.Packet[av.stream.Stream]) -> Sample:
    assert packet.pts is not None
    assert packet.dts is not None
    return Sample(
        ticks=packet.pts,
        decode_ticks=packet.dts,
        duration_ticks=1,
        is_key=packet.is_keyframe,
        data=bytes(packet),
    )
