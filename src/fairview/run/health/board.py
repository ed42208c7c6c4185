"""What the health process knows: the newest signs of every process, judged every second."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from fairview.core.event import HealthEvent
from fairview.core.health import (
    AnalyserSigns,
    AnalysisSign,
    CameraFacts,
    CameraHealth,
    CertificateSign,
    Condition,
    DiskSign,
    DoorSigns,
    MachineClock,
    NodeHealth,
    ProcessSign,
    RecorderSigns,
    StreamHealth,
    StreamSign,
)
from fairview.core.ids import CameraId
from fairview.core.limits_health import RATE_US_MIN, SIGNS_OLD_US
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND, Clock, Instant
from fairview.events.conditions import Board, Change, Now, condition_kind, fold
from fairview.events.judging import Signs, found
from fairview.run.disks.forecast import Forecast

_TELLING = ("recorder", "analyser", "door")
"""Which processes tell signs of their own."""

_ALREADY_TOLD = frozenset(
    {"camera_away", "disk_failing", "catalogue_away", "key_supply_spare", "picture_bad"}
    | {"review_overdue", "shredding_paused"}
)
"""Conditions whose beginning is an event already, told by whoever saw it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What changes slowly and is read from rows and files."""

    cameras: tuple[CameraFacts, ...]
    disks: tuple[DiskSign, ...]
    certificate: CertificateSign | None


@dataclass(frozen=True, slots=True)
class _Told:
    at_us: int
    signs: RecorderSigns | AnalyserSigns | DoorSigns


class Pace:
    """Counters at some moments, and how fast they grew over a window."""

    def __init__(self, window_us: int) -> None:
        self._window_us = window_us
        self._seen: dict[object, deque[tuple[int, tuple[int, ...]]]] = {}

    def see(self, name: object, now_us: int, counts: tuple[int, ...]) -> None:
        """A counter that went back began anew."""
        seen = self._seen.setdefault(name, deque())
        if seen and any(new < old for new, old in zip(counts, seen[-1][1], strict=True)):
            seen.clear()
        if seen and seen[-1][0] == now_us:
            return
        seen.append((now_us, counts))
        while len(seen) > 2 and now_us - seen[1][0] >= self._window_us:
            seen.popleft()

    def grown(self, name: object) -> tuple[float, tuple[int, ...]] | None:
        """Seconds, and by how much each counter grew in them; None before a window is full."""
        seen = self._seen.get(name)
        if not seen or seen[-1][0] - seen[0][0] < self._window_us:
            return None
        seconds = (seen[-1][0] - seen[0][0]) / US_PER_SECOND
        pairs = zip(seen[-1][1], seen[0][1], strict=True)
        return seconds, tuple(new - old for new, old in pairs)

    def keep(self, names: set[object]) -> None:
        """Forget all others."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}


