"""A city's recorders under a simulated clock: real sessions, recorders, writers, rows and start-up
recovery; simulated cameras, network, disks and catalogue. Everything that happens follows from a
schedule's seed.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.errors import FairviewError, Unavailable
from fairview.core.ids import CameraId, StreamName
from fairview.core.media import Fragment, GapBecause, Packet
from fairview.core.time import US_PER_HOUR, US_PER_SECOND, Instant
from fairview.ingest.session import CameraSession
from fairview.record import rows as rows_module
from fairview.record import write_queue
from fairview.record.keyring import Keyring
from fairview.record.recorder import Stores, StreamRecorder
from fairview.record.rows import RowQueue
from fairview.record.write_queue import DiskWriters, Item, Lane, Take
from fairview.run.care.mend import Mending
from fairview.sim.schedule import ACTIVE_US, GROUPS, QUIET_US, Schedule, Trouble
from fairview.sim.sim_disk import SimDisk
from fairview.sim.turns import SimProcess, Turns, TurnTaking
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.contracts import CameraSaved, Change, EventSaved
from fairview.store.keyfile import IssuedPair, KeyFile, sign_key_file
from tests.builders import NOON, camera
from tests.faults.sim_road import MAIN, Handed, SimCamera, SimSource, number_of
from tests.record.keys import DOOR, pair

CAMERAS = tuple(CameraId(f"camera-{number}") for number in range(len(GROUPS)))
START_US = 2 * US_PER_SECOND
LOOK_US = 300_000


@cache
def signer(group: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([65 + group]) * 32)


@cache
def _pairs(hours: int) -> tuple[IssuedPair, ...]:
    """Pairs of the hours around noon, made once for all cities of this test process."""
    first = NOON.plus(-hours * US_PER_HOUR)
    return tuple(pair(first.hour().plus(at * US_PER_HOUR)) for at in range(2 * hours + 1))


@cache
def _spare() -> IssuedPair:
    return pair(None)


def key_file(folder: Path, name: CameraId) -> Path:
    """The camera's public halves; written once a folder."""
    place = folder / f"{name}.json"
    if not place.exists():
        file = KeyFile(camera=name, issued_at=NOON, pairs=_pairs(3), spare=_spare())
        place.write_bytes(sign_key_file(file, DOOR))
    return place


class SimCatalogue(MemoryCatalogue):
    """The catalogue's process: away for a while, or unsure whether it has written."""

    def __init__(self, turns: Turns, chance: random.Random) -> None:
        super().__init__()
        self._turns, self._chance = turns, chance
        self.away_until_us = self.unsure_until_us = 0
        self.faults = 0

    def write(self, changes: Sequence[Change]) -> None:
        now_us = self._turns.monotonic_us()
        if now_us < self.away_until_us:
            self.faults += 1
            raise Unavailable("the catalogue is away")
        if now_us < self.unsure_until_us and self._chance.random() < 0.5:
            self.faults += 1
            if self._chance.random() < 0.5:
                super().write(changes)
            raise Unavailable("the catalogue's answer did not come")
        super().write(changes)


TURN_TAKING = TurnTaking()


class _Reached:
    """The writers' mark that somebody waits for."""

    def __init__(self) -> None:
        self.event = TURN_TAKING.Event()


