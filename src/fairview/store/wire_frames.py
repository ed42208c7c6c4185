"""What goes over a local socket between our processes: frames, typed bodies, the handshake.

A frame is: length of the rest (4 bytes, big-endian), kind (1), name length (1), name, body
(msgpack). The name is the message's class name in requests and an error's name in errors.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
import socket
import struct
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from fairview.core.camera import Secret
from fairview.core.errors import BadInput, Corrupt, NotAllowed, Overloaded, Unavailable
from fairview.core.limits import WIRE_MESSAGE_BYTES_MAX
from fairview.core.time import US_PER_SECOND

_LENGTH = struct.Struct(">I")
_ONE_WRITE_BYTES_MAX = 64 * 1024
_NONCE_BYTES = 32
_HELLO_OPEN, _HELLO_FULL, _HELLO_REFUSED = b"\x01", b"\x02", b"\x03"


class Kind(IntEnum):
    """What a frame is."""

    CALL = 1
    STREAM = 2
    REPLY = 3
    ITEM = 4
    END = 5
    ERROR = 6


class Frame(NamedTuple):
    """One frame as read: kind, name (may be empty) and the undecoded body."""

    kind: Kind
    name: str
    body: memoryview


def _encode_special(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"{type(value).__name__} does not cross between processes")


def _decode_special(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(f"{kind.__name__} does not cross between processes")


def encoded(value: object) -> bytes:
    """A dataclass, struct or plain value as msgpack. A `Secret` crosses as its text.

    Errors:  BadInput when it is over WIRE_MESSAGE_BYTES_MAX.
    """
    body = msgspec.msgpack.encode(value, enc_hook=_encode_special)
    if len(body) > WIRE_MESSAGE_BYTES_MAX:
        raise BadInput(
            f"{type(value).__name__} has {len(body)} bytes; one message has at most "
            f"{WIRE_MESSAGE_BYTES_MAX}: ask for less at once"
        )
    return body


@functools.lru_cache(maxsize=512)
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind, dec_hook=_decode_special)


def decoded(kind: Any, body: memoryview | bytes) -> Any:
    """A body as the type it was said to be.

    Errors:  BadInput when it is not of that type; also what its constructor refuses.
    """
    try:
        return _decoder(kind).decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadInput(f"not a {getattr(kind, '__name__', kind)}: {error}") from error


def send_frame(peer: socket.socket, kind: Kind, name: str = "", body: bytes = b"") -> None:
    """Errors:  Unavailable when the other side is gone or reads nothing."""
    label = name.encode("ascii")
    head = _LENGTH.pack(2 + len(label) + len(body)) + bytes((kind, len(label))) + label
    try:
        if len(body) <= _ONE_WRITE_BYTES_MAX:
            peer.sendall(head + body)
        else:
            peer.sendall(head)
            peer.sendall(body)
    except OSError as error:
        raise Unavailable("the other process went away while we were talking to it") from error


def read_frame(peer: socket.socket) -> Frame | None:
    """The next frame; None when the other side closed between frames.

    Errors:  Unavailable when it breaks off or stays silent past the socket's time-out; Corrupt
    for a frame that is over the bound or makes no sense.
    """
    head = _read_exactly(peer, _LENGTH.size, may_end=True)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if not 2 <= length <= WIRE_MESSAGE_BYTES_MAX + 257:
        raise Corrupt(f"a message of {length} bytes is over the bound; closing the connection")
    rest = _read_exactly(peer, length)
    assert rest is not None
    kind, label = rest[0], rest[1]
    if kind not in Kind._value2member_map_ or 2 + label > length:
        raise Corrupt("a message of an unknown kind; closing the connection")
    return Frame(
        Kind(kind), bytes(rest[2 : 2 + label]).decode("ascii", "replace"), rest[2 + label :]
    )


def _read_exactly(peer: socket.socket, size: int, *, may_end: bool = False) -> memoryview | None:
    view = memoryview(bytearray(size))
    got = 0
    while got < size:
        try:
            count = peer.recv_into(view[got:])
        except OSError as error:
            raise Unavailable("the other process went away or does not answer") from error
        if count == 0:
            if may_end and got == 0:
                return None
            raise Unavailable("the other process closed the connection")
        got += count
    return view


def peer_uid(peer: socket.socket) -> int:
    """The user the process at the other end runs as, by the kernel's word (SO_PEERCRED)."""
    _, uid, _ = struct.unpack(
        "3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    )
    return int(uid)


def set_send_timeout(peer: socket.socket, us: int) -> None:
    """Sends fail after this long; reads keep waiting."""
    timeval = struct.pack("ll", us // US_PER_SECOND, us % US_PER_SECOND)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)


def _proof(secret: bytes, side: bytes, nonces: bytes) -> bytes:
    return hmac.new(secret, b"fairview wire " + side + nonces, hashlib.sha256).digest()


def greet(peer: socket.socket, secret: bytes) -> bool:
    """The server's half: whether the other side knows the secret. It never crosses itself."""
    ours = secrets.token_bytes(_NONCE_BYTES)
    peer.sendall(_HELLO_OPEN + ours)
    answer = _read_exactly(peer, _NONCE_BYTES + 32)
    assert answer is not None
    nonces = ours + bytes(answer[:_NONCE_BYTES])
    if not hmac.compare_digest(_proof(secret, b"client", nonces), bytes(answer[_NONCE_BYTES:])):
        peer.sendall(_HELLO_REFUSED)
        return False
    peer.sendall(_HELLO_OPEN + _proof(secret, b"server", nonces))
    return True


def turn_away(peer: socket.socket, *, is_full: bool) -> None:
    """Instead of a greeting: too many connections, or not someone we talk to."""
    peer.sendall(_HELLO_FULL if is_full else _HELLO_REFUSED)


def introduce(peer: socket.socket, secret: bytes) -> None:
    """The client's half.

    Errors:  NotAllowed when either side does not know the secret or our user is refused;
    Overloaded when the server is full; Unavailable when it goes away.
    """
    _hear_open(peer)
    theirs = _read_exactly(peer, _NONCE_BYTES)
    assert theirs is not None
    ours = secrets.token_bytes(_NONCE_BYTES)
    nonces = bytes(theirs) + ours
    peer.sendall(ours + _proof(secret, b"client", nonces))
    _hear_open(peer)
    proof = _read_exactly(peer, 32)
    assert proof is not None
    if not hmac.compare_digest(_proof(secret, b"server", nonces), bytes(proof)):
        raise NotAllowed("the process behind the socket is not the one we started")


def _hear_open(peer: socket.socket) -> None:
    hello = _read_exactly(peer, 1)
    assert hello is not None
    if bytes(hello) == _HELLO_FULL:
        raise Overloaded("the other process has as many connections as it takes; try later")
    if bytes(hello) != _HELLO_OPEN:
        raise NotAllowed("the other process refused us: not its user, or not this start's secret")
