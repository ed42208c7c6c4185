"""What covers hide, on its way from the analyser that found it to the recorder that seals it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from fairview.analyse.taps import Tap, TapRules, Taps
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import REGION_SUBSCRIBERS_MAX, REGIONS_WAITING_MAX
from fairview.core.sight import CoverCode
from fairview.store.wire import Connection, Handler, Hangup, Stream, streams

RegionTap = Tap[CoverCode]
RegionTaps = Taps[CoverCode]

REGIONS = TapRules(
    what="the regions that covers hide",
    kept=REGIONS_WAITING_MAX,
    readers_max=REGION_SUBSCRIBERS_MAX,
    begins_with_newest=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverCodes:
    """Some codes of one camera, in order of time."""

    codes: tuple[CoverCode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRegions:
    """Ask for what a camera's cover hides from now on."""

    camera: CameraId


def region_service(taps: RegionTaps) -> Handler:
    """For an analyser's socket."""

    def watch(message: WatchRegions, hangup: Hangup) -> Iterator[CoverCodes]:
        subscription = taps.of(message.camera).subscribe()
        hangup.when_set(subscription.close)
        with closing(subscription):
            for codes in subscription:
                yield CoverCodes(codes=codes)

    return streams(WatchRegions, watch)


def subscribe_regions(connection: Connection, camera: CameraId) -> Stream[CoverCodes]:
    """A camera's codes from an analyser; `close` from any thread.

    Errors while iterating:  NotFound, Overloaded, Unavailable.
    """
    return connection.stream(WatchRegions(camera=camera), CoverCodes)
