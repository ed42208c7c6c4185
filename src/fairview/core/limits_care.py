"""Bounds of looking after a node: files of cameras, probes side by side, the watchdog."""

from __future__ import annotations

CSV_BYTES_MAX = 4_000_000
"""A file of cameras: 2,000 rows of 2 kB. Outcome: BadInput."""

PROBES_TOGETHER_MAX = 4
"""Cameras looked at side by side; each is a program of about 60 MB. Outcome: push_back."""

NOTIFY_BYTES_MAX = 4_096
"""One message to the service manager. Outcome: its words are cut."""
