"""The bounds of writing footage to disks. See limits.py."""

from __future__ import annotations

from fairview.core.time import US_PER_SECOND

WRITE_STREAM_BYTES_MAX = 64 * 1024 * 1024
"""Fragments of one stream that wait for its disk: two minutes of 4 Mbit/s, 30 s of 16 Mbit/s.
Outcome: drop_oldest whole fragments, up to the next key frame; a gap (overloaded)."""

WRITE_PROCESS_BYTES_MAX = 512 * 1024 * 1024
"""The same of all streams of one recorder: half a minute of 25 cameras of 5 Mbit/s.
Outcome: drop_oldest, of the stream with the most waiting on the disk with the most waiting."""

WRITERS_PER_DISK_MAX = 4
"""Threads that write to one disk, one unless its syncs take long. More would only wait in the
same sync: the file system takes those that wait together in one."""

WRITE_TURN_ITEMS_MAX = 8
"""What one stream may have written before another one's turn."""

WRITE_CLOSE_US_MAX = 35 * US_PER_SECOND
"""How long the end of a stream may wait for its disk. Outcome: end_run, as after a crash: the
next start closes the segment and stores the gap."""
