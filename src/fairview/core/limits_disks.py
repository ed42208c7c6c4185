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

DISKS_MAX = 32
"""Disks of one data folder: a blob is looked for on one after the other. Outcome: Conflict."""

DISK_LOOK_US = 5 * US_PER_SECOND
"""How often each disk is looked at: whether it is there, itself, writable, and its room."""

DISK_SLOW_US = 15 * US_PER_SECOND
"""A disk whose look takes longer is slow: nothing new begins there until it answers."""

DISK_FAILED_US_FIRST = 10 * US_PER_SECOND
DISK_FAILED_US_MAX = 5 * 60 * US_PER_SECOND
"""After a failed write nothing new begins on a disk for this long, doubled each time, as long as
another one takes footage."""

DISK_STOP_BYTES = 128 * 1024 * 1024
"""With less room than this no footage is written to a disk. Outcome: end_run, a gap (disk_full);
what is left is for the ledger, keys and rows."""

RESERVE_BYTES = 64 * 1024 * 1024
"""A file kept on the data folder's disk, only to be removed when others filled it: deaths of keys,
the ledger and rows can then still be written."""

RESERVE_LOW_BYTES = 48 * 1024 * 1024
"""The reserve is given up with less room than this, and made again with four times as much."""

BLOB_PLACES_KEPT_MAX = 4_096
"""Blobs whose disk is remembered. Outcome: drop_oldest, it is looked for again."""

FORECAST_RATE_US_MIN = 60 * 60 * US_PER_SECOND
FORECAST_RATE_US_MAX = 24 * 60 * 60 * US_PER_SECOND
"""How much of the time up to now tells how fast footage comes: less than the first says nothing
yet, and a day has its night in it."""

DISK_DRAIN_TURN_US = 10 * US_PER_SECOND
"""While a disk is emptied, how long it waits for segments that are still being written."""

OUTLOOK_EVERY_US = 10 * 60 * US_PER_SECOND
"""How often a running node asks anew when its disks are full."""
