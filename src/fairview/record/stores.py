"""What the streams of one recorder share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.ids import CameraId
from fairview.core.time import Clock
from fairview.record.rows import RowQueue
from fairview.record.write_queue import AtOnce, Lanes
from fairview.store.contracts import Blobs


class Placing(Protocol):
    """Where new segments go. Asked by the threads that write; none of it waits for a disk."""

    def wish(self, camera: CameraId, name: str | None) -> None:
        """Where a camera's new segments are to go from now on; None: anywhere."""
        ...

    def place(self, camera: CameraId) -> str:
        """The disk for a camera's next segment."""
        ...

    def on(self, name: str) -> Blobs:
        """The blobs, new ones made on that disk. Errors: Unavailable without such a disk."""
        ...

    def is_full(self, name: str) -> bool:
        """Whether nothing more may be written there now."""
        ...

    def failed(self, name: str, because: str) -> None:
        """A write to it failed."""
        ...

    def worked(self, name: str) -> None:
        """A write to it was stored."""
        ...


class Anywhere:
    """One store without a choice."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def wish(self, camera: CameraId, name: str | None) -> None:
        return None

    def place(self, camera: CameraId) -> str:
        return ""

    def on(self, name: str) -> Blobs:
        return self._blobs

    def is_full(self, name: str) -> bool:
        return False

    def failed(self, name: str, because: str) -> None:
        return None

    def worked(self, name: str) -> None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What the streams of one recorder share. lanes: who writes; in the caller's thread unless
    somebody else is named. disks: where new segments go; None: to `blobs`, which has no choice.
    """

    blobs: Blobs
    rows: RowQueue
    signer: Ed25519PrivateKey
    clock: Clock
    lanes: Lanes = field(default_factory=AtOnce)
    disks: Placing | None = None

    @property
    def placing(self) -> Placing:
        return self.disks or Anywhere(self.blobs)
