"""`make bench`: recording N cameras of 1080p25 4 Mbit/s, side by side with peers in one run.

Rows are interleaved and repeated; medians are printed. A round in which the replayer could not
deliver, or a contender kept fewer pictures than were sent, is void and says so.
CPU and bytes are counted between two samples in the steady state, so starts don't count.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from bench import contenders
from bench.footage import make_footage
from bench.usage import usage_of

WARM_UP_S = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One contender, once. cpu_frac: share of one core per camera."""

    name: str
    cameras: int
    cpu_frac: float
    memory_bytes: float
    written_frac: float
    void: str


Starter = Callable[[Sequence[str], Path], contenders.Running]


def measure(start: Starter, cameras: int, seconds: float, footage: Path, folder: Path) -> Round:
    replayer = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "bench.replayer",
            str(footage),
            "--seconds",
            str(seconds + WARM_UP_S + cameras * 0.15 + 20),
        ],
        stdout=subprocess.PIPE,
    )
    assert replayer.stdout is not None
    port = json.loads(replayer.stdout.readline())["port"]
    urls = [f"rtsp://127.0.0.1:{port}/{number}" for number in range(cameras)]
    running = start(urls, folder)
    time.sleep(WARM_UP_S + cameras * 0.15)
    pids = [process.pid for process in running.processes]
    before, began = usage_of(pids), time.monotonic()
    time.sleep(seconds)
    after, lasted = usage_of(pids), time.monotonic() - began
    died = [process for process in running.processes if process.poll() is not None]
    running.stop()
    replayer.terminate()
    replayer.wait()
    received = bitrate_of(footage) / 8 * lasted * cameras
    void = f"{len(died)} processes ended" if died else ""
    return Round(
        name=running.name,
        cameras=cameras,
        cpu_frac=(after.cpu_s - before.cpu_s) / lasted / cameras,
        memory_bytes=after.pss_bytes / cameras,
        written_frac=(after.written_bytes - before.written_bytes) / received,
        void=void or missing_pictures(running, cameras, seconds),
    )


def bitrate_of(footage: Path) -> float:
    with av.open(str(footage)) as container:
        stream = container.streams.video[0]
        total, ticks = 0, 0
        for packet in container.demux(stream):
            total += packet.size
            ticks += packet.duration or 0
        assert stream.time_base is not None
        return total * 8 / float(ticks * stream.time_base)


def missing_pictures(running: contenders.Running, cameras: int, seconds: float) -> str:
    """Every camera must have kept at least the pictures of the measured time."""
    wanted = int(seconds * 25 * 0.98)
    counts = kept_pictures(running.folder)
    if len(counts) < cameras:
        return f"only {len(counts)} of {cameras} cameras were kept"
    short = [count for count in counts.values() if count < wanted]
    return f"{len(short)} cameras kept too little ({min(short)} of {wanted})" if short else ""


def kept_pictures(folder: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for report in folder.rglob("kept.json"):
        for camera, count in json.loads(report.read_text()).items():
            counts[f"{report.parent.name}/{camera}"] = count
    for place in folder.glob("*.mp4"):
        camera = place.stem.split("-")[0]
        try:
            with av.open(str(place)) as container:
                stream = container.streams.video[0]
                kept = sum(1 for packet in container.demux(stream) if packet.size)
        except av.FFmpegError:
            kept = 0
        counts[camera] = counts.get(camera, 0) + kept
    return counts


def table(rounds: Sequence[Round]) -> str:
    lines = [
        "| cameras | program | % of a core per camera | MB per camera | bytes written per byte | "
        "rounds | ratio to ours |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for cameras in sorted({one.cameras for one in rounds}):
        ours = [one for one in rounds if one.cameras == cameras and one.name == "Fairview"]
        reference = (
            statistics.median(one.cpu_frac for one in ours if not one.void)
            if any(not one.void for one in ours)
            else float("nan")
        )
        for name in dict.fromkeys(one.name for one in rounds if one.cameras == cameras):
            some = [one for one in rounds if one.cameras == cameras and one.name == name]
            good = [one for one in some if not one.void]
            if not good:
                lines.append(f"| {cameras} | {name} | void: {some[0].void} | | | 0 | |")
                continue
            cpu = statistics.median(one.cpu_frac for one in good)
            memory = statistics.median(one.memory_bytes for one in good) / 1e6
            written = statistics.median(one.written_frac for one in good)
            lines.append(
                f"| {cameras} | {name} | {cpu * 100:.2f} | {memory:.1f} | {written:.3f} "
                f"| {len(good)}/{len(some)} | {cpu / reference:.2f} |"
            )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, nargs="*", default=[10, 25])
    parser.add_argument("--ours-only", type=int, nargs="*", default=[100])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--per-process", type=int, default=25)
    options = parser.parse_args()
    missing = contenders.missing_programs()
    if missing:
        print(f"not measured, because not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        footage = make_footage(folder / "footage.mp4")

        def fairview(urls: Sequence[str], place: Path) -> contenders.Running:
            return contenders.ours(urls, place, options.per_process)

        peers: list[Starter] = [fairview, contenders.bare_pyav]
        if "ffmpeg" not in missing:
            peers.append(contenders.ffmpeg)
        if "gst-launch-1.0" not in missing:
            peers.append(contenders.gstreamer)
        plan = [(peer, cameras) for cameras in options.cameras for peer in peers]
        plan += [(fairview, cameras) for cameras in options.ours_only]
        rounds = []
        for repeat in range(options.repeats):
            for number, (peer, cameras) in enumerate(plan):
                place = folder / f"{repeat}-{number}"
                rounds.append(measure(peer, cameras, options.seconds, footage, place))
                print(rounds[-1], flush=True)
                shutil.rmtree(place, ignore_errors=True)
    print(table(rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
