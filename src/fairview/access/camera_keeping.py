"""A camera kept otherwise from now on: decided, in the ledger, then in the catalogue.

The recorder sees a new revision and begins anew with it at once.
"""

from __future__ import annotations

from dataclasses import replace

from fairview.access.camera_desk import DeskParts, check_disk, register_digest
from fairview.access.door import KeepingWish
from fairview.access.keeping import kept_so
from fairview.access.leaves import CameraChanged
from fairview.core.camera import Camera
from fairview.core.case import Actor
from fairview.core.errors import Conflict
from fairview.store.contracts import CameraSaved


def changed_keeping(parts: DeskParts, actor: Actor, wish: KeepingWish) -> Camera:
    """Keep a camera otherwise from now on. The caller holds the desk's lock.

    What is the same already changes nothing and writes no line.
    Errors:  NotFound; Conflict for a removed camera, or when it changed since from_revision;
    BadInput.
    """
    row = parts.catalogue.camera(wish.camera)
    camera = row.camera
    if not camera.is_active:
        raise Conflict(f"{camera.id} was removed: nothing of it is recorded")
    if wish.from_revision not in (None, camera.revision):
        raise Conflict(
            f"{camera.id} was changed by somebody else meanwhile (revision {camera.revision}): "
            "look at it again"
        )
    fresh = kept_so(camera, wish.keeping)
    if fresh == camera:
        return camera
    if fresh.disk != camera.disk:  # one removed since does not stand in the way of other changes
        check_disk(parts, fresh)
    fresh = replace(fresh, revision=camera.revision + 1)
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
    parts.catalogue.write([CameraSaved(camera=fresh, sealed_login=row.sealed_login)])
    return fresh
