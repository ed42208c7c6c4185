"""Log lines as the journal of systemd wants them: a priority in front, one line each.

The journal is told apart by JOURNAL_STREAM, which names the device and inode of the stream that
it reads; where standard error is another one (redirected, a terminal), lines stay as they are.

Source:  sd-daemon(3) for the prefixes, systemd.exec(5) for JOURNAL_STREAM.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TextIO

_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2, "exception": 3}
_NOTICE = 5

Renderer = Callable[[Any, str, MutableMapping[str, Any]], str | bytes]


def is_journal(environment: Mapping[str, str], stream: TextIO) -> bool:
    """Whether a stream goes to the journal."""
    device, _, inode = environment.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


def with_priority(renderer: Renderer) -> Renderer:
    """A renderer whose lines begin with `<3>` and the like, and never break."""

    def rendered(logger: Any, name: str, event: MutableMapping[str, Any]) -> str:
        level = str(event.get("level", name))
        text = renderer(logger, name, event)
        line = text.decode() if isinstance(text, bytes) else text
        whole = "\\n".join(line.splitlines())
        return f"<{_PRIORITIES.get(level, _NOTICE)}>{whole}"

    return rendered
