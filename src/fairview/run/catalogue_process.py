"""The catalogue: the only writer of catalogue.sqlite. It first mends what a crash left."""

from __future__ import annotations

import threading

import structlog

from fairview.core.limits import CATALOGUE_TIDY_US
from fairview.core.time import SystemClock
from fairview.run.mend import mend_folder
from fairview.run.orders import follow, read_start
from fairview.store.catalogue_server import serve_catalogue
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.layout import open_data_folder


def main() -> None:
    orders = read_start("catalogue")
    stop, clock = threading.Event(), SystemClock()
    follow(stop)
    folder = open_data_folder(orders.settings.data)
    catalogue = SqliteCatalogue(folder.catalogue)
    if orders.extra.get("is_first_start", True):
        mend_folder(folder, catalogue, clock)
    server = serve_catalogue(
        catalogue, orders.sockets.path("catalogue"), secret=orders.secrets["catalogue"]
    )
    structlog.get_logger().debug("catalogue answers")
    while not clock.wait(stop, CATALOGUE_TIDY_US):
        catalogue.checkpoint()
    server.close()
    catalogue.close()


if __name__ == "__main__":
    main()
