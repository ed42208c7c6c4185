"""A real node with four cameras in processes of its own, and the means to kill any of them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fairview.core.errors import Corrupt, NotFound
from fairview.core.ids import CameraId
from fairview.core.media import Gap, Segment
from fairview.core.time import Instant, Span, SystemClock
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.layout import open_data_folder
from fairview.store.mend import walk_blob

PARTS = ("recorder", "catalogue", "door", "web", "health", "notifier", "analyser", "node")
"""What is killed in turn. A notifier runs where there is a rule, an analyser with a scene."""

LOST_US_MAX = 2_000_000
"""Invariant 2: at most 2 s of a camera."""

REACH_US_MAX = 700_000
"""From a picture's time to its fragment's being durable, on a busy machine; not footage lost."""

RESTART_US_MAX = 20_000_000
HOLE_US_MAX = 150_000
"""Between two stretches that adjoin: less than four pictures at 25 fps."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fairview(*words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fairview.cli.main", *words],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@dataclass(slots=True)
class Node:
    """One data folder and the node that runs on it."""

    data: Path
    cameras: tuple[CameraId, ...]
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    cameras_per_process: int = 2
    settings: dict[str, str] = field(default_factory=dict)
    config: Path | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "fairview.cli.main",
                    "serve",
                    "--data",
                    str(self.data),
                    "--port",
                    str(self.port),
                    *(("--config", str(self.config)) if self.config else ()),
                ],
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "FAIRVIEW_RECORDING__CAMERAS_PER_PROCESS": str(self.cameras_per_process),
                    **self.settings,
                },
            )

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0, self.log.read_text()[-3_000:]
        self.process = None

    def pids(self, part: str) -> list[int]:
        assert self.process is not None
        if part == "node":
            return [self.process.pid]
        found = []
        for place in Path("/proc").iterdir():
            if not place.name.isdigit():
                continue
            try:
                words = (place / "cmdline").read_bytes().split(b"\0")
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.process.pid and f"fairview.run.{part}_process".encode() in words:
                found.append(int(place.name))
        return sorted(found)

    def kill(self, part: str, choice: int) -> Instant:
        """kill -9; returns when it happened. A killed node is started again at once."""
        pids = self.pids(part)
        assert pids, f"no {part} runs; the log says: {self.log.read_text()[-2_000:]}"
        os.kill(pids[choice % len(pids)], signal.SIGKILL)
        at = SystemClock().now()
        if part == "node":
            assert self.process is not None
            self.process.wait()
            self._start_again()
        return at

    def _start_again(self) -> None:
        """The children of a killed node end by themselves; until then they hold the lock."""
        for _ in range(100):
            self.start()
            assert self.process is not None
            try:
                self.process.wait(timeout=1.5)
            except subprocess.TimeoutExpired:
                return
        raise AssertionError(f"the node did not come back: {self.log.read_text()[-2_000:]}")

    def wait_until_running(self, parts: Sequence[str], timeout_s: float = 60) -> None:
        """Until each part has a process: the node starts what was killed again."""
        ends = time.monotonic() + timeout_s
        while time.monotonic() < ends:
            if all(self.pids(part) for part in parts):
                return
            time.sleep(0.1)
        raise AssertionError(f"not all of {parts} run: {self.log.read_text()[-3_000:]}")

    def wait_until_stored(
        self, since: Instant, timeout_s: float = 60, cameras: Sequence[CameraId] = ()
    ) -> None:
        """Until every camera (of `cameras`, or of all) has durable footage that reaches past
        `since` by a second."""
        blobs = FileBlobs(open_data_folder(self.data).blobs)
        ends = time.monotonic() + timeout_s
        while time.monotonic() < ends:
            if all(_grew(blobs, camera, since) for camera in cameras or self.cameras):
                return
            time.sleep(0.2)
        raise AssertionError(f"no footage after {since.iso()}: {self.log.read_text()[-3_000:]}")

    def footage(self) -> dict[CameraId, tuple[tuple[Segment, ...], tuple[Gap, ...]]]:
        catalogue = SqliteCatalogue(open_data_folder(self.data).catalogue)
        try:
            return {
                camera: (catalogue.segments(camera), catalogue.gaps(camera))
                for camera in self.cameras
            }
        finally:
            catalogue.close()


def _grew(blobs: FileBlobs, camera: CameraId, since: Instant) -> bool:
    """Whether durable footage of the camera reaches a second past `since`."""
    for name in blobs.names(f"{camera}/"):
        try:
            found = walk_blob(blobs, name, verify_digests=False)
        except (Corrupt, NotFound):
            continue
        if found.end_at is not None and found.end_at > since.plus(1_000_000):
            return True
    return False


def holes(segments: Sequence[Segment], gaps: Sequence[Gap]) -> list[Span]:
    """Stretches between the first and the last footage that neither footage nor a gap covers."""
    covered = sorted(
        [segment.span for segment in segments] + [gap.span for gap in gaps],
        key=lambda span: span.start,
    )
    found, end = [], covered[0].end
    for span in covered[1:]:
        if span.start.since(end) > HOLE_US_MAX:
            found.append(Span(start=end, end=span.start))
        end = max(end, span.end)
    return found


def lost_before(at: Instant, segments: Sequence[Segment], gaps: Sequence[Gap]) -> int:
    """Microseconds of footage before a kill at `at` that are missing: 0 when none are."""
    for gap in gaps:
        if gap.span.holds(at):
            return at.since(gap.span.start)
    ends = [segment.span.end for segment in segments if segment.span.start <= at]
    return max(0, at.since(max(ends))) if ends else 0
