"""What whoever looks for events of a camera says to whoever keeps its pictures."""

from __future__ import annotations

from dataclasses import dataclass

from fairview.core.ids import CameraId
from fairview.core.recording import Trigger
from fairview.core.time import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSign:
    """How a trigger stands, said every SIGN_EVERY_US also while nothing happens.

    looked_until: everything before it was looked at. since: when what goes on began, None while
    nothing does. blind: why it can't tell now, in words; empty when it can.
    """

    camera: CameraId
    trigger: Trigger
    looked_until: Instant
    since: Instant | None = None
    blind: str = ""