@contextmanager
def simulated(segment_us: int) -> Iterator[None]:
    """Recorders' own threads (writers, rows) take turns, and segments are that long, as long as
    this lasts."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr("fairview.record.recorder.SEGMENT_US", segment_us)
        changed.setattr(write_queue, "threading", TURN_TAKING)
        changed.setattr(write_queue, "SimpleQueue", TURN_TAKING.SimpleQueue)
        changed.setattr(write_queue, "_Reached", _Reached)
        changed.setattr(rows_module, "threading", TURN_TAKING)
        yield


@dataclass(slots=True)
class Recorder:
    """One recorder process: what it takes to stop it as a node would."""

    group: int
    process: SimProcess
    stop: threading.Event = field(default_factory=threading.Event)
    recorders: dict[CameraId, StreamRecorder] = field(default_factory=dict)
    waiting: dict[CameraId, list[Fragment]] = field(default_factory=dict)
    mending: Mending | None = None
    is_ended: bool = False


@dataclass(frozen=True, slots=True)
class Death:
    """A process that ended without being asked. stored_us: when its disk last stood still or was
    slow before that, else at_us: what waited for it went with the process. is_sound: it had
    nothing to wait for.
    """

    group: int
    at_us: int
    stored_us: int
    is_sound: bool


class SimCity:
    """Three cameras, two recorder processes, a disk each, one catalogue."""

    def __init__(self, schedule: Schedule, folder: Path) -> None:
        self.schedule = schedule
        self.folder = folder
        self.turns = Turns(NOON.plus(10 * 60 * US_PER_SECOND), schedule.seed)
        TURN_TAKING.turns = self.turns
        chance = random.Random(schedule.seed)
        self.chance = chance
        self.disks = [SimDisk(self.turns, chance.getrandbits(32)) for _ in range(2)]
        self.catalogue = SimCatalogue(self.turns, random.Random(chance.getrandbits(32)))
        self.cameras = {
            name: SimCamera(
                name=name,
                fps=pace.fps,
                key_every=pace.key_every,
                turns=self.turns,
                chance=random.Random(chance.getrandbits(32)),
            )
            for name, pace in zip(CAMERAS, schedule.paces, strict=True)
        }
        for name in CAMERAS:
            self.catalogue.write([CameraSaved(camera=camera(name), sealed_login=None)])
        self.running: list[Recorder | None] = [None, None]
        self.stored: dict[CameraId, set[int]] = {name: set() for name in CAMERAS}
        self.deaths: list[Death] = []
        self.starts: list[list[int]] = [[], []]
        self.ends: list[list[int]] = [[], []]
        self.faults_before = [0, 0]

    def group_of(self, name: CameraId) -> int:
        return GROUPS[CAMERAS.index(name)]

    def run(self, after_restart: Callable[[SimCity, int], None]) -> None:
        """Live through the schedule; then stop everything as asked for."""
        for group in range(2):
            self._start(group, after_restart)
        for trouble in self.schedule.troubles:
            self.turns.at(START_US + trouble.at_us, self._happens(trouble, after_restart))
        self.turns.run(START_US + ACTIVE_US + QUIET_US)
        for recorder in self.running:
            assert recorder is not None, "everything runs in the end"
            recorder.stop.set()
        self.turns.run(self.turns.monotonic_us() + 45 * US_PER_SECOND)
        for recorder in self.running:
            assert recorder is not None
            assert recorder.is_ended, f"the recorder of group {recorder.group} does not stop"

    # Trouble

    def _happens(
        self, trouble: Trouble, after_restart: Callable[[SimCity, int], None]
    ) -> Callable[[], None]:
        def happen() -> None:
            now_us = self.turns.monotonic_us()
            until_us = now_us + trouble.for_us
            kind = trouble.kind
            if kind in ("kill", "power", "stop"):
                self._restart(trouble, after_restart)
            elif kind in ("stall", "slow", "fail", "fail_once", "full"):
                self._disk(trouble, until_us)
            elif kind == "rows_away":
                self.catalogue.away_until_us = max(self.catalogue.away_until_us, until_us)
            elif kind == "rows_unsure":
                self.catalogue.unsure_until_us = max(self.catalogue.unsure_until_us, until_us)
            elif kind == "step":
                self.turns.step(trouble.amount)
            elif kind == "drift":
                self.turns.drift(trouble.amount)
                self.turns.at(until_us, lambda: self.turns.drift(0))
            else:
                self._network(trouble, (now_us, until_us))

        return happen

    def _network(self, trouble: Trouble, window: tuple[int, int]) -> None:
        one = self.cameras[CAMERAS[trouble.which]]
        if trouble.kind == "lose":
            one.lose += trouble.amount
        elif trouble.kind == "camera_jump":
            one.jump_us += trouble.amount
        elif trouble.kind == "camera_drift":
            one.drift += trouble.amount / 1_000_000
        else:
            getattr(one, trouble.kind).append(window)

    def _disk(self, trouble: Trouble, until_us: int) -> None:
        disk = self.disks[trouble.which]
        if trouble.kind == "fail_once":
            disk.fail_once = True
        else:
            name = {
                "stall": "stalled_until_us",
                "slow": "slow_until_us",
                "fail": "failing_until_us",
                "full": "full_until_us",
            }[trouble.kind]
            setattr(disk, name, max(getattr(disk, name), until_us))

    def _restart(self, trouble: Trouble, after_restart: Callable[[SimCity, int], None]) -> None:
        """End one process, or both where the power goes, and begin again a little later."""
        groups = (0, 1) if trouble.kind == "power" else (trouble.which,)
        for group in groups:
            recorder = self.running[group]
            if recorder is None:
                continue
            if trouble.kind == "stop":
                recorder.stop.set()
                self.ends[group].append(self.turns.monotonic_us())
                continue
            self._die(recorder)
            if trouble.kind == "power":
                self.disks[group].cut_power()
        at_us = self.turns.monotonic_us() + trouble.for_us
        for group in groups:
            self.turns.at(at_us, lambda group=group: self._start(group, after_restart))  # type: ignore[misc]  # bound now

    def _die(self, recorder: Recorder) -> None:
        self.turns.kill(recorder.process)
        self.running[recorder.group] = None
        self.ends[recorder.group].append(self.turns.monotonic_us())
        now_us = self.turns.monotonic_us()
        since_us = self.waited_since_us(recorder.group, now_us)
        self.deaths.append(Death(recorder.group, now_us, since_us, since_us == now_us))

    def waited_since_us(self, group: int, now_us: int) -> int:
        """Since when footage may wait for the disk; now when it does not. One trouble may begin
        before what waits since another is written."""
        found = now_us
        for at_us, until_us in reversed(self._slow(group)):
            if at_us <= found <= until_us + 5 * US_PER_SECOND:
                found = at_us
        return found

    def waits_until_us(self, group: int, now_us: int) -> int:
        """Until when a call that is under way may be held up; what fails fails then."""
        found = now_us
        for at_us, until_us in self._slow(group):
            if at_us <= found:
                found = max(found, until_us)
        return found

    def _slow(self, group: int) -> list[tuple[int, int]]:
        """When a group's disk stands still or is slow, by its beginning."""
        return [
            (START_US + one.at_us, START_US + one.until_us)
            for one in self.schedule.troubles
            if one.kind in ("stall", "slow") and one.which == group
        ]

    def downs(self, group: int) -> list[tuple[int, int]]:
        """When no process of a group was at work."""
        ends = [*self.ends[group]]
        starts = [*self.starts[group]]
        found = [(0, starts[0])] if starts else []
        for end_us in ends:
            later = [one for one in starts if one > end_us]
            found.append((end_us, min(later) if later else self.turns.monotonic_us()))
        return found

    def _start(self, group: int, after_restart: Callable[[SimCity, int], None]) -> None:
        """A new process for a group, unless one runs and means to go on."""
        old = self.running[group]
        if old is not None and not old.stop.is_set():
            return
        if old is not None and not old.is_ended:
            # It does not end in time: the node kills it.
            self._die(old)
        recorder = Recorder(group, SimProcess(f"recorder-{group}"))
        self.running[group] = recorder
        self.turns.spawn(recorder.process, "main", lambda: self._work(recorder, after_restart))

    # One recorder process

    def _work(self, recorder: Recorder, after_restart: Callable[[SimCity, int], None]) -> None:
        names = [name for name in CAMERAS if self.group_of(name) == recorder.group]
        blobs = self.disks[recorder.group].view(recorder.process)
        self.faults_before[recorder.group] = self.disks[recorder.group].faults
        mending = Mending(blobs, self.catalogue, self.turns, (signer(recorder.group),))
        while True:
            try:
                mending.begin(frozenset(names))
                break
            except FairviewError:
                if self.turns.wait(recorder.stop, 500_000):
                    recorder.is_ended = True
                    return
        recorder.mending = mending
        after_restart(self, recorder.group)
        if mending.left:
            self.turns.spawn(
                recorder.process, "mending", lambda: self._mend_left(recorder, mending)
            )
        self.starts[recorder.group].append(self.turns.monotonic_us())
        rows = RowQueue(self.catalogue, self.turns)
        rows.start()
        writers = DiskWriters()
        stores = Stores(
            blobs=blobs,
            rows=rows,
            signer=signer(recorder.group),
            clock=self.turns,
            lanes=_Watched(writers, self, recorder),
        )
        ended = [self._session(recorder, name, stores) for name in names]
        for one in ended:
            self.turns.wait(one, 24 * US_PER_HOUR)
        rows.close()
        writers.close()
        recorder.is_ended = True

    def _mend_left(self, recorder: Recorder, mending: Mending) -> None:
        """As a recorder process does between its turns."""
        while mending.left and not self.turns.wait(recorder.stop, LOOK_US):
            with suppress(Unavailable):
                mending.again()

    def _session(self, recorder: Recorder, name: CameraId, stores: Stores) -> threading.Event:
        one, ended = self.cameras[name], threading.Event()
        watched = stores.lanes
        assert isinstance(watched, _Watched)
        watched.next = name
        kept = StreamRecorder(
            camera=name,
            stream=MAIN,
            stores=stores,
            keyring=Keyring(
                key_file(self.folder, name),
                camera=name,
                door_public=DOOR.public_key().public_bytes_raw(),
                clock=self.turns,
                tell=lambda event: stores.rows.put(EventSaved(event=event)),
            ),
        )
        recorder.recorders[name] = kept
        session = CameraSession(
            camera=name,
            stream=MAIN,
            connect=lambda: SimSource(one),
            sink=_Handed(kept, one),
            clock=self.turns,
            stop=recorder.stop,
        )
        session._spread = random.Random(self.chance.getrandbits(32))  # type: ignore[assignment]  # replayed

        def live() -> None:
            session.run()
            ended.set()

        self.turns.spawn(recorder.process, f"session {name}", live)
        return ended


