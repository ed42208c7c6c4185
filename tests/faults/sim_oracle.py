"""What must hold in a simulated city, whatever happened: the invariants of the design's section 7.

acknowledged_lost   a picture that was stored durably is not there, or not bit-exact
twice               a picture is there twice, or out of order in its segment
unclean             `check` finds a fault after a restart, or at the end
crash_cost          more than two seconds of a camera went with a process on a sound disk
no_cause            pictures are missing at a moment when nothing was wrong
no_gap              more than a second is missing and no gap says so
not_told            a gap stands where a process died, and does not say why
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from fairview.core.ids import CameraId
from fairview.core.limits import (
    DISK_RETRY_US_MAX,
    FRAGMENT_US_MAX,
    HOLE_US_MIN,
    KEY_CLOCK_DOUBT_US,
    WALLCLOCK_WINDOW_US,
)
from fairview.core.media import EndedBecause, Gap, Segment
from fairview.core.time import US_PER_HOUR, US_PER_SECOND, Instant
from fairview.sim.schedule import GROUPS, NETWORK, Trouble
from fairview.sim.turns import SimProcess
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.check import check
from fairview.store.contracts import Blobs, CameraSaved, GapSaved, SegmentSaved
from fairview.store.recovery import is_there, recover
from fairview.store.sealing import open_key, open_record
from fairview.store.segment_walk import walk
from tests.builders import camera
from tests.faults.sim_city import (
    CAMERAS,
    START_US,
    SimCity,
    signer,
)
from tests.faults.sim_road import SimCamera, number_of
from tests.record.keys import PRIVATE

CRASH_US_MAX = FRAGMENT_US_MAX + 300_000
"""Two seconds, and what a sound disk's sync takes of the next ones."""

RECONNECT_US = 32 * US_PER_SECOND
CLOCK_US = 2 * WALLCLOCK_WINDOW_US + 15 * US_PER_SECOND
"""A clock that was set is seen within a window of the wall clock's; then the camera is connected
anew, and a disk that failed before may have to be waited for."""


@dataclass(frozen=True, slots=True)
class Violation:
    code: str
    camera: str
    because: str


