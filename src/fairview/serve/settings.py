"""What the web process is told when it starts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

WEB_DIST = Path(__file__).resolve().parent.parent / "web_dist"
"""Where tools/web.py puts the built pages; inside the wheel."""

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """How the pages and the API are reached.

    hosts: names people type into the browser, without ports; any port is fine. A page of
    another name that points at us (DNS rebinding) is refused by this list.
    allow_address_hosts: also take any plain IP address as Host. Safe against rebinding, since
    that attack needs a name; wanted when the node listens on every address.
    is_https: whether people reach us by HTTPS, here or at a proxy in front.
    web_dist: the built pages; when it is absent a plain page says how to build them.
    """

    hosts: tuple[str, ...] = LOOPBACK_HOSTS
    allow_address_hosts: bool = False
    is_https: bool = False
    web_dist: Path = WEB_DIST

    @property
    def scheme(self) -> str:
        return "https" if self.is_https else "http"

    @property
    def cookie(self) -> str:
        """The `__Host-` prefix makes the browser refuse a cookie that another host set."""
        return "__Host-fairview" if self.is_https else "fairview"

    def knows_host(self, host: str) -> bool:
        """Whether a Host header (with or without a port) is one of ours."""
        name = host_name(host)
        if name is None:
            return False
        return name in self.hosts or (self.allow_address_hosts and is_address(name))


def host_name(host: str) -> str | None:
    """The name in a Host header, lower case, without port and brackets; None when malformed."""
    text = host.strip().lower()
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        if not bracket or not (rest == "" or _is_port(rest)) or not is_address(name):
            return None
        return name
    name, colon, port = text.partition(":")
    if not name or (colon and not _is_port(f":{port}")):
        return None
    return name


def is_address(name: str) -> bool:
    """Whether a host name is a plain IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback_address(name: str) -> bool:
    """Whether a peer's address is this machine."""
    return is_address(name) and ipaddress.ip_address(name).is_loopback


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isascii() and text[1:].isdigit() and len(text) <= 6
