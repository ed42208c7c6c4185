"""The bounds of sources: datagrams, and the clocks of cameras. See limits.py."""

from __future__ import annotations

from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND

DATAGRAMS_HELD_MAX = 256
DATAGRAMS_HELD_US_MAX = 100_000
"""Datagrams that wait for one before them, and for how long: more than any local network mixes up.
Outcome: the missing ones count as lost, which becomes a gap (lost_packets)."""

DATAGRAM_GAP_MAX = 3_000
DATAGRAM_LATE_MAX = 100
"""Numbers ahead and behind that still belong to the same sequence (RFC 3550 A.1). Outcome: two
neighbours from further away begin the sequence anew, behind a gap; a single one is dropped."""

DATAGRAM_SOCKET_BYTES = 4 * 1024 * 1024
"""What we ask the kernel to keep for us between two looks: a key frame comes in one burst."""

DATAGRAM_SOCKET_BYTES_CALM = 2 * 1024 * 1024
"""With less than this granted (net.core.rmem_max), the socket is emptied at every burst instead of
ten times a second, by a thread of its own."""

DATAGRAM_READ_EVERY_US = 10_000
"""How often a small socket is emptied: 100 Mbit/s fill 200 KiB in twice that."""

DATAGRAMS_IN_LOOK_MAX = 2_000
"""Datagrams taken in one look. Outcome: the rest at the next one."""

DATAGRAM_PORT_TRIES_MAX = 64
"""Tries at a pair of free neighbouring ports. Outcome: Unavailable."""

RECEIVER_REPORT_US = 5 * US_PER_SECOND
"""Between two receiver reports (RFC 3550 6.2: five seconds at least)."""

HUNG_UP_US_MAX = 2 * US_PER_SECOND
"""How long a stream over UDP may be silent once its RTSP connection is closed. Outcome: end_run."""

SENDER_REPORTS_KEPT_MAX = 8
"""Sender reports between two looks. Outcome: drop_oldest."""

CLOCK_TOLD_EVERY_US = US_PER_HOUR
"""A camera's clock offset is told so often, and at once when it moved by CLOCK_TOLD_STEP_US."""

CLOCK_TOLD_STEP_US = US_PER_SECOND
"""See CLOCK_TOLD_EVERY_US."""

CLOCK_WINDOWS_MAX = 120
"""Windows of WALLCLOCK_WINDOW_US that a drift is measured over: an hour. Outcome: drop_oldest."""

CLOCK_TURNS_MAX = 10
CLOCK_TURNS_US = US_PER_MINUTE
"""Jumps of a camera's clock borne in a connection within this time. Outcome: end_run."""

CLOCK_LOOK_US = 10 * US_PER_SECOND
"""How often a stream's clock is looked at."""

CLOCK_DRIFT_US_MIN = US_PER_MINUTE
"""A drift measured over less is no drift: the arrivals' spread is larger. Outcome: None."""
