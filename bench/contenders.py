"""Who is measured: programs that record RTSP cameras to disk without transcoding."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.recorder import Recorders

ROOT = Path(__file__).resolve().parent.parent


class Running(Protocol):
    """One contender at work. pids: its recording processes; beside: what else it needs (an index),
    whose CPU and writes count as its own, and whose memory is told apart.
    """

    @property
    def name(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    @property
    def pids(self) -> tuple[int, ...]: ...
    @property
    def beside(self) -> tuple[int, ...]: ...

    def ended(self) -> int:
        """Processes that ended by themselves."""
        ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """A contender's own processes. end: the signal at which it closes its files properly."""

    name: str
    processes: tuple[subprocess.Popen[bytes], ...]
    folder: Path
    end: signal.Signals = signal.SIGTERM

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self.processes)

    @property
    def beside(self) -> tuple[int, ...]:
        return ()

    def ended(self) -> int:
        return sum(process.poll() is not None for process in self.processes)

    def stop(self) -> None:
        for process in self.processes:
            process.send_signal(self.end)
        for process in self.processes:
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _each(
    name: str,
    folder: Path,
    commands: Sequence[Sequence[str]],
    end: signal.Signals = signal.SIGTERM,
) -> Programs:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.txt").open("ab") as log:
        processes = tuple(
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            for command in commands
        )
    return Programs(name=name, folder=folder, processes=processes, end=end)


def ffmpeg(urls: Sequence[str], folder: Path) -> Running:
    """One `ffmpeg -c copy -f segment` per camera, as in most open recorders."""
    return _each(
        "ffmpeg -c copy",
        folder,
        [
            [
                "ffmpeg",
                "-nostdin",
                "-v",
                "error",
                "-rtsp_transport",
                "tcp",
                "-i",
                url,
                "-map",
                "0:v",
                "-c",
                "copy",
                "-f",
                "segment",
                "-segment_time",
                "60",
                "-reset_timestamps",
                "1",
                str(folder / f"{number}-%05d.mp4"),
            ]
            for number, url in enumerate(urls)
        ],
    )


def gstreamer(urls: Sequence[str], folder: Path) -> Running:
    """One pipeline per camera: rtspsrc to splitmuxsink."""
    return _each(
        "GStreamer",
        folder,
        [
            [
                "gst-launch-1.0",
                "-q",
                "-e",
                "rtspsrc",
                f"location={url}",
                "protocols=tcp",
                "latency=0",
                "!",
                "rtph264depay",
                "!",
                "h264parse",
                "!",
                "splitmuxsink",
                "max-size-time=60000000000",
                f"location={folder}/{number}-%05d.mp4",
            ]
            for number, url in enumerate(urls)
        ],
        end=signal.SIGINT,
    )


def bare_pyav(urls: Sequence[str], folder: Path) -> Running:
    """One process, a thread per camera: demux and mux with PyAV, nothing else."""
    return _each(
        "bare PyAV",
        folder,
        [[sys.executable, "-m", "bench.bare_pyav", str(folder), *urls]],
    )


def ours(urls: Sequence[str], folder: Path, per_process: int, reader: str) -> Running:
    """Fairview's recorder processes: sealed, synced and indexed. reader: as in the settings."""
    return Recorders(urls, folder, per_process, reader)


def missing_programs() -> list[str]:
    return [name for name in ("ffmpeg", "gst-launch-1.0") if shutil.which(name) is None]
