"""Blobs in memory and in files; what they promise stands in contracts.py."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from fairview.core.errors import BadInput, Conflict, NotFound, Unavailable
from fairview.store.contracts import BlobWriter
from fairview.store.durable import (
    DISK,
    Disk,
    create_file,
    cut_file,
    make_folders,
    remove_file,
    reopen_file,
    replace_file,
    told_as_ours,
)

_NAME = re.compile(r"[a-z0-9./-]{1,400}\Z")
_CREATE_TRIES_MAX = 3


def check_name(name: str) -> None:
    """Errors:  BadInput for a name that could lie outside, or hold anything but [a-z0-9./-]."""
    if not _NAME.match(name) or any(part in ("", ".", "..") for part in name.split("/")):
        raise BadInput(f"{name!r} is not a blob's name")


class _MemoryWriter:
    def __init__(self, blobs: MemoryBlobs, name: str, size_bytes: int) -> None:
        self._blobs = blobs
        self._name = name
        self._size_bytes = size_bytes
        self._is_broken = False

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def append(self, data: bytes) -> None:
        if self._is_broken:
            raise Unavailable(f"{self._name} takes no more bytes after a failure or its closing")
        taken = self._blobs.take(self._name, data)
        self._size_bytes += taken
        if taken < len(data):
            self._is_broken = True
            raise Unavailable(f"the disk is full: writing to {self._name}; make room")

    def sync(self) -> None:
        if self._is_broken:
            raise Unavailable(f"{self._name} takes no more bytes after a failure or its closing")
        self._blobs.keep(self._name)

    def close(self) -> None:
        self._is_broken = True


class MemoryBlobs:
    """For tests and simulations: forgets unsynced bytes in `crash`, is full at capacity_bytes."""

    def __init__(self, capacity_bytes: int = 1 << 40) -> None:
        self._lock = threading.Lock()
        self._capacity_bytes = capacity_bytes
        self._bytes: dict[str, bytearray] = {}
        self._synced_bytes: dict[str, int] = {}

    def create(self, name: str) -> BlobWriter:
        check_name(name)
        parts = name.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        with self._lock:
            if any(one in self._bytes for one in above) or any(
                other.startswith(name + "/") for other in self._bytes
            ):
                raise Conflict(f"{name} stands in the way of making it")
            self._bytes[name] = bytearray()
            self._synced_bytes[name] = 0
        return _MemoryWriter(self, name, 0)

    def reopen(self, name: str) -> BlobWriter:
        return _MemoryWriter(self, name, self.size_bytes(name))

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        check_name(name)
        with self._lock:
            data = self._found(name)
            return bytes(data[start:] if length is None else data[start : start + length])

    def size_bytes(self, name: str) -> int:
        check_name(name)
        with self._lock:
            return len(self._found(name))

    def cut(self, name: str, size_bytes: int) -> None:
        check_name(name)
        with self._lock:
            del self._found(name)[size_bytes:]
            self._synced_bytes[name] = len(self._bytes[name])

    def remove(self, name: str) -> None:
        check_name(name)
        with self._lock:
            self._bytes.pop(name, None)
            self._synced_bytes.pop(name, None)

    def names(self, prefix: str = "") -> Iterator[str]:
        with self._lock:
            found = sorted(name for name in self._bytes if name.startswith(prefix))
        yield from found

    def free_bytes(self) -> int:
        with self._lock:
            return self._capacity_bytes - sum(map(len, self._bytes.values()))

    def take(self, name: str, data: bytes) -> int:
        """For the writer: how many of the bytes still fitted."""
        with self._lock:
            room = self._capacity_bytes - sum(map(len, self._bytes.values()))
            fits = data[: max(room, 0)]
            self._found(name).extend(fits)
            return len(fits)

    def keep(self, name: str) -> None:
        """For the writer: what is there now survives `crash`."""
        with self._lock:
            self._synced_bytes[name] = len(self._found(name))

    def crash(self, keep_unsynced_bytes: int = 0) -> None:
        """What a power cut leaves: synced bytes, and perhaps a few of the unsynced ones."""
        with self._lock:
            for name, data in self._bytes.items():
                del data[self._synced_bytes[name] + keep_unsynced_bytes :]

    def _found(self, name: str) -> bytearray:
        if name not in self._bytes:
            raise NotFound(f"there is no blob {name}")
        return self._bytes[name]


class FileBlobs:
    """One file per blob under a folder.

    Cost:  create: one file, one folder sync (and two calls per new folder); append: one write;
    sync: one fdatasync. No descriptor is kept open between reads.
    """

    def __init__(self, root: Path, *, disk: Disk = DISK) -> None:
        self._root = root
        self._disk = disk

    def create(self, name: str) -> BlobWriter:
        check_name(name)
        path = self._root / name
        for tries in range(1, _CREATE_TRIES_MAX + 1):
            try:
                make_folders(path.parent, disk=self._disk)
                return create_file(path, disk=self._disk)
            except NotFound:
                # A removal elsewhere took the empty folder between our two steps.
                if tries == _CREATE_TRIES_MAX:
                    raise
        raise AssertionError("the last try returns or raises")

    def reopen(self, name: str) -> BlobWriter:
        self.size_bytes(name)
        return reopen_file(self._root / name, disk=self._disk)

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        check_name(name)
        path = self._root / name
        with _found(name), path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            stop = size if length is None else min(size, start + length)
            return _read(file.fileno(), start, stop)

    def size_bytes(self, name: str) -> int:
        check_name(name)
        with _found(name):
            found = (self._root / name).stat()
        if not stat.S_ISREG(found.st_mode):
            raise NotFound(f"there is no blob {name}")
        return found.st_size

    def cut(self, name: str, size_bytes: int) -> None:
        self.size_bytes(name)
        cut_file(self._root / name, size_bytes, disk=self._disk)

    def remove(self, name: str) -> None:
        check_name(name)
        path = self._root / name
        if path.is_dir():
            return
        with contextlib.suppress(NotADirectoryError):
            remove_file(path, disk=self._disk)
        for folder in path.relative_to(self._root).parents:
            # Empty folders go with their last blob, or every camera-hour would leave one.
            if folder == Path():
                break
            with contextlib.suppress(OSError):
                (self._root / folder).rmdir()

    def put_whole(self, name: str, data: bytes) -> None:
        """A blob that is there as a whole or not at all; it replaces one of the same name.

        Errors:  Unavailable, Conflict.
        """
        check_name(name)
        path = self._root / name
        make_folders(path.parent, disk=self._disk)
        replace_file(path, data, disk=self._disk)

    def names(self, prefix: str = "") -> Iterator[str]:
        yield from _names(self._root, "", prefix)

    def free_bytes(self) -> int:
        with told_as_ours(self._root, "looking at"):
            room = os.statvfs(self._root)
        return room.f_bavail * room.f_frsize


@contextlib.contextmanager
def _found(name: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise NotFound(f"there is no blob {name}") from error
    except OSError as error:
        raise Unavailable(f"the disk failed at reading {name}: {error.strerror}") from error


def _read(descriptor: int, start: int, stop: int) -> bytes:
    pieces = []
    while start < stop:
        piece = os.pread(descriptor, stop - start, start)
        if not piece:
            break
        pieces.append(piece)
        start += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _names(folder: Path, above: str, prefix: str) -> Iterator[str]:
    """Names below one folder in the order of the whole names, one folder's list at a time."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except FileNotFoundError:
        return
    for name, is_folder in sorted(found, key=lambda one: one[0] + "/" * one[1]):
        whole = above + name
        if not is_folder:
            if whole.startswith(prefix):
                yield whole
        elif (whole + "/").startswith(prefix) or prefix.startswith(whole + "/"):
            yield from _names(folder / name, whole + "/", prefix)
