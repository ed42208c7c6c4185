"""`fairview demo`: the node with a simulated camera, a little history, and nothing to configure."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from fairview.analyse.clean import CleanPicture
from fairview.config.scene_text import scene_text
from fairview.config.settings import Analysis, Register, RegisterDefault, Server, Settings
from fairview.core.errors import Unavailable
from fairview.core.ids import CameraId
from fairview.core.limits import NODE_TURN_US
from fairview.core.time import (
    US_PER_DAY,
    US_PER_HOUR,
    US_PER_MINUTE,
    US_PER_SECOND,
    Clock,
    Instant,
    ManualClock,
    Span,
)
from fairview.ingest.session import CameraSession
from fairview.record.gaps import gap_before
from fairview.record.keyring import Keyring
from fairview.record.recorder import Stores, StreamRecorder
from fairview.record.rows import RowQueue
from fairview.run.cache import sim_cache
from fairview.run.node import Announcement, run_node
from fairview.run.owner.local import TRIAL, AddWish, trial_default, with_own_machine
from fairview.run.owner.office import Office, open_office
from fairview.run.places import Meeting
from fairview.run.signing import recorder_signer
from fairview.run.talk import catalogue_client
from fairview.sim.history import HistorySource, history_spans
from fairview.sim.loop import Loop, empty_street, make_loop, ready_loop, seed_of
from fairview.sim.scene import junction_scene
from fairview.sim.source import loop_frame
from fairview.store.blobs import FileBlobs
from fairview.store.contracts import Catalogue, EventSaved, GapSaved
from fairview.store.layout import DataFolder, open_data_folder

CAMERA = CameraId("junction")
ADDRESS = "sim:junction?seed=7"
OWN_CAMERA = CameraId("my-camera")
HISTORY_WINDOWS = 3
HISTORY_US = 55 * US_PER_MINUTE
"""How far back the windows reach: inside the hours whose keys are issued at a start."""

FIRST_PICTURE_US = 10 * US_PER_SECOND
"""About when the node will first ask for a picture: that part of the loop is drawn first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoWish:
    """source: the person's own camera or file; data None: a folder that goes with the demo."""

    source: str | None
    data: Path | None
    port: int


def run_demo(
    wish: DemoWish,
    clock: Clock,
    stop: threading.Event,
    progress: Callable[[float, str], None],
    announce: Callable[[Announcement], None],
) -> None:
    """Run the node with the simulated camera until stopped; it is drawn, and given some past,
    meanwhile.

    Errors:  as run_node; BadInput for a source that can't be read.
    """
    with _folder(wish) as data:
        settings = demo_settings(data, wish.port)
        progress(0.1, "drawing the junction")
        ready_loop(sim_cache(), ADDRESS, first_frame=loop_frame(clock.now().plus(FIRST_PICTURE_US)))
        with open_office(settings, clock, create=True) as office:
            is_fresh = _furnish(office, clock)
            if wish.source is not None:
                _add_own(office, wish.source, clock)
        progress(0.6, "starting the node")
        historian = Historian(settings, clock, stop) if is_fresh else None
        run_node(settings, clock, stop, announce, beside=historian)


def demo_settings(data: Path, port: int) -> Settings:
    """Loopback, plain HTTP (a secure context there), a trial's register entry by default."""
    settings = Settings(
        data=data,
        server=Server(host="127.0.0.1", port=port),
        analysis=Analysis(bin_min=5),
        register=Register(default=trial_default(RegisterDefault(retention_h=24))),
    )
    return with_own_machine(settings)


