"""Looks at a source before it becomes a camera: what it sends, how much, how often."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from fairview.core import limits
from fairview.core.camera import Login, Source
from fairview.core.errors import BadInput
from fairview.core.flow import PacketSource, StreamLost
from fairview.core.ids import CameraId
from fairview.core.media import Codec, Packet, VideoFormat
from fairview.core.time import US_PER_SECOND, Clock
from fairview.ingest.address import AddressRules, endpoint, shown
from fairview.ingest.av_source import FileSource
from fairview.ingest.describe import describe
from fairview.ingest.file_play import FilePlay
from fairview.ingest.http.source import HttpSource
from fairview.ingest.reading import file_has_audio
from fairview.ingest.rtsp import rtsp_source
from fairview.ingest.usb.source import CoderMaker, UsbSource

_CAMERA = CameraId("probe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What a source sends, measured over at most limits.PROBE_US_MAX.

    fps: pictures a second, 0 when only one came. key_interval_us: the longest step between two
    key frames, None when fewer than two came (then it is longer than we watched).
    has_audio: what the listing says; sound itself is never opened.
    """

    codec: Codec
    width_px: int
    height_px: int
    fps: float
    key_interval_us: int | None
    bits_per_second: int
    has_audio: bool
    has_reordering: bool


def probe(
    source: Source,
    login: Login | None,
    clock: Clock,
    rules: AddressRules | None = None,
    coder: CoderMaker | None = None,
) -> Probed:
    """Connect, watch for a moment, let go. coder: for the raw pictures of a USB camera.

    Bounds:  limits.PROBE_US_MAX of footage, and the time limits of opening and reading.
    Errors:  NotFound, NotAllowed, Unavailable, BadInput, each saying what to do.
    """
    name = shown(source.address)
    if source.kind == "usb" and coder is not None:
        usb = UsbSource(camera=_CAMERA, source=source, clock=clock, coder=coder)
        opened = _Opened(source=usb, has_audio=lambda: False)
    else:
        opened = _opened(source, login, clock, rules or AddressRules())
    try:
        found = measured(opened.source.packets(), name)
    finally:
        opened.source.close()
    return replace(found, has_audio=opened.has_audio())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """has_audio: asked after pictures have come."""

    source: PacketSource
    has_audio: Callable[[], bool]


def _opened(source: Source, login: Login | None, clock: Clock, rules: AddressRules) -> _Opened:
    """Errors:  BadInput for a kind of source that has nothing to probe; as describe."""
    if source.kind == "rtsp":
        place = endpoint(source.address, rules)
        has_sound = False
        if not place.is_tls:
            has_sound = describe(place, login, shown(source.address)).has_audio
        first = rtsp_source(_CAMERA, source, login, rules, clock)
        return _Opened(source=first, has_audio=lambda: has_sound)
    if source.kind == "http":
        http = HttpSource(camera=_CAMERA, source=source, login=login, rules=rules, clock=clock)
        return _Opened(source=http, has_audio=lambda: http.has_audio)
    if source.kind == "file":
        has_audio = file_has_audio(source.address)
        play = FilePlay(is_paced=False)
        film = FileSource(camera=_CAMERA, source=source, clock=clock, play=play)
        return _Opened(source=film, has_audio=lambda: has_audio)
    raise BadInput(f"{shown(source.address)}: a {source.kind} source has nothing to probe")


def _until_lost(packets: Iterable[Packet]) -> Iterator[Packet]:
    """What came before a stream broke off tells enough, if anything came."""
    has_come = False
    try:
        for packet in packets:
            has_come = True
            yield packet
    except StreamLost:
        if not has_come:
            raise


def measured(packets: Iterable[Packet], name: str, *, has_audio: bool = False) -> Probed:
    """The figures of a stream's first limits.PROBE_US_MAX.

    Errors:  BadInput when there is not one picture.
    """
    form: VideoFormat | None = None
    first = last = size = pictures = 0
    keys: list[int] = []
    has_reordering = False
    for packet in _until_lost(packets):
        if form is None:
            form, first = packet.format, packet.decode_ticks
        if packet.format.us_of(packet.decode_ticks - first) >= limits.PROBE_US_MAX:
            break
        last = packet.decode_ticks + packet.duration_ticks
        size += len(packet.data)
        pictures += 1
        has_reordering = has_reordering or packet.ticks != packet.decode_ticks
        if packet.is_key:
            keys.append(packet.decode_ticks)
    if form is None:
        raise BadInput(f"{name} sends no picture: check that its video stream is on")
    seconds = form.us_of(last - first) / US_PER_SECOND
    steps = [form.us_of(after - before) for before, after in pairwise(keys)]
    return Probed(
        codec=form.codec,
        width_px=form.width_px,
        height_px=form.height_px,
        fps=round(pictures / seconds, 3) if pictures > 1 and seconds > 0 else 0.0,
        key_interval_us=max(steps, default=None),
        bits_per_second=round(size * 8 / seconds) if seconds > 0 else 0,
        has_audio=has_audio,
        has_reordering=has_reordering,
    )
