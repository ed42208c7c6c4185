"""Where data came from, and the rows that could not be taken."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from fairview.core.errors import BadInput
from fairview.core.time import Instant

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A row that was kept aside: where it stands, why, and what it said."""

    row: int
    because: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """One imported file. rows_read = rows_taken + rows_aside + rows_passed.

    rows_passed counts what is not a camera at all (a road in a map extract), by design.
    """

    file: str
    kind: str
    title: str
    licence: str
    sha256: str
    size_bytes: int
    imported_at: Instant
    rows_read: int
    rows_taken: int
    rows_aside: int
    rows_passed: int
    as_of: str
    counted: str
    mapping_sha256: str


def digest_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal, read in chunks. Errors: BadInput when unreadable."""
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                total.update(chunk)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    return total.hexdigest()
