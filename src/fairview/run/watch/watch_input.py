"""What `watch` looks at: a video file, a folder of pictures, or a camera, as one kind of thing.

A file keeps its own times; a camera's pictures carry the moment they came. A camera that breaks
off is tried again with growing waits until the time is over: what lies between was not watched,
and the times say so.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from fairview.analyse.decode import NumberedPicture, Pace, PictureDecoder, VideoInput, open_video
from fairview.analyse.decode.input import EVERY, Paced
from fairview.analyse.planes import resized
from fairview.core.camera import Login, Source
from fairview.core.errors import BadInput, NotFound, Unavailable
from fairview.core.flow import PacketSource
from fairview.core.limits import RECONNECT_US_FIRST, RECONNECT_US_MAX
from fairview.core.limits_seeing import WATCH_LATE_US_MAX
from fairview.core.media import Packet, Sample
from fairview.core.scene import Scene
from fairview.core.time import Clock, Instant
from fairview.ingest.address import AddressRules, entered, shown
from fairview.ingest.rtsp import rtsp_source

ASPECT_TOLERANCE = 0.005
"""Coded sizes are rounded to even numbers; another shape of picture is off by far more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchInput:
    """An opened input. name: without the way to it, and without a login."""

    name: str
    kind: Literal["video", "pictures", "stream"]
    video: VideoInput


def is_stream(text: str) -> bool:
    """Whether an input is a camera's address, not a file's."""
    return "://" in text


def open_input(
    text: str, scene: Scene, clock: Clock, stop: threading.Event, for_us: int | None
) -> WatchInput:
    """The input behind what was typed, checked against the scene's picture.

    for_us: only for a camera; how long it is watched.
    Errors:  NotFound, NotAllowed, Unavailable, BadInput; a picture of another shape than the
    scene's is BadInput.
    """
    if is_stream(text):
        parted = entered(text)
        if parted.kind != "rtsp":
            raise BadInput(f"{shown(text)}: watch takes rtsp://, a video file or a folder")
        source = Source(stream="main", kind="rtsp", address=parted.address)
        camera = StreamVideo(scene, source, parted.login, clock, stop)
        camera.open(for_us)
        found = WatchInput(name=shown(parted.address), kind="stream", video=camera)
    else:
        if for_us is not None:
            raise BadInput("--for is for cameras; a file is watched to its end")
        path = Path(text).expanduser()
        if not path.exists() and "%" not in path.name:
            raise NotFound(f"{path} is not there: name a video file, a folder of pictures or rtsp:")
        video = open_video(path, fps=scene.camera.fps, start=scene.camera.start)
        kind: Literal["video", "pictures"] = "pictures" if not video.has_times else "video"
        found = WatchInput(name=path.name or str(path), kind=kind, video=video)
    check_shape(scene, found.video.width_px, found.video.height_px, found.name)
    return found


def check_shape(scene: Scene, width_px: int, height_px: int, name: str) -> None:
    """Errors:  BadInput when the picture's shape is not that of the scene's size_px."""
    camera = scene.camera
    wanted = camera.width_px / camera.height_px
    if abs(width_px / height_px / wanted - 1) > ASPECT_TOLERANCE:
        raise BadInput(
            f"{name} is {width_px}x{height_px}, but the scene's points are for a picture of "
            f"{camera.width_px}x{camera.height_px}, which has another shape: draw the scene on "
            "a picture of this camera, and set size_px to its size"
        )


