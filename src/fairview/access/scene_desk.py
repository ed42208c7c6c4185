"""Scenes of cameras: read, and saved by whoever may; and what was measured with them."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace

from fairview.access.door import CountView, MeasuresView, SceneView, SpeedView
from fairview.access.journal import Journal
from fairview.access.leaves import SceneSavedLeaf
from fairview.access.may import Allowed, CameraState, decide
from fairview.config.scene_file import scene_of
from fairview.core.camera import Camera, PrivacyZone
from fairview.core.case import Actor
from fairview.core.errors import BadInput, Conflict, NotAllowed
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import FEW_PERSONS, MEASURES_US_MAX
from fairview.core.scene import Scene
from fairview.core.sight import KINDS, MOVING, PERSON
from fairview.core.time import US_PER_DAY, Clock, Instant, Span
from fairview.core.traffic import Count, SpeedBin
from fairview.store.contracts import CameraSaved, Catalogue, SceneSaved

_MAY_BE_PERSONS = frozenset({PERSON, MOVING})
"""Of these a small number is not said: `moving` is what a detector can't tell from a person."""


class SceneDesk:
    """Safe from several threads."""

    def __init__(self, catalogue: Catalogue, journal: Journal, clock: Clock) -> None:
        self._catalogue = catalogue
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()

    def scene(self, camera: CameraId) -> SceneView | None:
        found = self._catalogue.scene(camera)
        return None if found is None else _view(found)

    def save(self, actor: Actor, camera: CameraId, text: str, from_revision: int) -> SceneView:
        """Check, write into the ledger, then store; the masks become the privacy zones.

        Errors:  BadInput, Conflict, NotAllowed.
        """
        scene = scene_of(text.encode())
        if scene.camera.id != camera:
            raise BadInput(f"this scene is of {scene.camera.id}: write id = {camera!r} in [camera]")
        with self._lock:
            newest = self._catalogue.scene(camera)
            revision = 0 if newest is None else newest.revision
            if from_revision != revision:
                raise Conflict(
                    f"somebody saved scene {revision} of {camera} meanwhile: look at it first"
                )
            row = self._catalogue.camera(camera)
            zones = _zones_of(scene)
            self._check_zones(actor, row.camera, zones)
            now = self._clock.now()
            saved = SceneSaved(
                camera=camera, revision=revision + 1, text=text, saved_at=now, saved_by=actor.id
            )
            self._journal.append(
                SceneSavedLeaf(
                    camera=camera,
                    revision=saved.revision,
                    scene_digest=hashlib.sha256(text.encode()).hexdigest(),
                    lines=len(scene.lines),
                    zones=len(zones),
                    actor=actor.id,
                )
            )
            changes: list[SceneSaved | CameraSaved] = [saved]
            if zones != row.camera.zones:
                changed = replace(row.camera, zones=zones, revision=row.camera.revision + 1)
                changes.append(CameraSaved(camera=changed, sealed_login=row.sealed_login))
            self._catalogue.write(changes)
        return _view(saved)

    def measures(self, camera: CameraId, span: Span) -> MeasuresView:
        """Errors:  BadInput for a span of more than 31 days."""
        if span.duration_us > MEASURES_US_MAX:
            raise BadInput(f"measures cover at most {MEASURES_US_MAX // US_PER_DAY} days at once")
        now = self._clock.now()
        counts = tuple(_count_view(one, now) for one in self._catalogue.counts(camera, span))
        speeds = tuple(
            _speed_view(one) for one in self._catalogue.speeds(camera, span) if not _is_few(one)
        )
        return MeasuresView(counts=counts, speeds=speeds)

    def _check_zones(self, actor: Actor, camera: Camera, zones: tuple[PrivacyZone, ...]) -> None:
        """Anybody who saves scenes may add a privacy zone; only the privacy officer takes one."""
        if set(camera.zones) <= set(zones):
            return
        now = self._clock.now()
        answer = decide(actor, "zone_remove", camera, None, now, CameraState())
        if not isinstance(answer, Allowed):
            raise NotAllowed(
                f"this scene takes a privacy zone of {camera.id} away or moves it: that needs the "
                "role privacy officer"
            )


def _zones_of(scene: Scene) -> tuple[PrivacyZone, ...]:
    width, height = scene.camera.width_px, scene.camera.height_px
    return tuple(
        PrivacyZone(
            polygon_unit=tuple((x / width, y / height) for x, y in mask.polygon_px),
            kind=mask.kind,
        )
        for mask in scene.masks
    )


def _view(scene: SceneSaved) -> SceneView:
    return SceneView(
        camera=scene.camera,
        revision=scene.revision,
        text=scene.text,
        saved_at=scene.saved_at,
        saved_by=scene.saved_by,
    )


def _count_view(count: Count, now: Instant) -> CountView:
    """In the bin under way people are counted in steps, or whoever asks every few seconds would
    see each of them pass.
    """
    may_be_persons = count.kind in _MAY_BE_PERSONS
    is_few = may_be_persons and count.n is not None and count.n < FEW_PERSONS
    if may_be_persons and count.n is not None and count.span.end > now:
        count = replace(count, n=count.n - count.n % FEW_PERSONS, low=None, high=None)
    return CountView(
        span=count.span,
        place=count.place,
        direction=count.direction,
        kind=KINDS[count.kind],
        n=None if is_few else count.n,
        low=None if is_few else count.low,
        high=None if is_few else count.high,
        observed_frac=count.observed_frac,
        is_few=is_few,
    )


def _is_few(speed: SpeedBin) -> bool:
    return speed.kind in _MAY_BE_PERSONS and speed.n < FEW_PERSONS


def _speed_view(speed: SpeedBin) -> SpeedView:
    """How many people were measured is not said beyond that they are not few: a line's speeds are
    of both directions, and less the count of one they would tell the few of the other.
    """
    may_be_persons = speed.kind in _MAY_BE_PERSONS
    return SpeedView(
        span=speed.span,
        place=speed.place,
        kind=KINDS[speed.kind],
        n=min(speed.n, FEW_PERSONS) if may_be_persons else speed.n,
        median_kmh=speed.median.kmh,
        low_kmh=speed.median.low_kmh,
        high_kmh=speed.median.high_kmh,
        p85_kmh=speed.p85_kmh,
    )
