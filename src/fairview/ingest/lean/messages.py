"""RTSP messages as text. Pure.

Source:  RFC 2326 4-7 (messages), 12.37 (Session), 12.39 (Transport).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fairview.core import limits
from fairview.core.errors import BadInput
from fairview.ingest.lean.unsuited import Unsuited

_STATUS = re.compile(r"RTSP/\d\.\d (\d{3})")
_TEXT = re.compile(rb"RTSP/1\.[01] |[A-Z_]{4,16} [^\r\n]")
_TEXT_CUT = re.compile(rb"[A-Z_]{1,16} ?\Z|RTSP/1?\.?[01]?\Z")
_SESSION_S_DEFAULT = 60
MESSAGE_LOOKED_AT = 20
"""So many bytes tell whether a message begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An answer (status set) or a request of the server's (status None)."""

    status: int | None
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def first(self, name: str) -> str | None:
        """A header's first value; name in small letters."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """timeout_us: how long the server waits for a sign of life."""

    name: str
    timeout_us: int


def request(method: str, url: str, number: int, headers: Sequence[tuple[str, str]]) -> bytes:
    """A request without a body."""
    lines = [f"{method} {url} RTSP/1.0", f"CSeq: {number}", "User-Agent: Fairview"]
    lines += [f"{key}: {value}" for key, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def begins_message(head: bytes) -> bool | None:
    """Whether these bytes, at most MESSAGE_LOOKED_AT, begin a message; None while too few."""
    if _TEXT.match(head):
        return True
    return None if len(head) < MESSAGE_LOOKED_AT and _TEXT_CUT.match(head) else False


def message_at(data: bytes | bytearray, start: int, end: int) -> tuple[Message, int] | None:
    """The message between start and end, and where it ends; None while it is not complete.

    Bounds:  limits.SDP_BYTES_MAX for the head and for the body.
    Errors:  BadInput for a longer one.
    """
    mark = data.find(b"\r\n\r\n", start, end)
    if mark < 0:
        if end - start > limits.SDP_BYTES_MAX:
            raise BadInput("what answers there talks without end: check the port")
        return None
    if mark - start > limits.SDP_BYTES_MAX:
        raise BadInput("what answers there talks without end: check the port")
    lines = bytes(data[start:mark]).decode("utf-8", "replace").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:])
    headers = tuple((key.strip().lower(), value.strip()) for key, _, value in pairs)
    status = _STATUS.match(lines[0])
    stated = next((value for key, value in headers if key == "content-length"), "0")
    length = int(stated) if re.fullmatch(r"[0-9]{1,9}", stated) else 0
    if length > limits.SDP_BYTES_MAX:
        raise BadInput("what answers there announces too long an answer: check the port")
    after = mark + 4 + length
    if after > end:
        return None
    message = Message(
        status=int(status[1]) if status else None,
        headers=headers,
        body=bytes(data[mark + 4 : after]),
    )
    return message, after


def channel_of(transport: str | None) -> int:
    """The channel that pictures come on.

    Errors:  Unsuited when the server chose another way than within this connection.
    """
    text = transport or ""
    found = re.search(r"interleaved=(\d{1,3})", text)
    if "TCP" not in text.upper() or (found and int(found[1]) > 255):
        raise Unsuited("the server does not send within the connection")
    return int(found[1]) if found else 0


def session_of(text: str | None) -> Session:
    """The server's session; an unreadable or absent time-out is the standard's."""
    name, *rest = (text or "").split(";")
    found = re.search(r"(?i)timeout=(\d{1,6})", ";".join(rest))
    seconds = int(found[1]) if found else 0
    return Session(
        name=re.sub(r"[\x00-\x20\x7f]", "", name),
        timeout_us=(seconds or _SESSION_S_DEFAULT) * 1_000_000,
    )
