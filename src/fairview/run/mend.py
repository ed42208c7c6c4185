"""What is put right before anything records: files and rows that a crash left open."""

from __future__ import annotations

from collections.abc import Set

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.ids import CameraId
from fairview.core.time import Clock
from fairview.run.disks import open_disks
from fairview.run.signing import known_signers
from fairview.store.contracts import Blobs, Catalogue
from fairview.store.layout import DataFolder
from fairview.store.recovery import recover


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
    mended = recover(blobs, catalogue, clock, signers, cameras=cameras)
    for one in mended:
        structlog.get_logger().info(
            "segment recovered",
            camera=one.segment.camera,
            segment=one.segment.id,
            cut_bytes=one.cut_bytes,
        )
    return len(mended)
