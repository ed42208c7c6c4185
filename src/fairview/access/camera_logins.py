"""A camera's user name and password, replaced: tried, in the ledger, sealed, the old one gone.

What the ledger says is that the camera changed, never the login. The recorder sees a new revision
and connects anew with it at once.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from fairview.access.camera_desk import DeskParts, register_digest
from fairview.access.door import LoginChanged, LoginWish
from fairview.access.leaves import CameraChanged
from fairview.core.camera import Camera, Login
from fairview.core.case import Actor
from fairview.core.errors import BadInput, Conflict, Unavailable
from fairview.ingest.probe import Probed
from fairview.store.contracts import CameraSaved
from fairview.store.secrets import open_login, seal_login

_WITH_LOGIN = ("rtsp", "http")


def tried_login(parts: DeskParts, wish: LoginWish) -> str:
    """What the camera answers to a login, in words; empty when nobody is to try. Takes up to the
    probe's time, so the caller holds no lock.

    Errors:  as `changed_login` and the probe; then the old login stays.
    """
    camera, login = _login(parts, wish)
    return _tried(parts, camera, login) if wish.is_tried else ""


def changed_login(parts: DeskParts, actor: Actor, wish: LoginWish, answered: str) -> LoginChanged:
    """Replace a login. The caller holds the desk's lock. answered: as the camera was tried.

    The old one is overwritten in the database (`secure_delete`) and its log is emptied; while
    somebody reads an older state that waits for the catalogue's next tidying (a minute).

    Errors:  NotFound; Conflict for a removed camera; BadInput for one that takes no login, or
    when no user name is known.
    """
    camera, login = _login(parts, wish)
    fresh = replace(camera, revision=camera.revision + 1)
    sealed = seal_login(parts.box, camera.id, login)
    parts.journal.append(
        CameraChanged(
            camera=fresh.id,
            revision=fresh.revision,
            retention_us=fresh.register.retention_us,
            presence=fresh.register.presence,
            register_digest=register_digest(fresh.register),
            actor=actor.id,
        )
    )
    parts.catalogue.write([CameraSaved(camera=fresh, sealed_login=sealed)])
    with contextlib.suppress(Unavailable):  # somebody reads: tidied within a minute
        parts.catalogue.checkpoint()
    return LoginChanged(camera=fresh.id, revision=fresh.revision, answered=answered)


def _login(parts: DeskParts, wish: LoginWish) -> tuple[Camera, Login]:
    """The camera as it is now, and its login to be."""
    row = parts.catalogue.camera(wish.camera)
    camera = row.camera
    if not camera.is_active:
        raise Conflict(f"{camera.id} was removed: it is not recorded, so it needs no login")
    if not any(source.kind in _WITH_LOGIN for source in camera.sources):
        raise BadInput(f"{camera.id} takes no login: it is no camera on the network")
    name = wish.name or _name_before(parts, camera, row.sealed_login)
    return camera, Login(name=name, password=wish.password)


def _name_before(parts: DeskParts, camera: Camera, sealed: bytes | None) -> str:
    if sealed is None:
        raise BadInput(f"{camera.id} has no login yet: say the user name too (--user)")
    return open_login(parts.box, camera.id, sealed).name


def _tried(parts: DeskParts, camera: Camera, login: Login) -> str:
    """Every stream that is recorded or read lets the login in; the main one's picture in words."""
    found: Probed | None = None
    for source in camera.sources:
        if source.kind in _WITH_LOGIN:
            one = parts.probe(source, login)
            found = found or one
    assert found is not None, "asked only for cameras on the network"
    return f"{found.codec} {found.width_px}x{found.height_px}"
