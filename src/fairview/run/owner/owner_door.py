"""The door in the hands of the data folder's owner: of the node that runs, or opened here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fairview.access.door import Door
from fairview.access.door_client import DoorClient
from fairview.config.settings import Settings
from fairview.core.errors import Unavailable
from fairview.core.time import Clock
from fairview.run.owner.camera_book import running_node
from fairview.run.owner.office import open_office
from fairview.run.places import Sockets
from fairview.run.talk import AskOwnerSession, OwnerSession
from fairview.store.wire import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerDoor:
    """is_running: whether a node answers; else this command has the folder."""

    door: Door
    session: str
    is_running: bool


@contextmanager
def open_owner_door(settings: Settings, clock: Clock) -> Iterator[OwnerDoor]:
    """Errors:  as run.owner.open_book."""
    way = running_node(settings.data)
    if way is None:
        with open_office(settings, clock) as office:
            session = office.gate.local_session().token
            yield OwnerDoor(door=office.gate, session=session, is_running=False)
        return
    sockets = Sockets(folder=Path(way.sockets))
    with closing(Connection(sockets.path("control"), bytes.fromhex(way.control))) as control:
        session = control.call(AskOwnerSession(), OwnerSession).token
    door = DoorClient(sockets.path("door"), bytes.fromhex(way.door))
    try:
        yield OwnerDoor(door=door, session=session, is_running=True)
    finally:
        _sign_out(door, session)
        door.close()


def _sign_out(door: DoorClient, session: str) -> None:
    try:
        door.sign_out(session)
    except Unavailable:
        return  # the node went away, and its sessions with it
