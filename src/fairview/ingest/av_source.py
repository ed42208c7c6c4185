"""Streams read through FFmpeg (PyAV): RTSP over TCP, UDP where there is no TCP, and files.

Packets are handed on as they came, never decoded, never rewritten; only the video stream is
ever asked for. FFmpeg decodes a few pictures while it opens a stream, to learn the depth of
reordering; that is bounded by _PROBE.

HOLE: FFmpeg follows an RTSP redirect (3xx) by itself, to an address we did not check. Ingest
asks first with its own DESCRIBE and refuses a redirect; a camera that redirects only the second
time can still make us send one request elsewhere, over TCP, without the login.
HOLE: a server without TCP transport is read over UDP, where a lost packet damages a picture
without being noticed here; such a camera should be on a wired network of its own.
HOLE: `close` from another thread can't break into FFmpeg's read; the reader ends at the next
packet, or when the camera stayed silent for limits.SOURCE_READ_US_MAX.
"""

from __future__ import annotations

import errno
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import av
import av.error

from fairview.core import limits
from fairview.core.camera import Login, Source
from fairview.core.errors import BadInput, FairviewError, NotAllowed, NotFound, Unavailable
from fairview.core.flow import StreamLost
from fairview.core.ids import CameraId, StreamName
from fairview.core.media import Codec, GapBecause, Packet, VideoFormat
from fairview.core.time import US_PER_SECOND, Clock, Instant
from fairview.ingest import nal
from fairview.ingest.address import AddressRules, endpoint, shown, with_login
from fairview.ingest.describe import describe
from fairview.ingest.normalise import Normaliser, RawTimes, Times
from fairview.ingest.wallclock import Arrival, WallClock

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
_RTSP_UDP = {
    **_RTSP,
    "rtsp_transport": "udp",
    "protocol_whitelist": "rtsp,rtp,tcp,udp",
    "rtsp_flags": "filter_src",  # only packets from the camera's own address and port
    "buffer_size": "2097152",  # a key frame comes in one burst
}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlay:
    """How a file is played.

    is_paced: at its own pace, as a camera would; else as fast as it is taken.
    start_at: the moment of the file's time zero; None puts its first picture at now.
    """

    is_paced: bool = True
    is_looped: bool = False
    start_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """An access unit on its way: what came, waiting for its times to be put in order."""

    raw: RawTimes
    data: bytes
    form: VideoFormat
    arrived_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One packet as FFmpeg gave it, and when its last byte can have come at the latest."""

    packet: AvPacket[VideoStream]
    arrived_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timed:
    """An access unit with its times in order."""

    unit: _Unit
    times: Times


class RtspSource:
    """One RTSP connection to one stream; opened by the first `next` of `packets`."""

    def __init__(
        self,
        *,
        camera: CameraId,
        source: Source,
        login: Login | None,
        rules: AddressRules,
        clock: Clock,
    ) -> None:
        self._camera, self._source, self._login = camera, source, login
        self._rules, self._clock = rules, clock
        self._closed = threading.Event()

    def packets(self) -> Iterator[Packet]:
        """As PacketSource says.

        Errors:  NotAllowed for a wrong login or a forbidden address, NotFound for a path or name
        that isn't there; StreamLost names silence and clock jumps.
        """
        place = endpoint(self._source.address, self._rules)
        name = shown(self._source.address)
        describe(place, self._login, name)
        container = opened_rtsp(with_login(place, self._login), name)
        try:
            video = only_video(container, name)
            run = _LiveRun(self._camera, self._source.stream, name)
            yield from run.packets(_units(container, video, name, self._clock, self._closed))
        finally:
            container.close()
        if not self._closed.is_set():
            raise StreamLost(f"{name} ended the stream", GapBecause.CAMERA_AWAY)

    def close(self) -> None:
        self._closed.set()


class FileSource:
    """A file as if a camera sent it; its time stamps and steps are kept.

    The file is read again for every lap of a loop; a lap begins where the last one ended.
    """

    def __init__(
        self, *, camera: CameraId, source: Source, clock: Clock, play: FilePlay | None = None
    ) -> None:
        self._camera, self._source, self._clock = camera, source, clock
        self._play = play or FilePlay()
        self._closed = threading.Event()

    def packets(self) -> Iterator[Packet]:
        """As PacketSource says; ends at the file's end unless it is looped."""
        pace = _Pace(self._clock, self._closed)
        zero: Instant | None = None
        shift, end = 0, 0
        for lap in count():
            is_first = True
            for timed in self._lap():
                times, unit = timed.times, timed.unit
                if is_first and lap > 0:
                    shift = end - times.decode_ticks
                is_first = False
                form = unit.form
                if zero is None:
                    zero = self._play.start_at or self._clock.now().plus(-form.us_of(times.ticks))
                if self._play.is_paced and not pace.wait(form.us_of(times.decode_ticks + shift)):
                    return
                end = times.decode_ticks + times.duration_ticks + shift
                yield Packet(
                    camera=self._camera,
                    stream=self._source.stream,
                    format=form,
                    ticks=times.ticks + shift,
                    decode_ticks=times.decode_ticks + shift,
                    duration_ticks=times.duration_ticks,
                    is_key=unit.raw.is_key,
                    at=zero.plus(form.us_of(times.ticks + shift)),
                    arrived_at=self._clock.now(),
                    data=unit.data,
                )
            if not self._play.is_looped or self._closed.is_set():
                return

    def close(self) -> None:
        self._closed.set()

    def _lap(self) -> Iterator[_Timed]:
        name = self._source.address
        container = opened_file(name)
        try:
            video = only_video(container, name)
            order: _Order | None = None
            for unit in _units(container, video, name, self._clock, self._closed):
                order = order or _Order(Normaliser(unit.form, is_file=True))
                yield from order.push(unit)
                if order.jump_us is not None:
                    raise BadInput(
                        f"{name} goes back by {-order.jump_us / US_PER_SECOND:.1f} s in the "
                        "middle: cut it in two there and import the parts"
                    )
            if order is not None:
                yield from order.end()
        finally:
            container.close()


