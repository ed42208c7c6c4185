"""Opens streams with FFmpeg (PyAV) and reads their access units, unchanged.

Packets are never decoded and never rewritten; only the video stream is ever asked for. FFmpeg
decodes a few pictures while it opens a stream, to learn the depth of reordering; that is bounded
by _PROBE. FFmpeg's errors quote the whole address, password included: they are made ours here,
outside of the handlers, so that they are not even our errors' context.

HOLE: FFmpeg follows an RTSP redirect (3xx) by itself, to an address we did not check. Ingest
asks first with its own DESCRIBE and refuses a redirect; a camera that redirects only the second
time can still make us send a request elsewhere.

Over RTSP it is let read within the connection only: over UDP it would take a picture that misses a
packet for a whole one. Datagrams are read by `ingest.lean`, which tells.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import av
import av.error

from fairview.core import limits
from fairview.core.errors import BadInput, FairviewError, NotAllowed, NotFound, Unavailable
from fairview.core.flow import StreamLost
from fairview.core.media import Codec, GapBecause, VideoFormat
from fairview.core.time import US_PER_SECOND, Clock, Instant
from fairview.ingest.format_changes import format_after
from fairview.ingest.live_run import Unit
from fairview.ingest.normalise import RawTimes

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet as AvPacket
    from av.video.stream import VideoStream

_CODECS: dict[str, Codec] = {"h264": "h264", "hevc": "hevc", "mjpeg": "mjpeg"}
_PROBE = {"analyzeduration": "500000", "probesize": "1000000", "fpsprobesize": "0"}
_RTSP = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "protocol_whitelist": "rtsp,rtp,tcp",
    "user_agent": "Fairview",
    **_PROBE,
}
_BYTES = {"protocol_whitelist": "none", **_PROBE}
_FILE = {
    "protocol_whitelist": "file",
    # No playlist, concat or SDP format: those open further addresses by themselves.
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,h264,hevc,avi,flv,mjpeg",
    **_PROBE,
}
_GENERATE_PTS = 0x0001
"""AVFMT_FLAG_GENPTS."""
_TIMEOUT_S = (
    limits.SOURCE_OPEN_US_MAX / US_PER_SECOND,
    limits.SOURCE_READ_US_MAX / US_PER_SECOND,
)


class Bytes(Protocol):
    """Where FFmpeg reads a stream's bytes from: straight on, without going back."""

    def read(self, count: int, /) -> bytes:
        """Some bytes, at most count; none at the end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One packet as FFmpeg gave it, and when its last byte can have come at the latest."""

    packet: AvPacket[VideoStream]
    arrived_at: Instant


def opened_rtsp(url: str, name: str) -> InputContainer:
    """An RTSP session with its video stream set up and playing.

    url may hold a password; name is what errors say. Errors are raised outside the handler, so
    that FFmpeg's own, which quote the URL, are not even their context.
    Errors:  NotAllowed, NotFound, Unavailable, BadInput.
    """
    fault: FairviewError | None = None
    try:
        return av.open(url, options=_RTSP, timeout=_TIMEOUT_S)
    except av.error.FFmpegError as error:
        fault = _opening_fault(error, name)
        if error.errno == errno.EPROTONOSUPPORT:  # RTSP 461
            fault = Unavailable(no_datagrams(name))
    raise fault


def no_datagrams(name: str) -> str:
    """Why a stream is not read over UDP by FFmpeg, and what to do."""
    return (
        f"{name} sends over UDP what only FFmpeg reads, and that over TCP alone: set the camera to "
        "TCP, or to H.264, H.265 or JPEG, and recording.reader to lean"
    )


def opened_file(name: str) -> InputContainer:
    """Errors:  NotFound, NotAllowed, BadInput when it is not a video we read."""
    fault: FairviewError | None = None
    try:
        return av.open(f"file:{name}", options=_FILE, timeout=_TIMEOUT_S)
    except av.error.FileNotFoundError:
        fault = NotFound(f"{name} is not there: check the path")
    except av.error.PermissionError:
        fault = NotAllowed(f"{name} may not be read: check its permissions")
    except av.error.IsADirectoryError:
        fault = BadInput(f"{name} is a folder: name one video file in it")
    except av.error.FFmpegError as error:
        fault = BadInput(
            f"{name} is not a video file we read ({error.strerror}): give MP4, Matroska, MPEG-TS, "
            "AVI, FLV or bare H.264"
        )
    raise fault


def opened_bytes(file: Bytes, kind: str, name: str) -> InputContainer:
    """A container that is read from bytes as they come. kind: FFmpeg's name for it.

    FFmpeg is given no address and no protocol, so it opens nothing by itself.
    Errors:  BadInput when it is not what it seemed; whatever `file.read` raises.
    """
    fault: FairviewError | None = None
    try:
        return av.open(file, "r", format=kind, options=_BYTES)
    except av.error.FFmpegError as error:
        fault = BadInput(f"{name} sends a {kind} stream that can't be read ({error.strerror})")
    raise fault


def file_has_audio(name: str) -> bool:
    """Whether the container lists sound. Errors: as `opened_file`."""
    with opened_file(name) as container:
        return len(container.streams.audio) > 0


