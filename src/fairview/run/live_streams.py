"""Connections of one process to what is live: packets of recorders, sights of analysers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from fairview.analyse.region_taps import CoverCodes, subscribe_regions
from fairview.analyse.sights import subscribe_sights
from fairview.analyse.trigger_taps import TriggerSigns, subscribe_triggers
from fairview.core.errors import NotFound, Unavailable
from fairview.core.ids import CameraId, StreamName
from fairview.core.sight import Sight
from fairview.record.live import LivePackets
from fairview.record.live_client import subscribe
from fairview.run.places import Sockets
from fairview.store.wire import Connection, Stream

T = TypeVar("T")


class LiveStreams:
    """One process's connections to all recorders and analysers of this start."""

    def __init__(self, sockets: Sockets, live_secret: bytes, sights_secret: bytes = b"") -> None:
        self._recorders = _Peers(sockets, "live-*.sock", live_secret)
        self._analysers = _Peers(sockets, "sights-*.sock", sights_secret)

    def connect(self, camera: CameraId, stream: StreamName) -> LiveStream[LivePackets]:
        """A stream's live packets, from whichever recorder has it."""
        return LiveStream(
            self._recorders.all(),
            lambda peer: subscribe(peer, camera, stream),
            f"{camera} is not recorded at this moment",
        )

    def sights(self, camera: CameraId) -> LiveStream[Sight]:
        """What is seen in a camera's live picture, from whichever analyser has it."""
        return LiveStream(
            self._analysers.all(),
            lambda peer: subscribe_sights(peer, camera),
            f"{camera} is not analysed at this moment",
        )

    def regions(self, camera: CameraId) -> LiveStream[CoverCodes]:
        """What a camera's cover hides, from whichever analyser looks for it."""
        return LiveStream(
            self._analysers.all(),
            lambda peer: subscribe_regions(peer, camera),
            f"what the cover of {camera} hides is not looked for at this moment",
        )

    def triggers(self, camera: CameraId) -> LiveStream[TriggerSigns]:
        """Whether something happens at a camera, from whichever analyser looks for it."""
        return LiveStream(
            self._analysers.all(),
            lambda peer: subscribe_triggers(peer, camera),
            f"nobody looks whether something happens at {camera} at this moment",
        )

    def close(self) -> None:
        self._recorders.close()
        self._analysers.close()


class _Peers:
    """Connections to every socket of one kind. Safe from several threads."""

    def __init__(self, sockets: Sockets, pattern: str, secret: bytes) -> None:
        self._sockets = sockets
        self._pattern = pattern
        self._secret = secret
        self._lock = threading.Lock()
        self._connections: dict[str, Connection] = {}

    def all(self) -> tuple[Connection, ...]:
        with self._lock:
            for place in self._sockets.folder.glob(self._pattern):
                if place.stem not in self._connections:
                    self._connections[place.stem] = Connection(place, self._secret)
            return tuple(self._connections.values())

    def close(self) -> None:
        with self._lock:
            for connection in self._connections.values():
                connection.close()


class LiveStream(Iterator[T], Generic[T]):
    """Asks peer after peer until one has what is wanted. `close` from any thread."""

    def __init__(
        self,
        peers: tuple[Connection, ...],
        ask: Callable[[Connection], Stream[T]],
        nowhere: str,
    ) -> None:
        self._peers = list(peers)
        self._ask = ask
        self._nowhere = nowhere
        self._lock = threading.Lock()
        self._stream: Stream[T] | None = None
        self._is_closed = False
        self._has_begun = False

    def __next__(self) -> T:
        """Errors:  Unavailable while no peer has it, or when the one that had it ends."""
        while True:
            stream = self._current()
            try:
                item = next(stream)
            except (NotFound, Unavailable):
                if self._has_begun:
                    raise
                with self._lock:
                    self._stream = None
                continue
            self._has_begun = True
            return item

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._stream is not None:
                self._stream.close()

    def _current(self) -> Stream[T]:
        with self._lock:
            if self._is_closed:
                raise StopIteration
            if self._stream is None:
                if not self._peers:
                    raise Unavailable(self._nowhere)
                self._stream = self._ask(self._peers.pop())
            return self._stream
