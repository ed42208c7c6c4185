"""Small films of coloured boxes that drive over a textured ground, with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

WIDTH_PX, HEIGHT_PX, FPS = 320, 180, 10
PICTURES = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """A box that moves along x at a constant pace; its lower edge stays at y_px.

    from_frame: when it is at the picture's edge (0 for one that goes right, the width otherwise).
    """

    from_frame: int
    y_px: int
    px_per_frame: float
    colour: tuple[int, int, int] = (200, 40, 40)
    size_px: tuple[int, int] = (36, 22)

    def left_px(self, frame: int) -> float:
        begin = -self.size_px[0] if self.px_per_frame > 0 else WIDTH_PX
        return begin + (frame - self.from_frame) * self.px_per_frame


THREE = (
    Mover(from_frame=20, y_px=110, px_per_frame=6),
    Mover(from_frame=34, y_px=150, px_per_frame=-7, colour=(30, 60, 190)),
    Mover(from_frame=55, y_px=110, px_per_frame=7, colour=(240, 240, 240)),
)
"""Two go right, one goes left, after two seconds of the empty road."""


def ground() -> npt.NDArray[np.uint8]:
    """Asphalt with stones in it, always the same."""
    rng = np.random.default_rng(5)
    coarse = rng.normal(110, 25, (HEIGHT_PX // 4, WIDTH_PX // 4)).astype(np.float32)
    fine = cv2.resize(coarse, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    return np.repeat(np.clip(fine, 40, 200).astype(np.uint8)[:, :, None], 3, axis=2)


def pictures(
    movers: tuple[Mover, ...] = THREE, count: int = PICTURES
) -> list[npt.NDArray[np.uint8]]:
    """RGB pictures with a little noise."""
    rng = np.random.default_rng(6)
    below = ground()
    found = []
    for frame in range(count):
        canvas = below.copy()
        for one in movers:
            left = round(one.left_px(frame))
            width, height = one.size_px
            right = min(left + width, WIDTH_PX)
            if frame < one.from_frame or right <= 0 or left >= WIDTH_PX:
                continue
            canvas[one.y_px - height : one.y_px, max(left, 0) : right] = one.colour
        noise = rng.normal(0, 1.5, canvas.shape)
        found.append(np.clip(canvas + noise, 0, 255).astype(np.uint8))
    return found


def write_film(path: Path, movers: tuple[Mover, ...] = THREE, count: int = PICTURES) -> Path:
    """The film as H.264, in MP4 or (.ts) MPEG-TS."""
    form = "mpegts" if path.suffix == ".ts" else "mp4"
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        stream.options = {"preset": "ultrafast", "crf": "18", "g": "20"}
        for number, pixels in enumerate(pictures(movers, count)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def write_pictures(folder: Path, count: int = PICTURES) -> Path:
    """The film as numbered PNG files."""
    folder.mkdir()
    for number, pixels in enumerate(pictures(count=count), start=1):
        cv2.imwrite(str(folder / f"{number:03}.png"), pixels[:, :, ::-1])
    return folder


def write_tracks(path: Path, movers: tuple[Mover, ...] = THREE, *, kind: str = "car") -> Path:
    """The movers' exact boxes as MOTChallenge rows; kind "": no class."""
    rows = []
    for number, one in enumerate(movers, start=7):
        width, height = one.size_px
        for frame in range(one.from_frame, PICTURES):
            left = one.left_px(frame)
            if left + width < 1 or left > WIDTH_PX - 1:
                continue
            rows.append(
                f"{frame + 1},{number},{left:.2f},{one.y_px - height},{width},{height},1,{kind}\n"
            )
    path.write_text("".join(rows))
    return path


SCENE = f"""\
version = 1

[camera]
id = "road-1"
size_px = [{WIDTH_PX}, {HEIGHT_PX}]
fps = {FPS}
start = 2026-05-01T08:00:00Z

[[line]]
name = "middle"
points_px = [[160, 40], [160, 175]]

[[zone]]
name = "left-half"
polygon_px = [[1, 80], [150, 80], [150, 179], [1, 179]]
kind = "any"
"""


def write_scene(path: Path, more: str = "", text: str = SCENE) -> Path:
    path.write_text(text + more)
    return path
