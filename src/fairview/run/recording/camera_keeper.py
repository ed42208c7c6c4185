"""Cameras kept by one process: a session and a recorder per stream, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from fairview.core.camera import Camera, Login, Source
from fairview.core.clock_offset import ClockOffset
from fairview.core.errors import FairviewError
from fairview.core.event import HealthEvent
from fairview.core.flow import PacketSink, PacketSource
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import CAMERA_RETRY_US, CAMERA_STOP_US_MAX
from fairview.core.time import US_PER_SECOND
from fairview.ingest.address import rules_of
from fairview.ingest.file_play import FilePlay
from fairview.ingest.lean.looks import Looks
from fairview.ingest.rtsp import rtsp_source
from fairview.ingest.session import CameraSession
from fairview.record.keyring import Keyring
from fairview.record.live import LiveTap
from fairview.record.recorder import Figures, Stores, StreamRecorder
from fairview.run.care.mend import Mending
from fairview.run.recording.cover_keeping import CoverStream, RegionConnector
from fairview.run.recording.recorder_signs import StreamWatched, clock_sign
from fairview.store.contracts import CameraRow, Catalogue, EventSaved
from fairview.store.layout import DataFolder
from fairview.store.secrets import SecretBox, open_login

if TYPE_CHECKING:
    from fairview.config.settings import Settings
    from fairview.run.recording.planned import PlanAtWork
    from fairview.run.recording.trigger_keeping import TriggerConnector

SIM_LEAD_US = 4 * US_PER_SECOND
"""How far ahead of now a loop is drawn first, when it isn't there yet."""


@dataclass(slots=True, kw_only=True)
class KeptStream:
    """One stream under way. failed: what ended its thread for good, None while it runs.

    cover: where its packets come from when they are what a cover hides. tap: where it is live.
    sink: where its packets go: the recorder, or what stands before it. clock: how its camera's
    clock stood when it was last told.
    """

    recorder: StreamRecorder
    sink: PacketSink
    thread: threading.Thread
    cover: CoverStream | None = None
    tap: LiveTap | None = None
    clock: ClockOffset | None = None
    failed: BaseException | None = None

    def is_watched(self) -> bool:
        """Whether anybody takes its pictures live."""
        return self.tap is not None and self.tap.viewers > 0


@dataclass(slots=True, kw_only=True)
class KeptCamera:
    camera: Camera
    stop: threading.Event
    keyring: Keyring
    plan: PlanAtWork | None = None
    streams: dict[StreamName, KeptStream] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplies:
    """What all cameras of one recorder share. regions: where what covers hide comes from; None
    where it is not kept. triggers: where it is said that something happens; None: nobody says.
    """

    settings: Settings
    folder: DataFolder
    catalogue: Catalogue
    stores: Stores
    box: SecretBox
    door_public: bytes
    file_play: FilePlay
    regions: RegionConnector | None = None
    triggers: TriggerConnector | None = None


