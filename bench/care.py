"""How long looking after a data folder takes: backup, restore, rebuild, check, upgrade.

    python -m bench.care [--minutes 60]

A site of two drawn cameras is recorded in simulated time by the real recorder and door; then each
command's own function runs on it, against the wall clock and the CPU. Beside them: reading every
byte once, which none of them can go without.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.builders import NOON
from tests.faults.town import LONG, Town
from tests.golden.first_release import unpacked

from fairview.config.settings import Logs, Settings
from fairview.core.time import US_PER_MINUTE, ManualClock
from fairview.run.care.backup import back_up
from fairview.run.care.checking import check_folder, rebuild_folder
from fairview.run.care.restore import restore
from fairview.run.care.upgrade import survey, upgrade_folder
from fairview.run.logs import set_up_logs


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    what: str
    seconds: float
    cpu_s: float
    told: str


def timed(what: str, run: Callable[[], str]) -> Took:
    began, before = time.perf_counter(), _cpu_s()
    told = run()
    return Took(what=what, seconds=time.perf_counter() - began, cpu_s=_cpu_s() - before, told=told)


def measure(at: Path, minutes: int) -> list[Took]:
    data, backup, again = at / "data", at / "backup", at / "again"
    town = Town(data)
    town.record(NOON.plus(minutes * US_PER_MINUTE))
    segments = len(town.catalogue.segments(LONG)) * 2
    town.close()
    clock = ManualClock(town.clock.now())
    files = [path for path in (data / "blobs").rglob("*.fvs")]
    size = sum(path.stat().st_size for path in files)

    def read() -> str:
        return f"{sum(len(path.read_bytes()) for path in files) / 1e6:.0f} MB, {segments} segments"

    def rebuilt() -> str:
        return rebuild_folder(Settings(data=data), clock).partition("\n")[0]

    def upgraded() -> str:
        old = unpacked(at / "old")
        upgrade_folder(old, _quiet)
        return "the first release's folder, 2 segments"

    took = [
        timed("reading every byte once", read),
        timed("upgrade (told only)", lambda: f"{len(survey(data).parts)} parts looked at"),
        timed("check", lambda: f"clean: {check_folder(Settings(data=data), clock).is_clean}"),
        timed("backup, the first", lambda: f"{back_up(data, backup, clock, _quiet).copied} copied"),
        timed(
            "restore", lambda: f"{len(restore(backup, again, clock, _quiet).unreadable)} cameras"
        ),
    ]
    clock.advance(US_PER_MINUTE)
    took += [
        timed("backup, again", lambda: f"{back_up(data, backup, clock, _quiet).copied} copied"),
        timed("check --rebuild", rebuilt),
        timed("upgrade --yes", upgraded),
    ]
    assert size > 0
    return took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    minutes = parser.parse_args().minutes
    set_up_logs(Logs(level="error", form="text"), process="bench")
    at = Path(tempfile.mkdtemp(prefix="fairview-care-"))
    try:
        took = measure(at, minutes)
    finally:
        shutil.rmtree(at, ignore_errors=True)
    print(f"Two cameras, {minutes} minutes of footage each.\n")
    print("| what | wall s | CPU s | of reading once | |\n| --- | ---: | ---: | ---: | --- |")
    for one in took:
        ratio = one.cpu_s / max(took[0].cpu_s, 1e-3)
        print(f"| {one.what} | {one.seconds:.2f} | {one.cpu_s:.2f} | {ratio:.1f} | {one.told} |")
    return 0


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _quiet(*_: object) -> None:
    """Nobody listens."""


if __name__ == "__main__":
    sys.exit(main())
