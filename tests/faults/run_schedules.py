"""Seeded schedules by the thousand, in a few processes; a page of markdown on standard output.

python -m tests.faults.run_schedules --seeds 10000 --processes 2
python -m tests.faults.run_schedules --first 1234 --seeds 1      one again, with its trouble
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from fairview.core.time import US_PER_SECOND, SystemClock, cpu_us
from fairview.sim.schedule import drawn
from tests.faults.sim_city import SimCity, simulated
from tests.faults.sim_oracle import Oracle, Violation

STEP = 25
"""Seeds that a process takes at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """One schedule's run. fault: what went wrong that no violation tells, empty if nothing."""

    seed: int
    troubles: tuple[str, ...]
    violations: tuple[Violation, ...]
    restarts: int
    pictures: int
    stored: int
    fault: str


def lived(seed: int, folder: Path) -> Lived:
    """Run one seed's schedule. Cost: about 0.12 s of CPU."""
    schedule = drawn(seed)
    oracle, fault = Oracle(), ""
    with simulated(schedule.segment_us):
        city = SimCity(schedule, folder)
        try:
            city.run(oracle.after_restart)
            oracle.at_end(city)
        except Exception:  # noqa: BLE001  # a finding like any other; the next seeds go on
            fault = traceback.format_exc(limit=-6)
    return Lived(
        seed=seed,
        troubles=tuple(one.kind for one in schedule.troubles),
        violations=tuple(oracle.violations),
        restarts=oracle.checks,
        pictures=sum(len(one.handed) for one in city.cameras.values()),
        stored=sum(map(len, city.stored.values())),
        fault=fault,
    )


def _some(seeds: Sequence[int]) -> tuple[list[Lived], int]:
    """A step of seeds in a process of its own, and its CPU time (us)."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    before_us = cpu_us()
    with tempfile.TemporaryDirectory() as folder:
        found = [lived(seed, Path(folder)) for seed in seeds]
    return found, cpu_us() - before_us


def run(first: int, seeds: int, processes: int) -> Iterator[tuple[list[Lived], int]]:
    """Every seed's run, in no particular order."""
    steps = [
        range(start, min(start + STEP, first + seeds))
        for start in range(first, first + seeds, STEP)
    ]
    if processes <= 1:
        yield from map(_some, steps)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(_some, steps)


def page(found: Sequence[Lived], options: argparse.Namespace, cpu: int, wall_us: int) -> str:
    """The run in words."""
    kinds = Counter(kind for one in found for kind in one.troubles)
    bad = [one for one in found if one.violations or one.fault]
    lines = [
        f"{len(found)} schedules, seeds {options.first} to {options.first + options.seeds - 1}: "
        f"{sum(kinds.values())} troubles, {sum(one.restarts for one in found)} starts checked, "
        f"{sum(one.pictures for one in found)} pictures handed over, "
        f"{sum(one.stored for one in found)} acknowledged as stored. "
        f"**{len(bad)} schedules broke a promise.**",
        "",
        f"CPU {cpu / US_PER_SECOND:.0f} s in {options.processes} processes "
        f"({cpu / US_PER_SECOND / max(len(found), 1):.3f} s a schedule), "
        f"{wall_us / US_PER_SECOND:.0f} s of real time; each schedule is 92 s of simulated time "
        "with three cameras, two recorder processes and a disk each.",
        "",
        "| trouble | times |",
        "| --- | ---: |",
        *(f"| {kind.replace('_', ' ')} | {count} |" for kind, count in kinds.most_common()),
    ]
    for one in bad[:20]:
        lines += ["", "```text", drawn(one.seed).words]
        lines += [f"{each.code} {each.camera}: {each.because}" for each in one.violations[:5]]
        lines += [one.fault] if one.fault else []
        lines.append("```")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    clock, cpu, found = SystemClock(), 0, list[Lived]()
    begun_us = clock.monotonic_us()
    for some, used_us in run(options.first, options.seeds, options.processes):
        found += some
        cpu += used_us
        for one in some:
            if one.violations or one.fault:
                sys.stderr.write(f"seed {one.seed}: {one.violations[:2]} {one.fault[-300:]}\n")
        if len(found) % 1_000 < STEP:
            bad = sum(1 for one in found if one.violations or one.fault)
            sys.stderr.write(f"{len(found)} schedules, {bad} bad\n")
    found.sort(key=lambda one: one.seed)
    sys.stdout.write(page(found, options, cpu, clock.monotonic_us() - begun_us) + "\n")
    return 1 if any(one.violations or one.fault for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
