"""Talking between our own processes: typed messages over a Unix-domain socket, from threads.

A message is a frozen dataclass or a `msgspec.Struct` at module level; its class name is its name
on the wire. Both sides must know the same classes; an unknown message is an error (BadInput).
Everything in `core` crosses typed: Instant, Span, Segment, Camera, enums, frozensets, tuples;
`core.camera.Secret` crosses as its text (local sockets only, nobody but us can read them).
What a constructor refuses is refused on arrival. A union of dataclasses needs a wrapper: a
`msgspec.Struct` with a tag per member (catalogue_messages.py shows how); `X | None` is fine.

Server::

    def seen(message: Ping) -> Pong: ...                      # runs in the connection's thread
    def live(message: Watch, hangup: Hangup) -> Iterator[LiveChunk]:
        subscription = tap.subscribe()
        hangup.when_set(subscription.close)                   # client gone, or server closing
        with closing(subscription):
            yield from subscription                           # END is sent when it returns

    server = serve(path, [answers(Ping, seen), streams(Watch, live)], secret=secret)
    ...
    server.close()                                            # ends streams, joins threads

Client, usable from any number of threads::

    connection = Connection(path, secret)                     # connects on first use
    pong = connection.call(Ping(text="hello"), Pong)          # typed reply
    connection.call(Forget(id=7))                             # reply None
    rows = connection.call(ListSegments(...), tuple[Segment, ...])
    with connection.stream(Watch(camera=id), LiveChunk) as chunks:
        for chunk in chunks: ...                              # chunks.close() from any thread
    connection.close()

Errors:  a FairviewError raised by a handler is raised again at the caller by its name and text.
Unavailable: the other process is away, went away mid-call, or did not answer within timeout_us
(the call may have happened). Overloaded: too many connections. NotAllowed: another user (peer uid
by the kernel) or another start's secret. Anything else a handler raises is our own mistake: it
ends that connection, the caller gets Unavailable, and the thread's exception hook tells.

Bounds:  WIRE_* in core/limits.py; messages over WIRE_MESSAGE_BYTES_MAX are refused on both sides.
A peer that reads nothing for WIRE_SEND_US_MAX loses its connection. One connection serves one
stream or one call at a time; calls share a pool of WIRE_POOL_MAX.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

from fairview.core.errors import (
    BadInput,
    Corrupt,
    FairviewError,
    Overloaded,
    Unavailable,
    error_named,
)
from fairview.core.limits import (
    WIRE_CALL_US_MAX,
    WIRE_CONNECTIONS_MAX,
    WIRE_HANDSHAKE_US_MAX,
    WIRE_POOL_MAX,
    WIRE_SEND_US_MAX,
)
from fairview.core.time import US_PER_SECOND
from fairview.store.wire_frames import (
    Frame,
    Kind,
    decoded,
    encoded,
    introduce,
    read_frame,
    send_frame,
    set_send_timeout,
)
from fairview.store.wire_server import Handler, Hangup, WireServer, answers, streams

R = TypeVar("R")

_PATH_BYTES_MAX = 100
"""Linux allows 107; the short-lived name while binding needs a few more."""


def serve(
    path: Path,
    handlers: Sequence[Handler],
    *,
    secret: bytes,
    allowed_uids: frozenset[int] | None = None,
    connections_max: int = WIRE_CONNECTIONS_MAX,
) -> WireServer:
    """Answer at a socket until `close`; the socket accepts connections on return.

    allowed_uids None means only our own user. The socket's mode is 0600, or 0666 when other users
    are allowed (the uid check and the secret still hold, and the folder's mode). A socket left
    over at the path is replaced.

    Errors:  BadInput when the path is over 100 bytes or the secret under 16; Unavailable when
    the socket can't be made.
    """
    if len(bytes(path)) > _PATH_BYTES_MAX:
        raise BadInput(f"the socket path {path} is too long: use a shorter folder")
    if len(secret) < 16:
        raise BadInput("a wire secret has at least 16 bytes")
    server = WireServer(
        path, handlers, secret=secret, allowed_uids=allowed_uids, connections_max=connections_max
    )
    server.start()
    return server


class Stream(Iterator[R], Generic[R]):
    """A server's stream of items. Iterate in one thread; `close` from any."""

    def __init__(self, peer: socket.socket, item: Any) -> None:
        self._peer = peer
        self._item = item
        self._is_closed = False

    def __iter__(self) -> Stream[R]:
        return self

    def __next__(self) -> R:
        """Errors:  what the handler raised; Unavailable when the server went away."""
        if self._is_closed:
            raise StopIteration
        try:
            frame = _answer(read_frame(self._peer))
        except FairviewError:
            if self._is_closed:
                raise StopIteration from None
            self.close()
            raise
        if frame.kind is Kind.END:
            self.close()
            raise StopIteration
        return decoded(self._item, frame.body)  # type: ignore[no-any-return]  # typed by _item

    def close(self) -> None:
        """End the stream at both sides; safe to repeat."""
        self._is_closed = True
        with contextlib.suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Stream[R]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        self._peer.close()

    def __del__(self) -> None:
        self._peer.close()


class Connection:
    """A client of one served socket; connects when first used and again after the server was away.

    Safe from several threads; each call under way has a connection of its own.
    """

    def __init__(
        self,
        path: Path,
        secret: bytes,
        *,
        timeout_us: int = WIRE_CALL_US_MAX,
        pool_max: int = WIRE_POOL_MAX,
    ) -> None:
        self._path = path
        self._secret = secret
        self._timeout_us = timeout_us
        self._slots = threading.BoundedSemaphore(pool_max)
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []
        self._is_closed = False

    @overload
    def call(self, message: object) -> None: ...
    @overload
    def call(self, message: object, reply: type[R]) -> R: ...
    def call(self, message: object, reply: Any = None) -> Any:
        """One question, one answer of the type `reply` (None when left out).

        Errors:  what the handler raised; see the module's text for the rest.
        """
        body = encoded(message)
        if not self._slots.acquire(timeout=self._timeout_us / US_PER_SECOND):
            raise Overloaded(f"too many calls at once to {self._path.name}; try later")
        try:
            peer = self._take()
            keep = False
            try:
                send_frame(peer, Kind.CALL, type(message).__name__, body)
                frame = read_frame(peer)
                keep = frame is not None
                return decoded(reply, _answer(frame).body)
            finally:
                self._give_back(peer, keep=keep)
        finally:
            self._slots.release()

    def stream(self, message: object, item: type[R]) -> Stream[R]:
        """Ask for a stream of items; it lives on a connection of its own."""
        body = encoded(message)
        peer = self._open()
        try:
            send_frame(peer, Kind.STREAM, type(message).__name__, body)
        except Unavailable:
            peer.close()
            raise
        peer.settimeout(None)
        set_send_timeout(peer, WIRE_SEND_US_MAX)
        return Stream(peer, item)

    def close(self) -> None:
        """Let go of idle connections; safe to repeat. Calls under way finish by themselves."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for peer in idle:
            peer.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _take(self) -> socket.socket:
        while True:
            with self._lock:
                if self._is_closed:
                    raise Unavailable(f"the connection to {self._path.name} was closed by us")
                peer = self._idle.pop() if self._idle else None
            if peer is None:
                return self._open()
            if not _has_hung_up(peer):
                return peer
            peer.close()

    def _give_back(self, peer: socket.socket, *, keep: bool) -> None:
        with self._lock:
            if keep and not self._is_closed:
                self._idle.append(peer)
                return
        peer.close()

    def _open(self) -> socket.socket:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            peer.settimeout(WIRE_HANDSHAKE_US_MAX / US_PER_SECOND)
            peer.connect(str(self._path))
            introduce(peer, self._secret)
            peer.settimeout(self._timeout_us / US_PER_SECOND)
        except OSError as error:
            peer.close()
            raise Unavailable(f"nothing answers at {self._path.name}; is it running?") from error
        except FairviewError:
            peer.close()
            raise
        return peer


def _answer(frame: Frame | None) -> Frame:
    """The frame, or the error in it raised."""
    if frame is None:
        raise Unavailable("the other process closed the connection")
    if frame.kind is Kind.ERROR:
        raise error_named(frame.name, str(frame.body, "utf-8"))
    if frame.kind not in (Kind.REPLY, Kind.ITEM, Kind.END):
        raise Corrupt("the other process answered with a question")
    return frame


def _has_hung_up(peer: socket.socket) -> bool:
    """Whether the server closed (or said something unasked) while the connection was idle."""
    readable, _, _ = select.select([peer], [], [], 0)
    return bool(readable)


__all__ = [
    "Connection",
    "Handler",
    "Hangup",
    "Stream",
    "WireServer",
    "answers",
    "serve",
    "streams",
]
