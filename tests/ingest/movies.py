"""Small films made by the tests themselves."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_film(
    out: Path,
    *,
    pictures: int = 60,
    fps: int = 25,
    b_frames: int = 0,
    key_every: int = 25,
    size_px: tuple[int, int] = (160, 96),
) -> Path:
    """A moving gradient in H.264."""
    width, height = size_px
    with av.open(str(out), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        stream.options = {
            "bf": str(b_frames),
            "g": str(key_every),
            "keyint_min": str(key_every),
            "b-adapt": "0",
            "preset": "veryfast",
            "sc_threshold": "0",
        }
        for number in range(pictures):
            ramp = np.add.outer(np.arange(height), np.arange(width)) + number * 4
            pixels = np.repeat(((ramp % 256).astype(np.uint8))[:, :, None], 3, axis=2)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return out
