"""How uvicorn runs the application: bounded, silent about addresses, no forwarded lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from fairview.core.limits import WEB_BODY_BYTES_MAX

_HEAD_BYTES_MAX = 32 * 1024
_KEEP_ALIVE_S = 20
_STOP_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where to listen. proxies: addresses whose X-Forwarded-* headers are believed."""

    host: str
    port: int
    certificate: Path | None = None
    private_key: Path | None = None
    proxies: tuple[str, ...] = ()


def web_server(app: ASGIApp, listening: Listening) -> uvicorn.Server:
    """A server ready for `.run()` in a process of its own. No access log: looks are in the
    ledger, and addresses are nobody's business."""
    config = uvicorn.Config(
        app,
        host=listening.host,
        port=listening.port,
        ssl_certfile=listening.certificate,
        ssl_keyfile=listening.private_key,
        proxy_headers=bool(listening.proxies),
        forwarded_allow_ips=list(listening.proxies),
        ws="websockets-sansio",
        ws_max_size=WEB_BODY_BYTES_MAX,
        ws_per_message_deflate=False,
        h11_max_incomplete_event_size=_HEAD_BYTES_MAX,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="off",
    )
    return uvicorn.Server(config)
