"""Logs: text for people on a terminal, JSON lines for machines, always on standard error.

Where that is systemd's journal, each line is one entry with its priority (see journal_lines).
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import structlog

from fairview.run.health.journal_lines import is_journal, with_priority

if TYPE_CHECKING:
    from fairview.config.settings import Logs


def set_up_logs(settings: Logs, *, process: str) -> None:
    """Configure structlog once for this process; every line carries the process's name."""
    is_text = settings.form == "text" or (settings.form == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if is_text
        else structlog.processors.JSONRenderer()
    )
    if is_journal(os.environ, sys.stderr):
        renderer = with_priority(structlog.processors.JSONRenderer())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _named(process),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            getattr(logging, settings.level.upper())
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.clear_contextvars()


def _named(process: str) -> structlog.typing.Processor:
    """The process's name in every line, from whichever of its threads."""

    def named(logger: Any, name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        event.setdefault("process", process)
        return event

    return named
