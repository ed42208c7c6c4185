"""What a child process hears from the node: JSON lines on standard input, the first its start."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from fairview.config.plain import from_plain, to_plain
from fairview.run.logs import set_up_logs
from fairview.run.places import Sockets

if TYPE_CHECKING:
    from fairview.config.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOrders:
    """settings, where the sockets lie, the secrets it may know, and the process's own extras."""

    settings: Settings
    sockets: Sockets
    secrets: Mapping[str, bytes]
    extra: Mapping[str, Any]


def start_orders(
    settings: Settings, sockets: Path, secrets: Mapping[str, str], **extra: object
) -> dict[str, object]:
    """The first line for a child."""
    return {
        "settings": settings.model_dump(mode="json", by_alias=True),
        "plain": to_plain(settings),
        "sockets": str(sockets),
        "secrets": dict(secrets),
        "extra": extra,
    }


def read_start(process: str) -> StartOrders:
    """Read the first line, and set up logs under the process's name."""
    from fairview.config.settings import Settings

    line = _first_line()
    return _begun(process, line, Settings.model_validate(line["settings"]))


def read_plain_start(process: str) -> StartOrders:
    """The same with settings as plain values, for a process that stays small."""
    line = _first_line()
    return _begun(process, line, from_plain(line["plain"]))


def _first_line() -> dict[str, Any]:
    line: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    return line


def _begun(process: str, line: Mapping[str, Any], settings: Settings) -> StartOrders:
    set_up_logs(settings.logs, process=process)
    return StartOrders(
        settings=settings,
        sockets=Sockets(folder=Path(line["sockets"])),
        secrets={name: bytes.fromhex(text) for name, text in line["secrets"].items()},
        extra=line["extra"],
    )


def follow(stop: threading.Event, told: Callable[[Mapping[str, Any]], None] | None = None) -> None:
    """Hear further orders in a thread; set `stop` when the node closes them or is gone."""

    def listen() -> None:
        for line in sys.stdin.buffer:
            if told is not None:
                told(json.loads(line))
        structlog.get_logger().debug("orders closed")
        stop.set()

    threading.Thread(target=listen, name="orders", daemon=True).start()
