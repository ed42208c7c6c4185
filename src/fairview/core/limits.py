"""Every bound, with its unit and its reason. Reaching one has the named outcome."""

from __future__ import annotations

from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND

FRAGMENT_US_MAX = 2 * US_PER_SECOND
"""The most footage one crash may cost. Outcome: the fragment is sealed and a new one begins."""

FRAGMENT_BYTES_MAX = 32 * 1024 * 1024
"""Memory of one open fragment (2 s at 128 Mbit/s). Outcome: sealed early."""

SEGMENT_US = 60 * US_PER_SECOND
"""A segment ends at the first key frame past this."""

SEGMENT_US_MAX = 120 * US_PER_SECOND
"""A stream without key frames is cut here all the same. Outcome: the run ends, a gap is stored."""

ROOTS_EVERY_US = 5 * US_PER_MINUTE
"""How often the ledger takes the Merkle root over new segment heads (decision 4)."""

KEYS_AHEAD_US = 48 * US_PER_HOUR
"""How far ahead a node's public halves are issued (decision 5)."""

RECONNECT_US_FIRST = 500_000
RECONNECT_US_MAX = 30 * US_PER_SECOND
"""Waits between tries to reach a camera: doubled each time up to the maximum."""

SOURCE_OPEN_US_MAX = 10 * US_PER_SECOND
SOURCE_READ_US_MAX = 10 * US_PER_SECOND
"""A camera that says nothing for this long is away. Outcome: end_run, a gap is stored."""

CATALOGUE_BATCH_US_MAX = 200_000
CATALOGUE_BATCH_MAX = 500
"""Changes wait at most this long for company before one durable commit (decision 15)."""

WIRE_MESSAGE_BYTES_MAX = 64 * 1024 * 1024
"""One message between our processes. Outcome: the connection is closed with an error."""

DOOR_CONNECTIONS_MAX = 256
"""Connections at the door at once. Outcome: push_back (Overloaded)."""

LIVE_QUEUE_FRAGMENTS_MAX = 64
"""What a slow viewer may fall behind. Outcome: drop_oldest up to the next key frame."""

RENDERERS_MAX = 16
"""Covered renderings at once. Outcome: push_back (Overloaded)."""

LOOKS_OPEN_MAX = 4_096
"""Looks open at once. Outcome: push_back (Overloaded)."""

SESSION_US_MAX = 12 * US_PER_HOUR
"""A sign-in ends after this; nothing renews it."""

SIGN_IN_TRIES_MAX = 10
SIGN_IN_WINDOW_US = 5 * US_PER_MINUTE
"""Wrong passwords per name in the window. Outcome: push_back (Overloaded)."""

HOLD_LIVE_US = 600_000
"""How long a covered live picture is held before it is shown (decision 9)."""

SEGMENT_HEADER_BODY_BYTES_MAX = 4_096
"""A segment header's variable part. Outcome: a file that claims more is refused."""

SEALED_BYTES_MAX = 64 * 1024 * 1024
"""One sealed record (twice the largest fragment). Outcome: refused, writing and reading."""
