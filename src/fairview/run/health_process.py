"""The health process: hears every process's signs, judges them, and answers how things are.

Holds no key, no footage and no login; writes events to the catalogue.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import structlog

from fairview.core.errors import FairviewError
from fairview.core.limits_health import HEALTH_ROWS_EVERY_US, HEALTH_TURN_US
from fairview.core.time import Clock, SystemClock
from fairview.record.rows import RowQueue
from fairview.run.health.board import HealthBoard
from fairview.run.health.facts import FactReader
from fairview.run.health.machine_clock import ClockWatch
from fairview.run.health.messages import AskNodeHealth, TellAnalyser, TellDoor, TellRecorder
from fairview.run.health.process_table import processes_of
from fairview.run.orders import StartOrders, follow, read_start
from fairview.run.reach import certificate_of
from fairview.store.catalogue_remote import RemoteCatalogue
from fairview.store.contracts import EventSaved
from fairview.store.layout import open_data_folder
from fairview.store.wire import WireServer, answers, serve


def main() -> None:
    orders = read_start("health")
    stop = threading.Event()
    run_health(orders, SystemClock(), stop)


def run_health(orders: StartOrders, clock: Clock, stop: threading.Event) -> None:
    """Judge until told to stop."""
    folder = open_data_folder(orders.settings.data)
    catalogue = RemoteCatalogue(orders.sockets.path("catalogue"), orders.secrets["catalogue"])
    rows = RowQueue(catalogue, clock)
    rows.start()
    board = HealthBoard(
        clock, ClockWatch(clock).look, lambda event: rows.put(EventSaved(event=event))
    )

    def hear(line: Mapping[str, Any]) -> None:
        board.processes(processes_of(line["processes"]))

    follow(stop, hear)
    server = serve_health(orders, board)
    reader = FactReader(orders.settings, folder, catalogue, clock, certificate_of(orders.settings))
    reader.watch()
    due_us = 0
    try:
        while not stop.is_set():
            if clock.monotonic_us() >= due_us:
                due_us = clock.monotonic_us() + _read(reader, board)
            board.turn()
            clock.wait(stop, HEALTH_TURN_US)
    finally:
        server.close()
        rows.close()
        catalogue.close()


def serve_health(orders: StartOrders, board: HealthBoard) -> WireServer:
    """Hear and answer at the health socket until `close`."""
    return serve(
        orders.sockets.path("health"),
        [
            answers(TellRecorder, lambda told: board.tell(told.signs)),
            answers(TellAnalyser, lambda told: board.tell(told.signs)),
            answers(TellDoor, lambda told: board.tell(told.signs)),
            answers(AskNodeHealth, lambda _: board.health()),
        ],
        secret=orders.secrets["health"],
    )


def _read(reader: FactReader, board: HealthBoard) -> int:
    """How long until facts are read again (us): soon while there are none yet."""
    try:
        board.facts(reader.read())
    except FairviewError as error:
        structlog.get_logger().debug("facts not read", because=str(error))
        return HEALTH_TURN_US
    return HEALTH_ROWS_EVERY_US if board.has_cameras else 5 * HEALTH_TURN_US


if __name__ == "__main__":
    main()