class StreamVideo:
    """A camera's pictures as they come; used by one thread. See VideoInput.

    HOLE: there is one connection and it can be gone through once; a picture that is decoded later
    than WATCH_LATE_US_MAX after it was shown is passed over, and counts as not looked at.
    """

    def __init__(
        self,
        scene: Scene,
        source: Source,
        login: Login | None,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self._camera = scene.camera.id
        self._source, self._login = source, login
        self._clock, self._stop = clock, stop
        self._for_us: int | None = None
        self._first: Packet | None = None
        self._packets: Iterator[Packet] | None = None
        self._connection: PacketSource | None = None
        self._size = (0, 0)
        self._frames = self._damaged = 0
        self._warnings: list[str] = []
        self.late = 0

    def open(self, for_us: int | None) -> None:
        """Connect and wait for the first packet, so that a wrong address is told at once."""
        self._for_us = for_us
        self._connect()
        assert self._first is not None, "a connection gives a packet or an error"
        self._size = (self._first.format.width_px, self._first.format.height_px)

    @property
    def width_px(self) -> int:
        return self._size[0]

    @property
    def height_px(self) -> int:
        return self._size[1]

    @property
    def has_times(self) -> bool:
        return True

    @property
    def frames_total(self) -> int | None:
        return None

    @property
    def frames_read(self) -> int:
        return self._frames

    @property
    def damaged(self) -> int:
        return self._damaged

    @property
    def warnings(self) -> tuple[str, ...]:
        if not self.late:
            return tuple(self._warnings)
        return (*self._warnings, f"{self.late} pictures came too late to be looked at: overloaded")

    def pictures(
        self, size: tuple[int, int] | None = None, pace: Pace = EVERY
    ) -> Iterator[NumberedPicture]:
        """Until the time is over or `stop` is set."""
        begun_us = self._clock.monotonic_us()
        paced = Paced(pace.fps_max)
        wait_us = RECONNECT_US_FIRST
        last: Instant | None = None
        while not self._is_over(begun_us):
            try:
                if self._packets is None:
                    self._connect()
                for picture in self._run(begun_us):
                    wait_us = RECONNECT_US_FIRST
                    if (last is not None and picture.at <= last) or not paced.takes(picture.at.us):
                        continue
                    last = picture.at
                    if self._clock.now().since(picture.at) > WATCH_LATE_US_MAX:
                        self.late += 1
                        continue
                    yield _scaled(picture, size)
            except Unavailable as error:
                self._lost(error)
                self._clock.wait(self._stop, wait_us)
                wait_us = min(2 * wait_us, RECONNECT_US_MAX)
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._packets = self._first = None

    def _connect(self) -> None:
        self.close()
        rules = AddressRules(allow_loopback=True)
        self._connection = rtsp_source(self._camera, self._source, self._login, rules, self._clock)
        self._packets = self._connection.packets()
        self._first = next(self._packets, None)

    def _run(self, begun_us: int) -> Iterator[NumberedPicture]:
        """One connection's pictures."""
        assert self._packets is not None
        decoder: PictureDecoder | None = None
        packet, self._first = self._first, None
        while packet is not None and not self._is_over(begun_us):
            if decoder is None or decoder.format != packet.format:
                decoder = PictureDecoder(packet.format) if packet.is_key else None
            if decoder is not None:
                before = decoder.damaged
                for found in decoder.decode(_sample(packet), packet.at):
                    self._frames += 1
                    yield NumberedPicture(
                        frame=self._frames,
                        at=found.at,
                        planes=found.planes,
                        is_damaged=found.is_damaged,
                    )
                self._damaged += decoder.damaged - before
            packet = next(self._packets, None)
        if packet is None:
            self._packets = None

    def _is_over(self, begun_us: int) -> bool:
        lasted_us = self._clock.monotonic_us() - begun_us
        return self._stop.is_set() or (self._for_us is not None and lasted_us >= self._for_us)

    def _lost(self, error: Unavailable) -> None:
        self._packets = None
        text = f"{shown(self._source.address)} broke off at {self._clock.now().iso()}: {error}"
        if len(self._warnings) < 100:
            self._warnings.append(text)
        structlog.get_logger().warning("camera away", camera=self._camera, because=str(error))


def decode_size(video: VideoInput, input_px: tuple[int, int] | None) -> tuple[int, int] | None:
    """The size pictures are decoded to for a detector alone: at least its input both ways, in the
    picture's own shape, never larger than the picture. None: as they are.
    """
    if input_px is None:
        return None
    scale = max(input_px[0] / video.width_px, input_px[1] / video.height_px)
    if scale >= 1:
        return None
    width, height = (max(2, round(side * scale)) for side in (video.width_px, video.height_px))
    return width, height


def _scaled(picture: NumberedPicture, size: tuple[int, int] | None) -> NumberedPicture:
    if size is None:
        return picture
    return NumberedPicture(
        frame=picture.frame,
        at=picture.at,
        planes=resized(picture.planes, *size),
        is_damaged=picture.is_damaged,
    )


def _sample(packet: Packet) -> Sample:
    return Sample(
        ticks=packet.ticks,
        decode_ticks=packet.decode_ticks,
        duration_ticks=packet.duration_ticks,
        is_key=packet.is_key,
        data=packet.data,
    )
