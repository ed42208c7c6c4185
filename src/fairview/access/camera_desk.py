"""Cameras come and go here: parsed, registered, in the ledger, with keys before the first byte."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fairview.access.door import CameraWish, ProbeFound
from fairview.access.journal import Journal
from fairview.access.keeping import kept_so
from fairview.access.keys import KeyStore
from fairview.access.leaves import (
    CameraAdded,
    CameraRemoved,
    CommissioningStarted,
    canonical,
)
from fairview.access.may import Allowed, CameraState, decide
from fairview.access.probe_child import probe_apart
from fairview.config.settings import RegisterDefault, Settings
from fairview.core.camera import (
    COMMISSIONING_US,
    Camera,
    Login,
    Presence,
    RegisterEntry,
    Source,
    Transport,
)
from fairview.core.case import Actor
from fairview.core.errors import BadInput, Conflict, NotAllowed
from fairview.core.ids import CameraStream, camera_id
from fairview.core.limits import CAMERAS_MAX
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_SECOND, Clock, Instant
from fairview.ingest.address import entered, place_of, rules_of
from fairview.ingest.probe import Probed
from fairview.sim.loop import seed_of
from fairview.store.contracts import CameraSaved, Catalogue
from fairview.store.secrets import SecretBox, seal_login

Probe = Callable[[Source, Login | None], Probed]
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskParts:
    """What the desk works with. probe: tests put their own here. disks: names of those in the
    folder's list."""

    catalogue: Catalogue
    journal: Journal
    keys: KeyStore
    box: SecretBox
    settings: Settings
    clock: Clock
    probe: Probe
    disks: Callable[[], tuple[str, ...]]


def check_disk(parts: DeskParts, camera: Camera) -> None:
    """A camera's own disk is one of the folder's. Errors: BadInput, naming those there are."""
    known = parts.disks()
    if camera.disk is not None and camera.disk not in known:
        raise BadInput(
            f"{camera.id} can't be kept on a disk {camera.disk}, there is none: name one of "
            f"{', '.join(known)}, or adopt it first (fairview disk add)"
        )


class CameraDesk:
    """Safe from several threads."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts
        self._lock = threading.Lock()

    def look_at(self, address: str, login: Login | None) -> ProbeFound:
        """What an address sends. Errors: BadInput, NotAllowed, NotFound, Unavailable."""
        source, found_login = self._source("main", address)
        if source.kind == "sim":
            return ProbeFound(
                kind="sim",
                codec="h264",
                width_px=640,
                height_px=360,
                fps=12.0,
                key_frame_every_s=None,
                bits_per_second=None,
                has_audio=False,
                because="a simulated camera",
            )
        return _found(source, self._parts.probe(source, login or found_login))

    def add(self, actor: Actor, wish: CameraWish) -> Camera:
        """A new camera: in the ledger, then keys, then the catalogue's row.

        Errors:  BadInput, Conflict for a name that is or was in use, NotAllowed when its entry
        says less than `persons` and the actor may not sign that.
        """
        parts = self._parts
        now = parts.clock.now()
        camera, login = self._camera(wish, now)
        check_disk(parts, camera)
        self._check_presence(actor, camera, now)
        sealed = None if login is None else seal_login(parts.box, camera.id, login)
        with self._lock:
            rows = parts.catalogue.cameras()
            if any(row.camera.id == camera.id for row in rows):
                raise Conflict(f"there is (or was) a camera {camera.id} already: take another name")
            if len(rows) >= CAMERAS_MAX:
                raise Conflict(f"a node has at most {CAMERAS_MAX} cameras")
            if camera.commissioning_until is not None:
                _check_new_here(camera, [row.camera for row in rows])
            parts.journal.append(_added(camera, actor))
            if camera.commissioning_until is not None:
                parts.journal.append(
                    CommissioningStarted(
                        camera=camera.id, until=camera.commissioning_until, actor=actor.id
                    )
                )
            parts.keys.issue(camera.id, now)
            parts.catalogue.write([CameraSaved(camera=camera, sealed_login=sealed)])
        return camera

    def remove(self, actor: Actor, camera: Camera) -> None:
        """Stop recording it; its footage lives on until its retention ends. Safe to repeat."""
        with self._lock:
            row = self._parts.catalogue.camera(camera.id)
            if not row.camera.is_active:
                return
            gone = replace(
                row.camera,
                is_active=False,
                revision=row.camera.revision + 1,
                commissioning_until=None,
            )
            self._parts.journal.append(
                CameraRemoved(camera=gone.id, revision=gone.revision, actor=actor.id)
            )
            self._parts.catalogue.write([CameraSaved(camera=gone, sealed_login=None)])

    def ask(self, question: Callable[[DeskParts], Done]) -> Done:
        """Something that changes nothing and may take long: the desk serves others meanwhile."""
        return question(self._parts)

    def apply(self, change: Callable[[DeskParts], Done]) -> Done:
        """A change of one camera, alone at the desk. Errors: the change's."""
        with self._lock:
            return change(self._parts)

    def _camera(self, wish: CameraWish, now: Instant) -> tuple[Camera, Login | None]:
        main, login = self._source("main", wish.address, wish.transport)
        sources = [main]
        if wish.sub_address:
            sub, sub_login = self._source("sub", wish.sub_address, wish.transport)
            sources.append(sub)
            login = login or sub_login
        is_made_up = all(source.kind == "sim" for source in sources)
        entry = wish.register
        if entry is None:
            default = self._parts.settings.register_.default
            entry = default_entry(default, "simulated" if is_made_up else "persons", now)
        if entry.review_at <= now:
            raise BadInput("the register entry's review date is past already")
        camera = Camera(
            id=camera_id(wish.name),
            title=wish.title.strip() or wish.name,
            sources=tuple(sources),
            register=entry,
            commissioning_until=now.plus(COMMISSIONING_US) if wish.commissioning else None,
        )
        return kept_so(camera, wish.keeping), wish.login or login

    def _source(
        self, stream: CameraStream, text: str, transport: Transport = "auto"
    ) -> tuple[Source, Login | None]:
        parted = entered(text)
        if parted.kind == "sim":
            seed_of(parted.address)
        if parted.kind == "file" and not self._parts.settings.cameras.allow_files:
            raise BadInput("this node takes no files as cameras (cameras.allow_files)")
        source = Source(
            stream=stream, kind=parted.kind, address=parted.address, transport=transport
        )
        return source, parted.login

    def _check_presence(self, actor: Actor, camera: Camera, now: Instant) -> None:
        presence = camera.register.presence
        is_made_up = all(source.kind == "sim" for source in camera.sources)
        if presence == "persons" or (presence == "simulated" and is_made_up):
            return
        if presence == "simulated":
            raise BadInput(
                "only a sim: address is a simulated camera: say who can be in the picture"
            )
        answer = decide(actor, "no_persons_sign", camera, None, now, CameraState())
        if not isinstance(answer, Allowed):
            raise NotAllowed(
                "that no persons are in view is signed by a privacy officer; " + answer.because
            )


