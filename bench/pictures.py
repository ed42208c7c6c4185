"""Looks into fragmented MP4 as a player does: pictures with their times, counted per fragment."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Shapes: pixels (height, width, 3) RGB. at_us: on the stream's own time line."""

    at_us: int
    pixels: Pixels


def decoded(init: bytes, fragments: bytes) -> list[Shown]:
    """Every picture, in order of presentation. Errors: av's when a byte is wrong."""
    found = []
    with av.open(io.BytesIO(init + fragments), "r") as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            at_us = round(frame.pts * frame.time_base * 1_000_000)
            found.append(
                Shown(
                    at_us=at_us, pixels=np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
                )
            )
    return found


def shows_something(init: bytes, fragment: bytes) -> bool:
    """Whether a player could show a picture from these bytes alone."""
    try:
        return bool(decoded(init, fragment))
    except av.FFmpegError:
        return False


def samples_in(fragment: bytes) -> int:
    """Samples of all track runs in a fragment (ISO/IEC 14496-12, 8.8.8)."""
    return sum(
        struct.unpack_from(">I", body, 4)[0] for body in _boxes(fragment, ("moof", "traf"), "trun")
    )


def _boxes(data: bytes, path: tuple[str, ...], kind: str) -> list[bytes]:
    wanted = path[0] if path else kind
    found: list[bytes] = []
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        assert size >= 8, "boxes here have 32-bit sizes"
        if name == wanted.encode():
            body = data[at + 8 : at + size]
            found += _boxes(body, path[1:], kind) if path else [body]
        at += size
    return found
