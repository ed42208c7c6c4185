"""What the pretend door tells of health, time and events."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from fairview.access.door import CameraView, CoverState, LiveChunk, TimeView
from fairview.access.health_desk import narrowed
from fairview.core.case import Actor
from fairview.core.errors import NotAllowed
from fairview.core.event import HealthEvent
from fairview.core.health import NodeHealth
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, Clock, Instant
from tests.serve.pretend_health import pretend_health

TOKEN = "pretend-token"


class Pretends(Protocol):
    """What the pretend door has of its own."""

    clock: Clock
    views: list[CameraView]

    def _enter(self, call: str) -> None: ...

    def who(self, session: str) -> Actor: ...


class HealthTold:
    """A part of the pretend door."""

    __slots__ = ()

    def health(self: Pretends, session: str) -> NodeHealth:
        self._enter("health")
        actor = self.who(session)
        known = {view.camera.id for view in self.views}
        whole = pretend_health(self.clock.now())
        cameras = tuple(one for one in whole.cameras if one.camera in known)
        return narrowed(replace(whole, cameras=cameras), actor)

    def figures(self: Pretends, token: str) -> NodeHealth:
        self._enter("figures")
        if token not in ("", TOKEN):
            raise NotAllowed("figures are for this machine")
        return pretend_health(self.clock.now())

    def time(self: Pretends, session: str) -> TimeView:
        self._enter("time")
        self.who(session)
        now = self.clock.now()
        return TimeView(wall=now, sure=now, steady_us=None, paused_because="", viewing_stopped="")

    def time_confirm(self: Pretends, session: str) -> TimeView:
        self._enter("time_confirm")
        self.who(session)
        now = self.clock.now()
        return TimeView(wall=now, sure=now, steady_us=None, paused_because="", viewing_stopped="")

    def events(self: Pretends, session: str, limit: int) -> tuple[HealthEvent, ...]:
        self._enter("events")
        self.who(session)
        now = self.clock.now()
        away = HealthEvent(
            kind="camera_away",
            camera=CameraId("harbour-3"),
            at=now.plus(-42 * US_PER_MINUTE),
            because="no answer from the camera for 10 s",
        )
        disk = HealthEvent(
            kind="disk_low",
            camera=None,
            at=now.plus(-5 * US_PER_HOUR),
            because="4 GB free; the oldest hours die first",
        )
        return (away, disk)[:limit]


def chunk(data: bytes, at: Instant, cover: CoverState, codec: str) -> LiveChunk:
    """One piece of a live picture."""
    return LiveChunk(is_init=bool(codec), codec=codec, cover=cover, at=at, dropped=0, data=data)
