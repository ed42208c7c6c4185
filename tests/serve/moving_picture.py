"""Small H.264 fragmented MP4 with something moving in it, drawn and encoded here."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import cv2
import numpy as np
import numpy.typing as npt

FPS = 10
WIDTH_PX, HEIGHT_PX = 640, 360
_TICKS_PER_S = 10_240


@dataclass(frozen=True, slots=True, kw_only=True)
class Movie:
    """init, then fragments of equal length, each beginning with a key frame."""

    init: bytes
    fragments: tuple[bytes, ...]
    fragment_us: int


def draw(number: int) -> npt.NDArray[np.uint8]:
    """The number-th picture of a junction with one silhouette that crosses it."""
    picture = np.full((HEIGHT_PX, WIDTH_PX, 3), (206, 211, 205), np.uint8)
    cv2.rectangle(picture, (0, 150), (WIDTH_PX, 250), (134, 138, 140), -1)
    cv2.rectangle(picture, (270, 0), (370, HEIGHT_PX), (134, 138, 140), -1)
    for x in range(0, WIDTH_PX, 40):
        cv2.rectangle(picture, (x, 198), (x + 20, 202), (235, 235, 228), -1)
    for x, y, w, h in ((20, 20, 210, 100), (400, 20, 210, 100), (20, 280, 210, 70)):
        cv2.rectangle(picture, (x, y), (x + w, y + h), (176, 186, 168), -1)
    x = number * 9 % (WIDTH_PX + 60) - 60
    cv2.rectangle(picture, (x, 165), (x + 56, 192), (72, 92, 110), -1)
    y = number * 5 % (HEIGHT_PX + 40) - 40
    cv2.ellipse(picture, (340, y), (9, 20), 0, 0, 360, (72, 92, 110), -1)
    cv2.putText(picture, f"{number:05d}", (520, 345), 0, 0.7, (60, 60, 60), 1, cv2.LINE_AA)
    return picture


def jpeg(number: int, width_px: int) -> bytes:
    height_px = max(2, width_px * HEIGHT_PX // WIDTH_PX)
    small = cv2.resize(draw(number), (width_px, height_px), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small[:, :, ::-1])
    assert done
    return data.tobytes()


@cache
def movie(seconds: int, frames_per_fragment: int) -> Movie:
    """One encoded run from time 0. Cost: some 5 ms a second of picture."""
    file = io.BytesIO()
    flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    with av.open(file, "w", format="mp4", options=flags) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        stream.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "x264-params": f"keyint={frames_per_fragment}:scenecut=0",
        }
        for number in range(seconds * FPS):
            frame = av.VideoFrame.from_ndarray(draw(number), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    init, fragments = _split(file.getvalue())
    return Movie(init=init, fragments=fragments, fragment_us=frames_per_fragment * 1_000_000 // FPS)


def codec_of(init: bytes) -> str:
    """The MSE codec string from the avcC box."""
    at = init.index(b"avcC") + 5
    return f"avc1.{init[at : at + 3].hex()}"


def moved(fragment: bytes, number: int, fragment_us: int) -> bytes:
    """The same pictures at the number-th place of an endless run."""
    at = fragment.index(b"tfdt") + 8
    ticks = number * fragment_us * _TICKS_PER_S // 1_000_000
    return fragment[:at] + struct.pack(">Q", ticks) + fragment[at + 8 :]


def _split(data: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    boxes = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        boxes.append((data[at + 4 : at + 8], data[at : at + size]))
        at += size
    init = b"".join(box for kind, box in boxes if kind in (b"ftyp", b"moov"))
    moofs = [box for kind, box in boxes if kind == b"moof"]
    mdats = [box for kind, box in boxes if kind == b"mdat"]
    return init, tuple(moof + mdat for moof, mdat in zip(moofs, mdats, strict=True))