class CameraKeeper:
    """Starts and stops the recording of cameras. Used by one thread; cameras run in their own."""

    def __init__(self, supplies: Supplies, taps: Callable[[CameraId, StreamName], LiveTap]) -> None:
        """taps makes (and registers) the live tap of a stream."""
        self._supplies = supplies
        self._taps = taps
        self._looks = Looks(supplies.stores.clock)
        stores = supplies.stores
        self._mending = Mending(stores.blobs, supplies.catalogue, stores.clock, (stores.signer,))
        self._kept: dict[CameraId, KeptCamera] = {}
        self._overdue: set[CameraId] = set()
        self._log = structlog.get_logger()

    def keep(self, rows: tuple[CameraRow, ...]) -> None:
        """Record exactly these cameras: start new ones, end removed ones, restart changed ones."""
        wanted = {row.camera.id: row for row in rows if self._is_due(row.camera)}
        for name in tuple(self._kept):
            row = wanted.get(name)
            if row is None or row.camera.revision != self._kept[name].camera.revision:
                self._end(name)
        fresh = [row for name, row in wanted.items() if name not in self._kept]
        if fresh:
            self._mending.begin(frozenset(row.camera.id for row in fresh))
        for row in fresh:
            self._begin(row)

    def mend_left(self) -> None:
        """Close what a crash left open and a failing disk did not let be closed at the start.

        To be called now and then, while the disks answer: it stands still with one.
        Errors:  Unavailable from the catalogue.
        """
        self._mending.again()

    def figures(self) -> dict[tuple[CameraId, StreamName], Figures]:
        return {
            (name, stream): kept.recorder.figures
            for name, camera in self._kept.items()
            for stream, kept in camera.streams.items()
        }

    def watched(self) -> tuple[StreamWatched, ...]:
        """Every stream under way, for whoever tells how it does; from any thread."""
        return tuple(
            StreamWatched(
                camera=name,
                stream=stream,
                figures=one.recorder.figures,
                tap=one.tap,
                is_running=one.thread.is_alive(),
                spare_because=kept.keyring.spare_because,
                clock=clock_sign(one.clock),
            )
            for name, kept in tuple(self._kept.items())
            for stream, one in tuple(kept.streams.items())
        )

    def is_running(self, camera: CameraId) -> bool:
        """Whether any stream that the camera sends still has a thread at work."""
        kept = self._kept.get(camera)
        streams = () if kept is None else kept.streams.values()
        return any(one.thread.is_alive() for one in streams if one.cover is None)

    def failure(self, camera: CameraId) -> BaseException | None:
        kept = self._kept.get(camera)
        failures = [one.failed for one in kept.streams.values() if one.failed] if kept else []
        return failures[0] if failures else None

    def close(self) -> None:
        """End every camera, all of them at once; each run gets its trailer."""
        for kept in self._kept.values():
            kept.stop.set()
        for name in tuple(self._kept):
            self._end(name)

    def _is_due(self, camera: Camera) -> bool:
        """A camera past its review date stops, and says so once (decision 17)."""
        now = self._supplies.stores.clock.now()
        if not camera.is_active:
            return False
        if now < camera.register.review_at:
            self._overdue.discard(camera.id)
            return True
        if camera.id not in self._overdue:
            self._overdue.add(camera.id)
            self._tell("review_overdue", camera.id, "its register entry was due for review")
        return False

    def _begin(self, row: CameraRow) -> None:
        camera = row.camera
        supplies = self._supplies
        if supplies.stores.disks is not None:
            supplies.stores.disks.wish(camera.id, camera.disk)
        keyring = Keyring(
            supplies.folder.key_file(camera.id),
            camera=camera.id,
            door_public=supplies.door_public,
            clock=supplies.stores.clock,
            tell=lambda event: supplies.stores.rows.put(EventSaved(event=event)),
        )
        plan = self._plan(camera)
        kept = KeptCamera(camera=camera, stop=threading.Event(), keyring=keyring, plan=plan)
        login = open_login(supplies.box, camera.id, row.sealed_login) if row.sealed_login else None
        for source in camera.sources:
            tap = self._taps(camera.id, source.stream)
            recorder = StreamRecorder(
                camera=camera.id,
                stream=source.stream,
                stores=supplies.stores,
                keyring=keyring,
                live=tap if plan is None else None,
            )
            sink: PacketSink = recorder
            if plan is not None:
                sink = plan.sink(recorder if source.is_recorded else None, tap)
            thread = threading.Thread(
                target=self._run,
                args=(kept, source, login),
                name=f"{camera.id}/{source.stream}",
                daemon=True,
            )
            kept.streams[source.stream] = KeptStream(
                recorder=recorder, sink=sink, thread=thread, tap=tap
            )
        if supplies.regions is not None:
            kept.streams["cover"] = _cover_stream(supplies, camera.id, keyring, plan)
        self._kept[camera.id] = kept
        for one in kept.streams.values():
            one.thread.start()
        self._log.info("camera kept", camera=camera.id, revision=camera.revision)

    def _plan(self, camera: Camera) -> PlanAtWork | None:
        """What stands before its recorders; None for a camera that is kept always."""
        if camera.recording.mode == "continuous" and all(one.is_recorded for one in camera.sources):
            return None
        # Loaded when needed: nothing of it stands in the way of a camera that is kept always.
        from fairview.run.recording.planned import PlanAtWork, PlanParts

        stores = self._supplies.stores
        parts = PlanParts(
            clock=stores.clock,
            connect=self._supplies.triggers,
            tell=lambda event: stores.rows.put(EventSaved(event=event)),
        )
        return PlanAtWork(camera, parts)

    def _run(self, kept: KeptCamera, source: Source, login: Login | None) -> None:
        """A stream's thread. What the sink raises ends this stream only, and is tried again."""
        supplies, stream = self._supplies, kept.streams[source.stream]
        while not kept.stop.is_set():
            session = CameraSession(
                camera=kept.camera.id,
                stream=source.stream,
                connect=lambda: connection(supplies, kept.camera.id, source, login),
                sink=stream.sink,
                clock=supplies.stores.clock,
                stop=kept.stop,
                looks=self._looks,
                is_watched=stream.is_watched,
                on_clock=lambda offset: self._clock_told(kept.camera.id, source.stream, offset),
            )
            try:
                session.run()
            except FairviewError as error:
                stream.failed = error
                self._log.error("recording failed", camera=kept.camera.id, because=str(error))
                supplies.stores.clock.wait(kept.stop, CAMERA_RETRY_US)
                continue
            return

    def _clock_told(self, camera: CameraId, stream: StreamName, offset: ClockOffset) -> None:
        """How a camera's clock stands, kept as an event so that any span's can be found."""
        kept = self._kept.get(camera)
        if kept is not None:
            kept.streams[stream].clock = offset
        stores = self._supplies.stores
        because = f"{stream}: {offset.text}"
        event = HealthEvent(kind="camera_clock", camera=camera, at=offset.at, because=because)
        stores.rows.put(EventSaved(event=event))

    def _end(self, name: CameraId) -> None:
        kept = self._kept.pop(name)
        self._mending.forget(name)
        kept.stop.set()
        if kept.plan is not None:
            kept.plan.close()
        for one in kept.streams.values():
            if one.cover is not None:
                one.cover.close()
            one.thread.join(timeout=CAMERA_STOP_US_MAX / US_PER_SECOND)
            one.sink.close()
            one.recorder.close()
        self._log.info("camera no longer kept", camera=name)

    def _tell(self, kind: str, camera: CameraId, because: str) -> None:
        stores = self._supplies.stores
        event = HealthEvent(kind=kind, camera=camera, at=stores.clock.now(), because=because)
        stores.rows.put(EventSaved(event=event))


