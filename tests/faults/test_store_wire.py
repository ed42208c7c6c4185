"""A connection that breaks before or after the other side did its work."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from fairview.core.errors import Unavailable
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.catalogue_remote import RemoteCatalogue
from fairview.store.catalogue_server import serve_catalogue
from fairview.store.contracts import CameraSaved, Change
from fairview.store.wire import WireServer
from tests import builders

SECRET = b"s" * 32


class Breaking(MemoryCatalogue):
    """Breaks every connection once, before or after a write is stored."""

    server: WireServer | None = None

    def __init__(self, *, is_stored: bool) -> None:
        super().__init__()
        self.is_stored = is_stored

    def write(self, changes: Sequence[Change]) -> None:
        server, self.server = self.server, None
        if server is None or self.is_stored:
            super().write(changes)
        if server is not None:
            for peer in list(server._peers):
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
            if not self.is_stored:
                raise Unavailable("broken before it was stored")


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_write_whose_answer_was_lost_is_safe_to_repeat(tmp_path: Path, is_stored: bool) -> None:
    catalogue = Breaking(is_stored=is_stored)
    saved = CameraSaved(camera=builders.camera(), sealed_login=None)
    client = RemoteCatalogue(tmp_path / "s", SECRET)
    with serve_catalogue(catalogue, tmp_path / "s", secret=SECRET) as server:
        catalogue.server = server
        with pytest.raises(Unavailable):
            client.write([saved])
        assert len(catalogue.cameras()) == (1 if is_stored else 0)
        client.write([saved])
        assert [row.camera for row in client.cameras()] == [saved.camera]
    client.close()


def test_a_catalogue_that_was_killed_is_found_again(tmp_path: Path) -> None:
    catalogue = MemoryCatalogue()
    client = RemoteCatalogue(tmp_path / "s", SECRET)
    camera = builders.camera()
    for revision in (1, 2, 3):
        with serve_catalogue(catalogue, tmp_path / "s", secret=SECRET):
            changed = builders.camera(revision=revision)
            client.write([CameraSaved(camera=changed, sealed_login=None)])
            assert client.camera(camera.id).camera.revision == revision
        with pytest.raises(Unavailable):
            client.segments(camera.id)
    client.close()
