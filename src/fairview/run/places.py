"""Where the processes of one start meet: a short folder of sockets, and the secrets for them."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fairview.core.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """Paths of the sockets of one start."""

    folder: Path

    def path(self, name: str) -> Path:
        """catalogue, door, control (the door's side door for the node), live-<group>,
        sights-<number>, health."""
        return self.folder / f"{name}.sock"

    def is_up(self, name: str) -> bool:
        """Whether somebody answers there."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.path(name)))
            except OSError:
                return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What each socket asks of its peers, made anew at each start and told only to who may call.

    catalogue: node, door, recorders, analysers · door: web · live: door, recorders, analysers ·
    sights: door, recorders, analysers · control: node, door · health: whoever has signs to tell,
    and whoever asks for what they say.
    """

    catalogue: bytes
    door: bytes
    live: bytes
    sights: bytes
    control: bytes
    health: bytes

    @classmethod
    def fresh(cls) -> Secrets:
        return cls(
            catalogue=secrets.token_bytes(32),
            door=secrets.token_bytes(32),
            live=secrets.token_bytes(32),
            sights=secrets.token_bytes(32),
            control=secrets.token_bytes(32),
            health=secrets.token_bytes(32),
        )

    def of(self, process: str) -> dict[str, str]:
        """The secrets a process may know, as hexadecimal text for its orders."""
        known = {
            "catalogue": ("catalogue",),
            "door": ("catalogue", "door", "live", "sights", "control", "health"),
            "web": ("door",),
            "health": ("catalogue", "health"),
            "notifier": ("health",),
        }.get(process.partition("-")[0], ("catalogue", "live", "sights", "health"))
        return {name: getattr(self, name).hex() for name in known}


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where the processes of one start meet, and what they ask of each other."""

    sockets: Sockets
    secrets: Secrets


@contextmanager
def make_sockets() -> Iterator[Sockets]:
    """A private folder with a short path, gone at the end (Unix socket paths are limited)."""
    home = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    try:
        folder = Path(tempfile.mkdtemp(prefix="fairview-", dir=home))
    except OSError as error:
        raise Unavailable(f"no folder for sockets can be made in {home}: {error}") from error
    try:
        yield Sockets(folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
