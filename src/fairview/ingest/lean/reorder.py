"""Datagrams of one sender in the order of their numbers. Pure: arrival times are handed in.

A network may mix datagrams up, repeat and lose them. Those ahead of a missing one wait for it,
within bounds; then it counts as lost. What is lost is not hidden: the numbers go on with a step in
them, which the depacketiser takes for damage to the pictures around it.

Source:  RFC 3550 5.1 (header), A.1 (sequence numbers), A.3 (packets lost).
"""

from __future__ import annotations

from dataclasses import dataclass

from fairview.core.limits_sources import (
    DATAGRAM_GAP_MAX,
    DATAGRAM_LATE_MAX,
    DATAGRAMS_HELD_MAX,
    DATAGRAMS_HELD_US_MAX,
)

_NUMBERS = 1 << 16
_GIVEN_UP_MAX = 512
RTP_BYTES_MIN = 12


@dataclass(slots=True, kw_only=True)
class Counts:
    """What came, since the start. lost: numbers given up on, less those that came late after all.

    strays: of another sender within the same address, or too far away to belong.
    """

    packets: int = 0
    lost: int = 0
    late: int = 0
    duplicates: int = 0
    reordered: int = 0
    restarts: int = 0
    strays: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """The first datagram of what may be a new sequence: believed when its neighbour follows."""

    source: int
    number: int
    datagram: bytes


class Reorder:
    """One stream's datagrams. ready: in order, for the caller to take away.

    Another synchronisation source, or a number far away, begins a new sequence once two
    neighbours came from there; what was held of the old one goes out first. The numbers of a new
    sequence are moved so that they follow the old ones with one missing between: a damaged place,
    whatever the camera chose to count from.

    Bounds:  limits_sources.DATAGRAMS_HELD_MAX and DATAGRAMS_HELD_US_MAX.
    """

    def __init__(self) -> None:
        self._source: int | None = None
        self._next = 0
        self._shift = 0
        self._held: dict[int, tuple[int, bytes]] = {}
        self._given_up: dict[int, None] = {}
        self._candidate: _Candidate | None = None
        self._extended = 0
        self.ready: list[bytes] = []
        self.counts = Counts()

    @property
    def source(self) -> int | None:
        """The synchronisation source that is followed; None before the first datagram."""
        return self._source

    @property
    def highest(self) -> int:
        """The highest number so far with its wraps (32 bits), as a receiver report tells it."""
        return (self._extended - 1) & 0xFFFFFFFF

    @property
    def is_waiting(self) -> bool:
        return bool(self._held)

    def push(self, datagram: bytes, now_us: int) -> None:
        """Take one RTP datagram of at least RTP_BYTES_MIN bytes."""
        number = datagram[2] << 8 | datagram[3]
        source = int.from_bytes(datagram[8:12], "big")
        if self._source is None:
            self._source, self._next, self._extended = source, number, number
        if source != self._source:
            self._other(source, number, datagram, now_us)
            return
        ahead = (number - self._next) & 0xFFFF
        if ahead == 0:
            self._candidate = None
            self._give(datagram)
            if self._held:
                self._drain()
        elif ahead < DATAGRAM_GAP_MAX:
            self._hold(number, datagram, now_us)
        elif ahead >= _NUMBERS - DATAGRAM_LATE_MAX:
            self._past(number)
        else:
            self._other(source, number, datagram, now_us)

    def due(self, now_us: int) -> None:
        """Give up on what has been waited for too long."""
        while self._held:
            if now_us - min(at for at, _ in self._held.values()) < DATAGRAMS_HELD_US_MAX:
                return
            self._give_up()

    def flush(self) -> None:
        """Nothing more comes: give out what is held, with what is missing left out."""
        while self._held:
            self._give_up()

    def _hold(self, number: int, datagram: bytes, now_us: int) -> None:
        if number in self._held:
            self.counts.duplicates += 1
            return
        self._held[number] = (now_us, datagram)
        self.counts.reordered += 1
        while len(self._held) > DATAGRAMS_HELD_MAX:
            self._give_up()

    def _past(self, number: int) -> None:
        """A number from before: late when we gave it up, else it has been here already."""
        if number in self._given_up:
            del self._given_up[number]
            self.counts.late += 1
            self.counts.lost -= 1
        else:
            self.counts.duplicates += 1

    def _other(self, source: int, number: int, datagram: bytes, now_us: int) -> None:
        before = self._candidate
        if before is None or before.source != source or number != (before.number + 1) & 0xFFFF:
            self._candidate = _Candidate(source=source, number=number, datagram=datagram)
            self.counts.strays += 1
            return
        self.flush()
        self._candidate = None
        self._shift = (self._next + self._shift + 1 - before.number) & 0xFFFF
        self._source, self._next = source, before.number
        self._extended = before.number
        self._given_up.clear()
        self.counts.restarts += 1
        self.counts.strays -= 1
        self.push(before.datagram, now_us)
        self.push(datagram, now_us)

    def _give(self, datagram: bytes) -> None:
        if self._shift:
            number = (self._next + self._shift) & 0xFFFF
            datagram = datagram[:2] + number.to_bytes(2, "big") + datagram[4:]
        self.ready.append(datagram)
        self.counts.packets += 1
        self._next = (self._next + 1) & 0xFFFF
        self._extended += 1

    def _drain(self) -> None:
        """What was held and now follows."""
        while self._held:
            held = self._held.pop(self._next, None)
            if held is None:
                return
            self._give(held[1])

    def _give_up(self) -> None:
        """The first missing ones are lost; go on with what comes behind them."""
        ahead = min((number - self._next) & 0xFFFF for number in self._held)
        for step in range(ahead):
            self._given_up[(self._next + step) & 0xFFFF] = None
        while len(self._given_up) > _GIVEN_UP_MAX:
            del self._given_up[next(iter(self._given_up))]
        self.counts.lost += ahead
        self._next = (self._next + ahead) & 0xFFFF
        self._extended += ahead
        self._drain()
