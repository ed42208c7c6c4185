"""One PLAY of a faulty camera: its films at real pace, with the script's trouble on the way."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fairview.core.limits_sim import BAD_CAMERA_BEHIND_US_MAX
from fairview.core.time import US_PER_SECOND, Clock
from fairview.sim.bad_camera_film import CLOCK_HZ, Film, FilmUnit
from fairview.sim.bad_camera_rtp import NTP_OF_1970, RtpSender, payloads
from fairview.sim.bad_camera_script import CameraFault, CameraPlan


class Gone(Exception):
    """The connection is to be closed, as scripted or because the other side went."""


class Way(Protocol):
    """How packets leave: within the connection, or as datagrams."""

    is_tcp: bool

    def framed(self, packet: bytes) -> bytes:
        """A packet as it goes out."""
        ...

    def rtp(self, packet: bytes) -> None: ...

    def rtcp(self, packet: bytes) -> None: ...

    def raw(self, data: bytes) -> None:
        """Bytes as they are, in the connection; datagrams can't."""
        ...

    def is_full(self) -> bool:
        """Whether the reader is so slow that pictures are thrown away."""
        ...

    def press(self, limit_bytes: int) -> None:
        """How much waits for a slow reader from now on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One picture that left. is_whole: all its packets did, once and in order."""

    path: str
    play: int
    film: int
    unit: int
    ticks: int
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is played, to whom it is told, and how. pace: film seconds in one of ours."""

    path: str
    play: int
    films: tuple[Film, ...]
    plan: CameraPlan
    clock: Clock
    payload_type: int
    pace: float
    reports_every_us: int
    told: Callable[[Sent], None]
    seed: int


@dataclass(slots=True, kw_only=True)
class _Counts:
    """Packets and pictures that the next faults touch."""

    drop: int = 0
    repeat: int = 0
    swap: int = 0
    halve: int = 0
    freeze: int = 0


class Play:
    """Used by the connection's thread: `turn` sends what is due, `due_us` says when to come back.

    A picture of which a packet was dropped, held back, or cut is told as not whole. After a hang
    or an overflow the next picture is a key frame.
    """

    def __init__(self, shown: Shown, way: Way) -> None:
        self._shown, self._way = shown, way
        chance = random.Random(f"{shown.seed}/{shown.path}/{shown.play}")  # noqa: S311  # replayed
        self._chance = chance
        self._rtp = RtpSender(
            payload_type=shown.payload_type,
            ssrc=chance.getrandbits(32),
            sequence=chance.getrandbits(16),
        )
        now_us = shown.clock.monotonic_us()
        self._film, self._unit = 0, 0
        self._ticks = chance.getrandbits(31)
        self._drift_ticks = 0.0
        self._drift = 1.0
        self._step_ticks = 0
        self._due_us = float(now_us)
        self._report_us = now_us
        self._counts = _Counts()
        self._held: bytes | None = None
        self._quiet_until_us = 0
        self._hung_until_us = 0
        self._trickle: deque[int] = deque()
        self._trickle_until_us = 0
        self._trickle_due_us = 0
        self._report_offset_us = 0
        self._is_1970 = False
        self._has_reports = shown.reports_every_us > 0
        self._needs_key = False
        self._was_hung = False
        self.is_expired = False

    @property
    def film(self) -> Film:
        return self._shown.films[self._film]

    def is_hung(self, now_us: int) -> bool:
        """Whether it neither sends nor listens now."""
        return now_us < self._hung_until_us

    def due_us(self, now_us: int) -> int:
        """When there is something to do again, at the latest."""
        if self.is_expired:
            return now_us + US_PER_SECOND
        if self._trickle:
            return self._trickle_due_us
        return max(round(self._due_us), self._quiet_until_us, self._hung_until_us)

    def turn(self, now_us: int) -> None:
        """Send what is due, faults included. Errors: Gone."""
        for fault in self._shown.plan.due(now_us):
            self._go_wrong(fault, now_us)
        if self.is_expired or now_us < max(self._quiet_until_us, self._hung_until_us):
            return
        if self._trickle:
            self._trickled(now_us)
            return
        if self._was_hung or now_us - self._due_us > BAD_CAMERA_BEHIND_US_MAX:
            self._was_hung = False
            self._skip(now_us)
        while self._due_us <= now_us and not self._trickle:
            self._picture(now_us)

    # Pictures

    def _picture(self, now_us: int) -> None:
        unit = self.film.units[self._unit]
        is_shown = not self._way.is_full() and (unit.is_key or not self._needs_key)
        if is_shown:
            self._needs_key = False
            self._report(now_us)
            self._send(unit)
        else:
            self._needs_key = True
        self._on(unit)

    def _on(self, unit: FilmUnit) -> None:
        """To the next picture, at its own time."""
        step = self._step_ticks or unit.step_ticks
        if self._counts.freeze > 0:
            self._counts.freeze -= 1
        else:
            self._drift_ticks += step * self._drift
            whole = int(self._drift_ticks)
            self._drift_ticks -= whole
            self._ticks += whole
        self._due_us += step * US_PER_SECOND / CLOCK_HZ / self._shown.pace
        self._unit = (self._unit + 1) % len(self.film.units)

    def _skip(self, now_us: int) -> None:
        """Past what was due meanwhile, to the next key frame."""
        while self._due_us <= now_us:
            self._on(self.film.units[self._unit])
        self._needs_key = True

    def _send(self, unit: FilmUnit) -> None:
        parts = payloads(self.film.codec, unit)
        shown = unit.shown_ticks
        packets = [
            self._rtp.packet(part, self._ticks + shown, is_last=at == len(parts) - 1)
            for at, part in enumerate(parts)
        ]
        is_whole = self._counts.swap == 0 and self._held is None
        if self._counts.halve > 0:
            self._counts.halve -= 1
            packets, is_whole = packets[: len(packets) // 2], False
        for packet in packets:
            is_whole &= self._packet(packet)
        shown_as = self._shown
        shown_as.told(
            Sent(
                path=shown_as.path,
                play=shown_as.play,
                film=self._film,
                unit=self._unit,
                ticks=(self._ticks + shown) & 0xFFFF_FFFF,
                is_whole=is_whole,
            )
        )

    def _packet(self, packet: bytes) -> bool:
        """Send one packet, or what the script makes of it; whether it left as it should."""
        counts = self._counts
        if counts.drop > 0:
            counts.drop -= 1
            return False
        if self._held is not None:
            held, self._held = self._held, None
            self._way.rtp(packet)
            self._way.rtp(held)
            return False
        if counts.swap > 0:
            counts.swap -= 1
            self._held = packet
            return False
        self._way.rtp(packet)
        if counts.repeat > 0:
            counts.repeat -= 1
            self._way.rtp(packet)
            return False
        return True

    def _report(self, now_us: int) -> None:
        if not self._has_reports or now_us < self._report_us:
            return
        self._report_us = now_us + self._shown.reports_every_us
        wall_us = self._shown.clock.now().us + self._report_offset_us
        if self._is_1970:
            wall_us = now_us % (3_600 * US_PER_SECOND)
        ntp_us = max(wall_us + NTP_OF_1970 * US_PER_SECOND, 0)
        self._way.rtcp(self._rtp.report(ntp_us, self._ticks))

    # Trouble

    def _go_wrong(self, fault: CameraFault, now_us: int) -> None:
        kind = fault.kind
        if kind == "close":
            raise Gone
        if kind in ("drop", "repeat", "swap", "halve", "freeze"):
            setattr(self._counts, kind, getattr(self._counts, kind) + fault.count)
        elif kind in ("hang", "burst", "trickle"):
            self._linger(fault, now_us)
        elif kind in ("rubbish", "huge"):
            data = b"$\x00\xff\xff" if kind == "huge" else self._chance.randbytes(fault.count)
            self._way.raw(data)
        elif kind == "pressure":
            self._way.press(fault.count * 1_000)
        elif kind == "expire":
            self.is_expired = True
        else:
            self._change(fault)

    def _linger(self, fault: CameraFault, now_us: int) -> None:
        until_us = now_us + fault.us
        if fault.kind == "burst":
            self._quiet_until_us = until_us
            return
        if fault.kind == "trickle" and self._way.is_tcp:
            unit = self.film.units[self._unit]
            parts = payloads(self.film.codec, unit)
            packets = [self._rtp.packet(one, self._ticks, is_last=False) for one in parts[:1]]
            self._trickle.extend(b"".join(self._way.framed(one) for one in packets))
            self._trickle_until_us, self._trickle_due_us = until_us, now_us
            return
        self._hung_until_us = until_us
        self._was_hung = True

    def _trickled(self, now_us: int) -> None:
        """A byte a second; what is left at the end comes at once, then the next key frame."""
        if now_us < self._trickle_due_us:
            return
        is_over = now_us >= self._trickle_until_us
        count = len(self._trickle) if is_over else 1
        self._way.raw(bytes(self._trickle.popleft() for _ in range(count)))
        self._trickle_due_us = now_us + US_PER_SECOND
        if not self._trickle:
            self._skip(now_us)

    def _change(self, fault: CameraFault) -> None:
        """What stays so from here on: clocks and films."""
        if fault.kind == "jump":
            self._ticks += round(fault.number * CLOCK_HZ)
        elif fault.kind == "drift":
            self._drift = 1 + fault.number / 1_000_000
        elif fault.kind == "fps":
            self._step_ticks = round(CLOCK_HZ / fault.number) if fault.number else 0
        elif fault.kind == "film":
            self._film, self._unit = fault.count % len(self._shown.films), 0
        elif fault.kind == "report":
            self._is_1970 = fault.word == "1970"
            self._has_reports = fault.word != "off"
            self._report_offset_us = 0 if fault.word else fault.us
            self._report_us = 0
        else:
            raise AssertionError(f"the plan knows no {fault.kind}")
