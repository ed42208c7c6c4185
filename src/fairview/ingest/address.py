"""Where pictures may come from: schemes, hosts, and passwords kept apart from addresses.

What a person types is parted at once into an address without a login, which is stored and
shown, and a Login, which is sealed. A host is looked up when we connect and every answer is
checked; the connection goes to the checked number, so that a name cannot point elsewhere a
moment later.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, unquote, urlsplit

from fairview.core.camera import Login, Secret, SourceKind
from fairview.core.errors import BadInput, NotAllowed, NotFound
from fairview.core.limits_http import SNAPSHOT_FPS_MAX, SNAPSHOT_FPS_MIN

if TYPE_CHECKING:
    from fairview.config.settings import Cameras

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_SECURE = frozenset({"rtsps", "https"})
_SENT_TO_US = {
    "udp": "a bare stream sent to this machine",
    "rtp": "a bare stream sent to this machine",
    "srt": "SRT",
    "rtmp": "RTMP",
    "hls": "a playlist",
}
_DEVICE = re.compile(r"/dev/(video[0-9]{1,3}|v4l/by-(id|path)/[A-Za-z0-9_.:+-]{1,200})\Z", re.ASCII)
_RATE = re.compile(r"fps=([0-9]{1,2}(\.[0-9]{1,3})?)\Z", re.ASCII)
_DOTS = "••••"
_SECRET_KEYS = re.compile(
    r"(?i)(?:^|[?&;/_])(pass|passwd|password|pwd|psw|secret|token|auth)=", re.ASCII
)
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")
_LOGIN_BYTES_MAX = 120
"""FFmpeg keeps an RTSP login in 128 bytes and cuts a longer one without a word."""

Lookup = Callable[[str, int], Sequence[str]]
"""Host and port to the numeric addresses behind the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRules:
    """Which addresses we connect to. Private networks and the internet always are allowed.

    allow_loopback: also this machine itself, for tests and cameras served from here.
    certificates: a PEM file of certificates that cameras may show beside those of known
    authorities: an authority's own, or single cameras'. None: only known authorities.
    """

    allow_loopback: bool = False
    certificates: Path | None = None


def rules_of(settings: Cameras) -> AddressRules:
    """The rules that a node's settings make."""
    return AddressRules(allow_loopback=settings.allow_loopback, certificates=settings.certificates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """An address as somebody entered it, parted. login None when there was none."""

    kind: SourceKind
    address: str
    login: Login | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A checked place to connect to.

    number: a numeric IPv4 or IPv6 address without brackets. is_tls: rtsps or https. scheme: as in
    the address.
    """

    host: str
    number: str
    port: int
    path: str
    scheme: str = "rtsp"

    @property
    def is_tls(self) -> bool:
        return self.scheme in _SECURE

    @property
    def named_authority(self) -> str:
        """`host:port` as an HTTP request names it; no port when it is the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def authority(self) -> str:
        """`number:port` as it stands in a URL."""
        return (
            f"[{self.number}]:{self.port}" if ":" in self.number else f"{self.number}:{self.port}"
        )


def entered(text: str) -> Entered:
    """Part an entered address: `rtsp(s)://…`, `http(s)://…`, `/dev/videoN`, a file path, `file:…`
    or `sim:…`.

    Errors:  BadInput for another scheme, a missing host, an unreadable port, or a password in
    a place other than before the host.
    """
    text = text.strip()
    if not text:
        raise BadInput(
            "an address is empty: give rtsp://host/path, http://host/path, /dev/video0, a file or "
            "sim:junction"
        )
    if text.startswith("sim:"):
        return Entered(kind="sim", address=text, login=None)
    if text.startswith("/dev/"):
        return _entered_device(text)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", text)
    if scheme is None:
        return Entered(kind="file", address=_file_path(text), login=None)
    name = scheme.group(1).lower()
    if name == "file":
        return Entered(kind="file", address=_file_path(_path_of_file_url(text)), login=None)
    if name in ("rtspt", "rtspu"):
        raise BadInput(f"{name} is not a scheme we read: write rtsp://, and how it travels apart")
    if name in _SENT_TO_US:
        raise BadInput(
            f"{name}: {_SENT_TO_US[name]} is not read: give the camera's own address, rtsp:// or "
            "http://, from its manual"
        )
    if name not in _PORTS:
        raise BadInput(
            f"{name} is not supported: use rtsp://, http://, /dev/video0, a file path or sim:"
        )
    return _entered_url(text, name)


def shown(text: str) -> str:
    """An address for a person or a log, whatever it holds: a login becomes dots."""
    plain = re.sub(r"(?i)^([a-z][a-z0-9+.-]*://)[^/?#]*@", rf"\1{_DOTS}@", text)
    # Up to the last @, for a password with an unescaped / or ?: better too much than too little.
    plain = re.sub(r"(?i)^([a-z][a-z0-9+.-]*://)(?!••••@)[^@]*:[^@]*@", rf"\1{_DOTS}@", plain)
    return re.sub(rf"({_SECRET_KEYS.pattern[4:]})[^&;/_]*", rf"\1{_DOTS}", plain, flags=re.I)


def place_of(address: str) -> str:
    """What two spellings of one camera's address have in common: host, port, path.

    address: a URL that `entered` made.
    """
    parts = _parts(address.partition("#")[0])
    port = parts.port or _PORTS[parts.scheme.lower()]
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.hostname}:{port}{parts.path.rstrip('/')}{query}"


