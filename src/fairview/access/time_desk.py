"""What the node takes the time to be, shown; and a person's word that the clock is right."""

from __future__ import annotations

from collections.abc import Callable

from fairview.access.door import TimeView
from fairview.access.journal import Journal
from fairview.access.leaves import TimeConfirmed
from fairview.access.time_floor import TimeFloor, TimeState
from fairview.core.case import Actor
from fairview.core.time import Clock


class TimeDesk:
    """Safe from several threads."""

    def __init__(
        self, floor: TimeFloor, journal: Journal, issue_keys: Callable[[], None], clock: Clock
    ) -> None:
        """issue_keys: at once after a confirmation, so that recorders leave their spare pairs."""
        self._floor = floor
        self._journal = journal
        self._issue_keys = issue_keys
        self._clock = clock

    def view(self) -> TimeView:
        return self._view(self._floor.check())

    def confirm(self, actor: Actor) -> TimeView:
        """Errors:  Unavailable when the ledger can't be written; then nothing changed."""
        before = self._floor.check()
        self._journal.append(
            TimeConfirmed(counted=before.believed, confirmed=self._clock.now(), actor=actor.id)
        )
        state = self._floor.confirm()
        self._issue_keys()
        return self._view(state)

    def _view(self, state: TimeState) -> TimeView:
        return TimeView(
            wall=self._clock.now(),
            sure=state.believed,
            steady_us=state.steady_us,
            paused_because=state.because,
            viewing_stopped=state.viewing_stopped,
        )
