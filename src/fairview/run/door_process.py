"""The door: policy, ledger, private halves, looks. The only way out for footage."""

from __future__ import annotations

import threading

from fairview.access.door_server import serve_door
from fairview.access.open_door import open_door
from fairview.access.render import RenderPool
from fairview.access.rendering import cover_model_of
from fairview.core.limits import NODE_TURN_US
from fairview.core.time import SystemClock
from fairview.run.live_streams import LiveStreams
from fairview.run.orders import follow, read_start
from fairview.run.talk import AskOwnerSession, AskSetUpLink, OwnerSession, SetUpLink
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_remote import RemoteCatalogue
from fairview.store.layout import open_data_folder
from fairview.store.wire import answers, serve


def main() -> None:
    orders = read_start("door")
    stop, clock = threading.Event(), SystemClock()
    follow(stop)
    folder = open_data_folder(orders.settings.data)
    catalogue = RemoteCatalogue(orders.sockets.path("catalogue"), orders.secrets["catalogue"])
    settings = orders.settings
    render = RenderPool(
        clock=clock,
        children_max=settings.covering.renderers_max,
        model=cover_model_of(settings),
    )
    streams = LiveStreams(orders.sockets, orders.secrets["live"], orders.secrets["sights"])
    gate = open_door(
        folder,
        catalogue=catalogue,
        blobs=FileBlobs(folder.blobs),
        clock=clock,
        render=render,
        live=streams.connect,
        sights=streams.sights,
        settings=orders.settings,
    )
    gate.start()
    control = serve(
        orders.sockets.path("control"),
        [
            answers(AskSetUpLink, lambda _: SetUpLink(token=gate.new_set_up_link())),
            answers(AskOwnerSession, lambda _: OwnerSession(token=gate.local_session().token)),
        ],
        secret=orders.secrets["control"],
    )
    server = serve_door(orders.sockets.path("door"), gate, secret=orders.secrets["door"])
    while not clock.wait(stop, NODE_TURN_US):
        assert gate.is_working, "a thread of the door's own work ended; start the door anew"
    for one in (teller, server, control, asker, gate, streams, render, catalogue):
        one.close()


if __name__ == "__main__":
    main()
