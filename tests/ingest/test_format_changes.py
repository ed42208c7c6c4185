"""Streams that change on the way: another size or other parameter sets begin a new format."""

from __future__ import annotations

import io
import socket
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput
from fairview.core.flow import StreamLost
from fairview.core.media import Packet, VideoFormat
from fairview.ingest.format_changes import format_after
from tests.ingest.http.serving import camera, ended, jpeg_picture, source_of

SIZES = ((160, 96), (96, 64), (160, 96))
GROUP = 10
CODERS = {"h264": "libx264", "hevc": "libx265"}


def coded(
    codec: str, size_px: tuple[int, int], first: int, *, fps: int = 25
) -> list[av.Packet[VideoStream]]:
    """One group of pictures, Annex B, its parameter sets in front."""
    context = av.CodecContext.create(CODERS[codec], "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = size_px
    context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 90_000)
    context.framerate = Fraction(fps, 1)
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x265-params": "log-level=none:bframes=0:repeat-headers=1",
    }
    packets: list[av.Packet[VideoStream]] = []
    for number in range(GROUP):
        ramp = np.add.outer(np.arange(size_px[1]), np.arange(size_px[0])) + 9 * number
        pixels = np.repeat((ramp % 256).astype(np.uint8)[:, :, None], 3, axis=2)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = (first + number) * 90_000 // fps, Fraction(1, 90_000)
        packets += context.encode(frame)
    return packets + context.encode(None)


def stream_of(codec: str) -> tuple[bytes, list[bytes]]:
    """MPEG-TS whose picture changes its size twice, and its units."""
    groups = [coded(codec, size, GROUP * at) for at, size in enumerate(SIZES)]
    out = io.BytesIO()
    with av.open(out, "w", format="mpegts") as to:
        stream = to.add_stream(CODERS[codec], rate=25)
        assert isinstance(stream, VideoStream)
        stream.codec_context.time_base = Fraction(1, 90_000)
        units = [bytes(packet) for group in groups for packet in group]
        for group in groups:
            for packet in group:
                packet.stream = stream
                packet.time_base = Fraction(1, 90_000)
                to.mux(packet)
    return out.getvalue(), units


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_another_size_in_mid_stream_is_another_format(codec: str) -> None:
    data, _ = stream_of(codec)

    def play(line: socket.socket, head: str) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + data)
        ended(line)

    found: list[Packet] = []
    with camera(play) as served, pytest.raises(StreamLost, match="ended"):
        found.extend(source_of(served.address()).packets())
    assert len(found) == GROUP * len(SIZES)
    sizes = [(one.format.width_px, one.format.height_px) for one in found]
    assert sizes == [size for size in SIZES for _ in range(GROUP)]
    for packet in found[::GROUP]:
        assert packet.is_key
    decoder: VideoCodecContext | None = None
    for before, packet in zip([None, *found], found, strict=False):
        if before is None or packet.format != before.format:
            made = av.CodecContext.create(packet.format.codec, "r")
            assert isinstance(made, VideoCodecContext)
            decoder = made
            assert packet.is_key, "a new format begins at a key frame"
        assert decoder is not None
        for frame in decoder.decode(av.Packet(packet.data)):
            assert (frame.width, frame.height) == (packet.format.width_px, packet.format.height_px)


def form_of(codec: str, size_px: tuple[int, int], sets: bytes = b"") -> VideoFormat:
    return VideoFormat(
        codec="h264" if codec == "h264" else "hevc" if codec == "hevc" else "mjpeg",
        width_px=size_px[0],
        height_px=size_px[1],
        tick_numerator=1,
        tick_denominator=90_000,
        parameter_sets=sets,
    )


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_same_parameter_sets_again_change_nothing_and_a_rate_does(codec: str) -> None:
    key = bytes(coded(codec, SIZES[0], 0)[0])
    form = format_after(form_of(codec, (1, 1)), key, b"")
    assert (form.width_px, form.height_px) == SIZES[0]
    assert format_after(form, key, b"") is form
    other = bytes(coded(codec, SIZES[0], 0, fps=12)[0])
    changed = format_after(form, other, b"")
    assert changed.parameter_sets != form.parameter_sets
    assert (changed.width_px, changed.height_px) == SIZES[0]


def decoder_record(codec: str, size_px: tuple[int, int]) -> bytes:
    """What an MP4 muxer writes for these pictures."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as to:
        stream = to.add_stream(CODERS[codec], rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size_px, "yuv420p"
        stream.options = {"x265-params": "log-level=none"}
        for number in range(2):
            frame = av.VideoFrame(*size_px, "yuv420p")
            frame.pts = number
            to.mux(stream.encode(frame))
        to.mux(stream.encode(None))
    with av.open(io.BytesIO(out.getvalue()), "r") as film:
        return bytes(film.streams.video[0].codec_context.extradata or b"")


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_new_decoder_record_is_a_new_format(codec: str) -> None:
    first, second = (decoder_record(codec, size) for size in SIZES[:2])
    form = form_of(codec, SIZES[0], first)
    assert format_after(form, b"\0\0\0\1x", first) is form
    changed = format_after(form, b"\0\0\0\1x", second)
    assert (changed.width_px, changed.height_px, changed.parameter_sets) == (*SIZES[1], second)
    for length in range(6, len(second)):
        try:
            cut = format_after(form, b"\0\0\0\1x", second[:length])
        except BadInput:
            continue
        assert cut is form or (cut.width_px, cut.height_px) == SIZES[1]


def test_a_jpeg_of_another_size_is_another_format_and_a_damaged_one_is_not() -> None:
    form = form_of("mjpeg", (64, 48))
    assert format_after(form, jpeg_picture(1), b"") is form
    assert format_after(form, jpeg_picture(1, (32, 16)), b"") == replace(
        form, width_px=32, height_px=16
    )
    assert format_after(form, jpeg_picture(1)[:60], b"") is form


@given(st.sampled_from(["h264", "hevc", "mjpeg"]), st.binary(max_size=200), st.binary(max_size=80))
def test_rubbish_is_refused_or_changes_nothing_that_can_t_be(
    codec: str, key: bytes, announced: bytes
) -> None:
    form = form_of(codec, (64, 48))
    try:
        found = format_after(form, b"\0\0\0\1" + key, b"\1" + announced)
    except BadInput:
        return
    assert found.width_px > 0
