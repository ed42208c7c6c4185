"""When a disk is full, at the rate it has filled."""

from __future__ import annotations

from collections import deque

from fairview.core.limits_health import DISK_RATE_US_MAX, DISK_RATE_US_MIN


class Forecast:
    """When a disk is full, from how its free room shrank. Pure but for what it remembers."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[int, int]]] = {}

    def see(self, name: str, now_us: int, free_bytes: int) -> None:
        seen = self._seen.setdefault(name, deque())
        seen.append((now_us, free_bytes))
        while now_us - seen[0][0] > DISK_RATE_US_MAX:
            seen.popleft()

    def full_in_us(self, name: str, left_bytes: int) -> int | None:
        """At the rate since the oldest look kept; None while it does not shrink or is not known."""
        seen = self._seen.get(name)
        if not seen or seen[-1][0] - seen[0][0] < DISK_RATE_US_MIN:
            return None
        shrunk = seen[0][1] - seen[-1][1]
        if shrunk <= 0:
            return None
        return left_bytes * (seen[-1][0] - seen[0][0]) // shrunk
