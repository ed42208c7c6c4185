"""JPEG over RTP: the picture that was sent comes out, headers and all, or not at all."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.core.errors import BadInput
from fairview.ingest.lean.forms import form_of
from fairview.ingest.lean.jpeg_heads import factor_tables
from fairview.ingest.lean.jpeg_parts import JpegParts
from fairview.ingest.lean.sdp import offer_of
from fairview.sim.bad_camera_rtp import jpeg_parts
from tests.ingest.rtp import Rtp, wire, without


def jpeg(number: int = 0, slices: int = 1) -> bytes:
    """A picture with the standard's Huffman tables, as RTP wants them."""
    coder = av.CodecContext.create("mjpeg", "w")
    coder.width, coder.height, coder.pix_fmt = 160, 96, "yuvj420p"
    coder.thread_count = slices
    coder.time_base = Fraction(1, 25)
    coder.options = {"huffman": "default", "qmin": "3", "qmax": "3"}
    ramp = np.add.outer(np.arange(96), np.arange(160)) * 3 + number * 9
    pixels = np.repeat((ramp % 256).astype(np.uint8)[:, :, None], 3, axis=2)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(one) for one in (*coder.encode(frame), *coder.encode(None)))


def payloads(picture: bytes, most: int = 500) -> list[bytes]:
    """Its tables come along (factor 255), and its restart interval."""
    told, out, at = jpeg_parts(picture), [], 0
    restarts = picture.find(b"\xff\xdd\x00\x04")
    kind = told.kind + 64 * (restarts >= 0)
    while at < len(told.scan):
        head = struct.pack(">IBBBB", at, kind, 255, told.width_px // 8, told.height_px // 8)
        if restarts >= 0:
            head += picture[restarts + 4 : restarts + 6] + b"\xff\xff"
        if at == 0:
            head += struct.pack(">BBH", 0, 0, len(told.tables)) + told.tables
        piece = told.scan[at : at + most - len(head)]
        out.append(head + piece)
        at += len(piece)
    return out


def packets(pictures: list[bytes]) -> list[Rtp]:
    out: list[Rtp] = []
    for at, picture in enumerate(pictures):
        parts = payloads(picture)
        for place, part in enumerate(parts):
            out.append(
                Rtp(
                    number=len(out),
                    ticks=at * 3_600,
                    payload=part,
                    is_marked=place == len(parts) - 1,
                    payload_type=26,
                )
            )
    return out


def fed(data: bytes) -> JpegParts:
    parts = JpegParts(payload_type=26, channel=0)
    parts.feed(bytearray(data), len(data))
    return parts


def scan_of(picture: bytes) -> bytes:
    """The coded picture: all behind the head of its scan."""
    at = picture.index(b"\xff\xda")
    return picture[at + 2 + int.from_bytes(picture[at + 2 : at + 4], "big") :]


def pixels_of(picture: bytes) -> bytes:
    with av.open(io.BytesIO(picture), format="mjpeg") as container:
        assert isinstance(container, av.container.InputContainer)
        return next(container.decode(video=0)).to_ndarray().tobytes()


@pytest.mark.parametrize("slices", [1, 2])
def test_a_picture_comes_out_with_every_coded_byte_and_the_same_pixels(slices: int) -> None:
    """In slices it holds restart markers, whose distance travels too."""
    pictures = [jpeg(number, slices) for number in range(3)]
    assert (b"\xff\xdd" in pictures[0]) == (slices > 1)
    ready = fed(wire(packets(pictures))).ready
    assert [scan_of(one.data) for one in ready] == [scan_of(one) for one in pictures]
    assert [pixels_of(one.data) for one in ready] == [pixels_of(one) for one in pictures]
    assert [one.ticks for one in ready] == [0, 3_600, 7_200]
    assert all(one.is_key and not one.is_after_loss for one in ready)


def test_a_picture_that_lacks_its_end_is_no_picture() -> None:
    parts = fed(wire(packets([jpeg(), jpeg(1)])[:-1]))
    parts.is_over = True
    parts.finish()
    assert [one.ticks for one in parts.ready] == [0]


def test_its_size_is_its_format() -> None:
    (one,) = fed(wire(packets([jpeg()]))).ready
    form = form_of("mjpeg", 90_000, one.sets)
    assert form is not None
    assert (form.video.codec, form.video.width_px, form.video.height_px) == ("mjpeg", 160, 96)


def test_a_picture_without_one_of_its_parts_is_dropped_and_the_next_one_says_so() -> None:
    all_of = packets([jpeg(number) for number in range(4)])
    second = [at for at, one in enumerate(all_of) if one.ticks == 3_600]
    for lost in second:
        ready = fed(wire(without(all_of, lost))).ready
        assert [one.ticks for one in ready] == [0, 7_200, 10_800]
        assert [one.is_after_loss for one in ready] == [False, True, False]


def test_tables_of_a_factor_are_the_standards() -> None:
    half = factor_tables(50)
    assert list(half[:8]) == [16, 11, 12, 14, 12, 10, 16, 14]
    assert list(half[64:70]) == [17, 18, 18, 24, 21, 24]
    assert set(factor_tables(99)[:10]) == {1}
    assert max(factor_tables(1)) == 255


def test_a_stream_needs_no_map_for_the_standards_payload_type() -> None:
    offer = offer_of("v=0\r\nm=video 0 RTP/AVP 26\r\na=control:t\r\n")
    assert (offer.codec, offer.payload_type, offer.clock_hz) == ("mjpeg", 26, 90_000)


def test_pictures_too_large_for_the_header_are_refused_in_words() -> None:
    part = bytearray(payloads(jpeg())[0])
    part[6] = 0
    with pytest.raises(BadInput, match="don't fit"):
        fed(wire([Rtp(number=1, ticks=0, payload=bytes(part), payload_type=26)]))


@settings(max_examples=60)
@given(st.lists(st.binary(min_size=1, max_size=60), max_size=20))
def test_anything_sent_gives_pictures_or_an_error(payloads: list[bytes]) -> None:
    frames = [
        Rtp(number=at, ticks=at // 3 * 3_600, payload=one, payload_type=26, is_marked=at % 3 == 2)
        for at, one in enumerate(payloads)
    ]
    try:
        ready = fed(wire(frames)).ready
    except BadInput:
        return
    assert all(one.data.startswith(b"\xff\xd8") for one in ready)
