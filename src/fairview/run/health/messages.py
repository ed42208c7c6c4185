"""What processes and the health process say to each other."""

from __future__ import annotations

import msgspec

from fairview.core.health import AnalyserSigns, DoorSigns, RecorderSigns


class TellRecorder(msgspec.Struct, frozen=True):
    signs: RecorderSigns


class TellAnalyser(msgspec.Struct, frozen=True):
    signs: AnalyserSigns


class TellDoor(msgspec.Struct, frozen=True):
    signs: DoorSigns


class AskNodeHealth(msgspec.Struct, frozen=True):
    """Everything known about this node now."""