class Oracle:
    """Collects what does not hold."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.checks = 0

    def after_restart(self, city: SimCity, group: int) -> None:
        """Recovery has just run in this group's new process."""
        self.checks += 1
        names = [name for name, of in zip(CAMERAS, GROUPS, strict=True) if of == group]
        blobs = city.disks[group].view(SimProcess("a look"))
        rows = self._rows(city, names)
        is_sound = city.disks[group].faults == city.faults_before[group]
        if is_sound and not is_stepped_far(city):
            self._clean(blobs, rows, names, "after a restart")
        for name in names:
            # What recovery could not remove or close is left to the next one; so is, where the
            # clock was set far, a blob whose row was lost. In the end all must be there.
            there = [row for row in rows.segments(name) if is_sound or is_there(blobs, row.blob)]
            is_whole = is_sound and not is_stepped_far(city)
            self._kept(city, name, blobs, there, is_whole=is_whole)

    def at_end(self, city: SimCity) -> None:
        """Everything was stopped as asked for."""
        for group in range(2):
            names = [name for name, of in zip(CAMERAS, GROUPS, strict=True) if of == group]
            self._mended(city, group, names)
            blobs = city.disks[group].view(SimProcess("a look"))
            rows = self._rows(city, names)
            recover(blobs, rows, city.turns, (signer(group),))
            if is_stepped_far(city):
                check(blobs, rows, repair="adopt", signers=(signer(group),))
                check(blobs, rows, repair="remove", signers=(signer(group),))
            self._clean(blobs, rows, names, "at the end")
            for name in names:
                kept = self._kept(city, name, blobs, rows.segments(name))
                self._missing(city, name, kept, rows.gaps(name))
                self._crashes(city, name, kept)

    def _mended(self, city: SimCity, group: int, names: Sequence[CameraId]) -> None:
        """What a disk refused at the last start was put right since."""
        recorder = city.running[group]
        left = None if recorder is None or recorder.mending is None else recorder.mending.left
        if left is None or left:
            self._say("unclean", ",".join(names), f"left since the start: {left}")

    def _rows(self, city: SimCity, names: Sequence[CameraId]) -> MemoryCatalogue:
        """The rows of one group's cameras alone: each group has a disk of its own."""
        rows = MemoryCatalogue()
        for name in names:
            rows.write([CameraSaved(camera=camera(name), sealed_login=None)])
            rows.write([SegmentSaved(segment=one) for one in city.catalogue.segments(name)])
            rows.write([GapSaved(gap=one) for one in city.catalogue.gaps(name)])
        return rows

    def _clean(
        self, blobs: Blobs, rows: MemoryCatalogue, names: Sequence[CameraId], when: str
    ) -> None:
        report = check(blobs, rows)
        for one in report.findings:
            if one.is_fault and not one.is_repaired:
                self._say(
                    "unclean", ",".join(names), f"{when}: {one.code} {one.subject}: {one.because}"
                )

    def _kept(
        self,
        city: SimCity,
        name: CameraId,
        blobs: Blobs,
        segments: Sequence[Segment],
        *,
        is_whole: bool = True,
    ) -> set[int]:
        """Numbers of the pictures that can be read; each bit-exact, once, in order."""
        found: set[int] = set()
        for row in segments:
            numbers = self._numbers(city, name, blobs, row)
            if numbers != sorted(set(numbers)) or found & set(numbers):
                self._say("twice", name, f"segment {row.id} holds pictures again or out of order")
            found |= set(numbers)
        lost = city.stored[name] - found
        if lost and is_whole:
            self._say("acknowledged_lost", name, f"pictures {sorted(lost)[:8]} of {len(lost)}")
        return found

    def _numbers(self, city: SimCity, name: CameraId, blobs: Blobs, row: Segment) -> list[int]:
        if not is_there(blobs, row.blob):
            self._say("unclean", name, f"a row without a blob: {row.blob}")
            return []
        data = blobs.read(row.blob)
        walked = walk(lambda start, length: data[start : start + length], len(data))
        key = open_key(walked.header, PRIVATE[walked.header.key_pair])
        numbers = []
        for record in walked.records:
            sealed = data[record.sealed_offset : record.sealed_offset + record.sealed_bytes]
            for sample in open_record(walked.header, record, sealed, key).samples:
                number = number_of(sample.data)
                if sample.data != city.cameras[name].picture(number).data:
                    self._say("acknowledged_lost", name, f"picture {number} is not as it was")
                numbers.append(number)
        return numbers

    # What is missing, and why

    def _missing(self, city: SimCity, name: CameraId, kept: set[int], gaps: Sequence[Gap]) -> None:
        one = city.cameras[name]
        excuses = self._excuses(city, name)
        roads = [*excuses, *self._roads(city, name)]
        newest = max(one.handed, default=0)
        for number in range(2 * one.key_every, newest):
            if number in kept:
                continue
            handed = one.handed.get(number)
            shown_us = number * one.step_us
            if handed is not None and not any(a <= handed.at_us <= b for a, b in excuses):
                self._say("no_cause", name, f"picture {number} was handed over and is not there")
                return
            if handed is None and not any(a <= shown_us <= b for a, b in roads):
                self._say("no_cause", name, f"picture {number} never came")
                return
        self._gaps(city, name, kept, gaps)

    def _gaps(self, city: SimCity, name: CameraId, kept: set[int], gaps: Sequence[Gap]) -> None:
        """Each stretch of more than a second that was handed over and lost has its gap."""
        one = city.cameras[name]
        run: list[int] = []
        for number in sorted(one.handed):
            if number not in kept:
                run.append(number)
                continue
            self._told(city, name, run, gaps)
            run = []

    def _told(self, city: SimCity, name: CameraId, run: Sequence[int], gaps: Sequence[Gap]) -> None:
        one = city.cameras[name]
        if len(run) * one.step_us <= HOLE_US_MIN + one.step_us or len(run) < 2:
            return
        start, end = one.handed[run[0]].at, one.handed[run[-1]].at
        if end.since(start) <= HOLE_US_MIN:
            return
        is_told = any(gap.span.start < end and start < gap.span.end for gap in gaps)
        if not is_told and _ran_twice(one):
            is_told = _is_told_before(city.catalogue.segments(name), gaps, start)
        if not is_told:
            self._say("no_gap", name, f"pictures {run[0]} to {run[-1]} are missing without a gap")

    def _crashes(self, city: SimCity, name: CameraId, kept: set[int]) -> None:
        """What a death cost where its disk was sound and the camera was there."""
        one = city.cameras[name]
        group = city.group_of(name)
        for death in city.deaths:
            if death.group != group or not death.is_sound:
                continue
            start_us = max((at for at in city.starts[group] if at < death.at_us), default=0)
            times = sorted(
                (handed.at_us, number)
                for number, handed in one.handed.items()
                if start_us <= handed.at_us <= death.at_us
            )
            stored = [at for at, (_, number) in enumerate(times) if number in kept]
            lost = [number for _, number in times[stored[-1] + 1 :]] if stored else []
            if not lost or any(_near(city, name, death.at_us)):
                continue
            first = min(one.handed[number].at_us for number in lost)
            newest_us = self._held_us(one, death.at_us, death.stored_us)
            if newest_us - first > CRASH_US_MAX:
                cost_s = (newest_us - first) / US_PER_SECOND
                self._say("crash_cost", name, f"{cost_s:.2f} s went with the process")

    def _excuses(self, city: SimCity, name: CameraId) -> list[tuple[int, int]]:
        """When a picture that reached the recorder may be missing (monotonic us)."""
        one, group = city.cameras[name], city.group_of(name)
        key_us = one.key_every * one.step_us + US_PER_SECOND
        found = []
        for trouble in city.schedule.troubles:
            at_us = START_US + trouble.at_us
            until_us = at_us + trouble.for_us
            kind = trouble.kind
            is_ours = trouble.which == group
            if kind in ("fail", "full", "fail_once") and is_ours:
                # Waits go on doubling where nothing was stored between two failures.
                wait_us = DISK_RETRY_US_MAX + 4 * US_PER_SECOND
                stored_us = city.waited_since_us(group, at_us)
                until_us = max(until_us, city.waits_until_us(group, at_us))
                held_us = self._held_us(one, at_us, stored_us) - 3 * US_PER_SECOND
                found.append((held_us, until_us + wait_us + key_us))
            elif kind in ("step", "drift"):
                found.append((at_us - US_PER_SECOND, until_us + CLOCK_US + key_us))
            elif kind in NETWORK and CAMERAS[trouble.which] == name:
                found.append((at_us - US_PER_SECOND, until_us + RECONNECT_US + key_us))
        for death in city.deaths:
            if death.group == group:
                held_us = self._held_us(one, death.at_us, death.stored_us)
                found.append((held_us - CRASH_US_MAX, death.at_us))
        for start_us in city.starts[group]:
            found.append((start_us, start_us + key_us + US_PER_SECOND))
        found += [(at_us - US_PER_SECOND, at_us + key_us) for at_us in one.connected]
        return found

    def _held_us(self, one: SimCamera, at_us: int, stored_us: int) -> int:
        """Since when a picture could wait in memory: for the disk, or for the next picture."""
        times = [handed.at_us for handed in one.handed.values() if handed.at_us <= at_us]
        return min(stored_us, max(times, default=at_us))

    def _roads(self, city: SimCity, name: CameraId) -> list[tuple[int, int]]:
        """When nobody took a camera's pictures."""
        group = city.group_of(name)
        slack_us = 2 * US_PER_SECOND
        return [(a - slack_us, b + slack_us) for a, b in city.downs(group)]

    def _say(self, code: str, name: str, because: str) -> None:
        self.violations.append(Violation(code, name, because))


