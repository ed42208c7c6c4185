"""A recorder: the cameras it is told to keep, sealed to public halves, and their live taps.

Holds no private half and no database: rows go to the catalogue's socket.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from fairview.core.errors import Unavailable
from fairview.core.ids import CameraId
from fairview.core.limits import NODE_TURN_US
from fairview.core.time import Clock, SystemClock
from fairview.ingest.file_play import FilePlay
from fairview.record.live import LiveTaps, serve_live
from fairview.record.recorder import Stores
from fairview.record.rows import RowQueue
from fairview.record.write_queue import DiskWriters
from fairview.run.analysing.cover_wish import is_cover_stored
from fairview.run.disks.open_disks import open_disks
from fairview.run.health.messages import TellRecorder
from fairview.run.health.telling import Teller
from fairview.run.live_streams import LiveStreams
from fairview.run.orders import StartOrders, follow, read_plain_start
from fairview.run.recording.camera_keeper import CameraKeeper, Supplies
from fairview.run.recording.recorder_signs import RecorderWatch, write_queues
from fairview.run.signing import recorder_signer
from fairview.store.catalogue_remote import RemoteCatalogue
from fairview.store.contracts import Catalogue
from fairview.store.disks import Disks
from fairview.store.layout import open_data_folder
from fairview.store.secrets import SecretBox, read_or_make_key


class Wanted:
    """Which cameras the node said are ours. None until it has said so."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cameras: frozenset[CameraId] | None = None

    def hear(self, line: Mapping[str, Any]) -> None:
        with self._lock:
            self._cameras = frozenset(CameraId(name) for name in line["cameras"])

    @property
    def cameras(self) -> frozenset[CameraId] | None:
        with self._lock:
            return self._cameras


def main() -> None:
    orders = read_plain_start("recorder")
    stop, wanted = threading.Event(), Wanted()
    follow(stop, wanted.hear)
    run_recorder(orders, wanted, SystemClock(), stop)


def run_recorder(orders: StartOrders, wanted: Wanted, clock: Clock, stop: threading.Event) -> None:
    """Keep the wanted cameras until told to stop; every run then gets its trailer and row."""
    group = f"group-{orders.extra['group']}"
    folder = open_data_folder(orders.settings.data)
    catalogue = RemoteCatalogue(orders.sockets.path("catalogue"), orders.secrets["catalogue"])
    rows = RowQueue(catalogue, clock)
    rows.start()
    writers = DiskWriters()
    disks = open_disks(folder, clock, orders.settings)
    disks.start()
    stores = Stores(
        blobs=disks,
        rows=rows,
        signer=recorder_signer(folder, group),
        clock=clock,
        lanes=writers,
        disks=disks,
    )
    streams = LiveStreams(orders.sockets, orders.secrets["live"], orders.secrets["sights"])
    supplies = Supplies(
        settings=orders.settings,
        folder=folder,
        catalogue=catalogue,
        stores=stores,
        box=SecretBox(read_or_make_key(folder.secrets_key)),
        door_public=Path(folder.door_public).read_bytes(),
        file_play=FilePlay(is_looped=True),
        regions=streams.regions if is_cover_stored(orders.settings) else None,
        triggers=streams.triggers,
    )
    taps = LiveTaps()
    keeper = CameraKeeper(supplies, taps.make)
    live = serve_live(
        orders.sockets.path(f"live-{orders.extra['group']}"), taps, orders.secrets["live"]
    )
    watch = RecorderWatch(
        f"recorder-{orders.extra['group']}",
        keeper.watched,
        rows,
        clock,
        queues=lambda: write_queues(writers),
        disks=disks.signs,
    )
    teller = Teller(
        orders.sockets.path("health"),
        orders.secrets["health"],
        lambda: TellRecorder(watch.signs()),
        clock,
    )
    teller.start()
    try:
        while not stop.is_set():
            if wanted.cameras is not None:
                _turn(keeper, catalogue, wanted.cameras, disks)
            clock.wait(stop, NODE_TURN_US)
    finally:
        teller.close()
        keeper.close()
        writers.close()
        disks.close()
        rows.close()
        live.close()
        streams.close()
        catalogue.close()


def _turn(
    keeper: CameraKeeper, catalogue: Catalogue, wanted: frozenset[CameraId], disks: Disks
) -> None:
    """Keep what is wanted as it stands in the catalogue; close what a failing disk left open."""
    try:
        keeper.keep(tuple(row for row in catalogue.cameras() if row.camera.id in wanted))
        if all(sign.state != "slow" for sign in disks.signs()):
            keeper.mend_left()
    except Unavailable as error:
        structlog.get_logger().debug("catalogue away", because=str(error))


if __name__ == "__main__":
    main()
