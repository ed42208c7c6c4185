"""What a cover hides, as few bytes: for keeping the regions of a picture with its footage.

Pure. Run lengths, row by row, compressed; a mask of 320x180 with twenty people takes some 300
bytes. Says nothing about who is hidden, but where people were: kept only sealed.

    byte 0        version, 1
    byte 1        flags: 1 the whole frame, nothing follows bytes 2 to 5
    bytes 2-3     rows, big-endian
    bytes 4-5     columns, big-endian
    the rest      zlib of run lengths as LEB128, the first run shown (0), then hidden (255), in turn
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import REGION_CODE_BYTES_MAX, REGION_SIDE_PX_MAX
from fairview.core.sight import CoverRegions
from fairview.core.time import Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Mask = npt.NDArray[np.uint8]

_VERSION = 1
_WHOLE = 1
_HEAD = struct.Struct(">BBHH")


def region_code(regions: CoverRegions) -> bytes:
    """The mask as bytes.

    Errors:  BadInput for a mask larger than REGION_SIDE_PX_MAX a side, or of other values.
    Cost:    0.1 ms for 320x180.
    """
    rows, columns = regions.mask.shape
    if not (0 < rows <= REGION_SIDE_PX_MAX and 0 < columns <= REGION_SIDE_PX_MAX):
        raise BadInput(f"a cover's mask has at most {REGION_SIDE_PX_MAX} pixels a side")
    if regions.is_whole:
        return _HEAD.pack(_VERSION, _WHOLE, rows, columns)
    if not np.isin(regions.mask, (0, 255)).all():
        raise BadInput("a cover's mask is 0 or 255")
    flat = np.concatenate([[False], regions.mask.ravel() > 0])
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]), flat.size - 1)
    runs = np.diff(ends, prepend=0)
    packed = zlib.compress(_varints(runs), 6)
    return _HEAD.pack(_VERSION, 0, rows, columns) + packed


def regions_of(code: bytes, camera: CameraId, at: Instant) -> CoverRegions:
    """The reverse of `region_code`.

    Bounds:  REGION_CODE_BYTES_MAX; a mask of at most REGION_SIDE_PX_MAX a side.
    Errors:  BadInput for anything else, so that the caller covers the whole frame or looks anew.
    """
    if not _HEAD.size <= len(code) <= REGION_CODE_BYTES_MAX:
        raise BadInput("these bytes are no regions of a cover")
    version, flags, rows, columns = _HEAD.unpack_from(code)
    if version != _VERSION or flags not in (0, _WHOLE):
        raise BadInput("these regions are of a version that is not known here")
    if not (0 < rows <= REGION_SIDE_PX_MAX and 0 < columns <= REGION_SIDE_PX_MAX):
        raise BadInput("these regions have a size that can't be")
    if flags == _WHOLE:
        if len(code) != _HEAD.size:
            raise BadInput("nothing follows a whole frame's regions")
        return CoverRegions(
            camera=camera, at=at, mask=np.full((rows, columns), 255, np.uint8), is_whole=True
        )
    runs = _runs(_inflated(code[_HEAD.size :], rows * columns))
    if sum(runs) != rows * columns:
        raise BadInput("the runs of these regions don't fill their picture")
    values = np.zeros(len(runs), np.uint8)
    values[1::2] = 255
    mask = np.repeat(values, runs).reshape(rows, columns)
    return CoverRegions(camera=camera, at=at, mask=mask, is_whole=False)


def _inflated(packed: bytes, pixels: int) -> bytes:
    """At most as many bytes as a mask of so many pixels can need."""
    unpack = zlib.decompressobj()
    try:
        data = unpack.decompress(packed, pixels + 8)
    except zlib.error as error:
        raise BadInput("the runs of these regions can't be read") from error
    if not unpack.eof or unpack.unused_data:
        raise BadInput("the runs of these regions don't end where they should")
    return data


def _varints(runs: npt.NDArray[np.int64]) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    for run in runs.tolist():
        while run > 0x7F:
            out.append(run & 0x7F | 0x80)
            run >>= 7
        out.append(run)
    return bytes(out)


def _runs(data: bytes) -> list[int]:
    runs, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            if shift > 21:
                raise BadInput("a run of these regions is longer than any picture")
            continue
        runs.append(value)
        value = shift = 0
    if shift:
        raise BadInput("the last run of these regions is cut")
    return runs
