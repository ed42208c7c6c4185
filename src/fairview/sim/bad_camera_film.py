"""What a faulty camera shows: access units in decoding order, played round and round.

A film comes from a file, from bytes that a simulated camera replays, or is made on the spot; it
holds what goes over the wire (units without start codes, or whole JPEG pictures).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeAlias

import av
import numpy as np

from fairview.core.errors import BadInput

FilmCodec = Literal["h264", "hevc", "mjpeg"]
CLOCK_HZ = 90_000
VideoPacket: TypeAlias = "av.Packet[av.VideoStream]"
_START = b"\x00\x00\x01"
_ENCODERS: dict[FilmCodec, tuple[str, str]] = {
    "h264": ("libx264", "yuv420p"),
    "hevc": ("libx265", "yuv420p"),
    "mjpeg": ("mjpeg", "yuvj420p"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmUnit:
    """One access unit. parts: NAL units without start codes, or one JPEG picture.

    shown_ticks: how long after its decoding time it is shown; step_ticks: when the next is due.
    """

    parts: tuple[bytes, ...]
    is_key: bool
    step_ticks: int
    shown_ticks: int = 0

    @property
    def annex_b(self) -> bytes:
        """The unit as a recorder keeps it: each NAL unit behind a start code."""
        return b"".join(b"\x00\x00\x00\x01" + part for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """sets: the parameter sets (VPS, SPS, PPS), which every key frame begins with too."""

    codec: FilmCodec
    width_px: int
    height_px: int
    sets: tuple[bytes, ...]
    units: tuple[FilmUnit, ...]

    def __post_init__(self) -> None:
        if not self.units or not self.units[0].is_key:
            raise BadInput("a film begins with a key frame")
        if any(unit.step_ticks <= 0 or unit.shown_ticks < 0 for unit in self.units):
            raise BadInput("a film's pictures follow each other in time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How a film is made. key_every: pictures from one key frame to the next."""

    codec: FilmCodec = "h264"
    width_px: int = 160
    height_px: int = 96
    fps: int = 25
    pictures: int = 50
    key_every: int = 25
    b_frames: int = 0


def made_film(made: Made) -> Film:
    """A moving gradient. Cost: about a millisecond a picture at the default size."""
    name, pixels = _ENCODERS[made.codec]
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = made.width_px, made.height_px, pixels
    encoder.time_base = Fraction(1, made.fps)
    encoder.framerate = Fraction(made.fps, 1)
    encoder.gop_size = made.key_every
    encoder.thread_count = 1
    if made.codec == "mjpeg":
        # RFC 2435 carries no Huffman tables: they are the standard's.
        encoder.options = {"huffman": "default", "qmin": "4", "qmax": "4"}
    elif made.codec == "h264":
        settings = f"keyint={made.key_every}:min-keyint={made.key_every}:scenecut=0:threads=1"
        encoder.options = {
            "preset": "ultrafast",
            "bf": str(made.b_frames),
            "x264-params": f"{settings}:bframes={made.b_frames}:b-adapt=0:repeat-headers=1",
        }
    else:
        settings = f"keyint={made.key_every}:min-keyint={made.key_every}:scenecut=0"
        encoder.options = {
            "preset": "ultrafast",
            "x265-params": f"{settings}:bframes={made.b_frames}:b-adapt=0:repeat-headers=1"
            ":open-gop=0:log-level=none:pools=none:frame-threads=1",
        }
    packets: list[VideoPacket] = []
    for number in range(made.pictures):
        packets += encoder.encode(_picture(made, number, pixels))
    packets += encoder.encode(None)
    return _film_of(made.codec, (made.width_px, made.height_px), packets, b"")


def film_of_file(path: Path) -> Film:
    """A file's video stream as it lies there. Errors: BadInput for another codec."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = {"h264": "h264", "hevc": "hevc", "mjpeg": "mjpeg"}.get(stream.codec.name)
        if codec is None:
            raise BadInput(f"{path} holds {stream.codec.name}: a camera sends H.264, H.265 or JPEG")
        size_px = (stream.codec_context.width, stream.codec_context.height)
        extra = stream.codec_context.extradata or b""
        packets = [packet for packet in container.demux(stream) if packet.size]
    return _film_of(codec, size_px, packets, extra)  # type: ignore[arg-type]  # narrowed above


def film_of_samples(
    samples: Iterable[tuple[bytes, bool]], *, extra: bytes, size_px: tuple[int, int], fps: int
) -> Film:
    """A film of H.264 samples (bytes, whether a key frame) such as a simulated loop's."""
    step = CLOCK_HZ // fps
    sets = _sets_of(extra)
    units = tuple(
        FilmUnit(
            parts=_with_sets(_parts(data, extra), sets, is_key), is_key=is_key, step_ticks=step
        )
        for data, is_key in samples
    )
    return Film(codec="h264", width_px=size_px[0], height_px=size_px[1], sets=sets, units=units)


