"""What the benches of seeing look at: films, detectors, peers' programs, Markdown tables."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from tests.shared_data import SHARED

from fairview.analyse.decode import open_video
from fairview.analyse.detectors.choose import detector_for
from fairview.analyse.detectors.contract import Detector, Picture
from fairview.analyse.detectors.models import ModelStore
from fairview.analyse.files.opendatacam import read_opendatacam
from fairview.analyse.files.read import FileFacts
from fairview.core.ids import CameraId
from fairview.core.scene import DetectorWish
from fairview.core.sight import MOVING, Detections
from fairview.core.time import Instant, cpu_us

ROOT = Path(__file__).resolve().parent.parent
PEER_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
PEERS = ROOT / "bench" / "peers"
MODELS = Path(os.environ.get("FAIRVIEW_MODELS", str(SHARED / "models")))
CAMERA = CameraId("bench")
MODEL_NAMES = ("picodet-s-416", "picodet-s-320", "yolox-nano", "fastestdet")
JUNCTION = SHARED / "traffic" / "opendatacam" / "frames"
JUNCTION_FPS = 30.0


def detector(name: str, confidence: float | None = None) -> Detector:
    """By its name, `motion` or a model's, as a scene would name it."""
    if name == "motion":
        return detector_for(DetectorWish(confidence=confidence), ModelStore(MODELS))
    wish = DetectorWish(kind="onnx", model=name, confidence=confidence)
    return detector_for(wish, ModelStore(MODELS))


def detections(
    source: Path, finder: Detector, fps: float | None = None
) -> Iterator[tuple[Detections, float]]:
    """Every picture of a film or folder, looked at in its own size; CPU ms of the looking."""
    for picture in open_video(source, fps=fps).pictures(None):
        one = Picture(camera=CAMERA, frame=picture.frame, at=picture.at, planes=picture.planes)
        before = cpu_us()
        (found,) = finder.detect((one,))
        yield found, (cpu_us() - before) / 1000


@lru_cache(maxsize=8)
def junction_detections(name: str) -> tuple[Detections, ...]:
    """The 499 pictures of the junction, looked at by a detector; frames from 1."""
    return tuple(one for one, _ in detections(JUNCTION, detector(name), JUNCTION_FPS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """A file of detections beside the junction's pictures.

    first: the picture (from 1) that its first entry belongs to, found by laying its boxes over
    the pictures. size_px: of the picture its pixels refer to.
    """

    name: str
    path: Path
    size_px: tuple[int, int]
    first: int


SHIPPED = (
    Shipped(
        name="alexeydetections30FPS.json",
        path=JUNCTION.parent / "alexeydetections30FPS.json",
        size_px=(640, 360),
        first=16,
    ),
    Shipped(
        name="rawdetections.txt",
        path=JUNCTION.parent / "rawdetections.txt",
        size_px=(1920, 1080),
        first=2,
    ),
)


def shipped_detections(one: Shipped) -> tuple[Detections, ...]:
    """Every picture of the file, the empty ones too; frames from 1 at its first entry."""
    width, height = one.size_px
    facts = FileFacts(
        camera=CAMERA, width_px=width, height_px=height, fps=JUNCTION_FPS, start=Instant(0)
    )
    return tuple(read_opendatacam(one.path, facts).pictures())


def rows_px(found: Detections, size_px: tuple[int, int]) -> list[list[float]]:
    """x1 y1 x2 y2 score class, in pixels."""
    boxes = found.boxes_unit.astype(np.float64) * np.array([*size_px, *size_px])
    table = np.column_stack([boxes, found.scores, found.kinds])
    return [[round(float(part), 4) for part in row] for row in table]


def peer(script: str, *words: str) -> list[Any]:
    """A peer's program, one thread; the JSON lines it printed."""
    done = subprocess.run(
        [str(PEER_PYTHON), "-W", "ignore", str(PEERS / script), *words],
        check=True,
        capture_output=True,
        env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line[:1] in (b"{", b"[")]


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A Markdown table: the first column to the left, figures to the right."""
    print("| " + " | ".join(heads) + " |")
    print("| --- |" + " ---: |" * (len(heads) - 1))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def is_moving(found: Detections) -> bool:
    """Whether these boxes come from a finder that can't tell classes."""
    return bool(len(found)) and bool(np.all(found.kinds == MOVING))
