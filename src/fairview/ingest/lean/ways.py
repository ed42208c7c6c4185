"""How pictures reach us: within the connection, as datagrams to us alone, or to a group.

Source:  RFC 2326 12.39 (Transport), C.1.2 (ports), RFC 3550 11 (port pairs), RFC 4566 5.7 (groups),
RFC 4607 (source-specific multicast).
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import re
import socket
import struct
from dataclasses import dataclass
from typing import Final, Literal

from fairview.core.camera import Transport
from fairview.core.errors import BadInput, FairviewError, NotAllowed, Unavailable
from fairview.core.limits_sources import (
    DATAGRAM_PORT_TRIES_MAX,
    DATAGRAM_SOCKET_BYTES,
    DATAGRAM_SOCKET_BYTES_CALM,
)

Way = Literal["tcp", "udp", "multicast"]
_WAYS: Final[dict[Transport, tuple[Way, ...]]] = {
    "auto": ("tcp", "udp"),
    "tcp": ("tcp",),
    "udp": ("udp",),
    "multicast": ("multicast",),
}
_SO_RCVBUFFORCE, _SO_RXQ_OVFL = 33, 40
"""Linux; the socket module does not name them."""
_IP_ADD_SOURCE_MEMBERSHIP = 39
_CONTROL_BLOCK = ipaddress.ip_network("224.0.0.0/23")
_SCOPES_V6: Final = frozenset({4, 5, 8})
_PORT_MIN = 1_024


def ways_of(transport: Transport) -> tuple[Way, ...]:
    """What to ask for, in this order; the next only where a server refuses the one before."""
    return _WAYS[transport]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """A server's Transport. port: of pictures, of reports the next; 0 when it does not say.

    group: where it sends to, empty when to us alone.
    """

    is_tcp: bool
    port: int
    report_port: int
    group: str


def agreed(text: str | None) -> Agreed:
    """Read a Transport header; what it leaves out is 0 or empty."""
    fields: dict[str, str] = {}
    first, *rest = (text or "").split(",")[0].split(";")
    for part in rest:
        key, _, value = part.strip().partition("=")
        fields.setdefault(key.lower(), value.strip().strip('"'))
    is_group = "multicast" in fields
    port, report_port = _ports(fields.get("port" if is_group else "server_port", ""))
    return Agreed(
        is_tcp="TCP" in first.upper(),
        port=port,
        report_port=report_port,
        group=fields.get("destination", "") if is_group else "",
    )


def group_checked(number: str) -> str:
    """A group that may be joined: none of those that networks are run with.

    Errors:  NotAllowed; BadInput for what is no group.
    """
    try:
        address = ipaddress.ip_address(number)
    except ValueError:
        address = None
    if address is None or not address.is_multicast:
        raise BadInput(
            f"the camera names {number[:60]!r} as its multicast group, which is none: "
            "set one in the camera, from 239.0.0.0 to 239.255.255.255"
        )
    is_refused = (
        address in _CONTROL_BLOCK
        if isinstance(address, ipaddress.IPv4Address)
        else address.packed[1] & 15 not in _SCOPES_V6
    )
    if is_refused:
        raise NotAllowed(
            f"{number} is a group that networks are run with: set another one in the camera, "
            "from 239.0.0.0 to 239.255.255.255"
        )
    return str(address)


@dataclass(slots=True, kw_only=True)
class Pair:
    """Two sockets, of pictures and of reports, and whom they listen to.

    peer: the camera's number; of what comes from elsewhere nothing is taken. port, report_port:
    the camera's, 0 until known. group: empty when the camera sends to us alone. is_roomy: whether
    the kernel keeps enough for looks from time to time.
    """

    rtp: socket.socket
    rtcp: socket.socket
    peer: str
    port: int = 0
    report_port: int = 0
    group: str = ""
    is_roomy: bool = False

    @property
    def own_ports(self) -> str:
        number = int(self.rtp.getsockname()[1])
        return f"{number}-{number + 1}"

    def tell(self, report: bytes) -> None:
        """Send a report to the camera, or its group; what can't be sent is left."""
        to = self.group or self.peer
        if self.report_port:
            with contextlib.suppress(OSError):
                self.rtcp.sendto(report, (to, self.report_port))

    def open_way(self) -> None:
        """Send an empty packet first, so that a firewall between lets the pictures through."""
        if self.port and not self.group:
            with contextlib.suppress(OSError):
                self.rtp.sendto(struct.pack(">BBHII", 0x80, 0, 0, 0, 0), (self.peer, self.port))

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


