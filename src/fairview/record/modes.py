"""Which of a stream's packets are kept: around events or by hours. A sink before the recorder.

A camera that is kept always has none of this before its recorder. Live viewers and whoever
analyses see every packet in every mode. What is not kept becomes a gap that says so.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from fairview.core.flow import PacketSink
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits_keeping import REST_ROW_US, TRIGGER_DELAY_US
from fairview.core.media import GapBecause, Packet
from fairview.core.time import Clock, Instant
from fairview.record.pre_roll import PreRoll
from fairview.record.schedule import WeekSchedule
from fairview.record.triggers import TriggerBoard


class RestingSink(PacketSink, Protocol):
    """A recorder that can rest: nothing is wrong, and nothing is kept."""

    def rest(self, because: GapBecause, at: Instant) -> None:
        """End the run, if there is one, and let a gap with this cause reach to `at`. Repeated
        while it lasts; ends with the next key frame."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFrom:
    """What a mode stands between. live: sees everything, whatever is kept."""

    recorder: RestingSink
    live: PacketSink
    clock: Clock


class AroundEvents:
    """Keeps from pre-roll before an event to post-roll after it. For one session's thread.

    The pictures before are in memory, whole groups from a key frame on, and go to the recorder in
    order before the one in hand. A camera that comes (back) is kept for a post-roll, and one that
    goes away leaves what was in memory: somebody may have seen to it.

    Bounds:  memory as PreRoll.
    Cost:    1 us a packet while it rests, 1 while it keeps.
    """

    def __init__(self, kept: KeptFrom, board: TriggerBoard, rolls_us: tuple[int, int]) -> None:
        """rolls_us: pre-roll and post-roll."""
        self._kept, self._board = kept, board
        self._pre_us, self._post_us = rolls_us
        self._lock = threading.Lock()
        self._pre_roll = PreRoll(self._pre_us + TRIGGER_DELAY_US)
        self._resting: _Resting | None = None
        self._fresh_until_us: int | None = None

    def packet(self, packet: Packet) -> None:
        self._kept.live.packet(packet)
        with self._lock:
            now_us = self._kept.clock.monotonic_us()
            if self._fresh_until_us is None:
                self._fresh_until_us = now_us + self._post_us
            verdict = self._board.ask(packet.at)
            # It rests from a key frame on, so that nothing lies between what was kept and memory.
            is_within = self._resting is None and not packet.is_key
            if verdict.keeps or is_within or now_us < self._fresh_until_us:
                if self._resting is not None:
                    self._wake(verdict.since)
                self._kept.recorder.packet(packet)
                return
            self._pre_roll.add(packet, now_us)
            if self._resting is None:
                self._resting = _Resting(self._kept.recorder, GapBecause.NO_EVENT)
            self._resting.lasts(packet.at, now_us)

    def away(self, camera: CameraId, stream: StreamName, because: GapBecause, at: Instant) -> None:
        self._kept.live.away(camera, stream, because, at)
        with self._lock:
            self._wake(None)
            self._fresh_until_us = None
            self._kept.recorder.away(camera, stream, because, at)

    def close(self) -> None:
        """What is in memory goes: nothing had happened."""
        self._kept.live.close()
        with self._lock:
            self._pre_roll.forget()
            self._kept.recorder.close()

    def _wake(self, since: Instant | None) -> None:
        self._resting = None
        for packet in self._pre_roll.take(since, self._pre_us):
            self._kept.recorder.packet(packet)


class ByHours:
    """Keeps within a week's hours and nothing outside them, in memory neither.

    It begins with the first key frame of the hours and ends with their last picture.
    """

    def __init__(self, kept: KeptFrom, schedule: WeekSchedule) -> None:
        self._kept, self._schedule = kept, schedule
        self._lock = threading.Lock()
        self._keeps = False
        self._resting: _Resting | None = None

    def packet(self, packet: Packet) -> None:
        self._kept.live.packet(packet)
        with self._lock:
            is_on = self._schedule.is_on(packet.at)
            # Decoding order steps back over the end of the hours: only a key frame begins anew.
            self._keeps = is_on and (self._keeps or packet.is_key)
            if self._keeps:
                self._resting = None
                self._kept.recorder.packet(packet)
                return
            if self._resting is None:
                self._resting = _Resting(self._kept.recorder, GapBecause.NOT_SCHEDULED)
            self._resting.lasts(packet.at, self._kept.clock.monotonic_us())

    def away(self, camera: CameraId, stream: StreamName, because: GapBecause, at: Instant) -> None:
        self._kept.live.away(camera, stream, because, at)
        with self._lock:
            self._keeps, self._resting = False, None
            self._kept.recorder.away(camera, stream, because, at)

    def close(self) -> None:
        self._kept.live.close()
        with self._lock:
            self._kept.recorder.close()


class Always:
    """Keeps everything: where a plan can't be followed, or only the camera's other stream has
    something before its recorder. For one session's thread."""

    def __init__(self, kept: KeptFrom) -> None:
        self._kept = kept

    def packet(self, packet: Packet) -> None:
        self._kept.live.packet(packet)
        self._kept.recorder.packet(packet)

    def away(self, camera: CameraId, stream: StreamName, because: GapBecause, at: Instant) -> None:
        self._kept.live.away(camera, stream, because, at)
        self._kept.recorder.away(camera, stream, because, at)

    def close(self) -> None:
        self._kept.live.close()
        self._kept.recorder.close()


class NotKept:
    """A stream that is read for live pictures and analysis, and never kept."""

    def __init__(self, live: PacketSink) -> None:
        self._live = live

    def packet(self, packet: Packet) -> None:
        self._live.packet(packet)

    def away(self, camera: CameraId, stream: StreamName, because: GapBecause, at: Instant) -> None:
        self._live.away(camera, stream, because, at)

    def close(self) -> None:
        self._live.close()


class _Resting:
    """One rest of a recorder: its gap grows now and then, so that the time line shows it."""

    def __init__(self, recorder: RestingSink, because: GapBecause) -> None:
        self._recorder, self._because = recorder, because
        self._due_us: int | None = None

    def lasts(self, at: Instant, now_us: int) -> None:
        if self._due_us is None or now_us >= self._due_us:
            self._due_us = now_us + REST_ROW_US
            self._recorder.rest(self._because, at)
