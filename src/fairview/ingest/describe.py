"""Asks an RTSP server what it has, without opening any of it: one DESCRIBE, answered in SDP.

FFmpeg could tell too, but it would have to set up the sound to name it, follows a redirect
without asking, and says little about what went wrong.

Source:  RFC 2326 10.2 (DESCRIBE), RFC 7616 and RFC 2617 (digest login), RFC 4566 (SDP).
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import socket
from dataclasses import dataclass

from fairview.core import limits
from fairview.core.camera import Login
from fairview.core.errors import BadInput, FairviewError, NotAllowed, NotFound, Unavailable
from fairview.core.time import US_PER_SECOND
from fairview.ingest.address import Endpoint

_WAIT_S = limits.SOURCE_OPEN_US_MAX / US_PER_SECOND
_PARAMETER = re.compile(r'([A-Za-z-]+)=(?:"([^"]*)"|([^\s,]+))')
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What an SDP lists. kinds: `video`, `audio`, `application` … in its order."""

    kinds: tuple[str, ...]

    @property
    def has_audio(self) -> bool:
        return "audio" in self.kinds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    challenges: tuple[str, ...]
    body: str


def describe(place: Endpoint, login: Login | None, name: str) -> Described:
    """Ask a checked place. name is what errors call it.

    Bounds:  limits.SOURCE_OPEN_US_MAX for each of at most two requests; an answer of at most
    limits.SDP_BYTES_MAX.
    Errors:  NotAllowed for a login that is missing, wrong or has no rights, and for a redirect;
    NotFound for a path that isn't there; Unavailable when nothing answers; BadInput when what
    answers is no RTSP server.
    """
    url = f"rtsp://{place.authority}{place.path}"
    try:
        with socket.create_connection((place.number, place.port), timeout=_WAIT_S) as sock:
            answer = _asked(sock, url, 1, None)
            if answer.status == 401 and login is not None:
                proof = authorization(answer.challenges, login, url)
                if proof is not None:
                    answer = _asked(sock, url, 2, proof)
    except TimeoutError as error:
        raise Unavailable(
            f"{name} did not answer in {_WAIT_S:.0f} s: check its cable and address"
        ) from error
    except ConnectionRefusedError as error:
        raise Unavailable(
            f"{name} refuses connections: check the port, and that RTSP is on"
        ) from error
    except OSError as error:
        raise Unavailable(f"{name} can't be reached ({error.strerror or error})") from error
    if answer.status == 200:
        return Described(kinds=tuple(re.findall(r"(?m)^m=(\w+) ", answer.body)))
    raise refused(answer.status, name, has_login=login is not None)


def authorization(
    challenges: tuple[str, ...], login: Login, url: str, *, method: str = "DESCRIBE", count: int = 1
) -> str | None:
    """The Authorization header for a request; digest where it is offered. None: neither kind.

    count: how many requests have used this challenge, with this one. Holds the password in the
    clear for basic login: for the wire only.
    """
    digest = [text for text in challenges if text.lower().startswith("digest")]
    for text in digest:
        fields = {key.lower(): a or b for key, a, b in _PARAMETER.findall(text)}
        algorithm = fields.get("algorithm", "MD5").upper()
        if algorithm in _HASHES and "nonce" in fields:
            return _digest(fields, login, f"{method}:{url}", count)
    if any(text.lower().startswith("basic") for text in challenges):
        pair = f"{login.name}:{login.password.reveal()}".encode()
        return f"Basic {_base64(pair)}"
    return None


def _digest(fields: dict[str, str], login: Login, asked: str, count: int) -> str:
    """asked: method and URL with a colon between."""
    algorithm = fields.get("algorithm", "MD5").upper()

    def hashed(*parts: str) -> str:
        # The standard's hash, chosen by the camera; what it protects is the wire, not a store.
        name = _HASHES[algorithm]
        return hashlib.new(name, ":".join(parts).encode(), usedforsecurity=False).hexdigest()

    realm, nonce = fields.get("realm", ""), fields["nonce"]
    who = hashed(login.name, realm, login.password.reveal())
    what = hashed(asked)
    url = asked.partition(":")[2]
    head = f'Digest username="{login.name}", realm="{realm}", nonce="{nonce}", uri="{url}"'
    if "algorithm" in fields:
        head += f", algorithm={algorithm}"
    if "opaque" in fields:
        head += f', opaque="{fields["opaque"]}"'
    if "auth" in fields.get("qop", "").replace(" ", "").split(","):
        own, number = secrets.token_hex(8), f"{count:08x}"
        answer = hashed(who, nonce, number, own, "auth", what)
        return f'{head}, qop=auth, nc={number}, cnonce="{own}", response="{answer}"'
    return f'{head}, response="{hashed(who, nonce, what)}"'


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _asked(sock: socket.socket, url: str, number: int, proof: str | None) -> _Answer:
    lines = [
        f"DESCRIBE {url} RTSP/1.0",
        f"CSeq: {number}",
        "Accept: application/sdp",
        "User-Agent: Fairview",
    ]
    if proof is not None:
        lines.append(f"Authorization: {proof}")
    sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return _received(sock)


def _received(sock: socket.socket) -> _Answer:
    data = b""
    while b"\r\n\r\n" not in data:
        data = _more(sock, data)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("utf-8", "replace").split("\r\n")
    status = re.match(r"RTSP/\d\.\d (\d{3})", lines[0])
    if status is None:
        raise BadInput("what answers there is no RTSP server: check the port")
    headers = [
        (key.strip().lower(), value.strip())
        for key, _, value in (line.partition(":") for line in lines[1:])
    ]
    stated = next((value for key, value in headers if key == "content-length"), "0")
    length = int(stated) if stated.isdecimal() else 0
    while len(body) < min(length, limits.SDP_BYTES_MAX):
        body = _more(sock, body)
    return _Answer(
        status=int(status.group(1)),
        challenges=tuple(value for key, value in headers if key == "www-authenticate"),
        body=body.decode("utf-8", "replace"),
    )


def _more(sock: socket.socket, data: bytes) -> bytes:
    if len(data) > limits.SDP_BYTES_MAX:
        raise BadInput("what answers there talks without end: check the port")
    piece = sock.recv(8_192)
    if not piece:
        raise ConnectionResetError("the connection was closed in the middle of an answer")
    return data + piece


def refused(status: int, name: str, *, has_login: bool) -> FairviewError:
    """What an answer other than 200 means to a person."""
    if status == 401 and not has_login:
        return NotAllowed(f"{name} asks for a login: give it as rtsp://name:password@host/path")
    if status == 401:
        return NotAllowed(f"{name} refuses the login: check the user name and the password")
    if status == 403:
        return NotAllowed(f"{name} forbids this path to the login: check the camera's rights")
    if status in (404, 410):
        return NotFound(f"{name} has no such path: look it up in the camera's manual")
    if 300 <= status < 400:
        return NotAllowed(f"{name} sends us elsewhere: give the address where the pictures are")
    return Unavailable(f"{name} answers with error {status}: look at the camera, then try again")
