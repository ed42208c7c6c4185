"""Synthetic pictures with a stated size and rate, for measuring costs. No real footage."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """How the pictures look and how long they last."""

    seconds: int = 10
    width_px: int = 1920
    height_px: int = 1080
    fps: int = 25
    bits_per_second: int = 4_000_000


def make_footage(place: Path, pictures: Pictures | None = None) -> Path:
    """An MP4 of moving blocks over grain, H.264 at about the asked rate, a key frame every 2 s."""
    if place.exists():
        return place
    pictures = pictures or Pictures()
    width_px, height_px, fps = pictures.width_px, pictures.height_px, pictures.fps
    rng = np.random.default_rng(7)
    grain = rng.integers(96, 160, (height_px + 256, width_px + 256), dtype=np.uint8)
    part = place.with_suffix(".part.mp4")
    with av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264",
            rate=fps,
            options={
                "preset": "veryfast",
                "x264-params": "scenecut=0:keyint=50:nal-hrd=cbr",
                "bf": "0",
                "maxrate": str(pictures.bits_per_second),
                "bufsize": str(pictures.bits_per_second),
            },
        )
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
        stream.bit_rate = pictures.bits_per_second
        stream.time_base = Fraction(1, fps)
        for number in range(pictures.seconds * fps):
            shift = number * 3 % 256
            luma = grain[shift : shift + height_px, shift : shift + width_px].copy()
            x = number * 17 % (width_px - width_px // 10)
            luma[height_px // 4 : height_px // 2, x : x + width_px // 10] = 230
            picture = np.full((height_px * 3 // 2, width_px), 128, dtype=np.uint8)
            picture[:height_px] = luma
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    part.rename(place)
    return place
