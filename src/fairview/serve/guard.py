"""What stands before every route: Host and Origin, body size, security headers, last catch.

Pure ASGI, so that it holds for sockets and streams too.
"""

from __future__ import annotations

import json
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fairview.core.errors import BadInput, NotAllowed
from fairview.core.limits import WEB_BODY_BYTES_MAX
from fairview.serve.problems import answer_every_error
from fairview.serve.settings import WebSettings

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""No inline script or style, nothing from elsewhere. blob: is how players and pictures work."""

SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), display-capture=()",
}
PUBLIC_PREFIX = "/ledger/"
"""The ledger's files are for everyone: other sites may fetch them, without cookies."""

_SAFE_METHODS = ("GET", "HEAD")
_SAME_SITE = ("same-origin", "none")
_STATUS_REFUSED = 1008


class Guard:
    """Wraps the application.

    Refuses an unknown Host, a foreign Origin (for state changes and sockets also a missing
    one), a body over WEB_BODY_BYTES_MAX. Anything a route did not answer is answered here.
    """

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        reply = _Reply(scope, send)

        async def route() -> None:
            self._refuse_strangers(scope)
            _refuse_long_body(scope)
            await self._app(scope, _Bounded(receive).receive, reply.send)

        await answer_every_error(route, reply.problem, path=scope["path"])

    def _refuse_strangers(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._settings.knows_host(host):
            raise NotAllowed(
                "this name is not one that the server answers to; add it to server.hosts"
            )
        if not _is_public(scope):
            self._refuse_foreign_origin(scope, headers, host)

    def _refuse_foreign_origin(self, scope: Scope, headers: Headers, host: str) -> None:
        origin = headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        own = f"{self._settings.scheme}://{host}".lower()
        if origin is None and changes:
            raise NotAllowed("a change needs an Origin header that names this server")
        if origin is not None and origin.lower() != own:
            raise NotAllowed("another site may not use this server in your name")
        site = headers.get("sec-fetch-site", "none")
        if scope["path"].startswith("/api/") and site not in _SAME_SITE:
            raise NotAllowed("another site may not use this server in your name")


def _is_public(scope: Scope) -> bool:
    is_read = scope["type"] == "http" and scope["method"] in _SAFE_METHODS
    return is_read and scope["path"].startswith(PUBLIC_PREFIX)


def _refuse_long_body(scope: Scope) -> None:
    length = Headers(scope=scope).get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > WEB_BODY_BYTES_MAX:
        raise BadInput(f"a request has at most {WEB_BODY_BYTES_MAX} bytes")


class _Bounded:
    """Counts a body that came without an honest length."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen_bytes = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._seen_bytes += len(message.get("body", b""))
            if self._seen_bytes > WEB_BODY_BYTES_MAX:
                raise BadInput(f"a request has at most {WEB_BODY_BYTES_MAX} bytes")
        return message


class _Reply:
    """Adds the security headers, and knows whether an answer has begun."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._has_begun = False
        self._is_closed = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._add_headers(message)
        self._has_begun = True
        self._is_closed = self._is_closed or message["type"] == "websocket.close"
        await self._send(message)

    def _add_headers(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in SECURITY_HEADERS.items():
            headers[name] = value
        if self._scope["path"].startswith(PUBLIC_PREFIX):
            headers["Access-Control-Allow-Origin"] = "*"
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        else:
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers.setdefault("Cache-Control", "no-store")

    async def problem(self, status: int, body: dict[str, str]) -> None:
        """The error answer. A stream that has begun is broken off by the server instead."""
        if self._scope["type"] == "websocket":
            if not self._is_closed:
                await self.send({"type": "websocket.close", "code": _STATUS_REFUSED})
            return
        if self._has_begun:
            raise ConnectionAbortedError(HTTPStatus(status).phrase)
        data = json.dumps(body).encode()
        fields = [(b"content-type", b"application/json")]
        fields.append((b"content-length", str(len(data)).encode()))
        await self.send({"type": "http.response.start", "status": status, "headers": fields})
        await self.send({"type": "http.response.body", "body": data})
