from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairview.core.errors import NotFound, Overloaded
from fairview.core.ids import CameraId
from fairview.core.limits import LIVE_QUEUE_PACKETS_MAX, LIVE_SUBSCRIBERS_MAX
from fairview.core.media import GapBecause
from fairview.record.live import LivePackets, LiveTap, LiveTaps, serve_live
from fairview.record.live_client import subscribe
from fairview.store.wire import Connection
from tests.builders import NOON, packet, video_format

CAMERA = CameraId("junction-1")


def fed(tap: LiveTap, numbers: range) -> None:
    for number in numbers:
        tap.packet(packet(number))


def ticks(taken: LivePackets | None) -> list[int]:
    assert taken is not None
    return [one.ticks // 3_600 for one in taken.packets]


def test_a_viewer_gets_the_current_group_of_pictures_at_once() -> None:
    tap = LiveTap()
    fed(tap, range(40))
    viewer = tap.subscribe()
    taken = viewer.take(0)
    assert ticks(taken) == list(range(25, 40))
    assert taken is not None
    assert taken.is_start
    assert taken.dropped == 0
    fed(tap, range(40, 52))
    later = viewer.take(0)
    assert ticks(later) == list(range(40, 52))
    assert later is not None
    assert not later.is_start


def test_a_viewer_before_the_first_key_frame_begins_there() -> None:
    tap = LiveTap()
    viewer = tap.subscribe()
    fed(tap, range(20, 30))
    assert ticks(viewer.take(0)) == [25, 26, 27, 28, 29]


def test_a_slow_viewer_loses_the_oldest_and_goes_on_at_a_key_frame() -> None:
    tap = LiveTap()
    slow, quick = tap.subscribe(), tap.subscribe()
    seen = 0
    for number in range(LIVE_QUEUE_PACKETS_MAX + 60):
        tap.packet(packet(number))
        taken = quick.take(0)
        assert taken is not None
        seen += len(taken.packets)
    assert seen == LIVE_QUEUE_PACKETS_MAX + 60
    taken = slow.take(0)
    assert taken is not None
    assert taken.is_start
    assert taken.packets[0].is_key
    assert taken.dropped + len(taken.packets) == LIVE_QUEUE_PACKETS_MAX + 60


def test_away_and_a_new_format_are_new_beginnings() -> None:
    tap = LiveTap()
    viewer = tap.subscribe()
    fed(tap, range(5))
    assert viewer.take(0) is not None
    tap.away(CAMERA, "main", GapBecause.CAMERA_AWAY, NOON)
    assert tap.subscribe().take(0) is None
    fed(tap, range(20, 30))
    taken = viewer.take(0)
    assert ticks(taken) == [25, 26, 27, 28, 29]
    assert taken is not None
    assert taken.is_start
    other = video_format(width_px=320)
    tap.packet(packet(30, is_key=False, format=other))
    assert viewer.take(0) is None
    tap.packet(packet(31, is_key=True, format=other))
    taken = viewer.take(0)
    assert ticks(taken) == [31]
    assert taken is not None
    assert taken.is_start


def test_close_ends_every_viewer_and_nobody_is_kept() -> None:
    tap = LiveTap()
    viewers = [tap.subscribe() for _ in range(LIVE_SUBSCRIBERS_MAX)]
    with pytest.raises(Overloaded):
        tap.subscribe()
    viewers[0].close()
    assert tap.viewers == LIVE_SUBSCRIBERS_MAX - 1
    ended: list[list[LivePackets]] = []
    thread = threading.Thread(target=lambda: ended.append(list(viewers[1])))
    thread.start()
    tap.close()
    thread.join(5)
    assert ended == [[]]
    assert tap.viewers == 0
    assert list(tap.subscribe()) == []


@pytest.fixture
def socket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live") / "s"


@pytest.fixture
def taps() -> LiveTaps:
    return LiveTaps()


@pytest.fixture
def connection(socket: Path, taps: LiveTaps) -> Iterator[Connection]:
    with serve_live(socket, taps, b"a secret of this start"):
        found = Connection(socket, b"a secret of this start")
        yield found
        found.close()


def test_packets_cross_the_socket_unchanged(connection: Connection, taps: LiveTaps) -> None:
    tap = taps.make(CAMERA, "main")
    fed(tap, range(30))
    with subscribe(connection, CAMERA, "main") as stream:
        first = next(stream)
        assert first == LivePackets(
            packets=tuple(packet(number) for number in range(25, 30)), is_start=True, dropped=0
        )
        tap.packet(packet(30))
        assert next(stream).packets == (packet(30),)
        tap.close()
        assert list(stream) == []


def test_an_unknown_stream_is_not_found(connection: Connection, taps: LiveTaps) -> None:
    with subscribe(connection, CAMERA, "main") as stream, pytest.raises(NotFound):
        next(stream)
    taps.make(CAMERA, "main")
    taps.remove(CAMERA, "main")
    with subscribe(connection, CAMERA, "main") as stream, pytest.raises(NotFound):
        next(stream)


def test_a_viewer_who_leaves_is_forgotten(connection: Connection, taps: LiveTaps) -> None:
    tap = taps.make(CAMERA, "main")
    fed(tap, range(2))
    gone = threading.Event()
    forget = tap.forget
    tap.forget = lambda one: (forget(one), gone.set())  # type: ignore[assignment, method-assign, func-returns-value]  # watches the call
    stream = subscribe(connection, CAMERA, "main")
    next(stream)
    stream.close()
    assert gone.wait(5)
    assert tap.viewers == 0
