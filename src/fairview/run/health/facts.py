"""What health is judged by besides the processes' signs: rows, key files, disks, certificates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cryptography import x509

from fairview.config.scene_file import scene_of
from fairview.config.settings import Settings
from fairview.core.camera import Camera
from fairview.core.errors import BadInput, Corrupt, FairviewError
from fairview.core.health import CameraFacts, CertificateSign, DiskSign
from fairview.core.ids import CameraId
from fairview.core.limits_disks import OUTLOOK_EVERY_US
from fairview.core.time import US_PER_DAY, US_PER_HOUR, Clock, Instant, Span, instant
from fairview.record.forecast import Forecast
from fairview.run.disks.open_disks import open_disks
from fairview.run.disks.outlook import outlook_in_all
from fairview.run.health.board import Facts
from fairview.store.contracts import Catalogue
from fairview.store.keyfile import read_key_file
from fairview.store.layout import DataFolder

FOOTAGE_DISK = "footage"
NODE_DISK = "node"


class FactReader:
    """Reads facts anew when asked. Used by one thread."""

    def __init__(
        self,
        settings: Settings,
        folder: DataFolder,
        catalogue: Catalogue,
        clock: Clock,
        certificate: Path | None,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._catalogue = catalogue
        self._clock = clock
        self._certificate = certificate
        self._scenes: dict[CameraId, tuple[int, bool]] = {}
        self._disk_set = open_disks(folder, clock, settings)
        self._is_watched = False
        self._known_outlook: Forecast | None = None
        self._outlook_due_us = 0

    def watch(self) -> None:
        """Look at disks in threads of their own from now on, as one may stand still."""
        self._is_watched = True
        self._disk_set.start()

    def read(self) -> Facts:
        """Errors:  Unavailable while the catalogue is away."""
        now = self._clock.now()
        cameras = [row.camera for row in self._catalogue.cameras() if row.camera.is_active]
        return Facts(
            cameras=tuple(self._camera(one, now) for one in cameras),
            disks=self._disks(),
            certificate=None if self._certificate is None else certificate_sign(self._certificate),
        )

    def _camera(self, camera: Camera, now: Instant) -> CameraFacts:
        return CameraFacts(
            camera=camera.id,
            review_at=camera.register.review_at,
            keys_left_us=self._keys_left_us(camera.id, now),
            lost_us=self._lost_today(camera.id, now),
            is_analysed=self._is_analysed(camera.id),
        )

    def _keys_left_us(self, camera: CameraId, now: Instant) -> int | None:
        """Until the first hour from now on that no public half is issued for."""
        try:
            data = self._folder.key_file(camera).read_bytes()
            file = read_key_file(data, self._folder.door_public.read_bytes())
        except (OSError, Corrupt):
            return None
        hours = {pair.hour for pair in file.pairs}
        hour = now.hour()
        while hour in hours:
            hour = hour.plus(US_PER_HOUR)
        return max(hour.since(now), 0)

    def _lost_today(self, camera: CameraId, now: Instant) -> tuple[tuple[str, int], ...]:
        """Of the last 24 hours, whatever the zone."""
        day = Span(start=Instant(max(0, now.us - US_PER_DAY)), end=now.plus(1))
        lost: dict[str, int] = {}
        for gap in self._catalogue.gaps(camera, "main", day):
            inside = gap.span.clipped(day)
            if inside is not None:
                lost[gap.because.value] = lost.get(gap.because.value, 0) + inside.duration_us
        return tuple(sorted(lost.items(), key=lambda one: -one[1]))

    def _is_analysed(self, camera: CameraId) -> bool:
        saved = self._catalogue.scene(camera)
        if saved is None:
            return False
        known = self._scenes.get(camera)
        if known is None or known[0] != saved.revision:
            try:
                scene = scene_of(saved.text.encode())
                known = saved.revision, bool(scene.lines or scene.zones or scene.rules)
            except FairviewError:
                # The analyser says what is wrong with it.
                known = saved.revision, True
            self._scenes[camera] = known
        return known[1]

    def _disks(self) -> tuple[DiskSign, ...]:
        """Every disk that footage is kept on; of those it goes to, when they are full."""
        if not self._is_watched:
            self._disk_set.look()
        outlook = self._outlook()
        entries = {one.name: one for one in self._disk_set.list.disks}
        found = []
        for sign in self._disk_set.signs():
            name = FOOTAGE_DISK if len(entries) == 1 else sign.name
            is_filling = entries[sign.name].role == "record"
            found.append(
                replace(sign, name=name, full_in_us=outlook.full_in_us if is_filling else None)
            )
        return tuple(found)

    def _outlook(self) -> Forecast:
        now_us = self._clock.monotonic_us()
        if self._known_outlook is None or now_us >= self._outlook_due_us:
            self._outlook_due_us = now_us + OUTLOOK_EVERY_US
            self._known_outlook = outlook_in_all(self._catalogue, self._disk_set, self._clock)
        return self._known_outlook


def certificate_sign(path: Path) -> CertificateSign:
    """When the first certificate of a chain ends."""
    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        return CertificateSign(path=str(path), ends_at=instant(ends.isoformat()))
    except (OSError, ValueError, BadInput):
        return CertificateSign(path=str(path), ends_at=None)
