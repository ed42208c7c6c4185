"""`make bench`: recording N cameras of 1080p25 4 Mbit/s, side by side with peers in one run.

Rows are interleaved, in another order each time, and repeated; medians are printed. CPU and bytes
are counted between two samples in the steady state; what a start costs on top is a figure of its
own. A segment's change falls into some measured windows and not into others, for everyone. Ours
runs as in a node: recorder processes and the catalogue's, whose CPU and writes count in full; its
memory is a figure of its own, since a node has it once however many cameras it records. The
memory of recording processes is what they would need on a machine of their own.

A round is void, and says so, when
- the replayer could not deliver a picture, or was more than a second late with one,
- a camera began after the measured time did, or a contender connected to it again,
- a contender kept fewer pictures of a camera than it was sent (but for one second at the stop),
- one of its processes ended by itself,
- something that ours sealed can't be opened, is in no index, or differs from what was sent (what
  ours kept is opened picture by picture).
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
from bench.kept import opened, sent_pictures
from bench.recorder import PRIVATE_HALVES
from bench.usage import memory_of, usage_of

OURS = "Fairview (lean)"

WARM_UP_S = 6.0
WARM_UP_CAMERA_S = 0.15
STOP_PICTURES = 25
"""What may lie in buffers when a contender is told to stop: one second."""

LATE_S_MAX = 1.0
MEMORY_LOOKS = 4
"""Looks at the memory within the measured time; their mean counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One contender, once. cpu_frac: share of one core per camera; start_s: CPU seconds per
    camera on top of that until the measured time began (lost in the noise where many cameras or
    a busy machine make the steady share large); memory_bytes per camera; beside_bytes: in all, of
    what a node has anyway; void: why it does not count, or empty.
    """

    name: str
    cameras: int
    cpu_frac: float
    start_s: float
    memory_bytes: float
    beside_bytes: float
    written_frac: float
    void: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The replayer's own account of a round. units and first_at_s by camera."""

    lost: int
    late_max_s: float
    plays: dict[str, int]
    units: dict[str, int]
    first_at_s: dict[str, float]


