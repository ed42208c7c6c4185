"""A camera of this machine as a source. What it codes itself is stored bit for bit.

It is asked for H.264, then for JPEG pictures. Only when it has neither are its raw pictures coded,
once and here, by the encoder it is handed; each key frame then carries a mark that says so.

HOLE: a device that codes in H.264 by an extension unit of its own (some UVC 1.1 cameras) is read
as JPEG.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fairview.core.camera import Source
from fairview.core.clock_offset import ClockOffset
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.limits_http import USB_KEY_EVERY_US
from fairview.core.media import Packet, VideoFormat
from fairview.core.time import Clock
from fairview.ingest import nal
from fairview.ingest.format_changes import format_after
from fairview.ingest.jpeg import is_whole
from fairview.ingest.live_run import LiveRun, Unit
from fairview.ingest.normalise import RawTimes
from fairview.ingest.usb.device import COMPRESSED, Device, Kernel, Syscalls, Taken
from fairview.ingest.usb.mark import mark
from fairview.ingest.usb.words import Shape

TICKS_PER_SECOND = 90_000
_LATE_US_MAX = 3_000_000
"""A picture's age by the driver's clock; more is a driver that lies."""

Plane = npt.NDArray[np.uint8]


class PictureCoder(Protocol):
    """Codes raw pictures as H.264, Annex B, one sample a picture, without B-frames."""

    def coded(self, luma: Plane, blue: Plane, red: Plane, *, ticks: int, is_key: bool) -> bytes:
        """Shapes: luma (height, width), blue and red half of both. Units: ticks of 1/90000 s.

        A key frame begins with its parameter sets.
        """
        ...


class CoderMaker(Protocol):
    """Makes the coder of one run of pictures."""

    def __call__(self, width_px: int, height_px: int) -> PictureCoder: ...


class UsbSource:
    """One opening of one device; opened by the first `next` of `packets`."""

    def __init__(
        self,
        *,
        camera: CameraId,
        source: Source,
        clock: Clock,
        coder: CoderMaker,
        calls: Syscalls | None = None,
    ) -> None:
        """coder: for raw pictures only. calls: None for the kernel's own."""
        self._camera, self._source, self._clock = camera, source, clock
        self._coder, self._calls = coder, calls or Kernel()
        self._run = LiveRun(camera, source.stream, source.address)
        self._closed = threading.Event()
        self.encoded_at_ingest: str | None = None
        """What raw pictures the samples are made of; None while they are the camera's own."""

    def packets(self) -> Iterator[Packet]:
        """As PacketSource says.

        Errors:  NotFound, NotAllowed, Unavailable, BadInput from the device; StreamLost.
        """
        device = Device(self._source.address, self._calls)
        try:
            yield from self._run.packets(self._units(device))
        finally:
            device.close()

    @property
    def clock_offset(self) -> ClockOffset | None:
        """By arrival: a device has no time of day. None before the first pictures."""
        return self._run.clock_offset

    def close(self) -> None:
        """A reading under way ends with its next picture."""
        self._closed.set()

    def _units(self, device: Device) -> Iterator[Unit]:
        shape = device.shape
        if shape.pixels in COMPRESSED:
            reader: _Coded | _Raw = _Coded(shape)
        else:
            reader = _Raw(shape, self._coder(shape.width_px & ~1, shape.height_px & ~1))
            self.encoded_at_ingest = reader.text
        zero_us: int | None = None
        while not self._closed.is_set():
            taken = device.taken()
            now_us = self._clock.monotonic_us()
            late_us = now_us - taken.taken_us if taken.taken_us is not None else 0
            late_us = late_us if 0 <= late_us <= _LATE_US_MAX else 0
            zero_us = now_us - late_us if zero_us is None else zero_us
            time_us = now_us - late_us - zero_us
            unit = reader.unit(taken, time_us * TICKS_PER_SECOND // 1_000_000)
            if unit is None:
                continue
            yield Unit(
                raw=RawTimes(
                    ticks=unit.ticks,
                    decode_ticks=unit.ticks,
                    is_key=unit.is_key,
                    is_after_loss=unit.is_after_loss,
                ),
                data=unit.data,
                form=unit.form,
                arrived_at=self._clock.now().plus(-late_us),
            )


class _Made:
    """A picture with what is known of it."""

    __slots__ = ("data", "form", "is_after_loss", "is_key", "ticks")

    def __init__(
        self, data: bytes, form: VideoFormat, *, ticks: int, is_key: bool, is_after_loss: bool
    ) -> None:
        self.data, self.form, self.ticks = data, form, ticks
        self.is_key, self.is_after_loss = is_key, is_after_loss


class _Coded:
    """Pictures as the camera codes them."""

    def __init__(self, shape: Shape) -> None:
        self._is_h264 = shape.pixels == "H264"
        self._form = _format("h264" if self._is_h264 else "mjpeg", shape)
        self._has_begun = False
        self._is_lost = False

    def unit(self, taken: Taken, ticks: int) -> _Made | None:
        self._is_lost = self._is_lost or taken.is_after_loss
        is_key = not self._is_h264 or _is_key(taken.data)
        if not self._is_h264 and not is_whole(taken.data):
            self._is_lost = True
            return None
        if is_key:
            self._form = format_after(self._form, taken.data, b"")
            self._has_begun = True
        elif not self._has_begun:
            return None
        is_lost, self._is_lost = self._is_lost, False
        return _Made(taken.data, self._form, ticks=ticks, is_key=is_key, is_after_loss=is_lost)


class _Raw:
    """Raw pictures, coded here."""

    def __init__(self, shape: Shape, coder: PictureCoder) -> None:
        self._shape, self._coder = shape, coder
        size = f"{shape.width_px}x{shape.height_px}"
        self.text = f"Fairview: coded at ingest from {shape.pixels} {size}"
        self._mark = mark(self.text)
        self._form = _format("h264", shape)
        self._key_ticks: int | None = None
        self._last_ticks = -1
        self._is_lost = False

    def unit(self, taken: Taken, ticks: int) -> _Made | None:
        self._is_lost = self._is_lost or taken.is_after_loss
        try:
            luma, blue, red = planes_of(taken.data, self._shape)
        except BadInput:
            self._is_lost = True
            return None
        ticks = max(ticks, self._last_ticks + 1)
        key_every = USB_KEY_EVERY_US * TICKS_PER_SECOND // 1_000_000
        is_key = self._key_ticks is None or ticks - self._key_ticks >= key_every
        data = self._coder.coded(luma, blue, red, ticks=ticks, is_key=is_key)
        self._last_ticks = ticks
        if is_key:
            self._key_ticks = ticks
            data = self._mark + data
            self._form = format_after(self._form, data, b"")
        is_lost, self._is_lost = self._is_lost, False
        return _Made(data, self._form, ticks=ticks, is_key=is_key, is_after_loss=is_lost)


def planes_of(data: bytes, shape: Shape) -> tuple[Plane, Plane, Plane]:
    """A raw picture as three planes, 4:2:0; an odd last row or column is left out.

    Errors:  BadInput for a picture that is cut short.
    """
    width, height = shape.width_px & ~1, shape.height_px & ~1
    is_packed = shape.pixels == "YUYV"
    row_bytes = max(shape.row_bytes, shape.width_px * (2 if is_packed else 1))
    rows = shape.height_px if is_packed else shape.height_px * 3 // 2
    if len(data) < row_bytes * (rows - 1) + width:
        raise BadInput("a raw picture that is cut short")
    whole = np.frombuffer(data.ljust(row_bytes * rows, b"\x80"), dtype=np.uint8)
    if is_packed:
        packed = whole[: row_bytes * height].reshape(height, row_bytes)[:, : 2 * width]
        # The chroma of two rows becomes that of one; +1 rounds to the nearest.
        pairs = packed[:, 1::2].reshape(height // 2, 2, width).astype(np.uint16).sum(axis=1)
        chroma = ((pairs + 1) >> 1).astype(np.uint8)
        return packed[:, 0::2], chroma[:, 0::2], chroma[:, 1::2]
    luma = whole[: row_bytes * height].reshape(height, row_bytes)[:, :width]
    rest = whole[row_bytes * shape.height_px :]
    if shape.pixels == "NV12":
        mixed = rest[: row_bytes * (height // 2)].reshape(height // 2, row_bytes)[:, :width]
        return luma, mixed[:, 0::2], mixed[:, 1::2]
    half, small = row_bytes // 2, (height // 2) * (row_bytes // 2)
    blue = rest[:small].reshape(height // 2, half)[:, : width // 2]
    begin = half * (shape.height_px // 2)
    red = rest[begin : begin + small].reshape(height // 2, half)[:, : width // 2]
    return luma, blue, red


def _is_key(data: bytes) -> bool:
    return any(nal.kind_of(unit) == 5 for unit in nal.annex_b_units(data))


def _format(codec: str, shape: Shape) -> VideoFormat:
    return VideoFormat(
        codec="h264" if codec == "h264" else "mjpeg",
        width_px=shape.width_px,
        height_px=shape.height_px,
        tick_numerator=1,
        tick_denominator=TICKS_PER_SECOND,
        parameter_sets=b"",
    )