def check_number(number: str, rules: AddressRules) -> None:
    """Errors:  NotAllowed unless the numeric address is one we may connect to."""
    try:
        address = ipaddress.ip_address(number)
    except ValueError as error:
        raise BadInput(f"{number!r} is not a numeric address") from error
    because = _refusal(address, rules)
    if because is not None:
        raise NotAllowed(f"{number} is {because}: cameras are not read from there")


def endpoint(address: str, rules: AddressRules, lookup: Lookup | None = None) -> Endpoint:
    """Look up an address's host now and check everything behind it.

    lookup: for tests; None asks the system's resolver.
    Errors:  NotFound when the name has no address; NotAllowed when any of its addresses is
    out of bounds, since a name that mixes them is how a check is got around.
    """
    parts = _parts(address.partition("#")[0])
    host, scheme = parts.hostname, parts.scheme.lower()
    assert host is not None, "_parts refuses an address without a host"
    port = parts.port or _PORTS[scheme]
    numbers = list((lookup or _system_lookup)(host, port))
    if not numbers:
        raise NotFound(f"{host} has no address: check the camera's name or use its number")
    for number in numbers:
        check_number(number, rules)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if scheme.startswith("http") and not path.startswith("/"):
        path = f"/{path}"
    return Endpoint(host=host, number=numbers[0], port=port, path=path, scheme=scheme)


def snapshot_fps(address: str) -> float | None:
    """The pictures a second that an http address asks for in `#fps=`; None: it says nothing.

    Errors:  BadInput outside limits.SNAPSHOT_FPS_MIN to SNAPSHOT_FPS_MAX, or for other words.
    """
    words = address.partition("#")[2]
    if not words:
        return None
    stated = _RATE.match(words)
    fps = float(stated.group(1)) if stated else 0.0
    if not SNAPSHOT_FPS_MIN <= fps <= SNAPSHOT_FPS_MAX:
        raise BadInput(
            f"after # an address may only say how often a single picture is fetched: #fps=2 "
            f"({SNAPSHOT_FPS_MIN:g} to {SNAPSHOT_FPS_MAX:g} a second)"
        )
    return fps


def with_login(place: Endpoint, login: Login | None) -> str:
    """The URL to hand to FFmpeg. It may hold the password: never store, log or raise it.

    Errors:  BadInput for a login that RTSP can't carry.
    """
    if login is None:
        return f"{place.scheme}://{place.authority}{place.path}"
    if ":" in login.name:
        raise BadInput("a camera's user name can't hold a colon")
    text = f"{quote(login.name, safe='')}:{quote(login.password.reveal(), safe='')}"
    if len(text) > _LOGIN_BYTES_MAX:
        raise BadInput("the camera's login is too long (120 characters, percent-encoded)")
    return f"{place.scheme}://{text}@{place.authority}{place.path}"


def _entered_device(text: str) -> Entered:
    if _DEVICE.match(text) is None:
        raise BadInput(
            f"{text} is not a camera's device: give /dev/video0, or its lasting name under "
            "/dev/v4l/by-id/"
        )
    return Entered(kind="usb", address=text, login=None)