class HealthBoard:
    """Safe from several threads."""

    def __init__(
        self,
        clock: Clock,
        look: Callable[[], MachineClock],
        put: Callable[[HealthEvent], None],
    ) -> None:
        """look reads the machine's clock; put has an event stored, and never waits."""
        self._clock = clock
        self._look = look
        self._put = put
        self._lock = threading.Lock()
        self._told: dict[str, _Told] = {}
        self._first_us: dict[str, int] = {}
        self._processes: tuple[ProcessSign, ...] = ()
        self._facts = Facts(cameras=(), disks=(), certificate=None)
        self._board = Board()
        self._machine = look()
        self._forecast = Forecast()
        self._streams = Pace(RATE_US_MIN)
        self._looked = Pace(US_PER_MINUTE)
        self._cpu = Pace(RATE_US_MIN)

    def tell(self, signs: RecorderSigns | AnalyserSigns | DoorSigns) -> None:
        """A process's newest signs."""
        now_us = self._clock.monotonic_us()
        with self._lock:
            self._told[signs.process] = _Told(now_us, signs)
            if isinstance(signs, RecorderSigns):
                for disk in signs.disks:
                    self._forecast.see(disk.name, now_us, disk.free_bytes)
                for one in signs.streams:
                    name = (one.camera, one.stream)
                    self._streams.see(name, now_us, (one.received_bytes, one.packets))
            elif isinstance(signs, AnalyserSigns):
                for sign in signs.cameras:
                    self._looked.see(sign.camera, now_us, (sign.looked, sign.dropped))

    def processes(self, table: tuple[ProcessSign, ...]) -> None:
        """The node's newest table."""
        now_us = self._clock.monotonic_us()
        with self._lock:
            self._processes = table
            names = {one.name for one in table}
            self._told = {name: told for name, told in self._told.items() if name in names}
            self._first_us = {one.name: self._first_us.get(one.name, now_us) for one in table}
            for one in table:
                self._cpu.see(one.name, now_us, (one.cpu_us,))

    def facts(self, facts: Facts) -> None:
        """What rows and files say, as newly read."""
        with self._lock:
            self._facts = facts
            cameras = {one.camera for one in facts.cameras}
            self._looked.keep(set(cameras))

    @property
    def has_cameras(self) -> bool:
        return bool(self._facts.cameras)

    def turn(self) -> tuple[Change, ...]:
        """Judge anew; tell what changed."""
        at, now_us = self._clock.now(), self._clock.monotonic_us()
        with self._lock:
            self._machine = self._look()
            signs = self._signs(at, now_us)
            self._board, changes = fold(self._board, found(signs), Now(at=at, us=now_us))
        for change in changes:
            self._say(change.condition, at)
        return changes

    def health(self) -> NodeHealth:
        """Everything known now."""
        at, now_us = self._clock.now(), self._clock.monotonic_us()
        with self._lock:
            signs = self._signs(at, now_us)
            queues = [(one.process, queue) for one in signs.recorders for queue in one.queues]
            queues += [(one.process, queue) for one in signs.analysers for queue in one.queues]
            return NodeHealth(
                at=at,
                conditions=self._board.conditions,
                cameras=tuple(self._camera(one, signs) for one in signs.facts),
                disks=signs.disks,
                processes=self._with_cameras(signs),
                queues=tuple(queues),
                clock=self._machine,
                door=signs.door,
                certificate=signs.certificate,
            )

    def _signs(self, at: Instant, now_us: int) -> Signs:
        fresh = [one.signs for one in self._told.values() if now_us - one.at_us <= SIGNS_OLD_US]
        recorders = tuple(one for one in fresh if isinstance(one, RecorderSigns))
        disks = {one.name: self._with_forecast(one) for one in _disks(recorders)}
        if not disks:
            disks = {one.name: one for one in self._facts.disks}
        doors = [one for one in fresh if isinstance(one, DoorSigns)]
        return Signs(
            at=at,
            monotonic_us=now_us,
            recorders=recorders,
            analysers=tuple(one for one in fresh if isinstance(one, AnalyserSigns)),
            door=doors[0] if doors else None,
            disks=tuple(disks[name] for name in sorted(disks)),
            processes=self._processes,
            silent=self._silent(now_us),
            clock=self._machine,
            facts=self._facts.cameras,
            certificate=self._facts.certificate,
            looked=tuple(
                (one.camera, share)
                for one in self._facts.cameras
                if (share := self._share(one.camera)) is not None
            ),
        )

    def _with_forecast(self, disk: DiskSign) -> DiskSign:
        if disk.full_in_us is not None:
            return disk
        return replace(disk, full_in_us=self._forecast.full_in_us(disk.name, disk.free_bytes))

    def _silent(self, now_us: int) -> tuple[tuple[str, int], ...]:
        silent = []
        for one in self._processes:
            if one.pid is None or one.name.partition("-")[0] not in _TELLING:
                continue
            told = self._told.get(one.name)
            heard_us = self._first_us[one.name] if told is None else told.at_us
            if now_us - heard_us > SIGNS_OLD_US:
                silent.append((one.name, now_us - heard_us))
        return tuple(silent)

    def _share(self, camera: CameraId) -> float | None:
        grown = self._looked.grown(camera)
        if grown is None or sum(grown[1]) == 0:
            return None
        looked, dropped = grown[1]
        return looked / (looked + dropped)

    def _camera(self, facts: CameraFacts, signs: Signs) -> CameraHealth:
        of = [
            (recorder, stream)
            for recorder in signs.recorders
            for stream in recorder.streams
            if stream.camera == facts.camera
        ]
        spares = {
            one.camera: one.because for recorder in signs.recorders for one in recorder.spares
        }
        analyses: dict[CameraId, AnalysisSign] = {
            one.camera: one for analyser in signs.analysers for one in analyser.cameras
        }
        return CameraHealth(
            camera=facts.camera,
            streams=tuple(self._stream(stream) for _, stream in of),
            facts=facts,
            spare_because=spares.get(facts.camera),
            analysis=analyses.get(facts.camera),
            looked_frac=self._share(facts.camera),
            cpu_frac=self._cpu_share(of[0][0]) if of else None,
        )

    def _stream(self, sign: StreamSign) -> StreamHealth:
        grown = self._streams.grown((sign.camera, sign.stream))
        if grown is None:
            return StreamHealth(sign=sign, bits_per_second=None, fps=None)
        seconds, (received, packets) = grown
        return StreamHealth(
            sign=sign, bits_per_second=8 * received / seconds, fps=packets / seconds
        )

    def _cpu_share(self, recorder: RecorderSigns) -> float | None:
        grown = self._cpu.grown(recorder.process)
        cameras = len({one.camera for one in recorder.streams})
        if grown is None or not cameras:
            return None
        return grown[1][0] / US_PER_SECOND / grown[0] / cameras

    def _with_cameras(self, signs: Signs) -> tuple[ProcessSign, ...]:
        cameras = {
            one.process: len({stream.camera for stream in one.streams}) for one in signs.recorders
        }
        cameras |= {one.process: len(one.cameras) for one in signs.analysers}
        return tuple(replace(one, cameras=cameras.get(one.name, 0)) for one in self._processes)

    def _say(self, condition: Condition, at: Instant) -> None:
        what = f"{condition.kind.replace('_', ' ')}"
        subject = " ".join(one for one in (condition.camera or "", condition.part) if one)
        log = structlog.get_logger()
        if condition.until is None:
            level = log.warning if condition.severity != "note" else log.info
            level("condition", kind=condition.kind, of=subject, because=condition.because)
            if condition.kind not in _ALREADY_TOLD:
                self._event(condition.kind, condition, condition.because, at)
            return
        lasted_s = condition.until.since(condition.since) // US_PER_SECOND
        log.info("condition over", kind=condition.kind, of=subject, lasted_s=lasted_s)
        if condition_kind(condition.kind).severity != "note":
            part = f" ({condition.part})" if condition.part else ""
            self._event("condition_over", condition, f"{what}{part}, {lasted_s} s", at)

    def _event(self, kind: str, condition: Condition, because: str, at: Instant) -> None:
        part = f"{condition.part}: " if condition.part and kind != "condition_over" else ""
        self._put(
            HealthEvent(kind=kind, camera=condition.camera, at=at, because=f"{part}{because}")
        )


def _disks(recorders: tuple[RecorderSigns, ...]) -> list[DiskSign]:
    """Each disk once, as the worst of what recorders say of it."""
    found: dict[str, DiskSign] = {}
    for recorder in recorders:
        for one in recorder.disks:
            known = found.get(one.name)
            if known is None or known.state == "ok":
                found[one.name] = one
    return list(found.values())
