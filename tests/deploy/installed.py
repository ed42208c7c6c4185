"""A wheel built from the checkout, installed into an environment of its own; a node run by it."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """bin: the environment's programs. wheel: what was installed."""

    wheel: Path
    bin: Path

    def run(
        self, *words: str, at: Path, stdin: str = "", more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.bin / "fairview"), *words],
            cwd=at,
            env=clean_environment(at, **(more or {})),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of the checkout, and a home of its own."""
    kept = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(home)}
    return {**kept, "XDG_CACHE_HOME": str(home / "cache"), **more}


def built_wheel(into: Path) -> Path:
    """Built without a network, by what the test environment holds."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    words = ["wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, *words, "-w", str(into), str(ROOT)], check=True, timeout=100)
    return next(into.glob("fairview-*.whl"))


def installed(into: Path) -> Installed:
    """The wheel in a fresh environment. What it depends on comes from the test environment: that
    the index holds it is another question than whether the wheel is whole."""
    wheel = built_wheel(into)
    place = into / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, timeout=100)
    python = place / "bin" / "python"
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True,
        timeout=100,
    )
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    lib = subprocess.run(
        [str(python), "-c", asked], check=True, capture_output=True, text=True, timeout=20
    ).stdout.strip()
    ours = subprocess.run(
        [sys.executable, "-c", asked], check=True, capture_output=True, text=True, timeout=20
    ).stdout.strip()
    # A path named in a .pth file is not searched for .pth files itself, so the checkout that the
    # test environment is tied to is not found.
    (Path(lib) / "what-it-depends-on.pth").write_text(f"{ours}\n")
    return Installed(wheel=wheel, bin=place / "bin")


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as packed:
        return set(packed.namelist())


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A running node. said: what it told the service manager so far."""

    port: int
    link: str
    process: subprocess.Popen[str]
    manager: socket.socket

    def ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None, cookie: str = ""
    ) -> tuple[int, dict[str, object], str]:
        """Status, JSON and the cookie that was set."""
        talk = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {
            "Content-Type": "application/json",
            "Origin": f"http://127.0.0.1:{self.port}",
            "Cookie": cookie,
        }
        try:
            text = json.dumps(body) if body is not None else None
            talk.request(method, path, body=text, headers=headers)
            answer = talk.getresponse()
            data = answer.read()
            set_cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
            is_json = "json" in (answer.getheader("Content-Type") or "")
            return answer.status, json.loads(data) if is_json else {}, set_cookie
        finally:
            talk.close()

    def heard(self) -> list[str]:
        """What it told the service manager since last asked."""
        self.manager.setblocking(False)
        found = []
        while True:
            try:
                found.append(self.manager.recv(8_192).decode())
            except BlockingIOError:
                return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(made: Installed, home: Path, data: Path, **more: str) -> Iterator[Node]:
    """A node as a service manager would start it, until everything answers; then a polite end."""
    notify, port = home / "notify", free_port()
    notify.unlink(missing_ok=True)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        (home / "node.log").open("a") as log,
    ):
        manager.bind(str(notify))
        process = subprocess.Popen(
            [str(made.bin / "fairview"), "serve", "--data", str(data), "--port", str(port)],
            cwd=home,
            env=clean_environment(
                home,
                NOTIFY_SOCKET=str(notify),
                WATCHDOG_USEC="2000000",
                PYTHONUNBUFFERED="1",
                **more,
            ),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            manager.settimeout(60)
            first = ""
            while not first.startswith("READY=1"):
                first = manager.recv(8_192).decode()
            yield Node(port=port, link=_link(process), process=process, manager=manager)
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _link(process: subprocess.Popen[str]) -> str:
    """The set-up link's token among what was printed before it was ready; empty without one."""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    text = process.stdout.read() or ""
    found = re.search(r"/set-up#(\S+)", text)
    return found[1] if found else ""


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    """Bounded. Errors: AssertionError when it never comes."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)
