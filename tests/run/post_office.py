"""Receivers on this machine: a webhook over HTTPS, and a mail server, each in a thread."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from fairview.core.time import SystemClock
from fairview.run.certificate import own_certificate


@dataclass(slots=True)
class Hook:
    """What was posted. answers: statuses to give, then 200."""

    url: str = ""
    ca_file: Path | None = None
    answers: list[int] = field(default_factory=list)
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


def tls_of(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context with our own certificate for localhost, and that certificate."""
    made = own_certificate(folder, (), SystemClock().now())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain, made.private_key)
    return context, made.chain


@contextmanager
def webhook(folder: Path) -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.posts.append((dict(self.headers.items()), body))
            status = hook.answers.pop(0) if hook.answers else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{hook.url}elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base's name
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context, hook.ca_file = tls_of(folder)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    hook.url = f"https://localhost:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(slots=True)
class MailBox:
    """What a mail server heard. clear: lines it heard before TLS."""

    port: int = 0
    ca_file: Path | None = None
    offers_tls: bool = True
    refuses: str = ""
    clear: list[str] = field(default_factory=list)
    secret: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)


@contextmanager
def mail_server(folder: Path, *, offers_tls: bool = True) -> Iterator[MailBox]:
    """Enough of SMTP (RFC 5321) with STARTTLS and AUTH PLAIN for one client at a time."""
    box = MailBox(offers_tls=offers_tls)
    context, box.ca_file = tls_of(folder)
    listener = socket.create_server(("127.0.0.1", 0))
    box.port = listener.getsockname()[1]

    def run() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with ExitStack() as held:
                held.enter_context(peer)
                peer.settimeout(5)
                try:
                    _talk(peer, context, box, held)
                except OSError:
                    continue

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield box
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _talk(peer: socket.socket, context: ssl.SSLContext, box: MailBox, held: ExitStack) -> None:
    heard, is_secret = box.clear, False
    peer.sendall(b"220 box\r\n")
    lines = held.enter_context(peer.makefile("rb"))
    while line := lines.readline().decode().rstrip("\r\n"):
        heard.append(line)
        word = line.split()[0].upper()
        if word == "EHLO":
            extras = ["box", "AUTH PLAIN LOGIN"]
            if box.offers_tls and not is_secret:
                extras.append("STARTTLS")
            told = [f"250-{one}" for one in extras[:-1]] + [f"250 {extras[-1]}"]
            peer.sendall(("\r\n".join(told) + "\r\n").encode())
        elif word == "STARTTLS":
            peer.sendall(b"220 go\r\n")
            peer = held.enter_context(context.wrap_socket(peer, server_side=True))
            lines, heard, is_secret = held.enter_context(peer.makefile("rb")), box.secret, True
        elif word == "DATA":
            peer.sendall(b"354 go\r\n")
            mail = []
            while (row := lines.readline().decode().rstrip("\r\n")) != ".":
                mail.append(row)
            box.mails.append("\n".join(mail))
            peer.sendall(b"250 taken\r\n")
        elif word == "QUIT":
            peer.sendall(b"221 bye\r\n")
            return
        elif word == "AUTH":
            peer.sendall(b"535 no\r\n" if box.refuses == "AUTH" else b"235 yes\r\n")
        else:
            peer.sendall(b"450 later\r\n" if box.refuses == word else b"250 yes\r\n")