def _film_of(
    codec: FilmCodec, size_px: tuple[int, int], packets: Sequence[VideoPacket], extra: bytes
) -> Film:
    assert packets, "a film has pictures"
    base = packets[0].time_base
    assert base is not None
    times = [(_ticks(one.dts, base), _ticks(one.pts, base)) for one in packets]
    steps = [max(later[0] - one[0], 1) for one, later in pairwise(times)]
    steps.append(steps[-1] if steps else CLOCK_HZ // 25)
    early = min(shown - decoded for decoded, shown in times)
    sets: tuple[bytes, ...] = ()
    if codec != "mjpeg":
        first = _parts(bytes(packets[0]), extra)
        sets = _sets_of(extra) or tuple(one for one in first if _is_set(one, codec))
    units = []
    for packet, (decoded, shown), step in zip(packets, times, steps, strict=True):
        is_key = packet.is_keyframe or codec == "mjpeg"
        data = bytes(packet)
        parts = (data,) if codec == "mjpeg" else _with_sets(_parts(data, extra), sets, is_key)
        unit = FilmUnit(
            parts=parts, is_key=is_key, step_ticks=step, shown_ticks=shown - decoded - early
        )
        units.append(unit)
    return Film(
        codec=codec, width_px=size_px[0], height_px=size_px[1], sets=sets, units=tuple(units)
    )


def _ticks(stamp: int | None, base: Fraction) -> int:
    assert stamp is not None, "an encoder stamps its packets"
    return int(stamp * base * CLOCK_HZ)


def _picture(made: Made, number: int, pixels: str) -> av.VideoFrame:
    ramp = np.add.outer(np.arange(made.height_px), np.arange(made.width_px)) + number * 4
    rgb = np.repeat((ramp % 256).astype(np.uint8)[:, :, None], 3, axis=2)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixels)
    frame.pts = number
    frame.time_base = Fraction(1, made.fps)
    return frame


def _is_set(unit: bytes, codec: FilmCodec) -> bool:
    if codec == "h264":
        return unit[0] & 0x1F in (7, 8)
    return unit[0] >> 1 & 0x3F in (32, 33, 34)


def _with_sets(
    parts: tuple[bytes, ...], sets: tuple[bytes, ...], is_key: bool
) -> tuple[bytes, ...]:
    """A key frame begins with the parameter sets, as most cameras have it."""
    if not is_key or all(one in parts for one in sets):
        return parts
    return (*sets, *parts)


def _sets_of(extra: bytes) -> tuple[bytes, ...]:
    """Parameter sets of an avcC or hvcC record (ISO/IEC 14496-15), or of Annex B."""
    if not extra:
        return ()
    if extra[0] != 1:
        return _annex_b(extra)
    if _is_avcc(extra):
        return _avcc(extra)
    return _hvcc(extra)


def _is_avcc(extra: bytes) -> bool:
    """An avcC's sixth byte begins with three set bits and its first set is an SPS."""
    return extra[5] & 0xE0 == 0xE0 and len(extra) > 8 and extra[8] & 0x1F == 7


def _avcc(extra: bytes) -> tuple[bytes, ...]:
    found, at = [], 5
    for mask in (0x1F, 0xFF):
        count, at = extra[at] & mask, at + 1
        for _ in range(count):
            length = int.from_bytes(extra[at : at + 2], "big")
            found.append(extra[at + 2 : at + 2 + length])
            at += 2 + length
    return tuple(found)


def _hvcc(extra: bytes) -> tuple[bytes, ...]:
    found, at = [], 23
    for _ in range(extra[22]):
        kind, count = extra[at] & 0x3F, int.from_bytes(extra[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            length = int.from_bytes(extra[at : at + 2], "big")
            if kind in (32, 33, 34):
                found.append(extra[at + 2 : at + 2 + length])
            at += 2 + length
    return tuple(found)


def _parts(data: bytes, extra: bytes) -> tuple[bytes, ...]:
    if extra[:1] != b"\x01":
        return _annex_b(data)
    found, at = [], 0
    while at + 4 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        found.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return tuple(found)


def _annex_b(data: bytes) -> tuple[bytes, ...]:
    found = []
    start = data.find(_START)
    while start >= 0:
        following = data.find(_START, start + 3)
        unit = data[start + 3 : following if following >= 0 else len(data)].rstrip(b"\x00")
        if unit:
            found.append(unit)
        start = following
    return tuple(found)
