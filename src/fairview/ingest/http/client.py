"""Asks a camera over HTTP, and hands its answer's body on as it comes.

The connection goes to the checked number behind the name. A redirect is followed only to an
address that passes the same checks; the login goes with it only to the same host, and never from
TLS to plain.

Source:  RFC 9110, RFC 9112 (HTTP/1.1); RFC 7617 (basic), RFC 7616 (digest).
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from fairview.core import limits
from fairview.core.camera import Login
from fairview.core.errors import BadInput, FairviewError, NotAllowed, NotFound, Unavailable
from fairview.core.limits_http import HTTP_HEAD_BYTES_MAX, HTTP_REDIRECTS_MAX
from fairview.core.time import US_PER_SECOND, Clock
from fairview.ingest.address import AddressRules, Endpoint, endpoint, entered, shown
from fairview.ingest.describe import authorization
from fairview.ingest.http.body import Body
from fairview.ingest.tls import connected, secured

_OPEN_S = limits.SOURCE_OPEN_US_MAX // US_PER_SECOND
_STATUS = re.compile(rb"(?:HTTP/\d\.\d|ICY) (\d{3})(?: |\r?\n)")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F))
_ELSEWHERE = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A camera's 200. content_type in lower case, without its parameters; boundary of those."""

    content_type: str
    boundary: str | None
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    status: int
    fields: tuple[tuple[str, str], ...]
    rest: bytes

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.fields if key == name)

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")


