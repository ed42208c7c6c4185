"""`fairview demo`: the node with a simulated camera, a little history, and nothing to configure."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fairview.analyse.clean import CleanPicture
from fairview.config.settings import Register, RegisterDefault, Server, Settings
from fairview.core.camera import Camera
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, Clock, ManualClock, Span
from fairview.ingest.session import CameraSession
from fairview.record.keyring import Keyring
from fairview.record.recorder import Stores, StreamRecorder
from fairview.record.rows import RowQueue
from fairview.run.cache import sim_cache
from fairview.run.local import TRIAL, AddWish, trial_default, with_own_machine
from fairview.run.node import Announcement, run_node
from fairview.run.office import Office, open_office
from fairview.run.signing import recorder_signer
from fairview.sim.history import HistorySource, history_spans
from fairview.sim.loop import Loop, make_loop, seed_of
from fairview.store.blobs import FileBlobs
from fairview.store.contracts import EventSaved
from fairview.store.layout import open_data_folder

CAMERA = CameraId("junction")
ADDRESS = "sim:junction?seed=7"
OWN_CAMERA = CameraId("my-camera")
HISTORY_WINDOWS = 3
HISTORY_US = 55 * US_PER_MINUTE
"""How far back the windows reach: inside the hours whose keys are issued at a start."""


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
    """Draw the junction, record some past of it, then run the node until stopped.

    Errors:  as run_node; BadInput for a source that can't be read.
    """
    with _folder(wish) as data:
        settings = demo_settings(data, wish.port)
        open_data_folder(data, create=True)
        loop = make_loop(
            sim_cache(),
            seed=seed_of(ADDRESS),
            progress=lambda done, whole: progress(done / whole * 0.8, "drawing the junction"),
        )
        with open_office(settings, clock, create=True) as office:
            if not stop.is_set():
                progress(0.85, "recording some history")
                _furnish(office, loop, clock)
            if wish.source is not None:
                _add_own(office, wish.source, clock)
        progress(1.0, "starting the node")
        run_node(settings, clock, stop, announce)


def demo_settings(data: Path, port: int) -> Settings:
    """Loopback, plain HTTP (a secure context there), a trial's register entry by default."""
    settings = Settings(
        data=data,
        server=Server(host="127.0.0.1", port=port),
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


def _furnish(office: Office, loop: Loop, clock: Clock) -> None:
    """The simulated camera with its clean picture and its past; once per folder."""
    if any(row.camera.id == CAMERA for row in office.catalogue.cameras()):
        return
    register = replace(
        TRIAL,
        purpose="show how Fairview works",
        legal_basis="none needed: nobody is in a simulated street",
        operator="the demo",
        contact="whoever started the demo",
        area="a junction of a pretend city",
        retention_us=24 * US_PER_HOUR,
    )
    camera = office.camera_add(
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
    picture = CleanPicture(pixels=loop.empty(), made_at=clock.now())
    office.gate.put_clean_picture(CAMERA, picture)
    spans = history_spans(clock.now(), count=HISTORY_WINDOWS, within_us=HISTORY_US)
    for span in spans:
        _record_past(office, loop, camera, span, clock)


def _record_past(office: Office, loop: Loop, camera: Camera, span: Span, issued_by: Clock) -> None:
    """One window through the same session, recorder and keys as any footage, in its own time.

    issued_by: the clock the key file was issued by, which is the present.
    """
    folder = office.folder
    clock = ManualClock(span.start)
    with closing(RowQueue(office.catalogue, clock)) as rows:
        stores = Stores(
            blobs=FileBlobs(folder.blobs),
            rows=rows,
            signer=recorder_signer(folder, "local"),
            clock=clock,
        )
        keyring = Keyring(
            folder.key_file(camera.id),
            camera=camera.id,
            door_public=folder.door_public.read_bytes(),
            clock=issued_by,
            tell=lambda event: rows.put(EventSaved(event=event)),
        )
        recorder = StreamRecorder(camera=camera.id, stream="main", stores=stores, keyring=keyring)
        CameraSession(
            camera=camera.id,
            stream="main",
            connect=lambda: HistorySource(
                loop, camera=camera.id, stream="main", span=span, clock=clock
            ),
            sink=recorder,
            clock=clock,
            stop=threading.Event(),
        ).run()
        rows.drain()


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
