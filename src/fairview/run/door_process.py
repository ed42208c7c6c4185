"""The door: policy, ledger, private halves, looks. The only way out for footage."""

from __future__ import annotations

import threading

from fairview.access.door_server import serve_door
from fairview.access.gate import Gate
from fairview.access.open_door import open_door
from fairview.access.render import RenderPool
from fairview.access.rendering import cover_model_of
from fairview.core.health import DoorSigns, NodeHealth
from fairview.core.limits import NODE_TURN_US
from fairview.core.limits_health import HEALTH_ANSWER_US_MAX
from fairview.core.time import SystemClock
from fairview.run.disks.open_disks import open_disks
from fairview.run.disks.tending import DiskCare
from fairview.run.health.messages import AskNodeHealth, TellDoor
from fairview.run.health.telling import Teller
from fairview.run.live_streams import LiveStreams
from fairview.run.orders import follow, read_start
from fairview.run.talk import AskOwnerSession, AskSetUpLink, OwnerSession, SetUpLink
from fairview.store.catalogue_remote import RemoteCatalogue
from fairview.store.layout import open_data_folder
from fairview.store.reserve import Reserve
from fairview.store.wire import Connection, answers, serve


def _signs(gate: Gate) -> DoorSigns:
    state = gate.time_state()
    return DoorSigns(
        process="door",
        paused_because=state.because,
        viewing_stopped=state.viewing_stopped,
        vouched_for=state.believed,
    )


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
    place, secret = orders.sockets.path("health"), orders.secrets["health"]
    asker = Connection(place, secret, timeout_us=HEALTH_ANSWER_US_MAX)
    disks = open_disks(folder, clock, settings)
    disks.start()
    gate = open_door(
        folder,
        catalogue=catalogue,
        blobs=disks,
        disks=DiskCare(disks, Reserve(folder), catalogue, clock),
        clock=clock,
        render=render,
        live=streams.connect,
        sights=streams.sights,
        health=lambda: asker.call(AskNodeHealth(), NodeHealth),
        settings=orders.settings,
    )
    gate.start()
    teller = Teller(place, secret, lambda: TellDoor(_signs(gate)), clock)
    teller.start()
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
    for one in (teller, server, control, asker, gate, streams, render, disks, catalogue):
        one.close()


if __name__ == "__main__":
    main()
