"""How a camera is, told from its pictures: frozen, blind, covered, moved, dark, out of focus,
wet, flat, or with a wrong clock; and when nothing could be measured because of it.

Pure: a state machine over looks about a second apart. What has to be compared with the camera's
own good days (focus, view, what should be seen) is learnt from looks without a fault; until
enough of them were seen, these faults are not told.

HOLE: a camera that is out of focus, covered or turned away before its first look is taken as it
is, since nothing says how it should look; the others are told from the picture alone.
HOLE: drops standing on the glass are told only as lost focus or texture.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairview.analyse.health_signs import (
    Signs,
    agreement,
    difference,
    energy,
    signs_of,
    streaks,
)
from fairview.analyse.planes import Planes
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import HEALTH_STRETCHES_MAX
from fairview.core.sight import Unmeasurable
from fairview.core.time import US_PER_SECOND, Instant, Span

if TYPE_CHECKING:
    import numpy.typing as npt

    Field = npt.NDArray[np.float32]

Fault = Literal[
    "frozen",
    "blind",
    "dark",
    "covered",
    "flat",
    "out_of_focus",
    "moved",
    "wet",
    "wrong_time",
]
FAULTS: tuple[Fault, ...] = (
    "frozen",
    "blind",
    "dark",
    "covered",
    "flat",
    "out_of_focus",
    "moved",
    "wet",
    "wrong_time",
)

Because = Literal["dark", "blind", "wet", "frozen", "flat", "moved", "covered"]
_STOPS_MEASURING: dict[Fault, Because] = {
    "frozen": "frozen",
    "blind": "blind",
    "dark": "dark",
    "covered": "covered",
    "flat": "flat",
    "out_of_focus": "flat",
    "moved": "moved",
    "wet": "wet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSettings:
    """When a fault is told. The defaults come from simulated weather; see tests and bench.

    Units:   *_us durations; levels are of limited-range brightness (16 to 235).
    look_every_us: pictures between are not looked at.
    told_us, frozen_us, frozen_still_us, wrong_time_us: how long a sign must last; frozen_still_us
    for cameras whose pictures hardly differ at the best of times.
    dark_p75: three quarters of the picture darker than this are darkness.
    """

    look_every_us: int = US_PER_SECOND
    told_us: int = 4 * US_PER_SECOND
    frozen_us: int = 8 * US_PER_SECOND
    frozen_still_us: int = 60 * US_PER_SECOND
    gap_us: int = 30 * US_PER_SECOND
    clock_off_us: int = 5 * US_PER_SECOND
    dark_p75: float = 40.0
    flat_contrast: float = 14.0
    wet_frac: float = 0.3
    lost_frac: float = 0.45
    moved_frac: float = 0.7
    detail_left: float = 0.5

    def __post_init__(self) -> None:
        if min(self.look_every_us, self.told_us, self.frozen_us, self.frozen_still_us) <= 0:
            raise BadInput("a sign of a fault lasts longer than nothing before it is told")


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChange:
    """A fault began (is_on) or ended, at `at`; `told_at` is when that was sure.

    details: the numbers behind it, by name, for a `camera_fault` event.
    """

    camera: CameraId
    fault: Fault
    is_on: bool
    at: Instant
    told_at: Instant
    details: tuple[tuple[str, float], ...]


@dataclass(slots=True)
class _Gauge:
    """How long a sign has lasted, less for each look without it; on at full, off at empty."""

    full_us: int
    level_us: int = 0
    is_on: bool = False
    rising_since: Instant | None = None
    falling_since: Instant | None = None

    def turn(self, is_there: bool, at: Instant, step_us: int) -> Instant | None:
        """One look. When the fault changed: since when."""
        if is_there:
            self.falling_since = None
            if self.rising_since is None:
                self.rising_since = at
            self.level_us = min(self.level_us + step_us, self.full_us)
            if not self.is_on and self.level_us >= self.full_us:
                self.is_on = True
                return self.rising_since
            return None
        if self.falling_since is None:
            self.falling_since = at
        self.level_us = max(self.level_us - step_us, 0)
        if self.level_us == 0:
            self.rising_since = None
            if self.is_on:
                self.is_on = False
                return self.falling_since
        return None


class HealthWatch:
    """One camera's health. Used by one thread. Cost: 4 ms a look, one look a second."""

    def __init__(self, camera: CameraId, settings: HealthSettings | None = None) -> None:
        self.camera = camera
        self._settings = settings or HealthSettings()
        told = self._settings.told_us
        self._gauges: dict[Fault, _Gauge] = {
            fault: _Gauge(full_us=self._settings.frozen_us if fault == "frozen" else told)
            for fault in FAULTS
        }
        self._usual = _Usual()
        self._before: Signs | None = None
        self._still: Signs | None = None
        self._last: Instant | None = None
        self._stretches: deque[tuple[Fault, Instant, Instant | None]] = deque(
            maxlen=HEALTH_STRETCHES_MAX
        )

    @property
    def faults(self) -> frozenset[Fault]:
        """What is wrong now, as far as it is sure."""
        return frozenset(fault for fault, gauge in self._gauges.items() if gauge.is_on)

    def see(
        self, planes: Planes, at: Instant, *, shown_at: Instant | None = None
    ) -> tuple[HealthChange, ...]:
        """One picture, taken at wall-clock time `at`; what began or ended by it.

        shown_at: what the camera's own clock says, when known. Pictures in any order of time
        but backwards; between looks nothing is computed.
        """
        step_us = self._settings.look_every_us
        if self._last is not None:
            step_us = at.since(self._last)
            if step_us < self._settings.look_every_us * 0.9:
                return ()
        if step_us > self._settings.gap_us:
            # Nobody knows what was between: what was only suspected begins anew.
            self._before = self._still = None
            step_us = self._settings.look_every_us
        self._last = at
        signs = signs_of(planes)
        found = self._signs_of_faults(signs)
        if shown_at is not None:
            off_us = abs(at.since(shown_at))
            found["wrong_time"] = off_us > self._settings.clock_off_us
        changes = self._turned(found, at, step_us, _details(signs, at, shown_at))
        if not any(found.get(fault) for fault in _STOPS_MEASURING if fault != "wet"):
            self._usual.learn(signs, self._before)
        self._before = signs
        return changes

    def unmeasurable(self, span: Span) -> tuple[Unmeasurable, ...]:
        """Stretches within `span` in which nothing could be measured, by reason, oldest first.

        Stretches of different reasons may overlap. A fault that still lasts reaches to the end.
        """
        found = []
        for fault, start, end in self._stretches:
            because = _STOPS_MEASURING.get(fault)
            until = end or span.end
            if because is None or not start < until:
                continue
            within = Span(start=start, end=until).clipped(span)
            if within is not None:
                found.append(Unmeasurable(span=within, because=because))
        return tuple(sorted(found, key=lambda one: (one.span, one.because)))

    def _turned(
        self,
        found: dict[Fault, bool],
        at: Instant,
        step_us: int,
        details: tuple[tuple[str, float], ...],
    ) -> tuple[HealthChange, ...]:
        changes = []
        for fault, is_there in found.items():
            since = self._gauges[fault].turn(is_there, at, step_us)
            if since is None:
                continue
            is_on = self._gauges[fault].is_on
            self._note(fault, since, is_on)
            changes.append(
                HealthChange(
                    camera=self.camera,
                    fault=fault,
                    is_on=is_on,
                    at=since,
                    told_at=at,
                    details=details,
                )
            )
        return tuple(changes)

    def _note(self, fault: Fault, since: Instant, is_on: bool) -> None:
        if is_on:
            self._stretches.append((fault, since, None))
            return
        for place in range(len(self._stretches) - 1, -1, -1):
            name, start, end = self._stretches[place]
            if name == fault and end is None:
                self._stretches[place] = (name, start, since)
                return

    def _signs_of_faults(self, signs: Signs) -> dict[Fault, bool]:
        """What this look shows. One reason at a time for a scene that is not seen."""
        found: dict[Fault, bool] = dict.fromkeys(FAULTS, False)
        del found["wrong_time"]
        found["frozen"] = self._is_still(signs)
        if self._before is not None:
            share = streaks(signs, self._before)
            found["wet"] = share is not None and share > self._settings.wet_frac
        for fault in self._unseen(signs):
            found[fault] = True
        return found

    def _unseen(self, signs: Signs) -> tuple[Fault, ...]:
        settings, usual = self._settings, self._usual
        if _is_blind(signs):
            return ("blind",)
        lost, strayed, left = usual.compare(signs)
        # A cloth takes some of the structure whole; night and fog take of all of it.
        if lost >= settings.lost_frac and left > 0.5:
            return ("covered",)
        if _is_dark(signs, settings.dark_p75):
            return ("dark",)
        if lost >= settings.lost_frac:
            return ("flat",)
        if (signs.p95 - signs.p05) / max(signs.noise_levels, 0.7) < settings.flat_contrast:
            return ("flat",)
        if usual.detail is not None and signs.detail_frac < settings.detail_left * usual.detail:
            return ("out_of_focus",)
        if strayed >= settings.moved_frac:
            return ("moved",)
        return ()

    def _is_still(self, signs: Signs) -> bool:
        """Whether the picture is the one the stretch began with, for this camera's noise.

        A frozen picture that is encoded again differs by quantisation only; a live sensor always
        differs more, except where an encoder smooths a resting scene away: such a camera is
        given more time.
        """
        usual = self._usual.change
        is_busy = usual is not None and usual > 0.5
        self._gauges["frozen"].full_us = (
            self._settings.frozen_us if is_busy else self._settings.frozen_still_us
        )
        most = 0.2 * usual if is_busy and usual is not None else 0.05
        if self._still is not None and difference(signs, self._still) <= min(most, 0.3):
            return True
        self._still = signs
        return False


