"""A stream's newest pictures in memory, so that what led to an event is kept with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from fairview.core.limits_keeping import PRE_ROLL_BYTES_MAX
from fairview.core.media import Packet
from fairview.core.time import Instant


@dataclass(slots=True)
class _Group:
    """A key frame and what needs it. at: its own time; since_us: when it came, on the monotonic
    clock."""

    at: Instant
    since_us: int
    packets: list[Packet] = field(default_factory=list)
    size_bytes: int = 0


class PreRoll:
    """Whole groups of pictures, each from its key frame on. Used by one thread.

    Holds at least the last `reach_us` and less than a group more, as long as that is at most
    bytes_max; then the oldest groups go. A group that is too large alone goes too, up to the next
    key frame.
    """

    def __init__(self, reach_us: int, bytes_max: int = PRE_ROLL_BYTES_MAX) -> None:
        self._reach_us = reach_us
        self._bytes_max = bytes_max
        self._groups: deque[_Group] = deque()
        self.size_bytes = 0
        self.dropped_groups = 0

    def add(self, packet: Packet, now_us: int) -> None:
        """now_us: on the monotonic clock, so that a camera whose time jumps loses nothing."""
        if packet.is_key:
            self._groups.append(_Group(packet.at, now_us))
        elif not self._groups:
            return
        group = self._groups[-1]
        group.packets.append(packet)
        group.size_bytes += len(packet.data)
        self.size_bytes += len(packet.data)
        while len(self._groups) > 1 and self._groups[1].since_us <= now_us - self._reach_us:
            self._drop()
        while self.size_bytes > self._bytes_max:
            self._drop()
            self.dropped_groups += 1

    def take(self, since: Instant | None, before_us: int = 0) -> Iterator[Packet]:
        """Everything in order from `before_us` before the group that holds `since`; nothing stays.

        since None: all there is. Lengths are of the monotonic clock, so that a camera whose time
        jumped gives as much.
        """
        groups, self._groups, self.size_bytes = self._groups, deque(), 0
        holding = next((one for one in reversed(groups) if since and one.at <= since), None)
        if holding is not None:
            from_us = holding.since_us - before_us
            while len(groups) > 1 and groups[1].since_us <= from_us:
                groups.popleft()
        for group in groups:
            yield from group.packets

    def forget(self) -> None:
        self._groups.clear()
        self.size_bytes = 0

    def _drop(self) -> None:
        self.size_bytes -= self._groups.popleft().size_bytes
