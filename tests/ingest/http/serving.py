"""A camera over HTTP that does what a test says, on this machine."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import cv2
import numpy as np

from fairview.core.camera import Login, Source
from fairview.core.ids import CameraId
from fairview.core.time import SystemClock
from fairview.ingest.address import AddressRules, entered
from fairview.ingest.http.source import HttpSource

HERE = AddressRules(allow_loopback=True)
Play = Callable[[socket.socket, str], None]
"""Gets a connection and the request's head."""


@dataclass(slots=True)
class Camera:
    """port: where it listens. heard: heads of requests, in order."""

    port: int
    heard: list[str] = field(default_factory=list)

    def address(self, path: str = "/video", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"


@contextmanager
def camera(play: Play, *, tls: ssl.SSLContext | None = None) -> Iterator[Camera]:
    """Answers each connection with `play`, one after the other, then closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = Camera(port=int(server.getsockname()[1]))
        thread = threading.Thread(target=_serve, args=(server, play, tls, found), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=5)


def _serve(server: socket.socket, play: Play, tls: ssl.SSLContext | None, found: Camera) -> None:
    while True:
        try:
            line, _ = server.accept()
        except OSError:
            return
        with contextlib.suppress(OSError), line:
            line.settimeout(5)
            secure = line if tls is None else tls.wrap_socket(line, server_side=True)
            with secure:
                while (head := request_of(secure)) is not None:
                    found.heard.append(head)
                    play(secure, head)
                    if "close" in head or tls is not None:
                        break


def request_of(line: socket.socket) -> str | None:
    """One request's head; None when the caller left."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = line.recv(4_096)
        if not piece:
            return None
        data += piece
    return data.decode()


def ended(line: socket.socket) -> None:
    """Say no more."""
    line.shutdown(socket.SHUT_RDWR)


def jpeg_picture(number: int, size_px: tuple[int, int] = (64, 48)) -> bytes:
    """A picture that differs from every other number's."""
    width, height = size_px
    ramp = (np.add.outer(np.arange(height), np.arange(width)) + 7 * number) % 256
    done, data = cv2.imencode(".jpg", ramp.astype(np.uint8))
    assert done
    return bytes(data)


def multipart_head(boundary: str, extra: str = "") -> bytes:
    return (
        f"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary={boundary}\r\n"
        f"{extra}\r\n"
    ).encode()


def source_of(address: str, login: Login | None = None, rules: AddressRules = HERE) -> HttpSource:
    parted = entered(address)
    return HttpSource(
        camera=CameraId("gate"),
        source=Source(stream="main", kind=parted.kind, address=parted.address),
        login=login or parted.login,
        rules=rules,
        clock=SystemClock(),
    )
