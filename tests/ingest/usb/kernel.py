"""A kernel with one camera in it: answers the calls of a V4L2 device as drivers do."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fairview.core.time import SystemClock
from fairview.ingest.usb import words
from fairview.ingest.usb.device import Memory

LENGTH = 1 << 20


@dataclass(slots=True)
class _Memory:
    data: bytearray = field(default_factory=lambda: bytearray(LENGTH))
    is_closed: bool = False

    def read(self, count: int) -> bytes:
        assert not self.is_closed, "read after it was given back"
        return bytes(self.data[:count])

    def close(self) -> None:
        self.is_closed = True


@dataclass(slots=True)
class Picture:
    data: bytes
    flags: int = words.IS_MONOTONIC
    skipped: int = 0
    """How many pictures the driver dropped before it."""


@dataclass(slots=True)
class FakeKernel:
    """pictures: given out in order, then `ends` with: an error number, or None for silence.

    sizes: by pixel format. refuses: requests that fail, and with what.
    """

    pixels: Sequence[str]
    pictures: Sequence[Picture]
    sizes: Sequence[tuple[int, int]] = ((64, 48),)
    ends: int | None = errno.ENODEV
    refuses: dict[int, int] = field(default_factory=dict)
    opens_with: int | None = None
    can: int = words.CAN_CAPTURE | words.CAN_STREAM
    row_extra: int = 0
    step_us: int = 40_000
    shape: words.Shape | None = None
    said: list[int] = field(default_factory=list)
    memory: list[_Memory] = field(default_factory=list)
    queued: list[int] = field(default_factory=list)
    given: int = 0
    sequence: int = -1
    is_open: bool = False
    is_running: bool = False
    started_us: int = 0

    def open(self, path: str) -> int:
        if self.opens_with is not None:
            raise OSError(self.opens_with, "refused")
        self.is_open = True
        self.started_us = SystemClock().monotonic_us() - self.step_us * len(self.pictures)
        return 7

    def ioctl(self, device: int, request: int, record: bytearray) -> None:
        assert device == 7
        assert self.is_open
        assert request >> 16 & 0x3FFF == len(record), "the record has the request's size"
        self.said.append(request)
        if request in self.refuses:
            raise OSError(self.refuses[request], "refused")
        answers: dict[int, Callable[[bytearray], bytes | None]] = {
            words.ASK_CAPABILITY: lambda record: words.capable(self.can),
            words.LIST_FORMATS: self._formats,
            words.LIST_SIZES: self._sizes,
            words.GET_FORMAT: lambda record: words.shaped(self._shaped(self.pixels[0], 64, 48)),
            words.SET_FORMAT: self._set,
            words.SET_PARAMETERS: lambda record: None,
            words.ASK_BUFFERS: self._buffers,
            words.ASK_BUFFER: self._buffer,
            words.GIVE_BUFFER: self._queue,
            words.TAKE_BUFFER: self._dequeue,
            words.START: self._start,
            words.STOP: self._stop,
        }
        record[:] = answers[request](record) or record

    def map(self, device: int, length: int, offset: int) -> Memory:
        assert length == LENGTH
        return self.memory[offset // LENGTH]

    def wait(self, device: int, us: int) -> bool:
        assert self.is_running
        return self.given < len(self.pictures) or self.ends is not None

    def close(self, device: int) -> None:
        assert all(one.is_closed for one in self.memory), "memory is given back first"
        self.is_open = False

    def _formats(self, record: bytearray) -> bytes:
        index = int.from_bytes(record[:4], "little")
        if index >= len(self.pixels):
            raise OSError(errno.EINVAL, "no more")
        return words.described(index, self.pixels[index])

    def _sizes(self, record: bytearray) -> bytes:
        index = int.from_bytes(record[:4], "little")
        if index >= len(self.sizes):
            raise OSError(errno.EINVAL, "no more")
        code = words.code_text(int.from_bytes(record[4:8], "little"))
        return words.sized(index, code, *self.sizes[index])

    def _shaped(self, pixels: str, width: int, height: int) -> words.Shape:
        per = {"YUYV": 2, "NV12": 1, "YU12": 1}.get(pixels, 0)
        return words.Shape(
            pixels=pixels,
            width_px=width,
            height_px=height,
            row_bytes=per * width + (self.row_extra if per else 0),
            picture_bytes=LENGTH,
        )

    def _set(self, record: bytearray) -> bytes:
        wanted = words.shape_of(record)
        self.shape = self._shaped(wanted.pixels, wanted.width_px, wanted.height_px)
        return words.shaped(self.shape)

    def _buffers(self, record: bytearray) -> bytes:
        self.memory = [_Memory() for _ in range(words.count_of(record))]
        return bytes(record)

    def _buffer(self, record: bytearray) -> bytes:
        index = words.buffer_of(record).index
        return words.filled(words.Buffer(index=index, offset=index * LENGTH, length=LENGTH))

    def _queue(self, record: bytearray) -> None:
        index = words.buffer_of(record).index
        assert index not in self.queued, "a buffer is given once"
        self.queued.append(index)

    def _dequeue(self, record: bytearray) -> bytes:
        if self.given >= len(self.pictures):
            assert self.ends is not None
            raise OSError(self.ends, "No such device")
        picture = self.pictures[self.given]
        self.sequence += 1 + picture.skipped
        taken_us = self.started_us + self.given * self.step_us
        self.given += 1
        index = self.queued.pop(0)
        self.memory[index].data[: len(picture.data)] = picture.data
        return words.filled(
            words.Buffer(
                index=index,
                used_bytes=len(picture.data),
                flags=picture.flags,
                taken_us=taken_us,
                sequence=self.sequence,
            )
        )

    def _start(self, record: bytearray) -> None:
        self.is_running = True

    def _stop(self, record: bytearray) -> None:
        self.is_running = False
