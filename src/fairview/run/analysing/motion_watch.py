"""Cameras that are kept around events: whether anything moves, said to who keeps them.

Runs in an analyser, with or without a scene. Motion is found as where roads are watched without a
model: behind the same gate, which decodes where packets or key frames say that something moves,
then against the empty scene, then as something that went from its place. So a lamp, a flag or
rain is no event, and a still street costs next to nothing.

Not in the recorder from packet sizes alone: those say little where the bit rate is capped, and a
recorder holds no decoder.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import structlog

from fairview.analyse.decode import Decoded, Decodes, PictureDecoder
from fairview.analyse.detectors.contract import Picture
from fairview.analyse.detectors.motion import MotionDetector
from fairview.analyse.gate import Gate, Rest
from fairview.analyse.track.tracker import Tracker
from fairview.analyse.trigger_taps import TriggerTap, TriggerTaps
from fairview.core.camera import Camera
from fairview.core.errors import BadInput, NotFound, Overloaded, Unavailable
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import CAMERA_RETRY_US
from fairview.core.limits_keeping import MOTION_LOOK_US, SIGN_EVERY_US
from fairview.core.media import Packet, VideoFormat
from fairview.core.time import US_PER_SECOND, Clock, Instant, Span
from fairview.core.trigger_sign import TriggerSign
from fairview.record.live import LivePackets
from fairview.run.analysing.gated import GatedDecoder
from fairview.run.analysing.looker import small_size
from fairview.run.live_streams import LiveStream

_JOIN_S = 5.0
_INPUT_PX = (640, 360)
_BACK_US = 3 * US_PER_SECOND


class MotionWatch:
    """One camera's packets to signs of motion; a thread of its own until closed.

    Cost:    as the gate where nothing moves; decoding, and 2 ms a picture five times a second,
             where something does.
    """

    def __init__(
        self,
        camera: CameraId,
        connect: Callable[[], LiveStream[LivePackets]],
        tap: TriggerTap,
        clock: Clock,
    ) -> None:
        self._camera, self._connect, self._clock = camera, connect, clock
        self._look = MotionLook(camera, lambda sign: tap.put((sign,)))
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._stream: LiveStream[LivePackets] | None = None
        self._thread = threading.Thread(target=self._run, name=f"motion {camera}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """Safe to repeat."""
        self._stop.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except (Unavailable, NotFound, Overloaded, BadInput) as error:
                structlog.get_logger().debug(
                    "no pictures to find motion in", camera=self._camera, because=str(error)
                )
            self._clock.wait(self._stop, CAMERA_RETRY_US)

    def _follow(self) -> None:
        with self._lock:
            if self._stop.is_set():
                return
            self._stream = self._connect()
        with closing(self._stream) as stream:
            for taken in stream:
                if self._stop.is_set():
                    return
                self._look.take(taken)


class MotionLook:
    """One stream's live packets in, signs out. Used by one thread."""

    def __init__(self, camera: CameraId, put: Callable[[TriggerSign], None]) -> None:
        self._camera, self._put = camera, put
        self._gate = Gate(camera)
        self._detector = MotionDetector()
        self._decoder: GatedDecoder | None = None
        self._video: VideoFormat | None = None
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._tracker, self._rest = Tracker(self._camera), Rest()
        self._frame = 0
        self._looked: Instant | None = None
        self._restless_from: Instant | None = None
        self._since: Instant | None = None
        self._told: Instant | None = None

    def take(self, taken: LivePackets) -> None:
        """Errors:  BadInput for a stream that can't be decoded."""
        if self._decoder is None or taken.packets[0].format != self._video:
            self._video = taken.packets[0].format
            self._decoder = GatedDecoder(self._gate, self._makes(self._video))
            self._decoder.begin()
        elif taken.is_start:
            self._decoder.begin()
        if taken.dropped:
            at = taken.packets[0].at
            self._say(at, blind=f"{taken.dropped} pictures came too fast to be looked at")
        for packet in taken.packets:
            self._packet(packet, self._decoder)

    def _packet(self, packet: Packet, decoder: GatedDecoder) -> None:
        for one in decoder.take(packet):
            if not isinstance(one, Span):
                self._picture(one.picture)
        if decoder.is_asleep:
            # Packets and key frames are what is looked at now; nothing spoke for motion.
            self._looked, self._since = packet.at, None
        # Time that was set back says everything anew.
        away_us = SIGN_EVERY_US if self._told is None else abs(packet.at.since(self._told))
        if self._looked is not None and away_us >= SIGN_EVERY_US:
            self._say(self._looked)
            self._told = packet.at

    def _picture(self, picture: Decoded) -> None:
        if picture.is_damaged:
            return
        if self._looked is not None and self._looked.since(picture.at) > _BACK_US:
            self._begin_anew()
        due = self._looked is None or picture.at.since(self._looked) >= MOTION_LOOK_US * 9 // 10
        if not due:
            return
        self._frame += 1
        asked = Picture(
            camera=self._camera, frame=self._frame, at=picture.at, planes=picture.planes
        )
        self._tracker.advance(self._detector.detect([asked])[0])
        self._tracker.take_finished()
        moving, restless = self._rest.look(self._tracker.open, picture.at)
        self._gate.found(picture.at, moving=moving, restless=restless)
        self._looked = picture.at
        self._note(moving=moving > 0, restless=restless > 0, at=picture.at)

    def _note(self, *, moving: bool, restless: bool, at: Instant) -> None:
        if not restless:
            self._restless_from = None
        elif self._restless_from is None:
            self._restless_from = at
        if not moving:
            self._since = None
        elif self._since is None:
            self._since = self._restless_from or at
            self._say(at)
            self._told = at

    def _say(self, looked_until: Instant, *, blind: str = "") -> None:
        self._put(
            TriggerSign(
                camera=self._camera,
                trigger="motion",
                looked_until=looked_until,
                since=self._since,
                blind=blind,
            )
        )

    def _makes(self, video: VideoFormat) -> Callable[[Decodes], PictureDecoder]:
        size = small_size((video.width_px, video.height_px), _INPUT_PX)
        return lambda decodes: PictureDecoder(video, coarse=True, decodes=decodes, size=size)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """One camera under way. revision: what it was started with."""

    revision: int
    tap: TriggerTap
    watch: MotionWatch | None

    @property
    def is_broken(self) -> bool:
        return self.watch is not None and not self.watch.is_alive


