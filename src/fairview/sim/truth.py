"""What is exactly so in every frame of a loop, and the file it is kept in.

The file is JSON lines: first the loop itself, then one line a frame. Pixels are those of the
640 by 360 picture, origin top left; metres are from the middle of the junction, x east, y north.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fairview.core.errors import Corrupt
from fairview.sim.draw import Seen
from fairview.sim.junction import FPS, LOOP_FRAMES, VIEW, SignalState, signals
from fairview.sim.traffic import SIZES_M, Kind, Traffic
from fairview.sim.view import HEIGHT_PX, WIDTH_PX, Floats

TRUTH_VERSION = 1


class SeenObject(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in one frame.

    number: the same one for as long as it stays, within one run of the loop. box_px: left, top,
    right, bottom of all of it inside the picture, hidden or not (a cyclist's holds bicycle and
    rider). seen_frac: how much of that part nothing else hides, 0 to 1. x_m, y_m: the middle of
    the ground it covers; heading in radians from east, to the left.
    """

    number: int
    kind: Kind
    box_px: tuple[float, float, float, float]
    seen_frac: float
    x_m: float
    y_m: float
    heading: float
    speed_kmh: float

    @property
    def size_m(self) -> tuple[float, float, float]:
        """Length, width, height."""
        return SIZES_M[self.kind]


class TruthFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame: every head's state by its name (see junction.HEADS), and who is seen."""

    frame: int
    signals: dict[str, SignalState]
    seen: tuple[SeenObject, ...]


class _Heading(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    scene: str
    seed: int
    fps: int
    frames: int
    size_px: tuple[int, int]
    homography: tuple[tuple[float, float, float], ...]
    follows: tuple[tuple[int, int], ...]
    seam_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A whole loop's truth.

    Shapes:  homography (3, 3), from ground (x_m, y_m, 1) to picture.
    follows: a number at the loop's end, and the number it has when the loop begins again.
    """

    seed: int
    homography: Floats
    follows: dict[int, int]
    seam_m: float
    frames: tuple[TruthFrame, ...]


def truth_frame(frame: int, seen: Sequence[Seen]) -> TruthFrame:
    """The truth of one painted frame, in hundredths of a pixel and millimetres."""
    return TruthFrame(
        frame=frame,
        signals=signals(frame / FPS),
        seen=tuple(
            SeenObject(
                number=one.mover.number,
                kind=one.mover.kind,
                box_px=_rounded_box(one.box_px),
                seen_frac=round(one.seen_frac, 3),
                x_m=round(one.mover.x_m, 3),
                y_m=round(one.mover.y_m, 3),
                heading=round(one.mover.heading, 4),
                speed_kmh=round(one.mover.speed * 3.6, 2),
            )
            for one in seen
        ),
    )


def _rounded_box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return round(left, 2), round(top, 2), round(right, 2), round(bottom, 2)


def heading_line(seed: int, movement: Traffic) -> bytes:
    """The file's first line, without its end."""
    rows = tuple((float(a), float(b), float(c)) for a, b, c in VIEW.homography())
    return msgspec.json.encode(
        _Heading(
            version=TRUTH_VERSION,
            scene="junction",
            seed=seed,
            fps=FPS,
            frames=LOOP_FRAMES,
            size_px=(WIDTH_PX, HEIGHT_PX),
            homography=rows,
            follows=tuple(sorted(movement.follows.items())),
            seam_m=movement.seam_m,
        )
    )


def frame_line(frame: TruthFrame) -> bytes:
    """One frame's line, without its end."""
    return msgspec.json.encode(frame)


def read_truth(path: Path) -> Truth:
    """A loop's truth from its file.

    Errors:  Corrupt when the file is not one we wrote whole.
    """
    lines = iter(path.read_bytes().splitlines())
    try:
        heading = msgspec.json.decode(next(lines, b""), type=_Heading)
        frames = tuple(_decoded(lines))
    except msgspec.MsgspecError as error:
        raise Corrupt(
            f"{path} is not a loop's truth; remove its folder to draw it again"
        ) from error
    if heading.version != TRUTH_VERSION or len(frames) != heading.frames:
        raise Corrupt(f"{path} is of another version or cut short; remove its folder")
    return Truth(
        seed=heading.seed,
        homography=np.array(heading.homography),
        follows=dict(heading.follows),
        seam_m=heading.seam_m,
        frames=frames,
    )


def _decoded(lines: Iterator[bytes]) -> Iterator[TruthFrame]:
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(TruthFrame)
    for line in lines:
        yield decoder.decode(line)
