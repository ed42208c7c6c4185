"""The clean picture: a scene without anyone in it, made from many looks at it.

Pure. A pixel of the clean picture is what most samples agree on. Where they don't agree, no
sample's pixel is taken: the place gets one plain colour. Somebody who stays for most of the
time is part of what the samples agree on; that is why a person approves each first clean
picture.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fairview.analyse.planes import Planes
from fairview.core.errors import BadInput, Unavailable
from fairview.core.limits import CLEAN_SAMPLES_MIN, PNG_BYTES_MAX
from fairview.core.time import Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Plane = npt.NDArray[np.uint8]

AGREES_LEVELS = 12
"""Grey levels within which a sample agrees with the median."""

SUPPORT_FRAC_MIN = 0.60
"""Share of the samples that must agree before a place is shown."""

PLACES_MAX = 256
"""Doubtful places painted one by one; the others share a neutral grey."""

_ROWS_AT_ONCE = 32
_TEXT_KEY = b"fairview made at"


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanPicture:
    """What covered pictures are drawn on.

    Shapes:  pixels (height, width, 3) uint8 RGB.
    """

    pixels: npt.NDArray[np.uint8]
    made_at: Instant

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3:
            raise BadInput("a clean picture is (height, width, 3) uint8 RGB")

    def to_png(self) -> bytes:
        """The picture with its time, without loss."""
        done, data = cv2.imencode(".png", self.pixels[:, :, ::-1])
        assert done, "a picture of uint8 can always be written as PNG"
        return _with_text(data.tobytes(), str(self.made_at.us).encode())


def clean_picture_of(png: bytes) -> CleanPicture:
    """The reverse of `to_png`.

    Errors:  BadInput for bytes that are not such a PNG, or larger than 64 MiB.
    """
    if len(png) > PNG_BYTES_MAX:
        raise BadInput("a clean picture has at most 64 MiB")
    made_at = Instant(int(_text_of(png)))
    pixels = cv2.imdecode(np.frombuffer(png, dtype=np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise BadInput("these bytes are not a clean picture")
    return CleanPicture(pixels=np.ascontiguousarray(pixels[:, :, ::-1]), made_at=made_at)


def median_planes(samples: Sequence[Planes]) -> Planes:
    """What most samples agree on: the median, cleaned of outliers, plain where support lacks.

    After the median, the mean over the samples near it takes the noise out without letting
    outliers in. Support is counted in brightness and widened by a few pixels.

    Bounds:  at least CLEAN_SAMPLES_MIN samples of one size (BadInput for mixed sizes).
    Errors:  Unavailable when there are too few samples.
    Cost:    48 samples, one thread: 0.2 s at 640x360, 0.8 s at 1280x720, 1.5 s at 1920x1080.
    """
    if len(samples) < CLEAN_SAMPLES_MIN:
        raise Unavailable(
            f"a clean picture needs {CLEAN_SAMPLES_MIN} samples; there are {len(samples)} so far"
        )
    if len({sample.luma.shape for sample in samples}) != 1:
        raise BadInput("samples of one clean picture have one size")
    luma, support = _agreed([sample.luma for sample in samples])
    blue, _ = _agreed([sample.blue for sample in samples])
    red, _ = _agreed([sample.red for sample in samples])
    return _without(
        Planes(luma=luma, blue=blue, red=red, matrix=samples[0].matrix), _doubtful(support)
    )


def _doubtful(support: npt.NDArray[np.float32]) -> Plane:
    """Where too few samples agree: without specks, joined across small bridges, widened."""
    width = support.shape[1]
    rough = (support < SUPPORT_FRAC_MIN).astype(np.uint8)
    steady = cv2.morphologyEx(rough, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    bridge = max(3, round(width * 0.025)) | 1
    joined = cv2.morphologyEx(steady, cv2.MORPH_CLOSE, np.ones((bridge, bridge), np.uint8))
    margin = max(3, round(width * 0.01)) | 1
    wide = cv2.dilate(joined, np.ones((margin, margin), np.uint8))
    # What doubt surrounds is likely somebody's steady part.
    outlines, _ = cv2.findContours(wide, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    solid = np.zeros(wide.shape, dtype=np.uint8)
    cv2.drawContours(solid, outlines, -1, 1, thickness=cv2.FILLED)
    return solid


def _without(planes: Planes, doubtful: Plane) -> Planes:
    """The picture with one plain colour over each doubtful place: the median of its rim.

    A single colour has no shape: filling in from the edges would draw blurred people.
    """
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(doubtful, connectivity=8)
    painted = planes.copy()
    half = (planes.blue.shape[1], planes.blue.shape[0])
    labels_half = cv2.resize(
        labels.astype(np.float32), half, interpolation=cv2.INTER_NEAREST
    ).astype(np.int32)
    near = max(3, planes.width_px // 60)
    for place in range(1, count):
        left, top, width, height = (int(value) for value in boxes[place][:4])
        window = (
            slice(max(0, top - near), top + height + near),
            slice(max(0, left - near), left + width + near),
        )
        window_half = tuple(slice(one.start // 2, one.stop // 2 + 1) for one in window)
        for plane, marks, where, neutral in (
            (painted.luma, labels, window, 126),
            (painted.blue, labels_half, window_half, 128),
            (painted.red, labels_half, window_half, 128),
        ):
            rim = plane[where][marks[where] == 0]
            value = np.median(rim) if place <= PLACES_MAX and rim.size else neutral
            plane[where][marks[where] == place] = value
    return painted


def _agreed(planes: Sequence[Plane]) -> tuple[Plane, npt.NDArray[np.float32]]:
    """Per pixel: the mean of the samples near the median, and the share that was near."""
    height, width = planes[0].shape
    agreed = np.empty((height, width), dtype=np.uint8)
    support = np.empty((height, width), dtype=np.float32)
    for top in range(0, height, _ROWS_AT_ONCE):
        rows = slice(top, min(top + _ROWS_AT_ONCE, height))
        stack = np.stack([plane[rows] for plane in planes])
        middle = len(planes) // 2
        median = np.partition(stack, middle, axis=0)[middle].astype(np.int16)
        near = np.abs(stack.astype(np.int16) - median) <= AGREES_LEVELS
        count = np.count_nonzero(near, axis=0)
        total = np.sum(stack, axis=0, where=near, dtype=np.uint32)
        agreed[rows] = np.round(total / count).astype(np.uint8)
        support[rows] = count / np.float32(len(planes))
    return agreed, support


def refreshed(approved: Planes, newer: Planes, present: npt.NDArray[np.uint8]) -> Planes:
    """An approved clean picture with today's light, taken only where nothing was present.

    present: mask (any size) uint8, not 0 where the newer picture holds something the approved
    one lacks; there the approved pixels stay.
    """
    if approved.luma.shape != newer.luma.shape:
        return approved

    def mixed(old: Plane, new: Plane) -> Plane:
        size = (old.shape[1], old.shape[0])
        stays = cv2.resize(present, size, interpolation=cv2.INTER_LINEAR) > 0
        return np.where(stays, old, new).astype(np.uint8)

    return Planes(
        luma=mixed(approved.luma, newer.luma),
        blue=mixed(approved.blue, newer.blue),
        red=mixed(approved.red, newer.red),
        matrix=approved.matrix,
    )


def _with_text(png: bytes, text: bytes) -> bytes:
    """A PNG with a tEXt chunk after its header chunk (PNG third edition, 11.3.3.2)."""
    body = b"tEXt" + _TEXT_KEY + b"\x00" + text
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    return png[:33] + chunk + png[33:]


def _text_of(png: bytes) -> bytes:
    start = 33
    length = int.from_bytes(png[start : start + 4], "big")
    body = png[start + 4 : start + 8 + length]
    if not png.startswith(b"\x89PNG\r\n\x1a\n") or not body.startswith(
        b"tEXt" + _TEXT_KEY + b"\x00"
    ):
        raise BadInput("these bytes are not a clean picture made by Fairview")
    text = body[4 + len(_TEXT_KEY) + 1 :]
    if not text.isdigit() or len(text) > 18:
        raise BadInput("this clean picture does not say when it was made")
    return text
