"""Someone at a browser, without the browser: signs in, opens looks, reads footage over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.sync.client import connect

from fairview.core.time import Instant, Span, SystemClock, instant

NAME, PASSWORD = "bench", "a bench's own long password"
_HEADER = "X-Fairview-Look"
_PIECE_S_MAX = 90.0


class Ended(Exception):
    """The node ended a live picture, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    id: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One line of a playlist: where its initialisation and its bytes are, and what it shows."""

    init: str
    address: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One live piece and when its last byte was here."""

    is_init: bool
    codec: str
    cover: str
    at: Instant
    arrived_at: Instant
    arrived_s: float
    dropped: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A part, and seconds until its first fragment was here, and until all of it was."""

    data: bytes
    first_s: float
    whole_s: float


class Visitor:
    """One session over one kept connection, as a browser has it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.Client(base_url=url, headers={"Origin": url}, timeout=60)

    def close(self) -> None:
        self._http.close()

    def set_up(self, link: str) -> None:
        """Through the one-time link, as its page does."""
        asked = {"link_token": link.partition("#")[2], "name": NAME, "password": PASSWORD}
        self._http.post("/api/v1/set-up", json=asked).raise_for_status()

    def sign_in(self) -> None:
        asked = {"name": NAME, "password": PASSWORD}
        self._http.post("/api/v1/session", json=asked).raise_for_status()

    def footage(self, camera: str, span: Span) -> list[Span]:
        asked = {"start": span.start.iso(), "end": span.end.iso()}
        answer = self._json("GET", f"/api/v1/cameras/{camera}/timeline", params=asked)
        return [
            Span(start=instant(one["start"]), end=instant(one["end"])) for one in answer["footage"]
        ]

    def open_look(self, camera: str, rendition: str, span: Span | None) -> Look:
        wish: dict[str, Any] = {"cameras": [camera], "rendition": rendition}
        if span is not None:
            wish["span"] = {"start": span.start.iso(), "end": span.end.iso()}
        answer = self._json("POST", "/api/v1/looks", json=wish)
        return Look(id=answer["id"], token=answer["token"])

    def close_look(self, look: Look) -> None:
        self._read("DELETE", f"/api/v1/looks/{look.id}", headers={_HEADER: look.token})

    def parts(self, look: Look, camera: str) -> list[Part]:
        """The look's playlist, read as a player reads it."""
        folder = f"/api/v1/looks/{look.id}/hls/{camera}/"
        text = self._read("GET", folder + "index.m3u8", headers={_HEADER: look.token}).text
        return list(playlist_parts(text, folder))

    def bytes_of(self, look: Look, address: str) -> bytes:
        return self._read("GET", address, headers={_HEADER: look.token}).content

    def part(self, look: Look, address: str) -> Fetched:
        """A part as a player takes it: piece by piece."""
        began_s = time.monotonic()
        first_s, data = 0.0, bytearray()
        with self._http.stream("GET", address, headers={_HEADER: look.token}) as answer:
            if answer.is_error:
                raise RuntimeError(f"{address}: {answer.status_code} {answer.read()[:300]!r}")
            for some in answer.iter_raw():
                data += some
                if not first_s and has_fragment(data):
                    first_s = time.monotonic() - began_s
        return Fetched(data=bytes(data), first_s=first_s, whole_s=time.monotonic() - began_s)

    def picture(self, look: Look, camera: str, at: Instant) -> bytes:
        address = f"/api/v1/looks/{look.id}/pictures/{camera}"
        headers = {_HEADER: look.token}
        return self._read("GET", address, params={"at": at.iso()}, headers=headers).content

    @contextmanager
    def live(self, look: Look, camera: str) -> Iterator[Iterator[Piece]]:
        """Pieces as they come. Raises when the node ends the picture with an error."""
        address = f"{self._url.replace('http', 'ws', 1)}/api/v1/looks/{look.id}/live/{camera}"
        cookie = "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())
        headers = {"Cookie": cookie, "Origin": self._url}
        with connect(address, additional_headers=headers, max_size=None) as socket:
            socket.send(json.dumps({"token": look.token}))
            yield _pieces(socket.recv)

    def _json(self, method: str, address: str, **asked: Any) -> Any:
        return self._read(method, address, **asked).json()

    def _read(self, method: str, address: str, **asked: Any) -> httpx.Response:
        answer = self._http.request(method, address, **asked)
        if answer.is_error:
            raise RuntimeError(f"{method} {address}: {answer.status_code} {answer.text[:300]}")
        return answer


def has_fragment(data: bytes | bytearray) -> bool:
    """Whether a whole fragment is here: a `moof` with its `mdat`."""
    at, names = 0, []
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > len(data):
            break
        names.append(bytes(data[at + 4 : at + 8]))
        at += size
    return b"mdat" in names


def _pieces(receive: Any) -> Iterator[Piece]:
    clock = SystemClock()
    while True:
        header = json.loads(receive(timeout=_PIECE_S_MAX))
        if header["type"] == "end":
            raise Ended(f"{header['error']}: {header['message']}")
        data = receive(timeout=_PIECE_S_MAX)
        yield Piece(
            is_init=header["type"] == "init",
            codec=header["codec"],
            cover=header["cover"],
            at=instant(header["at"]),
            arrived_at=clock.now(),
            arrived_s=time.monotonic(),
            dropped=header["dropped"],
            data=data,
        )


def playlist_parts(playlist: str, folder: str) -> Iterator[Part]:
    """What a playlist names, in order; its addresses are relative to `folder`."""
    init, start, lasts_us = "", Instant(0), 0
    for line in playlist.splitlines():
        if line.startswith("#EXT-X-MAP:"):
            init = folder + line.split('"')[1]
        elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            start = instant(line.partition(":")[2])
        elif line.startswith("#EXTINF:"):
            lasts_us = round(float(line.partition(":")[2].rstrip(",")) * 1e6)
        elif line and not line.startswith("#"):
            span = Span(start=start, end=start.plus(lasts_us))
            yield Part(init=init, address=folder + line, span=span)


def part_at(parts: Sequence[Part], at: Instant) -> Part:
    """The part that shows a moment; the nearest before it where two leave a rounding between."""
    return max((one for one in parts if one.span.start <= at), key=lambda one: one.span.start)
