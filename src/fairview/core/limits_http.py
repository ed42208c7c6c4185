"""The bounds of HTTP cameras and of the machine's own. See limits.py."""

from __future__ import annotations

from fairview.core.time import US_PER_SECOND

SNAPSHOT_FPS_MIN = 0.2
SNAPSHOT_FPS_MAX = 10.0
"""How often a single picture may be fetched again. Outcome: BadInput. Slower than this and a
camera that has gone could not be told from one that waits; faster, ask for its video."""

SNAPSHOT_FPS_DEFAULT = 1.0
"""Pictures a second from an address that answers with a single one and says nothing else."""

HTTP_HEAD_BYTES_MAX = 32 * 1024
"""A camera's answer before its body, and one chunk's or part's own headers. Outcome: BadInput."""

HTTP_REDIRECTS_MAX = 3
"""How often a camera may send us elsewhere, each time to a checked address. Outcome: NotAllowed."""

HTTP_PICTURE_BYTES_MAX = 16 * 1024 * 1024
"""One JPEG picture (an 8K one has a few megabytes). Outcome: BadInput, end_run."""

HTTP_ASTRAY_BYTES_MAX = 1024 * 1024
"""Bytes in a row outside of any part of a multipart stream. Outcome: BadInput, end_run."""

HTTP_READ_BYTES = 96 * 1024
"""The most taken from a connection at once: about a picture, and less than what the C library would
map from the kernel anew each time."""

HTTP_SNIFF_BYTES = 1024
"""What is looked at to tell what a body is, when its type does not say."""

HTTP_STAMPS_APART_US_MAX = 4 * US_PER_SECOND
"""How far the time stamps that a camera writes between its pictures may part from their arrivals.
Outcome: from there on arrivals count."""

USB_BUFFERS = 4
"""Buffers shared with a USB camera's driver: one being filled, one being read, two in reserve.
Outcome: the driver drops pictures, which is told as loss."""

USB_BUFFER_BYTES_MAX = 64 * 1024 * 1024
"""One such buffer (8K YUYV). Outcome: BadInput."""

USB_KEY_EVERY_US = 2 * US_PER_SECOND
"""How often a raw camera's pictures, encoded here, begin anew."""

JPEG_PICTURE_PX_MAX = 16_384
"""Width or height of a JPEG picture. Outcome: BadInput."""
