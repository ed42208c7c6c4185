"""The web process's own figures for Prometheus. One registry per application."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Meters:
    """Bounds: labels are status codes, error names and cover states, never names of anyone."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=True)
        self.answers = Counter(
            "fairview_web_answers",
            "Answers given, by status.",
            ["status"],
            registry=self._registry,
        )
        self.live_viewers = Gauge(
            "fairview_web_live_viewers", "Live sockets open.", registry=self._registry
        )
        self.live_bytes = Counter(
            "fairview_web_live_bytes",
            "Bytes of live pictures sent, by cover.",
            ["cover"],
            registry=self._registry,
        )
        self.live_dropped = Counter(
            "fairview_web_live_dropped_fragments",
            "Fragments that slow viewers missed.",
            registry=self._registry,
        )
        self.live_too_slow = Counter(
            "fairview_web_live_closed_slow",
            "Live sockets closed because the viewer did not read.",
            registry=self._registry,
        )
        self.looks = Counter("fairview_web_looks", "Looks opened here.", registry=self._registry)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self._registry)
