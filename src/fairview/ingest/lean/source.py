"""The lean reader as a source: one connection, emptied some times a second.

A camera sends some 400 packets a second. Here the thread sleeps, then takes everything the
connection holds in one call, so that most of the work is done some ten times a second, in C.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import structlog

from fairview.core import limits
from fairview.core.camera import Login, Source
from fairview.core.flow import PacketSource, StreamLost
from fairview.core.ids import CameraId
from fairview.core.media import GapBecause, Packet
from fairview.core.time import US_PER_SECOND, Clock, Instant
from fairview.ingest.address import AddressRules, endpoint, shown
from fairview.ingest.lean.client import Client, Playing
from fairview.ingest.lean.depacketiser import Depacketiser
from fairview.ingest.lean.forms import DecodeTimes, Form, form_after, form_of
from fairview.ingest.lean.units import RULES, Assembled
from fairview.ingest.lean.unsuited import Unsuited
from fairview.ingest.live_run import LiveRun, Unit
from fairview.ingest.normalise import RawTimes

_rooms: Final[deque[bytearray]] = deque(maxlen=limits.LEAN_ROOMS_MAX)


class LeanSource:
    """One RTSP connection over TCP to one H.264 or H.265 stream; opened by the first `next`.

    Bounds:  limits.SOURCE_READ_US_MAX without an access unit, and it is silent; the memory of one
    access unit (LEAN_UNIT_BYTES_MAX) and one frame (64 KiB).
    """

    def __init__(
        self,
        *,
        camera: CameraId,
        source: Source,
        login: Login | None,
        rules: AddressRules,
        clock: Clock,
    ) -> None:
        self._camera, self._source, self._login = camera, source, login
        self._rules, self._clock = rules, clock
        self._closed = threading.Event()

    def packets(self) -> Iterator[Packet]:
        """As PacketSource says.

        Errors:  as RtspSource; Unsuited before the first packet when FFmpeg should try.
        """
        name = shown(self._source.address)
        client = Client(endpoint(self._source.address, self._rules), self._login, name, self._clock)
        playing: Playing | None = None
        try:
            playing = client.play()
            reader = _Reader(client, playing, name, self._clock, self._closed)
            yield from LiveRun(self._camera, self._source.stream, name).packets(reader.units())
        finally:
            client.close(playing)
        if not self._closed.is_set():
            raise StreamLost(f"{name} ended the stream", GapBecause.CAMERA_AWAY)

    def close(self) -> None:
        self._closed.set()


class LeanFirst:
    """The lean reader; where it is unsuited, another source in its place. A PacketSource."""

    def __init__(self, lean: LeanSource, other: Callable[[], PacketSource], name: str) -> None:
        """other: made when it is needed. name: what the log calls the stream."""
        self._lean, self._make_other, self._name = lean, other, name
        self._other: PacketSource | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def packets(self) -> Iterator[Packet]:
        """As PacketSource says."""
        unsuited: str | None = None
        try:
            yield from self._lean.packets()
        except Unsuited as error:
            unsuited = str(error)
        if unsuited is None:
            return
        structlog.get_logger().info("read by FFmpeg", source=self._name, because=unsuited)
        with self._lock:
            if self._is_closed:
                return
            other = self._other = self._make_other()
        yield from other.packets()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._other is not None:
                self._other.close()
        self._lean.close()


class _Reader:
    """The looks at one connection that plays."""

    def __init__(
        self, client: Client, playing: Playing, name: str, clock: Clock, closed: threading.Event
    ) -> None:
        self._client, self._playing, self._name = client, playing, name
        self._clock, self._closed = clock, closed
        offer = playing.offer
        self._parts = Depacketiser(
            RULES[offer.codec], payload_type=offer.payload_type, channel=playing.channel
        )
        self._form: Form | None = form_of(offer.codec, offer.clock_hz, offer.sets)
        self._times: DecodeTimes | None = None
        self._rest = b""
        self._is_hung_up = False
        self._newest_us = 0
        self._log = structlog.get_logger()
        self._lost_told = 0

    def units(self) -> Iterator[Unit]:
        """Access units until the stream ends or `close`.

        Errors:  StreamLost, BadInput.
        """
        clock, ready = self._clock, self._parts.ready
        started_us = clock.monotonic_us()
        self._newest_us = started_us
        alive_us = started_us + self._playing.session.timeout_us // 2
        early = self._playing.early
        self._rest = bytes(early[self._parts.feed(early, len(early)) :])
        is_eager, is_full = True, True
        while not self._closed.is_set():
            # Out of the loop's way: what came in one look was all there at the same time.
            arrived_at, now_us = clock.now(), clock.monotonic_us()
            if ready:
                self._newest_us = now_us
                yield from self._out(arrived_at)
            if self._parts.is_over or self._is_hung_up:
                break
            if now_us - self._newest_us >= limits.SOURCE_READ_US_MAX:
                yield from self._silent(arrived_at)
            if now_us >= alive_us:
                alive_us = now_us + self._playing.session.timeout_us // 2
                self._guarded(partial(self._client.keep_alive, self._playing))
            if is_eager and now_us - started_us > limits.LEAN_EAGER_US:
                is_eager = False
                assert self._client.sock is not None
                self._client.sock.setblocking(False)
            if not is_eager and not is_full and clock.wait(self._closed, limits.LEAN_READ_EVERY_US):
                return
            is_full = self._look(is_eager=is_eager)
        if not self._closed.is_set():
            self._parts.finish()
            yield from self._out(clock.now())

    def _look(self, *, is_eager: bool) -> bool:
        """Take what the connection holds; whether it may hold more."""
        sock = self._client.sock
        assert sock is not None
        if is_eager:
            sock.settimeout(limits.LEAN_READ_EVERY_US / US_PER_SECOND)
        rest = self._rest
        room = _room()
        size = len(room)
        begin = len(rest)
        room[:begin] = rest
        fault: OSError | None = None
        count = -1
        with memoryview(room) as view, view[begin:] as free:
            try:
                count = sock.recv_into(free)
            except (BlockingIOError, TimeoutError):
                pass
            except OSError as error:
                fault = error
        if count > 0:
            end = begin + count
            done = self._parts.feed(room, end)
            self._rest = bytes(room[done:end])
        _rooms.append(room)
        if fault is not None:
            self._broken(fault)
        if count == 0:
            self._is_hung_up = True
        if self._parts.messages:
            self._heard()
        return begin + count == size

    def _out(self, arrived_at: Instant) -> Iterator[Unit]:
        """The access units that are whole by now."""
        ready = self._parts.ready
        taken = ready[:]
        ready.clear()
        if self._parts.lost_packets != self._lost_told:
            self._tell_loss()
        for one in taken:
            unit = self._unit(one, arrived_at)
            if unit is not None:
                yield unit

    def _unit(self, one: Assembled, arrived_at: Instant) -> Unit | None:
        if one.is_key and one.sets:
            offer = self._playing.offer
            self._form = form_after(self._form, offer.codec, offer.clock_hz, one.sets)
        form = self._form
        if form is None:
            return None
        if self._times is None:
            self._times = DecodeTimes(form.reorder_depth)
        return Unit(
            raw=RawTimes(
                ticks=one.ticks, decode_ticks=self._times.push(one.ticks), is_key=one.is_key
            ),
            data=one.data,
            form=form.video,
            arrived_at=arrived_at,
        )

    def _silent(self, arrived_at: Instant) -> Iterator[Unit]:
        self._parts.flush()
        yield from self._out(arrived_at)
        wait_s = limits.SOURCE_READ_US_MAX // US_PER_SECOND
        raise StreamLost(f"{self._name} sent nothing for {wait_s} s", GapBecause.CAMERA_SILENT)

    def _heard(self) -> None:
        messages = self._parts.messages[:]
        self._parts.messages.clear()
        for message in messages:
            self._guarded(partial(self._client.answered, message, self._playing))

    def _guarded(self, say: Callable[[], None]) -> None:
        fault: OSError | None = None
        try:
            say()
        except OSError as error:
            fault = error
        if fault is not None:
            self._broken(fault)

    def _broken(self, fault: OSError) -> None:
        raise StreamLost(
            f"{self._name} broke off ({fault.strerror or fault})", GapBecause.CAMERA_AWAY
        )

    def _tell_loss(self) -> None:
        self._log.warning(
            "packets lost",
            source=self._name,
            packets=self._parts.lost_packets - self._lost_told,
            dropped=self._parts.dropped_units,
        )
        self._lost_told = self._parts.lost_packets


def _room() -> bytearray:
    try:
        return _rooms.pop()
    except IndexError:
        return bytearray(limits.LEAN_ROOM_BYTES)