def _cover_stream(
    supplies: Supplies, camera: CameraId, keyring: Keyring, plan: PlanAtWork | None
) -> KeptStream:
    """What covers hide is kept as its pictures are."""
    assert supplies.regions is not None, "somebody looks for what covers hide"
    recorder = StreamRecorder(
        camera=camera, stream="cover", stores=supplies.stores, keyring=keyring
    )
    sink: PacketSink = recorder if plan is None else plan.sink(recorder, LiveTap())
    cover = CoverStream(camera, supplies.regions, sink, supplies.stores.clock)
    thread = threading.Thread(target=cover.run, name=f"{camera}/cover", daemon=True)
    return KeptStream(recorder=recorder, sink=sink, thread=thread, cover=cover)


def connection(
    supplies: Supplies, camera: CameraId, source: Source, login: Login | None
) -> PacketSource:
    """A fresh connection to a stream.

    Errors:  as the source says when it is first read.
    """
    if source.kind == "rtsp":
        return _rtsp(supplies, camera, source, login)
    if source.kind == "file":
        # Loaded when needed, here and below: FFmpeg and the simulation are 45 MB of a process.
        from fairview.ingest.av_source import FileSource

        clock = supplies.stores.clock
        return FileSource(camera=camera, source=source, clock=clock, play=supplies.file_play)
    if source.kind == "http":
        from fairview.ingest.http.source import HttpSource

        clock, rules = supplies.stores.clock, rules_of(supplies.settings.cameras)
        return HttpSource(camera=camera, source=source, login=login, rules=rules, clock=clock)
    if source.kind == "usb":
        from fairview.access.usb_coder import usb_coder
        from fairview.ingest.usb.source import UsbSource

        clock = supplies.stores.clock
        return UsbSource(camera=camera, source=source, clock=clock, coder=usb_coder)
    if source.kind == "sim":
        return _simulated(supplies, camera, source)
    raise AssertionError(f"{camera}: nobody reads sources of kind {source.kind}")


def _rtsp(
    supplies: Supplies, camera: CameraId, source: Source, login: Login | None
) -> PacketSource:
    clock, settings = supplies.stores.clock, supplies.settings
    rules = rules_of(settings.cameras)

    if settings.recording.reader == "ffmpeg":
        from fairview.ingest.av_source import RtspSource

        return RtspSource(camera=camera, source=source, login=login, rules=rules, clock=clock)
    return rtsp_source(camera, source, login, rules, clock)


def _simulated(supplies: Supplies, camera: CameraId, source: Source) -> PacketSource:
    from fairview.run.cache import sim_cache
    from fairview.sim.loop import ready_loop
    from fairview.sim.source import SimSource, loop_frame

    clock = supplies.stores.clock
    first_frame = loop_frame(clock.now().plus(SIM_LEAD_US))
    loop = ready_loop(sim_cache(), source.address, first_frame=first_frame)
    return SimSource(loop, camera=camera, stream=source.stream, clock=clock)
