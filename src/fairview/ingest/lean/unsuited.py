"""A stream that the lean reader leaves to FFmpeg."""

from __future__ import annotations

from fairview.core.errors import Unavailable


class Unsuited(Unavailable):
    """The server speaks something the lean reader doesn't: FFmpeg may still read it."""