def _check_new_here(camera: Camera, others: Sequence[Camera]) -> None:
    """Commissioning is for putting a camera up, once: no address gets a second day of it by being
    removed and added again, or added twice.

    HOLE: another name of the same host, or another spelling of the path, is another address. Each
    commissioning stands in the ledger, in the open.
    Errors:  Conflict.
    """
    mine = {_place(source) for source in camera.sources if source.kind != "sim"}
    for other in others:
        if mine & {_place(source) for source in other.sources}:
            raise Conflict(
                f"this address is or was camera {other.id}: commissioning is for a camera that is "
                "put up, once. Add it without; covered pictures need none"
            )


def _place(source: Source) -> str:
    """An address, its port written out and its host in lower case."""
    return place_of(source.address) if source.kind in ("rtsp", "http") else source.address


def prober(settings: Settings, clock: Clock) -> Probe:
    """The real probe, in a process of its own, within the node's address rules."""
    del clock
    rules = rules_of(settings.cameras)
    return lambda source, login: probe_apart(source, login, rules)


def default_entry(default: RegisterDefault, presence: Presence, now: Instant) -> RegisterEntry:
    """The register entry of `[register.default]`.

    Errors:  BadInput that names what is missing.
    """
    texts = {
        "purpose": default.purpose,
        "legal_basis": default.legal_basis,
        "operator": default.operator,
        "contact": default.contact,
        "area": default.area,
    }
    missing = [name.replace("_", " ") for name, text in texts.items() if not text]
    if missing:
        raise BadInput(
            f"no camera without a register entry: give its {', '.join(missing)}, or set them "
            "in [register.default]"
        )
    return RegisterEntry(
        purpose=texts["purpose"] or "",
        legal_basis=texts["legal_basis"] or "",
        operator=texts["operator"] or "",
        contact=texts["contact"] or "",
        area=texts["area"] or "",
        retention_us=default.retention_h * US_PER_HOUR,
        review_at=now.plus(default.review_days * US_PER_DAY),
        presence=presence,
    )


def register_digest(entry: RegisterEntry) -> str:
    """SHA-256 (hex) over the entry's canonical JSON, as the ledger names it."""
    return hashlib.sha256(canonical(register_plain(entry))).hexdigest()


def register_plain(entry: RegisterEntry) -> dict[str, object]:
    """An entry for JSON, as published."""
    return {
        "purpose": entry.purpose,
        "legal_basis": entry.legal_basis,
        "operator": entry.operator,
        "contact": entry.contact,
        "area": entry.area,
        "retention_us": entry.retention_us,
        "review_at": entry.review_at.iso(),
        "presence": entry.presence,
    }


def _added(camera: Camera, actor: Actor) -> CameraAdded:
    return CameraAdded(
        camera=camera.id,
        revision=camera.revision,
        source_kinds=tuple(source.kind for source in camera.sources),
        retention_us=camera.register.retention_us,
        presence=camera.register.presence,
        register_digest=register_digest(camera.register),
        actor=actor.id,
    )


def _found(source: Source, probed: Probed) -> ProbeFound:
    because = []
    if probed.has_audio:
        because.append("it also offers audio, which is never opened")
    if probed.key_interval_us is None:
        because.append("key frames are far apart: live pictures begin slowly")
    return ProbeFound(
        kind=source.kind,
        codec=probed.codec,
        width_px=probed.width_px,
        height_px=probed.height_px,
        fps=probed.fps or None,
        key_frame_every_s=(
            None if probed.key_interval_us is None else probed.key_interval_us / US_PER_SECOND
        ),
        bits_per_second=probed.bits_per_second or None,
        has_audio=probed.has_audio,
        because="; ".join(because),
    )
