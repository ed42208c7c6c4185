"""Key files and recorders for tests of the record room."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.ids import CameraId, KeyPairId, new_hex_id
from fairview.core.time import US_PER_HOUR, Instant
from fairview.store.keyfile import IssuedPair, KeyFile
from fairview.store.sealing import new_key_pair

DOOR = Ed25519PrivateKey.generate()
PRIVATE: dict[KeyPairId, bytes] = {}
"""Private halves of every pair issued in this test process."""


def pair(hour: Instant | None) -> IssuedPair:
    private, public = new_key_pair()
    name = KeyPairId(new_hex_id())
    PRIVATE[name] = private
    return IssuedPair(id=name, hour=hour, public=public)


def issued(camera: CameraId, at: Instant, *, hours: int) -> KeyFile:
    """A key file issued at `at` with pairs from that hour on."""
    return KeyFile(
        camera=camera,
        issued_at=at,
        pairs=tuple(pair(at.hour().plus(number * US_PER_HOUR)) for number in range(hours)),
        spare=pair(None),
    )
