"""The catalogue: the only writer of catalogue.sqlite while the node runs."""

from __future__ import annotations

import threading

from fairview.core.limits import CATALOGUE_TIDY_US
from fairview.core.time import SystemClock
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
    place, secret = orders.sockets.path("catalogue"), orders.secrets["catalogue"]
    server = serve_catalogue(catalogue, place, secret=secret)
    while not clock.wait(stop, CATALOGUE_TIDY_US):
        catalogue.checkpoint()
    server.close()
    catalogue.close()


if __name__ == "__main__":
    main()