def only_video(container: InputContainer, name: str) -> VideoStream:
    """The first video stream; every other is told to be left alone.

    Errors:  BadInput when there is none, or in a codec that is not kept.
    """
    if not container.streams.video:
        raise BadInput(f"{name} has no video stream")
    video = container.streams.video[0]
    # PyAV gives no context for a codec that its FFmpeg can't decode, though it is typed as always.
    codec = getattr(video.codec_context, "name", "an unknown codec")
    if codec not in _CODECS:
        raise BadInput(f"{name} sends {codec}: set the camera to H.264")
    # PyAV asks FFmpeg to invent missing time stamps, which holds packets back; ours are better.
    container.flags &= ~_GENERATE_PTS
    return video


def format_of(video: VideoStream) -> VideoFormat | None:
    """The stream's format; None while its size is not known (no parameter sets announced)."""
    context, base = video.codec_context, video.time_base
    if context.width <= 0 or context.height <= 0 or base is None:
        return None
    return VideoFormat(
        codec=_CODECS[context.name],
        width_px=context.width,
        height_px=context.height,
        tick_numerator=base.numerator,
        tick_denominator=base.denominator,
        parameter_sets=bytes(context.extradata or b""),
    )


def access_units(
    container: InputContainer,
    video: VideoStream,
    name: str,
    clock: Clock,
    closed: threading.Event,
) -> Iterator[Unit]:
    """Access units as FFmpeg gives them, until the end or `closed`."""
    form = format_of(video)
    for read in _read(container, video, name, clock):
        raw = read.packet
        if closed.is_set():
            return
        if raw.size == 0:
            continue
        data = bytes(raw)
        if raw.is_keyframe:
            form = _format_after(form, video, raw, data)
        if form is None:
            continue
        times = RawTimes(
            ticks=raw.pts,
            decode_ticks=raw.dts,
            duration_ticks=raw.duration or 0,
            is_key=raw.is_keyframe,
        )
        yield Unit(raw=times, data=data, form=form, arrived_at=read.arrived_at)


def _read(
    container: InputContainer, video: VideoStream, name: str, clock: Clock
) -> Iterator[_Read]:
    """What FFmpeg reads, with its errors made ours.

    The parser holds an access unit until the next begins. When nothing follows, FFmpeg gives it
    out at the read's time-out and keeps the error for the next read, which would wait as long
    again; so a unit that took a whole time-out is the last.
    """
    packets = container.demux(video)
    while True:
        fault: FairviewError | None = None
        asked_at, asked_us = clock.now(), clock.monotonic_us()
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError as error:
            fault = _reading_fault(error, name)
        if fault is not None:
            raise fault
        if clock.monotonic_us() - asked_us < limits.SOURCE_READ_US_MAX:
            yield _Read(packet=packet, arrived_at=clock.now())
            continue
        yield _Read(packet=packet, arrived_at=asked_at)
        raise _silent(name)


def _format_after(
    form: VideoFormat | None, video: VideoStream, packet: AvPacket[VideoStream], data: bytes
) -> VideoFormat | None:
    """The format from a key frame on: another one when it brings other parameter sets."""
    if form is None:
        return _format_in(video, data)
    announced = b""
    if packet.has_sidedata("new_extradata"):
        announced = bytes(packet.get_sidedata("new_extradata"))
    return format_after(form, data, announced)


def _format_in(video: VideoStream, data: bytes) -> VideoFormat | None:
    """The format that a key frame shows by itself, where nothing announced it."""
    base, codec = video.time_base, _CODECS[video.codec_context.name]
    if base is None:
        return None
    unknown = VideoFormat(
        codec=codec,
        width_px=1,
        height_px=1,
        tick_numerator=base.numerator,
        tick_denominator=base.denominator,
        parameter_sets=b"",
    )
    found = format_after(unknown, data, b"")
    return None if found is unknown else found


def _opening_fault(error: av.error.FFmpegError, name: str) -> FairviewError:
    wait_s = limits.SOURCE_OPEN_US_MAX // US_PER_SECOND
    match error:
        case av.error.HTTPUnauthorizedError():
            return NotAllowed(f"{name} refuses the login: check the user name and the password")
        case av.error.HTTPForbiddenError():
            return NotAllowed(f"{name} forbids this path to the login: check the camera's rights")
        case av.error.HTTPNotFoundError():
            return NotFound(f"{name} has no such path: look it up in the camera's manual")
        case av.error.ConnectionRefusedError():
            return Unavailable(f"{name} refuses connections: check the port, and that RTSP is on")
        case av.error.TimeoutError() | av.error.ExitError():
            return Unavailable(f"{name} did not answer in {wait_s} s: check its cable and address")
        case av.error.InvalidDataError():
            return BadInput(f"{name} answers, but not as an RTSP camera does: check the port")
    return Unavailable(f"{name} can't be opened ({error.strerror})")


def _reading_fault(error: av.error.FFmpegError, name: str) -> StreamLost:
    if isinstance(error, av.error.TimeoutError | av.error.ExitError):
        return _silent(name)
    return StreamLost(f"{name} broke off ({error.strerror})", GapBecause.CAMERA_AWAY)


def _silent(name: str) -> StreamLost:
    wait_s = limits.SOURCE_READ_US_MAX // US_PER_SECOND
    return StreamLost(f"{name} sent nothing for {wait_s} s", GapBecause.CAMERA_SILENT)
