"""The site key: 32 bytes in a file of the door's own, replaced at every sweep that kills keys.

Two files: `site.key`, and `site.key.next` while a replacement is under way. Which of them counts
is written in the door's rows, in the same transaction that wraps everything anew; so a crash at
any moment leaves exactly one key that fits the rows, and `settle` destroys the other.

HOLE: overwriting and removing a file does not reach copies made by snapshots, a copying file
system or a flash disk's spare blocks; whoever has such a copy of site.key *and* a copy of
door.sqlite from before the sweep can read what the sweep killed. Encrypt the disk.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from fairview.core.errors import Corrupt, Unavailable
from fairview.store.durable import DISK, Disk, destroy_file, replace_file, told_as_ours

SITE_KEY_BYTES = 32


class SiteKeyFiles:
    """The files of the site key. Used under the key store's lock."""

    def __init__(self, path: Path, disk: Disk = DISK) -> None:
        self._path = path
        self._disk = disk
        self._next = path.with_name(path.name + ".next")

    def make(self) -> bytes:
        """The first site key, or the one a crash left before any row knew it."""
        if self._path.exists():
            key = self._read(self._path)
            if key is not None:
                return key
        key = secrets.token_bytes(SITE_KEY_BYTES)
        replace_file(self._path, key, disk=self._disk)
        return key

    def prepare(self) -> bytes:
        """A new key, durable beside the old one."""
        key = secrets.token_bytes(SITE_KEY_BYTES)
        replace_file(self._next, key, disk=self._disk)
        return key

    def settle(self, wanted: bytes) -> bytes:
        """The key with this id; every other copy is destroyed. Safe to repeat.

        Errors:  Corrupt when no file holds the key the rows were wrapped with.
        """
        current, following = self._read(self._path), self._read(self._next)
        if current is not None and key_id(current) == wanted:
            destroy_file(self._next, disk=self._disk)
            return current
        if following is not None and key_id(following) == wanted:
            destroy_file(self._path, disk=self._disk)
            with told_as_ours(self._path, "replacing"):
                self._disk.rename(self._next, self._path)
                self._disk.sync_folder(self._path.parent)
            return following
        raise Corrupt(
            f"the site key {self._path} does not belong to the door's rows: a copy of either was "
            "put back. Footage sealed to keys that died since then can't be read again"
        )

    def _read(self, path: Path) -> bytes | None:
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"the site key {path} can't be read") from error
        return key if len(key) == SITE_KEY_BYTES else None


def key_id(key: bytes) -> bytes:
    """What the rows know of a site key: 16 bytes that say nothing about it."""
    return hashlib.sha256(b"fairview/1 site key\x00" + key).digest()[:16]
