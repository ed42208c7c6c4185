"""The web process over the pretend door on a loopback port, and Debian's Chromium beside it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from fairview.core.time import SystemClock
from fairview.serve.app import create_app
from fairview.serve.server import Listening, web_server
from tests.serve.pretend_door import PretendDoor

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path(os.environ.get("FAIRVIEW_CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    url: str
    door: PretendDoor


def build_pages() -> None:
    """Nothing when they are built already."""
    subprocess.run([sys.executable, str(ROOT / "tools" / "web.py")], check=True)


@contextmanager
def web_over_pretend_door() -> Iterator[Running]:
    door = PretendDoor(SystemClock())
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = web_server(create_app(door), Listening(host="127.0.0.1", port=port))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Running(url=f"http://127.0.0.1:{port}", door=door)
    finally:
        door.stop()
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(ARGUMENTS), headless=True
        )
        try:
            yield browser
        finally:
            browser.close()
