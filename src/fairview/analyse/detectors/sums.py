"""SHA-256 of bytes and of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fairview.core.errors import Unavailable

_PIECE_BYTES = 1024 * 1024


def sha256_of(what: bytes | Path) -> str:
    """In hexadecimal. Errors: Unavailable when the file can't be read."""
    if isinstance(what, bytes):
        return hashlib.sha256(what).hexdigest()
    digest = hashlib.sha256()
    try:
        with what.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
    except OSError as error:
        raise Unavailable(f"{what} can't be read: {error.strerror}") from error
    return digest.hexdigest()
