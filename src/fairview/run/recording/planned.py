"""One camera's recording plan at work: what stands before the recorders of its streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fairview.core.camera import Camera
from fairview.core.errors import BadInput
from fairview.core.event import HealthEvent
from fairview.core.flow import PacketSink
from fairview.core.time import Clock
from fairview.record.modes import Always, AroundEvents, ByHours, KeptFrom, NotKept, RestingSink
from fairview.record.schedule import WeekSchedule
from fairview.record.triggers import TriggerBoard
from fairview.run.recording.trigger_keeping import TriggerConnector, TriggerEar


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanParts:
    """What a plan works with. connect: where signs of events come from; None where nobody looks."""

    clock: Clock
    connect: TriggerConnector | None
    tell: Callable[[HealthEvent], None]


class PlanAtWork:
    """A camera that is not kept always. Its streams share the triggers.

    What can't be done as planned is kept always, and told: nothing is lost for it.
    """

    def __init__(self, camera: Camera, parts: PlanParts) -> None:
        self._camera, self._parts = camera, parts
        self._board: TriggerBoard | None = None
        self._ear: TriggerEar | None = None
        plan = camera.recording
        if plan.mode == "events":
            board = TriggerBoard(plan.triggers, plan.post_roll_us, parts.clock, self._tell)
            self._board = board
            if parts.connect is not None:
                self._ear = TriggerEar(camera.id, parts.connect, board.hear, parts.clock)
                self._ear.start()

    def sink(self, recorder: RestingSink | None, live: PacketSink) -> PacketSink:
        """Where a stream's packets go. recorder: without a live tap of its own; None: not kept."""
        plan = self._camera.recording
        if recorder is None:
            return NotKept(live)
        kept = KeptFrom(recorder=recorder, live=live, clock=self._parts.clock)
        if self._board is not None:
            return AroundEvents(kept, self._board, (plan.pre_roll_us, plan.post_roll_us))
        if plan.mode == "continuous":
            return Always(kept)
        try:
            return ByHours(kept, WeekSchedule(plan.hours, plan.zone))
        except BadInput as error:
            self._tell("triggers_away", str(error))
            return Always(kept)

    def close(self) -> None:
        """Safe to repeat."""
        if self._ear is not None:
            self._ear.close()

    def _tell(self, kind: str, because: str) -> None:
        at = self._parts.clock.now()
        self._parts.tell(HealthEvent(kind=kind, camera=self._camera.id, at=at, because=because))