class _Order:
    """Access units beside a normaliser: each comes out with its times, in order."""

    def __init__(self, normaliser: Normaliser) -> None:
        self._normaliser = normaliser
        self._waiting: deque[_Unit] = deque()
        self.jump_us: int | None = None

    def push(self, unit: _Unit) -> list[_Timed]:
        self._waiting.append(unit)
        step = self._normaliser.push(unit.raw)
        self.jump_us = step.jump_us
        return self._out(step.ready)

    def end(self) -> list[_Timed]:
        return self._out(self._normaliser.end())

    def _out(self, ready: tuple[Times, ...]) -> list[_Timed]:
        return [_Timed(unit=self._waiting.popleft(), times=times) for times in ready]


class _LiveRun:
    """One run of a live stream: order, wall-clock time, and the reason when it ends."""

    def __init__(self, camera: CameraId, stream: StreamName, name: str) -> None:
        self._camera, self._stream, self._name = camera, stream, name
        self._order: _Order | None = None
        self._burst: list[_Timed] = []
        self._clock: WallClock | None = None
        self._zero_ticks = 0
        self._fault: FairviewError | None = None

    def packets(self, units: Iterator[_Unit]) -> Iterator[Packet]:
        """Packets of the run; what is still held comes out before an error is raised."""
        while self._fault is None:
            unit = self._next(units)
            if unit is None:
                break
            if self._order is None:
                self._order = _Order(Normaliser(unit.form))
            for timed in self._order.push(unit):
                yield from self._told(timed)
            if self._order.jump_us is not None:
                self._fault = self._jumped("its clock", self._order.jump_us)
        if self._order is not None:
            for timed in self._order.end():
                yield from self._told(timed)
        yield from self._anchored()
        if self._fault is not None:
            raise self._fault

    def _next(self, units: Iterator[_Unit]) -> _Unit | None:
        try:
            return next(units, None)
        except FairviewError as error:
            self._fault = error
            return None

    def _told(self, timed: _Timed) -> Iterator[Packet]:
        """Packets that can go now: none while a burst at the start is still coming."""
        if self._clock is None:
            self._burst.append(timed)
            if self._is_calm():
                yield from self._anchored()
            return
        error = self._clock.observe(self._arrival(timed))
        if error is not None and self._fault is None:
            self._fault = self._jumped("its clock or ours", error)
        yield self._packet(timed, self._clock)

    def _is_calm(self) -> bool:
        """Whether packets come at their own pace by now, not out of someone's queue."""
        first, last = self._burst[0], self._burst[-1]
        waited = last.unit.arrived_at.since(first.unit.arrived_at)
        if len(self._burst) >= limits.START_BURST_PACKETS_MAX or waited > limits.START_BURST_US_MAX:
            return True
        if len(self._burst) < 3:  # the second picture shows how far ahead of B-frames it comes
            return False
        before = self._burst[-2]
        step_us = last.unit.form.us_of(before.times.duration_ticks)
        return last.unit.arrived_at.since(before.unit.arrived_at) * 2 >= step_us

    def _anchored(self) -> Iterator[Packet]:
        if not self._burst:
            return
        burst, self._burst = self._burst, []
        self._zero_ticks = burst[0].times.decode_ticks
        clock = self._clock = WallClock([self._arrival(timed) for timed in burst])
        for timed in burst:
            yield self._packet(timed, clock)

    def _arrival(self, timed: _Timed) -> Arrival:
        media_us = timed.unit.form.us_of(timed.times.ticks - self._zero_ticks)
        return Arrival(media_us=media_us, arrived_at=timed.unit.arrived_at)

    def _packet(self, timed: _Timed, clock: WallClock) -> Packet:
        unit, times = timed.unit, timed.times
        return Packet(
            camera=self._camera,
            stream=self._stream,
            format=unit.form,
            ticks=times.ticks,
            decode_ticks=times.decode_ticks,
            duration_ticks=times.duration_ticks,
            is_key=unit.raw.is_key,
            at=clock.at(unit.form.us_of(times.ticks - self._zero_ticks)),
            arrived_at=unit.arrived_at,
            data=unit.data,
        )

    def _jumped(self, whose: str, us: int) -> StreamLost:
        seconds = us / US_PER_SECOND
        return StreamLost(
            f"{self._name}: {whose} jumped by {seconds:+.1f} s", GapBecause.CLOCK_JUMP
        )


