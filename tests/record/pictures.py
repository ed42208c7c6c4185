"""Small coded streams for tests of the record room: made here, a second or two each."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np

from fairview.core.ids import CameraId
from fairview.core.media import Codec, Fragment, Packet, Sample, VideoFormat
from fairview.core.time import Instant
from tests.builders import NOON
from tests.shared_data import SHARED, shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A coded stream as a camera or a file hands it over."""

    format: VideoFormat
    samples: tuple[Sample, ...]


@lru_cache(maxsize=8)
def coded(
    *,
    codec: Codec = "h264",
    pictures: int = 50,
    fps: int = 25,
    b_frames: int = 0,
    key_every: int = 25,
    in_mp4: bool = False,
) -> Coded:
    """A moving ramp, 96x64, coded by FFmpeg; Annex B as from RTSP, or as read from an MP4."""
    target = io.BytesIO()
    encoders = {"h264": "libx264", "hevc": "libx265", "mjpeg": "mjpeg"}
    with av.open(target, "w", format="mp4" if in_mp4 or codec == "mjpeg" else codec) as out:
        stream = out.add_stream(encoders[codec], rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = 96, 64
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.time_base = Fraction(1, fps)
        context = stream.codec_context
        context.gop_size = key_every
        context.max_b_frames = b_frames
        if codec == "h264":
            stream.options = {"tune": "fastdecode", "preset": "ultrafast", "sc_threshold": "0"}
            if b_frames:
                stream.options |= {"bf": str(b_frames), "b-adapt": "0", "x264-params": "scenecut=0"}
        elif codec == "hevc":
            stream.options = {
                "preset": "ultrafast",
                "x265-params": f"log-level=none:keyint={key_every}:min-keyint={key_every}"
                f":bframes={b_frames}:pools=none:frame-threads=1",
            }
        packets = []
        extra = b""
        for number in range(pictures):
            ramp = (np.arange(96)[None, :, None] + number * 5 + np.arange(64)[:, None, None]) % 256
            frame = av.VideoFrame.from_ndarray(
                np.repeat(ramp, 3, axis=2).astype(np.uint8), format="rgb24"
            )
            frame.pts = number
            frame.time_base = Fraction(1, fps)
            packets += stream.encode(frame)
        packets += stream.encode()
        step = 90_000 // fps
        if not in_mp4:
            extra = bytes(context.extradata or b"")
            return _gathered(codec, extra, packets, fps, step)
        for one in packets:
            out.mux(one)
    target.seek(0)
    return read(target)


def _gathered(
    codec: Codec, extra: bytes, packets: list[av.Packet[av.VideoStream]], fps: int, step: int
) -> Coded:
    samples = []
    for one in packets:
        assert one.pts is not None
        assert one.dts is not None
        assert one.time_base is not None
        ticks = int(one.pts * one.time_base * 90_000)
        decode = int(one.dts * one.time_base * 90_000)
        samples.append(
            Sample(
                ticks=ticks,
                decode_ticks=decode,
                duration_ticks=step,
                is_key=one.is_keyframe,
                data=bytes(one),
            )
        )
    if not extra and codec != "mjpeg":
        extra = samples[0].data
    return Coded(
        format=VideoFormat(
            codec=codec,
            width_px=96,
            height_px=64,
            tick_numerator=1,
            tick_denominator=90_000,
            parameter_sets=extra,
        ),
        samples=tuple(samples),
    )


def read(source: io.BytesIO | Path | bytes) -> Coded:
    """The video of a file as format and samples, as delivered."""
    opened = io.BytesIO(source) if isinstance(source, bytes) else source
    with av.open(opened if isinstance(opened, io.BytesIO) else str(opened), "r") as container:
        stream = container.streams.video[0]
        base = stream.time_base
        assert base is not None
        context = stream.codec_context
        codecs: dict[str, Codec] = {"h264": "h264", "hevc": "hevc", "mjpeg": "mjpeg"}
        samples = tuple(
            Sample(
                ticks=one.pts,
                decode_ticks=one.dts,
                duration_ticks=one.duration or 0,
                is_key=one.is_keyframe,
                data=bytes(one),
            )
            for one in container.demux(stream)
            if one.pts is not None and one.dts is not None and one.size
        )
        return Coded(
            format=VideoFormat(
                codec=codecs[context.name],
                width_px=context.width,
                height_px=context.height,
                tick_numerator=base.numerator,
                tick_denominator=base.denominator,
                parameter_sets=bytes(context.extradata or b""),
            ),
            samples=samples,
        )


def packets_of(
    stream: Coded, *, start: Instant = NOON, camera: str = "junction-1"
) -> tuple[Packet, ...]:
    """The samples as packets, shown from `start` on."""
    first = min(sample.ticks for sample in stream.samples)
    return tuple(
        Packet(
            camera=CameraId(camera),
            stream="main",
            format=stream.format,
            ticks=one.ticks,
            decode_ticks=one.decode_ticks,
            duration_ticks=one.duration_ticks,
            is_key=one.is_key,
            at=start.plus(stream.format.us_of(one.ticks - first)),
            arrived_at=start.plus(stream.format.us_of(one.ticks - first) + 20_000),
            data=one.data,
        )
        for one in stream.samples
    )


def fragment_of(stream: Coded, samples: tuple[Sample, ...], start: Instant = NOON) -> Fragment:
    first = min(one.ticks for one in samples)
    last = max(one.ticks + one.duration_ticks for one in samples)
    return Fragment(
        format=stream.format,
        start_at=start,
        duration_us=stream.format.us_of(last - first),
        samples=samples,
    )


def shared_videos() -> list[Path]:
    """The real clips; the tests over them skip where they are absent."""
    return sorted((SHARED / "videos").glob("*.mp4"))


def need_shared_videos() -> list[Path]:
    shared("videos")
    return shared_videos()
