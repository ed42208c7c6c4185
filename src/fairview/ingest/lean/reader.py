"""Looks at one connection that plays: everything it holds, in one call."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

import structlog

from fairview.core import limits
from fairview.core.errors import Unavailable
from fairview.core.flow import StreamLost
from fairview.core.media import GapBecause
from fairview.core.time import US_PER_SECOND, Clock, Instant
from fairview.ingest.lean.client import Client, Playing
from fairview.ingest.lean.depacketiser import Depacketiser
from fairview.ingest.lean.forms import DecodeTimes, Form, form_after, form_of
from fairview.ingest.lean.jpeg_parts import JpegParts
from fairview.ingest.lean.receipts import Receipts
from fairview.ingest.lean.rtcp import Sent
from fairview.ingest.lean.sdp import Offer
from fairview.ingest.lean.units import RULES, Assembled
from fairview.ingest.live_run import Unit
from fairview.ingest.normalise import RawTimes

_rooms: Final[deque[bytearray]] = deque(maxlen=limits.LEAN_ROOMS_MAX)


class Reader:
    """The looks at one connection that plays. Used by one thread at a time.

    is_eager: at the start each look waits for the next bytes, so that their times are exact;
    later it takes what is there. wait_us: how long to wait before the next look. fault: why no
    more will come, None while it may.
    """

    def __init__(self, client: Client, playing: Playing, name: str, clock: Clock) -> None:
        self._client, self._playing, self._name, self._clock = client, playing, name, clock
        offer = playing.offer
        self._parts = _parts(offer, playing.channel)
        self._form: Form | None = form_of(offer.codec, offer.clock_hz, offer.sets)
        self._times: DecodeTimes | None = None
        self._log = structlog.get_logger()
        self._lost_told = 0
        self._started_us = self._newest_us = clock.monotonic_us()
        self._alive_every_us = playing.session.timeout_us // 2
        self._alive_us = self._started_us + self._alive_every_us
        self._receipts: Receipts | None = None
        if playing.pair is None:
            self._receipts = Receipts(playing.channel, secrets.randbits(32), self._started_us)
        self._rest = b""
        self._early: bytearray | None = playing.early
        self.is_eager = True
        self.wait_us = 0
        self.fault: StreamLost | None = None

    def look(self) -> list[Unit]:
        """Access units that became whole since the last look.

        Errors:  BadInput for what is no video stream.
        """
        is_full = False
        if self._early is not None:
            early, self._early = self._early, None
            self._rest = bytes(early[self._parts.feed(early, len(early)) :])
        else:
            is_full = self._read()
        # What came in one look was all there at the same time.
        arrived_at, now_us = self._clock.now(), self._clock.monotonic_us()
        if self._parts.messages:
            self._hear()
        if self._parts.ready:
            self._newest_us = now_us
        if now_us >= self._alive_us:
            self._alive_us = now_us + self._alive_every_us
            self._guarded(partial(self._client.keep_alive, self._playing))
        if self._receipts is not None:
            self._tell_received(self._receipts, now_us)
        if self._parts.is_over and self.fault is None:
            self._end(f"{self._name} ended the stream", GapBecause.CAMERA_AWAY)
        elif now_us - self._newest_us >= limits.SOURCE_READ_US_MAX:
            self._parts.flush()
            wait_s = limits.SOURCE_READ_US_MAX // US_PER_SECOND
            self._end(f"{self._name} sent nothing for {wait_s} s", GapBecause.CAMERA_SILENT)
        if self.fault is not None:
            self._parts.finish()
        if self.is_eager and now_us - self._started_us > limits.LEAN_EAGER_US:
            self._settle()
        self.wait_us = 0 if self.is_eager or is_full else limits.LEAN_READ_EVERY_US
        return self._out(arrived_at)

    def reports(self) -> list[Sent]:
        """What the camera said of its clocks since the last call."""
        found = self._parts.reports[:]
        self._parts.reports.clear()
        if found and self._receipts is not None:
            self._receipts.heard(found[-1].body, self._clock.monotonic_us())
        return found

    def _settle(self) -> None:
        self.is_eager = False
        if self._client.sock is not None:
            self._client.sock.setblocking(False)

    def _read(self) -> bool:
        """Take what the connection holds; whether it may hold more."""
        sock = self._client.sock
        assert sock is not None, "a stream that plays has a connection"
        if self.is_eager:
            sock.settimeout(limits.LEAN_READ_EVERY_US / US_PER_SECOND)
        room = _room()
        begin = len(self._rest)
        room[:begin] = self._rest
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
            self._end(f"{self._name} ended the stream", GapBecause.CAMERA_AWAY)
        return begin + count == len(room)

    def _out(self, arrived_at: Instant) -> list[Unit]:
        """The access units that are whole by now."""
        ready = self._parts.ready
        taken = ready[:]
        ready.clear()
        if self._parts.lost_packets != self._lost_told:
            self._tell_loss()
        units = (self._unit(one, arrived_at) for one in taken)
        return [unit for unit in units if unit is not None]

    def _unit(self, one: Assembled, arrived_at: Instant) -> Unit | None:
        if one.is_key and one.sets:
            offer = self._playing.offer
            self._form = form_after(self._form, offer.codec, offer.clock_hz, one.sets)
        form = self._form
        if form is None:
            return None
        if self._times is None:
            self._times = DecodeTimes(form.reorder_depth, self._playing.offer.clock_hz)
        return Unit(
            raw=RawTimes(
                ticks=one.ticks,
                decode_ticks=self._times.push(one.ticks),
                is_key=one.is_key,
                is_after_loss=one.is_after_loss,
            ),
            data=one.data,
            form=form.video,
            arrived_at=arrived_at,
        )

    def _tell_received(self, receipts: Receipts, now_us: int) -> None:
        parts = self._parts
        frame = receipts.frame(now_us, parts.source, parts.following, parts.lost_packets)
        if frame:
            self._guarded(partial(self._client.tell, frame))

    def _hear(self) -> None:
        messages = self._parts.messages[:]
        self._parts.messages.clear()
        for message in messages:
            self._guarded(partial(self._client.answered, message, self._playing))

    def _guarded(self, say: Callable[[], None]) -> None:
        try:
            say()
        except OSError as error:
            self._broken(error)
        except Unavailable as error:
            self._end(str(error), GapBecause.CAMERA_AWAY)

    def _broken(self, fault: OSError) -> None:
        self._end(f"{self._name} broke off ({fault.strerror or fault})", GapBecause.CAMERA_AWAY)

    def _end(self, why: str, because: GapBecause) -> None:
        if self.fault is None:
            self.fault = StreamLost(why, because)

    def _tell_loss(self) -> None:
        self._log.warning(
            "packets lost",
            source=self._name,
            packets=self._parts.lost_packets - self._lost_told,
            dropped=self._parts.dropped_units,
        )
        self._lost_told = self._parts.lost_packets


def _parts(offer: Offer, channel: int) -> Depacketiser:
    if offer.codec == "mjpeg":
        return JpegParts(payload_type=offer.payload_type, channel=channel)
    return Depacketiser(RULES[offer.codec], payload_type=offer.payload_type, channel=channel)


def _room() -> bytearray:
    try:
        return _rooms.pop()
    except IndexError:
        return bytearray(limits.LEAN_ROOM_BYTES)
