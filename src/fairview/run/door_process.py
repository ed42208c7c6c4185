"""The door: policy, ledger, private halves, looks. The only way out for footage."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from fairview.access.door_server import serve_door
from fairview.access.open_door import open_door
from fairview.access.render import RenderPool
from fairview.core.errors import NotFound, Unavailable
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import NODE_TURN_US
from fairview.core.time import SystemClock
from fairview.record.live import LivePackets
from fairview.record.live_client import subscribe
from fairview.run.orders import follow, read_start
from fairview.run.places import Sockets
from fairview.run.talk import AskSetUpLink, SetUpLink
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_remote import RemoteCatalogue
from fairview.store.layout import open_data_folder
from fairview.store.wire import Connection, Stream, answers, serve


class LiveStreams:
    """Connections to the recorders' live sockets."""

    def __init__(self, sockets: Sockets, secret: bytes) -> None:
        self._sockets = sockets
        self._secret = secret
        self._lock = threading.Lock()
        self._connections: dict[str, Connection] = {}

    def connect(self, camera: CameraId, stream: StreamName) -> LiveStream:
        """A stream's live packets, from whichever recorder has it."""
        return LiveStream(self._all(), camera, stream)

    def close(self) -> None:
        with self._lock:
            for connection in self._connections.values():
                connection.close()

    def _all(self) -> tuple[Connection, ...]:
        with self._lock:
            for place in self._sockets.folder.glob("live-*.sock"):
                if place.stem not in self._connections:
                    self._connections[place.stem] = Connection(place, self._secret)
            return tuple(self._connections.values())


class LiveStream(Iterator[LivePackets]):
    """Asks recorder after recorder until one has the stream. `close` from any thread."""

    def __init__(
        self, recorders: tuple[Connection, ...], camera: CameraId, stream: StreamName
    ) -> None:
        self._recorders = list(recorders)
        self._camera, self._name = camera, stream
        self._lock = threading.Lock()
        self._stream: Stream[LivePackets] | None = None
        self._is_closed = False
        self._has_begun = False

    def __next__(self) -> LivePackets:
        """Errors:  Unavailable while no recorder has it, or when the one that had it ends."""
        while True:
            stream = self._current()
            try:
                packets = next(stream)
            except (NotFound, Unavailable):
                if self._has_begun:
                    raise
                with self._lock:
                    self._stream = None
                continue
            self._has_begun = True
            return packets

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._stream is not None:
                self._stream.close()

    def _current(self) -> Stream[LivePackets]:
        with self._lock:
            if self._is_closed:
                raise StopIteration
            if self._stream is None:
                if not self._recorders:
                    raise Unavailable(f"{self._camera} is not recorded at this moment")
                self._stream = subscribe(self._recorders.pop(), self._camera, self._name)
            return self._stream


def main() -> None:
    orders = read_start("door")
    stop, clock = threading.Event(), SystemClock()
    follow(stop)
    folder = open_data_folder(orders.settings.data)
    catalogue = RemoteCatalogue(orders.sockets.path("catalogue"), orders.secrets["catalogue"])
    render = RenderPool(clock=clock, children_max=orders.settings.covering.renderers_max)
    streams = LiveStreams(orders.sockets, orders.secrets["live"])
    gate = open_door(
        folder,
        catalogue=catalogue,
        blobs=FileBlobs(folder.blobs),
        clock=clock,
        render=render,
        live=streams.connect,
        settings=orders.settings,
    )
    gate.start()
    control = serve(
        orders.sockets.path("control"),
        [answers(AskSetUpLink, lambda _: SetUpLink(token=gate.new_set_up_link()))],
        secret=orders.secrets["control"],
    )
    server = serve_door(orders.sockets.path("door"), gate, secret=orders.secrets["door"])
    while not clock.wait(stop, NODE_TURN_US):
        assert gate.is_working, "a thread of the door's own work ended; start the door anew"
    for one in (server, control, gate, streams, render, catalogue):
        one.close()


if __name__ == "__main__":
    main()
