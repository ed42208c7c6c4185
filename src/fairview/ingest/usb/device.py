"""One V4L2 device: what it can send, and its pictures as the driver hands them over.

Source:  the Linux media API, "Streaming I/O (Memory Mapping)".
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import select
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from fairview.core import limits
from fairview.core.errors import BadInput, FairviewError, NotAllowed, NotFound, Unavailable
from fairview.core.flow import StreamLost
from fairview.core.limits_http import USB_BUFFER_BYTES_MAX, USB_BUFFERS
from fairview.core.media import GapBecause
from fairview.core.time import US_PER_SECOND
from fairview.ingest.usb import words

FIRST_CHOICE = ("H264", "MJPG", "JPEG", "YUYV", "NV12", "YU12")
"""What is asked for, best first: coded by the camera, then raw pictures, coded here."""
COMPRESSED = frozenset({"H264", "MJPG", "JPEG"})
_SIZE_CODED_PX, _SIZE_RAW_PX = (1920, 1080), (1280, 720)
"""The largest size asked for. Raw pictures of more do not fit through USB 2, and cost more to
code than a recorder should spend on one camera."""
_FPS = 25
_LISTED_MAX = 64


class Memory(Protocol):
    """A buffer shared with the driver."""

    def read(self, count: int) -> bytes:
        """A copy of its first bytes."""
        ...

    def close(self) -> None: ...


class Syscalls(Protocol):
    """The four calls a device needs; a test plays the kernel."""

    def open(self, path: str) -> int: ...

    def ioctl(self, device: int, request: int, record: bytearray) -> None:
        """Errors:  OSError. The record is filled in place."""
        ...

    def map(self, device: int, length: int, offset: int) -> Memory: ...

    def wait(self, device: int, us: int) -> bool:
        """Whether a picture is there within the time."""
        ...

    def close(self, device: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One picture. taken_us: when, on the monotonic clock; None: the driver does not say.
    is_after_loss: the driver dropped or damaged pictures before it.
    """

    data: bytes
    taken_us: int | None
    is_after_loss: bool


