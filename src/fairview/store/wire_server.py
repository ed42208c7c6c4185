"""The answering side of the wire; see wire.py for the whole picture."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from fairview.core.errors import BadInput, FairviewError, Unavailable, outcome_of
from fairview.core.limits import WIRE_HANDSHAKE_US_MAX, WIRE_SEND_US_MAX
from fairview.core.time import US_PER_SECOND
from fairview.store.wire_frames import (
    Frame,
    Kind,
    decoded,
    encoded,
    greet,
    peer_uid,
    read_frame,
    send_frame,
    set_send_timeout,
    turn_away,
)

M = TypeVar("M")


class Hangup:
    """Tells a stream's handler that nobody listens any more: client gone or server closing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def event(self) -> threading.Event:
        """For `Clock.wait`."""
        return self._event

    def is_set(self) -> bool:
        return self._event.is_set()

    def when_set(self, callback: Callable[[], None]) -> None:
        """Run a callback once, in another thread; at once when it has happened already."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def set(self) -> None:
        """Safe to repeat."""
        with self._lock:
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """How one kind of message is answered; made by `answers` and `streams`."""

    message: type[Any]
    answer: Callable[[Any], object] | None = None
    stream: Callable[[Any, Hangup], Iterator[object]] | None = None


def answers(message: type[M], run: Callable[[M], object]) -> Handler:
    """A message answered once; what `run` returns must be what the client expects."""
    return Handler(message=message, answer=run)


def streams(message: type[M], run: Callable[[M, Hangup], Iterator[object]]) -> Handler:
    """A message answered by items until the iterator or the connection ends."""
    return Handler(message=message, stream=run)


class WireServer:
    """Threads that answer at one socket: one per connection, one more per stream under way."""

    def __init__(
        self,
        path: Path,
        handlers: Sequence[Handler],
        *,
        secret: bytes,
        allowed_uids: frozenset[int] | None,
        connections_max: int,
    ) -> None:
        self._path = path
        self._handlers = {handler.message.__name__: handler for handler in handlers}
        assert len(self._handlers) == len(handlers), "two handlers for one message"
        self._secret = secret
        self._uids = allowed_uids or frozenset({os.getuid()})
        self._connections_max = connections_max
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._lock = threading.Lock()
        self._peers: dict[socket.socket, threading.Thread] = {}
        self._is_closed = False
        self._accepting = threading.Thread(
            target=self._accept, name=f"wire {path.name}", daemon=True
        )
        self._log = structlog.get_logger(__name__)

    def start(self) -> None:
        """Bind under a passing name, then rename: a client sees a listening socket or none."""
        passing = self._path.with_name(self._path.name + ".new")
        mode = 0o600 if self._uids <= {os.getuid()} else 0o666
        try:
            passing.unlink(missing_ok=True)
            self._listener.bind(str(passing))
            passing.chmod(mode)
            self._listener.listen(64)
            passing.rename(self._path)
        except OSError as error:
            self._listener.close()
            raise Unavailable(f"can't listen at {self._path}: {error.strerror}") from error
        self._accepting.start()

    def close(self) -> None:
        """End every stream, finish no call, join all threads; safe to repeat."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            peers = dict(self._peers)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._accepting.ident is not None:
            self._accepting.join()
        self._listener.close()
        self._path.unlink(missing_ok=True)
        for peer in peers:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in peers.values():
            if thread is not threading.current_thread():
                thread.join(WIRE_SEND_US_MAX / US_PER_SECOND)

    def __enter__(self) -> WireServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            set_send_timeout(peer, WIRE_SEND_US_MAX)
            thread = threading.Thread(
                target=self._serve, args=(peer,), name=self._accepting.name, daemon=True
            )
            with self._lock:
                if self._is_closed:
                    peer.close()
                    return
                is_full = len(self._peers) >= self._connections_max
                if not is_full:
                    self._peers[peer] = thread
            if is_full:
                with contextlib.suppress(OSError), closing(peer):
                    turn_away(peer, is_full=True)
            else:
                thread.start()

    def _serve(self, peer: socket.socket) -> None:
        """One connection's life."""
        try:
            if self._is_welcome(peer):
                while (frame := read_frame(peer)) is not None:
                    if not self._answer(peer, frame):
                        return
        except (OSError, FairviewError) as error:
            self._log.debug("connection ended", socket=self._path.name, because=str(error))
        finally:
            with self._lock:
                self._peers.pop(peer, None)
            peer.close()

    def _is_welcome(self, peer: socket.socket) -> bool:
        uid = peer_uid(peer)
        if uid not in self._uids:
            self._log.warning("refused a stranger", socket=self._path.name, uid=uid)
            turn_away(peer, is_full=False)
            return False
        peer.settimeout(WIRE_HANDSHAKE_US_MAX / US_PER_SECOND)
        is_known = greet(peer, self._secret)
        peer.settimeout(None)
        set_send_timeout(peer, WIRE_SEND_US_MAX)
        if not is_known:
            self._log.warning("refused a wrong secret", socket=self._path.name, uid=uid)
        return is_known

    def _answer(self, peer: socket.socket, frame: Frame) -> bool:
        """Answer one frame; whether the connection may go on."""
        try:
            handler = self._handlers.get(frame.name)
            if handler is None:
                raise BadInput(f"{frame.name!r} is not a message this process knows")
            message = decoded(handler.message, frame.body)
            if frame.kind is Kind.STREAM and handler.stream is not None:
                self._stream(peer, handler.stream, message)
                return False
            if frame.kind is not Kind.CALL or handler.answer is None:
                raise BadInput(f"{frame.name!r} is not asked for in this way")
            body = encoded(handler.answer(message))
        except FairviewError as error:
            _send_error(peer, error)
            return frame.kind is Kind.CALL
        send_frame(peer, Kind.REPLY, body=body)
        return True

    def _stream(
        self,
        peer: socket.socket,
        run: Callable[[Any, Hangup], Iterator[object]],
        message: object,
    ) -> None:
        """Pump items in a second thread while this one listens for the client's leaving."""
        hangup = Hangup()
        pump = threading.Thread(
            target=_pump, args=(peer, run, message, hangup), name=self._accepting.name, daemon=True
        )
        pump.start()
        try:
            with contextlib.suppress(OSError):
                peer.recv(1)
        finally:
            hangup.set()
            pump.join()


def _pump(
    peer: socket.socket,
    run: Callable[[Any, Hangup], Iterator[object]],
    message: object,
    hangup: Hangup,
) -> None:
    items: Iterator[object] | None = None
    try:
        items = run(message, hangup)
        for item in items:
            send_frame(peer, Kind.ITEM, body=encoded(item))
            if hangup.is_set():
                break
        else:
            send_frame(peer, Kind.END)
    except FairviewError as error:
        if not hangup.is_set():
            with contextlib.suppress(Unavailable):
                _send_error(peer, error)
    finally:
        if isinstance(items, Generator):
            items.close()
        with contextlib.suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)


def _send_error(peer: socket.socket, error: FairviewError) -> None:
    send_frame(peer, Kind.ERROR, outcome_of(error).name, str(error).encode())
