"""The bounds of faulty cameras and of simulated faults. See limits.py."""

from __future__ import annotations

from fairview.core.time import US_PER_SECOND

BAD_CAMERA_CONNECTIONS_MAX = 32
"""Connections of one faulty camera at once, a thread each. Outcome: the next one is closed."""

BAD_CAMERA_SENT_MAX = 200_000
"""Pictures and requests that a faulty camera remembers (two hours at 25 a second). Outcome:
drop_oldest."""

BAD_CAMERA_WAITING_BYTES_MAX = 4 * 1024 * 1024
"""What a faulty camera keeps for a slow reader. Outcome: pictures go, up to a key frame."""

BAD_CAMERA_BEHIND_US_MAX = 30 * US_PER_SECOND
"""How far a faulty camera may fall behind its own pace. Outcome: it skips to a key frame."""

TURNS_MAX = 2_000_000
"""Turns of all threads of one simulated run. Outcome: end_run (Unavailable)."""