class _Pace:
    """Waits until a moment of media time is due on the monotonic clock."""

    def __init__(self, clock: Clock, closed: threading.Event) -> None:
        self._clock, self._closed = clock, closed
        self._zero_us: int | None = None

    def wait(self, media_us: int) -> bool:
        """Whether to go on (False: closed meanwhile)."""
        now = self._clock.monotonic_us()
        if self._zero_us is None:
            self._zero_us = now - media_us
        return not self._clock.wait(self._closed, self._zero_us + media_us - now)


def opened_rtsp(url: str, name: str) -> InputContainer:
    """An RTSP session with its video stream set up and playing.

    url may hold a password; name is what errors say. Errors are raised outside the handler, so
    that FFmpeg's own, which quote the URL, are not even their context.
    Errors:  NotAllowed, NotFound, Unavailable, BadInput.
    """
    fault: FairviewError | None = None
    for options in (_RTSP, _RTSP_UDP):
        try:
            return av.open(url, options=options, timeout=_TIMEOUT_S)
        except av.error.FFmpegError as error:
            fault = _opening_fault(error, name)
            if error.errno != errno.EPROTONOSUPPORT:  # RTSP 461: no TCP here, ask for UDP
                break
    assert fault is not None, "one of the two ways was tried"
    raise fault


def opened_file(name: str) -> InputContainer:
    """Errors:  NotFound, NotAllowed, BadInput when it is not a video we read."""
    fault: FairviewError | None = None
    try:
        return av.open(f"file:{name}", options=_FILE, timeout=_TIMEOUT_S)
    except av.error.FileNotFoundError:
        fault = NotFound(f"{name} is not there")
    except av.error.PermissionError:
        fault = NotAllowed(f"{name} may not be read: check its permissions")
    except av.error.FFmpegError as error:
        fault = BadInput(f"{name} is not a video file we read ({error.strerror})")
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


def _units(
    container: InputContainer,
    video: VideoStream,
    name: str,
    clock: Clock,
    closed: threading.Event,
) -> Iterator[_Unit]:
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
            form = _format_after(form, video, data)
        if form is None:
            continue
        times = RawTimes(
            ticks=raw.pts,
            decode_ticks=raw.dts,
            duration_ticks=raw.duration or 0,
            is_key=raw.is_keyframe,
        )
        yield _Unit(raw=times, data=data, form=form, arrived_at=read.arrived_at)


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


def _format_after(form: VideoFormat | None, video: VideoStream, data: bytes) -> VideoFormat | None:
    """The format from a key frame on: another one when it brings other parameter sets."""
    if video.codec_context.name != "h264" or video.time_base is None:
        return form
    brought = nal.changed_sets(data, form.parameter_sets if form is not None else b"")
    if brought is None:
        return form
    sps = next(unit for unit in nal.annex_b_units(brought) if nal.kind_of(unit) == nal.SPS)
    size = nal.picture_size(sps)
    return VideoFormat(
        codec="h264",
        width_px=size.width_px,
        height_px=size.height_px,
        tick_numerator=video.time_base.numerator,
        tick_denominator=video.time_base.denominator,
        parameter_sets=brought,
    )


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
