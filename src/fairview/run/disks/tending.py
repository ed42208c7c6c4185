"""What the door does about disks: their room, what died while one was away, and the reserve."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from fairview.access.shred import DiskNeed
from fairview.core.errors import Unavailable
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId
from fairview.core.media import Segment
from fairview.core.time import Clock
from fairview.store.contracts import Catalogue, EventSaved
from fairview.store.disk_list import OWN_DISK
from fairview.store.disks import Disks
from fairview.store.reserve import Reserve


class DiskCare:
    """What the door does about disks: what each is short of, what died while one was away, the
    reserve, and telling when one goes or comes. Used by one thread."""

    def __init__(self, disks: Disks, reserve: Reserve, catalogue: Catalogue, clock: Clock) -> None:
        self._disks = disks
        self._reserve = reserve
        self._catalogue = catalogue
        self._clock = clock
        self._troubles: dict[str, str] = {}
        self._homeless: frozenset[tuple[CameraId, str]] = frozenset()

    def look(self) -> None:
        """A turn: tend the reserve, and tell what changed. Errors: Unavailable."""
        with suppress(Unavailable):
            own = next(one for one in self._disks.all() if one.entry.name == OWN_DISK)
            self._reserve.tend(own.free_bytes())
        self._tell()
        self._tell_homeless()

    def needs(self) -> Sequence[DiskNeed]:
        """Disks with less room than their floor, or with more footage than their bound."""
        found = []
        used = self._disks.measure()
        for one in self._disks.all():
            name = one.entry.name
            if one.known().state not in ("ok", "full") or not one.is_there():
                continue
            need = self._disks.floor(name) - one.free_bytes()
            if one.entry.bytes_max is not None:
                need = max(need, used.get(name, 0) - one.entry.bytes_max)
            if need > 0:
                names = frozenset(one.blobs.names())
                found.append(DiskNeed(name=name, need_bytes=need, holds=_Holds(names)))
        return found

    def settle(self) -> None:
        """Take from disks that are back what died meanwhile. Errors: Unavailable."""
        self._disks.settle()

    def _tell(self) -> None:
        events = []
        for sign in self._disks.signs():
            because = "" if sign.state == "ok" else sign.because
            if bool(because) == bool(self._troubles.get(sign.name, "")):
                continue
            kind = "disk_failing" if because else "disk_back"
            words = f"the disk {sign.name}: {because or 'it takes footage again'}"
            events.append(
                EventSaved(
                    event=HealthEvent(kind=kind, camera=None, at=self._clock.now(), because=words)
                )
            )
            self._troubles[sign.name] = because
        if events:
            self._catalogue.write(events)

    def _tell_homeless(self) -> None:
        """Cameras whose own disk was taken out of the list, each once."""
        known = {one.entry.name for one in self._disks.all()}
        cameras = [row.camera for row in self._catalogue.cameras()]
        homeless = frozenset(
            (one.id, one.disk)
            for one in cameras
            if one.is_active and one.disk is not None and one.disk not in known
        )
        now = self._clock.now()
        events = [
            EventSaved(
                event=HealthEvent(
                    kind="camera_disk_gone",
                    camera=camera,
                    at=now,
                    because=f"there is no disk {disk} any more; known: {', '.join(sorted(known))}",
                )
            )
            for camera, disk in sorted(homeless - self._homeless)
        ]
        if events:
            self._catalogue.write(events)
        self._homeless = homeless


class _Holds:
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def __call__(self, segment: Segment) -> bool:
        return segment.blob in self._names
