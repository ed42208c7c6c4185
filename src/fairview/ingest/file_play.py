"""How a file is played as if it were a camera."""

from __future__ import annotations

from dataclasses import dataclass

from fairview.core.time import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlay:
    """How a file is played.

    is_paced: at its own pace, as a camera would; else as fast as it is taken.
    start_at: the moment of the file's time zero; None puts its first picture at now.
    """

    is_paced: bool = True
    is_looped: bool = False
    start_at: Instant | None = None