def _entered_url(text: str, scheme: str) -> Entered:
    if _CONTROL.search(text):
        raise BadInput(f"{shown(text)!r} holds a space, a backslash or a control character")
    is_http = scheme.startswith("http")
    address, hash_sign, words = text.partition("#")
    has_rate = is_http and _RATE.match(words) is not None
    authority, *after = re.split(r"[/?#]", address.partition("://")[2], maxsplit=1)
    if authority.count("@") > 1 or "@" in "".join(after) or (hash_sign and not has_rate):
        # A password with a bare @, / or # reads as a host; guessing could send it to a stranger.
        raise BadInput(
            "an address holds an @ or # out of place: in a password write @ as %40, / as %2F, "
            "? as %3F and # as %23; in a path write @ as %40"
        )
    parts = _parts(address)
    if _SECRET_KEYS.search(parts.path) or _SECRET_KEYS.search(f"?{parts.query}"):
        raise BadInput(
            f"{shown(text)} holds a password in its path or query, where it would be stored and "
            f"shown: give the login apart, or as {scheme}://name:password@host/path"
        )
    login = None
    if parts.username is not None:
        login = Login(name=unquote(parts.username), password=Secret(unquote(parts.password or "")))
    host = parts.hostname or ""
    authority = f"[{host}]" if ":" in host else host
    if parts.port is not None:
        authority += f":{parts.port}"
    query = f"?{parts.query}" if parts.query else ""
    address = f"{scheme}://{authority}{parts.path}{query}"
    if has_rate:
        address += f"#{words}"
        snapshot_fps(address)
    return Entered(kind="http" if is_http else "rtsp", address=address, login=login)


def _parts(text: str) -> SplitResult:
    # The cause is not chained: urllib's messages quote the text they could not read.
    fault = None
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        fault = BadInput(f"{shown(text)} is not an address: check its host and port")
    if fault is not None:
        raise fault
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise BadInput(f"{shown(text)} is not an rtsp or http address")
    if not parts.hostname or "%" in parts.hostname:
        raise BadInput(f"{shown(text)} has no host: write {scheme}://host/path")
    if parts.port == 0:
        raise BadInput(f"{shown(text)} has port 0: leave the port out for {_PORTS[scheme]}")
    return parts


def _path_of_file_url(text: str) -> str:
    rest = text[len("file:") :]
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise BadInput("a file: address names another machine: copy the file here first")
        rest = slash + path
    return unquote(rest)


def _file_path(text: str) -> str:
    if "\x00" in text:
        raise BadInput("a file's path can't hold a zero byte")
    return str(Path(text).expanduser().absolute())


def _refusal(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, rules: AddressRules
) -> str | None:
    """Why an address is out of bounds; None when it isn't."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return "an IPv4 address in IPv6 clothes"
        if address.sixtofour is not None or address.teredo is not None or _is_nat64(address):
            return "an IPv4 address inside an IPv6 one"
        if address.scope_id is not None:
            return "bound to one link"
    if address.is_loopback:
        return None if rules.allow_loopback else _THIS_MACHINE
    if address.is_unspecified:
        return "no address at all"
    if address.is_link_local:
        return "link-local (also where clouds keep their secrets)"
    if address.is_multicast:
        return "a multicast address"
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return "a retired site-local address"
    if address == ipaddress.ip_address("255.255.255.255") or address.is_reserved:
        return "a reserved address"
    if isinstance(address, ipaddress.IPv4Address) and address.packed[0] == 0:
        return "an address of this network"
    return "a cloud's metadata service" if str(address) in _METADATA else None


_THIS_MACHINE = "this machine itself (the setting cameras.allow_loopback opens it)"

_METADATA = frozenset({"fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"})
"""Metadata services outside 169.254/16: AWS over IPv6, Alibaba, Azure, Oracle."""


def _is_nat64(address: ipaddress.IPv6Address) -> bool:
    return any(
        address in network
        for network in (
            ipaddress.ip_network("64:ff9b::/96"),
            ipaddress.ip_network("64:ff9b:1::/48"),
            ipaddress.ip_network("::/96"),
        )
    ) and not (address.is_loopback or address.is_unspecified)


def _system_lookup(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise NotFound(
            f"{host} was not found: check the camera's name or use its number"
        ) from error
    numbers: list[str] = []
    for *_, place in found:
        number = str(place[0])
        if number not in numbers:
            numbers.append(number)
    return numbers
