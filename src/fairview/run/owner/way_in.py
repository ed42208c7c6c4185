"""How the owner of a data folder finds the node that runs on it: `door/owner.json` (0600)."""

from __future__ import annotations

import os

import msgspec

from fairview.run.places import Meeting
from fairview.store.durable import replace_file
from fairview.store.layout import DataFolder

WAY_IN_FILE = "owner.json"
"""In the door's folder, which its owner alone may enter."""


class WayIn(msgspec.Struct, kw_only=True):
    """owner.json."""

    pid: int
    sockets: str
    door: str
    control: str


def let_owner_in(folder: DataFolder, meeting: Meeting) -> None:
    """Say where a node's door is. What an earlier start said is of no use to anybody any more."""
    way = WayIn(
        pid=os.getpid(),
        sockets=str(meeting.sockets.folder),
        door=meeting.secrets.door.hex(),
        control=meeting.secrets.control.hex(),
    )
    replace_file(folder.door / WAY_IN_FILE, msgspec.json.encode(way) + b"\n")
