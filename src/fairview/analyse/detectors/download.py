"""One file from a publisher's address, resumable, never larger than expected.

https only; plain http only to this machine itself. What has come stays in the part file when the
connection breaks.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from fairview.core.errors import Corrupt, NotFound, Unavailable
from fairview.core.limits_seeing import MODEL_CONNECT_US_MAX, MODEL_PULL_US_MAX, MODEL_REDIRECTS_MAX
from fairview.core.time import US_PER_SECOND, Clock
from fairview.store.durable import AppendFile, create_file, remove_file, reopen_file

_PIECE_BYTES = 64 * 1024
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_NOT_THERE = (404, 410)
_OTHER_PART = 416


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What to fetch. by_hand: what somebody without a network can do instead."""

    address: str
    size_bytes: int
    part: Path
    by_hand: str


class _Answer(Protocol):
    """What is used of an HTTP response."""

    status: int
    headers: Any

    def read(self, amount: int, /) -> bytes:
        """At most so many bytes; empty at the end."""


def download(wanted: Download, clock: Clock, progress: Callable[[float, str], None]) -> None:
    """The part file holds exactly size_bytes on return.

    Errors:  NotFound when the address has no such file; Corrupt when it is larger than expected;
    Unavailable without a network, when it breaks off, or takes longer than MODEL_PULL_US_MAX.
    """
    have = wanted.part.stat().st_size if wanted.part.is_file() else 0
    if have > wanted.size_bytes:
        remove_file(wanted.part)
        have = 0
    if have == wanted.size_bytes:
        return
    try:
        with _asked(wanted, have) as answer:
            _stored(wanted, answer, clock, progress)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _OTHER_PART:
            remove_file(wanted.part)
        raise _told(wanted, error.code) from error
    except urllib.error.URLError as error:
        raise Unavailable(
            f"{wanted.address} can't be reached ({error.reason}). Try again, or {wanted.by_hand}"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise _cut(wanted) from error
    if wanted.part.stat().st_size < wanted.size_bytes:
        raise _cut(wanted)


def _asked(wanted: Download, have: int) -> Any:
    _refuse_plain(wanted.address)
    words = {"User-Agent": "fairview", "Accept-Encoding": "identity"}
    if have:
        words["Range"] = f"bytes={have}-"
    request = urllib.request.Request(wanted.address, headers=words)  # noqa: S310  # checked above
    # A city's proxy is used as its environment says, but not to reach this machine itself.
    is_here = urlsplit(wanted.address).hostname in _LOOPBACK
    ways = [urllib.request.ProxyHandler({})] if is_here else []
    opener = urllib.request.build_opener(_CarefulRedirects, *ways)
    return opener.open(request, timeout=MODEL_CONNECT_US_MAX / US_PER_SECOND)


def _stored(
    wanted: Download, answer: _Answer, clock: Clock, progress: Callable[[float, str], None]
) -> None:
    began_us = clock.monotonic_us()
    file = _opened_part(wanted, answer)
    try:
        while piece := answer.read(_PIECE_BYTES):
            if file.size_bytes + len(piece) > wanted.size_bytes:
                file.close()
                remove_file(wanted.part)
                raise Corrupt(
                    f"{wanted.address} gives more than the {wanted.size_bytes} bytes that its "
                    f"card tells; nothing was kept. It may have changed: {wanted.by_hand}"
                )
            file.append(piece)
            progress(file.size_bytes / wanted.size_bytes, "")
            if clock.monotonic_us() - began_us > MODEL_PULL_US_MAX:
                raise _cut(wanted)
        file.sync()
    finally:
        file.close()


def _opened_part(wanted: Download, answer: _Answer) -> AppendFile:
    """Where the bytes go: after what is there if the server goes on from there."""
    if wanted.part.is_file():
        have = wanted.part.stat().st_size
        begins = str(answer.headers.get("Content-Range", "")).startswith(f"bytes {have}-")
        if answer.status == http.client.PARTIAL_CONTENT and begins:
            return reopen_file(wanted.part)
        remove_file(wanted.part)
    if answer.status != http.client.OK:
        raise _told(wanted, answer.status)
    return create_file(wanted.part, mode=0o644)


def _told(wanted: Download, status: int) -> NotFound | Unavailable:
    if status in _NOT_THERE:
        return NotFound(f"{wanted.address} has no such file any more ({status}); {wanted.by_hand}")
    return Unavailable(f"{wanted.address} answered {status}; try again later, or {wanted.by_hand}")


def _cut(wanted: Download) -> Unavailable:
    return Unavailable(
        f"{wanted.address} broke off; what came is kept, run the same again to go on. Or "
        f"{wanted.by_hand}"
    )


def _refuse_plain(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise Unavailable(f"{address} is not https; models are fetched over https only")


class _CarefulRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a publisher's redirects, but never to plain http elsewhere."""

    max_redirections = MODEL_REDIRECTS_MAX

    def redirect_request(  # urllib's own signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _refuse_plain(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
