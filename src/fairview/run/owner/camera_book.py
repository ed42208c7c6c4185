"""What the owner of a data folder may do with its cameras, whether or not a node runs on it.

Without a node the command takes the folder and opens the door itself. While one runs, it asks that
node's door: `door/owner.json` (0600, in a folder of 0700) says where its sockets are and which
secrets they ask, made anew at each start; the sockets answer the node's own user only (the peer's
uid by the kernel). So whoever may read the keys may ask, and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import msgspec

from fairview.access.door import CameraWish, KeepingWish, LoginChanged, LoginWish, ProbeFound
from fairview.access.door_client import DoorClient
from fairview.config.settings import Settings
from fairview.core.camera import Camera, Login
from fairview.core.errors import Conflict, NotAllowed, NotFound, Unavailable
from fairview.core.ids import CameraId
from fairview.core.time import Clock
from fairview.ingest.address import entered
from fairview.run.owner.local import CameraKnown
from fairview.run.owner.office import Office, open_office
from fairview.run.owner.way_in import WAY_IN_FILE, WayIn
from fairview.run.places import Sockets
from fairview.run.talk import AskOwnerSession, OwnerSession
from fairview.store.layout import open_data_folder
from fairview.store.wire import Connection


class CameraBook(Protocol):
    """The cameras of a folder, in its owner's hands.

    Errors:  as the door's; Unavailable when the node that was asked goes away.
    """

    @property
    def asked(self) -> str:
        """Who does the work, in words."""
        ...

    def cameras(self) -> tuple[CameraKnown, ...]: ...

    def camera(self, camera: CameraId) -> CameraKnown:
        """Errors:  NotFound, with the names there are."""
        ...

    def add(self, wish: CameraWish) -> Camera: ...

    def remove(self, camera: CameraId) -> None: ...

    def probe(self, address: str, login: Login | None) -> ProbeFound: ...

    def set_login(self, wish: LoginWish) -> LoginChanged: ...

    def keep(self, wish: KeepingWish) -> Camera: ...


@contextmanager
def open_book(settings: Settings, clock: Clock, *, create: bool = False) -> Iterator[CameraBook]:
    """The cameras of `settings.data`, through its node when one runs.

    Errors:  NotFound without a folder (unless create); Conflict when something else than a node
    has the folder; NotAllowed for a node of another user.
    """
    way = running_node(settings.data)
    if way is None:
        with open_office(settings, clock, create=create) as office:
            yield _Here(office)
        return
    with closing(_ThroughNode(way)) as book:
        yield book


def running_node(data: Path) -> WayIn | None:
    """The way to the node that has the folder; None when nobody has it.

    Errors:  Conflict when who has it answers no questions.
    """
    if not (data / "format.json").exists():
        return None
    folder = open_data_folder(data)
    try:
        with folder.lock:
            return None
    except Conflict as taken:
        try:
            way = msgspec.json.decode((folder.door / WAY_IN_FILE).read_bytes(), type=WayIn)
        except PermissionError as error:
            raise NotAllowed(
                f"the node on {data} belongs to another user: run this as that user "
                "(sudo -u fairview fairview …)"
            ) from error
        except (OSError, msgspec.DecodeError):
            raise taken from None
        if not Sockets(folder=Path(way.sockets)).is_up("control"):
            raise
        return way


class _Here:
    """No node runs: this process has the folder."""

    asked = "this command"

    def __init__(self, office: Office) -> None:
        self._office = office

    def cameras(self) -> tuple[CameraKnown, ...]:
        return self._office.cameras()

    def camera(self, camera: CameraId) -> CameraKnown:
        return self._office.camera(camera)

    def add(self, wish: CameraWish) -> Camera:
        return self._office.camera_put(wish)

    def remove(self, camera: CameraId) -> None:
        self._office.camera_remove(camera)

    def probe(self, address: str, login: Login | None) -> ProbeFound:
        return self._office.camera_probe(address, login)

    def set_login(self, wish: LoginWish) -> LoginChanged:
        return self._office.camera_login(wish)

    def keep(self, wish: KeepingWish) -> Camera:
        return self._office.camera_keep(wish)


class _ThroughNode:
    """A node runs: its door is asked, in a session of the owner that ends with the command."""

    def __init__(self, way: WayIn) -> None:
        sockets = Sockets(folder=Path(way.sockets))
        self.asked = f"the node (process {way.pid})"
        with closing(Connection(sockets.path("control"), bytes.fromhex(way.control))) as control:
            self._session = control.call(AskOwnerSession(), OwnerSession).token
        self._door = DoorClient(sockets.path("door"), bytes.fromhex(way.door))

    def close(self) -> None:
        try:
            self._door.sign_out(self._session)
        except Unavailable:
            return  # the node went away, and its sessions with it
        finally:
            self._door.close()

    def cameras(self) -> tuple[CameraKnown, ...]:
        views = self._door.cameras(self._session)
        return tuple(CameraKnown(camera=one.camera, newest=one.newest) for one in views)

    def camera(self, camera: CameraId) -> CameraKnown:
        rows = self.cameras()
        for row in rows:
            if row.camera.id == camera:
                return row
        names = ", ".join(row.camera.id for row in rows) or "none"
        raise NotFound(f"there is no camera {camera} in this folder (known: {names})")

    def add(self, wish: CameraWish) -> Camera:
        sub = wish.sub_address and _whole(wish.sub_address)
        wish = replace(wish, address=_whole(wish.address), sub_address=sub)
        return self._door.camera_add(self._session, wish).camera

    def remove(self, camera: CameraId) -> None:
        self.camera(camera)
        self._door.camera_remove(self._session, camera)

    def probe(self, address: str, login: Login | None) -> ProbeFound:
        return self._door.camera_probe(self._session, address, login)

    def set_login(self, wish: LoginWish) -> LoginChanged:
        self.camera(wish.camera)
        return self._door.camera_login(self._session, wish)

    def keep(self, wish: KeepingWish) -> Camera:
        self.camera(wish.camera)
        return self._door.camera_keep(self._session, wish).camera


def _whole(address: str) -> str:
    """A file's path from the root on: the node works in another folder. Errors: BadInput."""
    parted = entered(address)
    return parted.address if parted.kind == "file" else address
