"""Whether the node keeps what covers hide. Apart from what looks for it, which is heavy to load."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairview.config.settings import Settings


def is_cover_stored(settings: Settings) -> bool:
    """Whether what covers hide is found and sealed while recording."""
    return settings.covering.model is not None and settings.covering.is_stored
