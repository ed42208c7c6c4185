"""Starts and stops the real RTSP servers that tests talk to."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from tests.shared_data import shared

HERE = Path(__file__).resolve().parent
SYSTEM_PYTHON = "/usr/bin/python3"
PACKAGES = " ".join(
    line for line in (HERE / "PACKAGES.txt").read_text().splitlines() if not line.startswith("#")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server's address, and its process to kill."""

    address: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)


def missing(because: str) -> None:
    """Skip on a machine without the means; a CI machine must have them."""
    if os.environ.get("CI"):
        pytest.fail(f"{because}: apt install {PACKAGES}")
    pytest.skip(because)


def video(name: str) -> Path:
    """One of the sample videos that live beside the project."""
    return shared(f"videos/{name}")


def need_gst() -> None:
    script = "import gi; gi.require_version('GstRtspServer', '1.0')"
    if subprocess.run([SYSTEM_PYTHON, "-c", script], capture_output=True, check=False).returncode:
        missing("GStreamer's RTSP server is not installed")


def need_vlc() -> None:
    if shutil.which("cvlc") is None or shutil.which("runuser") is None:
        missing("VLC is not installed")


@contextmanager
def gst_server(clip: Path, *options: str) -> Iterator[Running]:
    """GStreamer's server serving one file; options as in gst_rtsp.py."""
    need_gst()
    with _started([SYSTEM_PYTHON, str(HERE / "gst_rtsp.py"), str(clip), *options]) as running:
        yield running


@contextmanager
def vlc_server(clip: Path, *options: str) -> Iterator[Running]:
    """VLC's server serving one file again and again; options as in vlc_rtsp.py."""
    need_vlc()
    with _started([SYSTEM_PYTHON, str(HERE / "vlc_rtsp.py"), str(clip), *options]) as running:
        yield running


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _started(command: list[str]) -> Iterator[Running]:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        yield Running(address=_first_line(process.stdout), process=process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=5)
        if process.stdout is not None:
            process.stdout.close()


def _first_line(stdout: IO[str]) -> str:
    line = stdout.readline().strip()
    assert line.startswith("rtsp://"), f"the server did not start: {line!r}"
    return line
