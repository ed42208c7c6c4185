"""What is seen now, for whoever draws it over a live picture: the newest only, never kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fairview.analyse.taps import Tap, TapRules, Taps
from fairview.core.ids import CameraId
from fairview.core.limits import LIVE_SUBSCRIBERS_MAX
from fairview.core.sight import KINDS, OpenTrack, Sight, SightBox
from fairview.core.time import Instant
from fairview.store.wire import Connection, Handler, Hangup, Stream, WireServer, serve, streams

SightTap = Tap[Sight]
SightTaps = Taps[Sight]

SIGHTS = TapRules(
    what="the boxes seen now",
    kept=1,
    readers_max=LIVE_SUBSCRIBERS_MAX,
    begins_with_newest=True,
)

_DIGITS = 3


def sight_of(camera: CameraId, at: Instant, tracks: tuple[OpenTrack, ...]) -> Sight:
    """Open tracks as boxes to draw; those not seen in this picture are left out."""
    return Sight(
        camera=camera,
        at=at,
        boxes=tuple(
            SightBox(
                id=track.id,
                kind=KINDS[track.kind],
                box_unit=_four([round(float(value), _DIGITS) for value in track.box_unit]),
                trail_unit=tuple(
                    (round(float(x), _DIGITS), round(float(y), _DIGITS))
                    for x, y in track.trail_unit
                ),
            )
            for track in tracks
            if track.is_seen
        ),
    )


def _four(values: list[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = values
    return left, top, right, bottom


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSights:
    """Ask for a camera's sights from now on."""

    camera: CameraId


def serve_sights(path: Path, taps: SightTaps, secret: bytes, *beside: Handler) -> WireServer:
    """Hand sights to whoever knows this start's secret: the door. Errors: as store.wire.serve.

    beside: what else is answered at the same socket.
    """

    def watch(message: WatchSights, hangup: Hangup) -> Iterator[Sight]:
        subscription = taps.of(message.camera).subscribe()
        hangup.when_set(subscription.close)
        with closing(subscription):
            for (newest,) in subscription:
                yield newest

    return serve(path, [streams(WatchSights, watch), *beside], secret=secret)


def subscribe_sights(connection: Connection, camera: CameraId) -> Stream[Sight]:
    """A camera's sights from an analyser; `close` from any thread.

    Errors while iterating:  NotFound, Overloaded, Unavailable.
    """
    return connection.stream(WatchSights(camera=camera), Sight)
