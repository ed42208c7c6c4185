"""What was wrong with the camera while it was watched, as stretches with their cause."""

from __future__ import annotations

from dataclasses import dataclass

from fairview.analyse.health import Fault, HealthChange, HealthWatch
from fairview.analyse.planes import Planes
from fairview.core.ids import CameraId
from fairview.core.sight import Unmeasurable
from fairview.core.time import Instant, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFault:
    """A fault that lasted over this span. values: the numbers that told it."""

    span: Span
    because: str
    values: tuple[tuple[str, float], ...]


class FaultWatch:
    """Follows one camera's health over one run; used by one thread."""

    def __init__(self, camera: CameraId) -> None:
        self._health = HealthWatch(camera)
        self._open: dict[Fault, HealthChange] = {}
        self._faults: list[CameraFault] = []

    def look(self, planes: Planes, at: Instant) -> None:
        """One more picture."""
        for change in self._health.see(planes, at):
            if change.is_on:
                self._open[change.fault] = change
            elif change.fault in self._open:
                self._end(self._open.pop(change.fault), change.at)

    def close(self, end: Instant) -> tuple[CameraFault, ...]:
        """All faults, in order of time; those that still last end with the run."""
        for change in self._open.values():
            self._end(change, end)
        self._open.clear()
        return tuple(sorted(self._faults, key=lambda one: (one.span, one.because)))

    def unmeasurable(self, watched: Span) -> tuple[Unmeasurable, ...]:
        """The stretches in which nothing could be measured because of a fault."""
        return self._health.unmeasurable(watched)

    def _end(self, began: HealthChange, at: Instant) -> None:
        if began.at < at:
            self._faults.append(
                CameraFault(
                    span=Span(start=began.at, end=at),
                    because=began.fault,
                    values=began.details,
                )
            )
