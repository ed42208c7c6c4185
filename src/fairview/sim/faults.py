"""Scripted faults around any packet source: the same script, the same trouble.

    at 3 s: stall 5 s; at 10 s: drop 4; at 12.5 s: repeat 2; at 15 s: corrupt 3;
    at 20 s: disconnect 2 s

Times count from the first packet the plan ever saw, by the packets' own times. A stall delivers
nothing for a while, then everything late; drop, repeat and corrupt touch the next so many packets;
a disconnect breaks the connection and refuses new ones for a while.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from fairview.core.errors import BadInput, Unavailable
from fairview.core.flow import PacketSource
from fairview.core.limits import FAULT_SCRIPT_MAX
from fairview.core.media import Packet
from fairview.core.time import US_PER_SECOND, Clock, Instant

FaultKind = Literal["stall", "drop", "repeat", "corrupt", "disconnect"]

_LINE = re.compile(
    r"at\s+(?P<at>\d+(?:\.\d+)?)\s*s\s*:\s*"
    r"(?:(?P<timed>stall|disconnect)\s+(?P<seconds>\d+(?:\.\d+)?)\s*s"
    r"|(?P<counted>drop|repeat|corrupt)\s+(?P<count>\d+))\Z"
)
_PREFIX_BYTES = 5
"""A NAL unit's length and type stay as they are: what breaks on the way is what it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One trouble. for_us counts for stall and disconnect, packets for the others."""

    after_us: int
    kind: FaultKind
    for_us: int = 0
    packets: int = 0

    def __post_init__(self) -> None:
        is_timed = self.kind in ("stall", "disconnect")
        if self.after_us < 0 or self.for_us < 0 or self.packets < 0:
            raise BadInput("a fault's times and counts are not negative")
        if (self.for_us > 0 or self.kind == "disconnect") != is_timed or (
            self.packets > 0
        ) == is_timed:
            raise BadInput(f"{self.kind} needs {'a duration' if is_timed else 'a count'} only")


def fault_script(text: str) -> tuple[Fault, ...]:
    """A script as faults, earliest first.

    Errors:  BadInput for a part that can't be read, naming it, or more than 1000 parts.
    """
    parts = [part.strip() for part in re.split(r"[;\n]", text) if part.strip()]
    if len(parts) > FAULT_SCRIPT_MAX:
        raise BadInput(f"a fault script has at most {FAULT_SCRIPT_MAX} parts")
    return tuple(sorted((_fault(part) for part in parts), key=lambda fault: fault.after_us))


def _fault(part: str) -> Fault:
    found = _LINE.match(part)
    if found is None:
        raise BadInput(f"{part!r} is not a fault: write 'at 3 s: stall 5 s' or 'at 10 s: drop 4'")
    after_us = round(float(found["at"]) * US_PER_SECOND)
    if found["timed"] == "stall" or found["timed"] == "disconnect":
        return Fault(
            after_us=after_us,
            kind="stall" if found["timed"] == "stall" else "disconnect",
            for_us=round(float(found["seconds"]) * US_PER_SECOND),
        )
    kinds: dict[str, FaultKind] = {"drop": "drop", "repeat": "repeat", "corrupt": "corrupt"}
    return Fault(after_us=after_us, kind=kinds[found["counted"]], packets=int(found["count"]))


class FaultPlan:
    """A script under way, kept over reconnects; each fault happens once. Used by one thread."""

    def __init__(self, faults: tuple[Fault, ...], *, clock: Clock, seed: int = 0) -> None:
        self._waiting = sorted(faults, key=lambda fault: fault.after_us)
        self._clock = clock
        self._seed = seed
        self._first_at: Instant | None = None
        self._left: dict[FaultKind, int] = {}
        self._away_until_us: int | None = None
        self._touched = 0

    def refuse(self) -> None:
        """Errors:  Unavailable while a disconnect lasts."""
        now_us = self._clock.monotonic_us()
        if self._away_until_us is not None and now_us < self._away_until_us:
            raise Unavailable("the camera is away, as scripted")
        self._away_until_us = None

    def touch(self, packet: Packet, closed: threading.Event) -> tuple[Packet, ...]:
        """What comes through of a packet: nothing, itself, itself twice, or itself damaged.

        Errors:  Unavailable when a disconnect is due.
        """
        if self._first_at is None:
            self._first_at = packet.at
        came = packet
        while self._waiting and packet.at.since(self._first_at) >= self._waiting[0].after_us:
            fault = self._waiting.pop(0)
            if fault.kind == "stall":
                self._clock.wait(closed, fault.for_us)
                came = replace(came, arrived_at=self._clock.now())
            elif fault.kind == "disconnect":
                self._away_until_us = self._clock.monotonic_us() + fault.for_us
                raise Unavailable("the camera broke off, as scripted")
            else:
                self._left[fault.kind] = self._left.get(fault.kind, 0) + fault.packets
        if self._takes("corrupt"):
            came = replace(came, data=self._damaged(came.data))
        if self._takes("drop"):
            return ()
        return (came, came) if self._takes("repeat") else (came,)

    def _takes(self, kind: FaultKind) -> bool:
        left = self._left.get(kind, 0)
        self._left[kind] = max(left - 1, 0)
        return left > 0

    def _damaged(self, data: bytes) -> bytes:
        """One byte in fifty changed, at least one; the same for the same plan and packet."""
        self._touched += 1
        rng = np.random.default_rng([self._seed, self._touched])
        changed = np.frombuffer(data, dtype=np.uint8).copy()
        start = _PREFIX_BYTES if len(data) > _PREFIX_BYTES else 0
        count = max((len(data) - start) // 50, 1)
        spots = start + rng.choice(len(data) - start, size=count, replace=False)
        changed[spots] ^= rng.integers(1, 256, size=count, dtype=np.uint8)
        return changed.tobytes()


class FaultySource(PacketSource):
    """A source with a plan's trouble on the way. Make one around each fresh connection."""

    def __init__(self, source: PacketSource, plan: FaultPlan) -> None:
        self._source = source
        self._plan = plan
        self._closed = threading.Event()

    def packets(self) -> Iterator[Packet]:
        """Errors:  Unavailable as scripted, and whatever the source itself raises."""
        self._plan.refuse()
        for packet in self._source.packets():
            yield from self._plan.touch(packet, self._closed)
            if self._closed.is_set():
                return

    def close(self) -> None:
        self._closed.set()
        self._source.close()
