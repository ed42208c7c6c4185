"""The one place that writes files which must outlive a crash.

Every system call goes through a `Disk`, so that tests can make any of them fail before or after
it took effect, fill the disk, and count what a step costs.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from fairview.core.errors import Conflict, NotFound, Unavailable


class Disk:
    """The system calls that change a disk. Each raises OSError as the system does."""

    def create(self, path: Path, mode: int) -> int:
        """A descriptor of a new file; it only ever appends."""
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        return os.open(path, flags, mode)

    def reopen(self, path: Path) -> int:
        """A descriptor of an existing file, at its end."""
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """How many bytes were taken; may be fewer than given."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Bytes and size reach the disk."""
        os.fdatasync(descriptor)

    def sync_folder(self, path: Path) -> None:
        """Names made, moved and removed in a folder reach the disk."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        os.replace(old, new)  # noqa: PTH105  # one call per operation, as tests count them

    def unlink(self, path: Path) -> None:
        os.unlink(path)  # noqa: PTH108  # as above

    def mkdir(self, path: Path, mode: int) -> None:
        os.mkdir(path, mode)  # noqa: PTH102  # as above

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        os.ftruncate(descriptor, size_bytes)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)


DISK = Disk()
"""The machine's own."""


@contextlib.contextmanager
def told_as_ours(path: Path, doing: str) -> Iterator[None]:
    """Turns OSError into our errors: NotFound, Conflict, else Unavailable with what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"{path} is not there") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise Conflict(f"{path} stands in the way of {doing}") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable(f"the disk is full: {doing} {path}; make room") from error
        raise Unavailable(f"the disk failed at {doing} {path}: {error.strerror}") from error


class AppendFile:
    """A file that only grows. After a failed write or sync it takes nothing more: what the disk
    kept of it is unknown until it is read again. Used by one thread."""

    def __init__(self, path: Path, descriptor: int, size_bytes: int, disk: Disk) -> None:
        self._path = path
        self._descriptor = descriptor
        self._size_bytes = size_bytes
        self._disk = disk
        self._is_broken = False

    @property
    def size_bytes(self) -> int:
        """Bytes appended so far, also those of before it was reopened."""
        return self._size_bytes

    def append(self, data: bytes) -> None:
        """Add bytes at the end, usually in one write. Errors: Unavailable."""
        self._refuse_when_broken()
        rest = memoryview(data)
        try:
            with told_as_ours(self._path, "writing to"):
                while rest:
                    taken = self._disk.write(self._descriptor, rest)
                    self._size_bytes += taken
                    rest = rest[taken:]
        except (Unavailable, Conflict, NotFound):
            self._is_broken = True
            raise

    def sync(self) -> None:
        """All bytes so far are durable on return. Errors: Unavailable."""
        self._refuse_when_broken()
        try:
            with told_as_ours(self._path, "syncing"):
                self._disk.sync(self._descriptor)
        except (Unavailable, Conflict, NotFound):
            # After a failed sync the kernel may have dropped the pages and calls the file clean;
            # a second sync that succeeds would prove nothing.
            self._is_broken = True
            raise

    def close(self) -> None:
        """Let go without syncing; safe to repeat."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with contextlib.suppress(OSError):
                self._disk.close(descriptor)

    def _refuse_when_broken(self) -> None:
        if self._is_broken or self._descriptor < 0:
            raise Unavailable(f"{self._path} takes no more bytes after a failure or its closing")


def create_file(path: Path, *, mode: int = 0o600, disk: Disk = DISK) -> AppendFile:
    """A new empty file whose name is durable on return; folders above must be there.

    Errors:  Conflict when it exists; NotFound without its folder; Unavailable.
    """
    with told_as_ours(path, "making"):
        descriptor = disk.create(path, mode)
    try:
        with told_as_ours(path.parent, "syncing"):
            disk.sync_folder(path.parent)
    except (Unavailable, NotFound, Conflict):
        with contextlib.suppress(OSError):
            disk.close(descriptor)
        raise
    return AppendFile(path, descriptor, 0, disk)


def reopen_file(path: Path, *, disk: Disk = DISK) -> AppendFile:
    """An existing file, to go on at its end. Errors: NotFound, Unavailable."""
    with told_as_ours(path, "opening"):
        descriptor = disk.reopen(path)
    return AppendFile(path, descriptor, os.fstat(descriptor).st_size, disk)


def replace_file(path: Path, data: bytes, *, mode: int = 0o600, disk: Disk = DISK) -> None:
    """The file holds exactly `data`, durably, or what it held before; never a part.

    After Unavailable it may be either. Cost: one write, one sync, one rename, one folder sync.
    """
    passing = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError), _missing_passes(passing):
        disk.unlink(passing)
    with told_as_ours(passing, "making"):
        descriptor = disk.create(passing, mode)
    fresh = AppendFile(passing, descriptor, 0, disk)
    try:
        fresh.append(data)
        fresh.sync()
    finally:
        fresh.close()
    with told_as_ours(path, "replacing"):
        disk.rename(passing, path)
        disk.sync_folder(path.parent)


@contextlib.contextmanager
def _missing_passes(path: Path) -> Iterator[None]:
    """As `told_as_ours`, but a file that is not there stays the system's own error."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise Unavailable(f"the disk failed at removing {path}: {error.strerror}") from error


def remove_file(path: Path, *, disk: Disk = DISK) -> None:
    """Gone, durably; also when it was gone already. Errors: Unavailable."""
    with contextlib.suppress(FileNotFoundError), _missing_passes(path):
        disk.unlink(path)
    # The folder is synced even when the name was gone: an earlier try may have failed after the
    # removal and before its sync.
    with contextlib.suppress(FileNotFoundError), _missing_passes(path.parent):
        disk.sync_folder(path.parent)


def destroy_file(path: Path, *, disk: Disk = DISK) -> None:
    """Overwritten in place with random bytes, synced, then gone, durably; also when it was gone.

    For small files of key material. What copying file systems, snapshots and flash keep of the
    old bytes is beyond us.
    Errors:  Unavailable; the file may then hold random bytes.
    """
    # Gone already: what is left is to make its going durable.
    with contextlib.suppress(NotFound), told_as_ours(path, "destroying"):
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            disk.write(descriptor, os.urandom(os.fstat(descriptor).st_size))
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)
    remove_file(path, disk=disk)


def cut_file(path: Path, size_bytes: int, *, disk: Disk = DISK) -> None:
    """Drop everything past size_bytes, durably; a shorter file stays as it is."""
    with told_as_ours(path, "cutting"):
        descriptor = disk.reopen(path)
        try:
            if os.fstat(descriptor).st_size > size_bytes:
                disk.truncate(descriptor, size_bytes)
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)


def make_folders(path: Path, *, mode: int = 0o700, disk: Disk = DISK) -> None:
    """The folder and those above it are there, durably; safe to repeat and to race."""
    missing = []
    step = path
    while not step.is_dir():
        missing.append(step)
        step = step.parent
    for folder in reversed(missing):
        with told_as_ours(folder, "making"):
            with contextlib.suppress(FileExistsError):
                disk.mkdir(folder, mode)
            disk.sync_folder(folder.parent)


class FolderLock:
    """A folder's owner, by flock: it ends with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    @property
    def descriptor(self) -> int:
        """The lock's open file; a child that inherits it holds the lock too."""
        return self._descriptor

    def take(self) -> None:
        """Errors:  Conflict when another process holds it; Unavailable."""
        with told_as_ours(self._path, "locking"):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise Conflict(
                f"{self._path.parent} is in use by process {holder or 'unknown'}; stop it first"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Safe to repeat."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> FolderLock:
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