Starter = Callable[[Sequence[str], Path], contenders.Running]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured once."""

    start: Starter
    cameras: int
    seconds: float
    footage: Path
    folder: Path


def measure(plan: Plan) -> Round:
    cameras, warm_up_s = plan.cameras, WARM_UP_S + plan.cameras * WARM_UP_CAMERA_S
    replayer, port = _replayer(plan.footage, plan.seconds + warm_up_s + 60)
    urls = [f"rtsp://127.0.0.1:{port}/{number}" for number in range(cameras)]
    started = time.monotonic()
    running = plan.start(urls, plan.folder)
    time.sleep(warm_up_s)
    pids, beside = running.pids, running.beside
    before, began = usage_of(pids + beside), time.monotonic()
    memory: list[int] = []
    for _ in range(MEMORY_LOOKS):
        time.sleep(plan.seconds / MEMORY_LOOKS)
        memory.append(memory_of(pids))
    after, lasted = usage_of(pids + beside), time.monotonic() - began
    beside_bytes, ended = memory_of(beside), running.ended()
    running.stop()
    replayer.terminate()
    sent = _sent(replayer)
    received = bitrate_of(plan.footage) / 8 * lasted * cameras
    cpu_frac = (after.cpu_s - before.cpu_s) / lasted / cameras
    void = f"{ended} processes ended" if ended else undelivered(sent, cameras, began)
    return Round(
        name=running.name,
        cameras=cameras,
        cpu_frac=cpu_frac,
        start_s=before.cpu_s / cameras - cpu_frac * (began - started),
        memory_bytes=statistics.mean(memory) / cameras,
        beside_bytes=beside_bytes,
        written_frac=(after.written_bytes - before.written_bytes) / received,
        void=void or kept_too_little(running.folder, plan.footage, sent),
    )


def _replayer(footage: Path, seconds: float) -> tuple[subprocess.Popen[bytes], int]:
    replayer = subprocess.Popen(
        [sys.executable, "-m", "bench.replayer", str(footage), "--seconds", str(seconds)],
        stdout=subprocess.PIPE,
    )
    assert replayer.stdout is not None
    return replayer, json.loads(replayer.stdout.readline())["port"]


def _sent(replayer: subprocess.Popen[bytes]) -> Sent:
    assert replayer.stdout is not None
    report = json.loads(replayer.stdout.readline())
    replayer.wait()
    paths = report["paths"]
    return Sent(
        lost=report["lost"],
        late_max_s=report["late_max_s"],
        plays={path: told["plays"] for path, told in paths.items()},
        units={path: told["units"] for path, told in paths.items()},
        first_at_s={path: told["first_at_s"] for path, told in paths.items()},
    )


def undelivered(sent: Sent, cameras: int, began_s: float) -> str:
    """Why a round says nothing about the contender, or empty."""
    if sent.lost:
        return f"{sent.lost} pictures could not be delivered"
    if sent.late_max_s > LATE_S_MAX:
        return f"pictures went out {sent.late_max_s:.1f} s late"
    if len(sent.units) < cameras:
        return f"only {len(sent.units)} of {cameras} cameras were asked for"
    late = sum(1 for at in sent.first_at_s.values() if at > began_s)
    if late:
        return f"{late} cameras began late"
    again = sum(1 for plays in sent.plays.values() if plays > 1)
    return f"{again} cameras were connected to again" if again else ""


def bitrate_of(footage: Path) -> float:
    with av.open(str(footage)) as container:
        stream = container.streams.video[0]
        total, ticks = 0, 0
        for packet in container.demux(stream):
            total += packet.size
            ticks += packet.duration or 0
        assert stream.time_base is not None
        return total * 8 / float(ticks * stream.time_base)


def missing_pictures(kept: dict[str, int], sent: dict[str, int]) -> str:
    """Every camera must have kept what it was sent, but for what lay in buffers at the stop."""
    short = {camera: units - kept.get(camera, 0) for camera, units in sent.items()}
    lost = [missing for missing in short.values() if missing > STOP_PICTURES]
    return f"{len(lost)} cameras kept too little (up to {max(lost)} missing)" if lost else ""


def kept_too_little(folder: Path, footage: Path, sent: Sent) -> str:
    """What is wrong with what a contender kept, or empty."""
    if not (folder / PRIVATE_HALVES).exists():
        return missing_pictures(kept_pictures(folder), sent.units)
    kept = opened(folder, len(sent.units), sent_pictures(footage))
    return "; ".join(kept.faults[:3]) or missing_pictures(kept.pictures, sent.units)


def kept_pictures(folder: Path) -> dict[str, int]:
    """Pictures by camera in the files of a contender that writes MP4."""
    counts: dict[str, int] = {}
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
        "| cameras | program | % of a core per camera (least to most) | CPU-s per start "
        "| MB per camera | MB beside | bytes written per byte | rounds | CPU, ratio to ours |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for cameras in sorted({one.cameras for one in rounds}):
        here = [one for one in rounds if one.cameras == cameras]
        ours = [one.cpu_frac for one in here if one.name == OURS and not one.void]
        reference = statistics.median(ours) if ours else float("nan")
        for name in dict.fromkeys(one.name for one in here):
            lines.append(_line([one for one in here if one.name == name], reference))
    voids = [one for one in rounds if one.void]
    lines += ["", *(f"- void: {one.name}, {one.cameras} cameras: {one.void}" for one in voids)]
    return "\n".join(lines).rstrip()


def _line(some: Sequence[Round], reference: float) -> str:
    name, cameras = some[0].name, some[0].cameras
    good = [one for one in some if not one.void]
    if not good:
        return f"| {cameras} | {name} | void | | | | | 0/{len(some)} | |"
    shares = sorted(one.cpu_frac * 100 for one in good)
    cpu = statistics.median(shares)
    start_s = max(0.0, statistics.median(one.start_s for one in good))
    return (
        f"| {cameras} | {name} | {cpu:.3f} ({shares[0]:.3f} to {shares[-1]:.3f}) "
        f"| {start_s:.2f} "
        f"| {statistics.median(one.memory_bytes for one in good) / 1e6:.2f} "
        f"| {statistics.median(one.beside_bytes for one in good) / 1e6:.0f} "
        f"| {statistics.median(one.written_frac for one in good):.3f} "
        f"| {len(good)}/{len(some)} | {cpu / 100 / reference:.2f} |"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cameras", type=int, nargs="*", default=[25])
    parser.add_argument("--ours-only", type=int, nargs="*", default=[100, 250])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--per-process", type=int, default=50)
    options = parser.parse_args()
    missing = contenders.missing_programs()
    if missing:
        print(f"not measured, because not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        footage = make_footage(folder / "footage.mp4")

        def lean(urls: Sequence[str], place: Path) -> contenders.Running:
            return contenders.ours(urls, place, options.per_process, "lean")

        def through_ffmpeg(urls: Sequence[str], place: Path) -> contenders.Running:
            return contenders.ours(urls, place, options.per_process, "ffmpeg")

        peers: list[Starter] = [lean, through_ffmpeg, contenders.bare_pyav]
        if "ffmpeg" not in missing:
            peers.append(contenders.ffmpeg)
        if "gst-launch-1.0" not in missing:
            peers.append(contenders.gstreamer)
        plan = [(peer, cameras) for cameras in options.cameras for peer in peers]
        plan += [(lean, cameras) for cameras in options.ours_only]
        rounds = []
        for repeat in range(options.repeats):
            turn = repeat % len(plan)
            for number, (peer, cameras) in enumerate(plan[turn:] + plan[:turn]):
                place = folder / f"{repeat}-{number}"
                one = Plan(
                    start=peer,
                    cameras=cameras,
                    seconds=options.seconds,
                    footage=footage,
                    folder=place,
                )
                rounds.append(measure(one))
                print(rounds[-1], file=sys.stderr, flush=True)
                shutil.rmtree(place, ignore_errors=True)
    print(table(rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
