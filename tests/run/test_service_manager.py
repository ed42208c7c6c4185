"""The service manager hears what it must, as often as it must, and holds nothing up."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fairview.core.time import US_PER_SECOND, ManualClock
from fairview.run.service_manager import ServiceManager
from fairview.run.supervise import Supervisor
from tests.builders import NOON


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(5)
        yield manager


def heard(manager: socket.socket) -> list[str]:
    """Everything that came so far."""
    manager.setblocking(False)
    found = []
    while True:
        try:
            found.append(manager.recv(8_192).decode())
        except BlockingIOError:
            return found


def test_ready_alive_and_stopping_are_said(tmp_path: Path) -> None:
    path, clock = str(tmp_path / "notify"), ManualClock(NOON)
    with listening(path) as manager:
        told = ServiceManager({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "60000000"}, clock)
        told.ready("two\nlines")
        for _ in range(120):
            told.alive()
            clock.advance(US_PER_SECOND)
        told.stopping()
        said = heard(manager)
    assert said[0] == f"READY=1\nSTATUS=two lines\nMAINPID={os.getpid()}"
    assert said[1:] == ["WATCHDOG=1"] * 4 + ["STOPPING=1"], "twice in the watchdog's time"


def test_a_name_in_the_abstract_space_is_heard() -> None:
    name = f"fairview-test-{secrets.token_hex(4)}"
    with listening(f"\0{name}") as manager:
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}, ManualClock(NOON)).ready("up")
        assert heard(manager)[0].startswith("READY=1")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "relative"},
        {"NOTIFY_SOCKET": "@"},
        {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "1"},
        {"WATCHDOG_USEC": "soon"},
    ],
)
def test_a_manager_that_is_not_there_holds_nothing_up(environment: dict[str, str]) -> None:
    told = ServiceManager(environment, ManualClock(NOON))
    told.ready("up")
    told.alive()
    told.stopping()
    assert told.is_there == ("/" in environment.get("NOTIFY_SOCKET", ""))


def test_another_processs_watchdog_is_not_fed(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}
    with listening(path) as manager:
        ServiceManager(environment, ManualClock(NOON)).alive()
        assert heard(manager) == []


def test_a_supervisor_that_looks_after_its_children_is_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, clock = str(tmp_path / "notify"), ManualClock(NOON)
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    with listening(path) as manager:
        supervisor = Supervisor(clock, lambda name, status: None)
        supervisor.look_after()
        supervisor.look_after()
        clock.advance(US_PER_SECOND)
        supervisor.look_after()
        supervisor.stop()
        assert heard(manager) == ["WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]