@contextmanager
def _folder(wish: DemoWish) -> Iterator[Path]:
    if wish.data is not None:
        yield wish.data
        return
    made = Path(tempfile.mkdtemp(prefix="fairview-demo-"))
    try:
        yield made / "data"
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _furnish(office: Office, clock: Clock) -> bool:
    """The simulated camera with its clean picture; whether it was put up just now."""
    if any(row.camera.id == CAMERA for row in office.catalogue.cameras()):
        return False
    register = replace(
        TRIAL,
        purpose="show how Fairview works",
        legal_basis="none needed: nobody is in a simulated street",
        operator="the demo",
        contact="whoever started the demo",
        area="a junction of a pretend city",
        retention_us=24 * US_PER_HOUR,
    )
    office.camera_add(
        AddWish(
            camera=CAMERA,
            title="Junction (simulated)",
            address=ADDRESS,
            sub_address=None,
            register=register,
            is_commissioning=False,
        ),
        clock,
    )
    picture = CleanPicture(pixels=empty_street(ADDRESS), made_at=clock.now())
    office.gate.put_clean_picture(CAMERA, picture)
    session = office.gate.local_session().token
    office.gate.scene_save(session, CAMERA, scene_text(junction_scene(CAMERA)), 0)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Where footage of the past goes: a folder, its catalogue, and when to give up."""

    folder: DataFolder
    catalogue: Catalogue
    clock: Clock
    stop: threading.Event


def record_past(past: Past, loop: Loop, span: Span) -> None:
    """A window of the simulated camera through session, recorder and keys, in its own time.

    Errors:  as CameraSession.run.
    """
    folder, stop = past.folder, past.stop
    then = ManualClock(span.start)
    with closing(RowQueue(past.catalogue, then)) as rows:
        recorder = StreamRecorder(
            camera=CAMERA,
            stream="main",
            stores=Stores(
                blobs=FileBlobs(folder.blobs),
                rows=rows,
                signer=recorder_signer(folder, "local"),
                clock=then,
            ),
            keyring=Keyring(
                folder.key_file(CAMERA),
                camera=CAMERA,
                door_public=folder.door_public.read_bytes(),
                clock=past.clock,
                tell=lambda event: rows.put(EventSaved(event=event)),
            ),
        )
        source = HistorySource(loop, camera=CAMERA, stream="main", span=span, clock=then)
        CameraSession(
            camera=CAMERA,
            stream="main",
            connect=lambda: source,
            sink=recorder,
            clock=then,
            stop=stop,
        ).run()
        rows.drain()


class Historian:
    """Gives the simulated camera some past while the node runs, as a second recorder would.

    The windows go through the same session, recorder, keys and catalogue as any footage, each in
    its own time; then the gap up to the live footage is written.
    """

    def __init__(self, settings: Settings, clock: Clock, stop: threading.Event) -> None:
        self._settings = settings
        self._clock = clock
        self._stop = stop

    def __call__(self, meeting: Meeting) -> None:
        """Runs to its end in the caller's thread; earlier when the demo stops."""
        try:
            self._remember(meeting)
        except Unavailable as error:
            if not self._stop.is_set():
                structlog.get_logger().warning("no history", because=str(error))

    def _remember(self, meeting: Meeting) -> None:
        loop = make_loop(sim_cache(), seed=seed_of(ADDRESS))
        folder = open_data_folder(self._settings.data)
        with closing(catalogue_client(meeting)) as catalogue:
            self._wait_for_live(catalogue)
            past = Past(folder=folder, catalogue=catalogue, clock=self._clock, stop=self._stop)
            spans = history_spans(self._clock.now(), count=HISTORY_WINDOWS, within_us=HISTORY_US)
            for span in spans:
                if not self._stop.is_set():
                    record_past(past, loop, span)
            self._join_to_live(catalogue, spans[-1].end)

    def _wait_for_live(self, catalogue: Catalogue) -> None:
        """A recorder that begins ends whatever segment of its camera it finds open: let it."""
        while not catalogue.segments(CAMERA, "main"):
            if self._clock.wait(self._stop, NODE_TURN_US):
                return

    def _join_to_live(self, catalogue: Catalogue, since: Instant) -> None:
        around = Span(start=Instant(since.us - US_PER_HOUR), end=self._clock.now())
        segments = catalogue.segments(CAMERA, "main", around)
        live = [segment for segment in segments if segment.span.start > since]
        if live:
            gaps = catalogue.gaps(CAMERA, "main", around)
            gap = gap_before(segments, gaps, min(segment.span.start for segment in live))
            if gap is not None:
                catalogue.write([GapSaved(gap=gap)])


def _add_own(office: Office, source: str, clock: Clock) -> None:
    if any(row.camera.id == OWN_CAMERA for row in office.catalogue.cameras()):
        return
    office.camera_add(
        AddWish(
            camera=OWN_CAMERA,
            title="My camera",
            address=source,
            sub_address=None,
            register=replace(TRIAL, retention_us=US_PER_DAY),
            is_commissioning=False,
        ),
        clock,
    )
