"""Our processes talk typed, bounded, and only to one another."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fairview.core.camera import Camera, Login, PrivacyZone, Secret
from fairview.core.case import Actor
from fairview.core.errors import (
    OUTCOMES,
    BadInput,
    Corrupt,
    FairviewError,
    NotAllowed,
    Overloaded,
    Unavailable,
)
from fairview.core.ids import ActorId, CameraId, KeyPairId, SegmentId
from fairview.core.limits import WIRE_MESSAGE_BYTES_MAX
from fairview.core.media import EndedBecause, Gap, GapBecause, Packet, Segment
from fairview.core.time import Instant, Span
from fairview.store.wire import Connection, Hangup, answers, serve, streams
from fairview.store.wire_frames import decoded, encoded
from tests import builders

SECRET = b"s" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTo:
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForEver:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    pass


def _fail(message: Fail) -> None:
    raise next(kind for kind, row in OUTCOMES.items() if row.name == message.name)("it did not go")


def _count(message: CountTo, _: Hangup) -> Iterator[Echo]:
    for number in range(message.n):
        if number == 1_000:
            raise NotAllowed("no further than a thousand")
        yield Echo(text=str(number))


class _Blocked:
    """A stream that says one thing and then only ends when its listener hangs up."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def __call__(self, _: WaitForEver, hangup: Hangup) -> Iterator[Echo]:
        wake = threading.Event()
        hangup.when_set(wake.set)
        try:
            yield Echo(text="here")
            wake.wait(20)
            assert hangup.is_set()
        finally:
            self.ended.set()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.fixture
def blocked() -> _Blocked:
    return _Blocked()


@pytest.fixture
def connection(path: Path, blocked: _Blocked) -> Iterator[Connection]:
    handlers = [
        answers(Echo, lambda message: message),
        answers(Fail, _fail),
        answers(Forget, lambda _: None),
        streams(CountTo, _count),
        streams(WaitForEver, blocked),
    ]
    with serve(path, handlers, secret=SECRET), Connection(path, SECRET) as client:
        yield client


def test_a_call_is_answered_with_its_typed_reply(connection: Connection) -> None:
    assert connection.call(Echo(text="hello"), Echo) == Echo(text="hello")
    connection.call(Forget(id=7))


@pytest.mark.parametrize("kind", OUTCOMES)
def test_an_error_crosses_by_its_name_and_text(
    connection: Connection, kind: type[FairviewError]
) -> None:
    with pytest.raises(kind, match="it did not go"):
        connection.call(Fail(name=OUTCOMES[kind].name))
    assert connection.call(Echo(text="still there"), Echo).text == "still there"


def test_an_unknown_message_is_an_error(connection: Connection) -> None:
    with pytest.raises(BadInput, match="Unheard"):
        connection.call(Unheard())
    with pytest.raises(BadInput, match="Unheard"):
        next(connection.stream(Unheard(), Echo))


def test_a_stream_is_not_a_call_and_a_call_not_a_stream(connection: Connection) -> None:
    with pytest.raises(BadInput, match="not asked for"):
        connection.call(CountTo(n=1), Echo)
    with pytest.raises(BadInput, match="not asked for"):
        next(connection.stream(Echo(text="a"), Echo))


def test_a_stream_gives_its_items_in_order_and_ends(connection: Connection) -> None:
    with connection.stream(CountTo(n=300), Echo) as items:
        assert [int(item.text) for item in items] == list(range(300))
        with pytest.raises(StopIteration):
            next(items)


def test_an_error_in_a_stream_comes_after_its_items(connection: Connection) -> None:
    got: list[Echo] = []
    with (
        connection.stream(CountTo(n=2_000), Echo) as items,
        pytest.raises(NotAllowed, match="thousand"),
    ):
        got.extend(items)
    assert len(got) == 1_000


def test_a_blocked_stream_ends_at_the_server_when_the_client_closes(
    connection: Connection, blocked: _Blocked
) -> None:
    with connection.stream(WaitForEver(), Echo) as items:
        assert next(items).text == "here"
    assert blocked.ended.wait(10)


def test_a_waiting_client_is_released_when_another_thread_closes_its_stream(
    connection: Connection, blocked: _Blocked
) -> None:
    items = connection.stream(WaitForEver(), Echo)
    assert next(items).text == "here"
    rest: list[Echo] = []
    thread = threading.Thread(target=lambda: rest.extend(items))
    thread.start()
    items.close()
    thread.join(10)
    assert not thread.is_alive()
    assert rest == []
    assert blocked.ended.wait(10)


def test_closing_the_server_ends_its_streams_and_frees_the_path(
    path: Path, blocked: _Blocked
) -> None:
    server = serve(path, [streams(WaitForEver, blocked)], secret=SECRET)
    with Connection(path, SECRET) as client, client.stream(WaitForEver(), Echo) as items:
        next(items)
        server.close()
        with pytest.raises(Unavailable):
            next(items)
    assert blocked.ended.is_set()
    assert not path.exists()
    server.close()


def test_a_client_comes_back_after_the_server_was_away(path: Path) -> None:
    handlers = [answers(Echo, lambda message: message)]
    with Connection(path, SECRET) as client:
        for _ in range(2):
            with serve(path, handlers, secret=SECRET):
                assert client.call(Echo(text="a"), Echo).text == "a"
            with pytest.raises(Unavailable):
                client.call(Echo(text="a"), Echo)


