"""Over rtsps the lean reader gets the same pictures, from who it was told to trust."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from fairview.core.camera import Source
from fairview.core.errors import FairviewError, NotAllowed, Unavailable
from fairview.core.ids import CameraId
from fairview.core.media import Packet
from fairview.core.time import SystemClock
from fairview.ingest.address import AddressRules
from fairview.ingest.lean.source import LeanSource
from tests.ingest.http.test_tls import HERE, OTHER, certificate
from tests.ingest.test_lean_source import pictures, usual


@contextmanager
def camera(context: ssl.SSLContext, count: int) -> Iterator[str]:
    """A camera's address; it answers in TLS and hangs up after its pictures."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    peer, _ = server.accept()
                    with (
                        suppress(OSError),
                        closing(peer),
                        closing(context.wrap_socket(peer, server_side=True)) as secure,
                    ):
                        _talk(secure)

        def _talk(peer: ssl.SSLSocket) -> None:
            data = b""
            while piece := peer.recv(4_096):
                data += piece
                while b"\r\n\r\n" in data:
                    head, _, data = data.partition(b"\r\n\r\n")
                    asked = head.decode()
                    assert asked.split()[1].startswith("rtsps://"), asked
                    peer.sendall(usual(asked.split()[0], "", asked, pics=pictures(count)))
                    if asked.startswith("PLAY"):
                        peer.unwrap()
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"rtsps://127.0.0.1:{server.getsockname()[1]}/live"
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join(timeout=5)


def got(address: str, certificates: Path | None) -> tuple[list[Packet], FairviewError]:
    source = LeanSource(
        camera=CameraId("a"),
        source=Source(stream="main", kind="rtsp", address=address),
        login=None,
        rules=AddressRules(allow_loopback=True, certificates=certificates),
        clock=SystemClock(),
    )
    packets: list[Packet] = []
    try:
        packets.extend(source.packets())
    except FairviewError as error:
        return packets, error
    raise AssertionError("a live stream ends with its cause")


@pytest.mark.parametrize("count", [5, 120])
def test_pictures_over_tls_are_the_same_over_any_number_of_records(
    tmp_path: Path, count: int
) -> None:
    pem, context = certificate(tmp_path, HERE)
    with camera(context, count) as address:
        packets, error = got(address, pem)
    assert len(packets) == count
    assert isinstance(error, Unavailable)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    _, context = certificate(tmp_path, OTHER)
    with camera(context, 5) as address:
        packets, error = got(address, None)
    assert packets == []
    assert isinstance(error, NotAllowed)
    assert "certificate" in str(error)


def test_a_camera_without_tls_is_told_apart(tmp_path: Path) -> None:
    pem, _ = certificate(tmp_path, HERE)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with closing(peer), suppress(OSError):
                peer.sendall(b"RTSP/1.0 400 Bad Request\r\n\r\n")
                peer.recv(4_096)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        packets, error = got(f"rtsps://127.0.0.1:{server.getsockname()[1]}/live", pem)
        thread.join(timeout=5)
    assert packets == []
    assert isinstance(error, Unavailable)
    assert "TLS" in str(error)
