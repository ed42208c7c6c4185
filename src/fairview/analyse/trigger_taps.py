"""Signs that something happens at a camera, on their way to the recorder that keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from fairview.analyse.taps import Tap, TapRules, Taps
from fairview.core.ids import CameraId
from fairview.core.limits_keeping import SIGN_READERS_MAX, SIGNS_WAITING_MAX
from fairview.core.trigger_sign import TriggerSign
from fairview.store.wire import Connection, Handler, Hangup, Stream, streams

TriggerTap = Tap[TriggerSign]
TriggerTaps = Taps[TriggerSign]

TRIGGERS = TapRules(
    what="the signs that something happens",
    kept=SIGNS_WAITING_MAX,
    readers_max=SIGN_READERS_MAX,
    begins_with_newest=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTriggers:
    """Ask for a camera's signs from now on."""

    camera: CameraId


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSigns:
    """Some signs of one camera, in the order in which they were made."""

    signs: tuple[TriggerSign, ...]


def trigger_service(taps: TriggerTaps) -> Handler:
    """For an analyser's socket."""

    def watch(message: WatchTriggers, hangup: Hangup) -> Iterator[TriggerSigns]:
        subscription = taps.of(message.camera).subscribe()
        hangup.when_set(subscription.close)
        with closing(subscription):
            for signs in subscription:
                yield TriggerSigns(signs=signs)

    return streams(WatchTriggers, watch)


def subscribe_triggers(connection: Connection, camera: CameraId) -> Stream[TriggerSigns]:
    """A camera's signs from an analyser; `close` from any thread.

    Errors while iterating:  NotFound, Overloaded, Unavailable.
    """
    return connection.stream(WatchTriggers(camera=camera), TriggerSigns)
