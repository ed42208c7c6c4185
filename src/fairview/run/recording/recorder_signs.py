"""A recorder's signs: what its streams did, without touching the way packets take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fairview.core.clock_offset import ClockOffset
from fairview.core.health import (
    CameraClock,
    DiskSign,
    QueueSign,
    RecorderSigns,
    SpareSign,
    StreamSign,
)
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits_disks import WRITE_PROCESS_BYTES_MAX
from fairview.core.time import Clock, Instant
from fairview.record.live import LiveTap
from fairview.record.recorder import Figures
from fairview.record.rows import RowQueue
from fairview.record.write_queue import DiskWriters


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamWatched:
    """One stream as its keeper has it. spare_because: of the camera's keyring. clock: None where
    nobody measures the camera's clock."""

    camera: CameraId
    stream: StreamName
    figures: Figures
    tap: LiveTap | None
    is_running: bool
    spare_because: str
    clock: CameraClock | None = None


@dataclass(slots=True)
class _Seen:
    """Of one stream at the last looks. Times are monotonic.

    packets: that came; kept: that were handed to the recorder, fewer for a camera that is kept
    around events or by hours.
    """

    figures: Figures
    packets: int
    packet_us: int
    kept: int
    stored_until: Instant | None
    stored_us: int | None
    aways: int
    away_packets: int | None = None


class RecorderWatch:
    """Looks at a recorder's figures now and then. Used by one thread.

    The time of the last packet is known to one look (SIGNS_EVERY_US), not to a packet, so that
    the thread that takes packets has nothing more to do.
    """

    def __init__(
        self,
        process: str,
        streams: Callable[[], tuple[StreamWatched, ...]],
        rows: RowQueue,
        clock: Clock,
        queues: Callable[[], tuple[QueueSign, ...]] = tuple,
        disks: Callable[[], tuple[DiskSign, ...]] = tuple,
    ) -> None:
        """queues: what else waits in this process. disks: those it writes to."""
        self._process = process
        self._streams = streams
        self._rows = rows
        self._clock = clock
        self._queues = queues
        self._disks = disks
        self._seen: dict[tuple[CameraId, StreamName], _Seen] = {}

    def signs(self) -> RecorderSigns:
        now_us = self._clock.monotonic_us()
        watched = self._streams()
        known = {(one.camera, one.stream) for one in watched}
        self._seen = {name: seen for name, seen in self._seen.items() if name in known}
        spares = {one.camera: one.spare_because for one in watched if one.spare_because}
        return RecorderSigns(
            process=self._process,
            streams=tuple(self._sign(one, now_us) for one in watched),
            spares=tuple(
                SpareSign(camera=camera, because=because)
                for camera, because in sorted(spares.items())
            ),
            queues=(self._rows.sign(), *self._queues()),
            disks=self._disks(),
        )

    def _sign(self, one: StreamWatched, now_us: int) -> StreamSign:
        figures = one.figures
        seen = self._look(one, now_us)
        because = None if one.tap is None else one.tap.away_because
        is_away = seen.away_packets is not None and because is not None
        return StreamSign(
            camera=one.camera,
            stream=one.stream,
            packets=_came(one),
            packets_skipped=figures.packets_skipped,
            received_bytes=figures.received_bytes if one.tap is None else one.tap.received_bytes,
            written_bytes=figures.written_bytes,
            failures=figures.failures,
            silent_us=now_us - seen.packet_us,
            unstored_us=None if seen.stored_us is None else now_us - seen.stored_us,
            stored_until=figures.stored_until,
            away_because=because.value.replace("_", " ") if is_away and because else None,
            is_running=one.is_running,
            clock=one.clock,
        )

    def _look(self, one: StreamWatched, now_us: int) -> _Seen:
        figures, aways = one.figures, 0 if one.tap is None else one.tap.aways
        came = _came(one)
        seen = self._seen.get((one.camera, one.stream))
        if seen is None or seen.figures is not figures:
            seen = _Seen(figures, came, now_us, figures.packets, figures.stored_until, None, 0)
            self._seen[one.camera, one.stream] = seen
        if came != seen.packets:
            seen.packets, seen.packet_us = came, now_us
        if figures.packets == seen.kept:
            # Nothing is to be stored now, so nothing is late.
            seen.stored_us = None
        elif seen.stored_us is None:
            seen.stored_us = now_us
        seen.kept = figures.packets
        if figures.stored_until != seen.stored_until:
            seen.stored_until, seen.stored_us = figures.stored_until, now_us
        if aways != seen.aways:
            seen.aways, seen.away_packets = aways, came
        elif seen.away_packets is not None and came > seen.away_packets:
            seen.away_packets = None
        return seen


def write_queues(writers: DiskWriters) -> tuple[QueueSign, ...]:
    """Bytes of footage that wait for each disk; of all together some hundred MB may."""
    return tuple(
        QueueSign(
            name=f"writes {disk}".strip(),
            waiting=waiting,
            waiting_max=WRITE_PROCESS_BYTES_MAX,
            dropped=0,
        )
        for disk, waiting in sorted(writers.waiting().items())
    )


def clock_sign(offset: ClockOffset | None) -> CameraClock | None:
    """How a camera's clock stands, for whoever judges it.

    What is known by arrivals alone is the clock's pace, not what time it shows.
    """
    if offset is None:
        return None
    if offset.method == "rtcp":
        method, offset_us = "the camera says so by RTCP", offset.offset_us
    elif offset.method == "stamps":
        method, offset_us = "the camera writes it beside its pictures", offset.offset_us
    else:
        method, offset_us = "by when its pictures arrive", 0
    return CameraClock(offset_us=offset_us, drift_ppm=offset.drift_ppm, method=method)


def _came(one: StreamWatched) -> int:
    """Packets of a stream so far, also those that are not kept."""
    return one.figures.packets if one.tap is None else one.tap.packets
