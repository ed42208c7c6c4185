"""What a service manager hears from the node: ready, alive, stopping.

systemd gives the socket's path in NOTIFY_SOCKET and the watchdog's time in WATCHDOG_USEC; without
them nothing is sent. A message that can't be sent is dropped: the manager then does what it does
with a node that says nothing, and recording never waits for it.

Source:  sd_notify(3), sd_watchdog_enabled(3); systemd.service(5), Type=notify and WatchdogSec.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import structlog

from fairview.core.limits_care import NOTIFY_BYTES_MAX
from fairview.core.time import Clock


class ServiceManager:
    """Used by one thread."""

    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        """environment: the process's. A watchdog meant for another process is none of ours."""
        self._clock = clock
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        is_ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._every_us = _half(environment.get("WATCHDOG_USEC", "")) if is_ours else 0
        self._due_us = 0
        self._has_failed = False

    @property
    def is_there(self) -> bool:
        return self._address is not None

    def ready(self, words: str) -> None:
        """Everything answers. words: shown by `systemctl status`."""
        self._send(f"READY=1\nSTATUS={_line(words)}\nMAINPID={os.getpid()}")

    def alive(self) -> None:
        """Called in the node's loop: tells the watchdog twice in its time, never more often."""
        now_us = self._clock.monotonic_us()
        if self._every_us and now_us >= self._due_us:
            self._due_us = now_us + self._every_us
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto(text.encode()[:NOTIFY_BYTES_MAX], self._address)
        except OSError as error:
            if not self._has_failed:
                structlog.get_logger().warning("service manager away", because=str(error))
            self._has_failed = True
        else:
            self._has_failed = False


def _address(text: str) -> str | None:
    """A path, or a name in Linux's abstract space (written with @). None for anything else."""
    if text.startswith("@") and len(text) > 1:
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _half(text: str) -> int:
    return int(text) // 2 if text.isdigit() else 0


def _line(words: str) -> str:
    return words.replace("\n", " ")
