"""The web: HTTP and live sockets over the door's socket. Holds no key, no blob, no ledger file."""

from __future__ import annotations

import threading

from fairview.access.door_client import DoorClient
from fairview.core.time import SystemClock
from fairview.run.orders import follow, read_start
from fairview.run.reach import address_of
from fairview.serve.app import create_app
from fairview.serve.server import Listening, web_server
from fairview.serve.settings import WebSettings


def main() -> None:
    orders = read_start("web")
    stop = threading.Event()
    follow(stop)
    clock = SystemClock()
    address = address_of(orders.settings, clock.now())
    door = DoorClient(orders.sockets.path("door"), orders.secrets["door"])
    settings = WebSettings(
        hosts=address.hosts,
        allow_address_hosts=orders.settings.server.host in ("0.0.0.0", "::"),  # noqa: S104  # compared
        is_https=address.is_https,
    )
    server = web_server(
        create_app(door, settings=settings, clock=clock),
        Listening(
            host=address.host,
            port=address.port,
            certificate=address.certificate,
            private_key=address.private_key,
            proxies=address.proxies,
        ),
    )

    def end_when_told() -> None:
        stop.wait()
        server.should_exit = True

    threading.Thread(target=end_when_told, name="stop", daemon=True).start()
    server.run()
    door.close()


if __name__ == "__main__":
    main()