class _Usual:
    """What the camera's pictures are like on good days, learnt slowly."""

    _LOOKS_MIN = 5
    _PACE = 0.05
    _CELLS_MIN = 12
    _STEADY = 0.6
    _STRUCTURE = 60.0
    _STRAY = 0.3
    _LEFT = 0.1

    def __init__(self) -> None:
        self._looks = 0
        self._edges: Field | None = None
        self._follows: Field | None = None
        self._detail = 0.0
        self._change = 0.0
        self._changes = 0

    @property
    def detail(self) -> float | None:
        return self._detail if self._looks >= self._LOOKS_MIN else None

    @property
    def change(self) -> float | None:
        """How far two looks usually differ."""
        return self._change if self._changes >= self._LOOKS_MIN - 2 else None

    def learn(self, signs: Signs, before: Signs | None) -> None:
        """A look without a fault. The first ones count most."""
        self._looks += 1
        pace = max(1 / self._looks, self._PACE)
        if self._edges is None or self._follows is None:
            self._edges = signs.edges.copy()
            self._follows = np.zeros(energy(signs.edges).shape, np.float32)
        else:
            now = agreement(signs.edges, self._edges)
            first = np.float32(max(pace, 1 / (self._looks - 1)))
            self._follows += (now - self._follows) * first
            self._edges += (signs.edges - self._edges) * np.float32(pace)
        self._detail += (signs.detail_frac - self._detail) * pace
        if before is not None:
            change = difference(signs, before)
            if change > 0.0:
                self._changes += 1
                self._change += (change - self._change) * max(1 / self._changes, self._PACE)

    def compare(self, signs: Signs) -> tuple[float, float, float]:
        """Of the cells that are steady on good days: the share that lost its structure, the share
        that has another one instead, and how much of their structure the cells that did not lose
        it kept (median). Zeros while too little is known.
        """
        if self._edges is None or self._follows is None or self._looks < self._LOOKS_MIN:
            return 0.0, 0.0, 0.0
        usual = energy(self._edges)
        steady = (self._follows > self._STEADY) & (usual > self._STRUCTURE)
        count = int(np.count_nonzero(steady))
        if count < self._CELLS_MIN:
            return 0.0, 0.0, 0.0
        left = energy(signs.edges)[steady] / usual[steady]
        lost = left < self._LEFT
        strays = (agreement(signs.edges, self._edges)[steady] < self._STRAY) & ~lost
        kept = float(np.median(left[~lost])) if not np.all(lost) else 0.0
        return float(np.mean(lost)), float(np.mean(strays)), kept


def _is_blind(signs: Signs) -> bool:
    """White, black, or without any structure."""
    is_plain = signs.texture < 1.0 and signs.p95 - signs.p05 < 8
    return signs.p05 > 225 or signs.p95 < 22 or is_plain


def _is_dark(signs: Signs, most_p75: float) -> bool:
    """Little light, or so little that the noise of gain drowns what differs."""
    is_drowned = signs.p50 < 60 and signs.p75 - signs.p25 < 3 * signs.noise_levels
    return signs.p75 < most_p75 or is_drowned


def _details(signs: Signs, at: Instant, shown_at: Instant | None) -> tuple[tuple[str, float], ...]:
    found = [
        ("brightness_levels", round(signs.p50, 1)),
        ("contrast_levels", round(signs.p95 - signs.p05, 1)),
        ("noise_levels", round(signs.noise_levels, 2)),
        ("detail_frac", round(signs.detail_frac, 3)),
    ]
    if shown_at is not None:
        found.append(("clock_off_s", round(shown_at.since(at) / US_PER_SECOND, 3)))
    return tuple(found)