class TriggerLooks:
    """The cameras of one analyser that are kept around events. Used by one thread."""

    def __init__(
        self,
        taps: TriggerTaps,
        connect: Callable[[CameraId, StreamName], LiveStream[LivePackets]],
        clock: Clock,
    ) -> None:
        self._taps, self._connect, self._clock = taps, connect, clock
        self._kept: dict[CameraId, _Kept] = {}

    def keep(self, cameras: tuple[Camera, ...]) -> None:
        """Look at exactly those of these cameras that are kept around events."""
        wanted = {
            one.id: one for one in cameras if one.is_active and one.recording.mode == "events"
        }
        for name, kept in tuple(self._kept.items()):
            camera = wanted.get(name)
            if camera is None or camera.revision != kept.revision or kept.is_broken:
                self._end(name)
        for name, camera in wanted.items():
            if name not in self._kept:
                self._kept[name] = self._begin(camera)

    def tap(self, camera: CameraId) -> TriggerTap | None:
        """Where this camera's signs go; None for one that is not kept around events."""
        kept = self._kept.get(camera)
        return None if kept is None else kept.tap

    def close(self) -> None:
        """Safe to repeat."""
        for name in tuple(self._kept):
            self._end(name)

    def _begin(self, camera: Camera) -> _Kept:
        tap = self._taps.make(camera.id)
        watch = None
        if "motion" in camera.recording.triggers:
            stream: StreamName = "sub" if camera.source("sub") is not None else "main"
            watch = MotionWatch(
                camera.id, lambda: self._connect(camera.id, stream), tap, self._clock
            )
            watch.start()
        return _Kept(revision=camera.revision, tap=tap, watch=watch)

    def _end(self, name: CameraId) -> None:
        kept = self._kept.pop(name)
        if kept.watch is not None:
            kept.watch.close()
        self._taps.remove(name)
