"""Processes that share cameras: recorders, analysers. Which has which, and telling them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fairview.core.ids import CameraId
from fairview.run.plan import assign
from fairview.run.supervise import Supervisor


class CameraProcesses:
    """All processes of one kind, named `<kind>-<number>`. Used by one thread."""

    def __init__(
        self,
        kind: str,
        per_process: int,
        supervisor: Supervisor,
        start: Callable[[str, int], None],
    ) -> None:
        """start starts the process of that name and number."""
        self._kind = kind
        self._per_process = per_process
        self._supervisor = supervisor
        self._start = start
        self._placed: dict[CameraId, int] = {}
        self._told: dict[int, frozenset[CameraId]] = {}

    def place(self, cameras: Sequence[CameraId]) -> None:
        """Have exactly these cameras looked after; tell only whose share changed."""
        self._placed = assign(cameras, self._placed, self._per_process)
        for number in sorted(set(self._placed.values()) | set(self._told)):
            mine = frozenset(one for one, placed in self._placed.items() if placed == number)
            if self._told.get(number) == mine:
                continue
            name = f"{self._kind}-{number}"
            if name not in self._supervisor.names():
                self._start(name, number)
            if self._supervisor.tell(name, {"cameras": sorted(mine)}):
                self._told[number] = mine

    def restarted(self, name: str) -> None:
        """A process by that name began anew: if it is one of these, it knows no cameras yet."""
        kind, _, number = name.rpartition("-")
        if kind == self._kind:
            self._told.pop(int(number), None)