def _near(city: SimCity, name: CameraId, at_us: int) -> list[Trouble]:
    """Other troubles that make a death cost more than it does by itself."""
    group = city.group_of(name)
    found = []
    for trouble in city.schedule.troubles:
        start_us = START_US + trouble.at_us
        until_us = start_us + trouble.for_us + CLOCK_US
        if trouble.kind in ("kill", "power", "stop", "rows_away", "rows_unsure"):
            continue
        is_ours = (
            trouble.which == group
            if trouble.kind in ("stall", "slow", "fail", "fail_once", "full")
            else trouble.kind in ("step", "drift") or CAMERAS[trouble.which] == name
        )
        if is_ours and start_us - 3 * US_PER_SECOND <= at_us <= until_us:
            found.append(trouble)
    return found


def _is_told_before(segments: Sequence[Segment], gaps: Sequence[Gap], start: Instant) -> bool:
    """Whether something says that recording stopped before `start`, where a clock ran through the
    same time twice.

    HOLE: how long such a gap was can't be told by times: it stands where the footage before it
    ended and is as long as was known before the clock was set; or the segment's end says it.
    """
    if any(
        row.ended_because is not EndedBecause.ROTATED and row.span.end > start for row in segments
    ):
        return True
    behind = max((gap.span.start for gap in gaps if gap.span.start <= start), default=None)
    return behind is not None and not any(behind < row.span.start <= start for row in segments)


def _ran_twice(one: SimCamera) -> bool:
    """Whether the times that a camera's pictures were given ran through the same time twice: a
    clock was set back, or forward, which was seen and taken back only later."""
    times = [one.handed[number].at for number in sorted(one.handed)]
    return any(later < earlier for earlier, later in pairwise(times))


def is_stepped_far(city: SimCity) -> bool:
    """Whether the clock was set by so much that start-up recovery, which looks back some hours,
    leaves a lost row to `check`."""
    return any(
        one.kind == "step" and abs(one.amount) > KEY_CLOCK_DOUBT_US + US_PER_HOUR
        for one in city.schedule.troubles
    )