class Device:
    """An open device; used by one thread.

    Bounds:  USB_BUFFERS buffers of at most USB_BUFFER_BYTES_MAX; limits.SOURCE_READ_US_MAX
    without a picture, and it is silent.
    """

    def __init__(self, path: str, calls: Syscalls) -> None:
        """Errors:  NotFound, NotAllowed, Unavailable, BadInput; nothing is left open."""
        self._path, self._calls = path, calls
        self._memory: list[Memory] = []
        self._sequence: int | None = None
        self._is_lost = False
        self._is_running = False
        self._device = self._opened()
        try:
            self.shape = self._agreed()
            self._begin()
        except OSError as error:
            self.close()
            raise self._fault(error) from error
        except FairviewError:
            self.close()
            raise

    def taken(self) -> Taken:
        """The next picture. Errors: StreamLost."""
        while True:
            try:
                if not self._calls.wait(self._device, limits.SOURCE_READ_US_MAX):
                    break
                record = words.buffer(0)
                self._calls.ioctl(self._device, words.TAKE_BUFFER, record)
                found = words.buffer_of(record)
                data = self._memory[found.index].read(found.used_bytes)
                self._calls.ioctl(self._device, words.GIVE_BUFFER, words.buffer(found.index))
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    continue
                raise StreamLost(
                    f"{self._path} broke off ({error.strerror}): was it unplugged?",
                    GapBecause.CAMERA_AWAY,
                ) from error
            if self._sequence is not None and found.sequence != (self._sequence + 1) % 2**32:
                self._is_lost = True
            self._sequence = found.sequence
            if not data or found.flags & words.IS_DAMAGED:
                self._is_lost = True
                continue
            is_lost, self._is_lost = self._is_lost, False
            is_monotonic = found.flags & words.CLOCK_MASK == words.IS_MONOTONIC
            return Taken(
                data=data,
                taken_us=found.taken_us if is_monotonic else None,
                is_after_loss=is_lost,
            )
        wait_s = limits.SOURCE_READ_US_MAX // US_PER_SECOND
        raise StreamLost(f"{self._path} sent nothing for {wait_s} s", GapBecause.CAMERA_SILENT)

    def close(self) -> None:
        """Safe to repeat."""
        device, self._device = self._device, -1
        if device < 0:
            return
        if self._is_running:
            with suppress(OSError):  # unplugged: there is nothing left to stop
                self._calls.ioctl(device, words.STOP, _number(words.CAPTURE))
        for memory in self._memory:
            memory.close()
        self._memory = []
        self._calls.close(device)

    def _opened(self) -> int:
        fault: OSError | None = None
        try:
            return self._calls.open(self._path)
        except OSError as error:
            fault = error
        raise self._fault(fault) from fault

    def _fault(self, error: OSError) -> FairviewError:
        path = self._path
        match error.errno:
            case errno.ENOENT | errno.ENODEV | errno.ENXIO:
                return NotFound(f"{path} is not there: plug the camera in, or name another device")
            case errno.EACCES | errno.EPERM:
                return NotAllowed(
                    f"{path} may not be read: add the user that records to the group video"
                )
            case errno.EBUSY:
                return Unavailable(f"{path} is in use by another program: close it")
            case errno.ENOTTY | errno.EINVAL:
                return BadInput(f"{path} is no camera: name its video device")
        return Unavailable(f"{path} can't be used ({error.strerror}): unplug it and plug it in")

    # Agreeing on what is sent

    def _agreed(self) -> words.Shape:
        record = words.capability()
        self._calls.ioctl(self._device, words.ASK_CAPABILITY, record)
        can = words.capabilities_of(record)
        if not (can & words.CAN_CAPTURE and can & words.CAN_STREAM):
            raise BadInput(
                f"{self._path} gives no pictures: a camera has several devices, name another"
            )
        offered = self._listed()
        pixels = next((one for one in FIRST_CHOICE if one in offered), None)
        if pixels is None:
            raise BadInput(
                f"{self._path} sends {', '.join(offered) or 'nothing we know'}: we read "
                f"{', '.join(FIRST_CHOICE)}"
            )
        wanted = self._wanted(pixels)
        self._calls.ioctl(self._device, words.SET_FORMAT, wanted)
        shape = words.shape_of(wanted)
        if shape.pixels != pixels:
            raise BadInput(f"{self._path} offers {pixels} and does not send it")
        with suppress(OSError):  # it keeps its own rate
            self._calls.ioctl(self._device, words.SET_PARAMETERS, words.rate(_FPS))
        return shape

    def _listed(self) -> list[str]:
        found: list[str] = []
        for index in range(_LISTED_MAX):
            record = words.description(index)
            try:
                self._calls.ioctl(self._device, words.LIST_FORMATS, record)
            except OSError as error:
                if error.errno == errno.EINVAL:  # the end of the list
                    break
                raise
            found.append(words.pixels_of(record))
        return found

    def _wanted(self, pixels: str) -> bytearray:
        """The format to set: the largest size within bounds, else the one it stands at."""
        width_max, height_max = _SIZE_CODED_PX if pixels in COMPRESSED else _SIZE_RAW_PX
        best: tuple[int, int] | None = None
        for index in range(_LISTED_MAX):
            record = words.size(index, pixels)
            try:
                self._calls.ioctl(self._device, words.LIST_SIZES, record)
            except OSError:
                break
            size = words.size_of(record)
            if size is None:
                break
            fits = size[0] <= width_max and size[1] <= height_max
            if fits and (best is None or size[0] * size[1] > best[0] * best[1]):
                best = size
        if best is None:
            record = words.shape()
            self._calls.ioctl(self._device, words.GET_FORMAT, record)
            now = words.shape_of(record)
            best = (now.width_px, now.height_px)
        return words.shape(words.Shape(pixels=pixels, width_px=best[0], height_px=best[1]))

    def _begin(self) -> None:
        record = words.buffers(USB_BUFFERS)
        self._calls.ioctl(self._device, words.ASK_BUFFERS, record)
        count = words.count_of(record)
        if not 1 <= count <= 32:
            raise Unavailable(f"{self._path} gives no buffers: unplug it and plug it in")
        for index in range(count):
            record = words.buffer(index)
            self._calls.ioctl(self._device, words.ASK_BUFFER, record)
            found = words.buffer_of(record)
            if not 0 < found.length <= USB_BUFFER_BYTES_MAX:
                raise BadInput(f"{self._path} asks for buffers of {found.length} bytes")
            self._memory.append(self._calls.map(self._device, found.length, found.offset))
            self._calls.ioctl(self._device, words.GIVE_BUFFER, words.buffer(index))
        self._calls.ioctl(self._device, words.START, _number(words.CAPTURE))
        self._is_running = True


class Kernel:
    """The real calls."""

    def open(self, path: str) -> int:
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def ioctl(self, device: int, request: int, record: bytearray) -> None:
        fcntl.ioctl(device, request, record, True)

    def map(self, device: int, length: int, offset: int) -> Memory:
        return _Mapped(mmap.mmap(device, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset))

    def wait(self, device: int, us: int) -> bool:
        waiting = select.poll()
        waiting.register(device, select.POLLIN | select.POLLERR)
        return bool(waiting.poll(us / 1_000))

    def close(self, device: int) -> None:
        os.close(device)


class _Mapped:
    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory

    def read(self, count: int) -> bytes:
        return self._memory[:count]

    def close(self) -> None:
        self._memory.close()


def _number(value: int) -> bytearray:
    return bytearray(value.to_bytes(4, "little"))
