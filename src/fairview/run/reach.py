"""How people reach the node: address, HTTPS, and what to tell them (decision 19)."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from fairview.config.settings import Settings, is_loopback
from fairview.core.errors import BadInput
from fairview.core.time import Instant
from fairview.run.certificate import CHAIN_FILE, own_certificate
from fairview.store.durable import make_folders
from fairview.store.layout import DataFolder, open_data_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the web process listens and the URL people type.

    fingerprint: of our own certificate, for a person to compare; empty for others.
    """

    host: str
    port: int
    url: str
    hosts: tuple[str, ...]
    certificate: Path | None
    private_key: Path | None
    fingerprint: str
    is_https: bool
    proxies: tuple[str, ...]


def address_of(settings: Settings, now: Instant) -> Address:
    """Decide plain or HTTPS; makes our own certificate when it is needed."""
    server = settings.server
    certificate, private_key, fingerprint = server.certificate, server.private_key, ""
    is_plain = server.https in ("off", "proxy") or (
        server.https == "auto" and is_loopback(server.host)
    )
    if is_plain:
        certificate = private_key = None
    elif server.https == "auto":
        folder = open_data_folder(settings.data, create=True)
        make_folders(folder.root / "web")
        own = own_certificate(folder.root / "web", _names(settings), now)
        certificate, private_key, fingerprint = own.chain, own.private_key, own.fingerprint
    is_https = not is_plain or server.https == "proxy"
    shown = server.hosts[0] if server.hosts else _shown(server.host)
    return Address(
        host=server.host,
        port=server.port,
        url=f"{'https' if is_https else 'http'}://{shown}:{server.port}",
        hosts=_names(settings),
        certificate=certificate,
        private_key=private_key,
        fingerprint=fingerprint,
        is_https=is_https,
        proxies=server.proxies if server.https == "proxy" else (),
    )


def certificate_of(settings: Settings) -> Path | None:
    """Where the server's certificate lies, our own or one from elsewhere; None on plain HTTP."""
    server = settings.server
    if server.https == "files":
        return server.certificate
    if server.https == "auto" and not is_loopback(server.host):
        return DataFolder(root=settings.data.absolute()).root / "web" / CHAIN_FILE
    return None


def refuse_taken_port(address: Address) -> None:
    """Errors:  BadInput when nobody can listen there."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[0][4])
    except OSError as error:
        raise BadInput(
            f"can't listen on {address.host} port {address.port} ({error.strerror or error}): "
            "choose another with --port or server.port"
        ) from error


def is_answering(address: Address) -> bool:
    """Whether somebody accepts connections there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104
    try:
        with socket.create_connection((host, address.port), timeout=1):
            return True
    except OSError:
        return False


def _names(settings: Settings) -> tuple[str, ...]:
    server = settings.server
    names = {"localhost", "127.0.0.1", "::1", *server.hosts}
    if server.host not in ("0.0.0.0", "::"):  # noqa: S104  # compared, not bound
        names.add(server.host)
    else:
        names.add(socket.gethostname())
    return tuple(sorted(names))


def _shown(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104  # compared, not bound
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