class _Handed:
    """The recorder as a sink, and a note of what reached it."""

    def __init__(self, recorder: StreamRecorder, one: SimCamera) -> None:
        self._recorder, self._camera = recorder, one

    def packet(self, packet: Packet) -> None:
        at_us = self._camera.turns.monotonic_us()
        self._camera.handed[number_of(packet.data)] = Handed(at_us, packet.at)
        self._recorder.packet(packet)

    def away(self, camera: CameraId, stream: StreamName, because: GapBecause, at: Instant) -> None:
        self._recorder.away(camera, stream, because, at)

    def close(self) -> None:
        self._recorder.close()


class _Watched:
    """The writers' lanes, and a note of what was acknowledged as stored."""

    def __init__(self, writers: DiskWriters, city: SimCity, recorder: Recorder) -> None:
        self._writers, self._city, self._recorder = writers, city, recorder
        self.next = CAMERAS[0]

    def lane(self, take: Take, disk: str = "") -> Lane:
        name, city, recorder = self.next, self._city, self._recorder

        def noted(item: Item) -> str | None:
            if not isinstance(item, Fragment):
                return take(item)
            before = recorder.recorders[name].figures.fragments
            moved = take(item)
            if recorder.recorders[name].figures.fragments > before:
                city.stored[name] |= {number_of(one.data) for one in item.samples}
            return moved

        return self._writers.lane(noted, disk)
