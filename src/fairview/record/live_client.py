"""The door's side of a recorder's live socket."""

from __future__ import annotations

from fairview.core.ids import CameraId, StreamName
from fairview.record.live import LivePackets, WatchLive
from fairview.store.wire import Connection, Stream


def subscribe(connection: Connection, camera: CameraId, stream: StreamName) -> Stream[LivePackets]:
    """A stream's live packets: first the current group of pictures, then all as they come.

    Ends when the stream is closed at the recorder; `close` it from any thread to leave.

    Errors while iterating:  NotFound for a stream the recorder does not have, Overloaded,
    Unavailable when the recorder goes away.
    """
    return connection.stream(WatchLive(camera=camera, stream=stream), LivePackets)