def test_a_server_takes_over_a_socket_left_behind(path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(path))
    left.close()
    with (
        serve(path, [answers(Echo, lambda one: one)], secret=SECRET),
        Connection(path, SECRET) as client,
    ):
        assert client.call(Echo(text="a"), Echo).text == "a"
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_wrong_secret_is_refused_at_both_ends(path: Path) -> None:
    with (
        serve(path, [answers(Echo, lambda one: one)], secret=SECRET),
        Connection(path, b"x" * 32) as client,
        pytest.raises(NotAllowed),
    ):
        client.call(Echo(text="a"), Echo)


def test_an_impostor_at_the_path_learns_nothing_and_is_refused(path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(1)

    def pretend() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"\x01" + b"n" * 32)
            heard = peer.recv(1_000)
            assert SECRET not in heard
            peer.sendall(b"\x01" + b"m" * 32)
            assert peer.recv(1_000) == b""

    thread = threading.Thread(target=pretend)
    thread.start()
    with Connection(path, SECRET) as client, pytest.raises(NotAllowed, match="not the one"):
        client.call(Echo(text="private"), Echo)
    thread.join()
    listener.close()


def test_another_user_is_refused_before_the_handshake(path: Path) -> None:
    with (
        serve(
            path,
            [answers(Echo, lambda one: one)],
            secret=SECRET,
            allowed_uids=frozenset({os.getuid() + 1}),
        ),
        Connection(path, SECRET) as client,
        pytest.raises(NotAllowed),
    ):
        client.call(Echo(text="a"), Echo)


def test_connections_are_bounded(path: Path) -> None:
    blocked = _Blocked()
    with (
        serve(path, [streams(WaitForEver, blocked)], secret=SECRET, connections_max=2),
        Connection(path, SECRET) as client,
        client.stream(WaitForEver(), Echo) as one,
        client.stream(WaitForEver(), Echo) as two,
    ):
        next(one)
        next(two)
        with pytest.raises(Overloaded):
            client.stream(WaitForEver(), Echo)


def test_a_message_over_the_bound_is_refused_by_the_sender(connection: Connection) -> None:
    with pytest.raises(BadInput, match="at most"):
        connection.call(Echo(text="a" * WIRE_MESSAGE_BYTES_MAX), Echo)


def test_a_length_over_the_bound_closes_the_connection(path: Path, connection: Connection) -> None:
    connection.call(Forget(id=1))
    peer = connection._take()
    peer.sendall(struct.pack(">I", WIRE_MESSAGE_BYTES_MAX + 1_000))
    assert peer.recv(1) == b""
    peer.close()


def test_a_reader_refuses_a_length_over_the_bound() -> None:
    from fairview.store.wire_frames import read_frame

    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack(">I", WIRE_MESSAGE_BYTES_MAX + 1_000))
        with pytest.raises(Corrupt):
            read_frame(ours)


def test_many_threads_share_one_connection(connection: Connection) -> None:
    wrong: list[str] = []

    def ask(name: str) -> None:
        for number in range(20):
            text = f"{name} {number}"
            if connection.call(Echo(text=text), Echo).text != text:
                wrong.append(text)

    threads = [threading.Thread(target=ask, args=(str(number),)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_opening_and_closing_fifty_times_leaks_no_descriptor_and_no_thread(path: Path) -> None:
    def once() -> None:
        with (
            serve(path, [streams(CountTo, _count)], secret=SECRET),
            Connection(path, SECRET) as client,
            client.stream(CountTo(n=2), Echo) as items,
        ):
            next(items)

    once()
    before = len(os.listdir("/proc/self/fd")), threading.active_count()  # noqa: PTH208
    for _ in range(50):
        once()
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before  # noqa: PTH208


def test_what_core_holds_crosses_typed() -> None:
    span = Span(start=builders.NOON, end=builders.NOON.plus(5))
    segment = Segment(
        id=SegmentId("ab" * 16),
        camera=CameraId("junction-1"),
        stream="main",
        span=span,
        size_bytes=9,
        fragments=1,
        key_pair=KeyPairId("cd" * 16),
        blob="junction-1/x.fvs",
        head="00" * 32,
        ended_because=EndedBecause.CRASHED,
    )
    camera = builders.camera(
        zones=(PrivacyZone(polygon_unit=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))),),
        commissioning_until=builders.NOON,
    )
    gap = Gap(camera=CameraId("a"), stream="sub", span=span, because=GapBecause.DISK_FULL)
    actor = Actor(
        id=ActorId("mia"), roles=frozenset({"operator"}), cameras=frozenset({CameraId("a")})
    )
    login = Login(name="admin", password=Secret("hunter2"))
    packet = builders.packet(3)
    assert decoded(Segment, encoded(segment)) == segment
    assert decoded(Camera, encoded(camera)) == camera
    assert decoded(Gap, encoded(gap)) == gap
    assert decoded(Actor, encoded(actor)) == actor
    assert decoded(Login, encoded(login)) == login
    assert decoded(Packet, encoded(packet)) == packet
    assert decoded(tuple[Instant, ...], encoded((builders.NOON,))) == (builders.NOON,)


def test_what_a_constructor_refuses_is_refused_on_arrival() -> None:
    backwards = {"start": {"us": 5}, "end": {"us": 4}}
    with pytest.raises(BadInput, match="end after it starts"):
        decoded(Span, encoded(backwards))
    with pytest.raises(BadInput):
        decoded(Span, b"\xc1nonsense")


def test_an_oversize_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="too long"):
        serve(tmp_path / ("s" * 120), [], secret=SECRET)
