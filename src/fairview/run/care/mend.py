"""What is put right before anything records: files and rows that a crash left open."""

from __future__ import annotations

from collections.abc import Set

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.ids import CameraId
from fairview.core.limits import DISK_RETRY_US_MAX
from fairview.core.time import Clock
from fairview.run.disks.open_disks import open_disks
from fairview.run.signing import known_signers
from fairview.store.contracts import Blobs, Catalogue
from fairview.store.layout import DataFolder
from fairview.store.recovery import Recovery, camera_of, recovery


def mend_folder(folder: DataFolder, clock: Clock) -> int:
    """Cut torn records, end open segments, store the gaps. How many segments were open.

    Needs no private half. Called by whoever holds the folder's lock, while nothing records.
    Errors:  Unavailable when the disk fails.
    """
    # Loaded here: recorders mend too, and have no database (25 MB of a process).
    from fairview.store.catalogue_sqlite import SqliteCatalogue

    catalogue = SqliteCatalogue(folder.catalogue)
    try:
        disks = open_disks(folder, clock)
        disks.settle()
        return mend(disks, catalogue, clock, known_signers(folder))
    finally:
        catalogue.close()


def mend(
    blobs: Blobs,
    catalogue: Catalogue,
    clock: Clock,
    signers: tuple[Ed25519PrivateKey, ...],
    cameras: Set[CameraId] | None = None,
) -> int:
    """The same for some cameras that nobody records at this moment; None means all."""
    return _told(recovery(blobs, catalogue, clock, signers, cameras=cameras))


class Mending:
    """What a crash left of the cameras that one process records: put right before they begin,
    and what their disk refused then later, while they are recorded. Used by one thread.

    left: blobs that wait, by camera. A camera that this process no longer records is forgotten,
    as whoever records it next begins with it.
    """

    def __init__(
        self,
        blobs: Blobs,
        catalogue: Catalogue,
        clock: Clock,
        signers: tuple[Ed25519PrivateKey, ...],
    ) -> None:
        self._blobs = blobs
        self._catalogue = catalogue
        self._clock = clock
        self._signers = signers
        self._again_us = 0
        self.left: dict[CameraId, tuple[str, ...]] = {}

    def begin(self, cameras: Set[CameraId]) -> None:
        """These are about to be recorded. Errors: Unavailable from the catalogue."""
        self._mend(cameras, None)

    def forget(self, camera: CameraId) -> None:
        self.left.pop(camera, None)

    def again(self) -> None:
        """Try what was left, when that is due. Stands still with a disk that does so.

        Errors:  Unavailable from the catalogue.
        """
        if self.left and self._clock.monotonic_us() >= self._again_us:
            names = tuple(name for some in self.left.values() for name in some)
            self._mend(frozenset(self.left), names)

    def _mend(self, cameras: Set[CameraId], names: tuple[str, ...] | None) -> None:
        found = recovery(
            self._blobs,
            self._catalogue,
            self._clock,
            self._signers,
            cameras=cameras,
            names=names,
        )
        _told(found)
        self._again_us = self._clock.monotonic_us() + DISK_RETRY_US_MAX
        for camera in cameras:
            left = tuple(name for name in found.left if camera_of(name) == camera)
            if left:
                self.left[camera] = left
            else:
                self.forget(camera)


def _told(found: Recovery) -> int:
    for one in found.done:
        structlog.get_logger().info(
            "segment recovered",
            camera=one.segment.camera,
            segment=one.segment.id,
            cut_bytes=one.cut_bytes,
        )
    return len(found.done)