def unicast_pair(local: str, peer: str) -> Pair:
    """Two neighbouring ports of ours, the lower one even.

    local: our number on the way to the camera. Errors:  Unavailable when none are free.
    """
    fault: OSError | None = None
    for _ in range(DATAGRAM_PORT_TRIES_MAX):
        try:
            return _neighbours(local, peer)
        except OSError as error:
            fault = error
    raise Unavailable("no two neighbouring ports are free for datagrams: close programs") from fault


def group_pair(local: str, peer: str, group: str, port: int) -> Pair:
    """A group's two ports, joined on the network that the camera is on.

    Errors:  NotAllowed and BadInput as `group_checked`; Unavailable when it can't be joined.
    """
    group = group_checked(group)
    if not _PORT_MIN <= port < 65_535:
        raise BadInput(f"the camera names port {port} for its multicast group: set 1024 to 65534")
    opened: list[socket.socket] = []
    fault: FairviewError | None = None
    try:
        for number in (port, port + 1):
            one = _socket(group)
            opened.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Bound to the group, not to any address: other groups on the same port stay away.
            one.bind((group, number))
            _join(one, group, local, peer)
    except OSError as error:
        fault = Unavailable(
            f"the multicast group {group}:{port} can't be joined ({error.strerror or error})"
        )
    if fault is not None:
        for one in opened:
            one.close()
        raise fault
    rtp, rtcp = opened
    return Pair(
        rtp=rtp, rtcp=rtcp, peer=peer, report_port=port + 1, group=group, is_roomy=_roomy(rtp)
    )


def _ports(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text)
    if found is None:
        return 0, 0
    first = int(found[1])
    second = int(found[2]) if found[2] else first + 1
    return (first, second) if max(first, second) < 65_536 else (0, 0)


def _neighbours(local: str, peer: str) -> Pair:
    rtp = _socket(local)
    try:
        rtp.bind((local, 0))
        if rtp.getsockname()[1] % 2:
            raise OSError(errno.EADDRINUSE, "an odd port")
        rtcp = _socket(local)
        try:
            rtcp.bind((local, rtp.getsockname()[1] + 1))
        except OSError:
            rtcp.close()
            raise
    except OSError:
        rtp.close()
        raise
    return Pair(rtp=rtp, rtcp=rtcp, peer=peer, is_roomy=_roomy(rtp))


def _socket(number: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in number else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def _roomy(sock: socket.socket) -> bool:
    """Ask for a large buffer and for a count of what did not fit; whether it was granted."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DATAGRAM_SOCKET_BYTES)
    with contextlib.suppress(OSError):  # needs rights that a service seldom has
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, DATAGRAM_SOCKET_BYTES)
    with contextlib.suppress(OSError):  # Linux only
        sock.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
    # Linux tells twice what fits, since it counts its own bookkeeping.
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2 >= DATAGRAM_SOCKET_BYTES_CALM


def _join(sock: socket.socket, group: str, local: str, peer: str) -> None:
    if ":" in group:
        index = sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF)
        member = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        return
    whom, where = socket.inet_aton(group), socket.inet_aton(local)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, where)
    try:
        # From the camera alone, so that switches and the kernel keep everything else away.
        source = whom + where + socket.inet_aton(peer)
        sock.setsockopt(socket.IPPROTO_IP, _IP_ADD_SOURCE_MEMBERSHIP, source)
    except OSError:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, whom + where)


def drops_told(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """How many datagrams did not fit in a socket's buffer so far; None when it says nothing."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_RXQ_OVFL and len(data) >= 4:
            return int(struct.unpack("@I", data[:4])[0])
    return None
