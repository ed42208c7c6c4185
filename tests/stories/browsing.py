"""A browser without pages: sessions over HTTP, live sockets, and a copy of the public ledger."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import av
import httpx
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

NAME, PASSWORD = "ada", "a long enough password for one"
REGISTER: dict[str, str] = {
    "purpose": "traffic counts",
    "legal_basis": "city order 7",
    "operator": "City of Fairview, roads",
    "contact": "roads@fairview.example",
    "area": "the junction of First and Main",
    "retention_h": "24",
    "review_at": "2100-01-01T00:00:00Z",
}


Look = Mapping[str, Any]


class Browser:
    """One browser at one node: its own cookies, and the Origin a page would send."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(
            base_url=self.origin, headers={"Origin": self.origin}, timeout=30, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def sign_in(self, password: str = PASSWORD) -> httpx.Response:
        return self.http.post("/api/v1/session", json={"name": NAME, "password": password})

    def get(self, path: str, look: Look | None = None, **query: Any) -> httpx.Response:
        headers = {"X-Fairview-Look": look["token"]} if look else {}
        return self.http.get(path, headers=headers, params=query)

    def post(
        self, path: str, body: object, look: Look | None = None, **headers: str
    ) -> httpx.Response:
        if look:
            headers["X-Fairview-Look"] = look["token"]
        return self.http.post(path, json=body, headers=headers)

    def look(self, camera: str, **changes: Any) -> dict[str, Any]:
        answer = self.post("/api/v1/looks", {"cameras": [camera], **changes})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def live(
        self, look: dict[str, Any], camera: str, origin: str | None = None
    ) -> ClientConnection:
        """An open live socket; nothing is said on it yet."""
        return connect(
            f"ws://127.0.0.1:{self.port}/api/v1/looks/{look['id']}/live/{camera}",
            origin=Origin(origin or self.origin),
            additional_headers={"Cookie": self.cookie} if self.cookie else {},
            open_timeout=10,
            proxy=None,
        )

    @property
    def cookie(self) -> str:
        return "; ".join(f"{one.name}={one.value}" for one in self.http.cookies.jar)


def live_pieces(socket: ClientConnection, token: str, fragments: int) -> tuple[str, bytes]:
    """What covers it, and an init with that many fragments."""
    socket.send(json.dumps({"token": token}))
    whole, cover, seen = b"", "", 0
    while seen < fragments:
        header = json.loads(socket.recv(timeout=30))
        assert header["type"] in ("init", "fragment"), header
        piece = socket.recv(timeout=30)
        assert isinstance(piece, bytes)
        assert len(piece) == header["size_bytes"]
        assert (header["type"] == "init") == (whole == b"")
        whole += piece
        cover = header["cover"]
        seen += header["type"] == "fragment"
    return cover, whole


def pictures(film: bytes) -> int:
    """How many pictures of a film can be decoded; all of them must."""
    with av.open(io.BytesIO(film), "r") as container:
        return sum(1 for _ in container.decode(video=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCopy:
    """The public ledger as anybody can copy it. entries: the leaves, in order."""

    size: int
    entries: list[dict[str, Any]]


def copy_ledger(http: httpx.Client, folder: Path) -> LedgerCopy:
    """Every static file of the ledger, for one checkpoint (fewer than 65,536 entries).

    Source:  C2SP tlog-tiles: partial tiles are named by their width and go when they are full.
    """
    for _ in range(10):
        checkpoint = http.get("/ledger/checkpoint")
        assert checkpoint.status_code == 200
        size = int(checkpoint.text.splitlines()[1])
        files = {name: http.get(f"/ledger/{name}") for name in tiles(size)}
        if all(answer.status_code == 200 for answer in files.values()):
            break
    else:
        raise AssertionError("the ledger's tiles are not served")
    entries: list[dict[str, Any]] = []
    for name, answer in {"checkpoint": checkpoint, **files}.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(answer.content)
        if name.startswith("tile/entries/"):
            entries.extend(json.loads(entry) for entry in bundle(answer.content))
    return LedgerCopy(size=size, entries=entries)


def tiles(size: int) -> list[str]:
    names = []
    for level, width in (("0", size), ("entries", size), ("1", size // 256)):
        full, rest = divmod(width, 256)
        names += [f"tile/{level}/{number:03d}" for number in range(full)]
        names += [f"tile/{level}/{full:03d}.p/{rest}"] if rest else []
    return names


def bundle(data: bytes) -> list[bytes]:
    """An entry bundle: each entry after its length in two bytes."""
    found = []
    while data:
        length = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + length])
        data = data[2 + length :]
    return found


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    quiet, ends = threading.Event(), time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not come to pass in time"
        quiet.wait(0.1)
