"""A publisher's machine on loopback, well-behaved or not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Publisher:
    """What the server gives. cut_at: the connection breaks after so many bytes of the file.

    goes_on: whether it answers a request for the rest with the rest.
    """

    data: bytes = b""
    status: int = 200
    cut_at: int | None = None
    goes_on: bool = True
    sends_on_to: str | None = None
    tells_length: bool = True
    asked: list[str] = field(default_factory=list)
    address: str = ""


@contextmanager
def publishing(publisher: Publisher) -> Iterator[Publisher]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(publisher))
    publisher.address = f"http://127.0.0.1:{server.server_address[1]}/tiny.onnx"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield publisher
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(publisher: Publisher) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server calls
            wanted = self.headers.get("Range", "")
            publisher.asked.append(wanted)
            if publisher.sends_on_to is not None:
                self.send_response(302)
                self.send_header("Location", publisher.sends_on_to)
                self.end_headers()
                return
            if publisher.status != 200:
                self.send_error(publisher.status)
                return
            begin = int(wanted[6:-1]) if wanted and publisher.goes_on else 0
            if begin:
                self.send_response(206)
                end = len(publisher.data)
                self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{end}")
            else:
                self.send_response(200)
            rest = publisher.data[begin:]
            if publisher.tells_length:
                self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            cut = publisher.cut_at
            self.wfile.write(rest if cut is None else rest[: max(cut - begin, 0)])
            self.wfile.flush()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    return Handler
