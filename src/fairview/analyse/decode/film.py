"""A video file as an input: whatever FFmpeg reads from a plain file, pictures only."""

from __future__ import annotations

import contextlib
import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.codec.context import ThreadType
from av.error import FFmpegError

from fairview.analyse.decode.input import EVERY, NumberedPicture, Pace, Paced
from fairview.analyse.decode.stream import planes_of
from fairview.analyse.planes import Planes
from fairview.core.errors import BadInput
from fairview.core.limits_seeing import PICTURES_HELD_MAX
from fairview.core.time import US_PER_SECOND, Instant

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_FORMATS = (
    "mov,matroska,webm,avi,mpegts,mpegtsraw,mpeg,mpegvideo,flv,asf,h264,hevc,mjpeg,m4v,ogg,mxf,"
    "dv,rm,vob,ivf,av1,obu,gif,nut,yuv4mpegpipe"
)
"""Demuxers a file may choose. Playlists and text are not among them: they name other files."""

_WITHOUT_TIMES = frozenset(
    ("h264", "hevc", "mjpeg", "m4v", "mpegvideo", "dv", "yuv4mpegpipe", "av1", "obu", "rawvideo")
)
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
_PROBE_PACKETS_MAX = 2_000
_QUARTER_TURNS = {90: 1, 180: 2, 270: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a look into the file told."""

    width_px: int
    height_px: int
    turns: int
    first_ticks: int | None
    frames_total: int | None
    has_times: bool
    time_base: Fraction


def open_film(path: Path, *, fps: float | None, start: Instant) -> Film:
    """Look into a file far enough to see its first picture.

    Errors:  BadInput when it is no video or holds no readable picture, or has no times and fps
             is missing.
    """
    try:
        with _opened(path) as container:
            found = _looked(container, path)
    except (FFmpegError, OSError, IndexError) as error:
        raise BadInput(
            f"{path} is not a video that can be read: it is of another kind, or cut so early that "
            f"what says how to read it is missing ({error})"
        ) from error
    if not found.has_times and fps is None:
        raise BadInput(
            f"{path} carries no times; say how many pictures a second it has: fps in the "
            "scene's [camera]"
        )
    return Film(path, found, fps=fps, start=start)


class Film:
    """A video file (see `VideoInput`)."""

    def __init__(self, path: Path, found: _Found, *, fps: float | None, start: Instant) -> None:
        self._path = path
        self._found = found
        self._fps = fps
        self._start = start
        self._told: list[str] = []
        self.name = path.name
        self.width_px = found.width_px
        self.height_px = found.height_px
        self.has_times = found.has_times
        self.frames_total = found.frames_total
        self.frames_read = 0
        self.damaged = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        told = list(self._told)
        if self.damaged:
            told.append(f"{self.damaged} pictures of {self.name} could not be decoded")
        return tuple(told)

    def tell(self, warning: str) -> None:
        """Add a warning, once."""
        if warning not in self._told:
            self._told.append(warning)

    def pictures(
        self, size: tuple[int, int] | None = None, pace: Pace = EVERY
    ) -> Iterator[NumberedPicture]:
        """See `VideoInput`."""
        self.frames_read = self.damaged = 0
        self._told.clear()
        times = _Times(self, self._found, fps=self._fps, start=self._start)
        paced = Paced(pace.fps_max)
        try:
            with _opened(self._path) as container:
                for frame, number in _Reading(self, container, self._found, pace).frames():
                    at, step_us = times.of(frame, number)
                    if at is None or not paced.takes(at.us, step_us):
                        continue
                    yield NumberedPicture(
                        frame=number,
                        at=at,
                        planes=_upright(frame, self._found.turns, size),
                        is_damaged=frame.is_corrupt,
                    )
        except (FFmpegError, OSError) as error:
            self.tell(f"{self.name} can't be read further than frame {self.frames_read}: {error}")
            return
        total = self.frames_total
        if total is not None and self.frames_read < total:
            self.tell(
                f"{self.name} is cut: it says it has {total} pictures, {self.frames_read} are there"
            )


class _Reading:
    """One pass through a file: decodes what is asked, and numbers pictures by time.

    A picture's number is how many packets are shown up to it. That is known once decoding times
    have reached it, so a picture of a reordered stream may be held for a moment.
    """

    def __init__(self, film: Film, container: InputContainer, found: _Found, pace: Pace) -> None:
        self._film = film
        self._container = container
        self._video = _video_of(container)
        self._counts_packets = found.has_times
        # Without times a number is a place in the row, so nothing may be left out.
        self._decodes = pace.decodes if found.has_times else "all"
        self._waiting: list[int] = []
        self._passed = 0
        self._held: deque[av.VideoFrame] = deque()
        context = self._video.codec_context
        if self._decodes == "references":
            context.skip_frame = "NONREF"

    def frames(self) -> Iterator[tuple[av.VideoFrame, int]]:
        context = self._video.codec_context
        for packet in self._packets():
            is_wanted = self._decodes != "keys" or packet.is_keyframe
            if packet.size and not packet.is_discard and packet.pts is not None:
                heapq.heappush(self._waiting, packet.pts)
            if is_wanted:
                self._decode(packet)
            if self._decodes == "keys" and packet.is_keyframe:
                self._decode(None)
                context.flush_buffers()
            reached = packet.dts if packet.size else None
            yield from self._released(reached)
        yield from self._released(None)
        self._film.frames_read = max(self._film.frames_read, self._passed + len(self._waiting))

    def _packets(self) -> Iterator[av.Packet[VideoStream]]:
        """The file's packets, then the empty one that lets the decoder give what it holds."""
        packets = self._container.demux(self._video)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except IndexError:
                # A stream that was not there at first (damage makes some up): passed over.
                packets = self._container.demux(self._video)
                continue
            except FFmpegError as error:
                self._film.tell(
                    f"{self._film.name} ends in the middle of its data ({error.strerror})"
                )
                self._decode(None)
                return
            yield packet

    def _decode(self, packet: av.Packet[VideoStream] | None) -> None:
        if packet is not None and not packet.size and self._decodes == "keys":
            return
        try:
            self._held.extend(self._video.codec_context.decode(packet))
        except av.EOFError:
            return
        except FFmpegError:
            self._film.damaged += 1

    def _released(self, reached: int | None) -> Iterator[tuple[av.VideoFrame, int]]:
        """Held pictures whose number is known; all of them when nothing more comes."""
        while self._held:
            frame = self._held[0]
            is_known = (
                not self._counts_packets
                or reached is None
                or frame.pts is None
                or frame.pts <= reached
                or len(self._held) > PICTURES_HELD_MAX
            )
            if not is_known:
                return
            self._held.popleft()
            yield frame, self._number(frame)

    def _number(self, frame: av.VideoFrame) -> int:
        if not self._counts_packets or frame.pts is None:
            self._passed += 1
            self._film.frames_read = self._passed
            self._waiting.clear()
            return self._passed
        before = self._passed
        while self._waiting and self._waiting[0] <= frame.pts:
            heapq.heappop(self._waiting)
            self._passed += 1
        # A picture whose packet was not counted still comes after the one before it.
        self._passed = max(self._passed, before + 1)
        self._film.frames_read = self._passed
        return self._passed


class _Times:
    """Wall-clock times of pictures, strictly increasing whatever the file's stamps do."""

    def __init__(self, film: Film, found: _Found, *, fps: float | None, start: Instant) -> None:
        self._film = film
        self._fps = fps
        self._has_times = found.has_times
        self._zero_ticks = found.first_ticks or 0
        self._time_base = found.time_base
        self._start = start
        self._moved_us = 0
        self._last_us: int | None = None
        self._step_us = 0

    def of(self, frame: av.VideoFrame, number: int) -> tuple[Instant | None, int]:
        """A picture's time, and how long after its forerunner it comes. None: not before 1970."""
        if self._has_times and frame.pts is not None:
            # The stream's time base: a flushed decoder puts another one on its frames.
            ticks = frame.pts - self._zero_ticks
            at_us = round(ticks * US_PER_SECOND * self._time_base) + self._moved_us
        elif self._fps is not None:
            at_us = round((number - 1) * US_PER_SECOND / self._fps)
        else:
            at_us = (self._last_us or 0) + max(self._step_us, 1)
        if self._last_us is not None and at_us <= self._last_us:
            to_us = self._last_us + max(self._step_us, 1)
            self._moved_us += to_us - at_us
            at_us = to_us
            self._film.tell(
                f"the time stamps of {self._film.name} step back at frame {number}; times after "
                "it go on from there"
            )
        elif self._last_us is not None:
            self._step_us = at_us - self._last_us
        self._last_us = at_us
        us = self._start.us + at_us
        return (Instant(us) if us >= 0 else None), self._step_us


def _opened(path: Path) -> InputContainer:
    container = av.open(f"file:{path}", options=dict(_OPTIONS), metadata_errors="replace")
    assert not isinstance(container, av.container.OutputContainer), "opened for reading"
    return container


def _video_of(container: InputContainer) -> VideoStream:
    """The file's pictures, set to one thread."""
    video = container.streams.best("video")
    if video is None:
        raise BadInput(f"{container.name.removeprefix('file:')} has no pictures in it")
    assert isinstance(video, av.VideoStream), "the best stream of pictures is one of pictures"
    if video.codec_context is None:
        raise BadInput(
            f"the pictures of {container.name.removeprefix('file:')} can't be decoded: they are of "
            "a kind that is not known here, or what says how to read them is damaged"
        )
    video.codec_context.thread_count = 1
    video.codec_context.thread_type = ThreadType.NONE
    return video


def _looked(container: InputContainer, path: Path) -> _Found:
    video = _video_of(container)
    frame = _first_frame(container, video)
    if frame is None:
        raise BadInput(f"no picture of {path} can be decoded; it is damaged or cut too early")
    turns = _QUARTER_TURNS.get(round(frame.rotation) % 360, 0)
    width, height = frame.width, frame.height
    names = frozenset(container.format.name.split(","))
    has_times = not (names & _WITHOUT_TIMES) and frame.pts is not None
    assert video.time_base is not None, "an opened stream has a time base"
    unshown = sum(entry.is_discard for entry in video.index_entries) if video.frames else 0
    return _Found(
        width_px=height if turns % 2 else width,
        height_px=width if turns % 2 else height,
        turns=turns,
        first_ticks=frame.pts,
        frames_total=video.frames - unshown if video.frames else None,
        has_times=has_times,
        time_base=video.time_base,
    )


def _first_frame(container: InputContainer, video: VideoStream) -> av.VideoFrame | None:
    for number, packet in enumerate(container.demux(video)):
        # A damaged beginning: the first picture is the first that decodes.
        with contextlib.suppress(FFmpegError):
            for frame in video.codec_context.decode(packet):
                return frame
        if number > _PROBE_PACKETS_MAX:
            break
    return None


def _upright(frame: av.VideoFrame, turns: int, size: tuple[int, int] | None) -> Planes:
    if not turns:
        return planes_of(frame, size)
    planes = planes_of(frame, size if size is None or turns == 2 else (size[1], size[0]))
    luma, blue, red = (
        np.ascontiguousarray(np.rot90(plane, turns))
        for plane in (planes.luma, planes.blue, planes.red)
    )
    return Planes(luma=luma, blue=blue, red=red, matrix=planes.matrix)
