"""A recorder's own signing key: made once, kept in the data folder, told to nobody."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.store.layout import DataFolder
from fairview.store.secrets import read_key, read_or_make_key


def recorder_signer(folder: DataFolder, group: str) -> Ed25519PrivateKey:
    """The Ed25519 key of a group of cameras. Errors: Corrupt, Unavailable."""
    return Ed25519PrivateKey.from_private_bytes(read_or_make_key(folder.recorder_key(group)))


def known_signers(folder: DataFolder) -> tuple[Ed25519PrivateKey, ...]:
    """The keys of every recorder that ever ran here, to end what they left open."""
    places = sorted(folder.recorder.glob("*.key"))
    return tuple(Ed25519PrivateKey.from_private_bytes(read_key(place)) for place in places)
