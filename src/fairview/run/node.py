"""The system on one page: what runs, in which order, and what each part hands to the next.

    cameras ─▶ recorders ─sealed segments─▶ blobs     recorders ─rows─▶ catalogue
                   ├─live packets─▶ analysers ─counts, speeds─▶ catalogue
                   │                    ├─boxes now─▶ door
                   │                    └─what covers hide─▶ recorders
                   └─live packets─▶ door ◀─rows, sealed bytes─┘
                                    door ─covered pictures, measures, ledger─▶ web ─▶ people

Every process tells its signs to health, which says what is wrong; the notifier passes that on.
The node itself touches no footage, no key and no camera. It takes the folder, mends what a crash
left, starts the processes, tells recorders and analysers which cameras are theirs, and restarts
what ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from fairview.config.settings import Settings
from fairview.core.errors import Unavailable
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId
from fairview.core.limits import NODE_TURN_US
from fairview.core.limits_seeing import SCENES_EVERY_US
from fairview.core.time import Clock
from fairview.run.analysing.cover_wish import is_cover_stored
from fairview.run.camera_processes import CameraProcesses
from fairview.run.care.mend import mend_folder
from fairview.run.disks.open_disks import take_settings
from fairview.run.health.notice_logins import watch_plans
from fairview.run.health.process_table import ProcessTable
from fairview.run.orders import start_orders
from fairview.run.owner.way_in import let_owner_in
from fairview.run.places import Meeting, Secrets, make_sockets
from fairview.run.reach import Address, address_of, is_answering, refuse_taken_port
from fairview.run.supervise import ChildPlan, Supervisor
from fairview.run.talk import ask_set_up_link, catalogue_client
from fairview.store.contracts import Catalogue, EventSaved
from fairview.store.durable import FolderLock
from fairview.store.layout import DataFolder, open_data_folder

STAGES = {"catalogue": 0, "door": 1, "health": 1, "web": 2}
"""Recorders (3) end first, so that every segment gets its trailer and row; the catalogue last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What the person who started the node is told once it answers."""

    address: Address
    set_up_link: str | None


def run_node(
    settings: Settings,
    clock: Clock,
    stop: threading.Event,
    announce: Callable[[Announcement], None],
    beside: Callable[[Meeting], None] | None = None,
) -> None:
    """Run until `stop` is set.

    beside: run in a thread of its own once everything answers (the demo's history).

    Errors:  Conflict when another process owns the folder; BadInput for a taken port or a folder
    that holds other things; Unavailable when a process can't be started at all.
    """
    address = address_of(settings, clock.now())
    refuse_taken_port(address)
    folder = open_data_folder(settings.data, create=True)
    with folder.lock as lock, make_sockets() as sockets:
        meeting = Meeting(sockets, Secrets.fresh())
        let_owner_in(folder, meeting)
        node = _Node(settings, folder, clock, meeting, lock)
        try:
            node.start(address)
            if beside is not None:
                threading.Thread(target=beside, args=(meeting,), name="beside", daemon=True).start()
            announce(Announcement(address=address, set_up_link=node.set_up_link(address)))
            while not stop.is_set():
                node.turn()
                clock.wait(stop, NODE_TURN_US)
        finally:
            node.stop()


class _Node:
    """The processes of one node. Used by one thread."""

    def __init__(
        self,
        settings: Settings,
        folder: DataFolder,
        clock: Clock,
        meeting: Meeting,
        lock: FolderLock,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._clock = clock
        self._meeting = meeting
        self._sockets, self._secrets = meeting.sockets, meeting.secrets
        self._log = structlog.get_logger()
        self._ended: list[HealthEvent] = []
        self._supervisor = Supervisor(clock, self._note_end, keep=(lock.descriptor,))
        self._table = ProcessTable(self._supervisor, clock)
        self._catalogue: Catalogue = catalogue_client(meeting)
        self._recorders = CameraProcesses(
            "recorder", settings.recording.cameras_per_process, self._supervisor, self._start_group
        )
        self._analysers = CameraProcesses(
            "analyser", settings.analysis.cameras_per_process, self._supervisor, self._start_group
        )
        self._looked_at: tuple[CameraId, ...] = ()
        self._scenes_due_us = 0

    def start(self, address: Address) -> None:
        """Mend what a crash left; then the catalogue, the door and the web."""
        take_settings(self._folder, self._settings)
        mend_folder(self._folder, self._clock)
        up = {name: partial(self._sockets.is_up, name) for name in ("catalogue", "door")}
        up["web"] = partial(is_answering, address)
        for name, is_up in up.items():
            self._start(name, f"fairview.run.{name}_process")
            self._supervisor.wait_until(is_up, name)
        for name, extra in watch_plans(self._settings, self._folder).items():
            self._start(name, f"fairview.run.{name}_process", **extra)
        self._log.info("node started", data=str(self._settings.data))

    def set_up_link(self, address: Address) -> str | None:
        """The one-time link, while no actor exists."""
        token = ask_set_up_link(self._meeting)
        return f"{address.url}/set-up#{token.reveal()}" if token else None

    def turn(self) -> None:
        """One round: restart what ended, place cameras, tell the catalogue what happened."""
        for name in self._supervisor.look_after():
            self._recorders.restarted(name)
            self._analysers.restarted(name)
        self._table.tell("health")
        try:
            self._place_cameras()
            if self._ended:
                self._catalogue.write([EventSaved(event=event) for event in self._ended])
                self._ended.clear()
        except Unavailable as error:
            self._log.debug("catalogue away", because=str(error))

    def stop(self) -> None:
        """Safe to repeat."""
        self._supervisor.stop()
        self._catalogue.close()
        self._log.info("node stopped")

    def _place_cameras(self) -> None:
        """Every active camera is recorded; those with a scene or kept around events are analysed
        as well, and all where covers are found while recording."""
        rows = [row.camera for row in self._catalogue.cameras() if row.camera.is_active]
        active = [camera.id for camera in rows]
        is_covered = is_cover_stored(self._settings)
        looked_at = {one.id for one in rows if is_covered or one.recording.mode == "events"}
        self._recorders.place(active)
        now_us = self._clock.monotonic_us()
        if now_us >= self._scenes_due_us:
            self._scenes_due_us = now_us + SCENES_EVERY_US
            self._looked_at = tuple(
                one for one in active if one in looked_at or self._catalogue.scene(one)
            )
        self._analysers.place([one for one in self._looked_at if one in active])

    def _start_group(self, name: str, number: int) -> None:
        kind = name.partition("-")[0]
        self._start(name, f"fairview.run.{kind}_process", group=number)

    def _start(self, name: str, module: str, **extra: object) -> None:
        orders = start_orders(self._settings, self._sockets.folder, self._secrets.of(name), **extra)
        plan = ChildPlan(
            name=name,
            module=module,
            orders=orders,
            stage=STAGES.get(name, 3),
            is_small=name.startswith("recorder-"),
        )
        self._supervisor.start(plan)

    def _note_end(self, name: str, status: int) -> None:
        self._ended.append(self._table.ended(name, status))