class HttpClient:
    """One address of one camera; asked by one thread, closed by any.

    Bounds:  limits.SOURCE_OPEN_US_MAX for each answer's head; one redirect after another up to
    HTTP_REDIRECTS_MAX; one line open at a time.
    """

    def __init__(
        self, *, address: str, login: Login | None, rules: AddressRules, clock: Clock
    ) -> None:
        self._address, self._login, self._rules, self._clock = address, login, rules, clock
        self._name = shown(address)
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._place: Endpoint | None = None
        self._body: Body | None = None
        self._keeps = False
        self._challenges: tuple[str, ...] = ()
        self._asked = 0
        self._is_closed = False

    def get(self) -> Answer:
        """Ask once more; the line is used again when the camera left it open.

        Errors:  NotAllowed, NotFound, Unavailable, BadInput, each saying what to do.
        """
        try:
            return self._answered()
        except TimeoutError as error:
            raise Unavailable(
                f"{self._name} did not answer in {_OPEN_S} s: check its cable and address"
            ) from error
        except ConnectionRefusedError as error:
            raise Unavailable(
                f"{self._name} refuses connections: check the port, and that its video is on"
            ) from error
        except OSError as error:
            because = error.strerror or type(error).__name__
            raise Unavailable(f"{self._name} can't be reached ({because})") from error

    def close(self) -> None:
        """Let go of the line, from any thread; safe to repeat. A reading under way ends."""
        with self._lock:
            self._is_closed = True
            line = self._line
        if line is not None:
            # The plain call: TLS's own would take the line apart under the thread that reads it.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(line, socket.SHUT_RDWR)

    def let_go(self) -> None:
        """Close the line for good, in the reading thread."""
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            line.close()

    def _answered(self) -> Answer:
        address, redirects, tries = self._address, 0, 0
        while True:
            head = self._exchange(address)
            if head.status == 200:
                return self._answer(head)
            if head.status in _ELSEWHERE:
                redirects += 1
                address = self._elsewhere(address, head, redirects)
                self._challenges = ()
            elif head.status == 401 and self._may_log_in(address) and tries < 2:
                tries += 1
                fresh = head.all("www-authenticate")
                if self._challenges == fresh:
                    raise self._refused(401)
                self._challenges, self._asked = fresh, 0
            else:
                raise self._refused(head.status)
            self.let_go()

    def _exchange(self, address: str) -> _Head:
        """One request and the head of its answer, on a kept line when there is one."""
        place = endpoint(address, self._rules)
        is_kept = self._is_free(place)
        if is_kept and self._line is not None:
            with contextlib.suppress(ConnectionError):
                return self._said(self._line, place, address)
        self.let_go()
        line = secured(place, self._rules, self._name) if place.is_tls else connected(place)
        with self._lock:
            self._line, self._place = line, place
            if self._is_closed:
                socket.socket.shutdown(line, socket.SHUT_RDWR)
        return self._said(line, place, address)

    def _is_free(self, place: Endpoint) -> bool:
        return (
            self._line is not None
            and self._keeps
            and self._place == place
            and self._body is not None
            and self._body.is_over
        )

    def _said(self, line: socket.socket, place: Endpoint, address: str) -> _Head:
        words = [
            f"GET {quote(place.path, safe=_PLAIN)} HTTP/1.1",
            f"Host: {place.named_authority}",
            "User-Agent: Fairview",
            "Accept: */*",
        ]
        proof = self._proof(address, place)
        if proof is not None:
            words.append(f"Authorization: {proof}")
        line.settimeout(_OPEN_S)
        line.sendall(("\r\n".join(words) + "\r\n\r\n").encode("utf-8"))
        return self._head(line)

    def _proof(self, address: str, place: Endpoint) -> str | None:
        if self._login is None or not self._challenges or not self._may_log_in(address):
            return None
        self._asked += 1
        path = quote(place.path, safe=_PLAIN)
        return authorization(self._challenges, self._login, path, method="GET", count=self._asked)

    def _may_log_in(self, address: str) -> bool:
        """Whether an address is the camera's own, or the same host under TLS."""
        if self._login is None:
            return False
        if address == self._address:
            return True
        home, there = _names(self._address), _names(address)
        return there == home or (there[0] == "https" and there[1] == home[1] and there[2] == 443)

    def _head(self, line: socket.socket) -> _Head:
        until_us = self._clock.monotonic_us() + limits.SOURCE_OPEN_US_MAX
        data = b""
        while (end := _HEAD_END.search(data)) is None:
            if len(data) > HTTP_HEAD_BYTES_MAX:
                raise BadInput(f"{self._name} talks without end: check the port")
            left_us = until_us - self._clock.monotonic_us()
            if left_us <= 0:
                raise TimeoutError
            line.settimeout(left_us / US_PER_SECOND)
            piece = line.recv(8_192)
            if not piece:
                raise ConnectionResetError("closed in the middle of an answer")
            data += piece
        status = _STATUS.match(data)
        if status is None:
            raise BadInput(f"{self._name} answers, but not in HTTP: check the port")
        lines = data[: end.start()].decode("latin-1").splitlines()[1:]
        fields = tuple(
            (key.strip().lower(), value.strip())
            for key, _, value in (text.partition(":") for text in lines)
        )
        return _Head(status=int(status.group(1)), fields=fields, rest=data[end.end() :])

    def _answer(self, head: _Head) -> Answer:
        assert self._line is not None, "an answer comes over a line"
        kind, _, parameters = head.first("content-type").partition(";")
        stated = head.first("content-length")
        is_chunked = "chunked" in head.first("transfer-encoding").lower()
        is_stated = stated.isdecimal() and len(stated) < 16 and not is_chunked
        self._keeps = (is_chunked or is_stated) and head.first("connection").lower() != "close"
        self._line.settimeout(limits.SOURCE_READ_US_MAX / US_PER_SECOND)
        kind = kind.strip().lower()
        length = int(stated) if is_stated and not kind.startswith("multipart/") else None
        self._body = Body(self._line, head.rest, is_chunked=is_chunked, length=length)
        boundary = re.search(r'boundary=(?:"([^"]*)"|([^;\s]+))', parameters, re.IGNORECASE)
        found = None if boundary is None else boundary.group(1) or boundary.group(2)
        return Answer(content_type=kind, boundary=found, body=self._body)

    def _elsewhere(self, address: str, head: _Head, redirects: int) -> str:
        """Where a redirect leads, when it may. Its text is a stranger's: it is never repeated."""
        if redirects > HTTP_REDIRECTS_MAX:
            raise NotAllowed(f"{self._name} sends us on and on: give the address of the pictures")
        try:
            target = urljoin(address.partition("#")[0], head.first("location"))
            parted = entered(target.partition("#")[0])
        except (ValueError, FairviewError):
            parted = None
        if parted is None or parted.kind != "http" or parted.login is not None:
            raise NotAllowed(
                f"{self._name} sends us to an address we don't read: give the address of the "
                "pictures"
            )
        if address.startswith("https:") and not parted.address.startswith("https:"):
            raise NotAllowed(
                f"{self._name} sends us from https to http: give the address of the pictures"
            )
        return parted.address

    def _refused(self, status: int) -> FairviewError:
        name = self._name
        match status:
            case 401 if self._login is None:
                return NotAllowed(
                    f"{name} asks for a login: give it as http://name:password@host/path"
                )
            case 401:
                return NotAllowed(f"{name} refuses the login: check the user name and the password")
            case 403:
                return NotAllowed(
                    f"{name} forbids this path to the login: check the camera's rights"
                )
            case 404 | 410:
                return NotFound(f"{name} has no such path: look it up in the camera's manual")
        return Unavailable(
            f"{name} answers with error {status}: look at the camera, then try again"
        )


def _names(address: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address that `entered` made."""
    parts = urlsplit(address)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or (443 if scheme == "https" else 80)
