"""Whether something happens at a camera, as far as those who look for it say so.

Nobody is believed to see nothing who was not heard: a trigger that is silent, late or blind counts
as going on, so that a camera is rather kept for nothing than not kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from fairview.core.limits_keeping import SIGNS_LATE_US, SIGNS_SILENT_US, SIGNS_TOLD_US
from fairview.core.recording import Trigger
from fairview.core.time import US_PER_SECOND, Clock, Instant
from fairview.core.trigger_sign import TriggerSign


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """since: when what is to be kept began; None: nothing says when."""

    keeps: bool
    since: Instant | None = None


@dataclass(slots=True)
class _Heard:
    """How a trigger stood when it was last heard, on the monotonic clock."""

    heard_us: int
    until_us: int = 0
    since: Instant | None = None
    looked_until: Instant | None = None
    blind: str = "nothing was heard of it yet"


class TriggerBoard:
    """One camera's triggers. `hear` from any thread, `ask` from the one that has the packets.

    Ends of events count from when they were heard, on the monotonic clock: no camera's or
    machine's clock that jumps cuts a post-roll short.
    """

    def __init__(
        self,
        triggers: tuple[Trigger, ...],
        post_roll_us: int,
        clock: Clock,
        tell: Callable[[str, str], None],
    ) -> None:
        """tell: a health event's kind and why."""
        self._clock, self._post_roll_us, self._tell = clock, post_roll_us, tell
        self._lock = threading.Lock()
        now_us = clock.monotonic_us()
        self._heard = {one: _Heard(now_us) for one in triggers}
        self._blind_from_us: int | None = None
        self._is_told = False

    def hear(self, sign: TriggerSign) -> None:
        now_us = self._clock.monotonic_us()
        with self._lock:
            heard = self._heard.get(sign.trigger)
            if heard is None:
                return
            heard.heard_us, heard.blind = now_us, sign.blind
            heard.looked_until = sign.looked_until
            if sign.since is not None:
                if now_us >= heard.until_us:
                    heard.since = sign.since
                heard.until_us = now_us + self._post_roll_us

    def ask(self, newest: Instant) -> Verdict:
        """newest: when the picture in hand was taken."""
        now_us = self._clock.monotonic_us()
        with self._lock:
            blind = [
                f"{trigger}: {because}"
                for trigger, heard in self._heard.items()
                if (because := _blind(heard, newest, now_us))
            ]
            going_on = [one for one in self._heard.values() if now_us < one.until_us]
            since = [one.since for one in going_on if one.since is not None]
            self._note(blind, now_us)
        if blind:
            return Verdict(keeps=True)
        return Verdict(keeps=bool(going_on), since=min(since, default=None))

    def _note(self, blind: list[str], now_us: int) -> None:
        if not blind:
            self._blind_from_us = None
            if self._is_told:
                self._is_told = False
                self._tell("triggers_back", "it is kept around events again")
            return
        if self._blind_from_us is None:
            self._blind_from_us = now_us
        elif not self._is_told and now_us - self._blind_from_us >= SIGNS_TOLD_US:
            self._is_told = True
            self._tell("triggers_away", "; ".join(blind))


def _blind(heard: _Heard, newest: Instant, now_us: int) -> str:
    if now_us - heard.heard_us > SIGNS_SILENT_US:
        return "nobody looks for it"
    if heard.blind:
        return heard.blind
    looked = heard.looked_until
    if looked is not None and newest.since(looked) > SIGNS_LATE_US:
        return f"it is {newest.since(looked) // US_PER_SECOND} s behind"
    return ""
