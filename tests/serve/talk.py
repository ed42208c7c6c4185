"""Speaking to the application without a network: requests through httpx, sockets by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from fastapi import FastAPI

from fairview.serve.app import create_app
from fairview.serve.settings import WebSettings
from tests.serve.pretend_door import LINK, PretendDoor

ORIGIN = "http://127.0.0.1"
NAME, PASSWORD = "ada", "a long enough password"


class Talk:
    """One browser at one application."""

    def __init__(self, door: PretendDoor, settings: WebSettings | None = None) -> None:
        self.door = door
        self.settings = settings or WebSettings()
        self.app: FastAPI = create_app(door, settings=self.settings, clock=door.clock)
        origin = f"{self.settings.scheme}://127.0.0.1"
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app, client=("192.0.2.9", 5)),
            base_url=origin,
            headers={"Origin": origin},
        )

    async def set_up(self) -> httpx.Response:
        body = {"link_token": LINK, "name": NAME, "password": PASSWORD}
        return await self.http.post("/api/v1/set-up", json=body)

    async def look(self, **changes: Any) -> dict[str, Any]:
        wish: dict[str, Any] = {"cameras": ["junction-1"], **changes}
        answer = await self.http.post("/api/v1/looks", json=wish)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    @property
    def cookie(self) -> str:
        return "; ".join(f"{one.name}={one.value}" for one in self.http.cookies.jar)


class Socket:
    """The browser's end of one WebSocket, as ASGI messages."""

    def __init__(self) -> None:
        self._to_app: asyncio.Queue[Any] = asyncio.Queue()
        self._to_us: asyncio.Queue[Any] = asyncio.Queue(1)
        self._has_left = False
        self.closed_with: int | None = None

    async def receive(self) -> Any:
        return await self._to_app.get()

    async def send(self, message: Any) -> None:
        if not self._has_left:
            await self._to_us.put(message)

    async def hear(self) -> Any:
        """The next message: dict for a text, bytes, or None when the app has closed."""
        async with asyncio.timeout(5):
            message = await self._to_us.get()
        if message["type"] == "websocket.close":
            self.closed_with = message["code"]
            return None
        if message["type"] == "websocket.accept":
            return "accepted"
        if message.get("text") is not None:
            return json.loads(message["text"])
        return message["bytes"]

    async def say(self, text: str) -> None:
        await self._to_app.put({"type": "websocket.receive", "text": text})

    async def connect(self) -> None:
        await self._to_app.put({"type": "websocket.connect"})

    async def leave(self) -> None:
        self._has_left = True
        while not self._to_us.empty():
            self._to_us.get_nowait()
        await self._to_app.put({"type": "websocket.disconnect", "code": 1001})


async def with_socket(
    talk: Talk,
    path: str,
    story: Callable[[Socket], Awaitable[None]],
    headers: dict[str, str] | None = None,
) -> None:
    """Open a socket at a path, live through the story, leave, and wait for the app's end."""
    socket = Socket()
    sent = {"host": "127.0.0.1", "origin": ORIGIN, "cookie": talk.cookie, **(headers or {})}
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), text.encode()) for name, text in sent.items() if text],
        "client": ("192.0.2.9", 5),
        "server": ("127.0.0.1", 80),
        "subprotocols": [],
        "state": {},
    }
    await socket.connect()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(talk.app(scope, socket.receive, socket.send))
        await story(socket)
        await socket.leave()
