"""What the streams of one recorder share."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.time import Clock
from fairview.record.rows import RowQueue
from fairview.record.write_queue import AtOnce, Lanes
from fairview.store.contracts import Blobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What the streams of one recorder share. lanes: who writes; in the caller's thread unless
    somebody else is named.
    """

    blobs: Blobs
    rows: RowQueue
    signer: Ed25519PrivateKey
    clock: Clock
    lanes: Lanes = field(default_factory=AtOnce)
